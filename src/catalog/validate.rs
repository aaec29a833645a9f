//! From a file as it was written to a check that means something: every name exists, nothing is missing.

use super::check::{CheckDoc, FindingDoc, Repair};
use super::claim;
use super::fields::Field;
use super::names::Names;
use super::nearest::{list, or_one_of};
use super::problem::{At, Place, Reporter, quoted};
use super::raw::{RawCheck, RawFinding};
use super::texts;
use crate::model::{CheckId, Code, Severity, Symptom};

/// So many findings may one check have; patterns multiply by them.
const MOST_FINDINGS: usize = 64;

/// The symptoms' names in files.
const SYMPTOMS: [(&str, Symptom); 3] = [
    ("not-appearing", Symptom::NotAppearing),
    ("offline", Symptom::Offline),
    ("tasks", Symptom::Tasks),
];

/// Whose check it is: the doctor's own are decided in Rust, the user's by a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Doctor,
    User,
}

/// Something that a file refers to, and where: what circles are told by.
#[derive(Debug)]
pub(super) struct Link<T> {
    pub(super) from: T,
    pub(super) to: T,
    pub(super) place: Place,
}

/// What a file's checks and codes refer to.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) checks: Vec<Link<CheckId>>,
    pub(super) codes: Vec<Link<Code>>,
}

/// Reads a whole check. `None` when something is wrong with it; all of it has been told then.
pub(super) fn check(
    raw: &RawCheck,
    owner: Owner,
    names: &Names,
    links: &mut Links,
    report: &mut Reporter<'_>,
) -> Option<CheckDoc> {
    let at = raw.place;
    let what = "the check";
    let id = raw.id.required("id", what, at, report);
    let id = id.and_then(|id| self::id(id, report));
    let title = raw.title.required("title", what, at, report);
    let title = title.map(|title| texts::plain(title, report));
    let summary = raw.summary.required("summary", what, at, report);
    let summary = summary.map(|summary| texts::plain(summary, report));
    let symptoms = symptoms(&raw.symptoms, report);
    let needs = others(&raw.needs, id.as_ref(), names, links, report);
    let uses = others(&raw.uses, id.as_ref(), names, links, report);
    not_twice(&raw.needs, &raw.uses, report);
    let findings = raw.findings.required("findings", what, at, report);
    let findings =
        findings.map(|findings| self::findings(findings, id.as_ref(), names, links, report));
    let probe = match (&raw.probe, owner) {
        (Some(probe), Owner::User) => claim::probe(probe, raw, report),
        (None, Owner::Doctor) => None,
        (Some(probe), Owner::Doctor) => {
            report.at(
                probe.0.place,
                "a check of the doctor's own has no `probe`: it is decided in Rust",
            );
            None
        }
        (None, Owner::User) => {
            // Without an id, nobody knows whose check it is meant to be.
            if id.is_some() {
                let kinds = list(claim::KINDS);
                report.at(at, format!("a new check needs a `probe`, of kind {kinds} (or, if it is written in Rust, a doctor that was built with it)"));
            }
            None
        }
    };
    Some(CheckDoc {
        id: id?,
        title: title?,
        summary: summary?,
        symptoms: symptoms.into(),
        needs: needs.into(),
        uses: uses.into(),
        findings: findings?.into(),
        probe,
    })
}

fn id(at: &At<String>, report: &mut Reporter<'_>) -> Option<CheckId> {
    CheckId::new(at.value.clone())
        .map_err(|error| report.at(at.place, error))
        .ok()
}

fn symptoms(field: &Field<Vec<At<String>>>, report: &mut Reporter<'_>) -> Vec<Symptom> {
    let words = field.get().map(|at| at.value.as_slice());
    let mut symptoms = Vec::new();
    for word in words.unwrap_or_default() {
        match SYMPTOMS.iter().find(|(name, _)| *name == word.value) {
            Some((name, symptom)) if symptoms.contains(symptom) => {
                report.at(word.place, format!("`{name}` is here a second time"));
            }
            Some((_, symptom)) => symptoms.push(*symptom),
            None => report.at(
                word.place,
                format!(
                    "there is no symptom {}{}",
                    quoted(&word.value),
                    or_one_of(&word.value, SYMPTOMS.map(|(name, _)| name))
                ),
            ),
        }
    }
    symptoms
}

/// The name of a symptom in files.
pub(super) fn symptom_name(symptom: Symptom) -> &'static str {
    SYMPTOMS
        .into_iter()
        .find(|(_, other)| *other == symptom)
        .map_or("", |(name, _)| name)
}

/// The checks of `needs` or `uses`.
fn others(
    field: &Field<Vec<At<String>>>,
    id: Option<&CheckId>,
    names: &Names,
    links: &mut Links,
    report: &mut Reporter<'_>,
) -> Vec<CheckId> {
    let words = field.get().map(|at| at.value.as_slice());
    let mut others = Vec::new();
    for word in words.unwrap_or_default() {
        let Some(other) = names.check(word, report) else {
            continue;
        };
        if let Some(id) = id {
            links.checks.push(Link {
                from: id.clone(),
                to: other.clone(),
                place: word.place,
            });
        }
        others.push(other);
    }
    others
}

