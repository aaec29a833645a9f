//! Programs by which a service manager is asked: each with a deadline, what they print bounded.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::ServiceError;
use crate::model::excerpt;

/// How long one of its commands may take: longer than a service's start and stop together.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most that is read of what a command prints, in bytes.
const LIMIT: u64 = 64 * 1024;

/// What a command printed and how it ended.
#[derive(Debug, Clone)]
pub(super) struct Printed {
    pub(super) succeeded: bool,
    /// Its exit status, unless a signal ended it.
    #[cfg_attr(
        not(any(target_os = "macos", test)),
        expect(dead_code, reason = "launchd's numbers")
    )]
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Printed {
    /// That it did not do what it was run for.
    pub(super) fn failed(&self, operation: &'static str) -> ServiceError {
        let complaint = self.err.lines().map(str::trim).find(|it| !it.is_empty());
        ServiceError::Failed {
            operation,
            why: complaint.map_or_else(|| "it did not say why".to_owned(), excerpt),
        }
    }
}

/// Runs a program, found in the search path.
pub(super) async fn run(
    program: &str,
    operation: &'static str,
    arguments: &[&str],
) -> Result<Printed, ServiceError> {
    let failed = |why: String| ServiceError::Failed { operation, why };
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("SYSTEMD_COLORS", "0")
        .env("SYSTEMD_PAGER", "")
        .env_remove("NEXPLANE_ENROLLMENT_TOKEN")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                ServiceError::Missing(format!("there is no {program} on this host"))
            }
            _ => failed(format!("{program}: {error}")),
        })?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ending = async { tokio::join!(read(out), read(err), child.wait()) };
    let (out, err, status) = timeout(PATIENCE, ending)
        .await
        .map_err(|_| failed(format!("no end within {} s", PATIENCE.as_secs())))?;
    let status = status.map_err(|error| failed(error.to_string()))?;
    Ok(Printed {
        succeeded: status.success(),
        code: status.code(),
        out,
        err,
    })
}

/// What comes out of a pipe, up to the bound. The rest is read and forgotten, so that nobody waits to be read.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _as_far_as_it_came = (&mut pipe).take(LIMIT).read_to_end(&mut bytes).await;
        let _to_its_end = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
