//! TCP to an endpoint with several addresses: raced as RFC 8305 says, and every address reported.
//!
//! The next address starts 250 ms after the one before it, or at once when that one failed. Once one is connected the
//! others start at once and have a while to show whether they work too: a name half of whose addresses are dead is a finding.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::deadline::{Deadline, millis, whole_millis};
use super::platform;
use crate::host::{Attempt, FROM_A_ROUTER, Race, Seen, Unseen};

/// RFC 8305, section 5: the connection attempt delay.
const STAGGER: Duration = Duration::from_millis(250);

/// The least that the other addresses get once one is connected.
const GRACE: Duration = Duration::from_secs(1);

/// More addresses than this are not tried: no control plane has them, a hostile nameserver might.
const MOST: usize = 32;

/// Connections, with whom.
type Open = Vec<(SocketAddr, TcpStream)>;

/// Races the addresses; also gives the winner's connection, and the first of the other family behind it.
pub(super) async fn race(timeout: Duration, addresses: &[SocketAddr]) -> (Race, Open) {
    Runners::new(timeout, addresses).run().await
}

struct Runners<'a> {
    deadline: Deadline,
    began: Instant,
    stagger: Duration,
    addresses: &'a [SocketAddr],
    started: Vec<Option<Duration>>,
    outcomes: Vec<Option<(Seen<()>, Duration)>>,
    /// The winner, and the first of the other family.
    open: Open,
    /// When the race is over; earlier when all have arrived.
    end: Instant,
}

impl<'a> Runners<'a> {
    fn new(timeout: Duration, addresses: &'a [SocketAddr]) -> Self {
        let tried = addresses.len().min(MOST);
        let began = Instant::now();
        Self {
            deadline: Deadline::after(timeout),
            began,
            // However many there are, the last one still gets half of the time.
            stagger: STAGGER.min(timeout / 2 / u32::try_from(tried.max(1)).unwrap_or(1)),
            addresses,
            started: vec![None; tried],
            outcomes: vec![None; tried],
            open: Open::new(),
            end: began + timeout,
        }
    }

    async fn run(mut self) -> (Race, Open) {
        let mut running = FuturesUnordered::new();
        let mut next = 0;
        let mut next_start = self.began;
        loop {
            while next < self.started.len()
                && (!self.open.is_empty() || Instant::now() >= next_start)
            {
                self.started[next] = Some(self.began.elapsed());
                running.push(connect(next, self.addresses[next]));
                next += 1;
                next_start = Instant::now() + self.stagger;
            }
            let waiting = next < self.started.len();
            if running.is_empty() && !waiting {
                break;
            }
            tokio::select! {
                biased;
                Some((index, result)) = running.next() => {
                    if self.arrived(index, result) {
                        next_start = Instant::now();
                    }
                }
                () = sleep_until(self.end) => break,
                () = sleep_until(next_start), if waiting => {}
            }
        }
        drop(running);
        self.result()
    }

    /// Writes down what became of an address; says whether the next one should start at once.
    fn arrived(&mut self, index: usize, result: io::Result<TcpStream>) -> bool {
        let took = self.since_start(index);
        let (outcome, failed) = match result {
            Ok(stream) => {
                let address = self.addresses[index];
                if self.open.is_empty() {
                    self.end = self.end.min(Instant::now() + GRACE.max(took * 4));
                }
                let same_family = |open: &SocketAddr| open.is_ipv6() == address.is_ipv6();
                if !self.open.iter().any(|(open, _)| same_family(open)) {
                    self.open.push((address, stream));
                }
                (Ok(()), false)
            }
            Err(error) => (
                Err(match unseen(&error, self.deadline) {
                    // The kernel gave up, maybe earlier than we would have.
                    Unseen::TimedOut { .. } => waited(took),
                    Unseen::Unreachable { error }
                        if error == "ENETUNREACH" && has_route(self.addresses[index]) =>
                    {
                        Unseen::Unreachable {
                            error: format!("{error}{FROM_A_ROUTER}"),
                        }
                    }
                    other => other,
                }),
                true,
            ),
        };
        self.outcomes[index] = Some((outcome, took));
        failed
    }

    fn since_start(&self, index: usize) -> Duration {
        let started = self.started[index].unwrap_or_default();
        self.began.elapsed().saturating_sub(started)
    }

    fn result(self) -> (Race, Open) {
        let attempts = (0..self.addresses.len())
            .map(|index| self.attempt(index))
            .collect();
        let race = Race {
            attempts,
            winner: self.open.first().map(|(address, _)| *address),
        };
        (race, self.open)
    }

    fn attempt(&self, index: usize) -> Attempt {
        let (outcome, took) = match self.outcomes.get(index) {
            Some(Some((outcome, took))) => (outcome.clone(), *took),
            Some(None) => {
                let took = self.since_start(index);
                (Err(waited(took)), took)
            }
            None => {
                let why = format!("not tried: only the first {MOST} addresses are");
                (Err(Unseen::unsupported(why)), Duration::ZERO)
            }
        };
        let started = self.started.get(index).copied().flatten();
        Attempt {
            address: self.addresses[index],
            outcome,
            started_ms: millis(started.unwrap_or_default()),
            duration_ms: millis(took),
        }
    }
}

/// Whether this host knows a way to an address: connecting a datagram's socket looks for one, and sends nothing. What says
/// that a network is unreachable is then a router on the way.
fn has_route(address: SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let looked = UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(address));
    looked.is_ok()
}

fn waited(took: Duration) -> Unseen {
    Unseen::TimedOut {
        after_ms: whole_millis(took),
    }
}

async fn connect(index: usize, address: SocketAddr) -> (usize, io::Result<TcpStream>) {
    let stream = TcpStream::connect(address).await;
    (
        index,
        stream.inspect(|stream| drop(stream.set_nodelay(true))),
    )
}

/// Sorts a network error by the operating system's number.
pub(super) fn unseen(error: &io::Error, deadline: Deadline) -> Unseen {
    let unreachable = |name: &str| Unseen::Unreachable { error: name.into() };
    match platform::network_error(error) {
        None => match Unseen::from_io(error) {
            Unseen::TimedOut { .. } => deadline.timed_out(),
            other => other,
        },
        Some("ECONNREFUSED") => Unseen::Refused,
        Some("ECONNRESET" | "EPIPE") => Unseen::Reset,
        Some("ETIMEDOUT") => deadline.timed_out(),
        Some(
            // A firewall or a route of this host's own says these three (a blackhole route the last).
            name @ ("EACCES" | "EPERM" | "EINVAL"
            | "EHOSTUNREACH" | "ENETUNREACH" | "ENETDOWN"
            // ICMP "protocol unreachable": somebody on the way, or the host, takes no TCP.
            | "ENOPROTOOPT" | "EHOSTDOWN"
            // No address of this family here.
            | "EADDRNOTAVAIL" | "EAFNOSUPPORT"),
        ) => unreachable(name),
        Some(_) => Unseen::from_io(error),
    }
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
