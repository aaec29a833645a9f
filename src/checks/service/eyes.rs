//! The agent's eyes: what the service sees otherwise than a shell does, by its unit's sandbox, its environment and the age
//! of its process. Pure.

use super::log::Log;
use super::needs::Needs;
use super::obstructed::{Kind, Obstruction, Sandbox};
use super::{CRASH_LOOPING, FAILED, OUTDATED, READ_ONLY, SANDBOXED};
use crate::checks::{Decision, Judgement, differs};
use crate::host::{End, Service};
use crate::model::{Code, Explained, Fact, Finding, Placeholder, counted};

/// SIGSYS, by which the kernel ends a process for a system call that its filter forbids.
const SIGSYS: i32 = 31;

/// Adds to the judgement of the service's state what its unit's sandbox and environment do to the agent.
pub(super) fn judge(
    mut judgement: Judgement,
    unit: &str,
    service: &Service,
    needs: &Needs,
    log: &Log,
) -> Judgement {
    let mut sandbox = Sandbox::of(needs);
    sandbox.obstructions.extend(system_call(service));
    for finding in &mut judgement.findings {
        if finding.code == FAILED || finding.code == CRASH_LOOPING {
            explain(finding, &sandbox.obstructions, log, &service.end());
        }
    }
    judgement.findings.extend(sandboxed(unit, &sandbox.obstructions));
    judgement.findings.extend(read_only(unit, &sandbox));
    sandbox.environment(needs);
    if let Some(why) = service.get("SliceFiltersUnseen") {
        sandbox.undecided.get_or_insert(format!(
            "a slice that the service is in may filter its addresses, and could not be read; run the doctor as root: {why}"
        ));
    }
    judgement.findings.extend(outdated(unit, service, &sandbox));
    judgement = missing_file(judgement, needs);
    judgement = missing_path(judgement, needs, &service.end());
    for (what, value) in sandbox.notes {
        judgement = judgement.note(what, value);
    }
    match sandbox.undecided {
        Some(reason) if judgement.decision == Decision::Decided => {
            judgement.decision = Decision::Unknown(reason);
        }
        Some(reason) => judgement = judgement.note("sandbox", reason),
        None => {}
    }
    judgement
}

/// systemd does not start a service without a file that its `EnvironmentFile=` names, unless `-` stands before it.
fn missing_file(mut judgement: Judgement, needs: &Needs) -> Judgement {
    for path in needs.environment.missing_files() {
        let path = path.display();
        let why = format!("`EnvironmentFile={path}` is not there");
        let ended = judgement.findings.iter_mut().find(|finding| finding.code == FAILED || finding.code == CRASH_LOOPING);
        match ended {
            Some(finding) => {
                finding.detail.push_str(&format!(" systemd does not start it, because {why}."));
                finding.evidence.push(Fact { what: "missing file".into(), value: path.to_string() });
            }
            None => {
                let note = format!("{why}: systemd will not start the service again without it");
                judgement = judgement.note("environment", note);
            }
        }
    }
    judgement
}

/// 226/NAMESPACE: most often a path that a directive names and that is not there.
fn missing_path(mut judgement: Judgement, needs: &Needs, end: &End) -> Judgement {
    if !matches!(end, End::NotStarted { code: 226, .. }) {
        return judgement;
    }
    let ended = judgement.findings.iter_mut().find(|finding| finding.code == FAILED || finding.code == CRASH_LOOPING);
    if let (Some(finding), false) = (ended, needs.missing.is_empty()) {
        let missing: Vec<_> = needs.missing.iter().map(|by| needs.origins.name(by)).collect();
        finding.detail.push_str(&format!(
            " systemd could not set its sandbox up, because what is named is not there: {} (a `-` before a path lets it be missing).",
            missing.join(", ")
        ));
    }
    judgement
}

