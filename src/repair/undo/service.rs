//! A service put back into the state that it was in.

use super::super::manager;
use super::super::reach::Reach;
use super::{Force, Taken};
use crate::host::StartType;

pub(super) use super::super::manager::LIMIT;

/// Whether it had ended badly, or was about to: a state that cannot be entered, only be let happen again.
fn had_ended(active: &str) -> bool {
    !matches!(
        active,
        "active" | "reloading" | "inactive" | "deactivating" | "paused"
    )
}

/// What cannot be done to a host under another root.
fn refusal(reach: &Reach) -> Option<Taken> {
    let why = "that would be this machine's, not the one under --root";
    reach.foreign_root().map(|_| Taken::Refused(why.to_owned()))
}

/// Stops what did not run before. What ran goes on, and what has ended again by itself is as it was.
pub(super) async fn put_back(reach: &Reach, unit: &str, active: &str) -> Taken {
    if let Some(refused) = refusal(reach) {
        return refused;
    }
    if matches!(active, "active" | "reloading") {
        return Taken::Already;
    }
    let state = manager::state(unit).await;
    match state.as_deref() {
        Ok(state) if state == active && active == "paused" => return Taken::Already,
        Ok("active" | "reloading") => {}
        Ok(_) if had_ended(active) => return Taken::Already,
        Ok("inactive") => return Taken::Already,
        Ok(_) => {}
        Err(why) => return Taken::Failed(why.clone()),
    }
    if active == "paused" {
        return taken(manager::pause(unit).await);
    }
    let stopped = manager::stop(unit).await;
    if stopped.is_ok() && !had_ended(active) {
        // It may have failed since, where before it had not.
        manager::forget_failure(unit).await;
    }
    taken(stopped)
}

/// Once the files are as they were: what ran reads them anew, and what had ended because of them is started, so that it ends as it did.
/// Nothing, if that makes no difference to one that did not run.
pub(super) async fn with_what_is_back(unit: &str, active: &str) -> Option<Taken> {
    let done = match had_ended(active) {
        // That it does not come up is how it was.
        true => manager::begin(unit).await,
        false if active == "active" => {
            // Often enough restarted, it would not be once more.
            manager::forget_failure(unit).await;
            manager::renew(unit).await
        }
        false => return None,
    };
    Some(taken(done))
}

/// Gives a service of Windows its start type back.
pub(super) async fn start_type(reach: &Reach, unit: &str, start: StartType) -> Taken {
    if let Some(refused) = refusal(reach) {
        return refused;
    }
    match manager::restore_start(unit, start).await {
        Ok(true) => Taken::Back,
        Ok(false) => Taken::Already,
        Err(why) => Taken::Failed(why),
    }
}

/// Gives a service of Windows its own variables back, if nobody has changed them since.
pub(super) async fn variables(
    reach: &Reach,
    unit: &str,
    before: Option<&[String]>,
    left: Option<&[String]>,
    force: Force,
) -> Taken {
    if let Some(refused) = refusal(reach) {
        return refused;
    }
    match manager::variables(unit).await {
        Ok(now) if now.as_deref() == before => Taken::Already,
        Ok(now) if now.as_deref() != left && force == Force::No => Taken::Refused(
            "its variables were changed since; --undo --yes --all takes it back all the same"
                .to_owned(),
        ),
        Ok(_) => taken(manager::give_variables(unit, before).await),
        Err(why) => Taken::Failed(why),
    }
}

fn taken(done: Result<(), String>) -> Taken {
    match done {
        Ok(()) => Taken::Back,
        Err(why) => Taken::Failed(why),
    }
}
