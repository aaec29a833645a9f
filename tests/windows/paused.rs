//! A service that is paused: this program is one, when the service control manager starts it.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use windows_service::define_windows_service;
use windows_service::service::{
    ServiceAccess, ServiceControl, ServiceControlAccept, ServiceErrorControl, ServiceExitCode,
    ServiceInfo, ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    self, ServiceControlHandlerResult, ServiceStatusHandle,
};
use windows_service::service_dispatcher;
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::{NAME, bare, diagnosed, wait_for};

/// `ERROR_FAILED_SERVICE_CONTROLLER_CONNECT`: nobody but a person has started this.
const NO_SERVICE: i32 = 1063;
/// This test's name, which the service is started with.
const AS_A_SERVICE: &str = "paused::what_the_service_control_manager_starts";

define_windows_service!(entry, service_main);

fn tell(handle: ServiceStatusHandle, state: ServiceState) {
    let status = ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: ServiceControlAccept::STOP | ServiceControlAccept::PAUSE_CONTINUE,
        exit_code: ServiceExitCode::NO_ERROR,
        checkpoint: 0,
        wait_hint: Duration::ZERO,
        process_id: None,
    };
    handle.set_service_status(status).unwrap();
}

fn service_main(_arguments: Vec<OsString>) {
    let (tx, rx) = std::sync::mpsc::channel();
    let handler = move |control| {
        let _read_until_the_end = tx.send(control);
        match control {
            ServiceControl::Stop
            | ServiceControl::Pause
            | ServiceControl::Continue
            | ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
            _ => ServiceControlHandlerResult::NotImplemented,
        }
    };
    let handle = service_control_handler::register(NAME, handler).unwrap();
    tell(handle, ServiceState::Running);
    for control in rx {
        match control {
            ServiceControl::Pause => tell(handle, ServiceState::Paused),
            ServiceControl::Continue => tell(handle, ServiceState::Running),
            ServiceControl::Stop => return tell(handle, ServiceState::Stopped),
            _ => {}
        }
    }
}

#[test]
fn what_the_service_control_manager_starts() {
    match service_dispatcher::start(NAME, entry) {
        // It was started, and has ended.
        Ok(()) => {}
        Err(windows_service::Error::Winapi(error)) => {
            assert_eq!(error.raw_os_error(), Some(NO_SERVICE), "{error}");
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_paused_service_does_nothing() {
    let _only = bare();
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = ServiceManager::local_computer(None::<&OsStr>, access).unwrap();
    let info = ServiceInfo {
        name: NAME.into(),
        display_name: NAME.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: std::env::current_exe().unwrap(),
        launch_arguments: [AS_A_SERVICE, "--exact", "--test-threads=1"]
            .map(Into::into)
            .to_vec(),
        dependencies: Vec::new(),
        account_name: None,
        account_password: None,
    };
    let access = ServiceAccess::QUERY_STATUS
        | ServiceAccess::START
        | ServiceAccess::STOP
        | ServiceAccess::PAUSE_CONTINUE
        | ServiceAccess::DELETE;
    let service = manager.create_service(&info, access).unwrap();
    service.start::<&OsStr>(&[]).unwrap();
    wait_for(&service, ServiceState::Running);
    assert_eq!(diagnosed("service").0, [""; 0]);
    service.pause().unwrap();
    wait_for(&service, ServiceState::Paused);
    let paused = diagnosed("service").0;
    service.stop().unwrap();
    wait_for(&service, ServiceState::Stopped);
    service.delete().unwrap();
    assert_eq!(paused, ["service.stopped"]);
}
