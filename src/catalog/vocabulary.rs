//! Holds the doctor's own files to what is published of them: the codes, their severities, the graph, the runbook.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::Values;
use super::testing::{SOURCES, own};
use crate::model::{CheckId, Code, Os, SectionId, Severity};

/// Every published code: never renamed, never used again. A `!` marks an error, a `?` a warning. One that is new comes to
/// this list with the release that publishes it.
const PUBLISHED: &str = "
host.disk_full! host.read_only!
install.missing! install.incomplete!
config.missing! config.unreadable! config.syntax! config.invalid! config.url! config.unknown_key? config.insecure?
service.not_installed! service.stopped! service.failed! service.crash_looping! service.masked! service.broken_unit!
service.not_enabled? service.sandboxed! service.read_only? service.outdated?
proxy.unreachable! proxy.denied!
dns.not_found! dns.no_address! dns.server_failure! dns.timeout! dns.no_nameserver! dns.inconsistent? dns.pinned?
tcp.refused! tcp.timeout! tcp.unreachable! tcp.reset! tcp.partial?
tls.plaintext! tls.not_tls! tls.timeout! tls.closed! tls.version! tls.alert!
trust.ca_file! trust.unknown_authority! trust.self_signed! trust.missing_intermediate! trust.intercepted!
trust.name_mismatch! trust.expired! trust.not_yet_valid! trust.bad_certificate! trust.weak?
clock.skew! clock.drift? clock.unsynchronized?
health.unhealthy! health.server_error! health.not_control_plane! health.captive_portal! health.timeout!
health.closed! health.slow?
identity.missing! identity.unreadable! identity.invalid! identity.key_mismatch! identity.unfinished! identity.expired!
identity.not_yet_valid! identity.expiring? identity.exposed?
registration.revoked! registration.superseded! registration.certificate_refused! registration.rejected! registration.hostname_mismatch?
token.used! token.expired! token.invalid! token.malformed!
tasks.not_approved! tasks.wrong_agent! tasks.unknown_change_request! tasks.failing?
";

/// Check, needs, uses, as published; a new check may stand between them.
const GRAPH: [(&str, &[&str], &[&str]); 15] = [
    ("host", &[], &[]),
    ("install", &[], &[]),
    ("config", &["install"], &[]),
    ("service", &["install"], &[]),
    ("proxy", &["config"], &[]),
    ("dns", &["config"], &[]),
    ("tcp", &["dns", "proxy"], &[]),
    ("tls", &["tcp"], &[]),
    ("trust", &["tls"], &["clock"]),
    ("clock", &[], &["health"]),
    ("health", &["tls"], &[]),
    ("identity", &["config"], &["clock"]),
    ("registration", &["trust", "identity"], &["clock"]),
    ("token", &["trust"], &["identity", "registration"]),
    ("tasks", &[], &["registration"]),
];