/// A check is named once in `needs` and `uses` together: what is needed is used.
fn not_twice(
    needs: &Field<Vec<At<String>>>,
    uses: &Field<Vec<At<String>>>,
    report: &mut Reporter<'_>,
) {
    let mut seen: Vec<&str> = Vec::new();
    for word in [needs, uses]
        .into_iter()
        .filter_map(Field::get)
        .flat_map(|at| &at.value)
    {
        if seen.contains(&word.value.as_str()) {
            report.at(
                word.place,
                format!(
                    "{} is here a second time: once in `needs` or `uses` is enough",
                    quoted(&word.value)
                ),
            );
        }
        seen.push(&word.value);
    }
}

fn findings(
    raw: &At<Vec<RawFinding>>,
    id: Option<&CheckId>,
    names: &Names,
    links: &mut Links,
    report: &mut Reporter<'_>,
) -> Vec<FindingDoc> {
    if raw.value.is_empty() {
        report.at(raw.place, "`findings` is empty: a check finds something");
    }
    if raw.value.len() > MOST_FINDINGS {
        let message = format!("more than {MOST_FINDINGS} findings: make several checks of it");
        report.at(raw.place, message);
        return Vec::new();
    }
    let findings = raw.value.iter();
    findings
        .filter_map(|raw| finding(raw, id, names, links, report))
        .collect()
}

fn finding(
    raw: &RawFinding,
    id: Option<&CheckId>,
    names: &Names,
    links: &mut Links,
    report: &mut Reporter<'_>,
) -> Option<FindingDoc> {
    let at = raw.code.place;
    let what = quoted(&raw.code.value);
    let code = code(&raw.code, id, report);
    let severity = raw.severity.required("severity", &what, at, report);
    let severity = severity.and_then(|at| self::severity(at, report));
    let title = raw.title.required("title", &what, at, report);
    let title = title.map(|text| texts::plain(text, report));
    let explanation = raw.explanation.required("explanation", &what, at, report);
    let explanation = explanation.map(|text| texts::plain(text, report));
    let how = raw.how.required("how", &what, at, report);
    let how = how.map(|text| texts::plain(text, report));
    let explained_by = explained_by(raw, code.as_ref(), severity, names, links, report);
    let runbook = texts::runbook(&raw.runbook, report);
    let remedy = raw.remedy.required("remedy", &what, at, report);
    let remedy = remedy.and_then(|remedy| texts::remedy(remedy, &what, runbook, report));
    let repair = repair(&raw.repair, report);
    Some(FindingDoc {
        code: code?,
        severity: severity?,
        title: title?,
        explanation: explanation?,
        how: how?,
        explained_by: explained_by.into(),
        remedy: remedy?,
        repair,
    })
}

fn code(at: &At<String>, id: Option<&CheckId>, report: &mut Reporter<'_>) -> Option<Code> {
    let code = Code::new(at.value.clone())
        .map_err(|error| report.at(at.place, error))
        .ok()?;
    if let Some(id) = id.filter(|id| **id != code.check()) {
        report.at(
            at.place,
            format!("`{code}` is another check's code: those of this one begin with `{id}.`"),
        );
        return None;
    }
    Some(code)
}

fn severity(at: &At<String>, report: &mut Reporter<'_>) -> Option<Severity> {
    match at.value.as_str() {
        "error" => Some(Severity::Error),
        "warning" => Some(Severity::Warning),
        other => {
            report.at(
                at.place,
                format!("`severity` is `error` or `warning`, not {}", quoted(other)),
            );
            None
        }
    }
}

fn explained_by(
    raw: &RawFinding,
    code: Option<&Code>,
    severity: Option<Severity>,
    names: &Names,
    links: &mut Links,
    report: &mut Reporter<'_>,
) -> Vec<Code> {
    let Some(words) = raw.explained_by.get() else {
        return Vec::new();
    };
    if severity == Some(Severity::Warning) && !words.value.is_empty() {
        report.at(
            words.place,
            "a warning is never a symptom: `explained_by` is for errors",
        );
    }
    let mut explained_by = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for word in &words.value {
        if seen.contains(&word.value.as_str()) {
            report.at(
                word.place,
                format!("{} is here a second time", quoted(&word.value)),
            );
            continue;
        }
        seen.push(&word.value);
        for other in names.explanations(word, report) {
            if let Some(code) = code {
                links.codes.push(Link {
                    from: code.clone(),
                    to: other.clone(),
                    place: word.place,
                });
            }
            if !explained_by.contains(&other) {
                explained_by.push(other);
            }
        }
    }
    explained_by
}

fn repair(field: &Field<String>, report: &mut Reporter<'_>) -> Option<Repair> {
    let at = field.get()?;
    let repair = Repair::from_name(&at.value);
    if repair.is_none() {
        let known = Repair::ALL.map(Repair::as_str);
        report.at(
            at.place,
            format!(
                "there is no repair {}{}",
                quoted(&at.value),
                or_one_of(&at.value, known)
            ),
        );
    }
    repair
}

#[cfg(test)]
mod tests;
