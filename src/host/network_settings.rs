//! What a system that keeps no such files (Windows) tells of its nameservers and its proxy.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The settings that count for every service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSettings {
    /// Nameservers of the adapters that are up, in their order.
    pub nameservers: Vec<IpAddr>,
    /// Domains to append to short names.
    pub search: Vec<String>,
    /// The proxy of WinHTTP, which services of Windows' own go through; the agent's library does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winhttp_proxy: Option<WinHttpProxy>,
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
    /// The same as resolv.conf(5) writes it, for the one who reads that.
    pub fn as_resolv_conf(&self) -> String {
        let mut text = String::new();
        for server in &self.nameservers {
            // Nothing can go wrong when a text grows.
            let _ = writeln!(text, "nameserver {server}");
        }
        if !self.search.is_empty() {
            let _ = writeln!(text, "search {}", self.search.join(" "));
        }
        text
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
            winhttp_proxy: None,
        };
        assert_eq!(
            settings.as_resolv_conf(),
            "nameserver 10.0.0.2\nnameserver ::1\nsearch corp.example example\n"
        );
    }
}
