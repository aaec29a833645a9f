//! Installing the agent on a host that has none: with a token and an address that were given, over a way that is whole.
//!
//! All or nothing is the installation's own; what is here is whether it may be begun. Where something of an agent is there already,
//! a person decides what becomes of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::action::{Action, Applied, Ask, Description, Proposal, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError};
use super::super::installation;
use super::super::journal::{Left, Undo};
use super::super::look;
use super::enroll::token_is_good;
use super::identity::{WAY, way_is_open};
use crate::agent::{self, InstallOptions, InstallOutcome, Surroundings, WorkingIdentity};
use crate::catalog::Repair;
use crate::contract::config::{DEFAULT_POLL_INTERVAL, LogLevel, Verification};
use crate::contract::paths::{AgentPaths, CONFIG_FILE};
use crate::diagnosis::offer::UNTRUSTED;
use crate::model::{Code, ReportedFinding, Target};

/// What else is gone with an installation.
const GONE_TOO: [&str; 2] = ["config.missing", "identity.missing"];

struct Install {
    plane: String,
    around: Surroundings,
    description: Description,
}

/// What to do about a host without an agent.
pub(super) fn propose<'a>(
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        match prepared(site, look::codes(findings)).await {
            Ok(action) => Proposal::Actions(vec![Box::new(action)]),
            Err(why) => Proposal::Person(why),
        }
    }
    .boxed()
}

async fn prepared(site: &Site<'_>, named: Vec<Code>) -> Result<Install, String> {
    if site.is_foreign() {
        return Err("nothing can be started under --root".to_owned());
    }
    let plane = site.doctor.target.control_plane.clone();
    let plane = plane.ok_or(
        "nobody said at which control plane. `nexplane-doctor fix --yes --all --control-plane URL --token-file FILE` installs it, \
         with --ca-cert FILE where the control plane has a private CA",
    )?;
    let mut around = surroundings(site)?;
    nothing_is_there(&around)?;
    around.program = installation::program(&around)?;
    way(site).await?;
    let description = description(site, &plane, &around, named);
    Ok(Install {
        plane,
        around,
        description,
    })
}

fn description(
    site: &Site<'_>,
    plane: &str,
    around: &Surroundings,
    mut codes: Vec<Code>,
) -> Description {
    let goes_too = |code: &str| {
        GONE_TOO.contains(&code) || (site.given.ca_cert.is_some() && UNTRUSTED.contains(&code))
    };
    let found = site.report.findings.iter().map(|finding| &finding.code);
    codes.extend(found.filter(|code| goes_too(code.as_str())).cloned());
    let places = &around.places;
    let program = match around.program == places.binary {
        true => Vec::new(),
        false => vec![format!(
            "{}: the program, a copy of {}",
            places.binary.display(),
            around.program.display()
        )],
    };
    let ca = site.given.ca_cert.as_ref();
    let ca = ca.map(|given| {
        let copy = places.ca_cert();
        format!(
            "{}: the CA of {}, which the agent is told of",
            copy.display(),
            given.display()
        )
    });
    let rest = [
        format!(
            "{}: configuration, certificate and key",
            places.config_dir.display()
        ),
        format!(
            "{}: the service, enabled and started",
            places.definition.display()
        ),
        "the token is used up, and the control plane has a registration of this host".to_owned(),
    ];
    Description {
        repair: Repair::Install,
        codes,
        title: format!("Install the agent, for the control plane at {plane}"),
        why:
            "Nothing of an agent is configured on this host; the way to the control plane is whole."
                .to_owned(),
        changes: program.into_iter().chain(ca).chain(rest).collect(),
        undo: Some(
            "the agent is uninstalled; its registration at the control plane stays".to_owned(),
        ),
        safety: Safety::Confirm,
        needs_root: true,
        ask: site.given.token.is_none().then_some(Ask::Token),
    }
}