fn explained_by(code: &str) -> Vec<String> {
    let code: Code = code.parse().unwrap();
    let catalog = own();
    let finding = catalog.finding(&code).unwrap();
    finding
        .explained_by
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn has_every_published_code_with_its_severity() {
    let found: Vec<String> = own()
        .findings()
        .map(|finding| match finding.severity {
            Severity::Error => format!("{}!", finding.code),
            Severity::Warning => format!("{}?", finding.code),
        })
        .collect();
    let gone: Vec<&str> = PUBLISHED
        .split_whitespace()
        .filter(|published| !found.iter().any(|code| code == published))
        .collect();
    assert!(gone.is_empty(), "renamed, or gone: {gone:?}");
}

#[test]
fn has_the_published_graph_in_the_order_to_fix_things() {
    let catalog = own();
    let published = |id: &CheckId| GRAPH.iter().any(|(published, ..)| id == published);
    let checks = catalog.checks().iter().filter(|check| published(&check.id));
    let checks: Vec<_> = checks.collect();
    assert_eq!(checks.len(), GRAPH.len());
    for (check, (id, needs, uses)) in checks.into_iter().zip(GRAPH) {
        assert_eq!(check.id, id);
        assert_eq!(check.needs, needs, "{id} needs");
        assert_eq!(check.uses, uses, "{id} uses");
    }
}

#[test]
fn every_check_can_be_judged_after_what_it_needs_and_uses() {
    let catalog = own();
    let mut done = Vec::new();
    for check in catalog.in_order() {
        for other in check.needs.iter().chain(check.uses.iter()) {
            assert!(done.contains(other), "{} before {other}", check.id);
        }
        done.push(check.id.clone());
    }
    assert_eq!(done.len(), catalog.checks().len());
}

#[test]
fn every_file_is_named_after_its_check() {
    for (check, source) in own().checks().iter().zip(SOURCES) {
        assert_eq!(source.name, format!("checks/{}.yaml", check.id));
    }
}

#[test]
fn every_section_of_the_runbook_is_cited() {
    let catalog = own();
    for section in SectionId::ALL {
        let cited = catalog
            .findings()
            .filter_map(|finding| finding.remedy.runbook.as_ref())
            .any(|cited| *cited == section);
        assert!(cited, "{section}");
    }
}

#[test]
fn remedies_speak_the_runbook_s_commands_with_the_host_s_values() {
    let catalog = own();
    let values = Values::new()
        .with(
            crate::model::Placeholder::ControlPlane,
            "https://cp.corp:8000",
        )
        .with(crate::model::Placeholder::CaCert, "/tmp/my ca.crt");
    let commands = |code: &str, os: Os| -> Vec<String> {
        let finding = catalog.finding(&code.parse().unwrap()).unwrap();
        let remedy = finding.remedy.fill(&values, os);
        remedy
            .steps
            .into_iter()
            .filter_map(|step| step.command)
            .collect()
    };
    let install = "nexplane-agent install --control-plane https://cp.corp:8000 --token NEW_TOKEN";
    let with_ca = format!("{install} --ca-cert '/tmp/my ca.crt'");
    assert_eq!(commands("token.used", Os::Linux)[0], with_ca);
    assert_eq!(
        commands("trust.unknown_authority", Os::Linux),
        [
            format!("{install} --ca-cert '/tmp/my ca.crt'"),
            format!("{install} --insecure-skip-verify"),
        ]
    );
    assert_eq!(
        commands("clock.skew", Os::Windows)[..2],
        ["w32tm /resync /force", "w32tm /query /status"]
    );
    assert_eq!(
        commands("service.failed", Os::Linux)[..2],
        [
            "systemctl status nexplane-agent",
            "journalctl -u nexplane-agent -n 50"
        ]
    );
    assert_eq!(
        commands("service.failed", Os::Windows)[..2],
        [
            "Get-Service NexplaneAgent",
            "Get-EventLog -LogName Application -Source NexplaneAgent -Newest 20"
        ]
    );
    assert_eq!(
        commands("tasks.failing", Os::Linux)[0],
        r#"journalctl -u nexplane-agent -n 100 | grep -i "task\|error\|fail""#
    );
}

#[test]
fn every_remedy_is_complete_on_every_system() {
    for finding in own().findings() {
        for os in Os::ALL {
            let remedy = finding.remedy.fill(&Values::new(), os);
            assert!(!remedy.steps.is_empty(), "{}", finding.code);
            let texts = remedy.steps.iter().flat_map(|step| {
                std::iter::once(step.text.as_str()).chain(step.command.as_deref())
            });
            for text in texts.chain([remedy.text.as_str()]) {
                assert!(!text.trim().is_empty(), "{}", finding.code);
            }
        }
    }
}

#[test]
fn a_wrong_clock_explains_certificates_out_of_their_time() {
    for code in [
        "trust.expired",
        "trust.not_yet_valid",
        "identity.expired",
        "identity.not_yet_valid",
    ] {
        assert!(
            explained_by(code).contains(&"clock.skew".to_owned()),
            "{code}"
        );
    }
    assert!(explained_by("clock.skew").is_empty());
}

#[test]
fn a_crash_is_explained_by_what_the_agent_needs_and_a_stop_by_nothing() {
    for code in ["service.failed", "service.crash_looping"] {
        let by = explained_by(code);
        for cause in [
            "install.missing",
            "install.incomplete",
            "host.disk_full",
            "config.url",
            "identity.expired",
            "token.used",
            "trust.expired",
            "clock.skew",
            "proxy.denied",
            "dns.timeout",
            "tcp.refused",
            "tls.version",
            "health.unhealthy",
            "registration.revoked",
        ] {
            assert!(by.contains(&cause.to_owned()), "{code} by {cause}");
        }
        assert!(!by.iter().any(|by| by.starts_with("tasks.")));
    }
    assert!(explained_by("service.stopped").is_empty());
    assert!(explained_by("service.masked").is_empty());
    assert_eq!(
        explained_by("service.not_installed"),
        ["install.missing", "install.incomplete"]
    );
}

#[test]
fn a_foreign_chain_explains_name_and_time_and_a_portal_explains_trust() {
    let by = explained_by("trust.name_mismatch");
    for cause in [
        "intercepted",
        "self_signed",
        "missing_intermediate",
        "unknown_authority",
    ] {
        assert!(by.contains(&format!("trust.{cause}")), "{cause}");
    }
    assert!(!by.contains(&"trust.ca_file".to_owned()));
    assert!(explained_by("trust.unknown_authority").contains(&"trust.ca_file".to_owned()));
    assert!(explained_by("health.not_control_plane").contains(&"trust.intercepted".to_owned()));
    for finding in own().findings().filter(|f| f.severity == Severity::Error) {
        let has = |cause: &str| finding.explained_by.iter().any(|by| *by == cause);
        let check = finding.code.check();
        match check.as_str() {
            "trust" => assert!(has("health.captive_portal"), "{}", finding.code),
            "registration" => assert!(has("trust.intercepted"), "{}", finding.code),
            _ => {}
        }
        let network = ["dns", "tcp", "tls", "trust", "health", "registration"];
        if network.contains(&check.as_str()) {
            assert!(
                has("proxy.unreachable") && has("proxy.denied"),
                "{}",
                finding.code
            );
            assert!(has("config.url"), "{}", finding.code);
        }
    }
}

#[test]
fn an_agent_that_cannot_enroll_has_no_identity() {
    let by = explained_by("identity.missing");
    for check in [
        "token", "trust", "clock", "proxy", "dns", "tcp", "tls", "health",
    ] {
        assert!(by.iter().any(|by| by.starts_with(check)), "{check}");
    }
}

#[test]
fn warnings_are_never_symptoms_and_never_causes_of_one() {
    let catalog = own();
    for finding in catalog.findings() {
        if finding.severity == Severity::Warning {
            assert!(finding.explained_by.is_empty(), "{}", finding.code);
        }
        for by in finding.explained_by.iter() {
            assert_eq!(catalog.finding(by).unwrap().severity, Severity::Error);
        }
    }
}
