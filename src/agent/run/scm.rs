//! The agent as a service of Windows: the service control manager starts it, is told how it stands, and asks it to end; its log
//! is the Event Log.

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use windows_service::define_windows_service;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    self, ServiceControlHandlerResult, ServiceStatusHandle,
};
use windows_service::service_dispatcher;

use super::{Ended, RunOptions, begin};
use crate::contract::paths::AgentPaths;
use crate::host::live::windows::EventSource;
use crate::model::Os;

/// `ERROR_FAILED_SERVICE_CONTROLLER_CONNECT`: nobody but a person has started this.
const NO_SERVICE: i32 = 1063;
/// How long it may take to start or to end.
const WAIT: Duration = Duration::from_secs(30);

/// What the service runs with, and how it ended: its entry has a fixed form, which takes neither and gives neither.
static OPTIONS: Mutex<Option<RunOptions>> = Mutex::new(None);
static ENDED: Mutex<Option<io::Result<Ended>>> = Mutex::new(None);
/// The service control manager, where it has started this.
static MANAGER: OnceLock<ServiceStatusHandle> = OnceLock::new();
/// It asks for the end.
static STOP: Notify = Notify::const_new();

define_windows_service!(entry, service_main);

fn held<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn name() -> &'static str {
    AgentPaths::of(Os::Windows).service
}

/// Runs as a service, if the service control manager has started this; else in the foreground.
pub(super) fn serve(options: RunOptions) -> io::Result<Ended> {
    *OPTIONS.lock().unwrap_or_else(PoisonError::into_inner) = Some(options);
    match service_dispatcher::start(name(), entry) {
        Ok(()) => held(&ENDED).unwrap_or(Ok(Ended::Unfit)),
        Err(windows_service::Error::Winapi(error)) if error.raw_os_error() == Some(NO_SERVICE) => {
            match held(&OPTIONS) {
                Some(options) => begin(options),
                None => Ok(Ended::Unfit),
            }
        }
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

fn service_main(_arguments: Vec<OsString>) {
    let handler = |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            STOP.notify_one();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    let Ok(manager) = service_control_handler::register(name(), handler) else {
        return;
    };
    let _only_once = MANAGER.set(manager);
    tell(ServiceState::StartPending, ServiceExitCode::NO_ERROR);
    let ended = match held(&OPTIONS) {
        Some(options) => begin(options),
        None => Ok(Ended::Unfit),
    };
    let code = match &ended {
        Ok(Ended::Asked) => ServiceExitCode::NO_ERROR,
        Ok(Ended::Unfit) | Err(_) => ServiceExitCode::ServiceSpecific(1),
    };
    *ENDED.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    // The process ends when this is told.
    tell(ServiceState::Stopped, code);
}

fn tell(state: ServiceState, exit_code: ServiceExitCode) {
    let accepts = match state {
        ServiceState::Running => ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN,
        _ => ServiceControlAccept::empty(),
    };
    let pending = matches!(
        state,
        ServiceState::StartPending | ServiceState::StopPending
    );
    let status = ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: accepts,
        exit_code,
        checkpoint: 0,
        wait_hint: if pending { WAIT } else { Duration::ZERO },
        process_id: None,
    };
    if let Some(manager) = MANAGER.get() {
        // Nobody listens, or not any more: that is no reason not to work.
        let _untold = manager.set_service_status(status);
    }
}

/// The service control manager, told in the words of sd_notify(3).
#[derive(Debug)]
pub(super) struct Socket(());

impl Socket {
    pub(super) fn send(&self, what: &[u8]) -> io::Result<usize> {
        match what {
            b"READY=1" => tell(ServiceState::Running, ServiceExitCode::NO_ERROR),
            b"STOPPING=1" => tell(ServiceState::StopPending, ServiceExitCode::NO_ERROR),
            _ => {}
        }
        Ok(what.len())
    }
}

/// Where it is told how the agent stands, if there is such a place.
pub(super) fn socket() -> Option<Socket> {
    MANAGER.get().map(|_| Socket(()))
}

/// Ends when the process is asked to: by the service control manager, or by Ctrl-C.
pub(super) async fn asked_to_stop() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = STOP.notified() => {}
        () = interrupted => {}
    }
}

/// Where the log goes: to the Event Log, where this is a service.
pub(super) fn output() -> Box<dyn Write + Send> {
    match MANAGER.get().map(|_| EventSource::of_agent()) {
        Some(Ok(source)) => Box::new(Events {
            source,
            line: Vec::new(),
        }),
        _ => Box::new(io::stderr()),
    }
}

/// An event a line.
struct Events {
    source: EventSource,
    line: Vec<u8>,
}

impl Write for Events {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    self.source.report(&String::from_utf8_lossy(&line))?;
                }
                byte => self.line.push(*byte),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
