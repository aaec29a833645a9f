//! Can the agent read what it was told? The configuration, read as the agent reads it, with everything wrong in it at once.
//!
//! Always publishes [`Told`]: what the other checks go by, flags of the command line before the file before defaults.

use std::path::Path;

use futures_util::future::join3;

use super::agent_user::{Access, AgentUser, permissions};
use super::{Check, Facts, Judgement, Known, install};
use crate::contract::config::{self, AgentConfig, ConfigProblem, ConfigReading, Key, Verification};
use crate::contract::paths::{AgentPaths, beside, parent};
use crate::contract::proxy::Proxy;
use crate::contract::url::ControlPlane;
use crate::host::{
    Base, Content, Host, HostPath, Kind, ReadQuestion, Seen, Service, ServiceQuestion, Stat, Unseen,
};
use crate::model::{CheckId, Code, Explained, Explains, Finding, Os, Placeholder, Target, excerpt};

const MISSING: Code = Code::from_static("config.missing");
const UNREADABLE: Code = Code::from_static("config.unreadable");
const SYNTAX: Code = Code::from_static("config.syntax");
const INVALID: Code = Code::from_static("config.invalid");
const URL: Code = Code::from_static("config.url");
const UNKNOWN_KEY: Code = Code::from_static("config.unknown_key");
const INSECURE: Code = Code::from_static("config.insecure");

/// What the agent was told, or the user says that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Where the control plane is, if a usable URL says so.
    pub control_plane: Option<ControlPlane>,
    /// A CA file beside the system's store.
    pub ca_cert: Option<HostPath>,
    /// The agent's own CA file, where `--ca-cert` stands in for it; nothing where no configuration was read.
    pub own_ca: Option<OwnCa>,
    /// Whether the agent does not verify its peer.
    pub insecure: bool,
    /// The client certificate.
    pub cert: HostPath,
    /// Its private key.
    pub key: HostPath,
    /// The configuration itself.
    pub path: HostPath,
    /// The proxy that the configuration names; what it says of credentials is only that there are some.
    pub proxy: Option<Proxy>,
}

/// The CA file of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnCa {
    /// It names none.
    Unset,
    /// It names this one.
    File(HostPath),
}

impl Told {
    /// The CA file that the configuration itself names, whatever flag stands in for it.
    pub fn configured_ca(&self) -> Option<&HostPath> {
        match &self.own_ca {
            Some(OwnCa::File(path)) => Some(path),
            Some(OwnCa::Unset) => None,
            None => self.ca_cert.as_ref(),
        }
    }

    /// `read` is the configuration, if there is one that could be read.
    fn new(target: &Target, path: HostPath, read: Option<&AgentConfig>) -> Self {
        let unread = AgentConfig::default();
        let config = read.unwrap_or(&unread);
        let (cert, key) = beside(path.path());
        let base = path.base;
        let named = |name: &Option<_>, default| match name {
            Some(path) => HostPath::host(path),
            None => HostPath {
                path: default,
                base,
            },
        };
        let flag = target.control_plane.as_ref();
        let url = flag.or(config.control_plane.as_ref());
        Self {
            control_plane: url.and_then(|url| ControlPlane::parse(url).ok()),
            ca_cert: match &target.ca_cert {
                Some(path) => Some(HostPath::caller(path)),
                None => config.ca_cert.as_ref().map(HostPath::host),
            },
            own_ca: match (&target.ca_cert, read) {
                (Some(_), Some(config)) => Some(match &config.ca_cert {
                    Some(path) => OwnCa::File(HostPath::host(path)),
                    None => OwnCa::Unset,
                }),
                _ => None,
            },
            insecure: config.verification == Verification::Off,
            cert: named(&config.cert_path, cert),
            key: named(&config.key_path, key),
            path,
            proxy: config
                .proxy
                .as_ref()
                .and_then(|url| Proxy::parse(url.expose())),
        }
    }
}

/// What the agent was told; where the configuration was not judged, what flags and defaults say.
pub fn told(known: &Known) -> Told {
    known.get::<Told>().cloned().unwrap_or_else(|| {
        let path = path(&known.target, known.system.os, None);
        Told::new(&known.target, path, None)
    })
}

/// Where the agent looks for its configuration: the flag's path, the one that its service is started with, the default.
pub(super) fn path(target: &Target, os: Os, service: Option<&Service>) -> HostPath {
    if let Some(path) = &target.config {
        return HostPath::caller(path);
    }
    match service.and_then(|service| service.option("--config")) {
        Some(path) => HostPath::host(path),
        None => HostPath::host(AgentPaths::of(os).config),
    }
}

