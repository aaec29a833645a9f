use std::time::Duration;

use super::*;
use crate::checks::testing::{Evidence as Recording, codes, properties};
use crate::checks::{Decision, environment};
use crate::host::{
    Attempt, ConnectQuestion, Content, EnvironmentQuestion, HostPath, Login, NetworkSettings, ProxySetting,
    ReadQuestion, Service, ServiceQuestion, SocksAbout, SystemProxy, TunnelEnding, TunnelQuestion, Unseen, Via, WinHttpProxy,
};
use crate::model::{Os, Target};

const CREDENTIALS: &str = "HTTPS_PROXY=http://u:hunter2@10.0.0.8:3128";

fn with(service: Seen<Service>, shell: &[(&str, &str)]) -> Recording {
    let mut target = Target::unspecified(Duration::from_secs(5));
    target.control_plane = Some("https://nexplane.corp:8000".into());
    Recording::default()
        .target(target)
        .answer("service", ServiceQuestion::agent(Os::Linux), service)
        .answer("environment", environment::question(), properties(shell))
}

fn unit(environment: &str) -> Seen<Service> {
    Ok(Service {
        properties: properties(&[("LoadState", "loaded"), ("Environment", environment)]),
        supplied: false,
    })
}

fn address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 8], 3128))
}

fn connects(recording: Recording, outcome: Seen<()>) -> Recording {
    let winner = outcome.is_ok().then(address);
    let attempt = Attempt {
        address: address(),
        outcome,
        started_ms: 0.0,
        duration_ms: 5000.0,
    };
    let race = Race {
        attempts: vec![attempt],
        winner,
    };
    let addresses = vec![address()];
    recording.answer("connect", ConnectQuestion { addresses }, race)
}

fn question(url: &str, credentials: Option<ProxySetting>) -> TunnelQuestion {
    TunnelQuestion {
        address: address(),
        via: Via {
            proxy: url.into(),
            credentials,
            ca_cert: None,
            ssl_cert_file: None,
            ssl_cert_dir: None,
        },
        host: "nexplane.corp".into(),
        port: 8000,
    }
}

/// A service with this variable, whose proxy ends the request for a tunnel like this.
fn asked(variable: &str, ending: TunnelEnding, credentials: Login) -> Judgement {
    let (_, url) = variable.split_once('=').unwrap_or_default();
    let shown = crate::contract::proxy::Proxy::parse(url).map(|proxy| proxy.to_string());
    let setting = ProxySetting::Service {
        variable: "HTTPS_PROXY".into(),
    };
    let setting = (credentials != Login::None).then_some(setting);
    let question = question(&shown.unwrap_or_default(), setting);
    let tunnel = Tunnel {
        ending,
        credentials,
        duration_ms: 1.0,
    };
    let variables = [("HTTPS_PROXY", url)];
    let host = connects(with(unit(variable), &variables), Ok(()));
    let answer: Seen<Tunnel> = Ok(tunnel);
    host.answer("tunnel", question, answer).judge(&Probe).0
}

fn refused(status: u16, headers: &[(&str, &str)]) -> TunnelEnding {
    let header = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    TunnelEnding::Refused {
        status,
        reason: "No".into(),
        headers: headers.iter().map(header).collect(),
        body: "<html><title>ERROR: denied</title>".into(),
    }
}

