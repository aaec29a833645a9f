//! What this room's tests share: the doctor's own files, a user's check, and problems as lines.

use std::sync::LazyLock;

use super::{Catalog, Problem, Source};

/// The doctor's own files.
pub(super) const SOURCES: &[Source<'static>] = &include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// The doctor's own catalogue, read once for all tests.
pub(super) fn own() -> &'static Catalog {
    static OWN: LazyLock<Catalog> = LazyLock::new(|| {
        Catalog::load(SOURCES).unwrap_or_else(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", lines.join("\n"))
        })
    });
    &OWN
}

/// A check of a user's, with nothing wrong.
pub(super) const USERS: &str = "\
id: ports
title: The database's port opens
summary: Connects.
symptoms: [offline]
needs: [dns]
uses: [clock]
findings:
  ports.closed:
    severity: error
    title: The port is closed
    explanation: Nothing listens.
    how: Connects.
    explained_by: [tcp.refused, dns.*]
    runbook: symptom-1/reach
    repair: restart-service
    remedy:
      text: Open it for {host}.
      steps:
        - text: Look
          command: nslookup {host}
probe:
  kind: tcp
  host: db.corp
  port: 5432
";

/// Adds files of the user's to the doctor's own.
pub(super) fn overlay(texts: &[&str]) -> Result<Catalog, Vec<Problem>> {
    const NAMES: [&str; 3] = ["a.yaml", "b.yaml", "c.yaml"];
    let sources: Vec<Source<'_>> = NAMES
        .into_iter()
        .zip(texts)
        .map(|(name, text)| Source { name, text })
        .collect();
    own().overlay(&sources)
}

/// The problems of one file of the user's, as `LINE:COLUMN message`.
pub(super) fn told(text: &str) -> Vec<String> {
    let problems = overlay(&[text]).err().unwrap_or_default();
    let lines = problems
        .iter()
        .map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.message));
    lines.collect()
}

/// The problems of the user's check after a change to it.
pub(super) fn told_after(change: &str, to: &str) -> Vec<String> {
    assert!(USERS.contains(change), "{change}");
    told(&USERS.replacen(change, to, 1))
}
