//! A file of the user's for a check that the doctor has: it may speak differently, and must not mean something else.

use std::borrow::Cow;
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
            finding(&mut doc.findings.to_mut()[position], raw, names, report);
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
        doc.remedy.steps = texts::steps(&steps.value, report).into();
    }
}

fn replace(text: &mut Cow<'static, str>, field: &Field<String>, report: &mut Reporter<'_>) {
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
    let mut before = doc.explained_by.to_vec();
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::super::testing::{self, own, told};
    use super::super::{Values, testing::SOURCES};
    use crate::model::Os;

    #[test]
    fn texts_are_replaced_one_by_one() {
        let catalog = testing::overlay(&["
id: dns
title: Our names resolve
findings:
  dns.not_found:
    explanation: Ask the network team.
    remedy:
      steps:
        - text: Call 4711
          command: {linux: 'nslookup {host} 10.0.0.2'}
"])
        .unwrap();
        let id = "dns".parse().unwrap();
        let (ours, theirs) = (own(), catalog.check(&id).unwrap());
        let before = ours.check(&id).unwrap();
        assert_eq!(theirs.title, "Our names resolve");
        assert_eq!(theirs.summary, before.summary);
        assert_eq!(theirs.needs, before.needs);
        assert_eq!(theirs.findings.len(), before.findings.len());
        let code = "dns.not_found".parse().unwrap();
        let finding = catalog.finding(&code).unwrap();
        assert_eq!(finding.explanation, "Ask the network team.");
        assert_eq!(finding.title, ours.finding(&code).unwrap().title);
        let remedy = finding.remedy.fill(&Values::new(), Os::Linux);
        assert_eq!(remedy.steps.len(), 1);
        assert_eq!(
            remedy.steps[0].command.as_deref(),
            Some("nslookup nexplane.example.com 10.0.0.2")
        );
        let remedy = finding.remedy.fill(&Values::new(), Os::Windows);
        assert_eq!(remedy.steps[0].command, None);
    }

    #[test]
    fn a_whole_copy_of_a_file_changes_nothing() {
        for source in SOURCES {
            let after = testing::overlay(&[source.text]).unwrap();
            assert_eq!(after, *own(), "{}", source.name);
        }
    }

    #[test]
    fn what_a_check_means_cannot_be_changed() {
        let told = told(
            "
id: dns
needs: [config, clock]
uses: []
probe: {kind: dns, name: a}
findings:
  dns.not_found:
    severity: warning
    runbook: symptom-2/service
    repair: mend-url
    explained_by: [proxy.*]
  dns.notfound: {}
",
        );
        let texts = "a file for a check that exists replaces texts only";
        assert_eq!(
            told,
            [
                format!("3:8 `needs` cannot be changed (it is [config]): {texts}"),
                format!("5:8 `probe` cannot be changed (it is none): {texts}"),
                format!("8:15 `severity` cannot be changed (it is `error`): {texts}"),
                format!("9:14 `runbook` cannot be changed (it is `symptom-1/reach`): {texts}"),
                format!("10:13 `repair` cannot be changed (it is none): {texts}"),
                format!(
                    "11:19 `explained_by` cannot be changed (it is `proxy.unreachable`, `proxy.denied`, `config.url`): {texts}"
                ),
                format!(
                    "12:3 the check dns has no finding `dns.notfound`: did you mean `dns.not_found`?; {texts}"
                ),
            ]
        );
    }
}
