//! What the network is told of names and proxies: `scutil --dns` and `scutil --proxy`. Pure, but for what asks.

use std::net::IpAddr;

use super::{Programs, Said};
use crate::host::{DomainServers, NetworkSettings, Seen, SystemProxy};

/// The most lines, nameservers and domains that are told.
const LINES: usize = 10_000;
const MOST: usize = 16;

/// Asks for both; without the proxy's answer the rest still counts.
pub(super) async fn settings(programs: &impl Programs) -> Seen<NetworkSettings> {
    let said = programs.ask("scutil", &["--dns"]).await?;
    if !said.is_well() {
        return Err(said.refused("scutil"));
    }
    let mut settings = dns(&said.out);
    let proxy = programs.ask("scutil", &["--proxy"]).await.ok();
    settings.system_proxy = proxy
        .filter(Said::is_well)
        .and_then(|said| proxy_of(&said.out));
    Ok(settings)
}

/// One `resolver #N`.
#[derive(Default)]
struct Resolver {
    domain: Option<String>,
    search: Vec<String>,
    nameservers: Vec<IpAddr>,
    is_mdns: bool,
}

/// The resolvers for queries that are bound to no interface: the first without a domain is everybody's, those with one are asked for
/// the names in it.
fn dns(text: &str) -> NetworkSettings {
    let mut settings = NetworkSettings::default();
    let mut main = None;
    for resolver in resolvers(text) {
        match resolver.domain {
            _ if resolver.is_mdns || resolver.nameservers.is_empty() => {}
            None if main.is_none() => main = Some((resolver.nameservers, resolver.search)),
            None => {}
            Some(domain) if settings.domains.len() < MOST => settings.domains.push(DomainServers {
                domain,
                nameservers: resolver.nameservers,
            }),
            Some(_) => {}
        }
    }
    (settings.nameservers, settings.search) = main.unwrap_or_default();
    settings
}

fn resolvers(text: &str) -> Vec<Resolver> {
    let mut found: Vec<Resolver> = Vec::new();
    for line in text.lines().take(LINES) {
        let line = line.trim();
        if line.starts_with("DNS configuration (for scoped queries)") {
            break;
        }
        if line.starts_with("resolver #") {
            found.push(Resolver::default());
            continue;
        }
        let (Some(resolver), Some((name, value))) = (found.last_mut(), line.split_once(" : "))
        else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if name == "domain" {
            resolver.domain = Some(value.trim_end_matches('.').to_ascii_lowercase());
        } else if name.starts_with("search domain[") && resolver.search.len() < MOST {
            resolver.search.push(value.to_owned());
        } else if name.starts_with("nameserver[") && resolver.nameservers.len() < MOST {
            // `fe80::1%en0`: an interface is not told further.
            let address = value.split('%').next().unwrap_or_default();
            resolver.nameservers.extend(address.parse::<IpAddr>());
        } else if name == "options" {
            resolver.is_mdns = value.split(',').any(|it| it.trim() == "mdns");
        }
    }
    found
}

