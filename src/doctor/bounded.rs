//! A look that ends in time, whatever happens: on a thread of its own, with a runtime of its own, its panics caught.
//!
//! For those that must not be held up or brought down by it: the agent that looks for the cause of its own failures, and the
//! start of a service.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{CatalogueError, Doctor};
use crate::engine::Limits;
use crate::model::Report;

/// How long a look may take that a service waits for.
pub const BUDGET: Duration = Duration::from_secs(2);

/// What is left for the judgement when the looking is over.
const MARGIN: Duration = Duration::from_millis(250);
/// What may block at once.
const BLOCKING_THREADS: usize = 8;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum NoReport {
    /// It did not come to its end.
    #[error("the diagnosis did not come to its end within {} ms", .0.as_millis())]
    TooLate(Duration),
    /// A defect of the doctor.
    #[error("a defect of the doctor: it panicked")]
    Panicked,
    /// A defect of the doctor.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The system gave no thread.
    #[error("the diagnosis could not begin: {0}")]
    NotBegun(#[from] std::io::Error),
}

/// What one probe and the whole look may take within this time.
fn limits(budget: Duration) -> Limits {
    let deadline = budget.saturating_sub(MARGIN);
    Limits {
        // So that one that hangs is found to hang, and something can still be found behind it.
        timeout: deadline * 2 / 3,
        deadline,
    }
}

/// Looks once, for at most `budget`; what is not decided by then is `unknown`. Waits for it: nothing that must not wait calls this.
///
/// # Errors
/// When there is no report.
pub fn look_within(
    budget: Duration,
    doctor: impl FnOnce(Limits) -> Result<Doctor, CatalogueError> + Send + 'static,
) -> Result<Report, NoReport> {
    let (done, report) = sync_channel(1);
    let looking = move || {
        // Who waits has gone, if this is not taken.
        let _ = done.send(look(budget, doctor));
    };
    // Nobody waits for the thread: what hangs in a system call hangs alone.
    let _detached = std::thread::Builder::new()
        .name("diagnosis".to_owned())
        .spawn(looking)?;
    match report.recv_timeout(budget) {
        Ok(report) => report,
        Err(RecvTimeoutError::Timeout) => Err(NoReport::TooLate(budget)),
        Err(RecvTimeoutError::Disconnected) => Err(NoReport::Panicked),
    }
}

fn look(
    budget: Duration,
    doctor: impl FnOnce(Limits) -> Result<Doctor, CatalogueError>,
) -> Result<Report, NoReport> {
    let limits = limits(budget);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        let interrupted = CancellationToken::new();
        let end = tokio::time::Instant::now() + limits.deadline;
        let doctor = doctor(limits)?;
        let cancel = interrupted.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until(end).await;
            cancel.cancel();
        });
        Ok(doctor.look(&interrupted, &mut |_| {}).await)
    });
    runtime.shutdown_background();
    report
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking, and one is about that"
    )]

    use super::*;
    use crate::host::live::Settings;
    use crate::model::{Target, Verdict};

    /// A host with nothing on it.
    fn doctor(limits: Limits) -> Result<Doctor, CatalogueError> {
        let root = Some(std::env::temp_dir().join("no-such-root"));
        let settings = Settings {
            root,
            ..Settings::new(limits.timeout)
        };
        Doctor::new(Target::unspecified(limits.timeout), settings, limits)
    }

    #[test]
    #[cfg_attr(windows, ignore = "the services of another root are in no file there")]
    fn a_look_comes_back_with_its_report() {
        let report = look_within(Duration::from_secs(30), doctor).unwrap();
        assert_eq!(report.verdict, Verdict::Failed);
    }

    #[test]
    fn a_panic_is_no_report_and_nothing_more() {
        let report = look_within(Duration::from_secs(30), |_| panic!("a defect"));
        assert!(matches!(report, Err(NoReport::Panicked)));
    }

    #[test]
    fn nobody_waits_longer_than_was_said() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let report = look_within(Duration::from_millis(50), move |limits| {
            // Until the test is over.
            let _ = held.recv();
            doctor(limits)
        });
        assert!(matches!(report, Err(NoReport::TooLate(_))));
        drop(release);
    }

    #[test]
    fn there_is_time_for_a_judgement_after_the_last_probe() {
        let limits = limits(BUDGET);
        assert!(limits.timeout < limits.deadline && limits.deadline < BUDGET);
    }
}
