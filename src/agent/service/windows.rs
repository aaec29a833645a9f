//! The service control manager of Windows, asked through its own interface.
//!
//! Windows keeps no file that defines a service. Ours is beside the configuration: what it says, [`ServiceManager::reload`] tells
//! the service control manager, and where it is gone, the service is deleted. So an installation is one of files, here as elsewhere.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use windows_registry::LOCAL_MACHINE;
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceExitCode,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType,
    ServiceState as State, ServiceStatus, ServiceType,
};
use windows_service::service_manager::{ServiceManager as Scm, ServiceManagerAccess};

use super::super::files;
use super::{Activity, AtBoot, Definition, ServiceError, ServiceManager, ServiceState};
use crate::contract::paths::AgentPaths;
use crate::model::Os;

/// What people see in the list of services.
const DISPLAY_NAME: &str = "Nexplane Agent";
/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it is over.
const INTERVAL: Duration = Duration::from_millis(100);
/// A service that is up this long after its start stays up: what it cannot begin with ends it at once.
const SETTLED: Duration = Duration::from_millis(1500);
/// `ERROR_SERVICE_DOES_NOT_EXIST`, `ERROR_SERVICE_NOT_ACTIVE`, `ERROR_SERVICE_MARKED_FOR_DELETE`, `ERROR_SERVICE_ALREADY_RUNNING`.
const NO_SUCH_SERVICE: i32 = 1060;
const NOT_ACTIVE: i32 = 1062;
const MARKED_FOR_DELETE: i32 = 1072;
const ALREADY_RUNNING: i32 = 1056;
/// Where sources of the Application log are told of.
const SOURCES: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application";
/// A library of every Windows whose messages are nothing but the text that is given.
const MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";

/// Our file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    binary: PathBuf,
    arguments: Vec<String>,
}

/// A path that a definition cannot name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} cannot stand in a service's command line: {why}", .path.display())]
pub struct DefinitionError {
    path: PathBuf,
    why: &'static str,
}

/// What defines the service that starts this program with this configuration.
///
/// # Errors
/// When a path cannot be written down.
pub(in crate::agent) fn definition_text(
    binary: &Path,
    config: &Path,
) -> Result<String, DefinitionError> {
    let text = |path: &Path| match path.to_str() {
        Some(text) if !text.contains('"') => Ok(text.to_owned()),
        Some(_) => Err("it has a quote in it"),
        None => Err("it is no text"),
    };
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |why| DefinitionError { path, why }
    };
    text(binary).map_err(failed(binary))?;
    let written = Written {
        binary: binary.to_owned(),
        arguments: vec![
            "run".to_owned(),
            "--config".to_owned(),
            text(config).map_err(failed(config))?,
        ],
    };
    // Texts and a list of them: nothing that JSON has no form for.
    Ok(serde_json::to_string_pretty(&written).unwrap_or_default() + "\n")
}

/// A service of Windows sees every file, as far as its account may read it.
pub(in crate::agent) fn shows(_path: &Path) -> bool {
    true
}

/// Whether the service that `definition` defines is started with this configuration: it stands beside it.
pub(in crate::agent) fn starts(_definition: &Path, _config: &Path) -> bool {
    true
}

/// The manager of this host's services.
pub(in crate::agent) fn manager(definition: &Path) -> Arc<dyn ServiceManager> {
    Arc::new(Windows {
        name: AgentPaths::of(Os::Windows).service,
        definition: definition.to_owned(),
    })
}

/// The service control manager of this host.
#[derive(Debug, Clone)]
struct Windows {
    name: &'static str,
    definition: PathBuf,
}

fn failed(operation: &'static str) -> impl Fn(windows_service::Error) -> ServiceError {
    move |error| ServiceError::Failed {
        operation,
        why: match error {
            windows_service::Error::Winapi(error) => error.to_string(),
            other => other.to_string(),
        },
    }
}

fn is(error: &windows_service::Error, code: i32) -> bool {
    matches!(error, windows_service::Error::Winapi(error) if error.raw_os_error() == Some(code))
}

impl Windows {
    fn open(&self, access: ServiceAccess) -> Result<Option<Service>, ServiceError> {
        let scm = Scm::local_computer(None::<&OsStr>, ServiceManagerAccess::CONNECT).map_err(
            |error| {
                ServiceError::Missing(format!(
                    "the service control manager cannot be asked: {error}"
                ))
            },
        )?;
        match scm.open_service(self.name, access) {
            Ok(service) => Ok(Some(service)),
            Err(error) if is(&error, NO_SUCH_SERVICE) => Ok(None),
            Err(error) => Err(failed("open the service")(error)),
        }
    }

