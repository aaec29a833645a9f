//! A stale proxy, taken out of where it is set: only where the control plane is proven to answer without it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::action::{Action, Applied, Description, Proposal, Refusal, Safety, Site};
use super::super::edit::{Without, environment_file_without, unit_without};
use super::super::hands::{self, Hands, HandsError, Wanted};
use super::super::journal::{Holds, Undo};
use super::super::look::{self, AsIf, Look};
use super::super::manager;
use super::super::standing::Standing;
use super::configuration::{Configuration, put_text, text_of};
use crate::catalog::Repair;
use crate::checks::again::{self, PROXY_VARIABLES};
use crate::contract::config::{Key, remove_key};
use crate::contract::paths::AgentPaths;
use crate::host::{Host, HostPath, ProxySetting, ReadQuestion, Seen, Service, ServiceQuestion};
use crate::model::{Os, ReportedFinding, Target};

/// Where the files are that this host's own people write; the others are the distribution's.
const OWN_UNITS: &str = "/etc/systemd/system";
/// The drop-in that takes the variables away whoever sets them; its name comes late.
const DROP_IN: &str = "90-nexplane-doctor.conf";
/// How long the service manager has for one change.
const LIMIT: Duration = Duration::from_secs(100);

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// The key `proxy` goes.
    Configuration(PathBuf),
    /// A line of a file of `EnvironmentFile=` goes.
    EnvironmentFile(PathBuf),
    /// What a unit file or drop-in of this host's own says goes.
    Unit(PathBuf),
    /// The variables are unset by a drop-in.
    DropIn(PathBuf),
    /// A service of Windows has these variables of its own, and no others.
    Variables(Option<Vec<String>>),
}

struct ClearProxy {
    changes: Vec<Change>,
    description: Description,
}

/// What to do about a proxy that cannot be gone through.
pub(super) fn propose<'a>(
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        let changes = match needed(site).await {
            Ok(changes) => changes,
            Err(why) => return Proposal::Person(why),
        };
        let lines: Vec<String> = changes.iter().map(Change::said).collect();
        let description = Description {
            repair: Repair::ClearProxy,
            codes: look::codes(findings),
            title: "Take the proxy out of the agent's settings".to_owned(),
            why: "The control plane answers without it, verified; through it, nothing does."
                .to_owned(),
            changes: lines,
            undo: Some(
                "the files are put back as they were, and the service is restarted with them"
                    .to_owned(),
            ),
            safety: Safety::Confirm,
            needs_root: true,
            ask: None,
        };
        Proposal::Actions(vec![Box::new(ClearProxy {
            changes,
            description,
        })])
    }
    .boxed()
}

impl Change {
    fn said(&self) -> String {
        match self {
            Self::Configuration(path) => format!("{}: the line `proxy` goes", path.display()),
            Self::EnvironmentFile(path) | Self::Unit(path) => {
                format!("{}: HTTPS_PROXY goes", path.display())
            }
            Self::Variables(_) => "the service's variables: HTTPS_PROXY goes".to_owned(),
            Self::DropIn(path) => format!("{}: unsets HTTPS_PROXY for the service", path.display()),
        }
    }

    /// Whether the service manager has to read its units again.
    const fn is_of_unit(&self) -> bool {
        matches!(self, Self::Unit(_) | Self::DropIn(_))
    }
}

