//! The clock: synchronisation is switched on, with the time service that this host has, and its own sources set the clock.
//!
//! Never by anything else: the control plane's Date says that a clock is wrong, and is no witness to set one by.

mod windows_time;

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use super::super::action::{Action, Applied, Description, Proposal, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError};
use super::super::journal::Undo;
use super::launchd;
use crate::catalog::Repair;
use crate::checks::again;
use crate::host::{ServiceQuestion, StartType};
use crate::model::{Code, Os, ReportedFinding};

/// How long a program has for one change.
const LIMIT: Duration = Duration::from_secs(20);
/// How long the first answer of a time server may take to come and to be believed.
const SYNCHRONIZED_WITHIN: Duration = Duration::from_secs(40);
/// How often that is looked for.
const PAUSE: Duration = Duration::from_millis(250);
/// chrony's unit, by the names that distributions give it.
const CHRONY: [&str; 2] = ["chrony.service", "chronyd.service"];
/// What `timedatectl` switches where nothing else is installed.
const TIMESYNCD: &str = "systemd-timesyncd.service";

/// What is done to have the time kept.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// `timedatectl set-ntp true`: systemd starts the time service that it knows, which may start at boot already.
    Timedatectl { was_enabled: bool },
    /// Start chrony, now and at boot.
    Chrony { unit: String, was_enabled: bool },
    /// chrony runs and follows its sources slowly: it is told to step.
    Step,
    /// The Windows Time service is started, if it does not run, and told to look at its sources.
    Resync { start: StartType, runs: bool },
}

struct SyncTime {
    change: Change,
    description: Description,
}

/// What to do about a clock that is wrong, or that nobody keeps.
pub(in crate::repair) fn propose<'a>(
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        let codes: Vec<Code> = findings
            .iter()
            .map(|finding| finding.code.clone())
            .collect();
        if site.report.host.os == Os::Macos && !site.is_foreign() {
            return match launchd::of_time(site, codes).await {
                Ok(action) => Proposal::Actions(vec![Box::new(action)]),
                Err(why) => Proposal::Person(why),
            };
        }
        match change(site).await {
            Ok(change) => {
                let description = describe(&change, codes);
                Proposal::Actions(vec![Box::new(SyncTime {
                    change,
                    description,
                })])
            }
            Err(why) => Proposal::Person(why),
        }
    }
    .boxed()
}

async fn change(site: &Site<'_>) -> Result<Change, String> {
    if site.is_foreign() {
        return Err("the clock of the host under --root is out of reach from here".to_owned());
    }
    let seen = site.host.time_sync(()).await;
    let sync =
        seen.map_err(|unseen| format!("what keeps this clock could not be seen: {unseen}"))?;
    if site.report.host.os == Os::Windows {
        return windows_time::resync(&sync);
    }
    let chrony = chrony(site).await;
    if sync.enabled == Some(true) {
        // Its sources disagree with the control plane, or do not answer: what is wrong is with them.
        let follows = sync.synchronized == Some(true) || again::is_slewed(&sync);
        return match &chrony {
            Some((_, true, _)) if follows => Ok(Change::Step),
            _ if follows => Err(
                "time synchronisation is on and has a source: either that one is wrong, or the control plane's clock".to_owned(),
            ),
            _ => Err("time synchronisation is on, and no source answers it".to_owned()),
        };
    }
    Ok(match chrony {
        Some((unit, _, was_enabled)) => Change::Chrony { unit, was_enabled },
        None if sync.properties.get("CanNTP").is_some_and(|can| can == "no") => {
            return Err(
                "no time service is installed that could be switched on: install chrony or systemd-timesyncd"
                    .to_owned(),
            );
        }
        None => Change::Timedatectl {
            was_enabled: installed(site, TIMESYNCD)
                .await
                .is_some_and(|(_, enabled)| enabled),
        },
    })
}

/// chrony's unit if it is installed: its name, whether it runs, whether it starts at boot.
async fn chrony(site: &Site<'_>) -> Option<(String, bool, bool)> {
    for name in CHRONY {
        if let Some((runs, enabled)) = installed(site, name).await {
            return Some((name.to_owned(), runs, enabled));
        }
    }
    None
}

/// Whether a unit that is there runs, and whether it starts at boot.
async fn installed(site: &Site<'_>, name: &str) -> Option<(bool, bool)> {
    let question = ServiceQuestion {
        name: name.to_owned(),
    };
    let service = site.host.service(question).await.ok()?;
    let is_there = service.get("LoadState") == Some("loaded");
    is_there.then(|| {
        let runs = service.get("ActiveState") == Some("active");
        (runs, service.get("UnitFileState") == Some("enabled"))
    })
}

