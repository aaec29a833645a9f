//! What a Go program makes of a variable that names a proxy: `golang.org/x/net/http/httpproxy` reads it by `net/url`, puts
//! `http://` in front and reads it again where that gives no host, and passes it over where neither can be read.
//!
//! That differs from the URL standard of browsers, which drops or encodes what does not belong: a blank, a `#` or a `/` in
//! a password makes another URL here, and a `%` that encodes nothing makes none. Where Go's own versions differ (a colon in
//! a name, which is refused since 1.26), it comes to the same: there is nobody of that name.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use percent_encoding::percent_decode_str;

use super::{Credentials, Proxy, Scheme};
use crate::model::Secret;

/// What the agent does by a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It goes through this proxy.
    Proxy(Proxy),
    /// It cannot read it at all, and goes without a proxy, saying nothing.
    PassedOver,
    /// It takes it for a proxy, and finds nobody there.
    Nobody(Nobody),
}

/// Why there is nobody. Tells nothing of what was written, which may be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nobody {
    /// The scheme (`http`, …) is taken for the proxy's name, port 80.
    SchemeAsName(Scheme),
    /// What stands for the host is no name that there could be.
    NoName,
    /// There is no host.
    NoHost,
    /// The port is none.
    NoPort,
    /// The scheme is none that a proxy has: older versions of Go take it for the proxy's name, newer ones speak HTTP.
    UnknownScheme,
}

/// A URL as far as a proxy needs it.
#[derive(Debug, PartialEq, Eq)]
struct GoUrl<'a> {
    scheme: String,
    /// Host and port, as written.
    host: &'a str,
    user: Option<(&'a str, Option<&'a str>)>,
}

/// Reads a variable.
pub fn read(value: &str) -> Reading {
    let first = parse(value);
    match &first {
        Ok(url) if known(&url.scheme).is_some() => return proxy(url),
        Ok(url) if !url.scheme.is_empty() && !url.host.is_empty() => {
            return Reading::Nobody(Nobody::UnknownScheme);
        }
        Ok(_) | Err(NotAUrl) => {}
    }
    let with_scheme = format!("http://{value}");
    match (parse(&with_scheme), first) {
        (Ok(url), _) => match scheme_as_name(&url) {
            Some(nobody) => Reading::Nobody(nobody),
            None => proxy(&url),
        },
        // Go gives back the first one, which has no host, or no scheme.
        (Err(NotAUrl), Ok(_)) => Reading::Nobody(Nobody::NoHost),
        (Err(NotAUrl), Err(NotAUrl)) => Reading::PassedOver,
    }
}

fn known(scheme: &str) -> Option<Scheme> {
    let mut all = Scheme::ALL.into_iter();
    all.find(|known| known.as_str().eq_ignore_ascii_case(scheme))
}

impl Nobody {
    /// What the agent takes it for, in words that follow "the agent".
    pub fn words(self) -> String {
        match self {
            Self::SchemeAsName(scheme) => format!(
                "cannot read it as it stands, puts http:// in front, and takes `{0}` for the proxy's name (\"lookup {0}: no such host\")",
                scheme.as_str()
            ),
            Self::NoName => "takes something for the proxy's name that can be none".to_owned(),
            Self::NoHost => "finds no host in it, and tries to connect to none".to_owned(),
            Self::NoPort => "finds no port in it that there is (1 to 65535)".to_owned(),
            Self::UnknownScheme => {
                "knows no such scheme (http, https, socks5 and socks5h it does): older ones take it for the proxy's name, newer ones speak HTTP"
                    .to_owned()
            }
        }
    }
}

/// The second try on what has a scheme already: `http://http://…` is a host of that name, without a port.
fn scheme_as_name(url: &GoUrl<'_>) -> Option<Nobody> {
    let name = url.host.strip_suffix(':')?;
    known(name).map(Nobody::SchemeAsName)
}

/// It is no URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NotAUrl;

/// `url.Parse` of Go.
fn parse(text: &str) -> Result<GoUrl<'_>, NotAUrl> {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    escapes(fragment)?;
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(NotAUrl);
    }
    let (scheme, rest) = scheme(text)?;
    let mut url = GoUrl {
        scheme: scheme.to_ascii_lowercase(),
        host: "",
        user: None,
    };
    let rest = rest.split('?').next().unwrap_or_default();
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            // Rootless, and opaque to Go: `proxy.corp:3128` has the scheme `proxy.corp`.
            return Ok(url);
        }
        if rest.split('/').next().is_some_and(|it| it.contains(':')) {
            return Err(NotAUrl);
        }
    }
    let with_authority = !url.scheme.is_empty() || !rest.starts_with("///");
    let mut path = rest;
    if let Some(after) = rest.strip_prefix("//").filter(|_| with_authority) {
        let end = after.find('/').unwrap_or(after.len());
        let authority;
        (authority, path) = after.split_at(end);
        (url.host, url.user) = self::authority(authority)?;
    }
    escapes(path)?;
    Ok(url)
}

