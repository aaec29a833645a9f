//! A service put back into the state that it was in.

use std::time::Duration;

use super::super::reach::Reach;
use super::Taken;
use crate::host::live::programs;

/// How long the service manager has for one change.
pub(super) const LIMIT: Duration = Duration::from_secs(100);

/// Whether it had ended badly, or was about to: a state that cannot be entered, only be let happen again.
fn had_ended(active: &str) -> bool {
    !matches!(active, "active" | "reloading" | "inactive" | "deactivating")
}

/// Stops what did not run before. What ran goes on, and what has ended again by itself is as it was.
pub(super) async fn put_back(reach: &Reach, unit: &str, active: &str) -> Taken {
    if reach.foreign_root().is_some() {
        return Taken::Refused("that would be this machine's, not the one under --root".to_owned());
    }
    if matches!(active, "active" | "reloading") {
        return Taken::Already;
    }
    let shown = systemctl(&["show", "--property=ActiveState", "--value", "--", unit]).await;
    match shown.as_deref().map(str::trim) {
        Ok("active" | "reloading") => {}
        Ok(_) if had_ended(active) => return Taken::Already,
        Ok("inactive") => return Taken::Already,
        Ok(_) => {}
        Err(why) => return Taken::Failed(why.clone()),
    }
    match systemctl(&["stop", "--", unit]).await {
        Ok(_) if !had_ended(active) => {
            // It may have failed since, where before it had not. Nothing to clear is no failure.
            let _ = systemctl(&["reset-failed", "--", unit]).await;
            Taken::Back
        }
        Ok(_) => Taken::Back,
        Err(why) => Taken::Failed(why),
    }
}

/// Once the files are as they were: what ran reads them anew, and what had ended because of them is started, so that it ends as it did.
/// Nothing, if that makes no difference to one that did not run.
pub(super) async fn with_what_is_back(unit: &str, active: &str) -> Option<Taken> {
    let done = match had_ended(active) {
        // That it does not come up is how it was.
        true => systemctl(&["start", "--no-block", "--", unit]).await,
        false if active == "active" => {
            // Often enough restarted, it would not be once more. Nothing to clear is no failure.
            let _ = systemctl(&["reset-failed", "--", unit]).await;
            systemctl(&["try-restart", "--", unit]).await
        }
        false => return None,
    };
    Some(match done {
        Ok(_) => Taken::Back,
        Err(why) => Taken::Failed(why),
    })
}

async fn systemctl(args: &[&str]) -> Result<String, String> {
    programs::run("systemctl", args, LIMIT).await
}
