//! A file of the user's for a check that the doctor has: it may speak differently, and must not mean something else.

use std::fmt::Display;

use super::check::{CheckDoc, FindingDoc, Repair};
use super::fields::Field;
use super::names::Names;
use super::nearest::{list, or_one_of};
use super::problem::{At, Place, Reporter, quoted};
use super::raw::{RawCheck, RawFinding};
use super::texts;
use super::validate::symptom_name;
use crate::model::{CheckId, Code, SectionId};

/// Replaces the texts that a file gives; what else it says has to be what the check says already.
pub(super) fn apply(doc: &mut CheckDoc, raw: &RawCheck, names: &Names, report: &mut Reporter<'_>) {
    replace(&mut doc.title, &raw.title, report);
    replace(&mut doc.summary, &raw.summary, report);
    let symptoms: Vec<&str> = doc.symptoms.iter().map(|s| symptom_name(*s)).collect();
    same_words(&raw.symptoms, "symptoms", &symptoms, report);
    same_words(&raw.needs, "needs", &ids(&doc.needs), report);
    same_words(&raw.uses, "uses", &ids(&doc.uses), report);
    if let Some(probe) = &raw.probe {
        changed(probe.0.place, "probe", "none", report);
    }
    let findings = raw.findings.get().map(|at| at.value.as_slice());
    for raw in findings.unwrap_or_default() {
        let known = doc.findings.iter().map(|finding| finding.code.as_str());
        let position = known.clone().position(|code| code == raw.code.value);
        if let Some(position) = position {
            finding(&mut doc.findings[position], raw, names, report);
        } else {
            report.at(
                raw.code.place,
                format!(
                    "the check {} has no finding {}{}; a file for a check that exists replaces texts only",
                    doc.id,
                    quoted(&raw.code.value),
                    or_one_of(&raw.code.value, known)
                ),
            );
        }
    }
}

fn finding(doc: &mut FindingDoc, raw: &RawFinding, names: &Names, report: &mut Reporter<'_>) {
    replace(&mut doc.title, &raw.title, report);
    replace(&mut doc.explanation, &raw.explanation, report);
    replace(&mut doc.how, &raw.how, report);
    same(
        &raw.severity,
        "severity",
        Some(doc.severity.as_str()),
        report,
    );
    let runbook = doc.remedy.runbook.as_ref().map(SectionId::as_str);
    same(&raw.runbook, "runbook", runbook, report);
    same(
        &raw.repair,
        "repair",
        doc.repair.map(Repair::as_str),
        report,
    );
    explained_by(doc, raw, names, report);
    let Some(remedy) = raw.remedy.get() else {
        return;
    };
    let text = remedy.value.text.get();
    if let Some(text) = text.and_then(|text| texts::template(text, report)) {
        doc.remedy.text = text;
    }
    if let Some(steps) = remedy.value.steps.get() {
        doc.remedy.steps = texts::steps(&steps.value, report);
    }
}

fn replace(text: &mut String, field: &Field<String>, report: &mut Reporter<'_>) {
    if let Some(at) = field.get() {
        *text = texts::plain(at, report);
    }
}

fn explained_by(doc: &FindingDoc, raw: &RawFinding, names: &Names, report: &mut Reporter<'_>) {
    let Some(at) = raw.explained_by.get() else {
        return;
    };
    let mut codes = Vec::new();
    for word in &at.value {
        codes.extend(names.explanations(word, report));
    }
    let mut before = doc.explained_by.clone();
    codes.sort();
    codes.dedup();
    before.sort();
    if codes != before {
        let now = list(doc.explained_by.iter().map(Code::as_str));
        changed(at.place, "explained_by", now, report);
    }
}

fn ids(checks: &[CheckId]) -> Vec<&str> {
    checks.iter().map(CheckId::as_str).collect()
}

fn same(field: &Field<String>, key: &str, now: Option<&str>, report: &mut Reporter<'_>) {
    if let Some(at) = field.get()
        && Some(at.value.as_str()) != now
    {
        let now = now.map_or_else(|| "none".to_owned(), |now| format!("`{now}`"));
        changed(at.place, key, now, report);
    }
}

fn same_words(field: &Field<Vec<At<String>>>, key: &str, now: &[&str], report: &mut Reporter<'_>) {
    if let Some(at) = field.get() {
        let mut words: Vec<&str> = at.value.iter().map(|word| word.value.as_str()).collect();
        let mut before = now.to_vec();
        words.sort_unstable();
        before.sort_unstable();
        if words != before {
            changed(at.place, key, format!("[{}]", now.join(", ")), report);
        }
    }
}

fn changed(place: Place, key: &str, now: impl Display, report: &mut Reporter<'_>) {
    report.at(
        place,
        format!(
            "`{key}` cannot be changed (it is {now}): a file for a check that exists replaces texts only"
        ),
    );
}
