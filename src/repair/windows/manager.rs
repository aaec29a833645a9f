//! What a repair has the service control manager do: each change with its way back, and the steps of that way.
//!
//! What a service is doing is said in systemd's words (`active`, `inactive`, `failed`), and `paused`.

use std::time::Duration;

use super::hands::{self, Hands, HandsError};
use super::journal::Undo;
use super::standing::Standing;
use crate::host::live::windows::{self, Order};
use crate::host::{Service, StartType};

/// How long the service manager has for one change. A start waits for the agent to say that it is ready.
pub(super) const LIMIT: Duration = Duration::from_secs(100);

/// Lets it be started again, and has it start at boot, as an agent does.
pub(super) async fn allow(
    hands: &mut Hands,
    unit: &str,
    service: &Service,
) -> Result<(), HandsError> {
    enable(hands, unit, service).await
}

/// Has it start at boot.
pub(super) async fn enable(
    hands: &mut Hands,
    unit: &str,
    service: &Service,
) -> Result<(), HandsError> {
    let start = service.windows().and_then(|it| it.start_type());
    let Some(start) = start.filter(|start| *start != StartType::Automatic) else {
        return Ok(());
    };
    hands.note(&Undo::RestoreStartType {
        unit: unit.to_owned(),
        start,
    })?;
    let changed = set_start(unit, StartType::Automatic).await;
    changed.map_err(|why| hands::system("change the start type of", unit, why))
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
    let up = match active.as_str() {
        "paused" => send(unit, Order::Continue).await,
        "inactive" | "failed" => send(unit, Order::Start).await,
        _ => renew(unit).await,
    };
    up.map_err(|why| hands::system("start", unit, why))
}

/// What it is doing.
pub(super) async fn state(unit: &str) -> Result<String, String> {
    let service = asked(unit, |unit| windows::look(unit)).await?;
    Ok(Standing::of(&service).active)
}

/// Stops it.
pub(super) async fn stop(unit: &str) -> Result<(), String> {
    send(unit, Order::Stop).await
}

/// Has it do nothing until somebody continues it.
pub(super) async fn pause(unit: &str) -> Result<(), String> {
    send(unit, Order::Pause).await
}

/// Windows remembers how a service ended until it is started again, and counts no starts.
pub(super) async fn forget_failure(_unit: &str) {}

/// Has it start. That it does not come up is how it was.
pub(super) async fn begin(unit: &str) -> Result<(), String> {
    send(unit, Order::Start).await
}

/// Starts it anew, if it runs.
pub(super) async fn renew(unit: &str) -> Result<(), String> {
    if !matches!(state(unit).await?.as_str(), "inactive" | "failed") {
        send(unit, Order::Stop).await?;
    }
    send(unit, Order::Start).await
}

/// Gives it the start type that it had. Whether it had another one until now.
pub(super) async fn restore_start(unit: &str, start: StartType) -> Result<bool, String> {
    let service = asked(unit, |unit| windows::look(unit)).await?;
    if service.windows().and_then(|it| it.start_type()) == Some(start) {
        return Ok(false);
    }
    set_start(unit, start).await.map(|()| true)
}

async fn send(unit: &str, order: Order) -> Result<(), String> {
    asked(unit, move |unit| windows::send(unit, order, LIMIT)).await
}

/// Says when it starts.
pub(super) async fn set_start(unit: &str, start: StartType) -> Result<(), String> {
    asked(unit, move |unit| windows::set_start(unit, start)).await
}

/// Every call may wait for the service control manager, and some for a service.
async fn asked<T: Send + 'static>(
    unit: &str,
    ask: impl FnOnce(&str) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let unit = unit.to_owned();
    let asking = tokio::task::spawn_blocking(move || ask(&unit));
    match tokio::time::timeout(LIMIT, asking).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "the service control manager did not answer within {} s",
            LIMIT.as_secs()
        )),
    }
}

/// Its own variables; nothing, if it has none.
pub(super) async fn variables(unit: &str) -> Result<Option<Vec<String>>, String> {
    asked(unit, |unit| windows::variables(unit)).await
}

/// Gives it other variables of its own.
pub(super) async fn give_variables(unit: &str, given: Option<&[String]>) -> Result<(), String> {
    let given = given.map(<[String]>::to_vec);
    asked(unit, move |unit| {
        windows::set_variables(unit, given.as_deref())
    })
    .await
}
