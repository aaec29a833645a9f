//! The agent's service as a job of launchd: its definition, and `launchctl`, which loads it and takes it out again.
//!
//! A job that is loaded is kept running by what its definition says, and is loaded at every boot because its definition is where
//! launchd looks: so enabling is putting it there, and stopping is taking the job out. `launchctl disable` is never used: it is a
//! person's word that the job shall not be loaded, and outlives the definition.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;
use plist::{Dictionary, Value};
use tokio::time::{Instant, sleep};

use super::super::files;
use super::program::Printed;
use super::{Activity, AtBoot, Definition, ServiceError, ServiceManager, ServiceState};
use crate::contract::paths::AgentPaths;
use crate::model::{Os, excerpt};

/// `Could not find service` (bootstrap_strerror(3)).
const NO_SUCH_SERVICE: i32 = 113;
/// What `bootstrap` says while the job that was there is still ending: an input or output error, already in progress.
const NOT_YET: [i32; 2] = [5, 37];
/// How long a start or an end may take.
const COMES_UP_WITHIN: Duration = Duration::from_secs(30);
/// A job that is up this long after its start stays up: what it cannot begin with ends it at once.
const SETTLED: Duration = Duration::from_millis(1500);
/// How often it is looked whether it is over.
const PAUSE: Duration = Duration::from_millis(200);
/// How many lines of the log are last words.
const LAST_WORDS: usize = 8;

/// A path that no definition can name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} cannot stand in a definition of launchd: {why}", .path.display())]
#[cfg_attr(
    not(target_os = "macos"),
    expect(unreachable_pub, reason = "there it is the system's, here only tested")
)]
pub struct DefinitionError {
    path: PathBuf,
    why: &'static str,
}

/// What defines the job that starts this program with this configuration (launchd.plist(5)).
///
/// # Errors
/// When a path cannot stand in it.
pub(in crate::agent) fn definition_text(
    binary: &Path,
    config: &Path,
) -> Result<String, DefinitionError> {
    let text = |path: &Path| {
        let failed = |why| DefinitionError {
            path: path.to_owned(),
            why,
        };
        let text = path.to_str().ok_or_else(|| failed("it is no UTF-8 text"))?;
        match text.contains(char::is_control) {
            true => Err(failed("it has control characters in it")),
            false => Ok(Value::from(text)),
        }
    };
    let arguments = vec![
        text(binary)?,
        "run".into(),
        "--config".into(),
        text(config)?,
    ];
    let kept_alive = Dictionary::from_iter([("SuccessfulExit", Value::from(false))]);
    let job = Dictionary::from_iter([
        ("Label", Value::from(AgentPaths::of(Os::Macos).unit)),
        ("ProgramArguments", Value::Array(arguments)),
        ("RunAtLoad", Value::from(true)),
        // Ended with an error, it is started again.
        ("KeepAlive", Value::Dictionary(kept_alive)),
        ("ThrottleInterval", Value::from(10)),
        ("ExitTimeOut", Value::from(10)),
        ("ProcessType", Value::from("Background")),
    ]);
    let mut written = Vec::new();
    // Texts, numbers and lists of them: nothing that XML has no form for, and a place that takes everything.
    let _whole = Value::Dictionary(job).to_writer_xml(&mut written);
    Ok(String::from_utf8_lossy(&written).into_owned() + "\n")
}

/// Whether the job that `definition` defines is started with this configuration.
pub(in crate::agent) fn starts(definition: &Path, config: &Path) -> bool {
    let Ok(text) = files::read(definition, files::MOST) else {
        return false;
    };
    let Ok(Value::Dictionary(job)) = Value::from_reader_xml(text.as_slice()) else {
        return false;
    };
    let arguments = job.get("ProgramArguments").and_then(Value::as_array);
    let words = arguments.map_or(Vec::new(), |arguments| {
        arguments.iter().filter_map(Value::as_string).collect()
    });
    matches!(words.as_slice(), [.., "--config", named] if Path::new(named) == config)
}

