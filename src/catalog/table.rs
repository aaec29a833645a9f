//! `checks/*.yaml` as a table in Rust: part of the build script, which has nothing else of the crate.
//!
//! It copies what is written and asks nothing of it but its form. What the words mean is checked where the files are
//! read as a user's are, by the tests.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_yaml::Mapping;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    id: String,
    title: String,
    summary: String,
    #[serde(default)]
    symptoms: Vec<String>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    uses: Vec<String>,
    /// By code, in the order in which they are written.
    findings: Mapping,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    severity: String,
    title: String,
    explanation: String,
    how: String,
    #[serde(default)]
    explained_by: Vec<String>,
    runbook: Option<String>,
    remedy: Remedy,
    repair: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remedy {
    text: String,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    text: String,
    #[serde(default)]
    when: Vec<String>,
    command: Option<Command>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Command {
    Same(String),
    PerOs(BTreeMap<String, String>),
}

/// The systems, in the order that [`Os`](crate::model::Os) has them.
const SYSTEMS: [&str; 3] = ["linux", "windows", "macos"];

/// The errors of each check, for patterns such as `dns.*`.
type Errors = BTreeMap<String, Vec<String>>;

/// The source of `static CHECKS`, of all files, each by its name.
pub(crate) fn of(files: &[(String, String)]) -> Result<String, Box<dyn Error>> {
    let mut checks = Vec::new();
    let mut errors = Errors::new();
    for (name, text) in files {
        let wrong = |error: &dyn std::fmt::Display| format!("{name}: {error}");
        let check: Check = serde_yaml::from_str(text).map_err(|error| wrong(&error))?;
        let mut findings = Vec::new();
        for (code, finding) in &check.findings {
            let code = code
                .as_str()
                .ok_or_else(|| wrong(&"a code is a text"))?
                .to_owned();
            let finding: Finding = serde_yaml::from_value(finding.clone())
                .map_err(|error| wrong(&format_args!("{code}: {error}")))?;
            if finding.severity == "error" {
                errors
                    .entry(check.id.clone())
                    .or_default()
                    .push(code.clone());
            }
            findings.push((code, finding));
        }
        checks.push((check, findings));
    }
    let mut table = Table::default();
    let rows: Vec<String> = checks
        .iter()
        .map(|(check, findings)| table.check(check, findings, &errors))
        .collect();
    let (count, rows) = (rows.len(), rows.join(",\n"));
    writeln!(
        table.lists,
        "static CHECKS: [CheckDoc; {count}] = [\n{rows}\n];"
    )?;
    Ok(table.lists)
}

/// Lists have statics of their own: a borrowed one inside of an expression would not live long enough.
#[derive(Default)]
struct Table {
    lists: String,
    count: usize,
}

impl Table {
    fn list(&mut self, kind: &str, items: &[String]) -> String {
        if items.is_empty() {
            return "Cow::Borrowed(&[])".into();
        }
        let (name, count) = (format!("LIST_{}", self.count), items.len());
        self.count += 1;
        let line = format!(
            "static {name}: [{kind}; {count}] = [{}];\n",
            items.join(", ")
        );
        self.lists.push_str(&line);
        format!("Cow::Borrowed(&{name})")
    }

    fn ids(&mut self, ids: &[String]) -> String {
        let ids: Vec<String> = ids
            .iter()
            .map(|id| format!("CheckId::from_static({id:?})"))
            .collect();
        self.list("CheckId", &ids)
    }

    fn check(&mut self, check: &Check, findings: &[(String, Finding)], errors: &Errors) -> String {
        let symptoms: Vec<String> = check
            .symptoms
            .iter()
            .map(|name| variant("Symptom", name))
            .collect();
        let findings: Vec<String> = findings
            .iter()
            .map(|(code, finding)| self.finding(code, finding, errors))
            .collect();
        format!(
            "CheckDoc {{ id: CheckId::from_static({:?}), title: Cow::Borrowed({:?}), summary: Cow::Borrowed({:?}), symptoms: {}, needs: {}, uses: {}, findings: {}, probe: None }}",
            check.id,
            check.title,
            check.summary,
            self.list("Symptom", &symptoms),
            self.ids(&check.needs),
            self.ids(&check.uses),
            self.list("FindingDoc", &findings)
        )
    }

    fn finding(&mut self, code: &str, finding: &Finding, errors: &Errors) -> String {
        let mut explained_by: Vec<String> = Vec::new();
        for word in &finding.explained_by {
            let codes = match word.strip_suffix(".*") {
                Some(check) => errors.get(check).cloned().unwrap_or_default(),
                None => vec![word.clone()],
            };
            for code in codes
                .iter()
                .map(|code| format!("Code::from_static({code:?})"))
            {
                if !explained_by.contains(&code) {
                    explained_by.push(code);
                }
            }
        }
        let steps: Vec<String> = finding
            .remedy
            .steps
            .iter()
            .map(|step| self.step(step))
            .collect();
        let runbook = finding
            .runbook
            .as_ref()
            .map(|section| format!("SectionId::from_static({section:?})"));
        let repair = finding.repair.as_ref().map(|name| variant("Repair", name));
        format!(
            "FindingDoc {{ code: Code::from_static({code:?}), severity: {}, title: Cow::Borrowed({:?}), explanation: Cow::Borrowed({:?}), how: Cow::Borrowed({:?}), explained_by: {}, remedy: RemedyDoc {{ text: Template::from_static({:?}), steps: {}, runbook: {} }}, repair: {} }}",
            variant("Severity", &finding.severity),
            finding.title,
            finding.explanation,
            finding.how,
            self.list("Code", &explained_by),
            finding.remedy.text,
            self.list("StepDoc", &steps),
            option(runbook),
            option(repair)
        )
    }

    fn step(&mut self, step: &Step) -> String {
        let command = |name: &&str| {
            let text = match step.command.as_ref()? {
                Command::Same(text) => text,
                Command::PerOs(texts) => texts.get(*name)?,
            };
            Some(format!(
                "({}, Command::from_static({text:?}))",
                variant("Os", name)
            ))
        };
        let commands: Vec<String> = SYSTEMS.iter().filter_map(command).collect();
        let commands = self.list("(Os, Command)", &commands);
        let when: Vec<String> = step.when.iter().map(|name| variant("Case", name)).collect();
        let when = self.list("Case", &when);
        format!(
            "StepDoc {{ text: Template::from_static({:?}), when: {when}, command: {commands} }}",
            step.text
        )
    }
}

fn option(value: Option<String>) -> String {
    value.map_or_else(|| "None".into(), |value| format!("Some({value})"))
}

/// `mend-url` of `Repair` is `Repair::MendUrl`.
fn variant(kind: &str, name: &str) -> String {
    let words = name.split(['-', '_']).map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    format!("{kind}::{}", words.collect::<String>())
}
