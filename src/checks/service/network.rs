//! What the unit's sandbox makes of the network (systemd.exec(5), systemd.resource-control(5)). Pure.

use std::net::IpAddr;

use ipnet::IpNet;

use super::directive::Directive;
use crate::host::Service;

/// Which network the service is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Where {
    /// The host's.
    Host,
    /// One of its own that has nothing but a loopback.
    Alone(Directive),
    /// Another one, of which the unit does not say what it has.
    Another(Directive),
}

/// The sandbox, as far as the network goes.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) place: Where,
    families: Option<(Directive, Families)>,
    allow: Nets,
    deny: Nets,
    denied_by: Option<Directive>,
    /// `RestrictNetworkInterfaces=`, which many builds of systemd show and cannot enforce: worth a line and no more.
    pub(super) interfaces: Option<Directive>,
}

#[derive(Debug)]
struct Families {
    names: Vec<String>,
    /// Whether those named are the only ones, or those that are not.
    only: bool,
}

/// Networks of `IPAddressAllow=` or `IPAddressDeny=`.
#[derive(Debug, Default)]
struct Nets {
    nets: Vec<IpNet>,
    /// Those that could not be read.
    unread: Vec<String>,
}

impl Network {
    /// Reads the unit.
    pub(super) fn of(service: &Service) -> Self {
        Self {
            place: place(service),
            families: Directive::of(service, "RestrictAddressFamilies")
                // Full privileges leave it behind; the network's namespace and filters stay.
                .filter(|_| !service.is_privileged())
                .map(|by| (by, families(service))),
            allow: Nets::read(&service.list("IPAddressAllow")),
            deny: Nets::read(&service.list("IPAddressDeny")),
            denied_by: Directive::of(service, "IPAddressDeny"),
            interfaces: Directive::of(service, "RestrictNetworkInterfaces")
                .filter(|_| service.get("RestrictNetworkInterfaces").is_some()),
        }
    }

    /// Whether it matters which addresses the agent talks to.
    pub(super) fn asks_for_addresses(&self) -> bool {
        !self.deny.nets.is_empty()
            || self.families.is_some()
    }

    /// What keeps the service from an address, and what that does to it.
    pub(super) fn keeps_from(&self, address: IpAddr) -> Option<(&Directive, &'static str)> {
        if let Some((by, families)) = &self.families {
            let (family, what) = match address {
                IpAddr::V4(_) => ("AF_INET", "forbids it IPv4"),
                IpAddr::V6(_) => ("AF_INET6", "forbids it IPv6"),
            };
            if !families.allow(family) {
                return Some((by, what));
            }
        }
        if let Some(by) = &self.denied_by
            && !self.allow.contain(address)
            && self.deny.contain(address)
        {
            return Some((by, "drops its packets, and no IPAddressAllow= lets them through"));
        }
        None
    }

    /// What forbids both families of the internet, if something does: no address has to be known then.
    pub(super) fn no_internet(&self) -> Option<&Directive> {
        let (by, families) = self.families.as_ref()?;
        let none = !families.allow("AF_INET") && !families.allow("AF_INET6");
        none.then_some(by)
    }

    /// What denies every address there is, if something does.
    pub(super) fn no_address(&self) -> Option<&Directive> {
        let all = |text: &str| self.deny.nets.iter().any(|net| net.to_string() == text);
        let nothing_allowed = self.allow.nets.is_empty() && self.allow.unread.is_empty();
        let by = self.denied_by.as_ref()?;
        (nothing_allowed && all("0.0.0.0/0") && all("::/0")).then_some(by)
    }

    /// Entries of the filters that could not be read, so that nothing is concluded from them.
    pub(super) fn unread(&self) -> Vec<&str> {
        let unread = self.allow.unread.iter().chain(&self.deny.unread);
        unread.map(String::as_str).collect()
    }
}

fn place(service: &Service) -> Where {
    if let Some(path) = service.get("NetworkNamespacePath") {
        return Where::Another(Directive::with("NetworkNamespacePath", path));
    }
    let Some(private) = Directive::of(service, "PrivateNetwork").filter(|_| service.is_on("PrivateNetwork"))
    else {
        return Where::Host;
    };
    match service.get("JoinsNamespaceOf") {
        Some(units) => Where::Another(Directive::with("JoinsNamespaceOf", units)),
        None => Where::Alone(private),
    }
}

fn families(service: &Service) -> Families {
    let shown = service.get("RestrictAddressFamilies").unwrap_or_default();
    let names = shown.trim_start_matches('~');
    Families {
        names: names.split_whitespace().filter(|name| *name != "none").map(str::to_owned).collect(),
        only: names == shown,
    }
}

