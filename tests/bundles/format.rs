//! A bundle of format 1 that stays as it is: every later doctor reads it. `UPDATE_BUNDLE=1` writes the one of a new format.

use std::path::PathBuf;

use nexplane_doctor::bundle::{Bundle, Contents, Extra, FORMAT, Identities, Redaction};

use super::{Doctor, SIZE, doctor, packed, situation};

fn path(format: u32) -> PathBuf {
    let file = format!("tests/bundles/format-{format}.tar.zst");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file)
}

#[tokio::test]
async fn there_is_one_of_today_s_format() {
    if std::env::var_os("UPDATE_BUNDLE").is_some() {
        let evidence = situation("token-used");
        let report = Doctor::new().play(evidence.clone()).await;
        std::fs::write(path(FORMAT), packed(&evidence, &report, Identities::Kept)).unwrap();
    }
    assert!(path(FORMAT).exists());
}

#[tokio::test]
async fn bundles_of_every_format_are_read_and_diagnosed() {
    for format in 1..=FORMAT {
        let bundle = Bundle::open(&path(format)).unwrap();
        assert_eq!(bundle.manifest.format, format);
        let report = Doctor::new().play(bundle.evidence).await;
        let causes: Vec<&str> = report.root_causes().map(|code| code.as_str()).collect();
        assert_eq!(causes, ["token.used"]);
        assert_eq!(bundle.report["root_causes"][0], "token.used");
    }
}

#[test]
fn a_bundle_is_listed_shown_and_diagnosed_on_the_command_line() {
    let file = path(1);
    let file = file.to_str().unwrap();
    let run = |arguments: &[&str]| {
        let output = doctor(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (status, page, _) = run(&["bundle", "show", file]);
    assert_eq!(status, 0);
    for part in [
        "format     1",
        "evidence.json",
        "certificates/peer.pem",
        "files/etc/nexplane-agent/config.yaml",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (status, json, _) = run(&["bundle", "show", file, "--format", "json"]);
    let manifest: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status, &manifest["format"]), (0, &1.into()));
    let (status, pem, _) = run(&["bundle", "show", file, "certificates/peer.pem"]);
    assert!(
        status == 0 && pem.starts_with("-----BEGIN CERTIFICATE-----\n"),
        "{pem}"
    );
    let (status, out, said) = run(&["bundle", "show", file, "../etc/passwd"]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(said.contains("it has no `../etc/passwd`"), "{said}");

    let (status, json, _) = run(&["bundle", "diagnose", file, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status, &report["source"]), (1, &"bundle".into()));
    assert_eq!(report["root_causes"], serde_json::json!(["token.used"]));
    let ignored = [
        "bundle",
        "diagnose",
        file,
        "--ignore",
        "token.used",
        "--format",
        "json",
    ];
    let (status, json, _) = run(&ignored);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (status, &report["verdict"]),
        (0, &"healthy".into()),
        "{report:#}"
    );
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("report.txt");
    let (status, out, _) = run(&[
        "bundle",
        "diagnose",
        file,
        "--only",
        "dns",
        "--output",
        output.to_str().unwrap(),
    ]);
    assert_eq!((status, out.as_str()), (0, ""));
    assert!(
        std::fs::read_to_string(output)
            .unwrap()
            .contains("resolves")
    );
    for wrong in [
        &["--ignore", "no.such"][..],
        &["--only", "nothing"],
        &["--checks", "/nowhere"],
    ] {
        let (status, out, _) = run(&[&["bundle", "diagnose", file][..], wrong].concat());
        assert_eq!((status, out.as_str()), (2, ""), "{wrong:?}");
    }
}

#[test]
fn a_bundle_of_this_host_is_made_for_its_owner_alone_and_diagnosed_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("b.tar.zst");
    // Whatever stood there, and whoever could read it.
    std::fs::write(&file, "old").unwrap();
    for names in [&[][..], &["--anonymize"]] {
        let mut create = doctor(&[
            "bundle", "create", "--skip", "service", "--since", "7d", "--output",
        ]);
        let output = create.arg(&file).args(names).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let page = String::from_utf8_lossy(&output.stdout);
        assert!(
            page.starts_with("wrote ") && !page.contains("comes out otherwise"),
            "{page}"
        );
        let metadata = std::fs::metadata(&file).unwrap();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777,
            0o600
        );
        let bundle = Bundle::open(&file).unwrap();
        assert_eq!(bundle.manifest.anonymized, !names.is_empty());
        assert_eq!(bundle.manifest.asked.skip, ["service"]);
        let again = doctor(&["bundle", "diagnose", "--format", "json"])
            .arg(&file)
            .output()
            .unwrap();
        let again: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
        assert_eq!(again["verdict"], bundle.report["verdict"]);
        assert_eq!(again["root_causes"], bundle.report["root_causes"]);
    }
    let nowhere = directory.path().join("no/such/b.tar.zst");
    let output = doctor(&["bundle", "create", "--output"])
        .arg(nowhere)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_cannot_be_written_is_the_bundle() {
    let output = doctor(&["bundle", "create", "--output", "/not-there/b.tar.zst"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let expected = "cannot write the bundle to /not-there/b.tar.zst: there is no such directory";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn what_is_missing_is_said_in_words() {
    let mut evidence = situation("healthy");
    let with = |ask: &str, question: serde_json::Value| nexplane_doctor::host::Entry {
        ask: ask.to_owned(),
        question,
        answer: serde_json::json!({"Err": {"how": "failed", "why": "no bus"}}),
        began_ms: None,
        duration_ms: 0.0,
    };
    let path = serde_json::json!({"path": "/etc/x", "base": "host"});
    evidence.recording.entries = vec![
        with(
            "service",
            serde_json::json!({"name": "nexplane-agent.service"}),
        ),
        with("read", serde_json::json!({"path": path, "limit": 10})),
        with("time_sync", serde_json::Value::Null),
        with("unheard_of", serde_json::json!({"a": 1})),
    ];
    let contents = Contents::new(
        &evidence,
        "{}",
        Extra::default(),
        &Redaction::default(),
        SIZE,
    );
    let contents = contents.unwrap();
    let what: Vec<&str> = contents
        .not_collected()
        .iter()
        .map(|it| it.what.as_str())
        .collect();
    let expected = [
        "the service manager: nexplane-agent.service",
        "read /etc/x",
        "time synchronisation",
        "unheard_of {\"a\":1}",
    ];
    assert_eq!(what, expected);
}
