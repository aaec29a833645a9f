//! The agent as a job of launchd, which tells it nothing and asks it to end by a signal: its log is the unified log.

use std::io::{self, Write};

use crate::contract::paths::AgentPaths;
use crate::host::live::macos::UnifiedLog;
use crate::model::Os;

/// Where the log goes: to the unified log, where launchd has started this, whose name for the job is in its environment.
pub(super) fn output() -> Box<dyn Write + Send> {
    let job = std::env::var("XPC_SERVICE_NAME");
    match job.is_ok_and(|job| job == AgentPaths::of(Os::Macos).unit) {
        true => Box::new(Entries(UnifiedLog::of_agent())),
        false => Box::new(io::stderr()),
    }
}

/// An entry a line: whole lines come here, each in one piece.
struct Entries(UnifiedLog);

impl Write for Entries {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.report(String::from_utf8_lossy(line).trim_end());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
