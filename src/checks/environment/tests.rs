//! The environment of the agent's service, put together from recorded answers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::*;
use crate::checks::Facts;
use crate::checks::testing::{properties, root};
use crate::host::{Content, Entry, Inside, Recorded, Recording, System};
use crate::model::{Os, Target};

/// What the unit says, which files there are (`None`: this user may not read it), and what the manager's own environment has.
fn environment(
    unit: &[(&str, &str)],
    files: &[(&str, Option<&str>)],
    manager: &[(&str, &str)],
) -> Environment {
    let known = Known {
        target: Arc::new(Target::unspecified(Duration::from_secs(5))),
        system: Arc::new(System {
            os: Os::Linux,
            user: root(),
            foreign_root: false,
            ..System::unknown()
        }),
        facts: Facts::default(),
        later: crate::checks::known::Later::default(),
    };
    let entry = |ask: &str, question: serde_json::Value, answer: serde_json::Value| Entry {
        ask: ask.into(),
        question,
        answer,
        began_ms: None,
        duration_ms: 1.0,
    };
    let value =
        |it: serde_json::Result<serde_json::Value>| it.unwrap_or_else(|error| panic!("{error}"));
    let service = Service {
        properties: properties(&[&[("LoadState", "loaded")], unit].concat()),
        supplied: false,
    };
    let mut entries = vec![
        entry(
            "service",
            value(serde_json::to_value(ServiceQuestion::agent(Os::Linux))),
            value(serde_json::to_value(Ok::<_, Unseen>(service))),
        ),
        entry(
            "environment",
            value(serde_json::to_value(question())),
            value(serde_json::to_value(properties(&[(
                "SSL_CERT_FILE",
                "/home/me/ca.pem",
            )]))),
        ),
    ];
    let of_manager = InsideQuestion {
        pid: 1,
        variables: question().names,
        paths: Vec::new(),
    };
    let inside = Inside {
        network: Err(Unseen::Denied),
        environment: if manager.is_empty() {
            Err(Unseen::Denied)
        } else {
            Ok(properties(manager))
        },
        paths: Vec::new(),
    };
    entries.push(entry(
        "inside",
        value(serde_json::to_value(of_manager)),
        value(serde_json::to_value(Ok::<_, Unseen>(inside))),
    ));
    for (path, text) in files {
        let content = text.map(|text| Content {
            text: text.into(),
            invalid_utf8_at: None,
        });
        entries.push(entry(
            "read",
            value(serde_json::to_value(ReadQuestion::new(HostPath::host(
                *path,
            )))),
            value(serde_json::to_value(content.ok_or(Unseen::Denied))),
        ));
    }
    let host = Recorded::new(Recording { entries });
    of_agent(&host, &known)
        .now_or_never()
        .unwrap_or_else(|| panic!("a recorded host answers at once"))
}

#[test]
fn later_sources_win_and_what_is_unset_goes() {
    let found = environment(
        &[
            (
                "DefaultEnvironment",
                "HTTPS_PROXY=http://default:1 NO_PROXY=a",
            ),
            (
                "Environment",
                "HTTPS_PROXY=http://unit:1 SSL_CERT_FILE=/unit.pem SSL_CERT_DIR=/a",
            ),
            (
                "EnvironmentFiles",
                "/etc/default/agent (ignore_errors=yes)\n/etc/none (ignore_errors=yes)",
            ),
            ("UnsetEnvironment", "SSL_CERT_DIR NO_PROXY=b"),
        ],
        &[("/etc/default/agent", Some("HTTPS_PROXY=http://file:1\n"))],
        &[],
    );
    assert_eq!(found.owner, Owner::Service);
    assert_eq!(found.get("HTTPS_PROXY"), Some("http://file:1"));
    assert_eq!(found.get("NO_PROXY"), Some("a"), "that is not its value");
    assert_eq!(found.get("SSL_CERT_FILE"), Some("/unit.pem"));
    assert_eq!(found.get("SSL_CERT_DIR"), None);
    // `/etc/none` is not in the recording: it was not seen, which is not the same as not there.
    assert!(found.unseen().is_some_and(|why| why.contains("/etc/none")));
    assert_eq!(
        found.differences(&["SSL_CERT_FILE"]),
        ["SSL_CERT_FILE is another in this shell and for the service"]
    );
}

#[test]
fn what_may_not_be_read_is_never_taken_for_unset() {
    for (files, part) in [
        (
            "/etc/secret (ignore_errors=yes)",
            "/etc/secret may not be read",
        ),
        ("/etc/agent.d/*.conf (ignore_errors=no)", "pattern"),
    ] {
        let found = environment(
            &[("EnvironmentFiles", files)],
            &[("/etc/secret", None)],
            &[],
        );
        assert!(
            found.unseen().is_some_and(|why| why.contains(part)),
            "{files}"
        );
    }
    let defaults = environment(
        &[("DefaultEnvironmentUnseen", "permission denied")],
        &[],
        &[],
    );
    assert!(defaults.unseen().is_some());
}

#[test]
fn what_is_passed_on_is_the_manager_s() {
    let unit = [("PassEnvironment", "HTTPS_PROXY TERM")];
    let found = environment(
        &unit,
        &[],
        &[("HTTPS_PROXY", "http://boot:1"), ("NO_PROXY", "x")],
    );
    assert_eq!(
        (found.get("HTTPS_PROXY"), found.get("NO_PROXY")),
        (Some("http://boot:1"), None)
    );
    assert_eq!(found.unseen(), None);
    let denied = environment(&unit, &[], &[]);
    assert!(
        denied
            .unseen()
            .is_some_and(|why| why.contains("PassEnvironment=HTTPS_PROXY"))
    );
    assert_eq!(
        environment(&[("PassEnvironment", "TERM")], &[], &[]).unseen(),
        None
    );
}

#[test]
fn a_running_process_is_held_against_its_unit() {
    // The process has the manager's number: the recording has one process.
    let pid = ("MainPID", "1");
    let unit = ("Environment", "HTTPS_PROXY=http://unit:1 NO_PROXY=a");
    let running = [("NO_PROXY", "a"), ("SSL_CERT_FILE", "/old.pem")];
    let found = environment(&[pid, unit], &[], &running);
    assert_eq!(found.not_in(&properties(&running)), ["HTTPS_PROXY"]);
    assert_eq!(found.only_running(), ["SSL_CERT_FILE"]);
    assert_eq!(
        found.get("HTTPS_PROXY"),
        Some("http://unit:1"),
        "at its next start"
    );
    assert_eq!(found.get("SSL_CERT_FILE"), Some("/old.pem"), "until then");
}

#[test]
fn what_was_not_seen_of_the_unit_a_running_process_tells() {
    let unit = [
        ("MainPID", "1"),
        ("Environment", "NO_PROXY=a"),
        ("EnvironmentFiles", "/etc/*.env (ignore_errors=no)"),
    ];
    let found = environment(&unit, &[], &[("HTTPS_PROXY", "http://file:1")]);
    assert_eq!((found.unseen(), found.get("NO_PROXY")), (None, None));
    assert_eq!(found.get("HTTPS_PROXY"), Some("http://file:1"));
}
