use super::*;
use crate::checks::Decision;
use crate::checks::testing::{Evidence as Recording, properties};
use crate::host::{EnvironmentQuestion, Seen, Service, ServiceQuestion, Unseen};
use crate::model::{Os, Target};

fn with(service: Seen<Service>, shell: &[(&str, &str)]) -> Recording {
    let question = environment::question();
    let mut target = Target::unspecified(std::time::Duration::from_secs(5));
    target.control_plane = Some("https://nexplane.corp:8000".into());
    Recording::default()
        .target(target)
        .answer("service", ServiceQuestion::agent(Os::Linux), service)
        .answer("environment", question, properties(shell))
}

fn unit(environment: &str) -> Seen<Service> {
    Ok(Service {
        properties: properties(&[("LoadState", "loaded"), ("Environment", environment)]),
        supplied: false,
    })
}

fn reason(judgement: &Judgement) -> &str {
    match &judgement.decision {
        Decision::Unknown(reason) => reason,
        other => panic!("{other:?}"),
    }
}

fn noted(judgement: &Judgement) -> String {
    let notes = judgement
        .notes
        .iter()
        .map(|note| format!("{}: {}", note.what, note.value));
    notes.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_question_names_every_variable() {
    let EnvironmentQuestion { names } = environment::question();
    assert!(
        names.contains(&"https_proxy".to_owned()) && names.contains(&"SSL_CERT_FILE".to_owned())
    );
}

#[test]
fn without_a_proxy_nothing_is_wrong() {
    let (judgement, _) = with(unit("A=b"), &[]).judge(&Probe);
    assert_eq!(judgement.decision, Decision::Decided);
    assert!(noted(&judgement).contains("none: HTTPS_PROXY is not set"));
}

#[test]
fn the_services_proxy_counts_and_its_password_is_not_told() {
    let (judgement, _) =
        with(unit("HTTPS_PROXY=http://u:hunter2@proxy.corp:3128"), &[]).judge(&Probe);
    let reason = reason(&judgement);
    assert!(reason.contains("http://proxy.corp:3128"), "{reason}");
    assert!(!format!("{judgement:?}").contains("hunter2"));
    assert!(noted(&judgement).contains("none, while the agent's service uses one"));
}

#[test]
fn the_shells_proxy_does_not_count_beside_a_unit() {
    let (judgement, _) = with(unit(""), &[("https_proxy", "http://p:3128")]).judge(&Probe);
    assert_eq!(judgement.decision, Decision::Decided);
    assert!(noted(&judgement).contains("which the agent's service does not use"));
}

#[test]
fn without_a_unit_the_doctors_environment_stands_in() {
    for service in [Err(Unseen::Absent), Err(Unseen::unsupported("no systemd"))] {
        let (judgement, _) = with(service, &[("HTTPS_PROXY", "p:3128")]).judge(&Probe);
        assert!(reason(&judgement).contains("the doctor's own environment"));
    }
}

#[test]
fn no_proxy_and_all_proxy_leave_it_direct() {
    for environment in [
        "HTTPS_PROXY=p:1 NO_PROXY=.corp",
        "ALL_PROXY=p:1",
        "HTTP_PROXY=p:1",
        "HTTPS_PROXY=",
    ] {
        let (judgement, _) = with(unit(environment), &[]).judge(&Probe);
        assert_eq!(judgement.decision, Decision::Decided, "{environment}");
    }
}

#[test]
fn what_names_no_proxy_is_said_without_repeating_it() {
    let (judgement, _) = with(unit("'HTTPS_PROXY=http://u:hunter2@ bad'"), &[]).judge(&Probe);
    assert!(reason(&judgement).contains("is no URL of a proxy"));
    assert!(!format!("{judgement:?}").contains("hunter2"));
}

#[test]
fn a_file_of_the_unit_wins() {
    let service = Service {
        properties: properties(&[
            ("Environment", "HTTPS_PROXY=a:1"),
            ("EnvironmentFiles", "/etc/default/agent (ignore_errors=yes)"),
        ]),
        supplied: false,
    };
    let content = crate::host::Content {
        text: "HTTPS_PROXY=b:2\n".into(),
        invalid_utf8_at: None,
    };
    let path = crate::host::HostPath::host("/etc/default/agent");
    let (judgement, _) = with(Ok(service), &[])
        .answer(
            "read",
            crate::host::ReadQuestion::new(path),
            Seen::Ok(content),
        )
        .judge(&Probe);
    assert!(reason(&judgement).contains("http://b:2"));
}
