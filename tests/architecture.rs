//! The house stands as drawn: imports run down only, the pure rooms touch nothing, and a check is where its name says.
//!
//! One crate gives no compiler help with this, so this test reads the sources.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the ground up: each may import those before it.
const ROOMS: [&str; 15] = [
    "model",
    "catalog",
    "contract",
    "host",
    "logs",
    "checks",
    "engine",
    "diagnosis",
    "report",
    "bundle",
    "doctor",
    "agent",
    "repair",
    "lab",
    "cli",
];

/// Rooms that see the world only through the door, and what they must not name.
const PURE: [&str; 4] = ["catalog", "checks", "diagnosis", "report"];
const TOUCHES_THE_WORLD: [&str; 14] = [
    "std::fs",
    "std::process",
    "std::env::",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "tokio::net",
    "tokio::fs",
    "tokio::process",
    "Utc::now",
    "Local::now",
    "SystemTime::now",
    "Instant::now",
    "reqwest",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The code of a file: without comments, and without its tests where the tests may do what the code may not.
fn code(path: &Path, with_tests: bool) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    let text = match text.find("#[cfg(test)]\nmod tests {") {
        Some(tests) if !with_tests => text[..tests].to_owned(),
        _ => text,
    };
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_word_boundary(text: &str, end: usize) -> bool {
    !text[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

#[test]
fn imports_run_down_only() {
    let mut wrong = Vec::new();
    for (level, room) in ROOMS.iter().enumerate() {
        let directory = root().join("src").join(room);
        if !directory.is_dir() {
            continue; // A room that a later part of the product moves into.
        }
        for file in rust_files(&directory) {
            let code = code(&file, true);
            for above in &ROOMS[level + 1..] {
                let import = format!("crate::{above}");
                let uses = code
                    .match_indices(&import)
                    .any(|(at, _)| is_word_boundary(&code, at + import.len()));
                if uses {
                    wrong.push(format!(
                        "{} imports {above}, which is above it",
                        file.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_room_is_unknown() {
    let rooms: BTreeSet<&str> = ROOMS.into_iter().chain(["bin", "lib.rs"]).collect();
    for entry in fs::read_dir(root().join("src")).expect("src") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("a readable name");
        assert!(rooms.contains(name), "src/{name} is no room of the house");
    }
}

#[test]
fn pure_rooms_see_the_world_only_through_the_door() {
    let mut wrong = Vec::new();
    for room in PURE {
        for file in rust_files(&root().join("src").join(room)) {
            let code = code(&file, false);
            for name in TOUCHES_THE_WORLD {
                if code.contains(name) {
                    wrong.push(format!("{} names {name}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_check_is_one_yaml_file_one_rust_file_and_one_line_of_the_list() {
    let stems = |directory: &str, extension: &str| -> BTreeSet<String> {
        fs::read_dir(root().join(directory))
            .expect("a directory")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|e| e == extension))
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect()
    };
    let texts = stems("checks", "yaml");
    let listed: BTreeSet<String> = nexplane_doctor::checks::all()
        .iter()
        .map(|check| check.id().to_string())
        .collect();
    assert_eq!(
        texts, listed,
        "checks/*.yaml and the list in src/checks/mod.rs"
    );
    let sources = stems("src/checks", "rs");
    let missing: Vec<&String> = listed.difference(&sources).collect();
    assert!(missing.is_empty(), "no src/checks/<id>.rs for {missing:?}");
}

#[test]
fn a_finding_has_a_text_and_a_text_has_a_finding() {
    use nexplane_doctor::{catalog::Catalog, checks};
    let catalog = Catalog::load(&checks::texts()).expect("the built-in texts");
    for check in checks::all() {
        let doc = catalog.check(&check.id()).expect("a text for every check");
        let told: BTreeSet<_> = doc
            .findings
            .iter()
            .map(|finding| finding.code.clone())
            .collect();
        let found: BTreeSet<_> = check.codes().into_iter().collect();
        let silent: Vec<_> = found.difference(&told).collect();
        assert!(silent.is_empty(), "codes without a text: {silent:?}");
        let unfound: Vec<_> = told.difference(&found).collect();
        assert!(unfound.is_empty(), "texts that no check finds: {unfound:?}");
    }
}

#[test]
fn a_line_of_the_log_speaks_only_of_findings_that_have_a_text() {
    use nexplane_doctor::{catalog::Catalog, checks, model::Code};
    let catalog = Catalog::load(&checks::texts()).expect("the built-in texts");
    let failed = Code::from_static("service.failed");
    let failed = catalog.finding(&failed).expect("a text of service.failed");
    let mut seen = 0;
    let families = fs::read_dir(root().join("src/logs")).expect("a directory");
    for path in families.map(|entry| entry.expect("an entry").path()) {
        if path.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a family");
        let patterns: Vec<serde_yaml::Value> =
            serde_yaml::from_str(&text).expect("a list of patterns");
        for pattern in patterns {
            let also = pattern["also"].as_sequence().into_iter().flatten();
            for code in pattern["code"]
                .as_str()
                .into_iter()
                .chain(also.filter_map(|code| code.as_str()))
            {
                let code: Code = code.parse().expect("a code");
                assert!(
                    catalog.finding(&code).is_some(),
                    "{}: {code}",
                    path.display()
                );
                // What ends the agent has to be able to explain that its service failed; a warning ends nothing.
                let finding = catalog.finding(&code).expect("a finding");
                let warning = finding.severity == nexplane_doctor::model::Severity::Warning;
                let own = ["service", "tasks"]
                    .iter()
                    .any(|check| code.check() == *check);
                assert!(
                    own || warning || failed.explained_by.contains(&code),
                    "{code} does not explain service.failed"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "{seen} codes");
}
