//! What keeps the time: the Windows Time service, its settings in the registry, and what `w32tm` says of it.

use std::collections::BTreeMap;

use super::{registry, services};
use crate::host::live::deadline::Deadline;
use crate::host::live::files::Root;
use crate::host::live::{commands, w32tm};
use crate::host::{Seen, StartType, TimeServer, TimeSync, Unseen};

const PARAMETERS: &str = r"SYSTEM\CurrentControlSet\Services\W32Time\Parameters";
/// The most time servers that are told.
const MOST: usize = 16;

/// Asks the registry, the service and, while it runs, `w32tm`.
pub(in crate::host::live) async fn time_sync(deadline: Deadline) -> Seen<TimeSync> {
    let (service, kind, servers) = deadline
        .blocking(|| {
            let text = |name| registry::text(PARAMETERS, name).unwrap_or_default();
            (
                services::service("W32Time"),
                text("Type"),
                text("NtpServer"),
            )
        })
        .await?;
    let service = match service {
        Ok(service) => service,
        Err(Unseen::Absent) => return Err(Unseen::unsupported("there is no Windows Time service")),
        Err(unseen) => return Err(unseen),
    };
    let disabled = service.windows().and_then(|it| it.start_type()) == Some(StartType::Disabled);
    let enabled = !disabled && !kind.eq_ignore_ascii_case("NoSync");
    let state = service.get("CurrentState").unwrap_or_default().to_owned();
    let mut properties = BTreeMap::from([
        ("NTP".to_owned(), yes_or_no(enabled)),
        ("W32Time".to_owned(), state.clone()),
        (
            "StartType".to_owned(),
            service.get("StartType").unwrap_or_default().to_owned(),
        ),
        ("Type".to_owned(), kind.clone()),
    ]);
    let mut synchronized = None;
    if enabled && state == "running" {
        let program = deadline
            .blocking(|| commands::find(&Root::new(None), "w32tm"))
            .await?;
        if let Ok(program) = program
            && let Ok(output) = commands::run(deadline, &program, &["/query", "/status"]).await
        {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            synchronized = w32tm::is_synchronized(&text);
            if let Some(synchronized) = synchronized {
                properties.insert("NTPSynchronized".into(), yes_or_no(synchronized));
                properties.insert("w32tm".into(), text);
            }
        }
    }
    // A member of a domain follows its domain, whatever stands here.
    let named = match kind.to_ascii_uppercase().as_str() {
        "NTP" | "ALLSYNC" => w32tm::servers(&servers),
        _ => Vec::new(),
    };
    let named_in = format!(r"HKLM\{PARAMETERS}");
    let server = |name| TimeServer {
        name,
        named_in: named_in.clone(),
    };
    Ok(TimeSync {
        enabled: Some(enabled),
        synchronized,
        properties,
        keeper: enabled.then(|| "W32Time".to_owned()),
        servers: named.into_iter().take(MOST).map(server).collect(),
        supplied: false,
    })
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}
