//! The control plane's address as the configuration and the command line give it: a validated https URL.
//!
//! Only reads text; resolves and connects nothing. No message repeats credentials that somebody put into the URL.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::token::is_quote;

/// What a good one looks like, for messages.
pub const EXAMPLE: &str = "https://nexplane.example.com:8000";
/// The port of an https URL that names none. A control plane listens on 8000 unless something stands before it.
pub const DEFAULT_PORT: u16 = 443;
/// More characters than any sensible address.
const LONGEST: usize = 2048;

/// Whether the URL names its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortSource {
    /// It does.
    Given,
    /// It does not: 443 is https's own.
    Default,
}

/// A control plane's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ControlPlane {
    host: url::Host,
    port: u16,
    port_source: PortSource,
}

/// Why a text is no usable address of a control plane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    /// Nothing.
    #[error("it is empty; a good one looks like {EXAMPLE}")]
    Empty,
    /// Longer than any address.
    #[error("it is longer than {LONGEST} characters; a good one looks like {EXAMPLE}")]
    TooLong,
    /// Blanks, line ends or control characters.
    #[error("it has {what} in it {place}; remove them: a good one looks like {EXAMPLE}")]
    Blanks {
        /// Blanks or control characters.
        what: &'static str,
        /// At its beginning, at its end, or inside.
        place: &'static str,
    },
    /// Quotation marks that came along.
    #[error("it has quotation marks in it; a good one, without them, looks like {EXAMPLE}")]
    Quotes,
    /// Nothing before the host.
    #[error("it has no scheme; write it with https:// in front, such as {EXAMPLE}")]
    NoScheme,
    /// `http`.
    #[error("its scheme is http; the control plane speaks https alone: {EXAMPLE}")]
    Http,
    /// Any other scheme.
    #[error("its scheme is {scheme}; the control plane speaks https alone: {EXAMPLE}")]
    OtherScheme {
        /// Which.
        scheme: String,
    },
    /// Nothing after the scheme.
    #[error("it names no host; a good one looks like {EXAMPLE}")]
    NoHost,
    /// Something that is no name and no address.
    #[error("`{host}` is neither a host's name nor an IP address; a good one looks like {EXAMPLE}")]
    BadHost {
        /// It.
        host: String,
    },
    /// No number from 1 to 65535.
    #[error("`{port}` is no port (1 to 65535); a good one looks like {EXAMPLE}")]
    BadPort {
        /// It.
        port: String,
    },
    /// A user name or a password.
    #[error(
        "it has a user name or password in it, which does not belong there; a good one looks like {EXAMPLE}"
    )]
    Userinfo,
    /// Something after the host.
    #[error(
        "the path `{path}` does not belong to it: the agent adds its own; a good one ends with the port, such as {EXAMPLE}"
    )]
    Path {
        /// It, shortened.
        path: String,
    },
    /// A query or a fragment.
    #[error(
        "what follows `{mark}` does not belong to it; a good one ends with the port, such as {EXAMPLE}"
    )]
    Trailer {
        /// `?` or `#`.
        mark: char,
    },
}

impl ControlPlane {
    /// Reads an address.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, UrlProblem> {
        no_strangers(text)?;
        let rest = after_scheme(text)?;
        // Anywhere: a password may hold a slash, and no part of it may be taken for something to show.
        if rest.contains('@') {
            return Err(UrlProblem::Userinfo);
        }
        let authority_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, trailer) = rest.split_at(authority_end);
        let (host, port) = split_port(authority)?;
        let host = parse_host(host)?;
        no_trailer(trailer)?;
        let (port, port_source) = match port {
            Some(port) => (parse_port(port)?, PortSource::Given),
            None => (DEFAULT_PORT, PortSource::Default),
        };
        Ok(Self {
            host,
            port,
            port_source,
        })
    }

    /// The host's name in ASCII, or its address without brackets: what is resolved and what the certificate must name.
    pub fn host(&self) -> String {
        match &self.host {
            url::Host::Domain(name) => name.clone(),
            url::Host::Ipv4(address) => address.to_string(),
            url::Host::Ipv6(address) => address.to_string(),
        }
    }

    /// The address, if the host is one and no name.
    pub const fn ip(&self) -> Option<IpAddr> {
        match &self.host {
            url::Host::Domain(_) => None,
            url::Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            url::Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        }
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the URL names the port.
    pub const fn port_source(&self) -> PortSource {
        self.port_source
    }

    /// Host and port as they stand in the URL, an IPv6 address in brackets: for the `Host` header.
    pub fn authority(&self) -> String {
        match self.port_source {
            PortSource::Given => format!("{}:{}", self.host, self.port),
            PortSource::Default => self.host.to_string(),
        }
    }

    /// The URL of a path that begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

impl fmt::Display for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority())
    }
}

