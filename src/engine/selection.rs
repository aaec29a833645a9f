//! Which checks run, and which of them are reported.

use std::collections::BTreeSet;

use super::Graph;
use crate::model::{CheckId, Code, Symptom};

/// A check that the graph does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no check `{name}`; the checks are {known}")]
pub struct UnknownCheck {
    name: String,
    known: String,
}

/// What the user asked for: everything, by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// `--only`: these are reported; what they need runs too.
    pub only: Vec<CheckId>,
    /// `--skip`: these do not run, and do not block.
    pub skip: Vec<CheckId>,
    /// Checks that a recording is too old to know: they do not run, and do not block.
    pub newer: Vec<CheckId>,
    /// `--symptom`: those that serve this symptom of the runbook are reported.
    pub symptom: Option<Symptom>,
}

impl Selection {
    /// Checks the names against the graph.
    ///
    /// # Errors
    /// When the graph has no check of one of the names.
    pub fn validate(&self, graph: &Graph) -> Result<(), UnknownCheck> {
        let named = self.only.iter().chain(&self.skip);
        match named.into_iter().find(|id| graph.position(id).is_none()) {
            None => Ok(()),
            Some(unknown) => Err(UnknownCheck {
                name: unknown.to_string(),
                known: graph
                    .nodes()
                    .iter()
                    .map(|node| node.doc.id.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    /// Whether nothing that is reported would run.
    pub fn is_empty(&self, graph: &Graph) -> bool {
        let (reported, _) = self.resolve(graph);
        reported
            .iter()
            .all(|i| self.skip.contains(&graph.nodes()[*i].doc.id))
    }

    /// Whether a check of this id would run, reported or not.
    pub fn runs(&self, graph: &Graph, id: &CheckId) -> bool {
        let (_, running) = self.resolve(graph);
        !self.skip.contains(id) && graph.position(id).is_some_and(|i| running.contains(&i))
    }

    /// The positions of the checks that are reported, and of those that run for them.
    pub(super) fn resolve(&self, graph: &Graph) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let nodes = graph.nodes();
        let wanted = |i: &usize| {
            let doc = &nodes[*i].doc;
            let serves = |symptom| doc.symptoms.contains(&symptom);
            (self.only.is_empty() || self.only.contains(&doc.id)) && self.symptom.is_none_or(serves)
        };
        let reported: BTreeSet<usize> = (0..nodes.len()).filter(wanted).collect();
        let mut running = reported.clone();
        running.extend(Self::witnesses(graph, &reported));
        let mut open: Vec<usize> = running.iter().copied().collect();
        while let Some(i) = open.pop() {
            let node = &nodes[i];
            let before = node.doc.needs.iter().chain(node.doc.uses.iter()).cloned();
            for id in before.chain(node.collects_after()) {
                if let Some(j) = graph.position(&id)
                    && running.insert(j)
                {
                    open.push(j);
                }
            }
        }
        (reported, running)
    }

    /// The checks whose evidence may still show that a reported one has failed: without them it would pass unseen.
    fn witnesses(graph: &Graph, reported: &BTreeSet<usize>) -> Vec<usize> {
        let of_reported = |code: &Code| {
            graph
                .position(&code.check())
                .is_some_and(|i| reported.contains(&i))
        };
        let nodes = graph.nodes().iter().enumerate();
        nodes
            .filter(|(_, node)| node.check.witnesses().iter().any(of_reported))
            .map(|(i, _)| i)
            .collect()
    }
}
