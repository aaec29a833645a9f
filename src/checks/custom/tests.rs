//! The way that a probe of the user's own takes.

use super::*;
use crate::checks::Decision;
use crate::checks::testing::{Evidence as Recording, codes, exchange, properties};
use crate::host::{Attempt, ProxySetting, Via};
use crate::model::Os;

const URL: &str = "https://other.corp:8443/ready";

fn check(claim: Claim) -> Custom {
    Custom {
        id: CheckId::from_static("mine"),
        needs: vec![CheckId::from_static("dns")],
        probe: Probe {
            claim,
            finding: Code::from_static("mine.bad"),
        },
    }
}

fn http(url: &str, way: ProbeWay) -> Custom {
    let Ok(url) = Url::parse(url) else {
        panic!("{url}");
    };
    check(Claim::Http {
        url,
        expect_status: None,
        expect_body: ExpectedBody::Any,
        way,
    })
}

/// A service with these variables in its unit.
fn service(environment: &str) -> Recording {
    let service = Service {
        properties: properties(&[("LoadState", "loaded"), ("Environment", environment)]),
        supplied: false,
    };
    let question = ServiceQuestion::agent(Os::Linux);
    Recording::default().answer("service", question, Ok::<_, Unseen>(service))
}

/// An answer to this question alone.
fn answers(recording: Recording, url: &str, via: Option<Via>) -> Recording {
    let question = FetchQuestion {
        url: url.into(),
        via,
    };
    recording.answer("fetch", question, Ok::<_, Unseen>(exchange(200, "")))
}

fn via(proxy: &str) -> Option<Via> {
    Some(Via {
        proxy: proxy.into(),
        credentials: Some(ProxySetting::Service {
            variable: "HTTPS_PROXY".into(),
        }),
        ca_cert: None,
        ssl_cert_file: None,
        ssl_cert_dir: None,
    })
}

fn noted(judgement: &Judgement) -> String {
    let notes = judgement.notes.iter().map(|note| note.value.as_str());
    notes.collect::<Vec<_>>().join("\n")
}

#[test]
fn it_goes_through_the_services_proxy() {
    let proxied = service("HTTPS_PROXY=http://u:p@10.0.0.8:3128");
    let host = answers(proxied, URL, via("http://10.0.0.8:3128"));
    let (judgement, _) = host.judge(&http(URL, ProbeWay::OfService));
    assert_eq!(codes(&judgement), [""; 0]);
    let noted = noted(&judgement);
    assert!(
        noted.contains("through the proxy http://10.0.0.8:3128, by HTTPS_PROXY"),
        "{noted}"
    );
}

#[test]
fn it_goes_directly_where_the_service_does_or_the_file_says_so() {
    let proxied = "HTTPS_PROXY=http://u:p@10.0.0.8:3128";
    let excepted = format!("{proxied} NO_PROXY=other.corp");
    for (environment, url, way, why) in [
        ("", URL, ProbeWay::OfService, "HTTPS_PROXY is not set"),
        (
            excepted.as_str(),
            URL,
            ProbeWay::OfService,
            "NO_PROXY names `other.corp`",
        ),
        (proxied, URL, ProbeWay::Direct, "`proxy: false`"),
        (
            proxied,
            "http://other.corp/",
            ProbeWay::OfService,
            "speaks HTTPS alone",
        ),
    ] {
        let host = answers(service(environment), url, None);
        let (judgement, _) = host.judge(&http(url, way));
        assert_eq!(judgement.decision, Decision::Decided, "{why}");
        let noted = noted(&judgement);
        assert!(
            noted.contains(&format!("{url}, asked directly (")) && noted.contains(why),
            "{noted}"
        );
    }
}

#[test]
fn a_way_that_leads_nowhere_is_a_failure_and_one_that_is_not_known_is_unknown() {
    let (judgement, _) =
        service("HTTPS_PROXY=http://u:hunter2#@p:1").judge(&http(URL, ProbeWay::OfService));
    assert_eq!(codes(&judgement), ["mine.bad"]);
    assert!(
        judgement.findings[0]
            .detail
            .contains("takes `http` for the proxy's name")
    );
    assert!(!format!("{judgement:?}").contains("hunter2"));
    let unseen = Service {
        properties: properties(&[("EnvironmentFiles", "/etc/x (ignore_errors=no)")]),
        supplied: false,
    };
    let question = ServiceQuestion::agent(Os::Linux);
    let host = Recording::default()
        .answer("service", question, Ok::<_, Unseen>(unseen))
        .answer(
            "read",
            ReadQuestion::new(HostPath::host("/etc/x")),
            Seen::<Content>::Err(Unseen::Denied),
        );
    let (judgement, _) = host.judge(&http(URL, ProbeWay::OfService));
    assert!(matches!(judgement.decision, Decision::Unknown(why) if why.contains("the way to")));
}

#[test]
fn a_port_is_connected_to_directly_and_that_is_said() {
    let address = SocketAddr::from(([10, 0, 0, 9], 5432));
    let race = |outcome: Seen<()>| Race {
        winner: outcome.is_ok().then_some(address),
        attempts: vec![Attempt {
            address,
            outcome,
            started_ms: 0.0,
            duration_ms: 1.0,
        }],
    };
    let tcp = || {
        check(Claim::Tcp {
            host: "10.0.0.9".into(),
            port: 5432,
        })
    };
    let question = || ConnectQuestion {
        addresses: vec![address],
    };
    let proxied = || service("HTTPS_PROXY=10.0.0.8:3128");
    let (opens, _) = proxied()
        .answer("connect", question(), race(Ok(())))
        .judge(&tcp());
    assert!(noted(&opens).contains("is open, connected to directly"));
    let closed = race(Err(Unseen::Refused));
    let (closed, _) = proxied()
        .answer("connect", question(), closed)
        .judge(&tcp());
    assert!(
        closed.findings[0]
            .detail
            .contains("does not open, connected to directly")
    );
}

#[test]
fn what_goes_as_the_service_waits_for_the_configuration() {
    let after = |check: &Custom| {
        let ids = check.collects_after().unwrap_or_default();
        ids.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(after(&http(URL, ProbeWay::OfService)), ["dns", "config"]);
    assert_eq!(after(&http(URL, ProbeWay::Direct)), [""; 0]);
}
