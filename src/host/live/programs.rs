//! Programs of this machine that change it, for the one room that may: found and run as those that only tell.

use std::path::PathBuf;
use std::time::Duration;

use super::commands;
use super::deadline::Deadline;
use super::files::Root;
use crate::host::Unseen;
use crate::model::excerpt;

/// Where a program of this machine is: in the search path, then where programs usually are.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    commands::find(&Root::new(None), name).ok()
}

/// Runs a program of this machine, and gives what it printed.
///
/// # Errors
/// Why not, in words: it is not here, did not end in time (it is killed then), or what it complained of.
pub(crate) async fn run(name: &str, args: &[&str], limit: Duration) -> Result<String, String> {
    let path = commands::find(&Root::new(None), name).map_err(|_| "it is not here".to_owned())?;
    let output = commands::run(Deadline::after(limit), &path, args)
        .await
        .map_err(|unseen| match unseen {
            Unseen::TimedOut { after_ms } => {
                format!("it did not end within {} s", after_ms.div_ceil(1000))
            }
            unseen => unseen.to_string(),
        })?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(match output.complaint() {
            Some(complaint) => complaint.to_owned(),
            // Some say it where they say everything (chronyc).
            None => match output.last_words() {
                Some(words) => format!("{}: {}", output.status, excerpt(&words)),
                None => output.status.to_string(),
            },
        }),
    }
}