fn describe(change: &Change, codes: Vec<Code>) -> Description {
    let (title, change, undo) = match change {
        Change::Timedatectl { was_enabled } => (
            "Switch time synchronisation on (timedatectl set-ntp true)".to_owned(),
            "systemd's time service runs, now and at boot, and sets the clock".to_owned(),
            Some(match was_enabled {
                true => format!("systemctl stop {TIMESYNCD}; the time that was set stays"),
                false => "timedatectl set-ntp false; the time that was set stays".to_owned(),
            }),
        ),
        Change::Chrony { unit, was_enabled } => (
            format!("Switch time synchronisation on (systemctl enable --now {unit})"),
            format!("{unit} runs, now and at boot, and sets the clock"),
            Some(match was_enabled {
                true => format!("systemctl stop {unit}; the time that was set stays"),
                false => format!("systemctl disable --now {unit}; the time that was set stays"),
            }),
        ),
        Change::Resync { start, runs } => windows_time::words(*start, *runs),
        Change::Step => (
            "Have chrony set the clock at once (chronyc makestep)".to_owned(),
            "the clock jumps to the time of chrony's own sources".to_owned(),
            None,
        ),
    };
    Description {
        repair: Repair::SyncTime,
        codes,
        title,
        why: "The clock is set by this host's own time servers; certificates are judged by it."
            .to_owned(),
        changes: vec![change],
        undo,
        safety: Safety::Safe,
        needs_root: true,
        ask: None,
    }
}

impl Action for SyncTime {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn limit(&self) -> Duration {
        3 * LIMIT + 2 * SYNCHRONIZED_WITHIN
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            match change(site).await {
                Ok(change) if change == self.change => Ok(()),
                Ok(_) => Err(Refusal(
                    "what keeps this clock has changed meanwhile".to_owned(),
                )),
                Err(why) => Err(Refusal(why)),
            }
        }
        .boxed()
    }

    fn apply<'a>(
        &'a self,
        site: &'a Site<'a>,
        hands: &'a mut Hands,
    ) -> BoxFuture<'a, Result<Applied, HandsError>> {
        async move {
            match &self.change {
                Change::Timedatectl { was_enabled } => {
                    let undo = match was_enabled {
                        true => undo(&["systemctl", "stop", "--", TIMESYNCD]),
                        false => undo(&["timedatectl", "set-ntp", "false"]),
                    };
                    let args = ["set-ntp", "true"];
                    hands.run(Some(undo), "timedatectl", &args, LIMIT).await?;
                }
                Change::Chrony { unit, was_enabled } => {
                    let undo = match was_enabled {
                        true => undo(&["systemctl", "stop", "--", unit]),
                        false => undo(&["systemctl", "disable", "--now", "--", unit]),
                    };
                    let args = ["enable", "--now", "--", unit];
                    hands.run(Some(undo), "systemctl", &args, LIMIT).await?;
                }
                Change::Resync { start, runs } => {
                    windows_time::apply(hands, *start, *runs).await?;
                    return followed(site).await;
                }
                Change::Step => {}
            }
            let is_off = |code: &Code| matches!(code.as_str(), "clock.skew" | "clock.drift");
            let by_chrony = matches!(self.change, Change::Chrony { .. } | Change::Step);
            let steps = by_chrony && self.description.codes.iter().any(is_off);
            if self.change != Change::Step {
                let found = followed(site).await?;
                if !steps {
                    return Ok(found);
                }
            }
            if steps {
                hands.note(&Undo::Irreversible {
                    what: "chrony was told to set the clock at once".to_owned(),
                })?;
                // It slews by itself what is off at the start; a certificate cannot wait for that.
                hands.run(None, "chronyc", &["makestep"], LIMIT).await?;
            }
            followed(site).await
        }
        .boxed()
    }
}

fn undo(words: &[&str]) -> Undo {
    Undo::Run {
        command: words.iter().map(|word| (*word).to_owned()).collect(),
    }
}

/// Waits until a source has answered and is followed; one that answers is followed in the end.
async fn followed(site: &Site<'_>) -> Result<Applied, HandsError> {
    let until = Instant::now() + SYNCHRONIZED_WITHIN;
    let failed = |why: String| Err(HandsError::Failed(why));
    let mut last = None;
    loop {
        let host = site.doctor.host();
        let mut sync = host.time_sync(()).await;
        match (&sync, last.take()) {
            (Ok(sync), _) if sync.synchronized == Some(true) || again::is_slewed(sync) => {
                return Ok(Applied::Done);
            }
            (Ok(seen), _) => last = Some(seen.clone()),
            // A host with much to do does not answer each time.
            (Err(_), Some(seen)) => {
                last = Some(seen.clone());
                sync = Ok(seen);
            }
            (Err(_), None) => {}
        }
        if Instant::now() < until {
            sleep(PAUSE).await;
            continue;
        }
        let seconds = SYNCHRONIZED_WITHIN.as_secs();
        let sync = match sync {
            Ok(sync) if sync.enabled != Some(false) => sync,
            Ok(_) => {
                return failed(
                    "the time service was switched on and does not run: the service manager and its log say why"
                        .to_owned(),
                );
            }
            Err(unseen) => return failed(format!("what came of it could not be seen: {unseen}")),
        };
        let answering = again::answering_time_servers(&*host, &sync).await;
        return match answering.first() {
            Some(server) => Ok(Applied::Underway(format!(
                "synchronization is on and the time server {server} answers; the clock does not count as synchronized after {seconds} s"
            ))),
            None => failed(format!(
                "no time server has answered within {seconds} s: permit UDP port 123 to one, or name one that can be reached"
            )),
        };
    }
}
