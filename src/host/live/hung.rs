//! A handshake that hangs, and what can be found out while it does.
//!
//! When half of the time is over and the peer has not answered, the system is asked how far what we sent has arrived, and
//! the handshake is tried again on connections of their own, beside the first, which goes on: once as it was, to see
//! whether it is only this connection that hangs; and with small packets, which pass where large ones get lost on the way.
//! A handshake that does not hang pays nothing for it.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use futures_util::future::{Either, join, select};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use super::deadline::{Deadline, millis, whole_millis};
use super::{sent, tcp, tls};
use crate::host::{Ending, Handshake, Hung, Seen, Sent, Trial, Unseen};

/// What every host takes in one piece (RFC 9293, section 3.7.1); with its headers it fits any path.
const SMALL: u32 = 536;

/// Shakes hands on `stream`, which leads to `address`.
pub(super) async fn handshake(
    deadline: Deadline,
    stream: TcpStream,
    address: SocketAddr,
    server_name: &str,
) -> Seen<(Handshake, Option<tls::Stream>)> {
    let (local, segment) = (stream.local_addr().ok(), segment(&stream));
    let half = deadline.remaining() / 2;
    let mut first = pin!(tls::handshake(deadline, Box::new(stream), server_name));
    if let Ok(ended) = timeout(half, &mut first).await {
        return ended;
    }
    let finder = Finder {
        deadline,
        address,
        server_name,
        sent: Mutex::default(),
        trials: Mutex::default(),
    };
    let finding = pin!(finder.find_out(local));
    let (mut handshake, stream) = match select(first, finding).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), first)) => first.await,
    }?;
    if matches!(handshake.ending, Ending::TimedOut { .. }) {
        handshake.details.hung = Some(finder.found(segment));
    }
    Ok((handshake, stream))
}

/// Finds out what it can until nobody waits for it any more.
struct Finder<'a> {
    deadline: Deadline,
    address: SocketAddr,
    server_name: &'a str,
    sent: Mutex<Option<Sent>>,
    trials: Mutex<Vec<Running>>,
}

/// A trial that has begun.
struct Running {
    segment: Option<u32>,
    began: Instant,
    ended: Option<(Seen<Ending>, f64)>,
}

impl Finder<'_> {
    async fn find_out(&self, local: Option<SocketAddr>) {
        if let Some(local) = local {
            let address = self.address;
            let sent = self.deadline.blocking(move || sent::of(local, address));
            let sent = sent.await.ok().flatten();
            *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = sent;
        }
        // A load balancer that deals connections out in turn must not deal the small ones another fate by their place: the
        // one as before comes first, and what small packets show once has to show twice.
        let as_before = self.begin(None);
        let stream = self.connect(None).await;
        let small = async {
            if self.small().await == Some(Ending::Complete) {
                self.small().await;
            }
        };
        join(self.shake(as_before, stream), small).await;
    }

    async fn small(&self) -> Option<Ending> {
        let trial = self.begin(Some(SMALL));
        let stream = self.connect(Some(SMALL)).await;
        self.shake(trial, stream).await
    }

    async fn connect(&self, segment: Option<u32>) -> Seen<TcpStream> {
        let unseen = |error: io::Error| tcp::unseen(&error, self.deadline);
        let connecting = async {
            let socket = match self.address {
                SocketAddr::V4(_) => TcpSocket::new_v4(),
                SocketAddr::V6(_) => TcpSocket::new_v6(),
            };
            let socket = socket.map_err(unseen)?;
            if let Some(segment) = segment {
                limit(&socket, segment)?;
            }
            socket.connect(self.address).await.map_err(unseen)
        };
        self.deadline.run(connecting).await?
    }

    async fn shake(&self, trial: usize, stream: Seen<TcpStream>) -> Option<Ending> {
        let shaken = match stream {
            Ok(stream) => tls::handshake(self.deadline, Box::new(stream), self.server_name).await,
            Err(unseen) => Err(unseen),
        };
        let ended = shaken.map(|(handshake, _)| handshake.ending);
        let mut trials = self.trials.lock().unwrap_or_else(PoisonError::into_inner);
        let running = trials.get_mut(trial)?;
        running.ended = Some((ended.clone(), millis(running.began.elapsed())));
        ended.ok()
    }

    fn begin(&self, segment: Option<u32>) -> usize {
        let mut trials = self.trials.lock().unwrap_or_else(PoisonError::into_inner);
        trials.push(Running {
            segment,
            began: Instant::now(),
            ended: None,
        });
        trials.len() - 1
    }

    fn found(&self, segment: Option<u32>) -> Hung {
        let trials = self.trials.lock().unwrap_or_else(PoisonError::into_inner);
        Hung {
            segment,
            sent: *self.sent.lock().unwrap_or_else(PoisonError::into_inner),
            trials: trials.iter().map(Running::told).collect(),
        }
    }
}

impl Running {
    fn told(&self) -> Trial {
        let waited = self.began.elapsed();
        let timed_out = || Ending::TimedOut {
            after_ms: whole_millis(waited),
        };
        let (ended, duration_ms) = self
            .ended
            .clone()
            .unwrap_or_else(|| (Ok(timed_out()), millis(waited)));
        Trial {
            segment: self.segment,
            // The limit that ended it began earlier than the trial.
            ended: match ended {
                Ok(Ending::TimedOut { .. }) | Err(Unseen::TimedOut { .. }) => Ok(timed_out()),
                ended => ended,
            },
            duration_ms,
        }
    }
}

/// The most that a packet of this connection carries.
#[cfg(unix)]
fn segment(stream: &TcpStream) -> Option<u32> {
    socket2::SockRef::from(stream).tcp_mss().ok()
}

#[cfg(not(unix))]
fn segment(_stream: &TcpStream) -> Option<u32> {
    None
}

/// Packets of either side will carry no more than this: the peer is told so when the connection opens.
#[cfg(unix)]
fn limit(socket: &TcpSocket, segment: u32) -> Seen<()> {
    let limited = socket2::SockRef::from(socket).set_tcp_mss(segment);
    limited.map_err(Unseen::failed)
}

#[cfg(not(unix))]
fn limit(_socket: &TcpSocket, _segment: u32) -> Seen<()> {
    Err(Unseen::unsupported(
        "the size of packets cannot be chosen on this system",
    ))
}

#[cfg(test)]
#[path = "hung_tests.rs"]
mod tests;
