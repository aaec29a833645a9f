//! UTF-16 made UTF-8, a piece at a time: what Windows' tools write.

use std::io::{self, Read};

/// Which byte of a unit comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

/// Reads UTF-16 as UTF-8; what is no UTF-16 becomes U+FFFD. One that ends within a character is an error at its end.
pub(super) struct Utf16<R> {
    source: R,
    endian: Endian,
    /// What was decoded and not yet taken.
    decoded: Vec<u8>,
    taken: usize,
    /// The first byte of a unit whose second one is still to come.
    half: Option<u8>,
    /// The first unit of a pair whose second one is still to come.
    surrogate: Option<u16>,
    /// Whether it has ended within a character.
    is_torn: bool,
}

impl<R: Read> Utf16<R> {
    pub(super) fn new(source: R, endian: Endian) -> Self {
        Self {
            source,
            endian,
            decoded: Vec::new(),
            taken: 0,
            half: None,
            surrogate: None,
            is_torn: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.decoded.clear();
        self.taken = 0;
        if self.is_torn {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it ends within a character",
            ));
        }
        let mut raw = [0; 16 * 1024];
        while self.decoded.is_empty() {
            let count = self.source.read(&mut raw)?;
            for byte in &raw[..count] {
                match self.half.take() {
                    None => self.half = Some(*byte),
                    Some(first) => self.unit(first, *byte),
                }
            }
            if count == 0 {
                if self.half.take().is_some() | self.surrogate.take().is_some() {
                    self.push(char::REPLACEMENT_CHARACTER);
                    self.is_torn = true;
                }
                break;
            }
        }
        Ok(())
    }

    fn unit(&mut self, first: u8, second: u8) {
        let unit = match self.endian {
            Endian::Little => u16::from_le_bytes([first, second]),
            Endian::Big => u16::from_be_bytes([first, second]),
        };
        match (self.surrogate.take(), unit) {
            (None, 0xd800..=0xdbff) => self.surrogate = Some(unit),
            (None, 0xfeff) => {}
            (high, low) => {
                for c in char::decode_utf16(high.into_iter().chain([low])) {
                    self.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            }
        }
    }

    fn push(&mut self, c: char) {
        self.decoded.extend(c.encode_utf8(&mut [0; 4]).bytes());
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.decoded.len() {
            self.refill()?;
        }
        let mut rest = &self.decoded[self.taken..];
        let count = rest.read(buffer)?;
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn read(bytes: &[u8], endian: Endian) -> String {
        let (text, ended) = read_torn(bytes, endian);
        ended.unwrap();
        text
    }

    fn read_torn(bytes: &[u8], endian: Endian) -> (String, io::Result<usize>) {
        let mut text = Vec::new();
        // One byte at a time: units and pairs are torn at every place.
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let one = buffer.len().min(1);
                self.0.read(&mut buffer[..one])
            }
        }
        let ended = Utf16::new(Slow(bytes), endian).read_to_end(&mut text);
        (String::from_utf8(text).unwrap(), ended)
    }

    #[test]
    fn both_orders_and_what_is_torn() {
        let text = "\u{feff}é FATAL 😀\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(read(&little, Endian::Little), &text[3..]);
        assert_eq!(read(&big, Endian::Big), &text[3..]);
        for (torn, said) in [
            (&[0x3d, 0xd8][..], "\u{fffd}"),
            (&[b'a', 0, b'b'], "a\u{fffd}"),
        ] {
            let (text, ended) = read_torn(torn, Endian::Little);
            assert_eq!(text, said);
            let error = ended.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
