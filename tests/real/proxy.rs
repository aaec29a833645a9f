//! Proxies that are not ours on the way to a control plane that is well, by the environment of the shell, of the service,
//! and by the configuration.

use std::time::Duration;

use crate::harness::{Agent, Curl, Diagnosis, Doctor, HOSTNAME, Pki, Place, Scene, Server, Site};
use crate::harness::{SystemdBox, World, ago, curl, curl_through, dig, forbidding_dante, haproxy};
use crate::harness::{microsocks, nginx, silence, tinyproxy, tls_before, unbound};

const PROXY: u16 = 3128;
const PASSWORD: &str = "hunter2-pr0xy";
/// The same user and password as in [`LOGIN`], as HTTP sends them.
const BASIC: &str = "dXNlcjpodW50ZXIyLXByMHh5";
const LOGIN: &str = "user:hunter2-pr0xy";
const ACCOUNT: &str = "BasicAuth user hunter2-pr0xy";

/// An enrolled agent, and a control plane that knows it.
fn scene() -> Scene {
    let pki = Pki::new();
    let site = Site::control_plane(pki.leaf().make(), &pki);
    Scene::new(&Agent::enrolled(&pki), &site)
}

fn url(scheme: &str, login: &str) -> String {
    let at = if login.is_empty() { "" } else { "@" };
    format!("{scheme}://{login}{at}127.0.0.1:{PROXY}")
}

/// A run whose shell has this proxy, with everything printed that can be.
fn diagnose(place: &Place, proxy: &str) -> Diagnosis {
    Doctor::at(place)
        .args(&["-vv"])
        .env("HTTPS_PROXY", proxy)
        .diagnose()
}

/// Everything is well, through the proxy.
fn all_is_well(diagnosis: &Diagnosis) {
    diagnosis
        .found_no_error()
        .check("proxy", "pass")
        .check("dns", "pass")
        .check("tcp", "pass")
        .check("tls", "pass")
        .check("trust", "pass")
        .check("health", "pass")
        .check("registration", "pass")
        .does_not_print(PASSWORD)
        .does_not_print(BASIC);
}

/// The proxy alone is to blame; nothing behind it is.
fn blames_the_proxy(diagnosis: &Diagnosis, code: &str, names: &str) {
    diagnosis
        .failed_because(&[code])
        .names(code, names)
        .check("proxy", "fail")
        .check("dns", "pass")
        .check("tcp", "blocked")
        .check("registration", "blocked")
        .does_not_print(PASSWORD)
        .does_not_print(BASIC);
}

#[test]
fn an_http_proxy_that_lets_everybody_through() {
    let world = scene();
    let proxy = tinyproxy(&world, PROXY, "");
    assert_eq!(curl_through(&world, &url("http", "")), Curl::Answer(200));
    let before = proxy
        .output()
        .matches("CONNECT cp.nexplane.test:8000")
        .count();
    all_is_well(&diagnose(&world, &url("http", "")));
    let after = proxy
        .output()
        .matches("CONNECT cp.nexplane.test:8000")
        .count();
    // The diagnostic connection and the strict one.
    assert_eq!(after - before, 2, "{}", proxy.output());

    // Left out, it is gone through all the same.
    Doctor::at(&world)
        .args(&["--skip", "proxy"])
        .env("HTTPS_PROXY", &url("http", ""))
        .diagnose()
        .found_no_error()
        .check("tls", "pass")
        .check("health", "pass")
        .check("registration", "pass");
}

#[test]
fn a_proxy_at_an_address_that_is_one_on_an_interface_alone() {
    let world = scene();
    world.shell(
        "ip link add zone0 type veth peer name zone1
         ip -6 address add fe80::7/64 dev zone0 nodad
         ip link set zone0 up; ip link set zone1 up",
    );
    let _proxy = tinyproxy(&world, PROXY, "Listen ::");
    let zoned = |zone: &str| format!("http://[fe80::7%{zone}]:{PROXY}");
    assert_eq!(curl_through(&world, &zoned("25zone0")), Curl::Answer(200));
    all_is_well(&diagnose(&world, &zoned("25zone0")));
    let check = |proxy: String| {
        let mut command = world.command(env!("CARGO_BIN_EXE_nexplane-agent"));
        command.arg("check").env("HTTPS_PROXY", proxy);
        crate::harness::ended(command)
    };
    check(zoned("25zone0")).with(0, "All checks passed.");
    // On an interface that is not there it is nobody's address.
    diagnose(&world, &zoned("25zone9")).failed_because(&["proxy.unreachable"]);
    check(zoned("25zone9")).with(1, "control plane connectivity... FAILED");
    // As people write it, it is no URL: the agent goes without a proxy.
    diagnose(&world, &zoned("zone0")).found_no_error();
}

