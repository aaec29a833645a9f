//! The HTML report, and the data that only it draws, from the command line. What a browser makes of it: `tests/real/html.rs`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn doctor(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"));
    command
        .args(arguments)
        .env_remove("NEXPLANE_ENROLLMENT_TOKEN");
    command.output().unwrap()
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name);
    path.to_str().unwrap().to_owned()
}

/// A fixture's report in JSON.
fn json(name: &str) -> Value {
    let output = doctor(&["fixtures", "show", &fixture(name), "--format", "json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_page_goes_to_a_file_with_the_exit_status_of_every_format_and_without_the_token() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    let file = directory.path().join("report.html");
    let token = "nxe_4b1d5d0c9f7a4f0e8c7b6a5d4c3b2a1f";
    let output = doctor(&[
        "--format",
        "html",
        "--output",
        file.to_str().unwrap(),
        "--root",
        root.to_str().unwrap(),
        "--token",
        token,
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let page = fs::read_to_string(file).unwrap();
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">") && page.ends_with("</html>\n"));
    assert!(page.contains("<code>install.missing</code>"));
    assert!(!page.contains(token) && !page.contains("4b1d5d0c9f7a"));
}

#[test]
fn one_page_after_another_is_no_page() {
    let output = doctor(&["--watch", "--format", "html"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--output FILE"));
}

#[test]
fn what_the_page_draws_is_in_json_too_and_in_its_schema() {
    let schema: Value = serde_json::from_slice(&doctor(&["schema"]).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for name in [
        "trust-missing-intermediate",
        "tcp-partial",
        "proxy-denied",
        "install-missing",
    ] {
        let report = json(name);
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    let report = json("trust-missing-intermediate");
    let chain = &report["certificates"]["server"];
    assert_eq!(
        (&chain["anchored"], chain["line"].as_array().unwrap().len()),
        (&Value::Bool(false), 1)
    );
    assert!(report["certificates"]["clocks"]["control_plane"]["earliest"].is_string());
    assert_eq!(json("install-missing")["certificates"], Value::Null);
}

/// Each address of a race is a line, and every question is there once, with all that wanted to know.
#[test]
fn where_the_time_went_is_told_by_question() {
    let report = json("tcp-partial");
    let timings = report["timings"].as_array().unwrap();
    let of_layer = |layer: &str| {
        timings
            .iter()
            .filter(|it| it["layer"] == layer)
            .cloned()
            .collect::<Vec<_>>()
    };
    let connects = of_layer("tcp");
    assert_eq!(connects.len(), 2);
    assert!(
        connects
            .iter()
            .any(|it| it["failed"] == true && it["reply"] == "connection refused")
    );
    let service = timings
        .iter()
        .filter(|it| it["what"] == "the service manager: nexplane-agent.service");
    let service: Vec<_> = service.collect();
    assert_eq!(service.len(), 1);
    assert!(service[0]["checks"].as_array().unwrap().len() > 3);
    for layer in ["dns", "tls", "http", "command", "local"] {
        assert!(!of_layer(layer).is_empty(), "{layer}");
    }
}
