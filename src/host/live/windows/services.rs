//! Services, as the service control manager knows them: state, configuration, how they ended, what is done when they fail.

use std::ffi::OsStr;
use std::io;

use windows_service::service::{
    ServiceAccess, ServiceActionType, ServiceConfig, ServiceExitCode, ServiceFailureResetPeriod,
    ServiceStartType, ServiceState, ServiceStatus,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::{Properties, registry};
use crate::host::{Seen, Service, Unseen};

/// `ERROR_SERVICE_DOES_NOT_EXIST`, `ERROR_INVALID_NAME`, `ERROR_ACCESS_DENIED`.
const NO_SUCH_SERVICE: i32 = 1060;
const NO_NAME: i32 = 123;
const DENIED: i32 = 5;

/// Asks for a service.
pub(super) fn service(name: &str) -> Seen<Service> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)
        .map_err(|error| unseen(&error))?;
    let access = ServiceAccess::QUERY_CONFIG | ServiceAccess::QUERY_STATUS;
    let service = manager
        .open_service(name, access)
        .map_err(|error| unseen(&error))?;
    let mut properties = Properties::new();
    let status = service.query_status().map_err(|error| unseen(&error))?;
    add_status(&mut properties, &status);
    let config = service.query_config().map_err(|error| unseen(&error))?;
    add_config(&mut properties, &config);
    let key = format!(r"{}\{name}", registry::SERVICES);
    if registry::number(&key, "DelayedAutostart") == Some(1) {
        properties.insert("DelayedAutoStart".into(), "yes".into());
    }
    if let Ok(actions) = service.get_failure_actions() {
        let words = actions
            .actions
            .unwrap_or_default()
            .into_iter()
            .take(16)
            .map(|action| {
                let what = match action.action_type {
                    ServiceActionType::None => "none",
                    ServiceActionType::Reboot => "reboot",
                    ServiceActionType::Restart => "restart",
                    ServiceActionType::RunCommand => "run",
                };
                format!("{what}/{}", action.delay.as_millis())
            });
        let words: Vec<String> = words.collect();
        if !words.is_empty() {
            properties.insert("FailureActions".into(), words.join(" "));
        }
        if let ServiceFailureResetPeriod::After(period) = actions.reset_period {
            properties.insert("ResetPeriod".into(), period.as_secs().to_string());
        }
    }
    registry::variables(name, &mut properties);
    Ok(Service {
        properties,
        supplied: false,
    })
}

fn add_status(properties: &mut Properties, status: &ServiceStatus) {
    let state = match status.current_state {
        ServiceState::Stopped => "stopped",
        ServiceState::StartPending => "start_pending",
        ServiceState::StopPending => "stop_pending",
        ServiceState::Running => "running",
        ServiceState::ContinuePending => "continue_pending",
        ServiceState::PausePending => "pause_pending",
        ServiceState::Paused => "paused",
    };
    properties.insert("CurrentState".into(), state.into());
    let (code, specific) = match status.exit_code {
        ServiceExitCode::Win32(code) => (code, 0),
        // ERROR_SERVICE_SPECIFIC_ERROR says that the other number counts.
        ServiceExitCode::ServiceSpecific(code) => (1066, code),
    };
    properties.insert("Win32ExitCode".into(), code.to_string());
    properties.insert("ServiceSpecificExitCode".into(), specific.to_string());
    if let Some(pid) = status.process_id.filter(|pid| *pid != 0) {
        properties.insert("ProcessId".into(), pid.to_string());
    }
}

fn add_config(properties: &mut Properties, config: &ServiceConfig) {
    let start = match config.start_type {
        ServiceStartType::AutoStart => "automatic",
        ServiceStartType::OnDemand => "demand",
        ServiceStartType::Disabled => "disabled",
        ServiceStartType::SystemStart => "system",
        ServiceStartType::BootStart => "boot",
    };
    let text = |text: &OsStr| text.to_string_lossy().into_owned();
    properties.insert("StartType".into(), start.into());
    properties.insert(
        "BinaryPathName".into(),
        text(config.executable_path.as_os_str()),
    );
    properties.insert("DisplayName".into(), text(&config.display_name));
    if let Some(account) = &config.account_name {
        properties.insert("ServiceStartName".into(), text(account));
    }
}

/// What kept Windows from answering.
pub(super) fn unseen(error: &windows_service::Error) -> Unseen {
    match error {
        windows_service::Error::Winapi(error) => match error.raw_os_error() {
            Some(NO_SUCH_SERVICE | NO_NAME) => Unseen::Absent,
            Some(DENIED) => Unseen::Denied,
            _ => Unseen::from_io(error),
        },
        other => Unseen::from_io(&io::Error::other(other.to_string())),
    }
}
