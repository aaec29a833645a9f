//! What a repair has systemd do: each change with its way back, and the steps of that way.

use std::time::Duration;

use super::hands::{Hands, HandsError};
use super::journal::Undo;
use super::standing::{AtBoot, Standing};
use crate::host::live::programs;
use crate::host::{Service, StartType};

/// How long the service manager has for one change. A start waits for the agent to say that it is ready.
pub(super) const LIMIT: Duration = Duration::from_secs(100);

/// Lets it be started again.
pub(super) async fn allow(
    hands: &mut Hands,
    unit: &str,
    service: &Service,
) -> Result<(), HandsError> {
    let runtime = service.get("UnitFileState") == Some("masked-runtime");
    let (mask, unmask): (&[&str], &[&str]) = match runtime {
        true => (&["mask", "--runtime"], &["unmask", "--runtime"]),
        false => (&["mask"], &["unmask"]),
    };
    change(hands, Some(taken_back_by(unit, mask)), unmask, unit).await
}

/// Has it start at boot.
pub(super) async fn enable(
    hands: &mut Hands,
    unit: &str,
    service: &Service,
) -> Result<(), HandsError> {
    if Standing::of(service).at_boot == AtBoot::UntilReboot {
        hands.note(&taken_back_by(unit, &["enable", "--runtime"]))?;
    }
    let undo = taken_back_by(unit, &["disable"]);
    change(hands, Some(undo), &["enable"], unit).await
}

/// Starts it, or starts it anew.
pub(super) async fn bring_up(
    hands: &mut Hands,
    unit: &str,
    service: &Service,
) -> Result<(), HandsError> {
    let active = Standing::of(service).active;
    hands.note(&Undo::RestoreService {
        unit: unit.to_owned(),
        active: active.clone(),
    })?;
    // A start limit is counted for units that have not failed too: often enough started, it would not be once more.
    let cleared = change(hands, None, &["reset-failed"], unit).await;
    // One that systemd has forgotten, because nothing needs it, has nothing to clear.
    if !matches!(active.as_str(), "active" | "inactive") {
        cleared?;
    }
    let start = match active.as_str() {
        "inactive" | "failed" => "start",
        _ => "restart",
    };
    change(hands, None, &[start], unit).await
}

async fn change(
    hands: &mut Hands,
    undo: Option<Undo>,
    args: &[&str],
    unit: &str,
) -> Result<(), HandsError> {
    let args = [args, &["--", unit]].concat();
    hands.run(undo, "systemctl", &args, LIMIT).await?;
    Ok(())
}

fn taken_back_by(unit: &str, args: &[&str]) -> Undo {
    let words = [&["systemctl"], args, &["--", unit]].concat();
    Undo::Run {
        command: words.into_iter().map(str::to_owned).collect(),
    }
}

/// What it is doing (`ActiveState`).
pub(super) async fn state(unit: &str) -> Result<String, String> {
    let shown = systemctl(&["show", "--property=ActiveState", "--value", "--", unit]).await?;
    Ok(shown.trim().to_owned())
}

/// Stops it.
pub(super) async fn stop(unit: &str) -> Result<(), String> {
    systemctl(&["stop", "--", unit]).await.map(drop)
}

/// Forgets that it has failed, and how often it was started. Nothing to forget is no failure.
pub(super) async fn forget_failure(unit: &str) {
    let _ = systemctl(&["reset-failed", "--", unit]).await;
}

/// Has it start, and does not wait for what comes of it.
pub(super) async fn begin(unit: &str) -> Result<(), String> {
    let args = ["start", "--no-block", "--", unit];
    systemctl(&args).await.map(drop)
}

/// Starts it anew, if it runs.
pub(super) async fn renew(unit: &str) -> Result<(), String> {
    systemctl(&["try-restart", "--", unit]).await.map(drop)
}

async fn systemctl(args: &[&str]) -> Result<String, String> {
    programs::run("systemctl", args, LIMIT).await
}

/// What Windows alone knows.
const OF_WINDOWS: &str = "that is a service of Windows";

/// systemd pauses no service.
pub(super) async fn pause(_unit: &str) -> Result<(), String> {
    Err(OF_WINDOWS.to_owned())
}

/// systemd knows no start types.
pub(super) async fn restore_start(_unit: &str, _start: StartType) -> Result<bool, String> {
    Err(OF_WINDOWS.to_owned())
}

/// systemd's services have their variables in files.
pub(super) async fn variables(_unit: &str) -> Result<Option<Vec<String>>, String> {
    Err(OF_WINDOWS.to_owned())
}

/// The same.
pub(super) async fn give_variables(_unit: &str, _given: Option<&[String]>) -> Result<(), String> {
    Err(OF_WINDOWS.to_owned())
}

/// The same.
pub(super) async fn set_start(_unit: &str, _start: StartType) -> Result<(), String> {
    Err(OF_WINDOWS.to_owned())
}
