//! Handshakes that hang, on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use rustls::version::TLS13;
use tokio::io::AsyncReadExt as _;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::host::live::testing::{Server, listener};

/// What becomes of the n-th connection of a peer.
#[derive(Clone, Copy)]
enum Fate {
    Hangs,
    Shakes,
}

/// A peer that does this to its connections, one after the other, and to all further ones what it does to the last.
async fn peer(fates: &'static [Fate]) -> SocketAddr {
    let (listener, address) = listener().await;
    let acceptor = TlsAcceptor::from(Server::new().config(&TLS13, None));
    tokio::spawn(async move {
        for i in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            let fate = fates[i.min(fates.len() - 1)];
            tokio::spawn(async move {
                match fate {
                    // Until the client ends.
                    Fate::Hangs => drop(stream.read_to_end(&mut Vec::new()).await),
                    Fate::Shakes => drop(acceptor.accept(stream).await),
                }
            });
        }
    });
    address
}

async fn shake(limit: Duration, address: SocketAddr) -> Handshake {
    let stream = TcpStream::connect(address).await.unwrap();
    let deadline = Deadline::after(limit);
    handshake(deadline, stream, address, "localhost")
        .await
        .unwrap()
        .0
}

fn endings(hung: &Hung) -> Vec<(Option<u32>, bool)> {
    let complete = |trial: &Trial| trial.ended == Ok(Ending::Complete);
    hung.trials
        .iter()
        .map(|trial| (trial.segment, complete(trial)))
        .collect()
}

#[tokio::test]
async fn a_handshake_that_does_not_hang_pays_nothing() {
    let address = peer(&[Fate::Shakes]).await;
    let handshake = shake(Duration::from_secs(20), address).await;
    assert_eq!(handshake.ending, Ending::Complete);
    assert_eq!(handshake.details.hung, None);
}

#[tokio::test]
#[cfg_attr(windows, ignore = "the size of packets cannot be chosen there")]
async fn a_peer_that_always_hangs_does_so_with_small_packets_too() {
    let address = peer(&[Fate::Hangs]).await;
    let handshake = shake(Duration::from_millis(600), address).await;
    assert_eq!(handshake.ending, Ending::TimedOut { after_ms: 600 });
    let hung = handshake.details.hung.unwrap();
    assert_eq!(endings(&hung), [(None, false), (Some(SMALL), false)]);
    assert!(hung.segment.is_some_and(|segment| segment > SMALL));
    if cfg!(target_os = "linux") {
        assert_eq!(hung.sent.map(|sent| sent.unacknowledged), Some(0));
    }
}

#[tokio::test]
#[cfg_attr(windows, ignore = "the size of packets cannot be chosen there")]
async fn small_packets_have_to_pass_twice() {
    let address = peer(&[Fate::Hangs, Fate::Hangs, Fate::Shakes, Fate::Shakes]).await;
    let hung = shake(Duration::from_secs(3), address)
        .await
        .details
        .hung
        .unwrap();
    assert_eq!(
        endings(&hung),
        [(None, false), (Some(SMALL), true), (Some(SMALL), true)]
    );
    let address = peer(&[Fate::Hangs, Fate::Shakes, Fate::Hangs]).await;
    let hung = shake(Duration::from_secs(3), address)
        .await
        .details
        .hung
        .unwrap();
    assert_eq!(endings(&hung), [(None, true), (Some(SMALL), false)]);
}

#[tokio::test]
#[cfg_attr(windows, ignore = "the size of packets cannot be chosen there")]
async fn what_cannot_be_tried_again_is_said() {
    let (listener, address) = listener().await;
    let stream = TcpStream::connect(address).await.unwrap();
    let accepted = listener.accept().await.unwrap();
    drop(listener);
    let deadline = Deadline::after(Duration::from_millis(600));
    let (handshake, _) = handshake(deadline, stream, address, "localhost")
        .await
        .unwrap();
    let trials = handshake.details.hung.unwrap().trials;
    assert!(
        trials
            .iter()
            .all(|trial| trial.ended == Err(Unseen::Refused)),
        "{trials:?}"
    );
    drop(accepted);
}
