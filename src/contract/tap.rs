//! A stream that remembers what came from the peer: how much, and the first of it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many of the first bytes are kept: enough for a ServerHello.
const FIRST: usize = 512;
/// How many of them are told.
const TOLD: usize = 64;

/// What came from the peer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    /// How many bytes.
    pub(crate) total: u64,
    /// The first of them.
    pub(crate) first: Vec<u8>,
}

impl Received {
    /// Whether this begins as a TLS record does: a content type of RFC 8446 or RFC 6520, and 3 as major version.
    pub(crate) fn looks_like_tls(&self) -> bool {
        let kind = self
            .first
            .first()
            .is_none_or(|byte| (20..=24).contains(byte));
        let version = self.first.get(1).is_none_or(|byte| *byte == 3);
        kind && version
    }

    /// Whether a ServerHello was the first message: a handshake record (22) that begins with message type 2.
    pub(crate) fn has_server_hello(&self) -> bool {
        self.first.first() == Some(&22) && self.first.get(5) == Some(&2)
    }

    /// The first bytes in hexadecimal.
    pub(crate) fn first_hex(&self) -> String {
        self.first
            .iter()
            .take(TOLD)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// A stream with a memory, which outlives it.
pub(crate) struct Tap<S> {
    stream: S,
    received: Arc<Mutex<Received>>,
}

impl<S> Tap<S> {
    /// Listens to `stream`, and gives what is heard.
    pub(crate) fn new(stream: S) -> (Self, Arc<Mutex<Received>>) {
        let received = Arc::<Mutex<Received>>::default();
        let tap = Self {
            stream,
            received: Arc::clone(&received),
        };
        (tap, received)
    }
}

/// What was heard so far.
pub(crate) fn heard(received: &Mutex<Received>) -> Received {
    received
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let new = &buf.filled()[before..];
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.total += new.len() as u64;
        let room = FIRST - received.first.len();
        received
            .first
            .extend_from_slice(&new[..new.len().min(room)]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