/// Where it would be installed: where the doctor looks for the configuration.
fn surroundings(site: &Site<'_>) -> Result<Surroundings, String> {
    let directory = match &site.doctor.target.config {
        None => PathBuf::from(AgentPaths::of(site.report.host.os).config_dir),
        Some(config) if config.file_name() == Some(CONFIG_FILE.as_ref()) => {
            let directory = config.parent().filter(|it| !it.as_os_str().is_empty());
            directory.unwrap_or(Path::new(".")).to_owned()
        }
        Some(config) => {
            return Err(format!(
                "an installation names its configuration {CONFIG_FILE}, not {}",
                config.display()
            ));
        }
    };
    Surroundings::of_this_host(&directory).map_err(|error| error.to_string())
}

/// What an installation that was cut short has left is its own to take back.
fn nothing_is_there(around: &Surroundings) -> Result<(), String> {
    if agent::is_interrupted(&around.places.config_dir) {
        return Ok(());
    }
    match installation::trace(&around.places) {
        None => Ok(()),
        Some(path) => Err(format!(
            "{} is there, which an installation would replace: a person has to say whether it may",
            path.display()
        )),
    }
}

/// The target with the CA that the agent would be told of.
fn target(site: &Site<'_>) -> Target {
    Target {
        ca_cert: site.given.ca_cert.clone(),
        ..Target::clone(&site.doctor.target)
    }
}

/// Whether the way to the control plane is whole for an agent that is installed so, and nobody said that it shall not start.
async fn way(site: &Site<'_>) -> Result<(), String> {
    let mut checks = WAY.to_vec();
    checks.push("service");
    let look = look::as_if(site.doctor, target(site), &checks, |host| host).await;
    if let Some(masked) = look.finding("service.masked") {
        return Err(format!("{} ({})", masked.detail, masked.code));
    }
    way_is_open(site, &look).map_err(|why| {
        let needs_ca = UNTRUSTED.iter().any(|code| look.finding(code).is_some());
        match needs_ca && site.given.ca_cert.is_none() {
            true => format!("{why}; --ca-cert FILE says which private CA to trust"),
            false => why,
        }
    })
}

impl Install {
    fn options(&self, site: &Site<'_>) -> Option<InstallOptions> {
        Some(InstallOptions {
            control_plane: self.plane.clone(),
            token: site.given.token.clone()?,
            poll_interval: DEFAULT_POLL_INTERVAL,
            log_level: LogLevel::default(),
            ca_cert: site.given.ca_cert.clone(),
            verification: Verification::On,
            working_identity: WorkingIdentity::Keep,
        })
    }
}

impl Action for Install {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(180)
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            nothing_is_there(&self.around).map_err(Refusal)?;
            let program = installation::program(&self.around).map_err(Refusal)?;
            if program != self.around.program {
                return Err(Refusal(format!("{} came meanwhile", program.display())));
            }
            way(site).await.map_err(Refusal)?;
            let token = site.given.token.as_ref().ok_or_else(|| {
                Refusal("it takes an enrollment token: --token-file FILE".to_owned())
            })?;
            token_is_good(site, target(site), token)
                .await
                .map_err(Refusal)
        }
        .boxed()
    }

    fn apply<'a>(
        &'a self,
        site: &'a Site<'a>,
        hands: &'a mut Hands,
    ) -> BoxFuture<'a, Result<Applied, HandsError>> {
        async move {
            let failed = |why: String| HandsError::Failed(why);
            let options = self.options(site);
            let options =
                options.ok_or_else(|| failed("no enrollment token was given".to_owned()))?;
            let places = &self.around.places;
            let program = match self.around.program == places.binary {
                true => None,
                false => Some(installation::program_digest(&self.around.program).map_err(
                    |error| failed(format!("{}: {error}", self.around.program.display())),
                )?),
            };
            let step = hands.journal_mut().step(&Undo::Uninstall {
                config_dir: places.config_dir.clone(),
                program,
            })?;
            let installed = agent::install(&options, &self.around).await;
            let installed = installed.map_err(|error| {
                failed(match error.code() {
                    Some(code) => format!("{error} ({code})"),
                    None => error.to_string(),
                })
            })?;
            if let Some(digest) = installation::digest(places) {
                hands.journal_mut().told(step, Left::Content(digest))?;
            }
            if installed.outcome == InstallOutcome::Enrolled {
                hands.token_is_used_up(&installed.agent_id)?;
            }
            Ok(Applied::Done)
        }
        .boxed()
    }
}