/// What has to be changed so that no proxy is set, once it is proven that this helps.
async fn needed(site: &Site<'_>) -> Result<Vec<Change>, String> {
    let look = look::again(site, &["config"]).await;
    let settings = again::proxy_settings(&*site.host, &look.known).await;
    if settings.is_empty() {
        return Err("no proxy is set any more".to_owned());
    }
    let service = site
        .host
        .service(ServiceQuestion::agent(site.report.host.os))
        .await;
    works_without(site, &look, service.as_ref().ok()).await?;
    let mut changes: Vec<Change> = Vec::new();
    for setting in settings {
        let change = match setting {
            ProxySetting::Configuration { .. } => {
                let configuration = Configuration::read(site, &look.known).await?;
                remove_key(&configuration.text, Key::Proxy)
                    .map_err(|why| format!("{}: {why}", configuration.path.display()))?;
                vec![Change::Configuration(configuration.path)]
            }
            ProxySetting::File { path, .. } => vec![in_file(site, &path).await],
            ProxySetting::Service { .. } if site.report.host.os == Os::Windows => {
                vec![in_variables(service.as_ref().ok())?]
            }
            ProxySetting::Service { variable } if site.report.host.os != Os::Linux => {
                return Err(format!(
                    "{variable} is set in the service's definition, which the doctor changes under systemd only"
                ));
            }
            ProxySetting::Service { .. } => in_units(site, service.as_ref().ok()).await,
            ProxySetting::Environment { variable } => {
                return Err(format!(
                    "{variable} is set in this shell, and there is no service whose setting could be changed"
                ));
            }
        };
        for change in change {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
    }
    Ok(changes)
}

/// Looks as the agent would without a proxy: strict verification, and the control plane's own answer.
async fn works_without(
    site: &Site<'_>,
    look: &Look,
    service: Option<&Service>,
) -> Result<(), String> {
    let told = crate::checks::config::told(&look.known);
    let configuration = site
        .host
        .read(ReadQuestion::new(told.path.clone()))
        .await
        .ok();
    let without = configuration.and_then(|content| remove_key(&content.text, Key::Proxy).ok());
    let lay = |mut host: AsIf| {
        if let Some(text) = without {
            host = look::with_text(host, &told.path, &text);
        }
        match service {
            None => host,
            Some(service) => {
                let question = ServiceQuestion::agent(site.report.host.os);
                let answer: Seen<Service> = Ok(without_proxy(service));
                host.supply_to("service", &question, &answer)
            }
        }
    };
    let target = Target::clone(&site.doctor.target);
    let look = look::as_if(site.doctor, target, &["trust", "health"], lay).await;
    for check in ["trust", "health"] {
        if !look.is_well(check) {
            return Err(format!(
                "without the proxy the control plane does not answer either: {}",
                look.why_not(check)
            ));
        }
    }
    Ok(())
}

/// The service as its manager would start it then. What its running process has is what it was started with.
fn without_proxy(service: &Service) -> Service {
    let mut service = service.clone();
    let unset = service.get("UnsetEnvironment").unwrap_or_default();
    let unset = format!("{unset} {}", PROXY_VARIABLES.join(" "));
    let properties = &mut service.properties;
    properties.insert("UnsetEnvironment".to_owned(), unset.trim().to_owned());
    properties.insert("MainPID".to_owned(), "0".to_owned());
    service
}

async fn in_file(site: &Site<'_>, path: &HostPath) -> Change {
    let content = site.host.read(ReadQuestion::new(path.clone())).await;
    let text = content.map(|content| content.text).unwrap_or_default();
    match environment_file_without(&text, &PROXY_VARIABLES) {
        Without::Text(_) => Change::EnvironmentFile(path.path.clone()),
        Without::Same | Without::Tangled => Change::DropIn(drop_in()),
    }
}

/// In the files that set it, if all of them are this host's own and can be taken apart; by a drop-in else.
async fn in_units(site: &Site<'_>, service: Option<&Service>) -> Vec<Change> {
    let files = service.map(|service| {
        let fragment = service.get("FragmentPath").map(str::to_owned);
        fragment.into_iter().chain(service.list("DropInPaths"))
    });
    let mut changes = Vec::new();
    for file in files.into_iter().flatten() {
        let question = ReadQuestion::new(HostPath::host(&file));
        let Ok(content) = site.host.read(question).await else {
            return vec![Change::DropIn(drop_in())];
        };
        match unit_without(&content.text, &PROXY_VARIABLES) {
            Without::Same => {}
            Without::Text(_) if Path::new(&file).starts_with(OWN_UNITS) => {
                changes.push(Change::Unit(PathBuf::from(file)));
            }
            Without::Text(_) | Without::Tangled => return vec![Change::DropIn(drop_in())],
        }
    }
    match changes.is_empty() {
        // The manager's own environment, or a running process alone.
        true => vec![Change::DropIn(drop_in())],
        false => changes,
    }
}

/// In the variables of a service of Windows, if they are its own and not the machine's.
fn in_variables(service: Option<&Service>) -> Result<Change, String> {
    let names_one = |(name, _): &(String, String)| {
        PROXY_VARIABLES
            .iter()
            .any(|it| it.eq_ignore_ascii_case(name))
    };
    let own = service.map(Service::environment).unwrap_or_default();
    if !own.iter().any(names_one) {
        return Err(
            "it is a variable of the whole machine, which other programs read too: a person has to say whether it goes"
                .to_owned(),
        );
    }
    let rest = own.iter().filter(|it| !names_one(it));
    let rest: Vec<String> = rest
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(Change::Variables((!rest.is_empty()).then_some(rest)))
}

fn drop_in() -> PathBuf {
    let service = AgentPaths::of(Os::Linux).service;
    Path::new(OWN_UNITS)
        .join(format!("{service}.service.d"))
        .join(DROP_IN)
}

impl Action for ClearProxy {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn limit(&self) -> Duration {
        3 * LIMIT
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            match needed(site).await {
                Ok(now) if now == self.changes => Ok(()),
                Ok(_) => Err(Refusal("the proxy is set elsewhere by now".to_owned())),
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
            let os = site.report.host.os;
            let unit = AgentPaths::of(os).service;
            let of_service = self
                .changes
                .iter()
                .any(|it| !matches!(it, Change::Configuration(_)));
            let runs_here = of_service && !site.is_foreign();
            let reload = runs_here && self.changes.iter().any(Change::is_of_unit);
            let service = site.host.service(ServiceQuestion::agent(os)).await;
            let active = match &service {
                Ok(service) => Standing::of(service).active,
                Err(_) => "unknown".to_owned(),
            };
            if runs_here {
                hands.note(&Undo::RestoreService {
                    unit: unit.to_owned(),
                    active: active.clone(),
                })?;
            }
            if reload {
                // Taken back after the files are.
                hands.note(&Undo::Run {
                    command: ["systemctl", "daemon-reload"].map(str::to_owned).to_vec(),
                })?;
            }
            for change in &self.changes {
                match change {
                    Change::Variables(left) => variables(unit, left.as_deref(), hands).await?,
                    file => make(file, hands)?,
                }
            }
            if reload {
                hands
                    .run(None, "systemctl", &["daemon-reload"], LIMIT)
                    .await?;
            }
            // What the running one was started with, it keeps until then.
            if runs_here && active == "active" {
                let restarted = manager::renew(unit).await;
                restarted.map_err(|why| hands::system("restart", unit, why))?;
            }
            Ok(Applied::Done)
        }
        .boxed()
    }
}

/// Gives a service of Windows other variables. What the plan saw of them is what is there: it was just looked at again.
async fn variables(
    unit: &str,
    left: Option<&[String]>,
    hands: &mut Hands,
) -> Result<(), HandsError> {
    let failed = |why| hands::system("change the variables of", unit, why);
    let before = manager::variables(unit).await.map_err(failed)?;
    hands.note(&Undo::RestoreVariables {
        unit: unit.to_owned(),
        before,
        left: left.map(<[String]>::to_vec),
    })?;
    manager::give_variables(unit, left).await.map_err(failed)
}

fn make(change: &Change, hands: &mut Hands) -> Result<(), HandsError> {
    let (path, without) = match change {
        Change::Configuration(path) => {
            let text = remove_key(&text_of(hands, path)?, Key::Proxy)
                .map_err(|why| HandsError::Failed(format!("{}: {why}", path.display())))?;
            (path, Without::Text(text))
        }
        Change::EnvironmentFile(path) => (
            path,
            environment_file_without(&text_of(hands, path)?, &PROXY_VARIABLES),
        ),
        Change::Unit(path) => (path, unit_without(&text_of(hands, path)?, &PROXY_VARIABLES)),
        Change::DropIn(path) => return unset(path, hands),
        Change::Variables(_) => return Ok(()),
    };
    match without {
        Without::Text(text) => put_text(hands, path, &text),
        Without::Same => Ok(()),
        Without::Tangled => Err(HandsError::Failed(format!(
            "{} was changed meanwhile",
            path.display()
        ))),
    }
}

fn unset(path: &Path, hands: &mut Hands) -> Result<(), HandsError> {
    let with = |mode| Wanted {
        mode: Some(mode),
        ..Wanted::default()
    };
    if let Some(directory) = path.parent() {
        hands.make_directory(directory, with(0o755))?;
    }
    hands.replace_file(path, text().as_bytes(), with(0o644), Holds::Settings)
}

/// Takes the variables away. systemd before 235 passes over `UnsetEnvironment=`: there they are empty, which to the agent is none.
fn text() -> String {
    let empty = PROXY_VARIABLES.map(|name| format!("{name}="));
    format!(
        "# Written by nexplane-doctor: the control plane answers without the proxy, and not through it.\n[Service]\nEnvironment={}\nUnsetEnvironment={}\n",
        empty.join(" "),
        PROXY_VARIABLES.join(" ")
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_drop_in_serves_an_old_service_manager_too() {
        let text = super::text();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "[Service]",
                "Environment=HTTPS_PROXY= https_proxy=",
                "UnsetEnvironment=HTTPS_PROXY https_proxy",
            ]
        );
    }
}
