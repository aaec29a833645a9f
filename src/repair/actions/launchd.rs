//! The agent's job under launchd, and the time that macOS keeps: what is done is decided here as data, commands of the system and how
//! each is taken back, and done by the hands.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use super::super::action::{Action, Applied, Description, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError};
use super::super::journal::{Holds, Undo};
use crate::catalog::Repair;
use crate::contract::paths::AgentPaths;
use crate::host::{JobState, Service, ServiceQuestion};
use crate::model::{Code, Os};

/// How long a program has for one change.
const LIMIT: Duration = Duration::from_secs(60);
/// How long it may take until the job is up, or is known not to come up.
const COMES_UP_WITHIN: Duration = Duration::from_secs(30);
/// How long it has to stay up. An agent that cannot work says so at once, and ends.
const STAYS_UP: Duration = Duration::from_millis(1500);
/// How often launchd is asked meanwhile.
const PAUSE: Duration = Duration::from_millis(200);

/// A command of the system, and the one that takes it back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Command {
    words: Vec<String>,
    back: Option<Vec<String>>,
}

impl Command {
    fn new(words: &[&str], back: Option<&[&str]>) -> Self {
        let owned = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect();
        Self {
            words: owned(words),
            back: back.map(owned),
        }
    }
}

/// What is done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Steps {
    title: String,
    why: &'static str,
    /// A file that a command changes, kept before.
    file: Option<String>,
    commands: Vec<Command>,
    safety: Safety,
    /// Whether the job has to be up then.
    comes_up: bool,
}

/// What a repair does to the job that launchd tells this of.
fn steps(repair: Repair, service: &Service) -> Result<Steps, String> {
    let label = AgentPaths::of(Os::Macos).unit;
    let target = format!("system/{label}");
    let job = service
        .launchd()
        .ok_or("what launchd knows of the service was not seen")?;
    let definition = service.get("FragmentPath").unwrap_or_default().to_owned();
    let loaded = !matches!(job.state(), None | Some(JobState::NotLoaded));
    if service.get("DefinitionError").is_some() && !loaded {
        return Err("launchd cannot load its definition as it is".to_owned());
    }
    let load = Command::new(
        &["launchctl", "bootstrap", "system", &definition],
        Some(&["launchctl", "bootout", &target]),
    );
    let unmask = repair == Repair::UnmaskService;
    if job.is_disabled() && !unmask {
        return Err("it is disabled: whoever did that did not want it to start".to_owned());
    }
    let steps = |title: String, why, commands| Steps {
        title,
        why,
        file: None,
        commands,
        safety: Safety::Safe,
        comes_up: true,
    };
    Ok(match repair {
        Repair::EnableService if !job.is_loaded_at_boot() => {
            return Err(format!(
                "its definition is {definition}, where launchd does not look at boot: how it came to that, a person has to say"
            ));
        }
        Repair::EnableService => Steps {
            file: Some(definition.clone()),
            comes_up: false,
            ..steps(
                format!("Have {label} start at boot"),
                "It runs now, and would be gone after the next boot.",
                vec![Command::new(
                    &[
                        "plutil",
                        "-replace",
                        "RunAtLoad",
                        "-bool",
                        "true",
                        &definition,
                    ],
                    None,
                )],
            )
        },
        Repair::UnmaskService => {
            let enable = Command::new(
                &["launchctl", "enable", &target],
                Some(&["launchctl", "disable", &target]),
            );
            Steps {
                safety: Safety::Confirm,
                ..steps(
                    format!("Enable {label} and start it"),
                    "Nothing can load it as long as it is disabled. Somebody did that on purpose: find out who.",
                    match loaded {
                        true => vec![enable],
                        false => vec![enable, load],
                    },
                )
            }
        }
        _ if !loaded => steps(
            format!("Load {label}, which starts it"),
            "It is installed, and launchd does not know it.",
            vec![load],
        ),
        _ if job.state() == Some(JobState::Stopped) => steps(
            format!("Start {label}"),
            "It is loaded and does not run.",
            vec![Command::new(
                &["launchctl", "kickstart", &target],
                Some(&["launchctl", "kill", "SIGTERM", &target]),
            )],
        ),
        _ => steps(
            format!("Restart {label}"),
            "It read its settings when it was started, and has to read them again.",
            // Started anew it is what it was, once the files are.
            vec![Command::new(
                &["launchctl", "kickstart", "-k", &target],
                None,
            )],
        ),
    })
}