fn detail(judgement: &Judgement) -> &str {
    judgement
        .findings
        .first()
        .map_or("", |finding| &finding.detail)
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
    for name in ["https_proxy", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"] {
        assert!(names.contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn without_a_proxy_nothing_is_wrong() {
    let (judgement, _) = with(unit("A=b"), &[]).judge(&Probe);
    assert_eq!(judgement.decision, Decision::Decided);
    assert!(noted(&judgement).contains("none: HTTPS_PROXY is not set"));
}

#[test]
fn an_open_tunnel_passes_and_no_password_is_told() {
    let judgement = asked(CREDENTIALS, TunnelEnding::Open, Login::Given);
    assert_eq!(
        (judgement.decision.clone(), judgement.findings.clone()),
        (Decision::Decided, vec![])
    );
    assert!(noted(&judgement).contains("http://10.0.0.8:3128, by HTTPS_PROXY"));
    assert!(!format!("{judgement:?}").contains("hunter2"));
}

#[test]
fn what_is_no_answer_is_denied_or_unreachable() {
    use TunnelEnding as Ending;
    let socks = |reply: &str, about| Ending::Socks {
        reply: reply.into(),
        about,
    };
    let named = |ending, login, code: &str, words: &str| {
        let variable = match login {
            Login::None => "HTTPS_PROXY=http://10.0.0.8:3128",
            Login::Given | Login::Unreadable => CREDENTIALS,
        };
        let judgement = asked(variable, ending, login);
        assert_eq!(codes(&judgement), [code], "{words}");
        assert!(
            detail(&judgement).contains(words),
            "{}",
            detail(&judgement)
        );
        assert_eq!(
            judgement.findings[0].values[&Placeholder::Proxy],
            "http://10.0.0.8:3128"
        );
    };
    let denied = |ending, login, words| named(ending, login, "proxy.denied", words);
    let unreachable =
        |ending, words| named(ending, Login::None, "proxy.unreachable", words);
    let basic = [("proxy-authenticate", "Basic realm=\"x\"")];
    let ntlm = [
        ("proxy-authenticate", "NTLM"),
        ("proxy-authenticate", "Negotiate"),
    ];
    denied(refused(407, &basic), Login::None, "the proxy's URL has none.");
    denied(refused(407, &basic), Login::Given, "does not accept the user");
    denied(refused(407, &ntlm), Login::Given, "NTLM, Negotiate alone");
    denied(refused(403, &[]), Login::None, "HTTP 403 No. Its rules forbid");
    denied(refused(503, &[]), Login::None, "cannot reach or resolve");
    denied(refused(201, &[]), Login::None, "200 alone");
    denied(refused(418, &[]), Login::None, "HTTP 418");
    denied(
        refused(401, &[]),
        Login::Given,
        "does not accept the user",
    );
    denied(Ending::LoginWanted, Login::None, "no user and password");
    denied(Ending::LoginWanted, Login::Given, "none of the ways");
    denied(Ending::LoginRefused, Login::Given, "does not accept the user");
    denied(
        socks("connection not allowed by ruleset", SocksAbout::Proxy),
        Login::None,
        "Its rules forbid it",
    );
    denied(
        socks("connection refused", SocksAbout::Onward),
        Login::None,
        "which the proxy cannot reach",
    );
    denied(Ending::Closed, Login::None, "hangs up");
    denied(Ending::Reset, Login::None, "resets");
    unreachable(Ending::TimedOut { after_ms: 2000 }, "does not answer within 2 s");
    let why = || "x".to_owned();
    unreachable(Ending::NotAProxy { why: why() }, "no such proxy");
    unreachable(Ending::Tls { why: why() }, "Nothing was sent");
}

#[test]
fn what_could_not_be_looked_at_is_unknown() {
    let why = || "x".to_owned();
    for (ending, login) in [
        (refused(407, &[]), Login::Unreadable),
        (TunnelEnding::LoginWanted, Login::Unreadable),
        (TunnelEnding::CannotAsk { why: why() }, Login::None),
    ] {
        let judgement = asked(CREDENTIALS, ending, login);
        assert!(matches!(judgement.decision, Decision::Unknown(_)));
        assert_eq!(judgement.findings, []);
    }
    let host = with(unit(CREDENTIALS), &[]);
    let (judgement, _) = connects(host, Err(Unseen::NotRecorded)).judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
    // Connected, and nothing is recorded of the tunnel.
    let (judgement, _) = connects(with(unit(CREDENTIALS), &[]), Ok(())).judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
}

#[test]
fn a_port_that_does_not_open_is_unreachable() {
    for (unseen, words) in [
        (Unseen::Refused, "Nothing listens"),
        (Unseen::TimedOut { after_ms: 5000 }, "drops the packets"),
        (
            Unseen::Unreachable {
                error: "EHOSTUNREACH".into(),
            },
            "no way to it",
        ),
    ] {
        let (judgement, _) = connects(with(unit(CREDENTIALS), &[]), Err(unseen)).judge(&Probe);
        assert_eq!(codes(&judgement), ["proxy.unreachable"]);
        let detail = detail(&judgement);
        assert!(detail.contains(words), "{detail}");
        let because = "works for you, it fails for the service, because only the service";
        assert!(detail.contains(because), "{detail}");
        assert!(!format!("{judgement:?}").contains("hunter2"));
    }
}

#[test]
fn a_name_that_does_not_resolve_is_not_the_proxys_fault() {
    let (judgement, _) = with(unit("HTTPS_PROXY=http://proxy.corp:3128"), &[]).judge(&Probe);
    let Decision::Skipped(reason) = &judgement.decision else {
        panic!("{judgement:?}");
    };
    assert!(reason.contains("dns says why"), "{reason}");
}

#[test]
fn the_shells_proxy_does_not_count_beside_a_unit() {
    let (judgement, _) = with(unit(""), &[("https_proxy", "http://p:3128")]).judge(&Probe);
    assert_eq!(judgement.decision, Decision::Decided);
    assert!(noted(&judgement).contains("which the agent's service does not use"));
    let shell = [("https_proxy", "http://p:3128")];
    let host = connects(with(unit(CREDENTIALS), &shell), Err(Unseen::Refused));
    let (judgement, _) = host.judge(&Probe);
    assert!(detail(&judgement).contains("another proxy, http://p:3128"));
}

#[test]
fn without_a_unit_the_doctors_environment_stands_in() {
    for service in [Err(Unseen::Absent), Err(Unseen::unsupported("no systemd"))] {
        let host = with(service, &[("HTTPS_PROXY", "10.0.0.8:3128")]);
        let (judgement, _) = connects(host, Err(Unseen::Refused)).judge(&Probe);
        assert!(detail(&judgement).contains("the doctor's own environment"));
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
    for (bad, as_the_agent) in [
        ("'HTTPS_PROXY=http://u:hunter2@ bad'", "takes `http` for the proxy's name"),
        ("HTTPS_PROXY=http://u:hunter2#@p:1", "takes `http` for the proxy's name"),
        ("HTTPS_PROXY=ftp://hunter2:1", "knows no such scheme"),
        ("HTTPS_PROXY=http://hunter2:99999", "finds no port in it"),
        ("HTTPS_PROXY=u:hunter2/@p:1", "finds no host in it"),
    ] {
        let (judgement, _) = with(unit(bad), &[]).judge(&Probe);
        assert_eq!(codes(&judgement), ["proxy.unreachable"], "{bad}");
        let detail = detail(&judgement);
        assert!(detail.contains("is no URL of a proxy"), "{detail}");
        assert!(detail.contains(as_the_agent), "{detail}");
        assert!(!format!("{judgement:?}").contains("hunter2"));
    }
}

#[test]
fn what_the_agent_cannot_read_at_all_it_passes_over() {
    for bad in [
        "HTTPS_PROXY=http://u:hunter2%@p:1",
        "'HTTPS_PROXY= http://u:hunter2@p:1'",
    ] {
        let (judgement, facts) = with(unit(bad), &[]).judge(&Probe);
        assert_eq!(judgement.decision, Decision::Decided, "{bad}");
        assert_eq!(codes(&judgement), [""; 0]);
        let noted = noted(&judgement);
        assert!(noted.contains("passes it over and connects directly"), "{noted}");
        // A failure on the direct way tells it too: it is not the way that was meant.
        let failed = Finding::new(UNREACHABLE, "No way.").into();
        let way = facts.get::<Way>().cloned();
        let failed = way.map(|way| way.direct_alone(failed));
        let told = failed.map(|failed| detail(&failed).to_owned());
        assert!(told.is_some_and(|told| told.contains("connects directly, saying nothing.")));
        assert!(!noted.contains("hunter2"));
    }
}

#[test]
fn a_proxy_for_plain_http_alone_does_not_apply() {
    for (environment, applies) in [
        ("HTTP_PROXY=http://u:hunter2@p:1", false),
        ("http_proxy=p:1", false),
        ("HTTP_PROXY=p:1 HTTPS_PROXY=10.0.0.8:3128", true),
    ] {
        let host = connects(with(unit(environment), &[]), Err(Unseen::Refused));
        let (judgement, _) = host.judge(&Probe);
        let noted = noted(&judgement);
        let said = noted.contains("the agent speaks HTTPS: it does not apply");
        assert_eq!(said, !applies, "{noted}");
        assert!(!noted.contains("hunter2"));
    }
    // Without a unit, by the doctor's own environment.
    let shell = properties(&[("HTTP_PROXY", "p:1")]);
    let (judgement, _) = with(Err(Unseen::Absent), &[])
        .answer("environment", environment::of_other_schemes(), shell)
        .judge(&Probe);
    assert!(noted(&judgement).contains("HTTP_PROXY is set in the doctor's own environment"));
}

#[test]
fn whether_a_login_was_sent_is_noted_and_never_which() {
    use TunnelEnding as Ending;
    let https = "HTTPS_PROXY=https://u:hunter2@10.0.0.8:3128";
    let socks = "HTTPS_PROXY=socks5://u:hunter2@10.0.0.8:3128";
    for (variable, ending, login, words) in [
        (CREDENTIALS, Ending::Open, Login::Given, "was sent (Basic)"),
        (CREDENTIALS, refused(407, &[]), Login::Given, "was sent (Basic)"),
        (CREDENTIALS, Ending::Open, Login::Unreadable, "could not be read again"),
        (
            "HTTPS_PROXY=http://10.0.0.8:3128",
            Ending::Open,
            Login::None,
            "none is set, and none was sent",
        ),
        (
            https,
            Ending::Tls { why: "x".into() },
            Login::Given,
            "was not sent: the proxy is not trusted",
        ),
        (https, Ending::Closed, Login::Given, "before it was clear"),
        (socks, Ending::Open, Login::Given, "is sent if the proxy asks for it"),
    ] {
        let noted = noted(&asked(variable, ending, login));
        assert!(noted.contains("proxy login: ") && noted.contains(words), "{noted}");
        assert!(!noted.contains("hunter2"));
    }
    let (judgement, _) = connects(with(unit(CREDENTIALS), &[]), Err(Unseen::Refused)).judge(&Probe);
    assert!(noted(&judgement).contains("one is set, and was not sent"));
}

#[test]
fn a_file_of_the_unit_wins_and_its_credentials_are_read_there() {
    let service = Service {
        properties: properties(&[
            ("Environment", "HTTPS_PROXY=a:1"),
            ("EnvironmentFiles", "/etc/default/agent (ignore_errors=yes)"),
        ]),
        supplied: false,
    };
    let content = Content {
        text: "HTTPS_PROXY=u:p@10.0.0.8:3128\n".into(),
        invalid_utf8_at: None,
    };
    let path = HostPath::host("/etc/default/agent");
    let setting = ProxySetting::File {
        path: path.clone(),
        variable: "HTTPS_PROXY".into(),
    };
    let opened: Seen<Tunnel> = Ok(Tunnel {
        ending: TunnelEnding::Open,
        credentials: Login::Given,
        duration_ms: 1.0,
    });
    let read = ReadQuestion::new(path);
    let host = with(Ok(service), &[]).answer("read", read, Seen::Ok(content));
    let (judgement, _) = connects(host, Ok(()))
        .answer("tunnel", question("http://10.0.0.8:3128", Some(setting)), opened)
        .judge(&Probe);
    assert_eq!(judgement.decision, Decision::Decided);
}

#[test]
fn a_file_of_the_unit_that_may_not_be_read_leaves_it_open() {
    for (seen, decided) in [(Err(Unseen::Absent), true), (Err(Unseen::Denied), false)] {
        let service = Service {
            properties: properties(&[("EnvironmentFiles", "/etc/default/agent (ignore_errors=yes)")]),
            supplied: false,
        };
        let read = ReadQuestion::new(HostPath::host("/etc/default/agent"));
        let (judgement, _) = with(Ok(service), &[])
            .answer("read", read, Seen::<Content>::clone(&seen))
            .judge(&Probe);
        assert_eq!(judgement.decision == Decision::Decided, decided, "{seen:?}");
    }
}

#[test]
fn the_configurations_proxy_wins_over_everything() {
    let told = config::Told {
        proxy: crate::contract::proxy::Proxy::parse("socks5://10.0.0.8:3128"),
        control_plane: crate::contract::url::ControlPlane::parse("https://nexplane.corp:8000").ok(),
        ca_cert: None,
        own_ca: None,
        insecure: false,
        cert: HostPath::host("/c"),
        key: HostPath::host("/k"),
        path: HostPath::host("/etc/nexplane-agent/config.yaml"),
    };
    let host = with(unit("HTTPS_PROXY=a:1 NO_PROXY=*"), &[]).fact(told);
    let (judgement, _) = connects(host, Err(Unseen::Refused)).judge(&Probe);
    let detail = detail(&judgement);
    assert!(
        detail.contains("socks5://10.0.0.8:3128, by `proxy` in /etc/nexplane-agent/config.yaml,"),
        "{detail}"
    );
}

mod steps;

#[test]
fn what_the_system_itself_goes_through_is_named() {
    let windows = NetworkSettings {
        winhttp_proxy: Some(WinHttpProxy {
            proxy: "proxy.corp:3128".into(),
            bypass: String::new(),
        }),
        ..NetworkSettings::default()
    };
    let macos = NetworkSettings {
        system_proxy: Some(SystemProxy {
            https: None,
            automatic: Some("http://wpad.corp/proxy.pac".into()),
        }),
        ..NetworkSettings::default()
    };
    for (os, settings, what, begins) in [
        (Os::Windows, windows, "WinHTTP's proxy", "proxy.corp:3128: "),
        (Os::Macos, macos, "proxy of the network settings", "http://wpad.corp/proxy.pac: "),
    ] {
        let mut target = Target::unspecified(Duration::from_secs(5));
        target.control_plane = Some("https://nexplane.corp:8000".into());
        let (judgement, _) = Recording::of(os)
            .target(target)
            .answer("network_settings", (), Ok::<_, Unseen>(settings))
            .judge(&Probe);
        let note = judgement.notes.iter().find(|note| note.what == what);
        assert!(note.is_some_and(|note| note.value.starts_with(begins)), "{judgement:?}");
        assert!(codes(&judgement).is_empty());
    }
}
