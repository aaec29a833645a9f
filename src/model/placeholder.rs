//! What of a host a remedy may name, and what stands for a value that is not known.

use std::fmt;
use std::str::FromStr;

use super::Os;

/// What may stand in braces in a remedy: `{control_plane}`. A closed list, so that a misspelt one is found when the file is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placeholder {
    /// The control plane's URL, without a path.
    ControlPlane,
    /// The control plane's host name, or its address.
    Host,
    /// The control plane's port.
    Port,
    /// An address of the control plane.
    Address,
    /// The agent's configuration file.
    ConfigPath,
    /// The directory of the agent's configuration.
    ConfigDir,
    /// The agent's client certificate.
    CertPath,
    /// The agent's private key (the path of it).
    KeyPath,
    /// The file with the control plane's CA certificate.
    CaCert,
    /// The name under which this host registers.
    Hostname,
    /// The agent's service, as the service manager names it.
    Unit,
    /// The agent's program.
    Binary,
    /// The user that the agent's service runs as.
    User,
    /// The change request that does not execute.
    ChangeRequest,
    /// A nameserver that was asked.
    Nameserver,
    /// The proxy, without credentials.
    Proxy,
    /// Who issued the control plane's certificate.
    Issuer,
    /// A product that stands between host and control plane.
    Product,
    /// What `--config` was given.
    GivenConfig,
    /// What `--control-plane` was given.
    GivenControlPlane,
    /// What `--ca-cert` was given.
    GivenCaCert,
    /// What `--token-file` was given, or what stands for the file of a token that was given otherwise.
    GivenTokenFile,
    /// What `--root` was given.
    GivenRoot,
    /// What `--checks` was given.
    GivenChecks,
    /// What `--only` was given.
    GivenOnly,
    /// What `--skip` was given.
    GivenSkip,
    /// What `--ignore` was given.
    GivenIgnore,
    /// What `--timeout` was given.
    GivenTimeout,
    /// What `--deadline` was given.
    GivenDeadline,
}

impl Placeholder {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::ControlPlane,
        Self::Host,
        Self::Port,
        Self::Address,
        Self::ConfigPath,
        Self::ConfigDir,
        Self::CertPath,
        Self::KeyPath,
        Self::CaCert,
        Self::Hostname,
        Self::Unit,
        Self::Binary,
        Self::User,
        Self::ChangeRequest,
        Self::Nameserver,
        Self::Proxy,
        Self::Issuer,
        Self::Product,
        Self::GivenConfig,
        Self::GivenControlPlane,
        Self::GivenCaCert,
        Self::GivenTokenFile,
        Self::GivenRoot,
        Self::GivenChecks,
        Self::GivenOnly,
        Self::GivenSkip,
        Self::GivenIgnore,
        Self::GivenTimeout,
        Self::GivenDeadline,
    ];

    /// The name between the braces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control_plane",
            Self::Host => "host",
            Self::Port => "port",
            Self::Address => "address",
            Self::ConfigPath => "config_path",
            Self::ConfigDir => "config_dir",
            Self::CertPath => "cert_path",
            Self::KeyPath => "key_path",
            Self::CaCert => "ca_cert",
            Self::Hostname => "hostname",
            Self::Unit => "unit",
            Self::Binary => "binary",
            Self::User => "user",
            Self::ChangeRequest => "change_request",
            Self::Nameserver => "nameserver",
            Self::Proxy => "proxy",
            Self::Issuer => "issuer",
            Self::Product => "product",
            Self::GivenConfig => "given_config",
            Self::GivenControlPlane => "given_control_plane",
            Self::GivenCaCert => "given_ca_cert",
            Self::GivenTokenFile => "given_token_file",
            Self::GivenRoot => "given_root",
            Self::GivenChecks => "given_checks",
            Self::GivenOnly => "given_only",
            Self::GivenSkip => "given_skip",
            Self::GivenIgnore => "given_ignore",
            Self::GivenTimeout => "given_timeout",
            Self::GivenDeadline => "given_deadline",
        }
    }

    /// What is shown when the value is not known: the runbook's own example where it has one.
    pub const fn fallback(self, os: Os) -> &'static str {
        match (self, os) {
            (Self::ControlPlane, _) => "https://nexplane.example.com:8000",
            (Self::Host, _) => "nexplane.example.com",
            (Self::Port, _) => "8000",
            (Self::Address, _) => "ADDRESS",
            (Self::ConfigPath, Os::Windows) => r"C:\ProgramData\NexplaneAgent\config.yaml",
            (Self::ConfigPath, _) => "/etc/nexplane-agent/config.yaml",
            (Self::ConfigDir, Os::Windows) => r"C:\ProgramData\NexplaneAgent",
            (Self::ConfigDir, _) => "/etc/nexplane-agent",
            (Self::CertPath, Os::Windows) => r"C:\ProgramData\NexplaneAgent\client.crt",
            (Self::CertPath, _) => "/etc/nexplane-agent/client.crt",
            (Self::KeyPath, Os::Windows) => r"C:\ProgramData\NexplaneAgent\client.key",
            (Self::KeyPath, _) => "/etc/nexplane-agent/client.key",
            (Self::CaCert, Os::Windows) => r"C:\path\to\ca.crt",
            (Self::CaCert, _) => "/path/to/ca.crt",
            (Self::Hostname, _) => "HOSTNAME",
            (Self::Unit, Os::Linux) => "nexplane-agent",
            (Self::Unit, Os::Windows) => "NexplaneAgent",
            (Self::Unit, Os::Macos) => "ai.nexplane.agent",
            (Self::Binary, Os::Windows) => r"C:\Program Files\NexplaneAgent\nexplane-agent.exe",
            (Self::Binary, _) => "/usr/local/bin/nexplane-agent",
            (Self::User, Os::Windows) => "SYSTEM",
            (Self::User, _) => "root",
            (Self::ChangeRequest, _) => "CHANGE_REQUEST",
            (Self::Nameserver, _) => "NAMESERVER",
            (Self::Proxy, _) => "http://proxy.example.com:3128",
            (Self::Issuer, _) => "its issuer",
            (Self::Product, _) => "the inspecting product",
            (Self::GivenConfig, os) => Self::ConfigPath.fallback(os),
            (Self::GivenControlPlane, os) => Self::ControlPlane.fallback(os),
            (Self::GivenCaCert, os) => Self::CaCert.fallback(os),
            (Self::GivenTokenFile, _) => "TOKEN_FILE",
            (Self::GivenRoot | Self::GivenChecks, _) => "DIRECTORY",
            (Self::GivenOnly | Self::GivenSkip, _) => "CHECK",
            (Self::GivenIgnore, _) => "CODE",
            (Self::GivenTimeout | Self::GivenDeadline, _) => "DURATION",
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no placeholder's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{{{0}}}` is no placeholder")]
pub struct UnknownPlaceholder(pub String);

impl FromStr for Placeholder {
    type Err = UnknownPlaceholder;

    fn from_str(name: &str) -> Result<Self, UnknownPlaceholder> {
        Self::ALL
            .into_iter()
            .find(|placeholder| placeholder.as_str() == name)
            .ok_or_else(|| UnknownPlaceholder(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn names_lead_back_to_their_placeholders() {
        for placeholder in Placeholder::ALL {
            assert_eq!(placeholder.as_str().parse(), Ok(placeholder));
        }
        assert_eq!(
            "token".parse::<Placeholder>().unwrap_err().to_string(),
            "`{token}` is no placeholder"
        );
    }
}
