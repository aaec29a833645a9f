//! Is the agent installed at all? Its binary, its service's definition, its configuration: which of them are there.
//!
//! Only where they are is looked at; nothing of the agent's is run.

use std::path::{Path, PathBuf};

use futures_util::future::join3;

use super::{Check, Facts, Judgement, Known, config};
use crate::contract::paths::{AgentPaths, is_absolute};
use crate::host::{Host, HostPath, Kind, Seen, Service, ServiceQuestion, Stat, Unseen};
use crate::model::{Code, Finding, Os, Placeholder};

const MISSING: Code = Code::from_static("install.missing");
const INCOMPLETE: Code = Code::from_static("install.incomplete");

/// Where systemd finds a package's units, beside the administrator's own.
const UNIT_DIRECTORIES: [&str; 2] = ["/usr/lib/systemd/system", "/lib/systemd/system"];

/// How much of the agent is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Missing,
    /// Something, and not its binary.
    Incomplete,
    /// Its binary, whatever else is there.
    Installed,
    /// That cannot be known.
    Unknown,
}

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    binary: Looked,
    definition: Looked,
    config: Looked,
}

/// A thing that was looked for, and where.
#[derive(Debug)]
struct Looked {
    what: &'static str,
    path: PathBuf,
    presence: Presence,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Presence {
    There,
    /// Not there, or not usable, because …
    Missing(Option<&'static str>),
    /// Could not be looked at, because …
    Unknown(String),
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "install";
    const CODES: &'static [Code] = &[MISSING, INCOMPLETE];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let service = host.service(ServiceQuestion::agent(known.system.os)).await;
        let config = config::path(&known.target, known.system.os, service.as_ref().ok());
        let (binary, definition, stat) = join3(
            binary(host, known, service.as_ref().ok()),
            definition(host, known.system.os, &service),
            host.stat(config.clone()),
        )
        .await;
        Evidence {
            binary,
            definition,
            config: Looked {
                what: "configuration",
                path: config.path,
                presence: presence(stat.map(|_| ())),
            },
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let (standing, judgement) = judge(&evidence, known);
        facts.publish(standing);
        judgement
    }
}

fn judge(evidence: &Evidence, known: &Known) -> (Standing, Judgement) {
    let all = [&evidence.binary, &evidence.definition, &evidence.config];
    let others = [&evidence.definition, &evidence.config];
    if let Presence::Unknown(why) = &evidence.binary.presence {
        let path = evidence.binary.path.display();
        let reason = format!("whether the agent's program is at {path} cannot be told: {why}");
        return (Standing::Unknown, Judgement::unknown(reason));
    }
    if evidence.binary.presence == Presence::There {
        let path = evidence.binary.path.display().to_string();
        return (Standing::Installed, Judgement::pass().note("binary", path));
    }
    if others.iter().any(|other| other.presence == Presence::There) {
        let finding = saw(incomplete(evidence), &all);
        return (Standing::Incomplete, finding.into());
    }
    if let Some(unknown) = others.iter().find_map(|other| unknown(other)) {
        return (Standing::Unknown, Judgement::unknown(unknown));
    }
    let detail = format!(
        "There is no Nexplane agent on {}: no binary, no service definition, no configuration.",
        known.system.hostname
    );
    let finding = saw(Finding::new(MISSING, detail), &all);
    (Standing::Missing, finding.into())
}

fn unknown(looked: &Looked) -> Option<String> {
    match &looked.presence {
        Presence::Unknown(why) => Some(format!(
            "the agent's program is not there, and whether its {} is cannot be told: {why}",
            looked.what
        )),
        _ => None,
    }
}

fn incomplete(evidence: &Evidence) -> Finding {
    let path = evidence.binary.path.display();
    let others = [&evidence.definition, &evidence.config];
    let there: Vec<_> = others
        .iter()
        .filter(|other| other.presence == Presence::There)
        .map(|other| format!("its {} ({})", other.what, other.path.display()))
        .collect();
    let how = match evidence.binary.presence {
        Presence::Missing(Some(why)) => why,
        _ => "is not there",
    };
    let verb = if there.len() == 1 { "is" } else { "are" };
    let detail = format!(
        "The agent's program {path} {how}; {} {verb}.",
        there.join(" and ")
    );
    Finding::new(INCOMPLETE, detail).value(Placeholder::Binary, path.to_string())
}

fn saw(finding: Finding, all: &[&Looked]) -> Finding {
    all.iter().fold(finding, |finding, looked| {
        let how = match &looked.presence {
            Presence::There => "there",
            Presence::Missing(why) => why.unwrap_or("not there"),
            Presence::Unknown(why) => why,
        };
        finding.saw(looked.what, format!("{}: {how}", looked.path.display()))
    })
}

fn presence(seen: Seen<()>) -> Presence {
    match seen {
        Ok(()) => Presence::There,
        Err(Unseen::Absent) => Presence::Missing(None),
        Err(unseen) => Presence::Unknown(unseen.to_string()),
    }
}

/// The program that the service starts; without a service, the one at the documented place or in the search path.
async fn binary(host: &dyn Host, known: &Known, service: Option<&Service>) -> Looked {
    let os = known.system.os;
    let default = Path::new(AgentPaths::of(os).binary);
    let told = service
        .and_then(Service::binary)
        .filter(|path| is_absolute(path));
    let path = told.clone().unwrap_or_else(|| default.to_owned());
    let presence = executable(host.stat(HostPath::host(&path)).await, os);
    let elsewhere =
        told.is_none() && presence == Presence::Missing(None) && !known.system.foreign_root;
    if elsewhere && let Ok(found) = host.find_program("nexplane-agent".to_owned()).await {
        return Looked {
            what: "binary",
            path: found,
            presence: Presence::There,
        };
    }
    Looked {
        what: "binary",
        path,
        presence,
    }
}

fn executable(seen: Seen<Stat>, os: Os) -> Presence {
    match &seen {
        Ok(stat) if stat.kind != Kind::File => Presence::Missing(Some("is no file")),
        Ok(stat) if stat.size == 0 => Presence::Missing(Some("is an empty file")),
        Ok(stat) if os != Os::Windows && stat.mode & 0o111 == 0 => {
            Presence::Missing(Some("is not executable"))
        }
        _ => presence(seen.map(|_| ())),
    }
}

/// What the service manager knows; where it cannot be asked, whether a file defines the service.
async fn definition(host: &dyn Host, os: Os, service: &Seen<Service>) -> Looked {
    let paths = AgentPaths::of(os);
    let default = Path::new(paths.definition.unwrap_or(paths.unit));
    let (path, presence) = match service {
        Ok(service) => {
            let path = service.get("FragmentPath").map(PathBuf::from);
            let known = service.get("LoadState") != Some("not-found");
            let presence = if known {
                Presence::There
            } else {
                Presence::Missing(None)
            };
            (path.unwrap_or_else(|| default.to_owned()), presence)
        }
        Err(Unseen::Absent) => (default.to_owned(), Presence::Missing(None)),
        Err(unseen) if paths.definition.is_none() => {
            (default.to_owned(), Presence::Unknown(unseen.to_string()))
        }
        Err(_) => defined_by_file(host, os, default, paths.unit).await,
    };
    Looked {
        what: "service definition",
        path,
        presence,
    }
}

async fn defined_by_file(
    host: &dyn Host,
    os: Os,
    default: &Path,
    unit: &str,
) -> (PathBuf, Presence) {
    let seen = presence(host.stat(HostPath::host(default)).await.map(|_| ()));
    if os == Os::Linux && seen == Presence::Missing(None) {
        for directory in UNIT_DIRECTORIES {
            let path = PathBuf::from(format!("{directory}/{unit}"));
            if host.stat(HostPath::host(&path)).await.is_ok() {
                return (path, Presence::There);
            }
        }
    }
    (default.to_owned(), seen)
}

#[cfg(test)]
mod tests {
    use super::super::Decision;
    use super::super::testing::{Evidence as Recording, absent, codes, file, properties};
    use super::*;

    const BINARY: &str = "/usr/local/bin/nexplane-agent";
    const UNIT: &str = "/etc/systemd/system/nexplane-agent.service";
    const CONFIG: &str = "/etc/nexplane-agent/config.yaml";

    fn stat(recording: Recording, path: &str, seen: Seen<Stat>) -> Recording {
        recording.answer("stat", HostPath::host(path), seen)
    }

    fn service(recording: Recording, seen: Seen<&[(&str, &str)]>) -> Recording {
        let seen = seen.map(|pairs| Service {
            properties: properties(pairs),
            supplied: false,
        });
        recording.answer("service", ServiceQuestion::agent(Os::Linux), seen)
    }

    fn judged(recording: Recording) -> (Judgement, Option<Standing>) {
        let (judgement, facts) = recording.judge(&Probe);
        (judgement, facts.get().copied())
    }

    /// Nothing there, and nothing hidden.
    fn bare() -> Recording {
        stat(
            Recording::default(),
            "/lib/systemd/system/nexplane-agent.service",
            absent(),
        )
    }

    #[test]
    fn nothing_at_all_is_missing() {
        let all = [BINARY, UNIT, CONFIG];
        let recording = all.iter().fold(bare(), |r, path| stat(r, path, absent()));
        let recording = service(recording, Err(Unseen::unsupported("no systemd")));
        let (judgement, standing) = judged(recording);
        assert_eq!(codes(&judgement), ["install.missing"]);
        assert_eq!(standing, Some(Standing::Missing));
    }

    #[test]
    fn a_binary_is_enough_here() {
        let there = stat(bare(), BINARY, Ok(file(BINARY, 0o755, 0, 0)));
        let (judgement, standing) = judged(service(there, Err(Unseen::Denied)));
        assert_eq!(
            (codes(&judgement), standing),
            (vec![], Some(Standing::Installed))
        );
    }

    #[test]
    fn the_service_s_own_binary_counts() {
        let pairs = [
            ("LoadState", "loaded"),
            (
                "ExecStart",
                "{ path=/opt/a ; argv[]=/opt/a run ; ignore_errors=no }",
            ),
        ];
        for (seen, part) in [
            (absent(), "is not there"),
            (Ok(file("/opt/a", 0o644, 0, 0)), "is not executable"),
        ] {
            let recording = stat(service(bare(), Ok(&pairs)), "/opt/a", seen);
            let recording = stat(recording, BINARY, Ok(file(BINARY, 0o755, 0, 0)));
            let (judgement, standing) = judged(recording);
            assert_eq!(codes(&judgement), ["install.incomplete"]);
            assert!(judgement.findings[0].detail.contains(part));
            assert_eq!(standing, Some(Standing::Incomplete));
        }
    }

    #[test]
    fn without_a_manager_the_unit_file_decides() {
        let recording = stat(
            service(bare(), Err(Unseen::unsupported("no systemd"))),
            BINARY,
            absent(),
        );
        let recording = stat(
            stat(recording, CONFIG, absent()),
            UNIT,
            Ok(file(UNIT, 0o644, 0, 0)),
        );
        assert_eq!(codes(&judged(recording).0), ["install.incomplete"]);
    }

    #[test]
    fn what_may_not_be_looked_at_is_unknown() {
        let recording = stat(service(bare(), Err(Unseen::Absent)), BINARY, absent());
        let (judgement, standing) = judged(stat(recording, CONFIG, Err(Unseen::Denied)));
        assert_eq!(
            (codes(&judgement), standing),
            (vec![], Some(Standing::Unknown))
        );
        assert!(matches!(judgement.decision, Decision::Unknown(_)));
    }
}
