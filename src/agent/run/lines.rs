//! The running agent's lines in its log.

use std::io::{self, Write};
use std::path::Path;

use crate::agent::go_words::{get_failed, post_failed};
use crate::agent::heartbeat::HeartbeatError;
use crate::agent::identity::IdentityError;
use crate::agent::{AgentLog, EnrollError, RotateError, SettingError, files};
use crate::contract::url::ControlPlane;
use crate::contract::{api, log_lines};
use crate::model::excerpt;

/// Why the agent cannot begin.
#[derive(Debug)]
pub(super) enum Unfit {
    /// Its configuration cannot be used.
    Config(SettingError),
    /// It has no identity that can be used.
    Identity(IdentityError),
    /// No way to the control plane can be set up of what it has; in words.
    Client(String),
}

/// What Go says of a file that cannot be opened: the words of the system, in lower case, without its number.
fn opening(path: &Path, error: &io::Error) -> String {
    format!("open {}: {}", path.display(), files::words(error))
}

fn identity(error: &IdentityError) -> String {
    match error {
        IdentityError::Missing(path) => format!(
            "agent is not enrolled: {}",
            opening(path, &io::ErrorKind::NotFound.into())
        ),
        IdentityError::File { path, error, .. } => opening(path, error),
        IdentityError::Invalid { path, .. } => format!(
            "loading identity: {}: tls: failed to find any PEM data in certificate input",
            path.display()
        ),
        IdentityError::KeyMismatch { .. } => {
            "loading identity: tls: private key does not match public key".to_owned()
        }
        other => format!("loading identity: {other}"),
    }
}

/// A line for a call that did not work.
fn failed(
    error: &HeartbeatError,
    plane: &ControlPlane,
    call: impl Fn(&crate::contract::client::CallError, &ControlPlane) -> String,
) -> String {
    match error {
        HeartbeatError::Call(error) => call(error, plane),
        HeartbeatError::Refused { status, detail } => {
            format!("status {status}: {}", excerpt(detail))
        }
        HeartbeatError::Answer { .. } => error.to_string(),
    }
}

impl<W: Write> AgentLog<W> {
    /// The agent cannot begin, and ends.
    pub(super) fn unfit(&mut self, why: &Unfit) -> io::Result<()> {
        let why = match why {
            Unfit::Config(SettingError::File { path, error }) => opening(path, error),
            Unfit::Config(SettingError::Unfit(why)) => match why.strip_prefix("control_plane: ") {
                Some(why) => format!("invalid control_plane URL: {why}"),
                None => format!("invalid configuration: {why}"),
            },
            Unfit::Identity(error) => identity(error),
            Unfit::Client(why) => why.clone(),
        };
        self.line(&format!("FATAL: {why}"))
    }

    /// The agent has lost what it needs to call, and goes on.
    pub(super) fn lost(&mut self, why: &Unfit) -> io::Result<()> {
        match why {
            Unfit::Identity(error) => self.line(&format!("ERROR: {}", identity(error))),
            Unfit::Client(why) => self.line(&format!("ERROR: {why}")),
            Unfit::Config(why) => self.line(&format!("ERROR: {why}")),
        }
    }

    /// Asking for tasks did not work.
    pub(super) fn polling_failed(
        &mut self,
        error: &HeartbeatError,
        plane: &ControlPlane,
    ) -> io::Result<()> {
        let why = failed(error, plane, |error, plane| {
            get_failed(error, plane, api::TASKS)
        });
        self.line(&log_lines::polling_failed(why))
    }

    /// The agent does not do what a task asks for.
    pub(super) fn task_refused(&mut self, id: &str, why: &str) -> io::Result<()> {
        self.line(&log_lines::task_refused(id, why))
    }

    /// What became of a task could not be told.
    pub(super) fn task_result_failed(
        &mut self,
        id: &str,
        error: &HeartbeatError,
        plane: &ControlPlane,
    ) -> io::Result<()> {
        let path = api::task_result(id);
        let why = failed(error, plane, |error, plane| {
            post_failed(error, plane, &path)
        });
        self.line(&log_lines::task_result_failed(id, why))
    }

    /// The certificate could not be renewed yet; the agent goes on with the one that it has.
    pub(super) fn renewal_failed(
        &mut self,
        error: &RotateError,
        plane: &ControlPlane,
    ) -> io::Result<()> {
        let why = match error {
            RotateError::Renewal(EnrollError::Call(error)) => {
                post_failed(error, plane, api::ROTATE_CERT)
            }
            RotateError::Heartbeat(HeartbeatError::Call(error)) => {
                post_failed(error, plane, api::HEARTBEAT)
            }
            other => other.to_string(),
        };
        self.line(&format!("ERROR: certificate rotation failed: {why}"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::logs::classify_line;

    fn unfit(why: &Unfit) -> String {
        let mut log = AgentLog::new(Vec::new());
        log.unfit(why).unwrap();
        String::from_utf8(log.into_inner()).unwrap()
    }

    fn code(line: &str) -> &str {
        classify_line(line).map_or("", |pattern| pattern.code.as_str())
    }

    #[test]
    fn a_fatal_line_is_known_for_what_it_is() {
        let cert = || "/srv/agent/web.pem".into();
        let denied = || io::Error::from_raw_os_error(if cfg!(windows) { 5 } else { 13 });
        let absent = || io::Error::from_raw_os_error(2);
        let unopened = |error| SettingError::File {
            path: "/etc/nexplane-agent/config.yaml".into(),
            error,
        };
        let useless = |why: &str| SettingError::Unfit(why.to_owned());
        for (why, wanted) in [
            (Unfit::Config(unopened(absent())), "config.missing"),
            (Unfit::Config(unopened(denied())), "config.unreadable"),
            (
                Unfit::Config(useless("control_plane: it has no scheme")),
                "config.url",
            ),
            (
                Unfit::Config(useless("line 2, column 1: `poll_interval` is `x`")),
                "config.invalid",
            ),
            (
                Unfit::Identity(IdentityError::Missing(cert())),
                "identity.missing",
            ),
            (
                Unfit::Identity(IdentityError::File {
                    operation: "read",
                    path: "/etc/nexplane-agent/client.key".into(),
                    error: denied(),
                }),
                "identity.unreadable",
            ),
            (
                Unfit::Identity(IdentityError::Invalid {
                    path: cert(),
                    wanted: "private key in PEM",
                }),
                "identity.invalid",
            ),
            (
                Unfit::Identity(IdentityError::KeyMismatch {
                    cert: cert(),
                    key: cert(),
                }),
                "identity.key_mismatch",
            ),
            (
                Unfit::Client(
                    "could not read a CA certificate from /etc/ca.pem: it holds no certificate in PEM"
                        .into(),
                ),
                "trust.ca_file",
            ),
        ] {
            let line = unfit(&why);
            assert!(line.starts_with("FATAL: "), "{line}");
            assert_eq!(code(&line), wanted, "{line}");
        }
    }

    #[test]
    fn a_refused_task_is_a_task_that_fails() {
        let mut log = AgentLog::new(Vec::new());
        log.task_refused("tsk_1", "this agent does not know the type `run_command`")
            .unwrap();
        let line = String::from_utf8(log.into_inner()).unwrap();
        assert_eq!(code(&line), "tasks.failing", "{line}");
    }
}
