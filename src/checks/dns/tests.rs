use super::*;
use crate::checks::Decision;
use crate::checks::testing::{Evidence as Recording, codes};
use crate::host::{DnsReply, EnvironmentQuestion};
use crate::model::Target;

const CONF: &str = "nameserver 10.0.0.2\n";

fn content(text: &str) -> Seen<Content> {
    Ok(Content {
        text: text.into(),
        invalid_utf8_at: None,
    })
}

/// A host that is asked for `name`, with these two files and no proxy.
fn host(name: &str, conf: Seen<Content>, hosts: &str) -> Recording {
    let mut target = Target::unspecified(std::time::Duration::from_secs(5));
    target.control_plane = Some(format!("https://{name}:8000"));
    let read = |path: &str| ReadQuestion::new(HostPath::host(path));
    Recording::default()
        .target(target)
        .answer("read", read("/etc/resolv.conf"), conf)
        .answer("read", read("/etc/hosts"), content(hosts))
}

trait Asked {
    fn says(self, server: &str, name: &str, a: Seen<DnsReply>, aaaa: Seen<DnsReply>) -> Self;
    fn system(self, name: &str, addresses: Seen<Vec<IpAddr>>) -> Self;
}

impl Asked for Recording {
    fn says(self, server: &str, name: &str, a: Seen<DnsReply>, aaaa: Seen<DnsReply>) -> Self {
        let question = |record| DnsQuestion {
            server: ip(server),
            name: name.into(),
            record,
        };
        self.answer("dns", question(RecordType::A), a).answer(
            "dns",
            question(RecordType::Aaaa),
            aaaa,
        )
    }

    fn system(self, name: &str, addresses: Seen<Vec<IpAddr>>) -> Self {
        self.answer("lookup", name, addresses)
    }
}

fn ip(text: &str) -> IpAddr {
    match text.parse() {
        Ok(ip) => ip,
        Err(error) => panic!("{text}: {error}"),
    }
}

fn reply(code: &str, addresses: &[&str]) -> Seen<DnsReply> {
    Ok(DnsReply {
        code: code.into(),
        addresses: addresses.iter().map(|text| ip(text)).collect(),
        aliases: Vec::new(),
        duration_ms: 1.5,
    })
}

fn has(addresses: &[&str]) -> Seen<DnsReply> {
    reply("NOERROR", addresses)
}

fn nx() -> Seen<DnsReply> {
    reply("NXDOMAIN", &[])
}

fn silent() -> Seen<DnsReply> {
    Err(Unseen::TimedOut { after_ms: 5000 })
}

