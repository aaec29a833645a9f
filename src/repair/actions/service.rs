//! The agent's service: started, started anew, enabled, unmasked; with the real service manager, and watched until it stays up.

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout_at};

use super::super::action::{Action, Applied, Description, Proposal, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError};
use super::super::journal::Undo;
use super::launchd;
use crate::catalog::Repair;
use crate::contract::paths::AgentPaths;
use crate::host::{Host, HostPath, JobState, JournalQuestion, Service, ServiceQuestion};
use crate::model::{Code, Os, ReportedFinding, excerpt};

/// How long the service manager has for one change. A start waits for the agent to say that it is ready.
const LIMIT: Duration = Duration::from_secs(100);
/// How long it may take until the service is up, or is known not to come up.
const COMES_UP_WITHIN: Duration = Duration::from_secs(30);
/// How long it has to stay up. An agent that cannot work says so at once, and ends.
const STAYS_UP: Duration = Duration::from_millis(1500);
/// How often the service manager is asked meanwhile.
const PAUSE: Duration = Duration::from_millis(100);
/// Where definitions come from that a mask in `/etc` hides.
const BEHIND_A_MASK: [&str; 4] = [
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/system",
];

/// What is done to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Start it, and have it start at boot if it does not.
    Start,
    /// Clear that it failed, if it has, then start it; a running one is started anew.
    Revive,
    /// Have it start at boot.
    Enable,
    /// Take the mask away, then start it.
    Unmask,
}

struct ServiceAction {
    unit: &'static str,
    change: Change,
    description: Description,
}

/// What to do about findings of the service.
pub(in crate::repair) fn propose<'a>(
    repair: Repair,
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        let codes = findings
            .iter()
            .map(|finding| finding.code.clone())
            .collect();
        match of_this_system(site, repair, codes).await {
            Ok(action) => Proposal::Actions(vec![action]),
            Err(why) => Proposal::Person(why),
        }
    }
    .boxed()
}

/// By the service manager that the host has.
async fn of_this_system(
    site: &Site<'_>,
    repair: Repair,
    codes: Vec<Code>,
) -> Result<Box<dyn Action>, String> {
    Ok(match site.report.host.os {
        Os::Macos => Box::new(launchd::of_service(site, repair, codes).await?),
        Os::Linux | Os::Windows => Box::new(action(site, repair, codes).await?),
    })
}

/// Bringing the service up again after what it reads was changed, if there is one that could be.
pub(in crate::repair) async fn revive(site: &Site<'_>) -> Option<Box<dyn Action>> {
    let ended = super::super::plan::ended_service(site.report);
    let codes: Vec<Code> = ended
        .map(|finding| finding.code.clone())
        .into_iter()
        .collect();
    let repair = ended
        .and_then(|finding| Repair::from_name(finding.repair.as_deref()?))
        .unwrap_or(Repair::RestartService);
    let service = site
        .host
        .service(ServiceQuestion::agent(site.report.host.os))
        .await
        .ok()?;
    let runs = match service.launchd() {
        Some(job) => job.state() == Some(JobState::Running),
        None => service.get("ActiveState") == Some("active"),
    };
    // One that somebody has stopped stays stopped.
    if codes.is_empty() && !runs {
        return None;
    }
    of_this_system(site, repair, codes).await.ok()
}

async fn look(site: &Site<'_>) -> Result<Service, String> {
    if site.is_foreign() {
        return Err("what runs on the host under --root is out of reach from here".to_owned());
    }
    if site.report.host.os != Os::Linux {
        return Err("the doctor changes services of systemd and launchd only".to_owned());
    }
    let service = site.host.service(ServiceQuestion::agent(Os::Linux)).await;
    service.map_err(|unseen| format!("the service manager could not be asked: {unseen}"))
}

