//! The agent's lines in its log, to the letter of the runbook.
//!
//! Only how a line is put together; when one is written is the agent's affair, what one means is that of `logs`.

use std::fmt::Display;

/// How the agent says that it could not enroll, and ends.
pub fn enrollment_failed(why: impl Display) -> String {
    format!("FATAL: enrollment failed: {why}")
}

/// How the agent says that the control plane did not accept its sign of life, and goes on.
pub fn heartbeat_rejected(detail: impl Display) -> String {
    format!("ERROR: heartbeat rejected: {detail}")
}

/// How the agent says that a sign of life did not arrive, and goes on.
pub fn heartbeat_failed(why: impl Display) -> String {
    format!("ERROR: heartbeat failed: {why}")
}

/// How the agent says that its certificate could not be renewed.
pub fn rotation_failed(why: impl Display) -> String {
    format!("FATAL: certificate rotation failed: {why}")
}

/// How the agent says that asking for tasks did not work, and goes on.
pub fn polling_failed(why: impl Display) -> String {
    format!("ERROR: polling for tasks failed: {why}")
}

/// How the agent says that it does not do what a task asks for.
pub fn task_refused(id: impl Display, why: impl Display) -> String {
    format!("ERROR: task {id} rejected: {why}")
}

/// How the agent says that what became of a task could not be told.
pub fn task_result_failed(id: impl Display, why: impl Display) -> String {
    format!("ERROR: posting result of task {id} failed: {why}")
}

/// How Go's `net/http` says that asking for something did not work.
pub fn get_failed(url: impl Display, why: impl Display) -> String {
    format!("Get \"{url}\": {why}")
}

/// How Go's `net/http` says that a request did not come through.
pub fn post_failed(url: impl Display, why: impl Display) -> String {
    format!("Post \"{url}\": {why}")
}

/// How the agent says that the time makes the control plane's certificate unacceptable.
pub fn certificate_validation(why: impl Display) -> String {
    format!("certificate validation error: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::api;

    #[test]
    fn the_runbooks_lines_to_the_letter() {
        assert_eq!(
            enrollment_failed(api::TOKEN_USED),
            "FATAL: enrollment failed: token has already been used"
        );
        assert_eq!(
            enrollment_failed(post_failed(
                "https://HOST:8000/agent/enroll",
                "x509: certificate signed by unknown authority"
            )),
            "FATAL: enrollment failed: Post \"https://HOST:8000/agent/enroll\": x509: certificate signed by unknown authority"
        );
        assert_eq!(
            enrollment_failed(certificate_validation("certificate not yet valid")),
            "FATAL: enrollment failed: certificate validation error: certificate not yet valid"
        );
        assert_eq!(
            heartbeat_rejected(api::AGENT_REVOKED),
            "ERROR: heartbeat rejected: agent not found or revoked"
        );
    }
}