    fn there(&self, access: ServiceAccess) -> Result<Service, ServiceError> {
        self.open(access)?.ok_or_else(|| ServiceError::Failed {
            operation: "open the service",
            why: "there is none".to_owned(),
        })
    }

    fn ask(&self) -> Result<ServiceState, ServiceError> {
        let Some(service) = self.open(ServiceAccess::QUERY_CONFIG | ServiceAccess::QUERY_STATUS)?
        else {
            return Ok(ServiceState {
                definition: Definition::Absent,
                at_boot: AtBoot::Disabled,
                activity: Activity::Stopped,
            });
        };
        let config = service
            .query_config()
            .map_err(failed("ask for the service"))?;
        let status = service
            .query_status()
            .map_err(failed("ask for the service"))?;
        Ok(ServiceState {
            definition: match config.start_type {
                ServiceStartType::Disabled => Definition::Masked,
                _ => Definition::Loaded,
            },
            at_boot: match config.start_type {
                ServiceStartType::OnDemand | ServiceStartType::Disabled => AtBoot::Disabled,
                _ => AtBoot::Enabled,
            },
            activity: match status.current_state {
                State::Running => Activity::Running,
                State::StartPending | State::ContinuePending => Activity::Starting,
                _ => Activity::Stopped,
            },
        })
    }

    /// Tells the service control manager what our file says.
    fn apply(&self) -> Result<(), ServiceError> {
        let broken = |why: String| ServiceError::Failed {
            operation: "read the service's definition",
            why,
        };
        let text = match files::read(&self.definition, files::MOST) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return self.delete(),
            Err(error) => return Err(broken(error.to_string())),
        };
        let written: Written =
            serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
        let access =
            ServiceAccess::QUERY_CONFIG | ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
        let service = match self.open(access)? {
            Some(service) => {
                let start = service
                    .query_config()
                    .map_err(failed("ask for the service"))?
                    .start_type;
                let info = self.info(&written, start);
                service
                    .change_config(&info)
                    .map_err(failed("change the service"))?;
                service
            }
            None => {
                let scm = Scm::local_computer(
                    None::<&OsStr>,
                    ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE,
                )
                .map_err(failed("reach the service control manager"))?;
                let info = self.info(&written, ServiceStartType::OnDemand);
                scm.create_service(&info, access)
                    .map_err(failed("create the service"))?
            }
        };
        let restart = ServiceAction {
            action_type: ServiceActionType::Restart,
            delay: Duration::from_secs(5),
        };
        let actions = ServiceFailureActions {
            reset_period: ServiceFailureResetPeriod::After(Duration::from_secs(86_400)),
            reboot_msg: None,
            command: None,
            actions: Some(vec![restart.clone(), restart.clone(), restart]),
        };
        service
            .update_failure_actions(actions)
            .map_err(failed("say what is done when the service fails"))?;
        // It ends itself with an error where it cannot begin; that is to be tried again, too. Not every Windows knows it.
        let _as_far_as_known = service.set_failure_actions_on_non_crash_failures(true);
        let _for_people = service.set_description(
            "Carries out approved changes of the Nexplane control plane on this host.",
        );
        if let Ok(source) = LOCAL_MACHINE.create(format!(r"{SOURCES}\{}", self.name)) {
            let _readable = source.set_expand_string("EventMessageFile", MESSAGES);
            let _kinds = source.set_u32("TypesSupported", 7);
        }
        Ok(())
    }

    fn info(&self, written: &Written, start_type: ServiceStartType) -> ServiceInfo {
        ServiceInfo {
            name: self.name.into(),
            display_name: DISPLAY_NAME.into(),
            service_type: ServiceType::OWN_PROCESS,
            start_type,
            error_control: ServiceErrorControl::Normal,
            executable_path: written.binary.clone(),
            launch_arguments: written.arguments.iter().map(OsString::from).collect(),
            dependencies: Vec::new(),
            account_name: None,
            account_password: None,
        }
    }

    fn delete(&self) -> Result<(), ServiceError> {
        if let Some(service) = self.open(ServiceAccess::DELETE)? {
            match service.delete() {
                Err(error) if !is(&error, MARKED_FOR_DELETE) => {
                    return Err(failed("delete the service")(error));
                }
                _ => {}
            }
        }
        if let Ok(sources) = LOCAL_MACHINE.options().read().write().open(SOURCES) {
            // Without a source there is none to take away.
            let _gone = sources.remove_tree(self.name);
        }
        Ok(())
    }

    fn set_start(&self, start: ServiceStartType) -> Result<(), ServiceError> {
        let service = self.there(ServiceAccess::QUERY_CONFIG | ServiceAccess::CHANGE_CONFIG)?;
        let config = service
            .query_config()
            .map_err(failed("ask for the service"))?;
        if config.start_type == start {
            return Ok(());
        }
        let text = files::read(&self.definition, files::MOST).ok();
        let written = text.and_then(|text| serde_json::from_slice::<Written>(&text).ok());
        let Some(written) = written else {
            return Err(ServiceError::Failed {
                operation: "change the service",
                why: "its definition is not there".to_owned(),
            });
        };
        service
            .change_config(&self.info(&written, start))
            .map_err(failed("change the service"))
    }

    /// Waits until the service is in one of these states, and gives its last status.
    fn wait_for(&self, service: &Service, wanted: &[State]) -> Result<ServiceStatus, ServiceError> {
        let end = Instant::now() + PATIENCE;
        loop {
            let status = service
                .query_status()
                .map_err(failed("ask for the service"))?;
            if wanted.contains(&status.current_state) || Instant::now() >= end {
                return Ok(status);
            }
            sleep(INTERVAL);
        }
    }

    fn halt(&self) -> Result<(), ServiceError> {
        let Some(service) = self.open(ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)? else {
            return Ok(());
        };
        match service.stop() {
            Err(error) if !is(&error, NOT_ACTIVE) => return Err(failed("stop the service")(error)),
            _ => {}
        }
        let status = self.wait_for(&service, &[State::Stopped])?;
        match status.current_state {
            State::Stopped => Ok(()),
            state => Err(ServiceError::Failed {
                operation: "stop the service",
                why: format!("it is still {state:?} after {} s", PATIENCE.as_secs()),
            }),
        }
    }

    fn start_anew(&self) -> Result<(), ServiceError> {
        self.halt()?;
        let service = self.there(ServiceAccess::START | ServiceAccess::QUERY_STATUS)?;
        match service.start::<&OsStr>(&[]) {
            Err(error) if !is(&error, ALREADY_RUNNING) => {
                let why = match error {
                    windows_service::Error::Winapi(error) => error.to_string(),
                    other => other.to_string(),
                };
                return Err(not_up(why));
            }
            _ => {}
        }
        let status = self.wait_for(&service, &[State::Running, State::Stopped])?;
        if status.current_state == State::Running {
            sleep(SETTLED);
            let status = service
                .query_status()
                .map_err(failed("ask for the service"))?;
            return match status.current_state {
                State::Running => Ok(()),
                _ => Err(not_up(ending(&status))),
            };
        }
        Err(not_up(ending(&status)))
    }
}

