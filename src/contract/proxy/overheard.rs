//! What a proxy's answer began with, for where the rest of it is no HTTP: a refusal is a refusal, however badly it is put.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::tunnel::Connection;

/// How many of the first bytes are kept: enough for a status line.
const FIRST: usize = 256;

/// The first bytes that came.
#[derive(Clone, Default)]
pub(super) struct Beginning(Arc<Mutex<Vec<u8>>>);

impl Beginning {
    /// Status and words of the status line that it is, if it is one (RFC 9112, section 4).
    pub(super) fn status_line(&self) -> Option<(u16, String)> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = bytes.strip_prefix(b"HTTP/1.")?;
        let [minor, b' ', a, b, c, end, ..] = *rest else {
            return None;
        };
        let digits = [minor, a, b, c].iter().all(u8::is_ascii_digit);
        if !digits || !matches!(end, b' ' | b'\r' | b'\n') {
            return None;
        }
        let status = [a, b, c]
            .iter()
            .fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
        let line = rest[5..].split(|byte| matches!(byte, b'\r' | b'\n')).next();
        let reason = String::from_utf8_lossy(line.unwrap_or_default());
        (100..=599)
            .contains(&status)
            .then(|| (status, reason.trim().to_owned()))
    }
}

/// A connection of which the beginning is kept.
pub(super) struct Overheard {
    stream: Connection,
    room: usize,
    beginning: Beginning,
}

impl Overheard {
    /// Listens to `stream`.
    pub(super) fn new(stream: Connection) -> (Self, Beginning) {
        let beginning = Beginning::default();
        let overheard = Self {
            stream,
            room: FIRST,
            beginning: beginning.clone(),
        };
        (overheard, beginning)
    }
}

impl AsyncRead for Overheard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if self.room > 0 {
            let new = &buf.filled()[before..];
            let kept = new.len().min(self.room);
            self.room -= kept;
            let mut beginning = self
                .beginning
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            beginning.extend_from_slice(&new[..kept]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Overheard {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_one_or_none() {
        let read = |bytes: &[u8]| Beginning(Arc::new(Mutex::new(bytes.to_vec()))).status_line();
        let line = |status, reason: &str| Some((status, reason.to_owned()));
        for (bytes, told) in [
            (
                &b"HTTP/1.1 407 Who are you\r\nX"[..],
                line(407, "Who are you"),
            ),
            (b"HTTP/1.0 403\r\n", line(403, "")),
            (b"HTTP/1.1 502 \n", line(502, "")),
            (b"HTTP/1.1 503 cut sho", line(503, "cut sho")),
            (b"HTTP/1.1 40", None),
            (b"HTTP/1.1 4070 x\r\n", None),
            (b"HTTP/1.1 999 x\r\n", None),
            (b"HTTP/2 407 x\r\n", None),
            (b"HTTP/1.x 407 x\r\n", None),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", None),
            (b"", None),
        ] {
            assert_eq!(read(bytes), told, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