#[test]
fn an_http_proxy_that_wants_a_password() {
    let world = scene();
    let _proxy = tinyproxy(&world, PROXY, ACCOUNT);
    assert_eq!(curl_through(&world, &url("http", "")), Curl::NoAnswer);
    assert_eq!(curl_through(&world, &url("http", LOGIN)), Curl::Answer(200));
    blames_the_proxy(&diagnose(&world, &url("http", "")), "proxy.denied", "407");
    let wrong = diagnose(&world, &url("http", "user:wr0ng-pr0xy"));
    blames_the_proxy(&wrong, "proxy.denied", "does not accept the user");
    wrong.does_not_print("wr0ng-pr0xy");
    all_is_well(&diagnose(&world, &url("http", LOGIN)));
}

#[test]
fn an_http_proxy_that_wants_a_login_which_the_agent_cannot_do() {
    let world = scene();
    let _proxy = haproxy(
        &world,
        PROXY,
        " mode http\n http-request return status 407 hdr Proxy-Authenticate Negotiate hdr Proxy-Authenticate NTLM",
    );
    assert_eq!(curl_through(&world, &url("http", "")), Curl::NoAnswer);
    let diagnosis = diagnose(&world, &url("http", LOGIN));
    blames_the_proxy(&diagnosis, "proxy.denied", "the agent knows only Basic");
}

#[test]
fn an_http_proxy_whose_rules_forbid_the_port() {
    let world = scene();
    let _proxy = tinyproxy(&world, PROXY, "ConnectPort 443");
    assert_eq!(curl_through(&world, &url("http", "")), Curl::NoAnswer);
    blames_the_proxy(&diagnose(&world, &url("http", "")), "proxy.denied", "403");
}

#[test]
fn a_proxy_that_cannot_reach_the_control_plane() {
    let world = World::new();
    Agent::enrolled(&Pki::new()).install(&world);
    let _nameserver = unbound(&world, &["127.0.0.1"]);
    {
        let _proxy = tinyproxy(&world, PROXY, "");
        assert_eq!(curl_through(&world, &url("http", "")), Curl::NoAnswer);
        blames_the_proxy(
            &diagnose(&world, &url("http", "")),
            "proxy.denied",
            "HTTP 50",
        );
    }
    let _proxy = microsocks(&world, PROXY, &[]);
    assert_eq!(curl_through(&world, &url("socks5h", "")), Curl::NoTunnel);
    let diagnosis = diagnose(&world, &url("socks5h", ""));
    blames_the_proxy(&diagnosis, "proxy.denied", "which the proxy cannot reach");
}

#[test]
fn a_proxy_whose_port_is_closed() {
    let world = scene();
    assert_eq!(curl_through(&world, &url("http", "")), Curl::NoConnection);
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let diagnosis = diagnose(&world, &url(scheme, LOGIN));
        blames_the_proxy(&diagnosis, "proxy.unreachable", "HTTPS_PROXY");
    }
}

#[test]
fn a_proxy_that_accepts_and_says_nothing() {
    let world = scene();
    let _proxy = silence(&world, PROXY);
    assert_eq!(curl_through(&world, &url("http", "")), Curl::Timeout);
    for scheme in ["http", "socks5", "https"] {
        let diagnosis = diagnose(&world, &url(scheme, ""));
        blames_the_proxy(&diagnosis, "proxy.unreachable", "does not answer within");
        diagnosis.within(Duration::from_secs(10));
    }
}

#[test]
fn a_web_server_where_the_proxy_should_be() {
    let world = scene();
    let web = "http://127.0.0.1:8000";
    // It answers what is no TLS with HTTP 400.
    assert_eq!(curl_through(&world, web), Curl::NoAnswer);
    blames_the_proxy(&diagnose(&world, web), "proxy.denied", "400");
}

#[test]
fn a_proxys_name_that_does_not_exist_is_the_names_fault() {
    let world = scene();
    let proxy = "http://proxy.missing.test:3128";
    assert_eq!(dig(&world, "127.0.0.53", "proxy.missing.test"), "NXDOMAIN");
    assert_eq!(curl_through(&world, proxy), Curl::NoProxyName);
    diagnose(&world, proxy)
        .failed_because(&["dns.not_found"])
        .names("dns.not_found", "proxy.missing.test")
        .check("proxy", "skipped");
}

