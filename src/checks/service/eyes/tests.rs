//! Units that restrict, judged from recorded answers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::*;
use crate::checks::environment;
use crate::checks::service::Probe;
use crate::checks::testing::{Evidence as Recording, codes, file, properties};
use crate::host::{
    Content, HostPath, Inside, InsideNetwork, InsidePath, InsideQuestion, JournalQuestion, LogEntry,
    ReadQuestion, ServiceQuestion, Unseen,
};
use crate::model::Os;

const DROP_IN: &str = "/etc/systemd/system/nexplane-agent.service.d/10-hard.conf";
const CERT: &str = "/etc/nexplane-agent/client.crt";
const KEY: &str = "/etc/nexplane-agent/client.key";
const CONFIG: &str = "/etc/nexplane-agent/config.yaml";

/// A host with an agent, a unit with these properties, all of which a drop-in sets.
fn host(pairs: &[(&str, &str)]) -> Recording {
    const RUNNING: [(&str, &str); 5] = [
        ("LoadState", "loaded"),
        ("UnitFileState", "enabled"),
        ("ActiveState", "active"),
        ("SubState", "running"),
        ("DropInPaths", DROP_IN),
    ];
    let service = Service {
        properties: properties(&[&RUNNING, pairs].concat()),
        supplied: false,
    };
    let assignments = pairs.iter().map(|(name, _)| ((*name).to_owned(), DROP_IN.into()));
    let assignments: BTreeMap<String, std::path::PathBuf> = assignments.collect();
    let content = |text: &str| {
        Ok::<_, Unseen>(Content {
            text: text.into(),
            invalid_utf8_at: None,
        })
    };
    let read = |path: &str| ReadQuestion::new(HostPath::host(path));
    let mut recording = Recording::default()
        .answer("service", ServiceQuestion::agent(Os::Linux), Ok::<_, Unseen>(service))
        .answer("assignments", vec![DROP_IN], assignments)
        .answer("read", read(CONFIG), content("control_plane: https://cp.corp:8000\n"))
        .answer("read", read(CERT), content("PEM"))
        .answer("read", read("/etc/hosts"), content("127.0.0.1 localhost\n"))
        .answer("read", read("/etc/resolv.conf"), content("# stub\nnameserver 127.0.0.53\n"))
        .answer("environment", environment::question(), BTreeMap::<String, String>::new())
        .answer("lookup", "cp.corp", Ok::<_, Unseen>(["10.0.0.9", "2001:db8::9"].map(address)));
    for path in [CONFIG, CERT, KEY] {
        let seen = Ok::<_, Unseen>(file(path, 0o600, 0, 0));
        recording = recording.answer("stat", HostPath::host(path), seen);
    }
    recording
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn judged(recording: Recording) -> Judgement {
    recording.judge(&Probe).0
}

fn detail(judgement: &Judgement, code: &str) -> String {
    let found = judgement.findings.iter().find(|finding| finding.code == *code);
    found.map(|finding| finding.detail.clone()).unwrap_or_default()
}

#[test]
fn what_a_sandbox_takes_is_told_with_its_directive_and_file() {
    for (pairs, parts) in [
        (&[("PrivateNetwork", "yes")][..], &["control plane (`cp.corp`)", "`PrivateNetwork=yes`", "loopback of its own"][..]),
        (&[("IPAddressDeny", "0.0.0.0/0 ::/0")], &["control plane", "drops all of its packets"]),
        (
            &[("IPAddressDeny", "0.0.0.0/0 ::/0"), ("IPAddressAllow", "127.0.0.0/8")],
            &["control plane (`cp.corp`, 10.0.0.9)", "IPAddressDeny="],
        ),
        (
            &[("IPAddressDeny", "any"), ("IPAddressAllow", "10.0.0.0/8 2001:db8::/32")],
            &["Asking the nameserver 127.0.0.53", "IPAddressDeny="],
        ),
        (&[("RestrictAddressFamilies", "AF_UNIX")], &["forbids it IPv4 and IPv6"]),
        (&[("InaccessiblePaths", "/etc/nexplane-agent")], &["its configuration (/etc/nexplane-agent/config.yaml) works for you", "hides it", "its client certificate"]),
        (&[("TemporaryFileSystem", "/etc")], &["TemporaryFileSystem=/etc"]),
        (&[("RootDirectory", "/srv/root")], &["/srv/root/etc/nexplane-agent/config.yaml there, which does not exist"]),
    ] {
        let absent = |path: &str| HostPath::host(format!("/srv/root{path}"));
        let mut recording = host(pairs);
        for path in [CONFIG, CERT, KEY] {
            recording = recording.answer("stat", absent(path), Err::<crate::host::Stat, _>(Unseen::Absent));
        }
        let judgement = judged(recording);
        assert_eq!(codes(&judgement), ["service.sandboxed"], "{pairs:?}");
        let detail = detail(&judgement, "service.sandboxed");
        for part in parts.iter().chain(&[DROP_IN, "fails for the service, because"]) {
            assert!(detail.contains(part), "{pairs:?}: no {part} in {detail}");
        }
    }
}

#[test]
fn what_does_not_hit_the_agent_is_no_finding() {
    for pairs in [
        &[("PrivateNetwork", "no"), ("ProtectSystem", "no")][..],
        &[("ProtectSystem", "yes"), ("ProtectHome", "yes"), ("PrivateTmp", "yes")],
        &[("ProtectSystem", "strict"), ("ReadWritePaths", "/etc/nexplane-agent")],
        &[("ProtectSystem", "strict"), ("ConfigurationDirectory", "nexplane-agent")],
        &[("IPAddressDeny", "any"), ("IPAddressAllow", "10.0.0.0/8 2001:db8::/32 127.0.0.0/8")],
        &[("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX")],
        &[("RestrictAddressFamilies", "AF_INET AF_UNIX")],
        &[("InaccessiblePaths", "/srv")],
        &[("RestrictNetworkInterfaces", "lo")],
        &[("SystemCallFilter", "read write")],
        &[("PrivateNetwork", "yes"), ("LoadState", "masked")],
    ] {
        let judgement = judged(host(pairs));
        let masked = pairs.contains(&("LoadState", "masked"));
        let expected: &[&str] = if masked { &["service.masked"] } else { &[] };
        assert_eq!(codes(&judgement), expected, "{pairs:?}");
        assert_eq!(judgement.decision, Decision::Decided, "{pairs:?}");
    }
}

#[test]
fn one_family_of_two_is_worth_a_line() {
    let judgement = judged(host(&[("RestrictAddressFamilies", "AF_INET AF_UNIX")]));
    let note = &judgement.notes[0];
    assert_eq!(note.what, "address 2001:db8::9");
    assert!(note.value.contains("forbids it IPv6"), "{note:?}");
}

#[test]
fn what_cannot_be_told_of_a_network_is_unknown() {
    for pairs in [
        &[("NetworkNamespacePath", "/run/netns/vpn")][..],
        &[("PrivateNetwork", "yes"), ("JoinsNamespaceOf", "vpn.service")],
        &[("RootImage", "/srv/agent.raw")],
        &[("IPAddressDeny", "nonsense")],
    ] {
        let judgement = judged(host(pairs));
        assert!(matches!(judgement.decision, Decision::Unknown(_)), "{pairs:?}");
        assert_eq!(codes(&judgement), [""; 0]);
    }
}

#[test]
fn a_certificate_that_cannot_be_replaced_is_a_warning() {
    for pairs in [
        &[("ProtectSystem", "strict")][..],
        &[("ProtectSystem", "full")],
        &[("ReadOnlyPaths", "-/etc/nexplane-agent")],
    ] {
        let judgement = judged(host(pairs));
        assert_eq!(codes(&judgement), ["service.read_only"], "{pairs:?}");
        let detail = detail(&judgement, "service.read_only");
        assert!(detail.contains(CERT) && detail.contains(KEY) && detail.contains(DROP_IN), "{detail}");
    }
}

const FAILED_1: [(&str, &str); 4] = [
    ("ActiveState", "failed"),
    ("Result", "exit-code"),
    ("ExecMainCode", "1"),
    ("ExecMainStatus", "1"),
];

fn logged(recording: Recording, line: &str) -> Recording {
    let entry = LogEntry {
        time: None,
        message: line.into(),
        priority: None,
        identifier: Some("nexplane-agent".into()),
        invocation: Some("one".into()),
        message_id: None,
    };
    recording.answer("journal", JournalQuestion::agent(Os::Linux), Ok::<_, Unseen>(vec![entry]))
}

/// Whether the sandbox is admitted as the cause of the service's end.
fn explains(pairs: &[(&str, &str)], line: &str) -> bool {
    let judgement = judged(logged(host(&[&FAILED_1, pairs].concat()), line));
    let failed = judgement.findings.iter().find(|finding| finding.code == FAILED);
    match failed.map(|finding| &finding.explained) {
        Some(Explained::OnlyBy(codes)) => codes.contains(&SANDBOXED),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sandbox_explains_an_end_in_its_own_terms_alone() {
    let private = [("PrivateNetwork", "yes")];
    let hidden = [("InaccessiblePaths", "/etc/nexplane-agent")];
    let dial = r#"FATAL: enrollment failed: Post "https://cp.corp:8000/agent/enroll": dial tcp 10.0.0.9:8000: connect: network is unreachable"#;
    let open = "FATAL: open /etc/nexplane-agent/config.yaml: permission denied";
    let token = "FATAL: enrollment failed: token has already been used";
    assert!(explains(&private, dial));
    assert!(!explains(&private, token), "it has reached the control plane");
    assert!(!explains(&private, open));
    assert!(explains(&hidden, open));
    assert!(!explains(&hidden, dial));
}

#[test]
fn a_system_call_that_ended_the_agent_is_its_filter_s_doing() {
    let ended = [("ActiveState", "failed"), ("Result", "core-dump"), ("ExecMainCode", "3"), ("ExecMainStatus", "31")];
    let filter = [("SystemCallFilter", "read write exit")];
    let judgement = judged(host(&[&ended[..], &filter].concat()));
    assert_eq!(codes(&judgement), ["service.failed", "service.sandboxed"]);
    assert!(matches!(&judgement.findings[0].explained, Explained::OnlyBy(codes) if codes.contains(&SANDBOXED)));
    assert_eq!(codes(&judged(host(&ended))), ["service.failed"]);
}

/// The process 77 of the service, which sees this.
fn inside(pairs: &[(&str, &str)], network: InsideNetwork, path: InsidePath) -> Judgement {
    let restricts_files = pairs.iter().any(|(name, _)| name.contains("Paths") || name.contains("System"));
    let paths = if restricts_files { [CONFIG, CERT, KEY].map(Into::into).to_vec() } else { Vec::new() };
    let answer = Inside {
        network: Ok(network),
        environment: Err(Unseen::Denied),
        paths: vec![Ok(path); paths.len()],
    };
    let question = |variables, paths| InsideQuestion { pid: 77, variables, paths };
    let of_process = question(environment::question().names, Vec::new());
    let of_files = question(Vec::new(), paths);
    let recording = host(&[&[("MainPID", "77")], pairs].concat());
    let recording = recording.answer("inside", of_process, Ok::<_, Unseen>(answer.clone()));
    judged(recording.answer("inside", of_files, Ok::<_, Unseen>(answer)))
}

fn interfaces(own: bool, names: &[&str]) -> InsideNetwork {
    InsideNetwork {
        own,
        interfaces: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

#[test]
fn what_the_running_process_sees_counts() {
    let same = InsidePath { same: true, read_only: false };
    let private = [("PrivateNetwork", "yes")];
    let shared = || interfaces(false, &["lo", "eth0"]);
    let alone = || interfaces(true, &["lo"]);
    assert_eq!(codes(&inside(&private, alone(), same)), ["service.sandboxed"]);
    let older = inside(&private, shared(), same);
    assert_eq!(codes(&older), ["service.outdated"]);
    assert!(detail(&older, "service.outdated").contains("PrivateNetwork=yes"));
    assert_eq!(codes(&inside(&[], alone(), same)), ["service.sandboxed"], "the unit says so no more");
    assert_eq!(codes(&inside(&[], shared(), same)), [""; 0]);

    let hidden = [("InaccessiblePaths", "/etc/nexplane-agent")];
    assert_eq!(codes(&inside(&hidden, shared(), same)), ["service.outdated"]);
    let other = InsidePath { same: false, read_only: true };
    assert_eq!(codes(&inside(&hidden, shared(), other)), ["service.sandboxed"]);
    let strict = [("ProtectSystem", "strict")];
    assert_eq!(codes(&inside(&strict, shared(), same)), ["service.outdated"]);
    let read_only = InsidePath { same: true, read_only: true };
    assert_eq!(codes(&inside(&strict, shared(), read_only)), ["service.read_only"]);

    let another = [("NetworkNamespacePath", "/run/netns/vpn")];
    let seen = inside(&another, interfaces(true, &["lo", "wg0"]), same);
    assert_eq!((codes(&seen), &seen.decision), (vec![], &Decision::Decided));
    assert!(seen.notes[0].value.contains("wg0"));
    assert_eq!(codes(&inside(&another, alone(), same)), ["service.sandboxed"]);
}

#[test]
fn a_definition_that_changed_on_disk_is_told() {
    let judgement = judged(host(&[("NeedDaemonReload", "yes")]));
    assert_eq!(codes(&judgement), ["service.outdated"]);
    assert!(judgement.findings[0].detail.contains("systemctl daemon-reload"));
}

#[test]
fn a_file_of_the_environment_that_is_missing_is_why_it_does_not_start() {
    let files = ("EnvironmentFiles", "/etc/default/agent (ignore_errors=no)");
    let missing = |pairs: &[(&str, &str)]| {
        let question = ReadQuestion::new(HostPath::host("/etc/default/agent"));
        let recording = host(&[pairs, &[files]].concat());
        judged(recording.answer("read", question, Err::<Content, _>(Unseen::Absent)))
    };
    let failed = missing(&[("ActiveState", "failed"), ("Result", "resources")]);
    assert_eq!(codes(&failed), ["service.failed"]);
    let said = detail(&failed, "service.failed");
    assert!(said.contains("`EnvironmentFile=/etc/default/agent` is not there"), "{said}");
    let running = missing(&[]);
    assert_eq!(codes(&running), [""; 0]);
    assert!(running.notes[0].value.contains("will not start the service again"));
}

proptest::proptest! {
    /// Whatever a unit says, it is read without a panic.
    #[test]
    fn any_unit_is_read(value in "[ -~:/%=+~-]{0,60}", which in 0_usize..12) {
        const NAMES: [&str; 12] = [
            "BindPaths", "TemporaryFileSystem", "InaccessiblePaths", "ReadOnlyPaths", "RootDirectory",
            "ConfigurationDirectory", "IPAddressDeny", "IPAddressAllow", "RestrictAddressFamilies",
            "JoinsNamespaceOf", "DropInPaths", "MainPID",
        ];
        let pairs = [("IPAddressDeny", "any"), ("ProtectSystem", "strict"), (NAMES[which], value.as_str())];
        let _ = judged(host(&pairs));
    }
}
