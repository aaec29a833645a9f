//! The configuration judged from recorded files: every code, every place where it may be looked for.

use std::time::Duration;

use super::super::Decision;
use super::super::testing::{Evidence as Recording, absent, codes, file, properties};
use super::*;

const PATH: &str = "/etc/nexplane-agent/config.yaml";
const GOOD: &str = "control_plane: https://nexplane.example.com:8000\n";

fn content(text: &str) -> Seen<Content> {
    Ok(Content {
        text: text.into(),
        invalid_utf8_at: None,
    })
}

fn read(path: HostPath, seen: Seen<Content>) -> Recording {
    Recording::default().answer("read", ReadQuestion::new(path), seen)
}

fn judged(text: &str) -> (Judgement, Facts) {
    read(HostPath::host(PATH), content(text)).judge(&Probe)
}

fn target() -> Target {
    Target::unspecified(Duration::from_secs(5))
}

#[test]
fn a_good_one_is_told() {
    let (judgement, facts) = judged(GOOD);
    assert_eq!(judgement, Judgement::pass());
    let told = facts.get::<Told>().map(|told| {
        let url = told.control_plane.as_ref().map(ToString::to_string);
        (url, told.insecure, told.cert.path.clone())
    });
    let url = Some("https://nexplane.example.com:8000".to_owned());
    assert_eq!(
        told,
        Some((url, false, "/etc/nexplane-agent/client.crt".into()))
    );
}

#[test]
fn everything_wrong_in_it_has_its_code() {
    for (text, code, part) in [
        ("control_plane: [", "config.syntax", "line"),
        (
            "log_level: info\n",
            "config.invalid",
            "`control_plane` is required",
        ),
        (
            &format!("{GOOD}poll_interval: 5\n"),
            "config.invalid",
            "line 2",
        ),
        (
            "control_plane: nexplane.example.com:8000\n",
            "config.url",
            "no scheme",
        ),
        (
            &format!("{GOOD}loglevel: info\n"),
            "config.unknown_key",
            "`log_level`",
        ),
        (
            &format!("{GOOD}insecure_skip_verify: true\n"),
            "config.insecure",
            "does not verify",
        ),
    ] {
        let (judgement, _) = judged(text);
        assert_eq!(codes(&judgement), [code], "{text}");
        assert!(
            judgement.findings[0].detail.contains(part),
            "{:?}",
            judgement.findings[0]
        );
    }
}

#[test]
fn one_finding_a_code_and_all_of_its_problems() {
    let (judgement, _) = judged(&format!("{GOOD}poll_interval: 5\nlog_level: loud\nx: 1\n"));
    assert_eq!(codes(&judgement), ["config.invalid", "config.unknown_key"]);
    assert!(judgement.findings[0].detail.contains("line 3"));
}

#[test]
fn a_missing_one_is_the_installation_s_where_nothing_is_installed() {
    let recording = || read(HostPath::host(PATH), absent());
    assert_eq!(codes(&recording().judge(&Probe).0), ["config.missing"]);
    let (judgement, facts) = recording().fact(install::Standing::Missing).judge(&Probe);
    assert_eq!(codes(&judgement), [""; 0]);
    assert!(facts.get::<Told>().is_some());
}

#[test]
fn flags_win_and_are_judged() {
    let mut flags = target();
    flags.control_plane = Some("http://nexplane.example.com".into());
    let recording = read(HostPath::host(PATH), absent()).fact(install::Standing::Missing);
    let (judgement, facts) = recording.target(flags).judge(&Probe);
    assert_eq!(codes(&judgement), ["config.url"]);
    assert_eq!(
        facts.get::<Told>().map(|told| told.control_plane.clone()),
        Some(None)
    );

    let mut flags = target();
    flags.config = Some("mine.yaml".into());
    flags.control_plane = Some("https://other.example.com:1".into());
    let recording = read(HostPath::caller("mine.yaml"), content(GOOD)).target(flags);
    let (judgement, facts) = recording.judge(&Probe);
    assert_eq!(codes(&judgement), [""; 0]);
    let port = facts
        .get::<Told>()
        .and_then(|told| told.control_plane.as_ref().map(ControlPlane::port));
    assert_eq!(port, Some(1));
}

#[test]
fn a_bad_url_explains_only_what_was_seen_of_it() {
    let bad = "control_plane: nexplane.example.com\n";
    let explains = |flag: Option<&str>, text: &str| {
        let mut flags = target();
        flags.control_plane = flag.map(str::to_owned);
        let recording = read(HostPath::host(PATH), content(text)).target(flags);
        recording.judge(&Probe).0.findings[0].explains.clone()
    };
    assert_eq!(explains(None, bad), Explains::AsCatalogued);
    // The network was looked at with the flag's URL, and the agent never heard of the flag's.
    let service = vec![CheckId::from_static("service")];
    let other = Some("https://other.example.com");
    assert_eq!(explains(other, bad), Explains::OnlyOf(service));
    assert_eq!(explains(Some("nonsense"), GOOD), Explains::OnlyOf(vec![]));
}

#[test]
fn unreadable_is_about_the_agent_s_user() {
    let path = || HostPath::host(PATH);
    let closed = Ok::<_, Unseen>(file(PATH, 0o600, 0, 0));
    let recording = read(path(), content(GOOD)).runs_as("nexplane");
    let (judgement, _) = recording.answer("stat", path(), &closed).judge(&Probe);
    assert_eq!(codes(&judgement), ["config.unreadable"]);
    assert!(judgement.findings[0].detail.contains("`nexplane`"));

    let open = Ok::<_, Unseen>(file(PATH, 0o640, 0, 900));
    let recording = read(path(), content(GOOD)).runs_as("nexplane");
    let (judgement, _) = recording.answer("stat", path(), &open).judge(&Probe);
    assert_eq!(judgement, Judgement::pass());

    let recording = read(path(), Err(Unseen::Denied)).runs_as("nexplane");
    let (judgement, _) = recording.answer("stat", path(), &closed).judge(&Probe);
    assert_eq!(codes(&judgement), [""; 0]);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
}

#[test]
fn the_unit_says_where_it_is() {
    let service = Service {
        properties: properties(&[(
            "ExecStart",
            "/usr/local/bin/nexplane-agent run --config /srv/c.yaml",
        )]),
        supplied: false,
    };
    let recording = read(HostPath::host("/srv/c.yaml"), content(GOOD)).answer(
        "service",
        ServiceQuestion::agent(Os::Linux),
        Ok::<_, Unseen>(service),
    );
    let (judgement, facts) = recording.judge(&Probe);
    assert_eq!(judgement, Judgement::pass());
    assert_eq!(
        facts.get::<Told>().map(|told| told.key.path.clone()),
        Some("/srv/client.key".into())
    );
}