#[test]
fn a_proxy_that_is_spoken_to_over_tls() {
    let pki = Pki::new();
    let site = Site::control_plane(pki.leaf().make(), &pki);
    let world = Scene::new(&Agent::enrolled(&pki), &site);
    let _inner = tinyproxy(&world, 3129, ACCOUNT);
    let proxy = format!("https://{LOGIN}@localhost:{PROXY}");
    {
        let leaf = pki.leaf().names(&["localhost"]).make();
        let _tls = tls_before(&world, PROXY, &leaf, 3129);
        assert_eq!(curl_through(&world, &proxy), Curl::Answer(200));
        all_is_well(&diagnose(&world, &proxy));
    }
    let stranger = Pki::new().leaf().names(&["localhost"]).make();
    let _tls = tls_before(&world, PROXY, &stranger, 3129);
    assert_eq!(curl_through(&world, &proxy), Curl::Untrusted);
    blames_the_proxy(
        &diagnose(&world, &proxy),
        "proxy.unreachable",
        "Nothing was sent to it",
    );
}

#[test]
fn socks_proxies() {
    let world = scene();
    {
        let _open = microsocks(&world, PROXY, &[]);
        for scheme in ["socks5", "socks5h"] {
            all_is_well(&diagnose(&world, &url(scheme, "")));
            all_is_well(&diagnose(&world, &url(scheme, LOGIN)));
        }
    }
    {
        let _locked = microsocks(&world, PROXY, &["-u", "user", "-P", PASSWORD]);
        assert_eq!(
            curl_through(&world, &url("socks5h", LOGIN)),
            Curl::Answer(200)
        );
        all_is_well(&diagnose(&world, &url("socks5h", LOGIN)));
        let without = diagnose(&world, &url("socks5", ""));
        blames_the_proxy(&without, "proxy.denied", "has no user and password");
        let wrong = diagnose(&world, &url("socks5", "user:wr0ng-pr0xy"));
        blames_the_proxy(&wrong, "proxy.denied", "does not accept the user");
        wrong.does_not_print("wr0ng-pr0xy");
    }
    let _forbidding = forbidding_dante(&world, PROXY);
    assert_eq!(curl_through(&world, &url("socks5h", "")), Curl::NoTunnel);
    let diagnosis = diagnose(&world, &url("socks5h", ""));
    blames_the_proxy(&diagnosis, "proxy.denied", "not allowed by ruleset");
}

#[test]
fn what_lies_behind_a_proxy_is_seen_through_it() {
    let pki = Pki::new();
    let day = Duration::from_secs(86_400);
    let expired = pki.leaf().valid(ago(30 * day), ago(day)).make();
    let world = Scene::new(&Agent::enrolled(&pki), &Site::control_plane(expired, &pki));
    let _proxy = tinyproxy(&world, PROXY, "");
    assert_eq!(curl_through(&world, &url("http", "")), Curl::Untrusted);
    diagnose(&world, &url("http", ""))
        .failed_because(&["trust.expired"])
        .check("proxy", "pass")
        .check("health", "pass");
}

#[test]
fn an_untrusted_peer_behind_a_proxy_gets_one_anonymous_question() {
    const TOKEN: &str = "nxe_u4hT0kQ9xN2vB7mZ1cR8sL5wY3eJ6gA0dF4pK7iO2qU";
    let (ours, theirs) = (Pki::new(), Pki::new());
    let site = Site::healthy(theirs.leaf().make()).asks_for_certificates_of(&theirs);
    let world = Scene::new(&Agent::enrolled(&ours), &site);
    let proxy = tinyproxy(&world, PROXY, "");
    assert_eq!(curl_through(&world, &url("http", "")), Curl::Untrusted);
    let asked = |proxy: &Server| proxy.output().matches("CONNECT cp.nexplane.test").count();
    let before = asked(&proxy);
    Doctor::at(&world)
        .args(&["--token", TOKEN, "--change-request", "cr_42"])
        .env("NEXPLANE_API_TOKEN", "api-t0ken-of-the-lab")
        .env("HTTPS_PROXY", &url("http", ""))
        .diagnose()
        .failed_because(&["trust.unknown_authority"]);
    // The strict connection came as far as the certificate, and went no further.
    assert!(asked(&proxy) - before >= 2, "{}", proxy.output());
    let seen = world.web.output();
    let requests: Vec<&str> = seen.lines().filter(|l| l.starts_with("seen: ")).collect();
    assert_eq!(
        requests,
        ["seen: GET /health HTTP/1.1 | certificate: - | authorization: -"],
        "{seen}"
    );
}

