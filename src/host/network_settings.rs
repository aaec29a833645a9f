//! What a system that keeps no such files (Windows, macOS) tells of its nameservers and its proxy.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The settings that count for every service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSettings {
    /// Nameservers of the adapters that are up, in their order.
    pub nameservers: Vec<IpAddr>,
    /// Domains to append to short names.
    pub search: Vec<String>,
    /// On macOS: nameservers that are asked for the names in a domain alone, as those of a VPN are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<DomainServers>,
    /// On macOS: the proxy of the network's settings; the agent's library does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_proxy: Option<SystemProxy>,
    /// The proxy of WinHTTP, which services of Windows' own go through; the agent's library does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winhttp_proxy: Option<WinHttpProxy>,
}

/// Nameservers for the names in a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainServers {
    /// The domain, in lower case.
    pub domain: String,
    /// Its nameservers.
    pub nameservers: Vec<IpAddr>,
}

/// A proxy that the network's settings name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemProxy {
    /// For HTTPS: host and port.
    pub https: Option<String>,
    /// Where the script is that says which.
    pub automatic: Option<String>,
}

/// A proxy that `netsh winhttp set proxy` has set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WinHttpProxy {
    /// Servers, as they are set.
    pub proxy: String,
    /// What is asked directly, as it is set.
    pub bypass: String,
}

impl NetworkSettings {
    /// The same as resolv.conf(5) writes it, for the one who reads that to ask for this name.
    pub fn resolv_conf_for(&self, name: &str) -> String {
        let mut text = String::new();
        for server in self.servers_for(name) {
            // Nothing can go wrong when a text grows.
            let _ = writeln!(text, "nameserver {server}");
        }
        if !self.search.is_empty() {
            let _ = writeln!(text, "search {}", self.search.join(" "));
        }
        text
    }

    /// The nameservers of the longest domain that the name is in; else everybody's.
    fn servers_for(&self, name: &str) -> &[IpAddr] {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_in = |domain: &str| {
            let rest = name.strip_suffix(domain);
            !domain.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let of_domain = self.domains.iter().filter(|it| is_in(&it.domain));
        let longest = of_domain.max_by_key(|it| it.domain.len());
        longest.map_or(&self.nameservers, |it| &it.nameservers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_like_a_resolv_conf() {
        let settings = NetworkSettings {
            nameservers: vec![[10, 0, 0, 2].into(), std::net::Ipv6Addr::LOCALHOST.into()],
            search: vec!["corp.example".into(), "example".into()],
            ..NetworkSettings::default()
        };
        assert_eq!(
            settings.resolv_conf_for("np.example"),
            "nameserver 10.0.0.2\nnameserver ::1\nsearch corp.example example\n"
        );
    }
}