impl Families {
    fn allow(&self, family: &str) -> bool {
        self.names.iter().any(|name| name == family) == self.only
    }
}

impl Nets {
    fn read(entries: &[String]) -> Self {
        let mut nets = Self::default();
        for entry in entries {
            match named(entry) {
                Some(known) => nets.nets.extend(known.iter().filter_map(|net| net.parse::<IpNet>().ok())),
                None => match entry.parse::<IpNet>().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from)) {
                    Ok(net) => nets.nets.push(net),
                    Err(_) => nets.unread.push(entry.clone()),
                },
            }
        }
        nets
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.nets.iter().any(|net| net.contains(&address))
    }
}

/// The names of systemd.resource-control(5).
fn named(entry: &str) -> Option<&'static [&'static str]> {
    Some(match entry {
        "any" => &["0.0.0.0/0", "::/0"],
        "localhost" => &["127.0.0.0/8", "::1/128"],
        "link-local" => &["169.254.0.0/16", "fe80::/64"],
        "multicast" => &["224.0.0.0/4", "ff00::/8"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::properties;

    fn network(pairs: &[(&str, &str)]) -> Network {
        Network::of(&Service {
            properties: properties(pairs),
            supplied: false,
        })
    }

    fn keeps(pairs: &[(&str, &str)], address: &str) -> bool {
        let address = address.parse().unwrap_or_else(|_| panic!("{address}"));
        network(pairs).keeps_from(address).is_some()
    }

    #[test]
    fn what_is_allowed_wins_over_what_is_denied() {
        let any = ("IPAddressDeny", "0.0.0.0/0 ::/0");
        for (pairs, address, expected) in [
            (&[any][..], "10.0.0.9", true),
            (&[any], "2001:db8::1", true),
            (&[("IPAddressDeny", "any")], "127.0.0.53", true),
            (&[any, ("IPAddressAllow", "10.0.0.0/8 127.0.0.0/8")], "10.0.0.9", false),
            (&[any, ("IPAddressAllow", "10.0.0.9")], "10.0.0.9", false),
            (&[any, ("IPAddressAllow", "localhost")], "127.0.0.53", false),
            (&[any, ("IPAddressAllow", "localhost")], "10.0.0.9", true),
            (&[("IPAddressDeny", "link-local multicast")], "fe80::1", true),
            (&[("IPAddressDeny", "link-local multicast")], "10.0.0.9", false),
            (&[("IPAddressDeny", "10.0.0.0/8")], "11.0.0.9", false),
            (&[("IPAddressAllow", "localhost")], "10.0.0.9", false),
        ] {
            assert_eq!(keeps(pairs, address), expected, "{pairs:?} {address}");
        }
        assert!(network(&[any]).no_address().is_some());
        assert!(network(&[any, ("IPAddressAllow", "::1")]).no_address().is_none());
        assert_eq!(network(&[("IPAddressDeny", "fe80::/10 nonsense")]).unread(), ["nonsense"]);
    }

    #[test]
    fn families_are_those_named_or_all_but_those() {
        let of = |shown: &'static str| [("RestrictAddressFamilies", shown)];
        for (shown, v4, v6) in [
            ("AF_INET AF_UNIX", false, true),
            ("AF_INET6", true, false),
            ("AF_INET AF_INET6", false, false),
            ("~AF_INET6", false, true),
            ("~", false, false),
            ("", true, true),
            ("none", true, true),
        ] {
            assert_eq!(keeps(&of(shown), "10.0.0.9"), v4, "{shown}");
            assert_eq!(keeps(&of(shown), "2001:db8::1"), v6, "{shown}");
            assert_eq!(network(&of(shown)).no_internet().is_some(), v4 && v6, "{shown}");
        }
        let plus = [("RestrictAddressFamilies", ""), ("ExecStart", "+/a")];
        assert!(!keeps(&plus, "10.0.0.9"));
    }

    #[test]
    fn a_network_is_the_host_s_or_its_own_or_another() {
        let place = |pairs: &[(&str, &str)]| match network(pairs).place {
            Where::Host => "host".to_owned(),
            Where::Alone(by) => format!("alone by {by}"),
            Where::Another(by) => format!("another by {by}"),
        };
        let private = ("PrivateNetwork", "yes");
        assert_eq!(place(&[("PrivateNetwork", "no")]), "host");
        assert_eq!(place(&[private]), "alone by PrivateNetwork=yes");
        assert_eq!(
            place(&[private, ("JoinsNamespaceOf", "vpn.service")]),
            "another by JoinsNamespaceOf=vpn.service"
        );
        assert_eq!(
            place(&[private, ("NetworkNamespacePath", "/run/netns/a")]),
            "another by NetworkNamespacePath=/run/netns/a"
        );
    }
}