#[test]
fn no_proxy_makes_exceptions_as_the_agent_does() {
    let world = scene();
    let with = |no_proxy: &str, control_plane: &str| {
        Doctor::at(&world)
            .args(&["--control-plane", control_plane])
            .env("HTTPS_PROXY", &url("http", ""))
            .env("NO_PROXY", no_proxy)
            .diagnose()
    };
    let name = "https://cp.nexplane.test:8000";
    for no_proxy in [
        "cp.nexplane.test",
        "NEXPLANE.test",
        ".nexplane.test",
        "*.nexplane.test",
        "other.test, cp.nexplane.test:8000",
        "*",
    ] {
        all_is_well(&with(no_proxy, name));
    }
    for no_proxy in [
        "cp.nexplane.test:443",
        ".cp.nexplane.test",
        "plane.test",
        "127.0.0.1",
    ] {
        blames_the_proxy(
            &with(no_proxy, name),
            "proxy.unreachable",
            "no connection to it opens",
        );
    }
    // An address that is not this host's loopback: that one never goes through a proxy.
    world.shell("ip address add 198.51.100.7/32 dev lo");
    let address = "https://198.51.100.7:8000";
    for no_proxy in ["198.51.100.0/24", "198.51.100.7", "198.51.100.7:8000"] {
        with(no_proxy, address)
            .failed_because(&["trust.name_mismatch"])
            .check("proxy", "pass");
    }
    for no_proxy in ["198.51.101.0/24", "198.51.100.7:443", "cp.nexplane.test"] {
        with(no_proxy, address).failed_because(&["proxy.unreachable"]);
    }
    with("", "https://127.0.0.1:8000").check("proxy", "pass");
}

#[test]
fn the_configurations_proxy_wins_over_the_environments() {
    let pki = Pki::new();
    let site = Site::control_plane(pki.leaf().make(), &pki);
    let agent = Agent::enrolled(&pki).configured(&format!("proxy: {}", url("http", LOGIN)));
    let world = Scene::new(&agent, &site);
    let diagnose = || {
        Doctor::at(&world)
            .args(&["-vv"])
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("NO_PROXY", "*")
            .diagnose()
    };
    blames_the_proxy(&diagnose(), "proxy.unreachable", "`proxy` in");
    let proxy = tinyproxy(&world, PROXY, ACCOUNT);
    all_is_well(&diagnose());

    // The agent's own check takes the same way.
    let before = proxy
        .output()
        .matches("CONNECT cp.nexplane.test:8000")
        .count();
    let said = world
        .command(env!("CARGO_BIN_EXE_nexplane-agent"))
        .arg("check")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.contains(&format!("(registered as {HOSTNAME})\nAll checks passed.")),
        "{said}"
    );
    let after = proxy
        .output()
        .matches("CONNECT cp.nexplane.test:8000")
        .count();
    assert_eq!(after - before, 2, "{}", proxy.output());
}

