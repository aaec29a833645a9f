//! From what was written to texts that can be shown: templates, remedies, plain words.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fields::Field;
use super::nearest::or_one_of;
use super::problem::{At, Place, Reporter, quoted};
use super::raw::{RawCommand, RawRemedy, RawStep};
use super::remedy::{RemedyDoc, StepDoc};
use super::template::{Command, Template, TemplateError};
use crate::model::{Case, Os, Placeholder, SectionId};

/// A text that is shown as it is. A placeholder in it would be a mistake: only remedies know a host's values.
pub(super) fn plain(at: &At<String>, report: &mut Reporter<'_>) -> Cow<'static, str> {
    for placeholder in Placeholder::ALL {
        let part = format!("{{{placeholder}}}");
        if at.value.contains(&part) {
            let message = format!("`{part}` is only filled in within a remedy");
            report.within(at.place, &part, message);
        }
    }
    Cow::Owned(at.value.clone())
}

/// A remedy that has to be complete.
pub(super) fn remedy(
    raw: &At<RawRemedy>,
    owner: &str,
    runbook: Option<SectionId>,
    report: &mut Reporter<'_>,
) -> Option<RemedyDoc> {
    let owner = format!("the remedy of {owner}");
    let text = raw.value.text.required("text", &owner, raw.place, report);
    let text = text.and_then(|text| template(text, report));
    let steps = raw.value.steps.get();
    let steps = steps.map_or_else(Vec::new, |steps| self::steps(&steps.value, report));
    Some(RemedyDoc {
        text: text?,
        steps: steps.into(),
        runbook,
    })
}

/// Steps; those with problems are told and left out.
pub(super) fn steps(raw: &[RawStep], report: &mut Reporter<'_>) -> Vec<StepDoc> {
    raw.iter().filter_map(|raw| step(raw, report)).collect()
}

fn step(raw: &RawStep, report: &mut Reporter<'_>) -> Option<StepDoc> {
    let text = raw.text.required("text", "a step", raw.place, report);
    let text = text.and_then(|text| template(text, report));
    let mut commands = BTreeMap::new();
    match &raw.command {
        RawCommand::None => {}
        RawCommand::Same(at) => {
            if let Some(command) = command(at, &Os::ALL, report) {
                commands.extend(Os::ALL.map(|os| (os, command.clone())));
            }
        }
        RawCommand::PerOs(each) => {
            for (os, at) in each {
                if let Some(command) = command(at, &[*os], report) {
                    commands.insert(*os, command);
                }
            }
        }
    }
    Some(StepDoc {
        text: text?,
        when: cases(&raw.when, report).into(),
        command: commands.into_iter().collect(),
    })
}

/// What a step is for.
fn cases(field: &Field<Vec<At<String>>>, report: &mut Reporter<'_>) -> Vec<Case> {
    let named = field.get().map_or(&[][..], |names| &names.value);
    let mut known = |name: &At<String>| {
        let case = Case::from_name(&name.value);
        if case.is_none() {
            let names = Case::ALL.map(Case::as_str);
            let message = format!(
                "unknown case {}{}",
                quoted(&name.value),
                or_one_of(&name.value, names)
            );
            report.at(name.place, message);
        }
        case
    };
    named.iter().filter_map(&mut known).collect()
}

/// A text with placeholders.
pub(super) fn template(at: &At<String>, report: &mut Reporter<'_>) -> Option<Template> {
    told(Template::parse(&at.value), at.place, report)
}

fn command(at: &At<String>, systems: &[Os], report: &mut Reporter<'_>) -> Option<Command> {
    told(Command::parse(&at.value, systems), at.place, report)
}

fn told<T>(
    parsed: Result<T, Vec<TemplateError>>,
    place: Place,
    report: &mut Reporter<'_>,
) -> Option<T> {
    match parsed {
        Ok(parsed) => Some(parsed),
        Err(errors) => {
            for error in errors {
                report.within(place, &error.part, error.message);
            }
            None
        }
    }
}

/// The runbook's section that a finding cites.
pub(super) fn runbook(field: &Field<String>, report: &mut Reporter<'_>) -> Option<SectionId> {
    let at = field.get()?;
    match SectionId::new(at.value.clone()) {
        Ok(section) => Some(section),
        Err(_) => {
            report.at(
                at.place,
                format!(
                    "the runbook has no section {}{}",
                    super::problem::quoted(&at.value),
                    super::nearest::or_one_of(&at.value, SectionId::ALL)
                ),
            );
            None
        }
    }
}