/// A job of launchd sees every file, as far as its user may read it.
pub(in crate::agent) fn shows(_path: &Path) -> bool {
    true
}

/// Runs `launchctl` and `log`.
trait Programs: Send + Sync {
    /// Runs one of them for an operation.
    fn run<'a>(
        &'a self,
        program: &'static str,
        operation: &'static str,
        arguments: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Printed, ServiceError>>;
}

/// The launchd of this host.
struct Launchd<P> {
    programs: P,
    label: &'static str,
    definition: PathBuf,
}

#[cfg(target_os = "macos")]
pub(in crate::agent) use here::manager;

/// What asks this Mac.
#[cfg(target_os = "macos")]
mod here {
    use std::sync::Arc;

    use super::*;

    struct Here;

    impl Programs for Here {
        fn run<'a>(
            &'a self,
            program: &'static str,
            operation: &'static str,
            arguments: &'a [&'a str],
        ) -> BoxFuture<'a, Result<Printed, ServiceError>> {
            Box::pin(super::super::program::run(program, operation, arguments))
        }
    }

    /// The manager of this host's services.
    pub(in crate::agent) fn manager(definition: &Path) -> Arc<dyn ServiceManager> {
        Arc::new(Launchd {
            programs: Here,
            label: AgentPaths::of(Os::Macos).unit,
            definition: definition.to_owned(),
        })
    }
}

/// What launchd says of the job.
enum Loaded {
    No,
    Yes { state: String, told: String },
}

impl<P: Programs> Launchd<P> {
    fn target(&self) -> String {
        format!("system/{}", self.label)
    }

    async fn launchctl(
        &self,
        operation: &'static str,
        arguments: &[&str],
    ) -> Result<Printed, ServiceError> {
        self.programs.run("launchctl", operation, arguments).await
    }