/// Switching on that macOS keeps the time by the network.
fn timed() -> Steps {
    let set = |word| ["systemsetup", "-setusingnetworktime", word];
    Steps {
        title: "Have macOS keep the time by the network".to_owned(),
        why: "Nothing keeps this clock right.",
        file: None,
        commands: vec![Command::new(&set("on"), Some(&set("off")))],
        safety: Safety::Safe,
        comes_up: false,
    }
}

pub(super) struct LaunchdAction {
    repair: Repair,
    steps: Steps,
    description: Description,
}

/// The action by which a repair of the service is done here.
pub(super) async fn of_service(
    site: &Site<'_>,
    repair: Repair,
    codes: Vec<Code>,
) -> Result<LaunchdAction, String> {
    Ok(LaunchdAction::new(
        repair,
        steps(repair, &look(site).await?)?,
        codes,
    ))
}

/// The action by which the clock is kept right here; where the time is kept already, nothing that could be done.
pub(super) async fn of_time(site: &Site<'_>, codes: Vec<Code>) -> Result<LaunchdAction, String> {
    let sync = site.host.time_sync(()).await;
    let sync =
        sync.map_err(|unseen| format!("what keeps this clock could not be seen: {unseen}"))?;
    match sync.enabled {
        Some(false) => Ok(LaunchdAction::new(Repair::SyncTime, timed(), codes)),
        _ => Err("the network's time is used already: either its source is wrong, or the control plane's clock".to_owned()),
    }
}

async fn look(site: &Site<'_>) -> Result<Service, String> {
    if site.is_foreign() {
        return Err("what runs on the host under --root is out of reach from here".to_owned());
    }
    let service = site.host.service(ServiceQuestion::agent(Os::Macos)).await;
    service.map_err(|unseen| format!("launchd could not be asked: {unseen}"))
}

impl LaunchdAction {
    fn new(repair: Repair, steps: Steps, codes: Vec<Code>) -> Self {
        let shown = |words: &[String]| words.join(" ");
        let back: Vec<String> = steps
            .commands
            .iter()
            .filter_map(|it| it.back.as_deref().map(shown))
            .collect();
        let undo = match (&steps.file, back.is_empty()) {
            (Some(file), _) => format!("{file} is put back"),
            (None, true) => "it is restarted once more, with what it read before".to_owned(),
            (None, false) => back.join(", "),
        };
        Self {
            repair,
            description: Description {
                repair,
                codes,
                title: steps.title.clone(),
                why: steps.why.to_owned(),
                changes: steps.commands.iter().map(|it| shown(&it.words)).collect(),
                undo: Some(undo),
                safety: steps.safety,
                needs_root: true,
                ask: None,
            },
            steps,
        }
    }
}

impl Action for LaunchdAction {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn limit(&self) -> Duration {
        2 * LIMIT + COMES_UP_WITHIN
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            let now = match self.repair {
                Repair::SyncTime => {
                    return of_time(site, Vec::new()).await.map(|_| ()).map_err(Refusal);
                }
                repair => look(site).await.and_then(|service| steps(repair, &service)),
            };
            match now.map_err(Refusal)? {
                now if now == self.steps => Ok(()),
                _ => Err(Refusal("it stands otherwise by now".to_owned())),
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
            if let Some(file) = &self.steps.file {
                hands.keep(file.as_ref(), Holds::Settings)?;
            }
            for command in &self.steps.commands {
                let undo = command.back.clone().map(|command| Undo::Run { command });
                let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
                if let [program, arguments @ ..] = &words[..] {
                    hands.run(undo, program, arguments, LIMIT).await?;
                }
            }
            hands.settle()?;
            if self.steps.comes_up {
                stays_up(site).await?;
            }
            Ok(Applied::Done)
        }
        .boxed()
    }
}