/// Asks the service manager where the configuration is, and reads it leniently: for checks that do not wait for this one.
pub(super) async fn peek(host: &dyn Host, known: &Known) -> Told {
    let service = host.service(ServiceQuestion::agent(known.system.os)).await;
    let path = path(&known.target, known.system.os, service.ok().as_ref());
    let content = host.read(ReadQuestion::new(path.clone())).await;
    let config = content.map(|content| config::parse(&content.text, content.invalid_utf8_at).config);
    Told::new(&known.target, path, config.as_ref().ok())
}

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    path: HostPath,
    content: Seen<Content>,
    stat: Seen<Stat>,
    user: AgentUser,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "config";
    /// It asks the service manager where to look by itself, beside the others.
    const COLLECTS_AFTER: Option<&'static [&'static str]> = Some(&[]);
    const CODES: &'static [Code] = &[
        MISSING,
        UNREADABLE,
        SYNTAX,
        INVALID,
        URL,
        UNKNOWN_KEY,
        INSECURE,
    ];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let service = host.service(ServiceQuestion::agent(known.system.os)).await;
        let path = path(&known.target, known.system.os, service.ok().as_ref());
        let (content, stat, user) = join3(
            host.read(ReadQuestion::new(path.clone())),
            host.stat(path.clone()),
            AgentUser::ask(host, known),
        )
        .await;
        Evidence {
            path,
            content,
            stat,
            user,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let reading = match &evidence.content {
            Ok(content) => config::parse(&content.text, content.invalid_utf8_at),
            Err(_) => ConfigReading::default(),
        };
        let read = evidence.content.is_ok().then_some(&reading.config);
        let told = Told::new(&known.target, evidence.path.clone(), read);
        facts.publish(told);

        let mut judgement = readable(&evidence, known);
        let mut findings = Vec::new();
        findings.extend(flag_url(known.target.control_plane.as_deref()));
        if let Ok(content) = &evidence.content {
            findings.extend(problems(&reading, content));
            findings.extend(file_url(&reading, content, &known.target));
            findings.extend(insecure(&reading));
        }
        let with_path = |finding| with_values(finding, evidence.path.path());
        judgement.findings.extend(findings);
        judgement.findings = judgement.findings.into_iter().map(with_path).collect();
        judgement
    }
}

fn with_values(finding: Finding, path: &Path) -> Finding {
    let dir = parent(path).unwrap_or_else(|| path.to_owned());
    finding
        .value(Placeholder::ConfigPath, path.display().to_string())
        .value(Placeholder::ConfigDir, dir.display().to_string())
}

/// Whether it is there, and the agent's user may read it.
fn readable(evidence: &Evidence, known: &Known) -> Judgement {
    let path = evidence.path.path().display();
    match &evidence.content {
        Ok(_) => access(evidence, known),
        Err(Unseen::Absent) => missing(evidence, known),
        Err(Unseen::Denied) if evidence.user.is_doctor(known) => unreadable(evidence).into(),
        Err(Unseen::Denied) => Judgement::unknown(format!(
            "this user may not read {path}; run the doctor as root"
        )),
        Err(_) if matches!(&evidence.stat, Ok(stat) if stat.kind != Kind::File) => {
            Finding::new(MISSING, format!("{path} is there and is no file.")).into()
        }
        Err(Unseen::TooLarge { limit }) => Judgement::unknown(format!(
            "{path} is larger than {limit} bytes, and no configuration is: the doctor did not read it"
        )),
        Err(unseen) => Judgement::unknown(format!("{path} could not be read: {unseen}")),
    }
}

fn missing(evidence: &Evidence, known: &Known) -> Judgement {
    let nothing_installed = known.get::<install::Standing>() == Some(&install::Standing::Missing);
    if nothing_installed && evidence.path.base == Base::Host {
        return Judgement::skipped("there is no agent that could have a configuration");
    }
    let detail = format!(
        "The agent looks for its configuration at {}, and there is none.",
        evidence.path.path().display()
    );
    Finding::new(MISSING, detail).into()
}