impl FromStr for ControlPlane {
    type Err = UrlProblem;

    fn from_str(text: &str) -> Result<Self, UrlProblem> {
        Self::parse(text)
    }
}

/// Whether no address has such a character, wherever it came from: a blank, one that nobody sees, a quotation mark.
pub fn is_stranger(c: char) -> bool {
    c.is_whitespace() || is_invisible(c) || is_quote(c)
}

/// Refuses blanks, control characters and quotation marks, which the URL standard would silently drop or encode.
fn no_strangers(text: &str) -> Result<(), UrlProblem> {
    if text.trim().is_empty() {
        return Err(UrlProblem::Empty);
    }
    if text.chars().count() > LONGEST {
        return Err(UrlProblem::TooLong);
    }
    let stranger = |c: char| c.is_whitespace() || is_invisible(c);
    if text.contains(stranger) {
        return Err(UrlProblem::Blanks {
            what: if text.contains(is_invisible) {
                "control characters"
            } else {
                "blanks"
            },
            place: if text.starts_with(stranger) {
                "(at its beginning)"
            } else if text.ends_with(stranger) {
                "(at its end)"
            } else {
                "(in the middle)"
            },
        });
    }
    if text.contains(is_quote) {
        return Err(UrlProblem::Quotes);
    }
    Ok(())
}

/// Characters that nobody sees: controls, zero-width ones, the byte order mark.
fn is_invisible(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

/// What follows `https://`.
fn after_scheme(text: &str) -> Result<&str, UrlProblem> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(UrlProblem::NoScheme);
    };
    let well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(rest),
        "http" => Err(UrlProblem::Http),
        _ if !well_formed || scheme.len() > 32 => Err(UrlProblem::NoScheme),
        other => Err(UrlProblem::OtherScheme {
            scheme: other.to_owned(),
        }),
    }
}

/// Host and, after a colon outside brackets, port.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlProblem> {
    if authority.is_empty() {
        return Err(UrlProblem::NoHost);
    }
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or_else(|| bad_host(authority))?;
        let (host, rest) = authority.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(bad_host(authority)),
        };
    }
    match authority.split_once(':') {
        None => Ok((authority, None)),
        Some(("", _)) => Err(UrlProblem::NoHost),
        // An IPv6 address without its brackets.
        Some((_, port)) if port.contains(':') => Err(bad_host(authority)),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

fn parse_host(text: &str) -> Result<url::Host, UrlProblem> {
    // `%` would be decoded, and `127.1` or `0x7f000001` become an address that the agent would look up as a name.
    if text.contains(['%', '<', '>', '{', '}', '$', '*']) {
        return Err(bad_host(text));
    }
    let host = url::Host::parse(text).map_err(|_| bad_host(text))?;
    match &host {
        url::Host::Ipv4(address) if address.to_string() != text => Err(bad_host(text)),
        // A wide ` becomes an ordinary one.
        url::Host::Domain(name) if !is_name(name) || name.contains(is_stranger) => {
            Err(bad_host(text))
        }
        _ => Ok(host),
    }
}

/// Whether DNS could hold it: labels of 1 to 63 characters, at most 253 in all, one final dot allowed.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        })
}

fn parse_port(text: &str) -> Result<u16, UrlProblem> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(UrlProblem::BadPort {
            port: shortened(text, 16),
        }),
    }
}

fn no_trailer(trailer: &str) -> Result<(), UrlProblem> {
    let path_end = trailer.find(['?', '#']).unwrap_or(trailer.len());
    let (path, rest) = trailer.split_at(path_end);
    if let Some(mark) = rest.chars().next() {
        return Err(UrlProblem::Trailer { mark });
    }
    match path {
        "" | "/" => Ok(()),
        path => Err(UrlProblem::Path {
            path: shortened(path, 60),
        }),
    }
}

fn bad_host(host: &str) -> UrlProblem {
    UrlProblem::BadHost {
        host: shortened(host, 80),
    }
}