/// The proxy that programs of macOS' own go through for HTTPS; the agent's library does not know it.
fn proxy_of(text: &str) -> Option<SystemProxy> {
    let value = |name: &str| {
        let mut lines = text.lines().take(LINES).map(str::trim);
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" : "))
    };
    let on = |name: &str| value(name) == Some("1");
    let https = || {
        Some(format!(
            "{}:{}",
            value("HTTPSProxy")?,
            value("HTTPSPort").unwrap_or("443")
        ))
    };
    let proxy = SystemProxy {
        https: on("HTTPSEnable").then(https).flatten(),
        automatic: match (on("ProxyAutoConfigEnable"), on("ProxyAutoDiscoveryEnable")) {
            (true, _) => value("ProxyAutoConfigURLString").map(str::to_owned),
            (false, true) => Some("discovered by the network (WPAD)".to_owned()),
            (false, false) => None,
        },
    };
    (proxy.https.is_some() || proxy.automatic.is_some()).then_some(proxy)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::super::told::Told;
    use super::*;

    const DNS: &str = "DNS configuration\n\nresolver #1\n  search domain[0] : example.com\n  search domain[1] : corp.example\n  nameserver[0] : 192.168.64.1\n  nameserver[1] : fe80::50ed:94ff:fe5a:1c64%en0\n  if_index : 14 (en0)\n  flags    : Request A records, Request AAAA records\n  reach    : 0x00020002 (Reachable,Directly Reachable Address)\n\nresolver #2\n  domain   : local\n  options  : mdns\n  timeout  : 5\n  flags    : Request A records, Request AAAA records\n  reach    : 0x00000000 (Not Reachable)\n  order    : 300000\n\nresolver #3\n  domain   : Corp.Example.\n  nameserver[0] : 10.8.0.1\n  flags    : Supplemental, Request A records\n  reach    : 0x00000003 (Reachable,Transient Connection)\n  order    : 102400\n\nDNS configuration (for scoped queries)\n\nresolver #1\n  nameserver[0] : 203.0.113.9\n  if_index : 15 (en1)\n  flags    : Scoped, Request A records\n";
    const PROXY: &str = "<dictionary> {\n  ExceptionsList : <array> {\n    0 : *.local\n    1 : 169.254/16\n  }\n  FTPPassive : 1\n  HTTPEnable : 0\n  HTTPSEnable : 1\n  HTTPSPort : 3128\n  HTTPSProxy : proxy.example.com\n  ProxyAutoConfigEnable : 0\n  ProxyAutoDiscoveryEnable : 0\n}\n";

    #[tokio::test]
    async fn both_are_read() {
        let told = Told(&[
            ("scutil --dns", 0, DNS, ""),
            ("scutil --proxy", 0, PROXY, ""),
        ]);
        let seen = settings(&told).await.unwrap();
        let texts: Vec<String> = seen.nameservers.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["192.168.64.1", "fe80::50ed:94ff:fe5a:1c64"]);
        assert_eq!(seen.search, ["example.com", "corp.example"]);
        assert_eq!(seen.domains.len(), 1);
        assert_eq!(
            seen.system_proxy.clone().unwrap().https.as_deref(),
            Some("proxy.example.com:3128")
        );
        let of = |name: &str| seen.resolv_conf_for(name);
        assert!(
            of("np.corp.example").starts_with("nameserver 10.8.0.1\n"),
            "{}",
            of("np.corp.example")
        );
        assert!(of("notcorp.example").starts_with("nameserver 192.168.64.1\n"));
        assert!(of("Corp.example.").starts_with("nameserver 10.8.0.1\n"));
    }

    #[tokio::test]
    async fn nothing_configured_is_nothing_and_no_answer_is_none() {
        let told = Told(&[("scutil --dns", 0, "No DNS configuration available\n", "")]);
        let seen = settings(&told).await.unwrap();
        assert!(seen.nameservers.is_empty() && seen.system_proxy.is_none());
        assert!(settings(&Told(&[])).await.is_err());
        assert!(
            settings(&Told(&[("scutil --dns", 1, "", "no")]))
                .await
                .is_err()
        );
    }

    #[test]
    fn a_script_that_says_which_proxy_is_told() {
        let pac = "<dictionary> {\n  HTTPSEnable : 0\n  ProxyAutoConfigEnable : 1\n  ProxyAutoConfigURLString : http://wpad.example.com/proxy.pac\n}\n";
        assert_eq!(
            proxy_of(pac).unwrap().automatic.as_deref(),
            Some("http://wpad.example.com/proxy.pac")
        );
        assert_eq!(proxy_of("<dictionary> {\n  HTTPEnable : 1\n}\n"), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "(resolver #|nameserver\\[|domain| : |[ -~]|\n){0,200}") {
            let settings = dns(&text);
            prop_assert!(settings.nameservers.len() <= MOST);
            proxy_of(&text);
        }
    }
}
