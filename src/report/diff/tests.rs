//! What counts as a difference, and how it is told.

use proptest::prelude::*;

use super::*;
use crate::model::{self, CheckId, Code, Role, Status, Verdict, is_unprintable};
use crate::report::human::Look;
use crate::report::json_v1;
use crate::report::tests::sample::{any_report, check, finding, report};

const LOOK: Look = Look {
    color: false,
    unicode: true,
    width: 80,
    checks: true,
    verbose: false,
};

fn document(report: &model::Report) -> Document {
    let text = json_v1::render(report).unwrap_or_default();
    match Document::parse(text.as_bytes()) {
        Ok(document) => document,
        Err(error) => panic!("{error}"),
    }
}

fn between(a: &model::Report, b: &model::Report) -> (Vec<Difference>, String) {
    let (a, b) = (document(a), document(b));
    let differences = compare(&a, &b);
    let text = human(("a.json", &a), ("b.json", &b), &differences, LOOK);
    (differences, text)
}

#[test]
fn what_went_away_appeared_and_changed_is_told() {
    let before = report();
    let mut after = report();
    after.verdict = Verdict::Degraded;
    after.target.control_plane = None;
    after.findings.remove(0);
    after.findings[0].role = Role::Cause;
    after.findings[0].explained_by.clear();
    after.findings[0].evidence[0].value = "CN=Other".into();
    after
        .findings
        .push(finding("identity.expiring", Role::Notice));
    after.ignored.clear();
    after.checks[0].status = Status::Pass;
    after.checks.push(check("tasks", Status::Unknown));
    after.checks[2].blocked_by = vec![CheckId::from_static("tcp")];
    let (differences, text) = between(&before, &after);
    assert!(!is_equal(&differences));
    assert_eq!(
        text,
        "\
A  a.json: FAILED, web-server-01, live, 1970-01-01T00:00:00.000Z
B  b.json: DEGRADED, web-server-01, live, 1970-01-01T00:00:00.000Z

~ verdict: failed \u{2192} degraded
~ root causes: token.used \u{2192} service.crash_looping
~ target  control_plane: https://nexplane.example.com:8000 \u{2192} none
- token.used  cause: Title of token.used

~ service.crash_looping
    role: symptom \u{2192} cause
    explained_by: token.used \u{2192} none
    evidence: issuer: CN=Example Private CA \u{2192} CN=Other

+ identity.expiring  notice: Title of identity.expiring
- config.unknown_key (ignored)  notice: Title of config.unknown_key
~ check config  status: warn \u{2192} pass

~ check dns
    blocked_by: none \u{2192} tcp
    reason: could not look \u{2192} none

+ check tasks  unknown
"
    );
}

#[test]
fn time_that_passes_is_no_difference() {
    let mut before = report();
    before.findings[0].detail = "It took 3.1 ms, and ends in 396 days.".into();
    before.findings[0].evidence[0].value = "waited 5s".into();
    let mut after = before.clone();
    after.findings[0].detail = "It took 12 ms, and ends in 395 days.".into();
    after.findings[0].evidence[0].value = "waited 1.5s".into();
    after.checks[0].duration = std::time::Duration::from_secs(4);
    after.checks[0].notes.push(model::Fact {
        what: "seen".into(),
        value: "well".into(),
    });
    after.started_at += chrono::TimeDelta::days(1);
    let (differences, text) = between(&before, &after);
    assert!(is_equal(&differences), "{differences:?}");
    assert_eq!(differences.len(), 4);
    assert!(
        text.contains("They differ in nothing but how long"),
        "{text}"
    );
    assert!(!text.contains("396"), "{text}");
    let (a, b) = (document(&before), document(&after));
    let verbose = Look {
        verbose: true,
        ..LOOK
    };
    let text = human(("a", &a), ("b", &b), &differences, verbose);
    for told in [
        "396 days",
        "duration: 3 ms",
        "notes: seen: none \u{2192} well",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    // Another number, and one that is no duration.
    after.findings[0].detail = "It took 12 tries, and ends in 395 days.".into();
    assert!(!is_equal(&between(&before, &after).0));
}

#[test]
fn what_is_there_twice_is_compared_in_its_order() {
    let mut before = report();
    before.findings = vec![
        finding("token.used", Role::Cause),
        finding("token.used", Role::Cause),
    ];
    before.findings[1].detail = "The second.".into();
    let mut after = before.clone();
    let (differences, _) = between(&before, &after);
    assert_eq!(differences, []);
    after.findings.remove(1);
    let (differences, _) = between(&before, &after);
    let gone: Vec<_> = differences.iter().map(|it| (it.what, it.change)).collect();
    assert_eq!(
        gone,
        [
            (What::RootCauses, Change::Changed),
            (What::Finding, Change::WentAway)
        ]
    );
}

#[test]
fn what_is_no_report_is_told_apart() {
    let told = |text: &str| match Document::parse(text.as_bytes()) {
        Ok(_) => "a report".to_owned(),
        Err(error) => error.to_string(),
    };
    for (text, said) in [
        ("", "as --format json makes one: it breaks off"),
        ("[1]", "a list stands where an object belongs"),
        (r#"{"schema_version": 2}"#, "it has schema version 2"),
        (r#"{"schema_version": 1}"#, "it has no `source`"),
        (
            r#"{"schema_version": 1, "error": {"message": "a\u001b[31mb"}}"#,
            "says why there is none: a\u{fffd}[31mb",
        ),
        (
            r#"{"schema_version": 1, "before": {}}"#,
            "what `fix` printed",
        ),
    ] {
        assert!(told(text).contains(said), "{text}: {}", told(text));
    }
    assert!(told(&format!("{{\"x\": {}", "[".repeat(1 << 20))).contains("no report in JSON"));
    let other = json_v1::render(&report()).unwrap_or_default();
    let unknown_code = other.replace("token.used", "Token Used");
    assert!(told(&unknown_code).contains("finding code"));
    assert_eq!(
        told(&other.replacen('{', "{\"later\": [{}],", 1)),
        "a report"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_differs_from_itself_and_all_else_is_told_both_ways(a in any_report(), b in any_report()) {
        prop_assert_eq!(between(&a, &a).0, vec![]);
        let (there, text) = between(&a, &b);
        let (back, _) = between(&b, &a);
        prop_assert!(!text.contains(|c| c != '\n' && is_unprintable(c)), "{:?}", text);
        let count = |all: &[Difference], change| all.iter().filter(|it| it.change == change).count();
        prop_assert_eq!(count(&there, Change::Appeared), count(&back, Change::WentAway));
        prop_assert_eq!(count(&there, Change::Changed), count(&back, Change::Changed));
        prop_assert_eq!(is_equal(&there), is_equal(&back));
        let codes = |report: &model::Report| report.findings.iter().map(|f| f.code.clone()).collect::<Vec<Code>>();
        prop_assert!(!is_equal(&there) || codes(&a) == codes(&b));
    }
}
