//! A file as it was written: its keys and types, with positions, before anything is known of their meaning.
//!
//! What is missing is nobody's mistake here: a file of the user's may replace a single text.

use super::fields::{self, Field};
use super::problem::{At, Place, Reporter, quoted};
use super::yaml::{Kind, Node};
use crate::model::Os;

/// A check's file.
#[derive(Debug, Default)]
pub(super) struct RawCheck {
    pub(super) place: Place,
    pub(super) id: Field<String>,
    pub(super) title: Field<String>,
    pub(super) summary: Field<String>,
    pub(super) symptoms: Field<Vec<At<String>>>,
    pub(super) needs: Field<Vec<At<String>>>,
    pub(super) uses: Field<Vec<At<String>>>,
    pub(super) findings: Field<Vec<RawFinding>>,
    pub(super) probe: Option<RawProbe>,
}

/// An entry of `findings`.
#[derive(Debug)]
pub(super) struct RawFinding {
    pub(super) code: At<String>,
    pub(super) severity: Field<String>,
    pub(super) title: Field<String>,
    pub(super) explanation: Field<String>,
    pub(super) how: Field<String>,
    pub(super) explained_by: Field<Vec<At<String>>>,
    pub(super) runbook: Field<String>,
    pub(super) remedy: Field<RawRemedy>,
    pub(super) repair: Field<String>,
}

/// A finding's `remedy`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct RawRemedy {
    pub(super) text: Field<String>,
    pub(super) steps: Field<Vec<RawStep>>,
}

/// One of a remedy's `steps`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawStep {
    pub(super) place: Place,
    pub(super) text: Field<String>,
    pub(super) when: Field<Vec<At<String>>>,
    pub(super) command: RawCommand,
}

/// A step's `command`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RawCommand {
    /// There is none.
    None,
    /// The same on every system.
    Same(At<String>),
    /// One a system.
    PerOs(Vec<(Os, At<String>)>),
}

/// The `probe`, whose parameters depend on its kind.
#[derive(Debug)]
pub(super) struct RawProbe(pub(super) Node);

const CHECK_KEYS: [&str; 8] = [
    "id", "title", "summary", "symptoms", "needs", "uses", "findings", "probe",
];
const FINDING_KEYS: [&str; 8] = [
    "severity",
    "title",
    "explanation",
    "how",
    "explained_by",
    "runbook",
    "remedy",
    "repair",
];

/// Reads a file's document.
pub(super) fn check(node: &Node, report: &mut Reporter<'_>) -> RawCheck {
    let mut check = RawCheck {
        place: node.place,
        ..RawCheck::default()
    };
    fields::each(
        node,
        "a check",
        &CHECK_KEYS,
        report,
        |key, value, report| match key {
            "id" => check.id = fields::text(value, key, report),
            "title" => check.title = line(value, key, report),
            "summary" => check.summary = fields::text(value, key, report),
            "symptoms" => check.symptoms = fields::words(value, key, report),
            "needs" => check.needs = fields::words(value, key, report),
            "uses" => check.uses = fields::words(value, key, report),
            "findings" => check.findings = findings(value, report),
            _ => check.probe = Some(RawProbe(value.clone())),
        },
    );
    check
}

/// A text of one line.
fn line(node: &Node, key: &str, report: &mut Reporter<'_>) -> Field<String> {
    let field = fields::text(node, key, report);
    if field.get().is_some_and(|text| text.value.contains('\n')) {
        report.at(node.place, format!("`{key}` is one line"));
        return Field::Wrong;
    }
    field
}

fn findings(node: &Node, report: &mut Reporter<'_>) -> Field<Vec<RawFinding>> {
    let Kind::Map(entries) = &node.kind else {
        fields::wrong(node, "`findings` is a mapping of codes", report);
        return Field::Wrong;
    };
    let findings = entries.iter().map(|entry| {
        let code = At {
            value: entry.key.clone(),
            place: entry.place,
        };
        finding(code, &entry.value, report)
    });
    Field::Is(At {
        value: findings.collect(),
        place: node.place,
    })
}

fn finding(code: At<String>, node: &Node, report: &mut Reporter<'_>) -> RawFinding {
    let owner = quoted(&code.value);
    let mut finding = RawFinding {
        code,
        severity: Field::Absent,
        title: Field::Absent,
        explanation: Field::Absent,
        how: Field::Absent,
        explained_by: Field::Absent,
        runbook: Field::Absent,
        remedy: Field::Absent,
        repair: Field::Absent,
    };
    fields::each(
        node,
        &owner,
        &FINDING_KEYS,
        report,
        |key, value, report| match key {
            "severity" => finding.severity = fields::text(value, key, report),
            "title" => finding.title = line(value, key, report),
            "explanation" => finding.explanation = fields::text(value, key, report),
            "how" => finding.how = fields::text(value, key, report),
            "explained_by" => finding.explained_by = fields::words(value, key, report),
            "runbook" => finding.runbook = fields::text(value, key, report),
            "remedy" => finding.remedy = remedy(value, report),
            _ => finding.repair = fields::text(value, key, report),
        },
    );
    if !matches!(node.kind, Kind::Map(_)) {
        // Told above: that nothing else of it is there needs no telling.
        finding.severity = Field::Wrong;
        finding.title = Field::Wrong;
        finding.explanation = Field::Wrong;
        finding.how = Field::Wrong;
        finding.remedy = Field::Wrong;
    }
    finding
}

fn remedy(node: &Node, report: &mut Reporter<'_>) -> Field<RawRemedy> {
    if !matches!(node.kind, Kind::Map(_)) {
        fields::wrong(node, "`remedy` is a mapping", report);
        return Field::Wrong;
    }
    let mut remedy = RawRemedy::default();
    fields::each(
        node,
        "a remedy",
        &["text", "steps"],
        report,
        |key, value, report| match key {
            "text" => remedy.text = fields::text(value, key, report),
            _ => {
                remedy.steps =
                    fields::list(value, key, report, |node, report| Some(step(node, report)));
            }
        },
    );
    Field::Is(At {
        value: remedy,
        place: node.place,
    })
}

fn step(node: &Node, report: &mut Reporter<'_>) -> RawStep {
    let mut step = RawStep {
        place: node.place,
        text: Field::Absent,
        when: Field::Absent,
        command: RawCommand::None,
    };
    if !matches!(node.kind, Kind::Map(_)) {
        step.text = Field::Wrong;
    }
    fields::each(
        node,
        "a step",
        &["text", "when", "command"],
        report,
        |key, value, report| match key {
            "text" => step.text = fields::text(value, key, report),
            "when" => step.when = fields::words(value, key, report),
            _ => step.command = command(value, report),
        },
    );
    step
}

fn command(node: &Node, report: &mut Reporter<'_>) -> RawCommand {
    if !matches!(node.kind, Kind::Map(_)) {
        return match fields::text(node, "command", report) {
            Field::Is(text) => RawCommand::Same(text),
            Field::Absent | Field::Wrong => RawCommand::None,
        };
    }
    let mut commands = Vec::new();
    let systems = Os::ALL.map(Os::as_str);
    fields::each(node, "a command", &systems, report, |key, value, report| {
        let os = Os::ALL.into_iter().find(|os| os.as_str() == key);
        if let (Some(os), Field::Is(text)) = (os, fields::text(value, key, report)) {
            commands.push((os, text));
        }
    });
    RawCommand::PerOs(commands)
}
