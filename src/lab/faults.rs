//! The faults, by the finding code that each must be diagnosed as.
//!
//! A fault says what is done to a healthy situation, never how it is diagnosed. Several at once make a combination.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use chrono::TimeDelta;
use rustls::AlertDescription;

use super::behaviour::{ClientCertificates, HealthPage, HeartbeatReply, Port};
use super::ca::ServerCertificate;
use super::controls::CONTROLS;
use super::fault::{Fault, host, network, server};
use super::nameserver::NameAnswer;
use super::plan::{ChangeRequest, CutShort, Edit, File, Plan, Registration, Token};
use super::proxy::Door;
use super::service::{self, CRASHED, LOOPING};
use super::timeserver::TimeAnswer;

/// The fault that is diagnosed as `code`, or the circumstance of that name.
pub(super) fn find(code: &str) -> Option<&'static Fault> {
    let mut all = FAULTS.iter().chain(&CONTROLS);
    all.find(|fault| fault.code == *code)
}

/// More than half of the second that a probe has in the lab.
const SLOW: Duration = Duration::from_millis(650);

const TOKEN_USED: &str = "FATAL: enrollment failed: token has already been used";

/// Every fault that the lab can inject, in the order in which a person should fix them.
pub static FAULTS: &[Fault] = &[
    host(
        "install.missing",
        "neither program nor service nor configuration",
        |plan| {
            plan.enrolled = false;
            plan.edits = vec![
                Edit::Remove(File::Binary),
                Edit::Remove(File::Unit),
                Edit::Remove(File::Config),
            ];
            plan.unit = [("LoadState", "not-found".to_owned())].into();
        },
    )
    .never(&[
        "config.missing",
        "service.not_installed",
        "identity.missing",
    ]),
    host(
        "install.incomplete",
        "the program is gone, everything else is there",
        |plan| {
            plan.edits.push(Edit::Remove(File::Binary));
            plan.unit(CRASHED);
            plan.unit(&[("ExecMainStatus", "203")]);
        },
    )
    .with(&["service.failed"]),
    host("config.missing", "no configuration file", |plan| {
        plan.edits.push(Edit::Remove(File::Config));
    }),
    host(
        "config.unreadable",
        "the service runs as a user who may not read the configuration",
        |plan| {
            plan.unit(&[("User", "nexplane")]);
            plan.edits.push(Edit::Mode(File::Config, 0o600));
        },
    ),
    host("config.syntax", "the configuration is no YAML", |plan| {
        plan.edits
            .push(Edit::Replace("log_level: info", "log_level: [info"));
    }),
    host("config.invalid", "a value of the wrong kind", |plan| {
        plan.edits
            .push(Edit::Replace("poll_interval: 5s", "poll_interval: soon"));
    }),
    host(
        "config.url",
        "the control plane's address is http",
        |plan| {
            plan.url = "http://{name}:{port}".to_owned();
        },
    ),
    host("config.unknown_key", "a key that nobody reads", |plan| {
        plan.edits.push(Edit::Configure(
            "ca_certificate: /etc/nexplane-agent/ca.crt".to_owned(),
        ));
    }),
    host(
        "config.insecure",
        "verification of the control plane is switched off",
        |plan| {
            plan.edits
                .push(Edit::Configure("insecure_skip_verify: true".to_owned()));
        },
    ),
    host(
        "service.not_installed",
        "the service manager knows no such service",
        |plan| {
            plan.edits.push(Edit::Remove(File::Unit));
            plan.unit = [
                ("LoadState", "not-found".to_owned()),
                ("ActiveState", "inactive".to_owned()),
                ("SubState", "dead".to_owned()),
            ]
            .into();
        },
    ),
    host("service.stopped", "stopped by somebody", |plan| {
        plan.unit(&[
            ("ActiveState", "inactive"),
            ("SubState", "dead"),
            ("MainPID", "0"),
        ]);
    }),
    host("service.failed", "killed, and not restarted", |plan| {
        plan.unit(CRASHED);
        plan.unit(&[
            ("Result", "signal"),
            ("ExecMainCode", "2"),
            ("ExecMainStatus", "11"),
        ]);
    }),
    host(
        "service.crash_looping",
        "restarted over and over, with nothing in its log",
        |plan| {
            plan.unit(LOOPING);
        },
    ),
    host("service.masked", "masked", |plan| {
        plan.unit(&[
            ("LoadState", "masked"),
            ("UnitFileState", "masked"),
            ("ActiveState", "inactive"),
            ("SubState", "dead"),
            ("MainPID", "0"),
        ]);
    }),
    host(
        "service.broken_unit",
        "the unit file does not load",
        |plan| {
            plan.unit(&[
            ("LoadState", "bad-setting"), ("ActiveState", "inactive"), ("SubState", "dead"), ("MainPID", "0"),
            ("LoadError", "org.freedesktop.systemd1.BadUnitSetting \"Unit nexplane-agent.service has a bad unit file setting.\""),
        ]);
        },
    ),
    host(
        "service.not_enabled",
        "running, and not started at boot",
        |plan| {
            plan.unit(&[("UnitFileState", "disabled")]);
        },
    ),
    host(
        "service.sandboxed",
        "a drop-in leaves the service no network",
        service::without_network,
    )
    .with(&["service.crash_looping"])
    .never(&["tcp.unreachable"]),
    host(
        "service.read_only",
        "a drop-in makes its certificate read-only for the service",
        service::read_only,
    ),
    host(
        "service.outdated",
        "its unit changed, and systemd was not told",
        service::outdated,
    ),
    network("proxy.unreachable", "the service's proxy is gone", |plan| {
        plan.behind(Door::Closed)
    })
    .never(&["tcp.refused", "proxy.denied"]),
    network(
        "proxy.denied",
        "the service's proxy wants a password, and is given none",
        |plan| plan.behind(Door::Locked),
    )
    .never(&["proxy.unreachable"]),
    network("dns.not_found", "the name does not exist", |plan| {
        plan.dns = NameAnswer::NotFound
    })
    .never(&["dns.no_address", "dns.timeout"]),
    network(
        "dns.no_address",
        "the name exists and has no address",
        |plan| plan.dns = NameAnswer::NoData,
    )
    .never(&["dns.not_found"]),
    network("dns.server_failure", "the nameserver fails", |plan| {
        plan.dns = NameAnswer::ServerFailure
    }),
    network("dns.timeout", "the nameserver says nothing", |plan| {
        plan.dns = NameAnswer::Silence
    }),
    host(
        "dns.no_nameserver",
        "no nameserver is configured, and none is on the host itself",
        |plan| {
            plan.nameserver = false;
            plan.dns = NameAnswer::Silence;
        },
    ),
    network(
        "dns.inconsistent",
        "a second nameserver does not know the name",
        |plan| {
            plan.dns = NameAnswer::Addresses(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
            plan.second_dns = Some(NameAnswer::NotFound);
        },
    )
    .never(&["dns.not_found"]),
    host("dns.pinned", "the hosts file overrides DNS", |plan| {
        plan.dns = NameAnswer::Addresses(vec![IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))]);
        plan.pinned = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }),
    server("tcp.refused", "nothing listens", |plan| {
        plan.server.port = Port::Closed
    }),
    server("tcp.timeout", "connections are swallowed", |plan| {
        plan.server.port = Port::Swallowing
    }),
    network(
        "tcp.unreachable",
        "the name's address has no route",
        |plan| {
            // The loopback network's broadcast address: refused by the local routing table, before a packet is made.
            plan.dns = NameAnswer::Addresses(vec![IpAddr::V4(Ipv4Addr::new(127, 255, 255, 255))]);
        },
    ),
    server(
        "tcp.reset",
        "connections open and are reset at once",
        |plan| plan.server.port = Port::Reset,
    )
    .never(&["tcp.refused", "tls.closed"]),
    network(
        "tcp.partial",
        "one of the name's two addresses refuses",
        |plan| {
            plan.dns = NameAnswer::Addresses(vec![
                IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
                IpAddr::V4(Ipv4Addr::LOCALHOST),
            ]);
        },
    ),
    server("tls.plaintext", "the port speaks plain HTTP", |plan| {
        plan.server.port = Port::PlainHttp
    })
    .never(&["tls.not_tls", "tls.closed"]),
    server("tls.not_tls", "the port speaks SSH", |plan| {
        plan.server.port = Port::Banner("SSH-2.0-OpenSSH_9.2p1 Debian-2".to_owned());
    }),
    server("tls.timeout", "the handshake hangs", |plan| {
        plan.server.port = Port::Silent
    })
    .never(&["tcp.timeout", "health.timeout"]),
    server(
        "tls.closed",
        "the peer hangs up during the handshake",
        |plan| plan.server.port = Port::HangUp,
    ),
    server("tls.version", "the server speaks TLS 1.0 alone", |plan| {
        plan.server.port = Port::Alert(AlertDescription::ProtocolVersion);
    }),
    server("tls.alert", "the server knows no such name", |plan| {
        plan.server.port = Port::Alert(AlertDescription::UnrecognisedName);
    }),
    host("trust.ca_file", "the configured CA file is gone", |plan| {
        plan.edits.push(Edit::Remove(File::Ca))
    })
    .never(&["trust.unknown_authority"]),
    server(
        "trust.intercepted",
        "the certificate is made by a TLS-inspecting product",
        |plan| {
            plan.server.certificate = ServerCertificate::ForeignCa(
                "Zscaler Intermediate Root CA (zscaler.lab.test)".to_owned(),
            );
        },
    )
    .never(&["trust.unknown_authority", "trust.self_signed"]),
    server(
        "trust.unknown_authority",
        "the certificate is of another CA",
        |plan| {
            plan.server.certificate = ServerCertificate::ForeignCa("Example Private CA".to_owned());
        },
    ),
    server(
        "trust.self_signed",
        "the certificate is self-signed",
        |plan| {
            plan.server.certificate = ServerCertificate::SelfSigned;
        },
    )
    .never(&["trust.unknown_authority"]),
    server(
        "trust.missing_intermediate",
        "the intermediate is not sent",
        |plan| {
            plan.server.certificate = ServerCertificate::MissingIntermediate;
        },
    )
    .never(&["trust.unknown_authority"]),
    server(
        "trust.name_mismatch",
        "the certificate is for another name",
        |plan| {
            plan.server.certificate = ServerCertificate::WrongName("other.lab.test".to_owned());
        },
    ),
    server("trust.expired", "the certificate has expired", |plan| {
        plan.server.certificate = ServerCertificate::Expired;
    })
    .never(&["clock.skew"]),
    server(
        "trust.not_yet_valid",
        "the certificate is not yet valid",
        |plan| {
            plan.server.certificate = ServerCertificate::NotYetValid;
        },
    )
    .never(&["clock.skew"]),
    server(
        "trust.bad_certificate",
        "the certificate is for clients alone",
        |plan| {
            plan.server.certificate = ServerCertificate::ClientPurpose;
        },
    ),
    server("trust.weak", "the certificate ends in three days", |plan| {
        plan.server.certificate = ServerCertificate::Expiring;
    })
    .never(&["trust.expired"]),
    server(
        "clock.skew",
        "the control plane's clock and NTP are 10 minutes ahead, and its certificate a minute old",
        |plan| {
            plan.server.ahead = TimeDelta::minutes(10);
            plan.time = TimeAnswer::Ahead(TimeDelta::minutes(10));
            plan.server.certificate = ServerCertificate::JustIssued;
        },
    )
    .with(&["trust.not_yet_valid"])
    .never(&[
        "trust.expired",
        "identity.expired",
        "identity.not_yet_valid",
    ]),
    server(
        "clock.drift",
        "the control plane's clock is 2 minutes ahead, and NTP sides with the host",
        |plan| {
            plan.server.ahead = TimeDelta::minutes(2);
        },
    ),
    host(
        "clock.unsynchronized",
        "time synchronization is off",
        |plan| plan.synchronized = false,
    ),
    server(
        "health.unhealthy",
        "it says that its database is down",
        |plan| {
            plan.server.health = HealthPage::Unwell {
                http: 503,
                status: "degraded".to_owned(),
                db: "disconnected".to_owned(),
            };
        },
    )
    .never(&["health.server_error"]),
    server("health.server_error", "it answers 502", |plan| {
        plan.server.health = HealthPage::Error(502)
    }),
    server(
        "health.not_control_plane",
        "another product answers",
        |plan| plan.server.health = HealthPage::OtherProduct,
    ),
    server("health.captive_portal", "a login page answers", |plan| {
        plan.server.health = HealthPage::Portal
    })
    .never(&["health.not_control_plane"]),
    server("health.timeout", "it does not answer", |plan| {
        plan.server.health = HealthPage::Hang
    }),
    server(
        "health.closed",
        "it hangs up instead of answering",
        |plan| plan.server.health = HealthPage::HangUp,
    ),
    server("health.slow", "it takes its time", |plan| {
        plan.server.health = HealthPage::Slow(SLOW)
    })
    .never(&["health.timeout"]),
    host("identity.missing", "the agent never enrolled", |plan| {
        plan.edits
            .extend([Edit::Remove(File::Certificate), Edit::Remove(File::Key)]);
    }),
    host(
        "identity.unreadable",
        "the service runs as a user who may not read its key",
        |plan| {
            plan.unit(&[("User", "nexplane")]);
        },
    ),
    host(
        "identity.invalid",
        "the certificate file is damaged",
        |plan| {
            plan.edits.push(Edit::Write(
                File::Certificate,
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            ));
        },
    ),
    host(
        "identity.key_mismatch",
        "the key is another certificate's",
        |plan| plan.edits.push(Edit::OtherKey),
    ),
    host(
        "identity.unfinished",
        "a rotation was cut short between the new certificate and its key",
        |plan| plan.rotation = Some(CutShort::BeforeTheKey),
    )
    .never(&["identity.key_mismatch", "registration.revoked"]),
    host(
        "identity.expired",
        "the client certificate ended 40 days ago",
        |plan| {
            plan.enrolled_days_ago = 405;
        },
    )
    .never(&["clock.skew"]),
    host(
        "identity.not_yet_valid",
        "the client certificate begins tomorrow",
        |plan| {
            plan.enrolled_days_ago = -1;
        },
    ),
    host(
        "identity.expiring",
        "the client certificate ends in five days",
        |plan| {
            plan.enrolled_days_ago = 360;
        },
    ),
    host("identity.exposed", "everybody may read the key", |plan| {
        plan.edits.push(Edit::Mode(File::Key, 0o644))
    }),
    server("registration.revoked", "the agent was deleted", |plan| {
        plan.registration = Registration::Revoked
    })
    .never(&["registration.certificate_refused", "identity.expired"]),
    host(
        "registration.superseded",
        "a rotation was cut short after the new certificate's heartbeat",
        |plan| plan.rotation = Some(CutShort::BeforeBoth),
    )
    .never(&["registration.revoked", "registration.certificate_refused"]),
    server(
        "registration.certificate_refused",
        "the control plane trusts another CA's clients alone",
        |plan| {
            plan.server.clients = ClientCertificates::OfAnotherCa;
        },
    ),
    server(
        "registration.rejected",
        "the heartbeat is refused for another reason",
        |plan| {
            plan.server.agent_api.heartbeat =
                HeartbeatReply::Refused(423, "change freeze in effect".to_owned());
        },
    ),
    server(
        "registration.hostname_mismatch",
        "the agent is registered under another name",
        |plan| {
            plan.server.agent_api.heartbeat =
                HeartbeatReply::RegisteredAs("old-name-01".to_owned());
        },
    ),
    server(
        "token.used",
        "the token was used by another host, and the service crash-loops over it",
        |plan| {
            never_enrolled(plan, Token::Used);
            plan.unit(LOOPING);
            plan.journal.extend([TOKEN_USED; 3]);
        },
    )
    .with(&["service.crash_looping", "identity.missing"])
    .never(&["token.invalid", "service.failed"]),
    server("token.expired", "the token's lifetime is over", |plan| {
        never_enrolled(plan, Token::Expired)
    })
    .with(&["identity.missing"]),
    server(
        "token.invalid",
        "the control plane knows no such token",
        |plan| never_enrolled(plan, Token::Invented),
    )
    .with(&["identity.missing"])
    .never(&["token.used"]),
    host(
        "token.malformed",
        "the token is the runbook's placeholder",
        |plan| never_enrolled(plan, Token::Placeholder),
    )
    .with(&["identity.missing"]),
    server(
        "tasks.not_approved",
        "the change request awaits approval",
        |plan| request(plan).status = "awaiting_approval",
    ),
    server(
        "tasks.wrong_agent",
        "the change request is for another host",
        |plan| request(plan).for_this_host = false,
    ),
    server(
        "tasks.unknown_change_request",
        "there is no such change request",
        |plan| request(plan).exists = false,
    ),
    host("tasks.failing", "the log has task errors", |plan| {
        plan.journal
            .push("ERROR: task tsk_0042 failed: package nginx: exit status 100");
    }),
];

/// The change request that the user asks about: approved and for this host, but for what is wrong with it.
fn request(plan: &mut Plan) -> &mut ChangeRequest {
    plan.change_request.get_or_insert(ChangeRequest {
        exists: true,
        status: "approved",
        for_this_host: true,
    })
}

fn never_enrolled(plan: &mut Plan, token: Token) {
    plan.enrolled = false;
    plan.token = token;
}
