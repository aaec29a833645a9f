//! The agent's service: started, started anew, enabled, allowed to start again; with the real service manager, and watched until it
//! stays up. What differs by service manager is said in [`words`], and done by the hands.

mod words;

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout_at};

use super::super::action::{Action, Applied, Description, Proposal, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError};
use super::super::manager::{self, LIMIT};
use super::super::standing::{AtBoot, Definition, Standing};
use super::launchd;
use crate::catalog::Repair;
use crate::contract::paths::AgentPaths;
use crate::host::{Host, HostPath, JournalQuestion, Service, ServiceQuestion};
use crate::model::{Code, Os, ReportedFinding, excerpt};

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
    /// Take away what keeps it from being started, then start it.
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
    let service = look(site).await.ok()?;
    let runs = Standing::of(&service).runs();
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
    let os = site.report.host.os;
    let service = site.host.service(ServiceQuestion::agent(os)).await;
    service.map_err(|unseen| format!("the service manager could not be asked: {unseen}"))
}

async fn action(
    site: &Site<'_>,
    repair: Repair,
    codes: Vec<Code>,
) -> Result<ServiceAction, String> {
    let os = site.report.host.os;
    let unit = AgentPaths::of(os).service;
    let service = look(site).await?;
    let standing = Standing::of(&service);
    let change = match repair {
        Repair::StartService => Change::Start,
        Repair::EnableService => Change::Enable,
        Repair::UnmaskService => Change::Unmask,
        _ => Change::Revive,
    };
    if let (Change::Enable, AtBoot::Other(word)) = (change, &standing.at_boot) {
        return Err(format!(
            "{} calls it `{word}`: how it came to that, a person has to say",
            words::manager(os)
        ));
    }
    if (change, &standing.at_boot) == (Change::Enable, &AtBoot::Starts) {
        return Err("it starts at boot already".to_owned());
    }
    if change == Change::Unmask && os == Os::Linux {
        definition_behind_the_mask(&*site.host, unit).await?;
    }
    let safety = match change {
        Change::Unmask => Safety::Confirm,
        _ => Safety::Safe,
    };
    let words = words::of(os, unit, change, &standing);
    Ok(ServiceAction {
        unit,
        change,
        description: Description {
            repair,
            codes,
            title: words.title,
            why: words.why.to_owned(),
            changes: words.changes,
            undo: Some(words.undo),
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
            let standing = Standing::of(&service);
            match (standing.definition, self.change) {
                (Definition::Gone, _) => {
                    Err(Refusal("there is no such service any more".to_owned()))
                }
                (Definition::Broken, _) => Err(Refusal("its definition does not load".to_owned())),
                (Definition::Whole, Change::Unmask) => {
                    Err(Refusal(words::is_allowed(site.report.host.os).to_owned()))
                }
                (Definition::Off, Change::Start | Change::Revive | Change::Enable) => {
                    Err(Refusal(words::is_off(site.report.host.os).to_owned()))
                }
                (_, Change::Start) if standing.runs() => Err(Refusal("it runs already".to_owned())),
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
            if self.change == Change::Unmask {
                manager::allow(hands, self.unit, &service).await?;
            }
            let to_enable = match self.change {
                Change::Enable => true,
                Change::Start => Standing::of(&service).at_boot == AtBoot::StartsNot,
                Change::Revive | Change::Unmask => false,
            };
            if to_enable {
                manager::enable(hands, self.unit, &service).await?;
            }
            if self.change != Change::Enable {
                manager::bring_up(hands, self.unit, &service).await?;
                stays_up(site, self.unit).await?;
            }
            Ok(Applied::Done)
        }
        .boxed()
    }
}

/// Waits until the service has been up for a while, or it is known why it does not come up.
async fn stays_up(site: &Site<'_>, unit: &str) -> Result<(), HandsError> {
    let until = Instant::now() + COMES_UP_WITHIN;
    let mut up_since = None;
    loop {
        // What a host answered once it answers again: each look is at a new one.
        let host = site.doctor.host();
        let question = ServiceQuestion::agent(site.report.host.os);
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
        let standing = Standing::of(&service);
        if standing.runs() {
            let since = *up_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= STAYS_UP {
                return Ok(());
            }
        } else if standing.comes_up() && Instant::now() < until {
            up_since = None;
        } else {
            let words = last_words(&*host, site.report.host.os, &service).await;
            let sub = service.get("SubState").map(|sub| format!(", {sub}"));
            return Err(HandsError::Failed(format!(
                "{unit} does not stay up ({}{}): the agent {}{words}",
                standing.active,
                sub.unwrap_or_default(),
                service.end()
            )));
        }
        sleep(PAUSE).await;
    }
}

/// What the agent itself logged last since it was started.
async fn last_words(host: &dyn Host, os: Os, service: &Service) -> String {
    let journal = host
        .journal(JournalQuestion::agent(os))
        .await
        .unwrap_or_default();
    let invocation = service.get("InvocationID");
    let own = journal.iter().rev().find(|entry| {
        !matches!(
            entry.identifier.as_deref(),
            Some("systemd" | "Service Control Manager")
        ) && (invocation.is_none() || entry.invocation.as_deref() == invocation)
    });
    own.map(|entry| format!("; its last words: {}", excerpt(&entry.message)))
        .unwrap_or_default()
}
