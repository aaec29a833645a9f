//! The agent's log: one line an event, in the words that the runbook knows.

use std::io::{self, Write};

use super::enroll::EnrollError;
use super::go_words::post_failed;
use super::heartbeat::HeartbeatError;
use crate::contract::url::ControlPlane;
use crate::contract::{api, log_lines};

/// A log that goes to `out`.
#[derive(Debug)]
pub struct AgentLog<W> {
    out: W,
}

impl<W: Write> AgentLog<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        // One event is one line, whatever a peer put into its words.
        let line = line.replace(|c: char| c.is_control(), " ");
        writeln!(self.out, "{line}")
    }

    /// The agent is enrolled.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn enrolled(&mut self, agent_id: &str) -> io::Result<()> {
        self.line(&format!("INFO: enrolled as {agent_id}"))
    }

    /// The agent could not enroll, and ends.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn enrollment_failed(
        &mut self,
        error: &EnrollError,
        plane: &ControlPlane,
    ) -> io::Result<()> {
        let why = match error {
            EnrollError::Call(error) => post_failed(error, plane, api::ENROLL),
            other => other.to_string(),
        };
        self.line(&log_lines::enrollment_failed(why))
    }

    /// The certificate could not be renewed.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn rotation_failed(&mut self, error: &EnrollError, plane: &ControlPlane) -> io::Result<()> {
        let why = match error {
            EnrollError::Call(error) => post_failed(error, plane, api::ROTATE_CERT),
            other => other.to_string(),
        };
        self.line(&log_lines::rotation_failed(why))
    }

    /// The certificate could not be renewed, and not for what the control plane said to that.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn rotation_impossible(&mut self, why: &impl std::fmt::Display) -> io::Result<()> {
        self.line(&log_lines::rotation_failed(why))
    }

    /// A heartbeat was not accepted, or did not arrive.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn heartbeat_failed(
        &mut self,
        error: &HeartbeatError,
        plane: &ControlPlane,
    ) -> io::Result<()> {
        let line = match error {
            HeartbeatError::Refused { detail, .. } => log_lines::heartbeat_rejected(detail),
            HeartbeatError::Call(error) => {
                log_lines::heartbeat_failed(post_failed(error, plane, api::HEARTBEAT))
            }
            HeartbeatError::Answer { .. } => log_lines::heartbeat_failed(error),
        };
        self.line(&line)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use rustls::{AlertDescription, CertificateError};

    use super::*;
    use crate::contract::client::CallError;

    fn written(error: EnrollError) -> String {
        let plane = ControlPlane::parse("https://HOST:8000").unwrap();
        let mut log = AgentLog::new(Vec::new());
        log.enrollment_failed(&error, &plane).unwrap();
        String::from_utf8(log.into_inner()).unwrap()
    }

    fn refused(status: u16, detail: &str) -> EnrollError {
        let detail = detail.to_owned();
        EnrollError::Refused { status, detail }
    }

    #[test]
    fn the_runbooks_lines() {
        assert_eq!(
            written(refused(409, api::TOKEN_USED)),
            "FATAL: enrollment failed: token has already been used\n"
        );
        let unknown = CallError::PeerNotAccepted(CertificateError::UnknownIssuer);
        assert_eq!(
            written(unknown.into()),
            "FATAL: enrollment failed: Post \"https://host:8000/agent/enroll\": x509: certificate signed by unknown authority\n"
        );
        let early = CallError::PeerNotAccepted(CertificateError::NotValidYet);
        assert_eq!(
            written(early.into()),
            "FATAL: enrollment failed: certificate validation error: certificate not yet valid\n"
        );
        let plane = ControlPlane::parse("https://HOST:8000").unwrap();
        let mut log = AgentLog::new(Vec::new());
        let revoked = HeartbeatError::Refused {
            status: 403,
            detail: api::AGENT_REVOKED.to_owned(),
        };
        log.heartbeat_failed(&revoked, &plane).unwrap();
        assert_eq!(
            String::from_utf8(log.into_inner()).unwrap(),
            "ERROR: heartbeat rejected: agent not found or revoked\n"
        );
    }

    #[test]
    fn other_failures_in_gos_words() {
        for (error, words) in [
            (
                CallError::TimedOut {
                    after: Duration::from_secs(5),
                },
                "context deadline exceeded",
            ),
            (
                CallError::Alert(AlertDescription::UnknownCA),
                "remote error: tls: unknown certificate authority",
            ),
            (CallError::Closed, "\": EOF"),
            (
                CallError::Io {
                    kind: io::ErrorKind::ConnectionRefused,
                    os: Some(111),
                    message: String::new(),
                },
                "dial tcp host:8000: connect: connection refused",
            ),
        ] {
            let line = written(error.into());
            assert!(line.contains(words), "{line}");
        }
    }

    #[test]
    fn a_peers_words_make_no_second_line() {
        let line = written(refused(400, "bad\nFATAL: forged\u{1b}[31m"));
        assert_eq!(line.lines().count(), 1);
        assert!(!line.contains('\u{1b}'));
    }
}