async fn action(
    site: &Site<'_>,
    repair: Repair,
    codes: Vec<Code>,
) -> Result<ServiceAction, String> {
    let unit = AgentPaths::of(Os::Linux).service;
    let service = look(site).await?;
    let enabled = service.get("UnitFileState").unwrap_or_default();
    let change = match repair {
        Repair::StartService => Change::Start,
        Repair::EnableService => Change::Enable,
        Repair::UnmaskService => Change::Unmask,
        _ => Change::Revive,
    };
    if change == Change::Enable && !matches!(enabled, "disabled" | "enabled-runtime") {
        return Err(format!(
            "systemd calls it `{enabled}`: how it came to that, a person has to say"
        ));
    }
    if change == Change::Unmask {
        definition_behind_the_mask(&*site.host, unit).await?;
    }
    let active = service.get("ActiveState").unwrap_or("unknown").to_owned();
    let runs = active == "active";
    let (title, why, changes, undo, safety) = match change {
        Change::Start if enabled == "disabled" => (
            format!("Start {unit}, now and at boot"),
            "It is installed and does not run; nothing says that it failed.",
            vec![format!("{unit} runs"), format!("{unit} is enabled")],
            format!("systemctl disable --now {unit}"),
            Safety::Safe,
        ),
        Change::Start => (
            format!("Start {unit}"),
            "It is installed and does not run; nothing says that it failed.",
            vec![format!("{unit} runs")],
            format!("systemctl stop {unit}"),
            Safety::Safe,
        ),
        Change::Revive if runs => (
            format!("Restart {unit}"),
            "It read its settings when it was started, and has to read them again.",
            vec![format!("{unit} is restarted")],
            "it is restarted once more, with what it read before".to_owned(),
            Safety::Safe,
        ),
        Change::Revive => (
            format!("Clear the failed state of {unit} and start it"),
            "It has ended with an error, and the service manager does not start it again by itself, or not soon.",
            vec![format!("{unit} runs")],
            format!("systemctl stop {unit}"),
            Safety::Safe,
        ),
        Change::Enable => (
            format!("Have {unit} start at boot"),
            "It runs now, and would be gone after the next boot.",
            vec![format!("{unit} is enabled")],
            format!("systemctl disable {unit}"),
            Safety::Safe,
        ),
        Change::Unmask => (
            format!("Unmask {unit} and start it"),
            "Nothing can start it as long as it is masked. Somebody did that on purpose: find out who.",
            vec![
                format!("{unit} is no longer masked"),
                format!("{unit} runs"),
            ],
            format!("systemctl stop {unit}, systemctl mask {unit}"),
            Safety::Confirm,
        ),
    };
    Ok(ServiceAction {
        unit,
        change,
        description: Description {
            repair,
            codes,
            title,
            why: why.to_owned(),
            changes,
            undo: Some(undo),
            safety,
            needs_root: true,
            ask: None,
        },
    })
}

/// Whether there would be a service at all without the mask.
async fn definition_behind_the_mask(host: &dyn Host, unit: &str) -> Result<(), String> {
    for directory in BEHIND_A_MASK {
        let path = Path::new(directory).join(format!("{unit}.service"));
        if host
            .stat(HostPath::host(path))
            .await
            .is_ok_and(|stat| stat.size > 0)
        {
            return Ok(());
        }
    }
    Err(
        "behind the mask there is no definition of the service: it has to be installed again"
            .to_owned(),
    )
}

impl Action for ServiceAction {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn limit(&self) -> Duration {
        2 * LIMIT
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            let service = look(site).await.map_err(Refusal)?;
            let masked = service.get("LoadState") == Some("masked")
                || service
                    .get("UnitFileState")
                    .is_some_and(|it| it.starts_with("masked"));
            match (service.get("LoadState"), self.change) {
                (Some("not-found"), _) => {
                    Err(Refusal("there is no such service any more".to_owned()))
                }
                (Some("bad-setting" | "error"), _) => {
                    Err(Refusal("its definition does not load".to_owned()))
                }
                (_, Change::Unmask) if !masked => {
                    Err(Refusal("it is not masked any more".to_owned()))
                }
                (_, Change::Start | Change::Revive | Change::Enable) if masked => Err(Refusal(
                    "it is masked: whoever did that did not want it to start".to_owned(),
                )),
                (_, Change::Start) if service.get("ActiveState") == Some("active") => {
                    Err(Refusal("it runs already".to_owned()))
                }
                _ => Ok(()),
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
            let service = look(site).await.map_err(HandsError::Failed)?;
            let mut manager = Manager {
                unit: self.unit,
                hands,
            };
            if self.change == Change::Unmask {
                manager.unmask(&service).await?;
            }
            let enabled = service.get("UnitFileState").unwrap_or_default();
            let to_enable = match self.change {
                Change::Enable => true,
                Change::Start => enabled == "disabled",
                Change::Revive | Change::Unmask => false,
            };
            if to_enable {
                manager.enable(enabled).await?;
            }
            if self.change != Change::Enable {
                manager.bring_up(&service).await?;
                stays_up(site, self.unit).await?;
            }
            Ok(Applied::Done)
        }
        .boxed()
    }
}

