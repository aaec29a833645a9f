//! What a peer chose of our offer: as the session says, or as its ServerHello does where there is no session.
//!
//! A handshake that fails takes its session with it, and with that what the peer had chosen before. So the ServerHello is
//! read again from the first bytes that came; nothing is concluded from it, and what does not read says nothing.

use rustls::client::ClientConnection;
use rustls::{CipherSuite, NamedGroup, ProtocolVersion};

/// Version, cipher suite and key exchange group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Chosen {
    pub(super) version: Option<String>,
    pub(super) cipher_suite: Option<String>,
    pub(super) group: Option<String>,
}

/// Types of message and of extension (RFC 8446, sections 4 and 4.2).
const HANDSHAKE_RECORD: u8 = 22;
const SERVER_HELLO: u8 = 2;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;

impl Chosen {
    /// What was agreed on.
    pub(super) fn agreed(session: &ClientConnection) -> Self {
        Self {
            version: session.protocol_version().map(version),
            cipher_suite: session
                .negotiated_cipher_suite()
                .map(|suite| cipher_suite(suite.suite())),
            group: session
                .negotiated_key_exchange_group()
                .map(|known| group(known.name())),
        }
    }

    /// What a ServerHello says (RFC 8446, section 4.1.3), if these bytes begin with one. What is cut off is left out.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Bytes(bytes);
        let (record, _, _) = (rest.byte()?, rest.pair()?, rest.pair()?);
        let (message, _) = (rest.byte()?, rest.take(3)?);
        if (record, message) != (HANDSHAKE_RECORD, SERVER_HELLO) {
            return None;
        }
        let mut chosen = Self {
            version: Some(version(rest.pair()?.into())),
            ..Self::default()
        };
        chosen.read_on(rest);
        Some(chosen)
    }

    fn read_on(&mut self, mut rest: Bytes<'_>) -> Option<()> {
        const RANDOM: usize = 32;
        rest.take(RANDOM)?;
        let session_id = rest.byte()?;
        rest.take(session_id.into())?;
        self.cipher_suite = Some(cipher_suite(rest.pair()?.into()));
        let (_compression, _length) = (rest.byte()?, rest.pair()?);
        loop {
            let (kind, length) = (rest.pair()?, rest.pair()?);
            let mut body = Bytes(rest.take(length.into())?);
            match kind {
                SUPPORTED_VERSIONS => self.version = Some(version(body.pair()?.into())),
                KEY_SHARE => self.group = Some(group(body.pair()?.into())),
                _ => {}
            }
        }
    }
}

/// `TLSv1.2` and the like; one that has no name by its number.
pub(super) fn version(version: ProtocolVersion) -> String {
    let name = version.as_str().map(|name| name.replace('_', "."));
    name.unwrap_or_else(|| format!("{:#06x}", u16::from(version)))
}

/// As the registry writes it; the library tells the version in the name.
pub(super) fn cipher_suite(suite: CipherSuite) -> String {
    let name = suite.as_str().map(|name| name.replace("TLS13_", "TLS_"));
    name.unwrap_or_else(|| format!("{:#06x}", u16::from(suite)))
}

/// `X25519` and the like.
pub(super) fn group(group: NamedGroup) -> String {
    let name = group.as_str().map(str::to_owned);
    name.unwrap_or_else(|| format!("{:#06x}", u16::from(group)))
}

/// Bytes that are read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn pair(&mut self) -> Option<u16> {
        let pair: [u8; 2] = self.take(2)?.try_into().ok()?;
        Some(u16::from_be_bytes(pair))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server_hello(version: [u8; 2], suite: [u8; 2], extensions: &[u8]) -> Vec<u8> {
        let mut hello = vec![22, 3, 3, 0, 0, 2, 0, 0, 0];
        hello.extend(version);
        hello.extend([7; 32]);
        hello.extend([4, 1, 2, 3, 4]);
        hello.extend(suite);
        hello.push(0);
        hello.extend((extensions.len() as u16).to_be_bytes());
        hello.extend(extensions);
        hello
    }

    fn chosen(version: &str, suite: &str, group: Option<&str>) -> Option<Chosen> {
        Some(Chosen {
            version: Some(version.into()),
            cipher_suite: Some(suite.into()),
            group: group.map(Into::into),
        })
    }

    #[test]
    fn what_the_peer_chose_is_read() {
        let old = server_hello([3, 1], [0, 47], &[]);
        let suite = "TLS_RSA_WITH_AES_128_CBC_SHA";
        assert_eq!(Chosen::read(&old), chosen("TLSv1.0", suite, None));
        let extensions = [0, 43, 0, 2, 3, 4, 0, 51, 0, 5, 0, 29, 0, 1, 9];
        let new = server_hello([3, 3], [0x13, 1], &extensions);
        let suite = "TLS_AES_128_GCM_SHA256";
        assert_eq!(Chosen::read(&new), chosen("TLSv1.3", suite, Some("X25519")));
        let strange = server_hello([3, 9], [0xab, 0xcd], &[]);
        assert_eq!(Chosen::read(&strange), chosen("0x0309", "0xabcd", None));
    }

    #[test]
    fn what_is_no_server_hello_says_nothing() {
        for bytes in [
            &b""[..],
            b"HTTP/1.1 400",
            &[21, 3, 3, 0, 2, 2, 40],
            &[22, 3, 3, 0, 4, 1, 0, 0, 0],
        ] {
            assert_eq!(Chosen::read(bytes), None);
        }
        let cut = &server_hello([3, 3], [0, 47], &[])[..20];
        assert_eq!(
            Chosen::read(cut).and_then(|chosen| chosen.cipher_suite),
            None
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Chosen::read(&bytes);
            let mut hello = server_hello([3, 3], [0x13, 1], &bytes);
            hello.truncate(512);
            prop_assert!(Chosen::read(&hello).is_some());
        }
    }
}