/// The one filter of system calls that is certain: it has ended the agent.
fn system_call(service: &Service) -> Option<Obstruction> {
    let filter = service.get("SystemCallFilter").filter(|filter| *filter != "~")?;
    let calls = filter.split_whitespace().count();
    let ended = matches!(service.end(), End::Signal { number: SIGSYS, .. });
    ended.then(|| Obstruction {
        kind: Kind::SystemCall,
        by: format!("SystemCallFilter= with {}", counted(calls, "entry", "entries")),
        sentence: differs::fails_for_the_service(
            "Running the agent",
            "`SystemCallFilter=` of its unit forbids a system call that it made, and the kernel ended it for that (SIGSYS)",
        ),
    })
}

fn sandboxed(unit: &str, obstructions: &[Obstruction]) -> Option<Finding> {
    if obstructions.is_empty() {
        return None;
    }
    let mut sentences: Vec<&str> = Vec::new();
    for obstruction in obstructions {
        if !sentences.contains(&obstruction.sentence.as_str()) {
            sentences.push(&obstruction.sentence);
        }
    }
    let mut finding = Finding::new(SANDBOXED, sentences.join(" ")).value(Placeholder::Unit, unit);
    for obstruction in obstructions {
        let is_new = finding.evidence.iter().all(|fact| fact.value != obstruction.by);
        if is_new {
            finding = finding.saw("directive", obstruction.by.clone());
        }
    }
    Some(finding)
}

/// A sandbox explains an end that the log tells of in its terms.
fn explain(finding: &mut Finding, obstructions: &[Obstruction], log: &Log, end: &End) {
    const WAY: [&str; 4] = ["proxy", "dns", "tcp", "health"];
    const FILES: [&str; 4] = ["config", "identity", "trust", "host"];
    let speaks_of = |checks: &[&str]| {
        let codes = log.last_fatal.iter().flat_map(|fatal| fatal.found.codes());
        codes.map(Code::check).any(|check| checks.contains(&check.as_str()))
    };
    let fits = |obstruction: &Obstruction| match obstruction.kind {
        Kind::Network => speaks_of(&WAY),
        Kind::File => speaks_of(&FILES),
        Kind::Program => matches!(end, End::NotStarted { code: 203, .. }),
        Kind::SystemCall => true,
    };
    if let Explained::OnlyBy(codes) = &mut finding.explained
        && obstructions.iter().any(fits)
    {
        codes.push(SANDBOXED);
    }
}

fn read_only(unit: &str, sandbox: &Sandbox) -> Option<Finding> {
    // What cannot be read cannot be renewed either, and is said already.
    let hidden = sandbox.obstructions.iter().any(|it| it.kind == Kind::File);
    let (by, sentence) = sandbox.read_only.as_ref().filter(|_| !hidden)?;
    let finding = Finding::new(READ_ONLY, sentence.clone()).saw("directive", by.clone());
    Some(finding.value(Placeholder::Unit, unit))
}

fn outdated(unit: &str, service: &Service, sandbox: &Sandbox) -> Option<Finding> {
    let mut sentences = Vec::new();
    let needs_reload = service.is_on("NeedDaemonReload");
    if needs_reload {
        sentences.push(format!(
            "The definition of `{unit}` was changed on disk and systemd was not told: it goes by the old one, and so does this report, until `systemctl daemon-reload`."
        ));
    }
    let mut not_yet = sandbox.not_yet.clone();
    not_yet.dedup();
    if !not_yet.is_empty() {
        sentences.push(format!(
            "The running agent was started before its settings were changed: {}. What they do to it shows at its next start.",
            not_yet.join("; ")
        ));
    }
    if sentences.is_empty() {
        return None;
    }
    let mut finding = Finding::new(OUTDATED, sentences.join(" ")).value(Placeholder::Unit, unit);
    for property in ["NeedDaemonReload", "MainPID", "ExecMainStartTimestamp"] {
        if let Some(value) = service.get(property) {
            finding = finding.saw(property, value);
        }
    }
    Some(finding)
}

#[cfg(test)]
mod tests;