/// Waits until the job has been up for a while, or it is known why it does not come up.
async fn stays_up(site: &Site<'_>) -> Result<(), HandsError> {
    let until = Instant::now() + COMES_UP_WITHIN;
    let mut up_since = None;
    loop {
        // What a host answered once it answers again: each look is at a new one.
        let host = site.doctor.host();
        let seen = host.service(ServiceQuestion::agent(Os::Macos)).await;
        let service = seen.map_err(|unseen| {
            HandsError::Failed(format!(
                "whether the agent came up could not be asked: {unseen}"
            ))
        })?;
        match service.launchd().and_then(|job| job.state()) {
            Some(JobState::Running) => {
                let since = *up_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= STAYS_UP {
                    return Ok(());
                }
            }
            Some(JobState::Starting | JobState::Scheduled)
                if up_since.is_none() && Instant::now() < until => {}
            _ => {
                return Err(HandsError::Failed(format!(
                    "the agent does not stay up: it {}",
                    service.end()
                )));
            }
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const PLIST: &str = "/Library/LaunchDaemons/ai.nexplane.agent.plist";

    fn planned(
        repair: Repair,
        pairs: &[(&str, &str)],
    ) -> Result<(Vec<String>, Option<String>), String> {
        let pairs = [&[("FragmentPath", PLIST)], pairs].concat();
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let service = Service {
            properties: pairs.collect(),
            supplied: false,
        };
        let steps = steps(repair, &service)?;
        let described = LaunchdAction::new(repair, steps, Vec::new()).describe();
        Ok((described.changes, described.undo))
    }

    #[test]
    fn each_state_has_its_commands_and_their_way_back() {
        let bootstrap = format!("launchctl bootstrap system {PLIST}");
        let plutil = format!("plutil -replace RunAtLoad -bool true {PLIST}");
        let put_back = format!("{PLIST} is put back");
        let bootout = "launchctl bootout system/ai.nexplane.agent";
        let out = ("JobState", "not loaded");
        let running = ("JobState", "running");
        for (repair, pairs, commands, back) in [
            (
                Repair::StartService,
                &[out][..],
                vec![bootstrap.as_str()],
                bootout,
            ),
            (
                Repair::StartService,
                &[("JobState", "not running")],
                vec!["launchctl kickstart system/ai.nexplane.agent"],
                "launchctl kill SIGTERM system/ai.nexplane.agent",
            ),
            (
                Repair::ResetFailed,
                &[("JobState", "spawn scheduled")],
                vec!["launchctl kickstart -k system/ai.nexplane.agent"],
                "it is restarted once more, with what it read before",
            ),
            (
                Repair::EnableService,
                &[running],
                vec![plutil.as_str()],
                put_back.as_str(),
            ),
            (
                Repair::UnmaskService,
                &[out, ("Disabled", "yes")],
                vec!["launchctl enable system/ai.nexplane.agent", &bootstrap],
                "launchctl disable system/ai.nexplane.agent, launchctl bootout system/ai.nexplane.agent",
            ),
        ] {
            let (planned, undo) = planned(repair, pairs).unwrap();
            assert_eq!(planned, commands, "{repair:?}");
            assert_eq!(undo.as_deref(), Some(back), "{repair:?}");
        }
    }

    #[test]
    fn what_a_person_decides_is_not_planned() {
        let disabled = [("JobState", "not loaded"), ("Disabled", "yes")];
        assert!(
            planned(Repair::StartService, &disabled)
                .unwrap_err()
                .contains("disabled")
        );
        let broken = [("JobState", "not loaded"), ("DefinitionError", "x")];
        assert!(
            planned(Repair::StartService, &broken)
                .unwrap_err()
                .contains("definition")
        );
        let elsewhere = [("JobState", "running"), ("FragmentPath", "/tmp/a.plist")];
        assert!(
            planned(Repair::EnableService, &elsewhere)
                .unwrap_err()
                .contains("/tmp/a.plist")
        );
        assert!(planned(Repair::StartService, &[("ActiveState", "inactive")]).is_err());
    }

    #[test]
    fn the_time_is_switched_on_and_off_again() {
        let described = LaunchdAction::new(Repair::SyncTime, timed(), Vec::new()).describe();
        assert_eq!(described.changes, ["systemsetup -setusingnetworktime on"]);
        assert_eq!(
            described.undo.as_deref(),
            Some("systemsetup -setusingnetworktime off")
        );
    }
}
