//! What to do about a finding, before and after a host's values are filled in.

use std::borrow::Cow;

use super::Values;
use super::template::{Command, Template};
use crate::model::{Os, Remedy, SectionId, Step};

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
    /// The command that does it, by operating system and in the order of these; a system without one has the text alone.
    pub command: Cow<'static, [(Os, Command)]>,
}

impl RemedyDoc {
    /// The remedy for one host: its values filled in, its system's commands quoted for its shell.
    pub fn fill(&self, values: &Values, os: Os) -> Remedy {
        Remedy {
            text: self.text.render(values, os),
            steps: self
                .steps
                .iter()
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
