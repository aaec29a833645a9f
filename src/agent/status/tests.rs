//! What is known is said, and what is not is not made up.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn state() -> AgentState {
    AgentState {
        last_heartbeat: Some(now() - TimeDelta::seconds(3)),
        pending_tasks: Some(4),
        ..AgentState::begun(Some("agt_1"), now())
    }
}

fn service(properties: &[(&str, &str)]) -> Seen<Service> {
    Ok(Service {
        properties: properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        supplied: false,
    })
}

#[test]
fn the_service_manager_says_whether_it_runs() {
    for (state, sub, running, words) in [
        ("active", "running", Running::Yes, "running"),
        ("failed", "failed", Running::No, "failed (failed)"),
        ("inactive", "dead", Running::No, "inactive (dead)"),
        (
            "activating",
            "auto-restart",
            Running::No,
            "activating (auto-restart)",
        ),
    ] {
        let service = service(&[("ActiveState", state), ("SubState", sub)]);
        // A process of the same number is no matter where somebody knows better.
        let said = standing(&service, Some(Ok(true)));
        assert_eq!(said, (running, words.to_owned()));
    }
}

#[test]
fn without_one_the_process_does_or_nobody() {
    let none = Err(Unseen::unsupported("no systemd"));
    assert_eq!(standing(&none, Some(Ok(true))).0, Running::Yes);
    assert_eq!(standing(&none, Some(Ok(false))).0, Running::No);
    assert_eq!(standing(&none, None).0, Running::Unknown);
    let denied = Unseen::Denied;
    assert_eq!(standing(&none, Some(Err(&denied))).0, Running::Unknown);
    let not_found = service(&[("LoadState", "not-found"), ("ActiveState", "inactive")]);
    assert_eq!(standing(&not_found, Some(Ok(true))).0, Running::Yes);
}

fn kept() -> StateDirectory {
    StateDirectory::at("kept")
}

fn heartbeat(state: &io::Result<Option<AgentState>>) -> String {
    last_heartbeat(&kept(), state, now())
}

#[test]
fn a_heartbeat_is_as_old_as_it_is() {
    assert_eq!(heartbeat(&Ok(Some(state()))), "3s ago");
    assert_eq!(heartbeat(&Ok(None)), "never");
    let failing = AgentState {
        last_failure: Some("agent not found or revoked".to_owned()),
        ..state()
    };
    assert_eq!(
        heartbeat(&Ok(Some(failing))),
        "3s ago (now: agent not found or revoked)"
    );
    let denied = Err(io::ErrorKind::PermissionDenied.into());
    let words = match cfg!(windows) {
        true => "access is denied",
        false => "permission denied",
    };
    let path = kept().state();
    let words = format!("unknown ({}: {words})", path.display());
    assert_eq!(heartbeat(&denied), words);
    for (age, said) in [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (7_200, "2h"),
        (200_000, "2d"),
    ] {
        assert_eq!(ago(TimeDelta::seconds(age)), format!("{said} ago"));
    }
    assert!(ago(TimeDelta::seconds(-1)).contains("future"));
}

#[test]
fn a_diagnosis_is_told_in_a_line_unless_all_is_well() {
    let directory = tempfile::tempdir().unwrap();
    let kept = StateDirectory::at(directory.path());
    assert_eq!(last_diagnosis(&kept, now()), None);
    let report = |verdict: &str| {
        let at = (now() - TimeDelta::seconds(12)).to_rfc3339();
        format!(
            r#"{{"verdict": "{verdict}", "started_at": "{at}", "findings": [
                {{"code": "tcp.refused", "title": "Refused\u001b[31m", "role": "cause"}},
                {{"code": "service.failed", "title": "Failed", "role": "symptom"}}]}}"#
        )
    };
    kept.write_diagnosis(&report("healthy")).unwrap();
    assert_eq!(last_diagnosis(&kept, now()), None);
    kept.write_diagnosis(&report("failed")).unwrap();
    let said = last_diagnosis(&kept, now()).unwrap();
    assert!(
        said.starts_with("failed 12s ago: tcp.refused: Refused"),
        "{said}"
    );
    assert!(!said.contains('\u{1b}'), "{said}");
    kept.write_diagnosis("no json").unwrap();
    assert!(last_diagnosis(&kept, now()).unwrap().contains("no report"));
}
