//! Which proxy Go's `net/http` takes for an https URL, and for which hosts it takes none (`golang.org/x/net/http/httpproxy`).

use std::net::IpAddr;

use crate::model::{Secret, excerpt};

/// The variables that count for https, as they are set.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The variable that names a proxy, and its value, which may hold a password.
    pub https_proxy: Option<(&'static str, Secret)>,
    /// `ALL_PROXY` is set, which Go's `net/http` does not read.
    pub all_proxy: bool,
    no_proxy: String,
}

impl Rules {
    /// Reads them, upper case before lower case; an empty one is none.
    pub fn of<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Self {
        let first = |names: [&'static str; 2]| {
            names
                .into_iter()
                .find_map(|name| Some((name, get(name).filter(|value| !value.is_empty())?)))
        };
        Self {
            https_proxy: first(["HTTPS_PROXY", "https_proxy"])
                .map(|(name, value)| (name, Secret::new(value))),
            all_proxy: first(["ALL_PROXY", "all_proxy"]).is_some(),
            no_proxy: first(["NO_PROXY", "no_proxy"])
                .map_or_else(String::new, |(_, value)| value.to_owned()),
        }
    }

    /// Why this host is reached without the proxy, if it is.
    pub fn exempts(&self, host: &str, port: u16) -> Option<String> {
        let host = host.to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
        if host == "localhost" || address.is_some_and(|ip| ip.is_loopback()) {
            return Some("this host itself is never reached through a proxy".to_owned());
        }
        self.no_proxy
            .split(',')
            .map(|entry| entry.trim().to_lowercase())
            .find(|entry| matches(entry, &host, address, port))
            .map(|entry| format!("NO_PROXY names `{}`", excerpt(&entry)))
    }
}

/// Whether one entry of `NO_PROXY` covers the host.
fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, length)) = network(entry) {
        return address.is_some_and(|address| in_network(address, network, length));
    }
    let (name, entry_port) = split_port(entry);
    // Compared as text: `:08000` is no port that anybody has.
    if !entry_port.is_empty() && *entry_port != port.to_string() {
        return false;
    }
    if let Ok(ip) = name.parse::<IpAddr>() {
        return address == Some(ip.to_canonical());
    }
    // `*.corp` and `.corp` cover what is below, `corp` also itself. An address is text here too: `2.1` covers 192.0.2.1.
    let name = match name.strip_prefix("*.") {
        Some(_) => &name[1..],
        None => name,
    };
    let name = ascii(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(&name),
        None if name.is_empty() => false,
        None => {
            host == name
                || host
                    .strip_suffix(&name)
                    .is_some_and(|rest| rest.ends_with('.'))
        }
    }
}

/// A name in the letters that DNS has: the control plane's is written so too.
fn ascii(name: &str) -> String {
    if name.is_ascii() {
        return name.to_owned();
    }
    let (dot, bare) = match name.strip_prefix('.') {
        Some(bare) => (".", bare),
        None => ("", name),
    };
    match url::Host::parse(bare) {
        Ok(host) => format!("{dot}{host}"),
        Err(_) => name.to_owned(),
    }
}

/// `10.0.0.0/8`, with a length that the address has room for.
fn network(entry: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = entry.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let length: u32 = length.parse().ok().filter(|length| *length <= width)?;
    let network = match (address.to_canonical(), length.checked_sub(96)) {
        // IPv4 written as IPv6.
        (v4 @ IpAddr::V4(_), Some(within)) if address.is_ipv6() => (v4, within),
        _ => (address, length),
    };
    digits.then_some(network)
}

/// `host:port`, `[::1]:port`, or neither: then all of it is the host, its brackets too, and no address.
fn split_port(entry: &str) -> (&str, &str) {
    if let Some((host, port)) = entry
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"))
    {
        return (host, port);
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') && !entry.contains(['[', ']']) => (host, port),
        _ => (entry, ""),
    }
}

fn in_network(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let prefix = |bits: u128, width: u32| bits.checked_shr(width - length).unwrap_or(0);
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            prefix(a.to_bits().into(), 32) == prefix(n.to_bits().into(), 32)
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => prefix(a.to_bits(), 128) == prefix(n.to_bits(), 128),
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
            ("", "::ffff:127.0.0.1"),
            ("nexplane.corp:", "nexplane.corp"),
            ("10.1.2.3:", "10.1.2.3"),
            ("10.1.2.3", "::ffff:10.1.2.3"),
            ("10.0.0.0/8", "::ffff:10.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3"),
            ("2.1", "192.0.2.1"),
            ("Büro.corp", "nexplane.xn--bro-hoa.corp"),
            ("x, *", "nexplane.corp"),
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
            ("::ffff:10.0.0.0/90", "10.1.2.3"),
            ("0.0.2.1", "192.0.2.1"),
            ("*corp", "nexplane.corp"),
            ("*.nexplane.corp", "nexplane.corp"),
            ("nexplane.*", "nexplane.corp"),
            ("[2001:db8::5]", "2001:db8::5"),
            ("nexplane.corp:08000", "nexplane.corp"),
            ("https://nexplane.corp", "nexplane.corp"),
            (":8000", "nexplane.corp"),
            ("10.0.0.0/+8", "10.0.0.1"),
            ("corp other.test", "nexplane.corp"),
        ] {
            assert!(!exempt(no_proxy, host), "{no_proxy} does not cover {host}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(no_proxy in r"([a-z0-9*.:/\[\],% -]{0,12}){0,4}|\PC{0,40}", host in r"[a-z0-9.:]{0,20}") {
            let _whichever = exempt(&no_proxy, &host);
            if let Some(proxy) = crate::contract::proxy::Proxy::parse(&no_proxy) {
                let again = crate::contract::proxy::Proxy::parse(&proxy.to_string());
                proptest::prop_assert!(again.is_some_and(|again| again.is_same(&proxy)), "{proxy}");
            }
        }
    }
}
