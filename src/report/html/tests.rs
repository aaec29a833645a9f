//! The page as text: what it says, in which order, and that nothing from outside is more than text in it.
//!
//! What a browser makes of it is seen by `tests/real/html.rs`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use super::*;
use crate::model::{
    CertificateReport, Certificates, Chain, ChainEnd, CheckId, CheckReport, Clocks, Commands, Fact,
    HostReport, Layer, Origin, Os, Reply, ReportedFinding, Role, Step, TargetReport, Timing,
};
use crate::report::testing;

/// What would be markup, an attribute's end, a handler, and what acts without being seen.
const HOSTILE: &str = "</script></style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}\u{1b}[31m\u{0}";

fn finding(
    code: &'static str,
    role: Role,
    explained_by: &[&'static str],
    text: &str,
) -> ReportedFinding {
    let mut finding = testing::finding(code, role, explained_by);
    for words in [
        &mut finding.title,
        &mut finding.detail,
        &mut finding.remedy.text,
    ] {
        words.push_str(text);
    }
    finding.evidence.push(Fact {
        what: format!("seen{text}"),
        value: format!("value{text}"),
    });
    finding.remedy.steps.push(Step {
        text: format!("Install again{text}"),
        command: Some(format!("nexplane-agent install{text}")),
    });
    finding
}

fn check(id: &'static str, status: Status, needs: &[&'static str], text: &str) -> CheckReport {
    let ids = |ids: &[&'static str]| ids.iter().copied().map(CheckId::from_static).collect();
    CheckReport {
        id: CheckId::from_static(id),
        title: format!("Title of {id}{text}"),
        status,
        needs: ids(needs),
        uses: Vec::new(),
        blocked_by: Vec::new(),
        reason: status
            .blocks()
            .then(|| format!("a reason{text}"))
            .filter(|_| status != Status::Fail),
        notes: vec![Fact {
            what: format!("note{text}"),
            value: format!("noted{text}"),
        }],
        duration: Duration::from_millis(3),
    }
}

/// A report with something in every place, and this text in every place that can have it.
fn report(text: &str) -> Report {
    let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let certificate = CertificateReport {
        origin: Origin::Sent(1),
        subject: format!("CN=server{text}"),
        issuer: format!("CN=issuer{text}"),
        names: format!("nexplane.corp{text}"),
        not_before: now - TimeDelta::days(10),
        not_after: now + TimeDelta::days(100),
        key: format!("key{text}"),
        signature: format!("signature{text}"),
        fingerprint: format!("00:11{text}"),
        problems: vec![format!("a problem{text}")],
    };
    Report {
        source: Source::Live,
        started_at: now,
        duration: Duration::from_millis(20),
        host: HostReport {
            hostname: format!("web-server{text}"),
            os: Os::Linux,
            arch: format!("x86_64{text}"),
            foreign_root: false,
        },
        target: TargetReport {
            control_plane: Some(format!("https://nexplane.corp:8000{text}")),
            config_path: format!("/etc/nexplane-agent/config.yaml{text}"),
        },
        verdict: Verdict::Failed,
        findings: vec![
            finding("token.used", Role::Cause, &[], text),
            finding(
                "service.crash_looping",
                Role::Symptom,
                &["token.used"],
                text,
            ),
            finding("identity.exposed", Role::Notice, &[], text),
        ],
        ignored: vec![finding("config.unknown_key", Role::Notice, &[], text)],
        checks: vec![
            check("service", Status::Fail, &[], text),
            check("dns", Status::Unknown, &[], text),
            check("tcp", Status::Blocked, &["dns"], text),
            check("token", Status::Fail, &["tcp"], text),
        ],
        timings: vec![
            Timing {
                layer: Layer::Dns,
                what: format!("A of nexplane.corp{text}"),
                reply: Reply::Failed(format!("SERVFAIL{text}")),
                began: Some(Duration::from_millis(1)),
                took: Duration::from_millis(4),
                checks: vec![CheckId::from_static("dns")],
            },
            Timing {
                layer: Layer::Local,
                what: format!("read /etc/hosts{text}"),
                reply: Reply::Given(format!("there{text}")),
                began: Some(Duration::ZERO),
                took: Duration::from_millis(1),
                checks: vec![CheckId::from_static("dns")],
            },
        ],
        certificates: Some(Certificates {
            clocks: Clocks {
                host: now,
                control_plane: Some((now, now + TimeDelta::seconds(1))),
            },
            server: Some(Chain {
                line: vec![certificate.clone()],
                end: ChainEnd::Breaks(format!("`CN=issuer` was not sent{text}")),
                aside: vec![format!("certificate 2: not needed{text}")],
            }),
            agent: Some(CertificateReport {
                origin: Origin::Agent,
                ..certificate
            }),
        }),
        commands: Commands {
            explain: Some(format!("nexplane-doctor explain token.used{text}")),
            again: Some(format!("nexplane-doctor{text}")),
        },
    }
}

fn assert_in_order(page: &str, parts: &[&str]) {
    let mut rest = page;
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => panic!("`{part}` is not there, or too early"),
        }
    }
}

