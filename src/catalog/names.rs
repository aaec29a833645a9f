//! The names that files may refer to: all checks and codes, of the doctor and of all files that are being read.

use super::check::CheckDoc;
use super::nearest::nearest;
use super::problem::{At, Reporter, quoted};
use super::raw::RawCheck;
use crate::model::{CheckId, Code, Severity};

/// Every check and every code that there will be once all files are read.
#[derive(Debug, Default)]
pub(super) struct Names {
    checks: Vec<CheckId>,
    /// With the severity, which decides whether a code can explain another.
    codes: Vec<(Code, Severity)>,
}

impl Names {
    /// The names of a catalogue and of the files that are to be added to it. Names that are none are left out: they are
    /// told where they are read.
    pub(super) fn of<'a>(
        known: &[CheckDoc],
        files: impl IntoIterator<Item = &'a RawCheck>,
    ) -> Self {
        let mut names = Self::default();
        for check in known {
            names.checks.push(check.id.clone());
            for finding in check.findings.iter() {
                names.codes.push((finding.code.clone(), finding.severity));
            }
        }
        for file in files {
            names.add(file);
        }
        names
    }

    fn add(&mut self, file: &RawCheck) {
        let Some(id) = file.id.get().and_then(|id| CheckId::new(&id.value).ok()) else {
            return;
        };
        if self.checks.contains(&id) {
            return;
        }
        let findings = file.findings.get().map(|at| at.value.as_slice());
        for finding in findings.unwrap_or_default() {
            if let Ok(code) = Code::new(&finding.code.value) {
                let warning = finding
                    .severity
                    .get()
                    .is_some_and(|at| at.value == "warning");
                let severity = if warning {
                    Severity::Warning
                } else {
                    Severity::Error
                };
                self.codes.push((code, severity));
            }
        }
        self.checks.push(id);
    }

    /// The check that a word of `needs` or `uses` names.
    pub(super) fn check(&self, word: &At<String>, report: &mut Reporter<'_>) -> Option<CheckId> {
        let found = self.checks.iter().find(|id| **id == *word.value);
        if found.is_none() {
            let known = self.checks.iter().map(CheckId::as_str);
            report.at(
                word.place,
                format!(
                    "there is no check {}{}",
                    quoted(&word.value),
                    super::nearest::or_one_of(&word.value, known)
                ),
            );
        }
        found.cloned()
    }

    /// The error findings that a word of `explained_by` names: a code, or `check.*`.
    pub(super) fn explanations(&self, word: &At<String>, report: &mut Reporter<'_>) -> Vec<Code> {
        match word.value.strip_suffix(".*") {
            Some(check) => self.of_check(check, word, report),
            None => self.one(word, report).into_iter().collect(),
        }
    }

    fn of_check(&self, check: &str, word: &At<String>, report: &mut Reporter<'_>) -> Vec<Code> {
        let name = At {
            value: check.to_owned(),
            place: word.place,
        };
        let Some(id) = self.check(&name, report) else {
            return Vec::new();
        };
        let of_check = self.codes.iter().filter(|(code, _)| code.check() == id);
        let errors = of_check.filter(|(_, severity)| *severity == Severity::Error);
        errors.map(|(code, _)| code.clone()).collect()
    }

    fn one(&self, word: &At<String>, report: &mut Reporter<'_>) -> Option<Code> {
        match self.codes.iter().find(|(code, _)| *code == *word.value) {
            Some((code, Severity::Error)) => Some(code.clone()),
            Some((code, Severity::Warning)) => {
                report.at(
                    word.place,
                    format!("`{code}` is a warning: only errors explain"),
                );
                None
            }
            None => {
                let known = self.codes.iter().map(|(code, _)| code.as_str());
                let hint = nearest(&word.value, known).map_or_else(
                    || ": a code (`check.problem`) or all errors of a check (`check.*`)".to_owned(),
                    |near| format!(": did you mean `{near}`?"),
                );
                report.at(
                    word.place,
                    format!("there is no finding {}{hint}", quoted(&word.value)),
                );
                None
            }
        }
    }
}
