//! The graph: each check's text from the catalogue, joined with the code that collects and judges.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, CheckDoc};
use crate::checks::{self, AnyCheck};
use crate::model::CheckId;

/// A check of the graph: what it says, and what it does.
pub struct Node {
    /// Its text, its place in the graph, its codes.
    pub doc: CheckDoc,
    /// What it does.
    pub check: Box<dyn AnyCheck>,
}

impl Node {
    /// The checks whose facts `collect` reads.
    pub fn collects_after(&self) -> Vec<CheckId> {
        self.check
            .collects_after()
            .unwrap_or_else(|| self.doc.needs.to_vec())
    }
}

/// A catalogue and a list of checks that do not belong together: a defect of the program, not of the user's files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The catalogue describes a check that nothing implements.
    #[error("check `{0}` has a text, and neither code nor a probe")]
    NoCode(CheckId),
    /// A check is implemented and the catalogue does not describe it.
    #[error("check `{0}` has code and no text")]
    NoText(CheckId),
}

/// All checks, in the order in which a person should fix things.
pub struct Graph {
    nodes: Vec<Node>,
}

impl Graph {
    /// Joins the catalogue's texts with the built-in checks, and the user's own checks with the generic probe.
    ///
    /// # Errors
    /// When a text has no code, or code no text.
    pub fn new(catalog: &Catalog) -> Result<Self, GraphError> {
        let mut code: BTreeMap<CheckId, Box<dyn AnyCheck>> = checks::all()
            .into_iter()
            .map(|check| (check.id(), check))
            .collect();
        let mut nodes = Vec::new();
        for doc in catalog.checks() {
            let check = code
                .remove(&doc.id)
                .or_else(|| checks::custom(doc))
                .ok_or_else(|| GraphError::NoCode(doc.id.clone()))?;
            let doc = doc.clone();
            nodes.push(Node { doc, check });
        }
        match code.into_keys().next() {
            Some(id) => Err(GraphError::NoText(id)),
            None => Ok(Self { nodes }),
        }
    }

    /// The checks in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A check's place in the order.
    pub fn position(&self, id: &CheckId) -> Option<usize> {
        self.nodes.iter().position(|node| node.doc.id == *id)
    }

    /// A graph of these nodes, for tests of the walk itself.
    #[cfg(test)]
    pub(crate) fn of(nodes: Vec<Node>) -> Self {
        Self { nodes }
    }
}
