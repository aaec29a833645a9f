//! The keys that a configuration may have.

use std::fmt;
use strsim::levenshtein;

/// A key of `config.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The control plane's address: the only one that is required.
    ControlPlane,
    /// How often the agent asks for tasks.
    PollInterval,
    /// How much it logs.
    LogLevel,
    /// The client certificate.
    CertPath,
    /// Its key.
    KeyPath,
    /// A CA file beside the system's store.
    CaCert,
    /// Whether to leave the control plane's certificate unverified.
    InsecureSkipVerify,
    /// The proxy to go through, whatever the environment says: a URL, maybe with credentials.
    Proxy,
}

impl Key {
    /// All of them, in the order in which `install` writes them.
    pub const ALL: [Self; 8] = [
        Self::ControlPlane,
        Self::PollInterval,
        Self::LogLevel,
        Self::CertPath,
        Self::KeyPath,
        Self::CaCert,
        Self::InsecureSkipVerify,
        Self::Proxy,
    ];

    /// As the file spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control_plane",
            Self::PollInterval => "poll_interval",
            Self::LogLevel => "log_level",
            Self::CertPath => "cert_path",
            Self::KeyPath => "key_path",
            Self::CaCert => "ca_cert",
            Self::InsecureSkipVerify => "insecure_skip_verify",
            Self::Proxy => "proxy",
        }
    }

    /// What its value may be, in words that finish "allowed is …".
    pub const fn allowed(self) -> &'static str {
        match self {
            Self::ControlPlane => {
                "the control plane's address, such as https://nexplane.example.com:8000"
            }
            Self::PollInterval => {
                "a duration above zero: a number with a unit (ms, s, m, h), such as 5s"
            }
            Self::LogLevel => "one of debug, info, warning, error",
            Self::CertPath | Self::KeyPath | Self::CaCert => {
                "the path of a file (without double quotes, in which a backslash means something else)"
            }
            Self::InsecureSkipVerify => "true or false",
            Self::Proxy => {
                "a proxy's URL with http, https, socks5 or socks5h, such as http://proxy.example.com:3128"
            }
        }
    }

    /// The key with exactly this name.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str() == name)
    }

    /// The key that was perhaps meant: the nearest by letters, if it is near.
    pub fn nearest(name: &str) -> Option<Self> {
        Self::synonym(name).or_else(|| {
            Self::by_distance(name)
                .into_iter()
                .find(|(distance, key)| *distance <= key.as_str().len() / 3)
                .map(|(_, key)| key)
        })
    }

    /// The key that was surely meant by a name that is only misspelt: no other is nearly as near.
    pub fn misspelt(name: &str) -> Option<Self> {
        let meant = Self::nearest(name).filter(|_| Self::synonym(name).is_none())?;
        match Self::by_distance(name)[..] {
            [(0, _), ..] => Some(meant),
            [(nearest, _), (next, _), ..] if next >= nearest + 2 => Some(meant),
            _ => None,
        }
    }

    /// All keys, the nearest by letters first.
    fn by_distance(name: &str) -> Vec<(usize, Self)> {
        let name = plain(name);
        let distance = |key: Self| (levenshtein(&name, &plain(key.as_str())), key);
        let mut keys: Vec<_> = Self::ALL.into_iter().map(distance).collect();
        keys.sort_by_key(|(distance, _)| *distance);
        keys
    }

    /// The key for which other programs have this name.
    pub fn synonym(name: &str) -> Option<Self> {
        match plain(name).as_str() {
            "url" | "server" | "serverurl" | "host" | "endpoint" | "address" | "controller" => {
                Some(Self::ControlPlane)
            }
            "interval" | "poll" => Some(Self::PollInterval),
            "level" | "loglvl" | "verbosity" => Some(Self::LogLevel),
            "cert" | "certificate" | "clientcert" | "certfile" => Some(Self::CertPath),
            "key" | "privatekey" | "clientkey" | "keyfile" => Some(Self::KeyPath),
            "ca" | "cafile" | "cacertificate" | "capath" | "cabundle" => Some(Self::CaCert),
            "insecure" | "skipverify" | "tlsskipverify" => Some(Self::InsecureSkipVerify),
            "httpsproxy" | "httpproxy" | "proxyurl" => Some(Self::Proxy),
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Lower-case letters and digits alone: `Control-Plane` is `controlplane`. Longer names than any of ours are cut.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .take(40)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_the_one_meant() {
        for (name, key) in [
            ("controlplane", Some(Key::ControlPlane)),
            ("Control-Plane", Some(Key::ControlPlane)),
            ("contol_plane", Some(Key::ControlPlane)),
            ("server", Some(Key::ControlPlane)),
            ("loglevel", Some(Key::LogLevel)),
            ("key_file", Some(Key::KeyPath)),
            ("ca_file", Some(Key::CaCert)),
            ("https_proxy", Some(Key::Proxy)),
            ("favourite_colour", None),
            ("", None),
        ] {
            assert_eq!(Key::nearest(name), key, "{name}");
        }
    }

    #[test]
    fn a_misspelt_key_is_surely_one() {
        for (name, key) in [
            ("control-plane", Some(Key::ControlPlane)),
            ("contol_plane", Some(Key::ControlPlane)),
            ("Log_Level", Some(Key::LogLevel)),
            ("keypth", Some(Key::KeyPath)),
            // Another word for it, and one that is nearly as near to another key.
            ("server", None),
            ("kert_path", None),
            ("favourite_colour", None),
        ] {
            assert_eq!(Key::misspelt(name), key, "{name}");
        }
    }
}