    async fn look(&self) -> Result<Loaded, ServiceError> {
        let operation = "ask launchd for the service";
        let printed = self
            .launchctl(operation, &["print", &self.target()])
            .await?;
        match printed.code {
            Some(0) => {}
            Some(NO_SUCH_SERVICE) => return Ok(Loaded::No),
            _ => return Err(printed.failed(operation)),
        }
        // One step in stands what is the job's own.
        let own = |name: &str| {
            let mut lines = printed.out.lines().filter(|line| !line.starts_with("\t\t"));
            lines.find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(" = "))
        };
        let told = [
            "state",
            "runs",
            "last exit code",
            "last exit reason",
            "last terminating signal",
        ];
        let told: Vec<String> = told
            .iter()
            .filter_map(|name| Some(format!("{name} = {}", own(name)?)))
            .collect();
        Ok(Loaded::Yes {
            state: own("state").unwrap_or_default().to_owned(),
            told: excerpt(&told.join(", ")),
        })
    }

    async fn is_disabled(&self) -> Result<bool, ServiceError> {
        let operation = "ask launchd which services are disabled";
        let printed = self
            .launchctl(operation, &["print-disabled", "system"])
            .await?;
        if !printed.succeeded {
            return Err(printed.failed(operation));
        }
        let line = format!("\"{}\" => ", self.label);
        let mut lines = printed.out.lines().map(str::trim);
        let word = lines.find_map(|it| it.strip_prefix(&line));
        Ok(matches!(word, Some("disabled" | "true")))
    }

    async fn ask(&self) -> Result<ServiceState, ServiceError> {
        let disabled = self.is_disabled().await?;
        let loaded = self.look().await?;
        let defined = self.definition.exists();
        Ok(ServiceState {
            definition: match (&loaded, defined) {
                _ if disabled => Definition::Masked,
                (Loaded::No, false) => Definition::Absent,
                _ => Definition::Loaded,
            },
            at_boot: match defined && !disabled {
                true => AtBoot::Enabled,
                false => AtBoot::Disabled,
            },
            activity: match &loaded {
                Loaded::Yes { state, .. } => activity(state),
                Loaded::No => Activity::Stopped,
            },
        })
    }

    /// Takes the job out, and waits until it is gone.
    async fn take_out(&self) -> Result<(), ServiceError> {
        let operation = "stop the service";
        if matches!(self.look().await?, Loaded::No) {
            return Ok(());
        }
        // What it says need not be how it ends: whether the job is gone decides.
        let printed = self
            .launchctl(operation, &["bootout", &self.target()])
            .await?;
        let until = Instant::now() + COMES_UP_WITHIN;
        while let Loaded::Yes { .. } = self.look().await? {
            if Instant::now() >= until {
                return Err(printed.failed(operation));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn start_anew(&self) -> Result<(), ServiceError> {
        let operation = "start the service";
        if let Loaded::Yes { .. } = self.look().await? {
            let printed = self
                .launchctl(operation, &["kickstart", "-k", &self.target()])
                .await?;
            if !printed.succeeded {
                return Err(printed.failed(operation));
            }
        } else {
            self.bootstrap(operation).await?;
        }
        self.stays_up().await
    }

    async fn bootstrap(&self, operation: &'static str) -> Result<(), ServiceError> {
        let definition = self.definition.to_string_lossy();
        let until = Instant::now() + COMES_UP_WITHIN;
        loop {
            let printed = self
                .launchctl(operation, &["bootstrap", "system", &definition])
                .await?;
            match printed.code {
                Some(0) => return Ok(()),
                Some(code) if NOT_YET.contains(&code) && Instant::now() < until => {
                    sleep(PAUSE).await
                }
                _ => return Err(printed.failed(operation)),
            }
        }
    }

    async fn stays_up(&self) -> Result<(), ServiceError> {
        let until = Instant::now() + COMES_UP_WITHIN;
        let mut up_since = None;
        loop {
            let (state, told) = match self.look().await? {
                Loaded::Yes { state, told } => (state, told),
                Loaded::No => (
                    String::new(),
                    "launchd does not know it any more".to_owned(),
                ),
            };
            match (activity(&state), state.as_str()) {
                (Activity::Running, _) => {
                    let since = *up_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= SETTLED {
                        return Ok(());
                    }
                }
                // Waiting to be started again is an end, once it was up.
                (Activity::Starting, _) if up_since.is_none() && Instant::now() < until => {}
                _ => {
                    return Err(ServiceError::NotUp {
                        why: told,
                        last_words: self.last_words().await,
                    });
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn last_words(&self) -> Vec<String> {
        let predicate = format!("subsystem == \"{}\"", AgentPaths::of(Os::Macos).log_source);
        let arguments = [
            "show",
            "--style",
            "compact",
            "--predicate",
            &predicate,
            "--last",
            "1m",
        ];
        let Ok(printed) = self.programs.run("log", "read the log", &arguments).await else {
            return Vec::new();
        };
        let lines: Vec<&str> = printed
            .out
            .lines()
            .filter(|line| line.contains(self.label))
            .collect();
        let last = lines.iter().rev().take(LAST_WORDS).rev();
        last.map(|line| excerpt(line)).collect()
    }
}

fn activity(state: &str) -> Activity {
    match state {
        "running" => Activity::Running,
        "spawn scheduled" | "spawning" | "xpcproxy" => Activity::Starting,
        _ => Activity::Stopped,
    }
}

impl<P: Programs> ServiceManager for Launchd<P> {
    fn state(&self) -> BoxFuture<'_, Result<ServiceState, ServiceError>> {
        Box::pin(self.ask())
    }

    /// launchd reads a definition when it is loaded: one that is to be read again is taken out, and loaded by [`Self::restart`].
    fn reload(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(self.take_out())
    }

    fn enable(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(async { Ok(()) })
    }

    fn disable(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(async { Ok(()) })
    }

    fn restart(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(self.start_anew())
    }

    fn stop(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(self.take_out())
    }
}

#[cfg(test)]
mod tests;
