//! Walks the graph of checks: what may begin begins at once, what is blocked is named, and nothing waits forever.
//!
//! The engine decides when a check collects and when it is judged, and keeps one check's panic or delay from harming
//! another. It renders nothing, and knows no check by name but where a rule of the graph itself does.

mod graph;
mod outcome;
mod selection;
#[cfg(test)]
mod tests;
mod walk;

pub use graph::{Graph, GraphError, Node};
pub use outcome::{Event, Limits, Outcome, Run};
pub use selection::{Selection, UnknownCheck};
pub use walk::{replay, run};