/// At most `most` characters of `text`.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn good_ones() {
        for (text, host, port, shown) in [
            (EXAMPLE, "nexplane.example.com", 8000, EXAMPLE),
            (
                "https://nexplane.corp/",
                "nexplane.corp",
                443,
                "https://nexplane.corp",
            ),
            (
                "HTTPS://Nexplane.Corp:8000/",
                "nexplane.corp",
                8000,
                "https://nexplane.corp:8000",
            ),
            (
                "https://10.0.0.5:8000",
                "10.0.0.5",
                8000,
                "https://10.0.0.5:8000",
            ),
            ("https://[::1]:8000", "::1", 8000, "https://[::1]:8000"),
            ("https://[::1]", "::1", 443, "https://[::1]"),
            (
                "https://bücher.example:8000",
                "xn--bcher-kva.example",
                8000,
                "https://xn--bcher-kva.example:8000",
            ),
            (
                "https://localhost:443",
                "localhost",
                443,
                "https://localhost:443",
            ),
        ] {
            let it = ControlPlane::parse(text).unwrap();
            assert_eq!((it.host().as_str(), it.port()), (host, port), "{text}");
            assert_eq!(it.to_string(), shown);
        }
        assert_eq!(
            ControlPlane::parse("https://[::1]").unwrap().port_source(),
            PortSource::Default
        );
        assert_eq!(
            ControlPlane::parse(EXAMPLE).unwrap().url("/health"),
            "https://nexplane.example.com:8000/health"
        );
    }

    #[test]
    fn bad_ones_say_what_is_wrong() {
        for (text, part) in [
            ("", "empty"),
            ("   ", "empty"),
            ("nexplane.corp:8000", "no scheme"),
            ("https:nexplane.corp", "no scheme"),
            ("http://nexplane.corp:8000", "scheme is http;"),
            ("wss://nexplane.corp", "scheme is wss"),
            ("https://", "no host"),
            ("https:///health", "no host"),
            ("https://:8000", "no host"),
            (" https://nexplane.corp", "blanks in it (at its beginning)"),
            ("https://nexplane.corp\n", "(at its end)"),
            ("https://nex plane.corp", "(in the middle)"),
            ("https://nexplane.corp\u{200b}", "control characters"),
            ("\"https://nexplane.corp\"", "quotation marks"),
            ("“https://nexplane.corp”", "quotation marks"),
            ("https://nexplane.corp:8000/agent", "`/agent`"),
            ("https://nexplane.corp:8000//", "`//`"),
            ("https://nexplane.corp/?a=b", "`?`"),
            ("https://nexplane.corp#x", "`#`"),
            ("https://nexplane.corp:99999", "`99999` is no port"),
            ("https://nexplane.corp:0", "`0` is no port"),
            ("https://nexplane.corp:", "`` is no port"),
            ("https://nexplane.corp:+80", "`+80` is no port"),
            ("https://fe80::1:8000", "neither a host's name"),
            ("https://[fe80::1", "neither a host's name"),
            ("https://<host>:8000", "neither a host's name"),
            ("https://127.1:8000", "neither a host's name"),
            ("https://nexplane..corp", "neither a host's name"),
            ("https://a\\b", "`\\b`"),
            ("https://｀a", "neither a host's name"),
        ] {
            let problem = ControlPlane::parse(text).unwrap_err().to_string();
            assert!(problem.contains(part), "{text:?}: {problem}");
            assert!(problem.contains("https://"), "{problem}");
        }
    }

    #[test]
    fn credentials_are_never_repeated() {
        for text in [
            "https://admin:hunter2@nexplane.corp:8000",
            "http://admin:hunter2@nexplane.corp",
            "ftp://admin:hunter2@nexplane.corp",
            "admin:hunter2@nexplane.corp",
            "https://admin:hunter2@nexplane.corp/path",
            "https://nexplane.corp/?password=hunter2",
            "admin:hunter2://x",
            "https://admin:hunter2/3@nexplane.corp",
        ] {
            let problem = ControlPlane::parse(text).unwrap_err();
            assert!(
                !format!("{problem} {problem:?}").contains("hunter2"),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_written_the_same(text in r"(https://)?[a-z0-9.:\[\]@/%?# -]{0,40}|\PC{0,60}") {
            if let Ok(it) = ControlPlane::parse(&text) {
                proptest::prop_assert_eq!(ControlPlane::parse(&it.to_string()), Ok(it.clone()));
                proptest::prop_assert!(url::Url::parse(&it.to_string()).is_ok());
            }
        }
    }
}
