//! Services changed, for the one room that may: started, stopped, and when they start. Every call waits for the service control manager.
#![expect(
    unsafe_code,
    reason = "a start type alone is changed by a call that takes nothing for everything else"
)]

use std::ffi::OsStr;
use std::io;
use std::ptr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use windows_registry::LOCAL_MACHINE;
use windows_service::service::{Service, ServiceAccess, ServiceState};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_sys::Win32::System::Services::{
    ChangeServiceConfigW, SERVICE_AUTO_START, SERVICE_DEMAND_START, SERVICE_DISABLED,
    SERVICE_NO_CHANGE,
};

use super::{registry, services};
use crate::host::{Service as Seen, StartType};

/// How often it is looked whether a service has got where it was sent.
const INTERVAL: Duration = Duration::from_millis(50);
/// `ERROR_SERVICE_ALREADY_RUNNING`, `ERROR_SERVICE_NOT_ACTIVE`.
const ALREADY_RUNNING: i32 = 1056;
const NOT_ACTIVE: i32 = 1062;

/// Where a service is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// To run.
    Start,
    /// To end.
    Stop,
    /// To stay as it is, and do nothing.
    Pause,
    /// To go on after a pause.
    Continue,
}

/// Sends a service somewhere, and waits until it is there, or has ended, or the time is over.
///
/// # Errors
/// What Windows said, or where it is instead.
pub(crate) fn send(name: &str, order: Order, limit: Duration) -> Result<(), String> {
    let (access, wanted) = match order {
        Order::Start => (ServiceAccess::START, ServiceState::Running),
        Order::Stop => (ServiceAccess::STOP, ServiceState::Stopped),
        Order::Pause => (ServiceAccess::PAUSE_CONTINUE, ServiceState::Paused),
        Order::Continue => (ServiceAccess::PAUSE_CONTINUE, ServiceState::Running),
    };
    let until = Instant::now() + limit;
    let service = open(name, access | ServiceAccess::QUERY_STATUS)?;
    let sent = match order {
        Order::Start => service.start::<&OsStr>(&[]),
        Order::Stop => service.stop().map(drop),
        Order::Pause => service.pause().map(drop),
        Order::Continue => service.resume().map(drop),
    };
    match sent {
        Err(error) if !is_there_already(order, &error) => return Err(words(&error)),
        _ => {}
    }
    loop {
        let state = service
            .query_status()
            .map_err(|error| words(&error))?
            .current_state;
        // How it ended that should run, who looks next finds out.
        if state == wanted || state == ServiceState::Stopped {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(format!("it is still {state:?} after {} s", limit.as_secs()));
        }
        sleep(INTERVAL);
    }
}

fn is_there_already(order: Order, error: &windows_service::Error) -> bool {
    let code = match error {
        windows_service::Error::Winapi(error) => error.raw_os_error(),
        _ => None,
    };
    match order {
        Order::Start => code == Some(ALREADY_RUNNING),
        Order::Stop => code == Some(NOT_ACTIVE),
        Order::Pause | Order::Continue => false,
    }
}

/// Says when a service starts, and nothing else of it.
///
/// # Errors
/// What Windows said.
pub(crate) fn set_start(name: &str, start: StartType) -> Result<(), String> {
    let service = open(name, ServiceAccess::CHANGE_CONFIG)?;
    let start = match start {
        StartType::Automatic => SERVICE_AUTO_START,
        StartType::Demand => SERVICE_DEMAND_START,
        StartType::Disabled => SERVICE_DISABLED,
    };
    // SAFETY: the service is open; what is null or SERVICE_NO_CHANGE stays as it is.
    let changed = unsafe {
        ChangeServiceConfigW(
            service.raw_handle(),
            SERVICE_NO_CHANGE,
            start,
            SERVICE_NO_CHANGE,
            ptr::null(),
            ptr::null(),
            ptr::null_mut(),
            ptr::null(),
            ptr::null(),
            ptr::null(),
            ptr::null(),
        )
    };
    match changed {
        0 => Err(io::Error::last_os_error().to_string()),
        _ => Ok(()),
    }
}

/// What a service is doing now.
///
/// # Errors
/// Why that is not known.
pub(crate) fn look(name: &str) -> Result<Seen, String> {
    services::service(name).map_err(|unseen| unseen.to_string())
}

/// A service's own variables, each `NAME=value`; nothing, if it has none.
///
/// # Errors
/// Why they cannot be read.
pub(crate) fn variables(name: &str) -> Result<Option<Vec<String>>, String> {
    let key = LOCAL_MACHINE
        .open(key_of(name))
        .map_err(|error| error.message())?;
    match key.get_type(ENVIRONMENT) {
        Err(_) => Ok(None),
        Ok(_) => key
            .get_multi_string(ENVIRONMENT)
            .map(Some)
            .map_err(|error| error.message()),
    }
}

/// Gives a service other variables of its own, or none. A running one has them once it is started anew.
///
/// # Errors
/// What Windows said.
pub(crate) fn set_variables(name: &str, variables: Option<&[String]>) -> Result<(), String> {
    let key = LOCAL_MACHINE
        .options()
        .read()
        .write()
        .open(key_of(name))
        .map_err(|error| error.message())?;
    match variables {
        None => key.remove_value(ENVIRONMENT),
        Some(variables) => {
            let variables: Vec<&str> = variables.iter().map(String::as_str).collect();
            key.set_multi_string(ENVIRONMENT, &variables)
        }
    }
    .map_err(|error| error.message())
}

/// Where a service's own variables are.
const ENVIRONMENT: &str = "Environment";

fn key_of(name: &str) -> String {
    format!(r"{}\{name}", registry::SERVICES)
}

fn open(name: &str, access: ServiceAccess) -> Result<Service, String> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)
        .map_err(|error| words(&error))?;
    manager
        .open_service(name, access)
        .map_err(|error| words(&error))
}

fn words(error: &windows_service::Error) -> String {
    match error {
        windows_service::Error::Winapi(error) => error.to_string(),
        other => other.to_string(),
    }
}
