//! systemd, asked with `systemctl` and `journalctl`: each call with a deadline, what they print bounded.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::program::run;
use super::{Activity, AtBoot, Definition, ServiceError, ServiceManager, ServiceState};
use crate::contract::paths::AgentPaths;
use crate::model::{Os, excerpt};

/// Where systemd leaves word that it is the one who runs this host (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";
/// How many lines of the log are last words.
const LAST_WORDS: &str = "8";

/// The systemd of this host.
#[derive(Debug, Clone)]
pub(super) struct Systemd {
    unit: &'static str,
}

impl Default for Systemd {
    fn default() -> Self {
        Self {
            unit: AgentPaths::of(Os::Linux).unit,
        }
    }
}

/// The manager of this host's services.
pub(in crate::agent) fn manager(_definition: &Path) -> Arc<dyn ServiceManager> {
    Arc::new(Systemd::default())
}

impl Systemd {
    async fn ask(&self) -> Result<ServiceState, ServiceError> {
        const PROPERTIES: &str = "--property=LoadState,ActiveState,UnitFileState";
        let printed = run(
            "systemctl",
            "ask systemd for the service",
            &["show", PROPERTIES, "--", self.unit],
        )
        .await?;
        if !printed.succeeded {
            return Err(printed.failed("ask systemd for the service"));
        }
        let value = |name: &str| {
            let mut lines = printed.out.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        Ok(ServiceState {
            definition: match value("LoadState") {
                Some("loaded") => Definition::Loaded,
                Some("not-found") => Definition::Absent,
                Some("masked") => Definition::Masked,
                _ => Definition::Broken,
            },
            at_boot: match value("UnitFileState") {
                Some("enabled" | "enabled-runtime" | "alias" | "linked" | "linked-runtime") => {
                    AtBoot::Enabled
                }
                _ => AtBoot::Disabled,
            },
            activity: match value("ActiveState") {
                Some("active" | "reloading") => Activity::Running,
                Some("activating") => Activity::Starting,
                _ => Activity::Stopped,
            },
        })
    }

    /// Runs one command of systemctl that has nothing to answer.
    async fn tell(&self, operation: &'static str, arguments: &[&str]) -> Result<(), ServiceError> {
        let printed = run("systemctl", operation, arguments).await?;
        match printed.succeeded {
            true => Ok(()),
            false => Err(printed.failed(operation)),
        }
    }

    async fn start_anew(&self) -> Result<(), ServiceError> {
        // What failed before does not count against the start limit of this one.
        let _unless_loaded = self
            .tell(
                "reset the service's failures",
                &["reset-failed", "--", self.unit],
            )
            .await;
        let started = self
            .tell("start the service", &["restart", "--", self.unit])
            .await;
        match started {
            Ok(()) => Ok(()),
            Err(ServiceError::Failed { why, .. }) => Err(ServiceError::NotUp {
                why: self.ending().await.unwrap_or(why),
                last_words: self.last_words().await,
            }),
            Err(other) => Err(other),
        }
    }

    /// How the service ended, in systemd's terms.
    async fn ending(&self) -> Option<String> {
        const PROPERTIES: &str = "--property=Result,ExecMainStatus,ActiveState,SubState";
        let arguments = ["show", PROPERTIES, "--", self.unit];
        let printed = run("systemctl", "ask systemd for the service", &arguments);
        let out = printed.await.ok().filter(|it| it.succeeded)?.out;
        let said: Vec<&str> = out.lines().collect();
        Some(excerpt(&said.join(", ")))
    }

    async fn last_words(&self) -> Vec<String> {
        let arguments = [
            "--unit",
            self.unit,
            "--lines",
            LAST_WORDS,
            "--output=cat",
            "--no-pager",
            "--quiet",
        ];
        match run("journalctl", "read the log", &arguments).await {
            Ok(printed) => printed.out.lines().map(excerpt).collect(),
            Err(_) => Vec::new(),
        }
    }
}

impl ServiceManager for Systemd {
    fn state(&self) -> BoxFuture<'_, Result<ServiceState, ServiceError>> {
        Box::pin(async {
            if !Path::new(BOOTED).is_dir() {
                let why = "this host is not run by systemd, and the agent's service needs it";
                return Err(ServiceError::Missing(why.to_owned()));
            }
            self.ask().await
        })
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(self.tell("have systemd read its units again", &["daemon-reload"]))
    }

    fn enable(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(async {
            self.tell(
                "enable the service",
                &["enable", "--quiet", "--", self.unit],
            )
            .await
        })
    }

    fn disable(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(async {
            self.tell(
                "disable the service",
                &["disable", "--quiet", "--", self.unit],
            )
            .await
        })
    }

    fn restart(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(self.start_anew())
    }

    fn stop(&self) -> BoxFuture<'_, Result<(), ServiceError>> {
        Box::pin(async {
            self.tell("stop the service", &["stop", "--", self.unit])
                .await?;
            // One that is not loaded has no failures; systemctl calls that an error.
            let _unless_loaded = self
                .tell(
                    "reset the service's failures",
                    &["reset-failed", "--", self.unit],
                )
                .await;
            Ok(())
        })
    }
}