#[test]
fn the_verdict_comes_first_then_the_cause_with_what_to_do_then_the_rest() {
    assert_in_order(
        &render(&report("")),
        &[
            "<title>web-server: failed, 1 cause, 1 symptom, 1 warning</title>",
            "<h1><span class=\"verdict failed\">failed</span>",
            "https://nexplane.corp:8000",
            "<h2 id=\"causes\">Cause</h2>",
            "title of token.used",
            "It explains <a href=\"#finding-service.crash_looping\">",
            "What to do",
            "<pre><code>nexplane-agent install</code></pre>",
            "<summary>Evidence ",
            "<h2 id=\"symptoms\">Symptoms</h2>",
            "Because of <a href=\"#finding-token.used\">",
            "<h2 id=\"warnings\">Warnings</h2>",
            "<h2 id=\"ignored\">Ignored, as asked</h2>",
            "<h2 id=\"undecided\">Could not be decided</h2>",
            "<h2 id=\"checks\">Checks</h2>",
            "<a class=\"node cause\" href=\"#check-token\" aria-label=\"token: failed, a cause\">",
            "<tr class=\"cause\" id=\"check-token\">",
            "<h2 id=\"times\">Where the time went</h2>",
            "SERVFAIL",
            "<h2 id=\"certificates\">Certificates</h2>",
            "The chain breaks here: ",
            "When they are valid",
            "nexplane-doctor explain token.used",
        ],
    );
}

#[test]
fn a_failed_check_is_a_cause_or_a_symptom_by_what_it_found() {
    let report = report("");
    let standings: Vec<_> = report
        .checks
        .iter()
        .map(|check| words::Standing::of(&report, check).class())
        .collect();
    assert_eq!(standings, ["symptom", "unknown", "blocked", "cause"]);
}

/// Every tag of the page, by what is between angle brackets: with hostile text in every place they are the same ones.
#[test]
fn nothing_from_outside_is_more_than_text() {
    let tags = |page: &str| -> Vec<String> {
        let body = page.split_once("<body>").unwrap_or_default().1.to_owned();
        let tags = body
            .split('<')
            .skip(1)
            .map(|part| part.split(['>', ' ']).next().unwrap_or_default().to_owned());
        tags.collect()
    };
    let (plain, hostile) = (render(&report("")), render(&report(HOSTILE)));
    assert_eq!(tags(&hostile), tags(&plain));
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!hostile.contains(control) && !hostile.contains('\u{202e}'));
    assert!(hostile.contains("⟨U+202E⟩␛[31m␀"));
    assert!(!hostile.contains("alert(1)>"));
}

#[test]
fn the_policy_names_style_and_script_and_permits_nothing_else() {
    let page = render(&report(""));
    let between = |begin: &str, end: &str| {
        let (_, rest) = page.split_once(begin).unwrap_or_default();
        rest.split_once(end).unwrap_or_default().0
    };
    let policy = between("http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
    for (kind, text) in [
        ("style", between("<style>", "</style>")),
        ("script", between("<script>", "</script>")),
    ] {
        assert!(
            policy.contains(&format!("{kind}-src 'sha256-{}'", hash(text))),
            "{policy}"
        );
    }
    assert!(policy.starts_with("default-src 'none'; "));
    assert!(!policy.contains("unsafe") && !policy.contains('*'));
    assert!(!page.contains(" style=") && !page.contains(" onclick="));
    // Neither may end the element that it stands in.
    assert!(!STYLE.contains("</") && !SCRIPT.contains("</"));
}

#[test]
fn a_page_is_bounded_however_much_was_seen() {
    let mut report = report("");
    let huge = "x<".repeat(1 << 20);
    let fact = Fact {
        what: "seen".into(),
        value: huge.clone(),
    };
    for finding in &mut report.findings {
        finding.evidence = vec![fact.clone(); 20];
        finding.detail.clone_from(&huge);
    }
    report.timings = vec![report.timings[0].clone(); 20_000];
    let page = render(&report);
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
    assert!(page.contains("(2088960 more characters)") && page.contains("And 19700 more"));
}

#[test]
fn nothing_seen_and_nothing_wrong_is_a_page_too() {
    let mut report = report("");
    report.verdict = Verdict::Healthy;
    report.findings.clear();
    report.ignored.clear();
    report.checks.clear();
    report.timings.clear();
    report.certificates = None;
    report.target.control_plane = None;
    let page = render(&report);
    assert!(page.contains("nothing wrong was found") && page.contains("none known"));
    assert!(!page.contains("id=\"times\"") && !page.contains("id=\"certificates\""));
}

#[test]
fn of_many_checks_those_are_drawn_of_which_there_is_something_to_say() {
    let mut report = report("");
    report.checks.push(check("tls", Status::Pass, &[], ""));
    report
        .checks
        .push(check("trust", Status::Warn, &["tls"], ""));
    let boxes = |page: &str| page.matches("<a class=\"node ").count() / 2;
    assert_eq!(boxes(&render(&report)), 6);
    let quiet = |i: usize| CheckReport {
        id: CheckId::new(format!("own{i}")).unwrap_or_else(|_| CheckId::from_static("own")),
        ..check("own", Status::Pass, &["dns"], "")
    };
    report.checks.extend((0..60).map(quiet));
    let page = render(&report);
    assert_eq!(boxes(&page), 6);
    assert!(page.contains("Not drawn: 60 checks of which there is nothing to say."));
    assert_eq!(page.matches("<th scope=\"row\">own").count(), 60);
    for check in &mut report.checks {
        check.status = Status::Fail;
    }
    let page = render(&report);
    assert!(boxes(&page) == 0 && page.contains("too many checks for a picture"));
}