/// The service manager, and what takes each change back.
struct Manager<'a> {
    unit: &'static str,
    hands: &'a mut Hands,
}

impl Manager<'_> {
    async fn systemctl(&mut self, undo: Option<Undo>, args: &[&str]) -> Result<(), HandsError> {
        let args = [args, &["--", self.unit]].concat();
        self.hands.run(undo, "systemctl", &args, LIMIT).await?;
        Ok(())
    }

    fn taken_back_by(&self, args: &[&str]) -> Undo {
        let words = [&["systemctl"], args, &["--", self.unit]].concat();
        Undo::Run {
            command: words.into_iter().map(str::to_owned).collect(),
        }
    }

    async fn unmask(&mut self, service: &Service) -> Result<(), HandsError> {
        let runtime = service.get("UnitFileState") == Some("masked-runtime");
        let (mask, unmask): (&[&str], &[&str]) = match runtime {
            true => (&["mask", "--runtime"], &["unmask", "--runtime"]),
            false => (&["mask"], &["unmask"]),
        };
        let undo = self.taken_back_by(mask);
        self.systemctl(Some(undo), unmask).await
    }

    async fn enable(&mut self, before: &str) -> Result<(), HandsError> {
        if before == "enabled-runtime" {
            let again = self.taken_back_by(&["enable", "--runtime"]);
            self.hands.note(&again)?;
        }
        let undo = self.taken_back_by(&["disable"]);
        self.systemctl(Some(undo), &["enable"]).await
    }

    async fn bring_up(&mut self, service: &Service) -> Result<(), HandsError> {
        let active = service.get("ActiveState").unwrap_or("unknown");
        self.hands.note(&Undo::RestoreService {
            unit: self.unit.to_owned(),
            active: active.to_owned(),
        })?;
        // A start limit is counted for units that have not failed too: often enough started, it would not be once more.
        let cleared = self.systemctl(None, &["reset-failed"]).await;
        // One that systemd has forgotten, because nothing needs it, has nothing to clear.
        if !matches!(active, "active" | "inactive") {
            cleared?;
        }
        let start = match active {
            "inactive" | "failed" => "start",
            _ => "restart",
        };
        self.systemctl(None, &[start]).await
    }
}

/// Waits until the service has been up for a while, or it is known why it does not come up.
async fn stays_up(site: &Site<'_>, unit: &str) -> Result<(), HandsError> {
    let until = Instant::now() + COMES_UP_WITHIN;
    let mut up_since = None;
    loop {
        // What a host answered once it answers again: each look is at a new one.
        let host = site.doctor.host();
        let question = ServiceQuestion::agent(Os::Linux);
        let asked = timeout_at(until, host.service(question)).await;
        let service = match asked {
            Ok(Ok(service)) => service,
            Ok(Err(unseen)) => {
                return Err(HandsError::Failed(format!(
                    "whether {unit} came up could not be asked: {unseen}"
                )));
            }
            Err(_) => {
                return Err(HandsError::Failed(format!(
                    "{unit} did not come up in time"
                )));
            }
        };
        let sub = service.get("SubState").unwrap_or_default();
        match service.get("ActiveState").unwrap_or_default() {
            "active" => {
                let since = *up_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= STAYS_UP {
                    return Ok(());
                }
            }
            "activating" if !sub.starts_with("auto-restart") && Instant::now() < until => {
                up_since = None
            }
            state => {
                let words = last_words(&*host, &service).await;
                return Err(HandsError::Failed(format!(
                    "{unit} does not stay up ({state}, {sub}): the agent {}{words}",
                    service.end()
                )));
            }
        }
        sleep(PAUSE).await;
    }
}

/// What the agent itself logged last since it was started.
async fn last_words(host: &dyn Host, service: &Service) -> String {
    let journal = host
        .journal(JournalQuestion::agent(Os::Linux))
        .await
        .unwrap_or_default();
    let invocation = service.get("InvocationID");
    let own = journal.iter().rev().find(|entry| {
        entry.identifier.as_deref() != Some("systemd")
            && (invocation.is_none() || entry.invocation.as_deref() == invocation)
    });
    own.map(|entry| format!("; its last words: {}", excerpt(&entry.message)))
        .unwrap_or_default()
}
