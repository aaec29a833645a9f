//! Which proxy Go's `net/http` takes for an https URL, and for which hosts it takes none (`golang.org/x/net/http/httpproxy`).

use std::fmt;
use std::net::IpAddr;

/// A proxy, without the credentials that its URL may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::checks) struct Proxy {
    scheme: String,
    /// Its name or address, without brackets.
    pub(in crate::checks) host: String,
    /// Its port.
    pub(in crate::checks) port: u16,
}

impl Proxy {
    /// Reads a proxy as the variable writes it; without a scheme it is an HTTP proxy.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let usable = |text: &str| {
            let url = url::Url::parse(text).ok()?;
            matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h").then_some(url)
        };
        let url = if value.contains("://") {
            usable(value)
        } else {
            usable(&format!("http://{value}"))
        }?;
        let port = match (url.port(), url.scheme()) {
            (Some(port), _) => port,
            (None, "http") => 80,
            (None, "https") => 443,
            (None, _) => 1080,
        };
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        (!host.is_empty()).then(|| Self {
            scheme: url.scheme().to_owned(),
            host,
            port,
        })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// The variables that count for https, as they are set.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    /// The variable that names a proxy, and its value.
    pub(super) https_proxy: Option<(&'static str, String)>,
    /// `ALL_PROXY` is set, which Go's `net/http` does not read.
    pub(super) all_proxy: bool,
    no_proxy: String,
}

impl Rules {
    /// Reads them, upper case before lower case.
    pub(super) fn of<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let first = |names: [&'static str; 2]| {
            names
                .into_iter()
                .find_map(|name| Some((name, get(name)?.to_owned())))
        };
        Self {
            https_proxy: first(["HTTPS_PROXY", "https_proxy"]),
            all_proxy: first(["ALL_PROXY", "all_proxy"]).is_some(),
            no_proxy: first(["NO_PROXY", "no_proxy"]).map_or_else(String::new, |(_, value)| value),
        }
    }

    /// Why this host is reached without the proxy, if it is.
    pub(super) fn exempts(&self, host: &str, port: u16) -> Option<String> {
        let host = host.to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        if host == "localhost" || address.is_some_and(|ip| ip.is_loopback()) {
            return Some("this host itself is never reached through a proxy".to_owned());
        }
        self.no_proxy
            .split(',')
            .map(|entry| entry.trim().to_ascii_lowercase())
            .find(|entry| matches(entry, &host, address, port))
            .map(|entry| format!("NO_PROXY names `{entry}`"))
    }
}

/// Whether one entry of `NO_PROXY` covers the host.
fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, length)) = entry.split_once('/')
        && let (Ok(network), Ok(length)) = (network.parse(), length.parse())
    {
        return address.is_some_and(|address| in_network(address, network, length));
    }
    let (name, entry_port) = split_port(entry);
    if entry_port.is_some_and(|entry_port| entry_port != port) {
        return false;
    }
    if let Ok(ip) = name.parse::<IpAddr>() {
        return address == Some(ip);
    }
    if name.is_empty() || address.is_some() {
        return false;
    }
    // `*.corp` and `.corp` cover what is below, `corp` also itself.
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => {
            host == name
                || host
                    .strip_suffix(name)
                    .is_some_and(|rest| rest.ends_with('.'))
        }
    }
}

/// `host:port`, `[::1]:port`, or either without a port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = entry
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return (
            host,
            rest.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn in_network(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let prefix = |bits: u128, width: u32| {
        (length <= width).then(|| bits.checked_shr(width - length).unwrap_or(0))
    };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => prefix(a.to_bits().into(), 32)
            .is_some_and(|p| Some(p) == prefix(n.to_bits().into(), 32)),
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            prefix(a.to_bits(), 128).is_some_and(|p| Some(p) == prefix(n.to_bits(), 128))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exempt(no_proxy: &str, host: &str) -> bool {
        let rules = Rules {
            no_proxy: no_proxy.into(),
            ..Rules::default()
        };
        rules.exempts(host, 8000).is_some()
    }

    #[test]
    fn no_proxy_reads_as_go_reads_it() {
        for (no_proxy, host) in [
            ("*", "nexplane.corp"),
            ("corp", "nexplane.corp"),
            ("other, NEXPLANE.corp ", "nexplane.corp"),
            (".corp", "nexplane.corp"),
            ("*.corp", "a.nexplane.corp"),
            ("nexplane.corp:8000", "nexplane.corp"),
            ("10.0.0.0/8", "10.1.2.3"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3:8000", "10.1.2.3"),
            ("2001:db8::/32", "2001:db8::5"),
            ("[2001:db8::5]:8000", "2001:db8::5"),
            ("2001:db8::5", "2001:db8::5"),
            ("0.0.0.0/0", "192.0.2.1"),
            ("", "localhost"),
            ("", "127.0.0.9"),
            ("", "::1"),
        ] {
            assert!(exempt(no_proxy, host), "{no_proxy} covers {host}");
        }
        for (no_proxy, host) in [
            ("", "nexplane.corp"),
            (",,", "nexplane.corp"),
            (".nexplane.corp", "nexplane.corp"),
            ("plane.corp", "nexplane.corp"),
            ("nexplane.corp:443", "nexplane.corp"),
            ("10.0.0.0/8", "11.1.2.3"),
            ("10.0.0.0/8", "nexplane.corp"),
            ("10.0.0.0/33", "10.0.0.1"),
            ("::/0", "10.0.0.1"),
            ("0.0.2.1", "192.0.2.1"),
        ] {
            assert!(!exempt(no_proxy, host), "{no_proxy} does not cover {host}");
        }
    }

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
            ("http://", None),
            ("not a proxy", None),
        ] {
            let proxy = Proxy::parse(value).map(|proxy| proxy.to_string());
            assert_eq!(proxy.as_deref(), shown, "{value}");
        }
    }
}