fn addresses(facts: &Facts) -> Vec<String> {
    let resolved = facts
        .get::<Resolved>()
        .map(|resolved| resolved.addresses.clone());
    resolved
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn code_of(recording: Recording) -> Vec<String> {
    let (judgement, facts) = recording.judge(&Probe);
    let warnings = ["dns.pinned", "dns.inconsistent"];
    if codes(&judgement).iter().any(|code| !warnings.contains(code)) {
        assert!(facts.get::<Resolved>().is_none());
    }
    codes(&judgement).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_name_with_addresses_resolves_ipv6_first() {
    let (judgement, facts) = host("n.corp", content(CONF), "")
        .says(
            "10.0.0.2",
            "n.corp",
            has(&["10.0.0.5", "10.0.0.6"]),
            has(&["2001:db8::5"]),
        )
        .judge(&Probe);
    assert_eq!(judgement.findings, []);
    assert_eq!(addresses(&facts), ["2001:db8::5", "10.0.0.5", "10.0.0.6"]);
}

#[test]
fn a_literal_needs_no_dns() {
    for (literal, shown) in [("10.0.0.5", "10.0.0.5"), ("[2001:db8::5]", "2001:db8::5")] {
        let (judgement, facts) = host(literal, Err(Unseen::Absent), "").judge(&Probe);
        assert_eq!(
            (codes(&judgement).len(), judgement.decision),
            (0, Decision::Decided)
        );
        assert_eq!(addresses(&facts), [shown]);
    }
}

#[test]
fn localhost_is_what_the_hosts_file_says() {
    let (_, facts) = host("localhost", content(CONF), "127.0.0.1 localhost").judge(&Probe);
    assert_eq!(addresses(&facts), ["127.0.0.1"]);
    let (_, facts) = host("localhost", content(CONF), "").judge(&Probe);
    assert_eq!(addresses(&facts), ["::1", "127.0.0.1"]);
}

#[test]
fn each_answer_has_its_code() {
    let refused = || reply("REFUSED", &[]);
    for (a, aaaa, code) in [
        (nx(), nx(), "dns.not_found"),
        (nx(), silent(), "dns.not_found"),
        (has(&[]), has(&[]), "dns.no_address"),
        (has(&[]), reply("SERVFAIL", &[]), "dns.server_failure"),
        (has(&[]), silent(), "dns.timeout"),
        (refused(), refused(), "dns.server_failure"),
        (refused(), silent(), "dns.server_failure"),
        (
            Err(Unseen::malformed("cut short")),
            silent(),
            "dns.server_failure",
        ),
        (silent(), silent(), "dns.timeout"),
        (Err(Unseen::Refused), Err(Unseen::Refused), "dns.timeout"),
    ] {
        let recording = host("n.corp", content(CONF), "").says("10.0.0.2", "n.corp", a, aaaa);
        assert_eq!(code_of(recording), [code]);
    }
}

#[test]
fn among_nameservers_the_better_answer_counts() {
    let conf = "nameserver 10.0.0.2\nnameserver 10.0.0.3\n";
    let two = |first: Seen<DnsReply>, second: Seen<DnsReply>| {
        host("n.corp", content(conf), "")
            .says("10.0.0.2", "n.corp", first.clone(), first)
            .says("10.0.0.3", "n.corp", second.clone(), second)
    };
    let failing = || reply("SERVFAIL", &[]);
    for (first, second, code) in [
        (nx(), has(&["10.0.0.5"]), None),
        (silent(), nx(), Some("dns.not_found")),
        (nx(), has(&[]), Some("dns.no_address")),
        (failing(), nx(), Some("dns.not_found")),
        (failing(), silent(), Some("dns.server_failure")),
    ] {
        let codes: Vec<&str> = code.into_iter().chain(["dns.inconsistent"]).collect();
        assert_eq!(code_of(two(first, second)), codes);
    }
    let refused = reply("REFUSED", &[]);
    assert_eq!(code_of(two(failing(), refused)), ["dns.server_failure"]);
}

/// What is said of two nameservers that give these answers for the IPv4 address; neither knows an IPv6 one.
fn of_two(options: &str, first: Seen<DnsReply>, second: Seen<DnsReply>) -> Judgement {
    let conf = format!("nameserver 10.0.0.2\nnameserver 10.0.0.3\noptions {options}\n");
    let recording = host("n.corp", content(&conf), "")
        .says("10.0.0.2", "n.corp", first, has(&[]))
        .says("10.0.0.3", "n.corp", second, has(&[]));
    recording.judge(&Probe).0
}

#[test]
fn an_order_or_a_share_of_a_longer_list_is_no_disagreement() {
    for second in [
        has(&["10.0.0.6", "10.0.0.5"]),
        has(&["10.0.0.5"]),
        has(&["10.0.0.5", "10.0.0.7"]),
    ] {
        let judgement = of_two("", has(&["10.0.0.5", "10.0.0.6"]), second);
        assert_eq!(judgement.findings, []);
    }
    let judgement = of_two("", has(&["10.0.0.5"]), has(&["10.0.0.6"]));
    assert_eq!(codes(&judgement), ["dns.inconsistent"]);
    assert_eq!(judgement.findings[0].values[&Placeholder::Nameserver], "10.0.0.3");
}

#[test]
fn who_differs_is_named_with_what_the_agent_notices() {
    let known = || has(&["10.0.0.5"]);
    for (options, first, second, odd, noticed) in [
        ("timeout:2", silent(), known(), "10.0.0.2", "waits for what is silent, up to 2 s"),
        ("", known(), silent(), "10.0.0.3", "asks 10.0.0.2 first"),
        ("", Err(Unseen::Refused), known(), "10.0.0.2", "goes on at once"),
        ("", reply("SERVFAIL", &[]), known(), "10.0.0.2", "goes on at once"),
        ("", nx(), known(), "10.0.0.2", "does not resolve"),
        ("", known(), nx(), "10.0.0.3", "takes its answer"),
        ("rotate", nx(), known(), "10.0.0.2", "from lookup to lookup"),
    ] {
        let judgement = of_two(options, first, second);
        assert_eq!(codes(&judgement), ["dns.inconsistent"]);
        let finding = &judgement.findings[0];
        assert_eq!(finding.values[&Placeholder::Nameserver], odd);
        assert!(finding.detail.contains(noticed), "{}", finding.detail);
    }
}

#[test]
fn a_type_of_record_that_one_of_them_does_not_have_is_a_disagreement() {
    let conf = "nameserver 10.0.0.2\nnameserver 10.0.0.3\n";
    let recording = host("n.corp", content(conf), "")
        .says("10.0.0.2", "n.corp", has(&["10.0.0.5"]), has(&["2001:db8::5"]))
        .says("10.0.0.3", "n.corp", has(&["10.0.0.5"]), has(&[]));
    let (judgement, facts) = recording.judge(&Probe);
    assert_eq!(codes(&judgement), ["dns.inconsistent"]);
    assert!(judgement.findings[0].detail.contains("AAAA"));
    assert_eq!(addresses(&facts), ["2001:db8::5", "10.0.0.5"]);
}

#[test]
fn what_is_said_of_a_type_that_nobody_has_is_no_disagreement() {
    let conf = "nameserver 10.0.0.2\nnameserver 10.0.0.3\n";
    for none in [reply("REFUSED", &[]), nx()] {
        let recording = host("n.corp", content(conf), "")
            .says("10.0.0.2", "n.corp", has(&["10.0.0.5"]), has(&[]))
            .says("10.0.0.3", "n.corp", has(&["10.0.0.5"]), none);
        assert_eq!(code_of(recording), [""; 0]);
    }
}

#[test]
fn a_nameserver_that_answers_for_ipv4_alone_makes_lookups_slow() {
    let (judgement, facts) = host("n.corp", content(CONF), "")
        .says("10.0.0.2", "n.corp", has(&["10.0.0.5"]), silent())
        .judge(&Probe);
    assert_eq!(judgement.findings, []);
    assert_eq!(addresses(&facts), ["10.0.0.5"]);
    let slow = judgement.notes.iter().find(|note| note.what == "slow lookups");
    assert!(slow.is_some_and(|note| note.value.contains("AAAA")));
}

#[test]
fn a_nameserver_that_could_not_be_asked_disagrees_with_nobody() {
    let judgement = of_two("", has(&["10.0.0.5"]), Err(Unseen::unsupported("not here")));
    assert_eq!(judgement.findings, []);
}

#[test]
fn an_answer_that_nobody_recorded_is_unknown() {
    let (judgement, _) = host("n.corp", content(CONF), "").judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
    assert_eq!(codes(&judgement), [""; 0]);
}

#[test]
fn without_a_nameserver_this_host_itself_is_asked() {
    for conf in [content("search corp\n"), Err(Unseen::Absent)] {
        let nobody = || Err(Unseen::Refused);
        let recording =
            host("n.corp", conf.clone(), "").says("127.0.0.1", "n.corp", nobody(), nobody());
        assert_eq!(code_of(recording), ["dns.no_nameserver"]);
        let recording =
            host("n.corp", conf, "").says("127.0.0.1", "n.corp", has(&["10.0.0.5"]), has(&[]));
        assert_eq!(code_of(recording), [""; 0]);
    }
    let (judgement, _) = host("n.corp", Err(Unseen::Denied), "")
        .says("127.0.0.1", "n.corp", silent(), silent())
        .judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
}

#[test]
fn the_search_list_completes_a_short_name() {
    let conf = "nameserver 10.0.0.2\nsearch a.test corp\n";
    let (judgement, facts) = host("nexplane", content(conf), "")
        .says("10.0.0.2", "nexplane.a.test", nx(), nx())
        .says("10.0.0.2", "nexplane.corp", has(&["10.0.0.5"]), has(&[]))
        .judge(&Probe);
    assert_eq!(judgement.findings, []);
    assert_eq!(addresses(&facts), ["10.0.0.5"]);
}

#[test]
fn a_name_that_fails_everywhere_is_judged_as_it_is_tried_first() {
    let conf = "nameserver 10.0.0.2\nsearch corp\n";
    let recording = host("n.corp", content(conf), "")
        .says("10.0.0.2", "n.corp", silent(), silent())
        .says("10.0.0.2", "n.corp.corp", nx(), nx());
    assert_eq!(code_of(recording), ["dns.timeout"]);
}

#[test]
fn the_system_resolver_is_the_second_witness() {
    let (judgement, facts) = host("printer.local", content(CONF), "")
        .says("10.0.0.2", "printer.local", nx(), nx())
        .system("printer.local", Ok(vec![ip("10.0.0.9")]))
        .judge(&Probe);
    assert_eq!(judgement.findings, []);
    assert_eq!(addresses(&facts), ["10.0.0.9"]);
    let recording = host("n.corp", content(CONF), "")
        .says("10.0.0.2", "n.corp", nx(), nx())
        .system("n.corp", Err(Unseen::Absent));
    assert_eq!(code_of(recording), ["dns.not_found"]);
}

#[test]
fn with_another_root_the_running_resolver_is_no_witness() {
    let recording = host("n.corp", content(CONF), "")
        .says("10.0.0.2", "n.corp", nx(), nx())
        .system("n.corp", Ok(vec![ip("10.0.0.9")]))
        .foreign_root();
    assert_eq!(code_of(recording), ["dns.not_found"]);
}

#[test]
fn the_hosts_file_wins_and_is_named_only_where_it_differs() {
    let hosts = "10.9.9.9 n.corp";
    let dns = |a: Seen<DnsReply>| {
        host("n.corp", content(CONF), hosts).says("10.0.0.2", "n.corp", a, has(&[]))
    };
    let (judgement, facts) = dns(has(&["10.0.0.5"])).judge(&Probe);
    assert_eq!(codes(&judgement), ["dns.pinned"]);
    assert_eq!(addresses(&facts), ["10.9.9.9"]);
    for agrees in [has(&["10.0.0.5", "10.9.9.9"]), nx(), silent()] {
        let (judgement, facts) = dns(agrees).judge(&Probe);
        assert_eq!(judgement.findings, []);
        assert_eq!(addresses(&facts), ["10.9.9.9"]);
    }
}

#[test]
fn behind_a_proxy_its_name_is_the_one_to_resolve() {
    let question: EnvironmentQuestion = crate::checks::environment::question();
    let shell =
        crate::checks::testing::properties(&[("HTTPS_PROXY", "http://u:p@proxy.corp:3128")]);
    let (judgement, facts) = host("hidden.corp", content(CONF), "")
        .answer("environment", question, shell)
        .says("10.0.0.2", "proxy.corp", has(&["10.0.0.8"]), has(&[]))
        .judge(&Probe);
    assert_eq!(judgement.findings, []);
    assert_eq!(addresses(&facts), ["10.0.0.8"]);
}

#[test]
fn a_shell_that_goes_through_a_proxy_explains_why_it_works_there() {
    let service = crate::host::Service {
        properties: crate::checks::testing::properties(&[("LoadState", "loaded")]),
        supplied: false,
    };
    let shell = crate::checks::testing::properties(&[("HTTPS_PROXY", "http://u:p@proxy.corp:3128")]);
    let question = crate::host::ServiceQuestion::agent(Os::Linux);
    let (judgement, _) = host("hidden.corp", content(CONF), "")
        .answer("environment", crate::checks::environment::question(), shell)
        .answer("service", question, Ok::<_, Unseen>(service))
        .says("10.0.0.2", "hidden.corp", nx(), nx())
        .system("hidden.corp", Err(Unseen::Absent))
        .judge(&Probe);
    let detail = &judgement.findings[0].detail;
    assert!(
        detail.contains("works for you, it fails for the service, because this shell goes through the proxy http://proxy.corp:3128"),
        "{detail}"
    );
}

#[test]
fn without_a_control_plane_there_is_nothing_to_resolve() {
    let (judgement, _) = Recording::default().judge(&Probe);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
}

#[test]
fn a_missing_name_says_who_answered_what() {
    let (judgement, _) = host("n.corp", content(CONF), "")
        .says("10.0.0.2", "n.corp", nx(), nx())
        .system("n.corp", Err(Unseen::Absent))
        .judge(&Probe);
    let finding = &judgement.findings[0];
    assert_eq!(
        finding.detail,
        "`n.corp` does not exist: 10.0.0.2 answered NXDOMAIN."
    );
    assert_eq!(finding.evidence.len(), 3);
    assert_eq!(finding.values[&Placeholder::Nameserver], "10.0.0.2");
}