fn ending(status: &ServiceStatus) -> String {
    match status.exit_code {
        ServiceExitCode::Win32(code) => format!("{:?}, Windows error {code}", status.current_state),
        ServiceExitCode::ServiceSpecific(code) => {
            format!("{:?}, exit code {code}", status.current_state)
        }
    }
}

fn not_up(why: String) -> ServiceError {
    ServiceError::NotUp {
        why,
        last_words: Vec::new(),
    }
}

/// Every call may wait for the service control manager, and some for a service.
async fn asked<T: Send + 'static>(
    manager: &Windows,
    ask: impl FnOnce(&Windows) -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    let manager = manager.clone();
    let asking = tokio::task::spawn_blocking(move || ask(&manager));
    asking.await.unwrap_or_else(|error| {
        Err(ServiceError::Failed {
            operation: "ask the service control manager",
            why: error.to_string(),
        })
    })
}

impl ServiceManager for Windows {
    fn state(&self) -> BoxFuture<'_, Result<ServiceState, ServiceError>> {
        Box::pin(asked(self, Windows::ask))
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(asked(self, Windows::apply))
    }

    fn enable(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(asked(self, |it| it.set_start(ServiceStartType::AutoStart)))
    }

    fn disable(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(asked(self, |it| it.set_start(ServiceStartType::OnDemand)))
    }

    fn restart(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(asked(self, Windows::start_anew))
    }

    fn stop(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(asked(self, Windows::halt))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_definition_is_read_as_it_was_written() {
        let (binary, config) = (
            Path::new(r"C:\Program Files\ä\agent.exe"),
            Path::new(r"C:\b c\config.yaml"),
        );
        let text = definition_text(binary, config).unwrap();
        let written: Written = serde_json::from_str(&text).unwrap();
        assert_eq!(written.binary, binary);
        assert_eq!(
            written.arguments,
            ["run", "--config", r"C:\b c\config.yaml"]
        );
        assert!(definition_text(Path::new("a\"b"), config).is_err());
    }
}
