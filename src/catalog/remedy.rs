//! What to do about a finding, before and after a host's values are filled in.

use std::borrow::Cow;

use super::Values;
use super::template::{Command, Template};
use crate::model::{Case, Os, Remedy, SectionId, Step};

/// A remedy with its placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemedyDoc {
    /// In a sentence or two.
    pub text: Template,
    /// Step by step.
    pub steps: Cow<'static, [StepDoc]>,
    /// The runbook's section that it comes from, if it has one.
    pub runbook: Option<SectionId>,
}

/// One step of a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepDoc {
    /// What to do.
    pub text: Template,
    /// What it is for; for everything where nothing is named.
    pub when: Cow<'static, [Case]>,
    /// The command that does it, by operating system and in the order of these; a system without one has the text alone.
    pub command: Cow<'static, [(Os, Command)]>,
}

impl RemedyDoc {
    /// The remedy for one host: its values filled in, its system's commands quoted for its shell. All steps of it.
    pub fn fill(&self, values: &Values, os: Os) -> Remedy {
        self.fill_for(None, values, os)
    }

    /// The same without the steps that are for another case; all of them where it is not known.
    pub fn fill_for(&self, case: Option<Case>, values: &Values, os: Os) -> Remedy {
        let fits = |step: &&StepDoc| {
            step.when.is_empty() || case.is_none_or(|case| step.when.contains(&case))
        };
        Remedy {
            text: self.text.render(values, os),
            steps: self
                .steps
                .iter()
                .filter(fits)
                .map(|step| step.fill(values, os))
                .collect(),
            runbook: self.runbook.clone(),
        }
    }
}

impl StepDoc {
    fn fill(&self, values: &Values, os: Os) -> Step {
        let command = self.command.iter().find(|(system, _)| *system == os);
        Step {
            text: self.text.render(values, os),
            command: command.map(|(_, command)| command.render(values, os)),
        }
    }
}
