//! A log's bytes: what compresses or encodes them is told by the content, taken off on a thread of its own, and handed on in pieces.
//!
//! Nothing is ever held whole: memory is the same for a line and for a terabyte.

use std::io::{self, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::utf16::{Endian, Utf16};

/// How much is handed on at once.
const PIECE: usize = 256 * 1024;
/// So many pieces are on their way at most.
const AHEAD: usize = 4;
/// How often a reader that waits is asked whether it still wants to.
const PATIENCE: Duration = Duration::from_millis(200);
/// A compressed file may itself be in a compressed file.
const NESTED: usize = 3;
/// The largest window of zstd that is decoded: 2^27 bytes, what `zstd` itself accepts by default.
pub const WINDOW_LOG: u32 = 27;

/// What a content begins with that is not text and that is not read here, and what to do about it.
const FOREIGN: [(&[u8], &str); 7] = [
    (
        b"LPKSHHRH",
        "a journal file: pass it on with `journalctl --file FILE -o export`",
    ),
    (
        b"\xfd7zXZ\0",
        "compressed with xz: pass it on with `xz -dc FILE`",
    ),
    (
        b"BZh",
        "compressed with bzip2: pass it on with `bzip2 -dc FILE`",
    ),
    (
        b"\x04\x22\x4d\x18",
        "compressed with lz4: pass it on with `lz4 -dc FILE`",
    ),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (
        b"ElfFile\0",
        "a Windows event log: export it as text first (`wevtutil qe FILE /lf:true /f:text`)",
    ),
    (b"\x7fELF", "a program, not a log"),
];

/// Where a log is read from.
pub type Source = Box<dyn Read + Send>;

/// Takes off compression and UTF-16, as the first bytes tell.
///
/// # Errors
/// When the first bytes cannot be read, or are those of something else than a log.
pub fn decoded(source: Source) -> io::Result<Source> {
    let mut source = source;
    for _ in 0..NESTED {
        let (head, whole) = peek(source)?;
        if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, *what));
        }
        source = match head.as_slice() {
            [0x1f, 0x8b, ..] => {
                let buffered = BufReader::with_capacity(PIECE, whole);
                Box::new(flate2::bufread::MultiGzDecoder::new(buffered))
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                let mut decoder = zstd::stream::read::Decoder::new(whole)?;
                decoder.window_log_max(WINDOW_LOG)?;
                Box::new(decoder)
            }
            [0xff, 0xfe, ..] | [1..=0x7f, 0, 1..=0x7f, 0, ..] => {
                return Ok(Box::new(Utf16::new(whole, Endian::Little)));
            }
            [0xfe, 0xff, ..] | [0, 1..=0x7f, 0, 1..=0x7f, ..] => {
                return Ok(Box::new(Utf16::new(whole, Endian::Big)));
            }
            _ => return Ok(whole),
        };
    }
    Ok(source)
}

/// The first bytes, and the whole with them.
fn peek(mut source: Source) -> io::Result<(Vec<u8>, Source)> {
    let mut head = Vec::new();
    while head.len() < 8 {
        let mut buffer = [0; 8];
        let wanted = 8 - head.len();
        match source.read(&mut buffer[..wanted]) {
            Ok(0) => break,
            Ok(count) => head.extend(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let whole = io::Cursor::new(head.clone()).chain(source);
    Ok((head, Box::new(whole)))
}

/// What comes of the sources.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes of the source that is being read.
    Bytes(Vec<u8>),
    /// The source has ended, or could not be read any further.
    End(io::Result<()>),
}

/// Pieces of all sources, one source after the other.
pub(super) struct Pieces {
    pieces: Receiver<Piece>,
    empty: SyncSender<Vec<u8>>,
}

impl Pieces {
    /// Begins to read.
    ///
    /// # Errors
    /// When the system has no thread to spare.
    pub(super) fn of(sources: Vec<Source>) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(AHEAD);
        let (empty, used) = sync_channel(AHEAD + 2);
        thread::Builder::new()
            .name("log-input".into())
            .spawn(move || {
                for source in sources {
                    if !read_all(source, &sender, &used) {
                        break;
                    }
                }
            })?;
        Ok(Self { pieces, empty })
    }

    /// The next piece. While there is none, `goes_on` is asked from time to time; without it, the source ends here.
    pub(super) fn next(&self, mut goes_on: impl FnMut() -> bool) -> Option<Piece> {
        if let Ok(piece) = self.pieces.try_recv() {
            return Some(piece);
        }
        loop {
            if !goes_on() {
                return Some(Piece::End(Ok(())));
            }
            match self.pieces.recv_timeout(PATIENCE) {
                Ok(piece) => return Some(piece),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Gives a buffer back.
    pub(super) fn recycle(&self, buffer: Vec<u8>) {
        // Where nobody reads any more, nobody needs it.
        let _ = self.empty.try_send(buffer);
    }
}

/// Whether anybody still listens.
fn read_all(mut source: Source, sender: &SyncSender<Piece>, used: &Receiver<Vec<u8>>) -> bool {
    loop {
        let mut buffer = used.try_recv().unwrap_or_default();
        buffer.resize(PIECE, 0);
        let (filled, end) = fill(&mut source, &mut buffer);
        buffer.truncate(filled);
        if filled > 0 && sender.send(Piece::Bytes(buffer)).is_err() {
            return false;
        }
        if let Some(end) = end {
            return sender.send(Piece::End(end)).is_ok();
        }
    }
}

/// Reads at least once: what is there is handed on at once, so that a log that is still written is not waited for.
fn fill(source: &mut Source, buffer: &mut [u8]) -> (usize, Option<io::Result<()>>) {
    loop {
        match source.read(buffer) {
            Ok(0) => return (0, Some(Ok(()))),
            Ok(count) => return (count, None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (0, Some(Err(error))),
        }
    }
}
