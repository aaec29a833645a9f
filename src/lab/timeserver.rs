//! An embedded time server: one UDP socket on loopback that answers NTP (RFC 5905) by a clock of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::UdpSocket;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Seconds from 1900, where NTP begins, to 1970.
const UNIX_EPOCH: i64 = 2_208_988_800;
/// A header without extensions.
const HEADER: usize = 48;

/// How a time server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeAnswer {
    /// It tells this host's time, and so much more.
    Ahead(TimeDelta),
    /// It says that it is not synchronised itself.
    Unsynchronized,
    /// It says nothing.
    Silence,
}

/// A running time server; it ends with this value.
#[derive(Debug)]
pub struct TimeServer {
    address: SocketAddr,
    _running: DropGuard,
}

impl TimeServer {
    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(answer: TimeAnswer) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let running = CancellationToken::new();
        let served = running
            .clone()
            .run_until_cancelled_owned(serve(socket, answer));
        tokio::spawn(served);
        Ok(Self {
            address,
            _running: running.drop_guard(),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(socket: UdpSocket, answer: TimeAnswer) {
    let mut buffer = [0; 512];
    loop {
        // What cannot be received or sent concerns one question; the next is what matters.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(reply) = reply(&buffer[..length], answer, Utc::now()) {
            let _unsent = socket.send_to(&reply, peer).await;
        }
    }
}

/// The answer to one question; `None` for silence, and for what is no question.
fn reply(question: &[u8], answer: TimeAnswer, now: DateTime<Utc>) -> Option<[u8; HEADER]> {
    let question: &[u8; HEADER] = question.first_chunk()?;
    if question[0] & 7 != 3 {
        return None;
    }
    let (leap, stratum, ahead) = match answer {
        TimeAnswer::Ahead(ahead) => (0, 1, ahead),
        TimeAnswer::Unsynchronized => (3, 16, TimeDelta::zero()),
        TimeAnswer::Silence => return None,
    };
    let mut reply = [0; HEADER];
    reply[0] = leap << 6 | question[0] & 0b0011_1000 | 4;
    reply[1] = stratum;
    reply[3] = (-20_i8).cast_unsigned(); // its precision: a microsecond
    reply[12..15].copy_from_slice(b"LAB");
    reply[24..32].copy_from_slice(&question[40..48]);
    let at = timestamp(now + ahead);
    for field in [16, 32, 40] {
        reply[field..field + 8].copy_from_slice(&at);
    }
    Some(reply)
}

/// Seconds since 1900 within their era, and a fraction of one, in 32 bits each.
fn timestamp(at: DateTime<Utc>) -> [u8; 8] {
    let seconds = (at.timestamp() + UNIX_EPOCH).cast_unsigned() << 32;
    let fraction = (u64::from(at.timestamp_subsec_nanos()) << 32) / 1_000_000_000;
    (seconds | fraction & u64::from(u32::MAX)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use super::*;
    use crate::host::live::{LiveHost, Settings};
    use crate::host::{Host as _, Leap, NtpQuestion, NtpReply, Seen, Unseen};

    async fn asked(answer: TimeAnswer) -> Seen<NtpReply> {
        let server = TimeServer::start(answer).await.unwrap();
        let host = LiveHost::new(Settings {
            ntp_port: server.address().port(),
            ..Settings::new(Duration::from_millis(500))
        });
        let question = NtpQuestion {
            server: Ipv4Addr::LOCALHOST.into(),
        };
        host.ntp(question).await
    }

    #[tokio::test]
    async fn the_door_reads_what_it_says() {
        let hour = TimeDelta::hours(1);
        let reply = asked(TimeAnswer::Ahead(hour)).await.unwrap();
        let told = reply.transmitted.unwrap();
        // A timestamp's fraction is cut off, at a fourth of a nanosecond.
        let rounding = TimeDelta::microseconds(1);
        assert!(reply.sent_at + hour - rounding <= told);
        assert!(told <= reply.received_at + hour + rounding);
        assert_eq!((reply.stratum, reply.reference.as_str()), (1, "LAB"));
        let reply = asked(TimeAnswer::Unsynchronized).await.unwrap();
        assert_eq!((reply.stratum, reply.leap), (16, Leap::Unsynchronized));
        let silent = asked(TimeAnswer::Silence).await;
        assert!(matches!(silent, Err(Unseen::TimedOut { .. })));
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        let now = Utc::now();
        let answer = TimeAnswer::Ahead(TimeDelta::zero());
        assert_eq!(reply(&[], answer, now), None);
        assert_eq!(reply(&[4 << 3 | 4; HEADER], answer, now), None);
        assert!(reply(&[4 << 3 | 3; HEADER], answer, now).is_some());
    }
}
