//! The agent looks for the cause of its failures itself: the doctor's diagnosis, in this process, beside the work.
//!
//! It never delays the work and never ends it: on a thread of its own, for a bounded time, one at a time. Its heartbeat is no
//! sign of life, and no token is used up.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::work::Log;
use crate::agent::state::{StateDirectory, unkept};
use crate::doctor::{BUDGET, Doctor, NoReport, look_within};
use crate::host::live::Settings;
use crate::model::{Report, Target, Verdict};
use crate::report::{json_v1, line};

/// What diagnoses, and where that goes.
#[derive(Clone)]
pub(super) struct SelfDiagnosis {
    pub(super) config: Arc<Path>,
    pub(super) kept: StateDirectory,
    pub(super) log: Log,
}

impl SelfDiagnosis {
    /// Diagnoses each time that it is asked, until nobody can ask any more.
    pub(super) async fn serve(self, mut asked: mpsc::Receiver<()>) {
        while asked.recv().await.is_some() {
            let once = self.clone();
            let done = tokio::task::spawn_blocking(move || once.diagnose()).await;
            if done.is_err() {
                self.log.say("WARNING: diagnosis: it was not made");
            }
        }
    }

    /// Diagnoses once, says so in a line, and keeps the report. Blocks for at most [`BUDGET`], and while the report is written.
    pub(super) fn diagnose(&self) {
        let config = Arc::clone(&self.config);
        let report = look_within(BUDGET, move |limits| {
            let target = Target {
                config: Some(config.to_path_buf()),
                ..Target::unspecified(limits.timeout)
            };
            Doctor::new(target, Settings::new(limits.timeout), limits)
        });
        match report {
            Ok(report) => self.tell(&report),
            Err(why) => self.log.say(&untold(&why)),
        }
    }

    fn tell(&self, report: &Report) {
        self.log.say(&said(report));
        let kept = json_v1::render(report)
            .map_err(Into::into)
            .and_then(|text| self.kept.write_diagnosis(&text));
        if let Err(error) = kept {
            let path = self.kept.diagnosis();
            let why = unkept(&error);
            self.log.say(&format!(
                "WARNING: diagnosis: not kept in {}: {why}",
                path.display()
            ));
        }
    }
}

/// A diagnosis as a line of the agent's log.
fn said(report: &Report) -> String {
    let level = match report.verdict {
        Verdict::Healthy | Verdict::Undetermined => "INFO",
        Verdict::Degraded | Verdict::Failed => "WARNING",
    };
    format!("{level}: diagnosis: {}", line::render(report))
}

fn untold(why: &NoReport) -> String {
    format!("WARNING: diagnosis: not made: {why}")
}
