//! What `fix --format json` prints: one document with the report before, what was done, and the report after. It changes only by addition.

use schemars::JsonSchema;
use serde::Serialize;

use super::Fixed;
use super::undo::Undone;
use crate::repair::{Ask, Outcome};
use crate::report::json_v1::{ErrorDocument, Report, SCHEMA_VERSION, Tool};

/// A run of `fix`.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "nexplane-doctor fix, schema version 1")]
struct Document {
    /// Always 1.
    schema_version: u32,
    /// The program that did it.
    tool: Tool,
    /// The diagnosis that the plan is made from.
    before: Report,
    /// What was to be done, in this order, and what became of it.
    actions: Vec<Action>,
    /// What is left to a person, in the order in which to do it.
    for_person: Vec<ForPerson>,
    /// The directory of the undo journal; null when nothing was changed.
    journal: Option<String>,
    /// The journal of an earlier run that did not come to its end, if there is one.
    unfinished: Option<String>,
    /// The diagnosis afterwards; null when nothing was done.
    after: Option<Report>,
}

/// An action of the plan.
#[derive(Serialize, JsonSchema)]
struct Action {
    /// The repair's name, as in the findings' `repair`.
    repair: String,
    /// The findings that it is for.
    codes: Vec<String>,
    title: String,
    why: String,
    /// What it changes.
    changes: Vec<String>,
    /// How it is undone; null where nothing takes it back.
    undo: Option<String>,
    /// `safe`: `--yes` does it. `confirm`: a person agrees, or `--yes --all`. `person`: the doctor does not do it.
    safety: &'static str,
    needs_root: bool,
    /// What it has to be given and was not: `token`, `fingerprint`; null otherwise.
    asks: Option<&'static str>,
    /// Actions of this list, by their place from 0, without which it is of no use.
    depends_on: Vec<usize>,
    /// In which round of planning it came up, from 1.
    round: u32,
    /// `verified`, `unverified`, `failed`, `refused`, `not_done`, `interrupted`; null when the plan was only shown.
    outcome: Option<&'static str>,
    /// What there is to say about the outcome.
    reason: Option<String>,
    /// After a failure, what of it could not be taken back.
    left: Vec<String>,
}

/// A finding that is left to a person.
#[derive(Serialize, JsonSchema)]
struct ForPerson {
    code: String,
    title: String,
    /// Why the doctor leaves it alone; null where it has no repair for it.
    reason: Option<String>,
    /// What to do.
    text: String,
    /// Step by step.
    steps: Vec<Step>,
}

/// One step of what to do.
#[derive(Serialize, JsonSchema)]
struct Step {
    text: String,
    /// A command to paste, if the step is one.
    command: Option<String>,
}

/// A run of `fix --undo`.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "nexplane-doctor fix --undo, schema version 1")]
struct UndoDocument {
    /// Always 1.
    schema_version: u32,
    /// The program that did it.
    tool: Tool,
    undo: Undo,
}

/// What was taken back.
#[derive(Serialize, JsonSchema)]
struct Undo {
    /// The directory of the undo journal; null when there is nothing to take back.
    journal: Option<String>,
    /// When the run began that is taken back, in UTC.
    begun_at: Option<String>,
    /// Whether that run came to its end by itself.
    finished: Option<bool>,
    /// Its changes, the last one first.
    steps: Vec<UndoStep>,
}

/// A change that is taken back.
#[derive(Serialize, JsonSchema)]
struct UndoStep {
    /// The action that it belonged to.
    action: String,
    /// What taking it back does.
    what: String,
    /// `undone`, `already`, `refused`, `failed`, `stays`, `interrupted`; null when it was only shown.
    outcome: Option<&'static str>,
    /// What there is to say about the outcome.
    reason: Option<String>,
}

/// Whatever `fix` can print.
#[derive(JsonSchema)]
#[schemars(untagged, title = "nexplane-doctor fix document, schema version 1")]
#[expect(dead_code, reason = "the schema is made of the type, no value ever is")]
enum Any {
    Fix(Box<Document>),
    Undo(Box<UndoDocument>),
    Error(Box<ErrorDocument>),
}

/// The JSON Schema of whatever `fix` prints.
pub(in crate::cli) fn schema() -> serde_json::Result<String> {
    line(&schemars::schema_for!(Any))
}

pub(super) fn render(fixed: &Fixed) -> serde_json::Result<String> {
    let path = |path: &std::path::PathBuf| path.display().to_string();
    line(&Document {
        schema_version: SCHEMA_VERSION,
        tool: Tool::this(),
        before: Report::from(&fixed.before),
        actions: fixed.actions.iter().map(action).collect(),
        for_person: fixed.for_person.iter().map(for_person).collect(),
        journal: fixed.journal.as_ref().map(path),
        unfinished: fixed.unfinished.as_ref().map(path),
        after: fixed.after.as_ref().map(Report::from),
    })
}

pub(super) fn render_undo(undone: Option<&Undone>) -> serde_json::Result<String> {
    let undo = Undo {
        journal: undone.map(|it| it.past.directory.display().to_string()),
        begun_at: undone.map(|it| it.past.at.to_rfc3339()),
        finished: undone.map(|it| it.past.finished),
        steps: undone
            .map(|it| it.steps.iter().map(undo_step).collect())
            .unwrap_or_default(),
    };
    line(&UndoDocument {
        schema_version: SCHEMA_VERSION,
        tool: Tool::this(),
        undo,
    })
}

fn undo_step((step, taken): &(crate::repair::PastStep, Option<crate::repair::Taken>)) -> UndoStep {
    UndoStep {
        action: step.action.clone(),
        what: step.undo.to_string(),
        outcome: taken.as_ref().map(|taken| taken.as_str()),
        reason: taken
            .as_ref()
            .and_then(|taken| taken.why())
            .map(str::to_owned),
    }
}

fn action(done: &super::Done) -> Action {
    let description = &done.description;
    let outcome = done.outcome.as_ref();
    Action {
        repair: description.repair.to_string(),
        codes: description.codes.iter().map(ToString::to_string).collect(),
        title: description.title.clone(),
        why: description.why.clone(),
        changes: description.changes.clone(),
        undo: description.undo.clone(),
        safety: description.safety.as_str(),
        needs_root: description.needs_root,
        asks: description.ask.as_ref().map(|ask| match ask {
            Ask::Token => "token",
            Ask::Fingerprint { .. } => "fingerprint",
        }),
        depends_on: done.depends_on.clone(),
        round: done.round,
        outcome: outcome.map(Outcome::as_str),
        reason: outcome.and_then(Outcome::why).map(str::to_owned),
        left: match outcome {
            Some(Outcome::Failed { left, .. }) => left.clone(),
            _ => Vec::new(),
        },
    }
}

fn for_person(finding: &crate::repair::ForPerson) -> ForPerson {
    ForPerson {
        code: finding.code.to_string(),
        title: finding.title.clone(),
        reason: finding.why.clone(),
        text: finding.remedy.text.clone(),
        steps: finding
            .remedy
            .steps
            .iter()
            .map(|step| Step {
                text: step.text.clone(),
                command: step.command.clone(),
            })
            .collect(),
    }
}

fn line(document: &impl Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    Ok(text)
}
