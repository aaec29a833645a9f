//! A configuration as `install` writes it.

use std::path::Path;

use serde::Serialize;

use super::{AgentConfig, Verification};
use crate::model::{Secret, format_duration};

/// The keys in their order; optional ones only where they were asked for.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane: Option<&'a str>,
    poll_interval: String,
    log_level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert_path: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_path: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_cert: Option<&'a Path>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    insecure_skip_verify: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<&'a str>,
}

impl AgentConfig {
    /// The text of `config.yaml`: what [`super::parse`] reads back as the same.
    ///
    /// # Errors
    /// When a path is no UTF-8 text, which YAML cannot hold.
    pub fn render(&self) -> Result<String, serde_yaml::Error> {
        serde_yaml::to_string(&Written {
            control_plane: self.control_plane.as_deref(),
            poll_interval: interval(self.poll_interval),
            log_level: self.log_level.as_str(),
            cert_path: self.cert_path.as_deref(),
            key_path: self.key_path.as_deref(),
            ca_cert: self.ca_cert.as_deref(),
            insecure_skip_verify: self.verification == Verification::Off,
            proxy: self.proxy.as_ref().map(Secret::expose),
        })
    }
}

/// As people write it where that is exact, else in milliseconds.
fn interval(interval: std::time::Duration) -> String {
    let text = format_duration(interval);
    if crate::model::parse_duration(&text) == Ok(interval) {
        text
    } else {
        format!("{}ms", interval.as_millis())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::path::PathBuf;
    use std::time::Duration;

    use super::super::{AgentConfig, LogLevel, Verification, parse};
    use super::Secret;

    #[test]
    fn what_is_written_is_read_back() {
        let config = AgentConfig {
            control_plane: Some("https://[::1]:8000".to_owned()),
            poll_interval: Duration::from_millis(1234),
            log_level: LogLevel::Debug,
            cert_path: Some(PathBuf::from(r"C:\ProgramData\x: y #z\client.crt")),
            key_path: Some(PathBuf::from("/etc/'quoted'/k")),
            ca_cert: Some(PathBuf::from("/ca.pem")),
            verification: Verification::Off,
            proxy: Some(Secret::new("http://u:p%20w@proxy.corp:3128")),
        };
        let reading = parse(&config.render().unwrap(), None);
        assert_eq!(reading.problems, []);
        assert_eq!(reading.config, config);
    }

    #[test]
    fn the_plain_one_looks_like_the_manuals() {
        let config = AgentConfig {
            control_plane: Some("https://nexplane.example.com:8000".to_owned()),
            cert_path: Some(PathBuf::from("/etc/nexplane-agent/client.crt")),
            key_path: Some(PathBuf::from("/etc/nexplane-agent/client.key")),
            ..AgentConfig::default()
        };
        assert_eq!(
            config.render().unwrap(),
            "control_plane: https://nexplane.example.com:8000\npoll_interval: 5s\nlog_level: info\n\
             cert_path: /etc/nexplane-agent/client.crt\nkey_path: /etc/nexplane-agent/client.key\n"
        );
    }
}
