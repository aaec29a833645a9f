//! How the bytes of a text stand for characters: UTF-8, or UTF-16 with the mark that Windows' editors and shells begin it with.

/// The encoding of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with a mark or without.
    Utf8,
    /// UTF-16, the lower byte first.
    Utf16Le,
    /// UTF-16, the higher byte first.
    Utf16Be,
}

impl Encoding {
    /// That which the first bytes say.
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0xff, 0xfe, ..] => Self::Utf16Le,
            [0xfe, 0xff, ..] => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }

    /// The text, its mark included; nothing, where the bytes are none of this encoding.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        let unit: fn([u8; 2]) -> u16 = match self {
            Self::Utf8 => return String::from_utf8(bytes.to_vec()).ok(),
            Self::Utf16Le => u16::from_le_bytes,
            Self::Utf16Be => u16::from_be_bytes,
        };
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        rest.is_empty()
            .then(|| String::from_utf16(&units).ok())
            .flatten()
    }

    /// The bytes of a text.
    pub fn encode(self, text: &str) -> Vec<u8> {
        let bytes: fn(u16) -> [u8; 2] = match self {
            Self::Utf8 => return text.as_bytes().to_vec(),
            Self::Utf16Le => u16::to_le_bytes,
            Self::Utf16Be => u16::to_be_bytes,
        };
        text.encode_utf16().flat_map(bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_as_it_was_read() {
        for bytes in [
            b"a: b\r\n".as_slice(),
            b"\xef\xbb\xbfa: \xc3\xa4\n",
            b"\xff\xfea\0:\0 \0\xe4\0\r\0\n\0",
            b"\xfe\xff\0a\0:\xd8\x3d\xde\x00",
            b"",
        ] {
            let encoding = Encoding::of(bytes);
            let text = encoding.decode(bytes);
            let again = text.as_deref().map(|text| encoding.encode(text));
            assert_eq!(again.as_deref(), Some(bytes), "{text:?}");
        }
        let read = Encoding::Utf16Le.decode(b"\xff\xfea\0");
        assert_eq!(read.as_deref(), Some("\u{feff}a"));
    }

    #[test]
    fn what_is_torn_is_no_text() {
        for bytes in [
            b"\xff\xfea".as_slice(),
            b"\xff\xfe\x3d\xd8",
            b"\xfe\xff\xd8\x3d\0a",
            b"a\xff",
        ] {
            assert_eq!(Encoding::of(bytes).decode(bytes), None, "{bytes:?}");
        }
    }
}