/// What stands before the first colon, if it could be a scheme.
fn scheme(text: &str) -> Result<(&str, &str), NotAUrl> {
    for (i, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if i > 0 => {}
            ':' if i > 0 => return Ok((&text[..i], &text[i + 1..])),
            ':' => return Err(NotAUrl),
            _ => break,
        }
    }
    Ok(("", text))
}

type User<'a> = Option<(&'a str, Option<&'a str>)>;

fn authority(text: &str) -> Result<(&str, User<'_>), NotAUrl> {
    let Some((login, host)) = text.rsplit_once('@') else {
        return Ok((host_and_port(text)?, None));
    };
    let host = host_and_port(host)?;
    // The last one stands for a login that the doctor does not repeat.
    let may_be = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@…".contains(c);
    if !login.chars().all(may_be) {
        return Err(NotAUrl);
    }
    escapes(login)?;
    Ok((
        host,
        Some(match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        }),
    ))
}

fn host_and_port(text: &str) -> Result<&str, NotAUrl> {
    let port = match (text.starts_with('['), text.rfind(']')) {
        (true, None) => return Err(NotAUrl),
        (true, Some(end)) => &text[end + 1..],
        (false, _) => text.rfind(':').map_or("", |at| &text[at..]),
    };
    let may_be = |c: char| {
        !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(c)
    };
    if !is_optional_port(port) || !text.chars().all(may_be) {
        return Err(NotAUrl);
    }
    escapes(text)?;
    // In a host, only what is not ASCII is encoded, and the `%` before a zone.
    let mut encoded = text.split('%').skip(1);
    let fits =
        |rest: &str| rest.starts_with("25") || !matches!(rest.bytes().next(), Some(b'0'..=b'7'));
    encoded.all(fits).then_some(text).ok_or(NotAUrl)
}

/// Nothing, or a colon and digits, be they as many as they like.
fn is_optional_port(text: &str) -> bool {
    let digits = text.strip_prefix(':').unwrap_or(text);
    (text.is_empty() || text.starts_with(':')) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Every `%` stands before two hexadecimal digits.
fn escapes(text: &str) -> Result<(), NotAUrl> {
    let mut after = text.split('%').skip(1).map(str::as_bytes);
    let hex = |bytes: &[u8]| bytes.len() >= 2 && bytes[..2].iter().all(u8::is_ascii_hexdigit);
    after.all(hex).then_some(()).ok_or(NotAUrl)
}

/// The proxy that a URL with a host names, as `net/http` goes to it.
fn proxy(url: &GoUrl<'_>) -> Reading {
    let port_at = url
        .host
        .rfind(':')
        .filter(|at| is_optional_port(&url.host[*at..]));
    let (host, port) = match port_at {
        Some(at) => (&url.host[..at], &url.host[at + 1..]),
        None => (url.host, ""),
    };
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    if host.is_empty() {
        return Reading::Nobody(Nobody::NoHost);
    }
    let Some(scheme) = known(&url.scheme) else {
        return Reading::Nobody(Nobody::UnknownScheme);
    };
    let port = match port {
        "" => Some(scheme.default_port()),
        port => port.parse().ok().filter(|port| *port != 0),
    };
    let (Some(host), Some(port)) = (name(host), port) else {
        return Reading::Nobody(match port {
            None => Nobody::NoPort,
            Some(_) => Nobody::NoName,
        });
    };
    let decoded = |text: &str| Secret::new(percent_decode_str(text).decode_utf8_lossy());
    Reading::Proxy(Proxy {
        scheme,
        host,
        port,
        credentials: url.user.map(|(user, password)| Credentials {
            user: decoded(user),
            password: decoded(password.unwrap_or_default()),
        }),
    })
}

/// A name that there could be, in the letters that DNS has, or an address.
fn name(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    if let Some((address, zone)) = text.split_once("%25") {
        return with_zone(address, zone);
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    let ascii = match decoded.is_ascii() {
        true => decoded,
        false => Cow::Owned(url::Host::parse(&decoded).ok()?.to_string()),
    };
    let may_be = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    ascii
        .chars()
        .all(may_be)
        .then(|| ascii.to_ascii_lowercase())
}

/// An address with its zone, as `net` dials it: `fe80::1%eth0`. The system looks at the zone of link-local addresses alone.
fn with_zone(address: &str, zone: &str) -> Option<String> {
    let address: Ipv6Addr = address.parse().ok()?;
    let zone = percent_decode_str(zone).decode_utf8().ok()?;
    let may_be = |c: char| c.is_ascii_alphanumeric() || "-_.:@~".contains(c);
    if zone.is_empty() || zone == "." || zone == ".." || !zone.chars().all(may_be) {
        return None;
    }
    Some(match address.is_unicast_link_local() {
        true => format!("{address}%{zone}"),
        false => address.to_string(),
    })
}

/// The address that a host is, and the zone in which it is one.
pub fn literal(host: &str) -> Option<(IpAddr, Option<&str>)> {
    match host.split_once('%') {
        Some((address, zone)) => Some((address.parse::<Ipv6Addr>().ok()?.into(), Some(zone))),
        None => Some((host.parse().ok()?, None)),
    }
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
