//! `diff`, as users run it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{doctor, ended, run};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// The report of a recorded situation, in a file.
fn report_of(name: &str, directory: &Path) -> PathBuf {
    let path = directory.join(format!("{name}.json"));
    let situation = fixture(name);
    let show = [
        "fixtures",
        "show",
        "--format",
        "json",
        situation.to_str().unwrap(),
    ];
    fs::write(&path, run(&show).out).unwrap();
    path
}

#[test]
fn what_is_equal_ends_in_0_and_what_is_not_in_1() {
    let directory = tempfile::tempdir().unwrap();
    let (used, clock) = (
        report_of("token-used", directory.path()),
        report_of("clock-drift", directory.path()),
    );
    let situation = fixture("token-used");
    let (used, clock) = (used.to_str().unwrap(), clock.to_str().unwrap());
    let same = run(&["diff", used, situation.to_str().unwrap()]);
    assert_eq!(same.status, 0, "{}", same.out);
    assert!(same.out.contains("They differ in nothing"), "{}", same.out);
    let other = run(&["diff", used, clock]);
    assert_eq!(other.status, 1, "{}", other.out);
    for line in [
        "\n~ verdict: failed -> degraded\n",
        "\n- token.used  cause: ",
        "\n+ clock.drift  notice: ",
        "\n~ check clock  status: pass -> warn\n",
    ] {
        assert!(other.out.contains(line), "{line}: {}", other.out);
    }
    let quiet = run(&["diff", used, clock, "-qq"]);
    assert_eq!((quiet.status, quiet.out.as_str()), (1, ""));
}

#[test]
fn in_json_it_is_a_document_of_its_own_schema() {
    let (a, b) = (fixture("token-used"), fixture("clock-drift"));
    let ended = run(&[
        "diff",
        a.to_str().unwrap(),
        b.to_str().unwrap(),
        "--format",
        "json",
    ]);
    assert_eq!(ended.status, 1);
    let document: Value = serde_json::from_str(&ended.out).unwrap();
    let schema: Value = serde_json::from_str(&run(&["schema", "--of", "diff"]).out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(document["equal"], false);
    assert_eq!(
        document["before"]["root_causes"],
        serde_json::json!(["token.used"])
    );
    let went: Vec<&Value> = document["differences"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| {
            it["change"] == "went_away" && it["what"] == "finding" && it["field"].is_null()
        })
        .map(|it| &it["name"])
        .collect();
    assert!(went.contains(&&Value::from("token.used")), "{went:?}");
}

#[test]
fn a_bundle_is_diagnosed_again_and_is_what_the_live_report_was() {
    let root = tempfile::tempdir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("host.tar.zst");
    let live = directory.path().join("live.json");
    let root = root.path().to_str().unwrap();
    let made = run(&[
        "bundle",
        "create",
        "--root",
        root,
        "--output",
        bundle.to_str().unwrap(),
    ]);
    assert!([0, 1, 3].contains(&made.status), "{}", made.err);
    fs::write(&live, run(&["--root", root, "--format", "json"]).out).unwrap();
    let compared = run(&["diff", live.to_str().unwrap(), bundle.to_str().unwrap()]);
    assert_eq!(compared.status, 0, "{}{}", compared.out, compared.err);
    // The same through standard input.
    let mut piped = doctor(&["diff", "-", live.to_str().unwrap()]);
    let piped = ended(piped.write_stdin(fs::read(&bundle).unwrap()));
    assert_eq!(piped.status, 0, "{}{}", piped.out, piped.err);
}

#[test]
fn what_is_no_report_ends_in_2_and_says_which() {
    let directory = tempfile::tempdir().unwrap();
    let good = report_of("token-used", directory.path());
    let file = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let deep = format!("{{\"x\":{}", "[".repeat(1 << 20));
    let failed = run(&["--format", "json", "--no-such-flag"]).out;
    for (wrong, said) in [
        (file("empty", b""), "no report in JSON"),
        (file("text", b"\x1b[31mred"), "no report in JSON"),
        (file("deep", deep.as_bytes()), "no report in JSON"),
        (
            file("later", br#"{"schema_version": 9}"#),
            "use a newer one",
        ),
        (file("why", failed.as_bytes()), "says why there is none"),
        (file("zstd", b"\x28\xb5\x2f\xfd\x00\x00"), "cut short"),
        (directory.path().to_str().unwrap().to_owned(), "no fixture"),
        ("/no/such/file".to_owned(), "No such file"),
        ("/dev/zero".to_owned(), "larger than"),
    ] {
        for (a, b) in [
            (wrong.as_str(), good.to_str().unwrap()),
            (good.to_str().unwrap(), wrong.as_str()),
        ] {
            let ended = run(&["diff", a, b]);
            assert_eq!(ended.status, 2, "{wrong}: {}", ended.out);
            assert!(ended.err.contains(said), "{wrong}: {}", ended.err);
            assert!(!ended.err.contains('\x1b') && ended.out.is_empty());
        }
    }
    let twice = run(&["diff", "-", "-"]);
    assert_eq!(twice.status, 2);
    assert!(
        twice.err.contains("standard input is one report"),
        "{}",
        twice.err
    );
}