fn access(evidence: &Evidence, known: &Known) -> Judgement {
    if evidence.user.is_doctor(known) {
        return Judgement::pass();
    }
    match evidence.user.access(&evidence.stat) {
        Access::Readable => Judgement::pass(),
        Access::Unreadable => unreadable(evidence).into(),
        Access::Unknown(reason) => {
            Judgement::unknown(format!("{}: {reason}", evidence.path.path().display()))
        }
    }
}

fn unreadable(evidence: &Evidence) -> Finding {
    let path = evidence.path.path().display().to_string();
    let user = &evidence.user;
    let detail = user.says_unreadable(&path, &evidence.stat, evidence.content.is_ok());
    let finding = Finding::new(UNREADABLE, detail).value(Placeholder::User, &user.name);
    match &evidence.stat {
        Ok(stat) => finding.saw("permissions", permissions(stat)),
        Err(_) => finding,
    }
}

/// One finding for each code, with all of its problems.
fn problems(reading: &ConfigReading, content: &Content) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for problem in &reading.problems {
        let code = code_of(problem);
        let text = excerpt(&problem.to_string());
        match findings.iter_mut().find(|finding| finding.code == code) {
            Some(finding) => {
                finding.detail.push_str(&format!(" Also {text}."));
                *finding = saw_line(finding.clone(), problem, content);
            }
            None => {
                let detail = match code == SYNTAX {
                    true => format!("The configuration is not YAML: {text}."),
                    false => format!("In the configuration, {text}."),
                };
                findings.push(saw_line(Finding::new(code, detail), problem, content));
            }
        }
    }
    findings
}

fn code_of(problem: &ConfigProblem) -> Code {
    match problem {
        ConfigProblem::Syntax { .. } => SYNTAX,
        ConfigProblem::NotAMapping { .. }
        | ConfigProblem::Missing { .. }
        | ConfigProblem::Invalid { .. } => INVALID,
        ConfigProblem::UnknownKey { .. } => UNKNOWN_KEY,
    }
}

fn saw_line(finding: Finding, problem: &ConfigProblem, content: &Content) -> Finding {
    let at = match problem {
        ConfigProblem::Syntax { at, .. }
        | ConfigProblem::NotAMapping { at, .. }
        | ConfigProblem::Invalid { at, .. }
        | ConfigProblem::UnknownKey { at, .. } => Some(at),
        ConfigProblem::Missing { at, .. } => at.as_ref(),
    };
    match at.map(|at| at.line) {
        Some(line) => saw_number(finding, line, content),
        None => finding,
    }
}

/// Quotes a line of the file by its number, from 1.
fn saw_number(finding: Finding, number: usize, content: &Content) -> Finding {
    match content.text.lines().nth(number.saturating_sub(1)) {
        Some(text) => finding.saw(format!("line {number}"), excerpt(text)),
        None => finding,
    }
}

fn flag_url(flag: Option<&str>) -> Option<Finding> {
    let text = flag?;
    let problem = ControlPlane::parse(text).err()?;
    let detail = format!("What --control-plane says is no address of a control plane: {problem}.");
    let finding = Finding::new(URL, detail).saw("--control-plane", excerpt(text));
    // The agent was never told that URL, and that it is not installed is no reason for it.
    let finding = finding.explains(Explains::OnlyOf(Vec::new()));
    Some(finding.explained(Explained::Never))
}

fn file_url(reading: &ConfigReading, content: &Content, target: &Target) -> Option<Finding> {
    let problem = reading.config.control_plane_url()?.err()?;
    let detail = format!("The configuration's `control_plane` is not usable: {problem}.");
    let mut finding = Finding::new(URL, detail);
    if target.control_plane.is_some() {
        // What the network shows is of the flag's URL, not of this one.
        let local = vec![CheckId::from_static("service")];
        finding = finding.explains(Explains::OnlyOf(local));
    }
    let line = reading.positions.get(&Key::ControlPlane).map(|at| at.line);
    Some(match line {
        Some(line) => saw_number(finding, line, content),
        None => finding,
    })
}

fn insecure(reading: &ConfigReading) -> Option<Finding> {
    if reading.config.verification == Verification::On {
        return None;
    }
    let key = Key::InsecureSkipVerify;
    let line = reading
        .positions
        .get(&key)
        .map(|at| format!("line {}", at.line));
    let detail = "The agent does not verify whom it talks to (`insecure_skip_verify: true`): whoever answers at the control plane's address is believed, and may hand out tasks.";
    Some(Finding::new(INSECURE, detail).saw(key.as_str(), line.unwrap_or_default()))
}

#[cfg(test)]
mod tests;
