//! Proxies, as the agent goes through them: what names one, for which hosts, and how a tunnel is asked for.
//!
//! What an environment decides is `rules`, which is pure; `tunnel` speaks to the proxy over a connection that it is given.

mod overheard;
mod reading;
mod rules;
mod tunnel;

pub use reading::{Nobody, Reading, literal, read};
pub use rules::Rules;
pub use tunnel::{Connection, Duplex, NoTunnel, Refusal, SocksReply, open, secure};

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::model::Secret;

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// HTTP CONNECT.
    Http,
    /// HTTP CONNECT, within TLS to the proxy.
    Https,
    /// SOCKS5. The agent lets the proxy resolve the name, as it does with `socks5h`.
    Socks5,
    /// SOCKS5.
    Socks5h,
}

impl Scheme {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Socks5, Self::Socks5h];

    /// As a URL spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    /// Where such a proxy listens when its URL does not say.
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }

    /// Whether a tunnel is asked for with CONNECT.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// A user and a password; neither is ever shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub user: Secret,
    /// The password; maybe empty.
    pub password: Secret,
}

impl Credentials {
    /// What HTTP calls Basic: both in base64.
    pub fn basic(&self) -> Secret {
        let both = format!("{}:{}", self.user.expose(), self.password.expose());
        Secret::new(BASE64_STANDARD.encode(both))
    }
}

/// A proxy. Shown without the credentials that its URL may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Its name or address, without brackets; a link-local address with its zone (`fe80::1%eth0`).
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What its URL says to prove oneself with.
    pub credentials: Option<Credentials>,
}

impl Proxy {
    /// Reads a proxy, as [`read`] does, with blanks around it let go; without a scheme it is an HTTP proxy.
    pub fn parse(value: &str) -> Option<Self> {
        match read(value.trim()) {
            Reading::Proxy(proxy) => Some(proxy),
            Reading::PassedOver | Reading::Nobody(_) => None,
        }
    }

    /// Whether both are the same proxy, whatever they say of credentials.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = authority(&self.host, self.port);
        write!(f, "{}://{authority}", self.scheme.as_str())
    }
}

/// Host and port as they stand in a URL: the `%` before a zone is encoded there (RFC 6874).
pub fn authority(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{}]:{port}", host.replace('%', "%25")),
        false => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_credentials() {
        for (value, shown) in [
            ("proxy.corp:3128", Some("http://proxy.corp:3128")),
            (
                "http://user:hunter2@proxy.corp:3128/",
                Some("http://proxy.corp:3128"),
            ),
            ("user:hunter2@proxy.corp", Some("http://proxy.corp:80")),
            ("https://proxy.corp", Some("https://proxy.corp:443")),
            (
                "socks5h://[2001:db8::1]",
                Some("socks5h://[2001:db8::1]:1080"),
            ),
            ("SOCKS5://u:p@proxy.corp:1", Some("socks5://proxy.corp:1")),
            ("http://", None),
            ("not a proxy", None),
            ("ftp://proxy.corp", None),
            ("", None),
        ] {
            let proxy = Proxy::parse(value);
            let debug = format!("{proxy:?}");
            assert!(!debug.contains("hunter2"), "{debug}");
            let proxy = proxy.map(|proxy| proxy.to_string());
            assert_eq!(proxy.as_deref(), shown, "{value}");
        }
    }

    #[test]
    fn credentials_are_what_the_url_encodes() {
        let read = |value| {
            let credentials = Proxy::parse(value)?.credentials?;
            let expose = |secret: &Secret| secret.expose().to_owned();
            Some((expose(&credentials.user), expose(&credentials.password)))
        };
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(read("http://u:p%40ss@p:1"), pair("u", "p@ss"));
        assert_eq!(read("socks5://u:p%3A@p:1"), pair("u", "p:"));
        assert_eq!(read("u@p:1"), pair("u", ""));
        assert_eq!(read("http://p:1"), None);
        let basic = Proxy::parse("http://Aladdin:open%20sesame@p:1")
            .and_then(|proxy| Some(proxy.credentials?.basic()));
        // RFC 7617, section 2.
        let wanted = Secret::new("QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic, Some(wanted));
    }
}
