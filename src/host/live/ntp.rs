//! One question to one time server, as RFC 5905 says: four timestamps, and what the server says of itself.
//!
//! Nothing of ours goes out: the question carries a random number where the client's time would stand, and only an answer
//! that repeats it counts. Whatever else arrives is passed over, within the limit. The clock is never set from this.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use rustls::crypto::ring;
use tokio::net::UdpSocket;

use super::deadline::Deadline;
use super::tcp;
use crate::host::{Leap, NtpQuestion, NtpReply, Seen, Unseen};

/// The longest that an answer is waited for: what comes later tells the time too roughly to be of use.
const PATIENCE: Duration = Duration::from_millis(1500);
/// A lost datagram is sent again once.
const TRIES: u32 = 2;
/// A header without extensions (RFC 5905, figure 8).
const HEADER: usize = 48;
/// More datagrams that are no answer are not read.
const NOISE: usize = 64;
/// Version 4, mode 3: a client's question.
const QUESTION: u8 = 4 << 3 | 3;
/// Mode 4: a server's answer.
const SERVER: u8 = 4;
/// Seconds from 1900, where NTP's first era begins, to 1970, and from one era to the next.
const UNIX_EPOCH: i64 = 2_208_988_800;
const ERA: i64 = 1 << 32;

/// Asks, and waits no longer than the limit.
pub(super) async fn ask(timeout: Duration, port: u16, question: &NtpQuestion) -> Seen<NtpReply> {
    let deadline = Deadline::after(timeout.min(PATIENCE));
    let unseen = |error: &std::io::Error| tcp::unseen(error, deadline);
    let any: IpAddr = match question.server {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await.map_err(|e| unseen(&e))?;
    // Only a connected socket hears that nothing listens there, and hears nobody else.
    let server = SocketAddr::new(question.server, port);
    socket.connect(server).await.map_err(|e| unseen(&e))?;
    let mut said = None;
    for tries_left in (1..=TRIES).rev() {
        let patience = Deadline::after(deadline.remaining() / tries_left);
        let exchange = async { exchange(&socket, &mut said).await.map_err(|e| unseen(&e)) };
        if let Ok(answer) = patience.run(exchange).await {
            return answer?.ok_or_else(|| malformed(said));
        }
    }
    Err(said.map_or_else(|| deadline.timed_out(), |said| malformed(Some(said))))
}

fn malformed(said: Option<&'static str>) -> Unseen {
    Unseen::malformed(said.unwrap_or("what it sends is no answer"))
}

/// Sends one question and waits for its answer. `said` is what was wrong with what came instead.
async fn exchange(
    socket: &UdpSocket,
    said: &mut Option<&'static str>,
) -> std::io::Result<Option<NtpReply>> {
    let mut nonce = [0; 8];
    let random = ring::default_provider().secure_random;
    random
        .fill(&mut nonce)
        .map_err(|_| std::io::ErrorKind::Unsupported)?;
    let mut packet = [0; HEADER];
    packet[0] = QUESTION;
    packet[40..].copy_from_slice(&nonce);
    let (sent_at, began) = (Utc::now(), Instant::now());
    socket.send(&packet).await?;
    let mut buffer = [0; 1024];
    for _ in 0..NOISE {
        let length = socket.recv(&mut buffer).await?;
        let took = TimeDelta::from_std(began.elapsed()).unwrap_or(TimeDelta::MAX);
        match read(&buffer[..length], nonce, sent_at, took) {
            Ok(reply) => return Ok(Some(reply)),
            Err(why) => *said = Some(why),
        }
    }
    Ok(None)
}

/// Reads an answer to the question with this number.
fn read(
    packet: &[u8],
    nonce: [u8; 8],
    sent_at: DateTime<Utc>,
    took: TimeDelta,
) -> Result<NtpReply, &'static str> {
    let header: &[u8; HEADER] = packet
        .first_chunk()
        .ok_or("what it sends is shorter than an answer")?;
    let (leap, version, mode) = (header[0] >> 6, header[0] >> 3 & 7, header[0] & 7);
    if mode != SERVER || !(1..=4).contains(&version) {
        return Err("what it sends is no server's answer");
    }
    if header[24..32] != nonce {
        return Err("what it sends is no answer to this question");
    }
    let word = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    // Seconds in 16 bits, and as many of a fraction.
    let short = |at: usize| f64::from(word(at)) / 65.536;
    let stratum = header[1];
    Ok(NtpReply {
        leap: match leap {
            0 => Leap::None,
            1 => Leap::Added,
            2 => Leap::Removed,
            _ => Leap::Unsynchronized,
        },
        stratum,
        reference: reference(stratum, word(12).to_be_bytes()),
        root_delay_ms: micros(short(4)),
        root_dispersion_ms: micros(short(8)),
        sent_at,
        received: moment(word(32), word(36)),
        transmitted: moment(word(40), word(44)),
        received_at: sent_at.checked_add_signed(took).unwrap_or(sent_at),
    })
}

/// To the microsecond.
fn micros(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}

/// Four letters of a clock's or a kiss's name, or a server's address (RFC 5905, section 7.3, "Reference ID").
fn reference(stratum: u8, id: [u8; 4]) -> String {
    let name = || {
        let letters = id.iter().take_while(|byte| **byte != 0);
        let letters = letters.map(|byte| char::from(*byte));
        let plain = |c: char| if c.is_ascii_graphic() { c } else { '?' };
        letters.map(plain).collect()
    };
    match (stratum, id) {
        (_, [0, 0, 0, 0]) => String::new(),
        (0 | 1, _) => name(),
        _ => Ipv4Addr::from(id).to_string(),
    }
}

/// A timestamp: the first era while its highest bit is set, which it is from 1968 to 2036, then the second (RFC 4330,
/// section 3). Zero is none.
fn moment(seconds: u32, fraction: u32) -> Option<DateTime<Utc>> {
    if seconds == 0 && fraction == 0 {
        return None;
    }
    let era = if seconds >> 31 == 1 { 0 } else { ERA };
    let nanos = (u64::from(fraction) * 1_000_000_000) >> 32;
    DateTime::from_timestamp(
        era + i64::from(seconds) - UNIX_EPOCH,
        u32::try_from(nanos).ok()?,
    )
}

#[cfg(test)]
#[path = "ntp_tests.rs"]
mod tests;