#[test]
fn the_agents_own_check_goes_through_the_environments_proxy() {
    let world = scene();
    let check = |no_proxy: &str| {
        let said = world
            .command(env!("CARGO_BIN_EXE_nexplane-agent"))
            .arg("check")
            .env("HTTPS_PROXY", url("socks5", ""))
            .env("NO_PROXY", no_proxy)
            .output()
            .unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    assert!(
        check("").contains("no connection to the proxy"),
        "{}",
        check("")
    );
    assert!(check("nexplane.test").ends_with("All checks passed.\n"));
    let _proxy = microsocks(&world, PROXY, &[]);
    assert!(check("").ends_with("All checks passed.\n"), "{}", check(""));
}

#[test]
fn a_check_of_the_users_own_goes_the_way_of_the_service() {
    let world = scene();
    let proxy = tinyproxy(&world, PROXY, ACCOUNT);
    // What the user's own checks trust is what the system trusts.
    world.shell("cp /etc/nexplane-agent/ca.crt /etc/ssl/certs/ca-certificates.crt");
    let write = |name: &str, probe: &str| {
        let text = format!(
            "id: {name}\ntitle: x\nsummary: x\nsymptoms: [offline]\nneeds: []\nuses: []\nprobe: {probe}\n\
             findings:\n  {name}.bad:\n    severity: error\n    title: x\n    explanation: x\n    how: x\n    \
             explained_by: []\n    remedy: {{text: x, steps: [{{text: x}}]}}\n"
        );
        world.put(&format!("/root/checks/{name}.yaml"), "0644", &text);
    };
    let health = "url: 'https://cp.nexplane.test:8000/health', expect_json: {status: ok}";
    write("asked", &format!("{{kind: http, {health}}}"));
    write("direct", &format!("{{kind: http, {health}, proxy: false}}"));
    write("port", "{kind: tcp, host: cp.nexplane.test, port: 8000}");
    let connects = || {
        proxy
            .output()
            .matches("CONNECT cp.nexplane.test:8000")
            .count()
    };
    let run = |login: &str| {
        Doctor::at(&world)
            .args(&[
                "-vv",
                "--checks",
                "/root/checks",
                "--only",
                "asked",
                "direct",
                "port",
            ])
            .env("HTTPS_PROXY", &url("http", login))
            .diagnose()
    };
    let before = connects();
    run(LOGIN)
        .found_no_error()
        .check("asked", "pass")
        .notes(
            "asked",
            &format!("through the proxy http://127.0.0.1:{PROXY}, by HTTPS_PROXY"),
        )
        .check("direct", "pass")
        .notes("direct", "directly (`proxy: false`)")
        .check("port", "pass")
        .notes("port", "connected to directly")
        .does_not_print(PASSWORD)
        .does_not_print(BASIC);
    assert_eq!(connects() - before, 1, "{}", proxy.output());
    run("user:wr0ng-pr0xy")
        .failed_because(&["asked.bad"])
        .names("asked.bad", "through the proxy")
        .names("asked.bad", "refuses the tunnel: 40")
        .check("direct", "pass")
        .does_not_print("wr0ng-pr0xy");
}

/// A box whose agent runs as a service with these lines in its unit.
fn boot(service: &str) -> (SystemdBox, [Server; 2]) {
    let machine = SystemdBox::new();
    let pki = Pki::new();
    let servers = [
        unbound(&machine, &["127.0.0.1"]),
        nginx(&machine, &Site::control_plane(pki.leaf().make(), &pki)),
    ];
    Agent::enrolled(&pki).service(service).install(&machine);
    assert_eq!(curl(&machine), Curl::Answer(200));
    machine.put(
        "/etc/default/nexplane-agent",
        "0600",
        &format!("HTTPS_PROXY=\"{}\"\n", url("http", LOGIN)),
    );
    machine.systemctl("daemon-reload");
    machine.systemctl("enable --now --quiet nexplane-agent");
    machine.until_service("ActiveState", |state| state == "active");
    (machine, servers)
}

#[test]
fn a_proxy_that_only_the_service_has() {
    let (machine, _servers) = boot(&format!("Environment=HTTPS_PROXY={}", url("http", LOGIN)));
    let diagnosis = Doctor::at(&machine).args(&["-vv"]).diagnose();
    blames_the_proxy(&diagnosis, "proxy.unreachable", "works for you");
    diagnosis.names("proxy.unreachable", "fails for the service");
    {
        let _proxy = tinyproxy(&machine, PROXY, "BasicAuth other password");
        let diagnosis = Doctor::at(&machine).args(&["-vv"]).diagnose();
        blames_the_proxy(&diagnosis, "proxy.denied", "does not accept the user");
    }
    let _proxy = tinyproxy(&machine, PROXY, ACCOUNT);
    all_is_well(&Doctor::at(&machine).args(&["-vv"]).diagnose());
}

#[test]
fn a_proxy_that_only_the_shell_has() {
    let (machine, servers) = boot("");
    all_is_well(&diagnose(&machine, &url("http", LOGIN)));
    let [nameserver, web] = servers;
    drop(web);
    diagnose(&machine, &url("http", LOGIN))
        .failed_because(&["tcp.refused"])
        .names(
            "tcp.refused",
            "it fails for the service, because this shell",
        )
        .does_not_print(PASSWORD);
    drop(nameserver);
    diagnose(&machine, &url("http", LOGIN))
        .failed_because(&["dns.timeout"])
        .names(
            "dns.timeout",
            "it fails for the service, because this shell",
        );
}

#[test]
fn a_proxy_by_a_file_of_the_unit_and_an_exception_by_the_unit() {
    let file = "EnvironmentFile=/etc/default/nexplane-agent";
    let (machine, _servers) = boot(file);
    let _proxy = tinyproxy(&machine, PROXY, ACCOUNT);
    all_is_well(&Doctor::at(&machine).args(&["-vv"]).diagnose());

    let (machine, _servers) = boot(&format!("{file}\nEnvironment=NO_PROXY=.nexplane.test"));
    all_is_well(&Doctor::at(&machine).args(&["-vv"]).diagnose());
}
