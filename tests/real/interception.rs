//! Products that decrypt TLS on its way, at work on a router between agent and control plane: named, trusted or not, and
//! trusted with nothing.

use std::ops::Deref;

use crate::harness::{
    AGENT_ID, Agent, Curl, Diagnosis, Doctor, INTERCEPTOR_PORT, Interceptor, Leaf, Pki, Place,
    Reached, Routed, SERVER_V4, Scene, Server, Site, SystemdBox, Upstream, curl, curl_through,
    mitmproxy, nginx, squid, unbound,
};

const TOKEN: &str = "nxe_u4hT0kQ9xN2vB7mZ1cR8sL5wY3eJ6gA0dF4pK7iO2qU";
const API_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJsYWIifQ.c2lnbmF0dXJl";

/// Whether the agent has the product's CA for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agents {
    Trusting,
    Distrusting,
}

/// An agent, a router that diverts it, and a control plane that is well behind that.
struct Diverted {
    net: Routed,
    product: Interceptor,
    _servers: [Server; 2],
}

impl Deref for Diverted {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.net.agent
    }
}

impl Diverted {
    fn until_said(&self, what: &str) -> String {
        self.product.until_said(&self.net.router, what)
    }
}

fn diverted(agents: Agents, start: impl Fn(&Place, &Pki) -> Interceptor) -> Diverted {
    let net = Routed::new();
    let pki = Pki::new();
    let servers = [
        unbound(&net.agent, &[SERVER_V4]),
        nginx(&net.server, &Site::control_plane(pki.leaf().make(), &pki)),
    ];
    let product = start(&net.router, &pki);
    net.divert_to(INTERCEPTOR_PORT);
    let agent = Agent::enrolled(&pki);
    let agent = match agents {
        Agents::Trusting => agent.ca_file(&product.ca),
        Agents::Distrusting => agent,
    };
    agent.install(&net.agent);
    Diverted {
        net,
        product,
        _servers: servers,
    }
}

/// A run with everything in hand that must not be handed to anyone.
fn diagnose_with_secrets(place: &Place) -> Diagnosis {
    let given = [
        "--timeout",
        "5s",
        "--token",
        TOKEN,
        "--change-request",
        "cr_42",
    ];
    let diagnosis = Doctor::with(place, &given)
        .env("NEXPLANE_API_TOKEN", API_TOKEN)
        .diagnose();
    diagnosis.does_not_print(TOKEN).does_not_print(API_TOKEN);
    diagnosis
}

/// What passed through is the anonymous question, and none of these.
fn saw_nothing_secret(said: &str) {
    assert!(said.contains("/health"), "{said}");
    for secret in [TOKEN, API_TOKEN, AGENT_ID, "/agent/", "/change-requests/"] {
        assert!(!said.contains(secret), "{secret} in\n{said}");
    }
}

/// Sends both tokens, by curl: what a careless doctor would do.
fn be_careless(place: &Place) {
    place
        .command("curl")
        .args([
            "--silent",
            "--insecure",
            "--max-time",
            "5",
            "--output",
            "/dev/null",
        ])
        .args(["--header", &format!("Authorization: Bearer {API_TOKEN}")])
        .args([
            "--data",
            TOKEN,
            "https://cp.nexplane.test:8000/agent/enroll",
        ])
        .status()
        .unwrap();
}

#[test]
fn mitmproxy_is_named_and_gets_nothing_secret() {
    for (agents, seen_by_curl) in [
        (Agents::Distrusting, Curl::Untrusted),
        (Agents::Trusting, Curl::Answer(200)),
    ] {
        let world = diverted(agents, |place, _| mitmproxy(place, Reached::Diverted));
        assert_eq!(curl(&world), seen_by_curl);
        diagnose_with_secrets(&world)
            .failed_because(&["trust.intercepted"])
            .names("trust.intercepted", "mitmproxy stands between")
            .names("trust.intercepted", "asks for no client certificate")
            .check("tls", "pass")
            .check("health", "pass")
            .check("registration", "blocked")
            .check("token", "blocked");
        saw_nothing_secret(&world.until_said("/health"));
        be_careless(&world);
        world.until_said(TOKEN);
        world.until_said(API_TOKEN);
    }
}

#[test]
fn squid_is_named_and_gets_nothing_secret() {
    let ca = Leaf::authority("Squid Proxy CA");
    let start =
        |place: &Place, pki: &Pki| squid(place, pki, &ca, Upstream::Trusted, Reached::Diverted);
    for (agents, seen_by_curl) in [
        (Agents::Distrusting, Curl::Untrusted),
        (Agents::Trusting, Curl::Answer(200)),
    ] {
        let world = diverted(agents, start);
        assert_eq!(curl(&world), seen_by_curl);
        diagnose_with_secrets(&world)
            .failed_because(&["trust.intercepted"])
            .names("trust.intercepted", "Squid stands between")
            .check("health", "pass");
        saw_nothing_secret(&world.until_said("/health"));
        be_careless(&world);
        let said = world.until_said(API_TOKEN);
        assert!(said.contains("/agent/enroll"), "{said}");
    }
}

#[test]
fn squid_that_does_not_trust_the_control_plane_either() {
    let ca = Leaf::authority("Acme Web CA");
    let world = diverted(Agents::Distrusting, |place, pki| {
        squid(place, pki, &ca, Upstream::Untrusted, Reached::Diverted)
    });
    assert_eq!(curl(&world), Curl::Untrusted);
    diagnose_with_secrets(&world)
        .failed_because(&["trust.intercepted"])
        .names("trust.intercepted", "Not trusted by");
}

#[test]
fn a_trusted_product_that_asks_for_a_client_certificate_gets_none() {
    let (ours, product) = (Pki::new(), Pki::called("Zscaler Root CA"));
    let site = Site::healthy(product.leaf().make()).asks_for_certificates_of(&ours);
    let agent = Agent::enrolled(&ours).ca_file(&product.root());
    let world = Scene::new(&agent, &site);
    assert_eq!(curl(&world), Curl::Answer(200));
    diagnose_with_secrets(&world).failed_because(&["trust.intercepted"]);
    let seen = world.web.output();
    let requests: Vec<&str> = seen
        .lines()
        .filter(|line| line.starts_with("seen: "))
        .collect();
    assert!(requests.len() >= 2, "curl's and the doctor's: {seen}");
    for request in requests {
        assert_eq!(
            request,
            "seen: GET /health HTTP/1.1 | certificate: - | authorization: -"
        );
    }
}

/// Who tells an agent to go through a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    DropIn,
    Configuration,
}

/// A service that asks a product for its way to a control plane that is well behind that.
struct Asking {
    machine: SystemdBox,
    product: Interceptor,
    _servers: [Server; 2],
}

const ASKED: &str = "http://127.0.0.1:8080";

fn asking(by: By, agents: Agents, start: impl Fn(&Place, &Pki) -> Interceptor) -> Asking {
    let machine = SystemdBox::new();
    let pki = Pki::new();
    let servers = [
        unbound(&machine, &["127.0.0.1"]),
        nginx(&machine, &Site::control_plane(pki.leaf().make(), &pki)),
    ];
    let product = start(&machine, &pki);
    let mut agent = Agent::enrolled(&pki);
    if agents == Agents::Trusting {
        agent = agent.ca_file(&product.ca);
    }
    match by {
        By::Configuration => agent = agent.configured(&format!("proxy: {ASKED}")),
        By::DropIn => machine.put(
            "/etc/systemd/system/nexplane-agent.service.d/proxy.conf",
            "0644",
            &format!("[Service]\nEnvironment=HTTPS_PROXY={ASKED}\n"),
        ),
    }
    agent.install(&machine);
    machine.systemctl("daemon-reload");
    machine.systemctl("enable --now --quiet nexplane-agent");
    machine.until_service("ActiveState", |state| state == "active");
    Asking {
        machine,
        product,
        _servers: servers,
    }
}

/// The product is the only cause, and the proxy is its place.
fn is_found_at_the_proxy(world: &Asking, name: &str, set_by: &str) {
    diagnose_with_secrets(&world.machine)
        .failed_because(&["trust.intercepted"])
        .names("trust.intercepted", &format!("{name} stands between"))
        .names(
            "trust.intercepted",
            &format!("the proxy {ASKED} that the agent goes through"),
        )
        .notes("proxy", &format!("{ASKED}, by {set_by}"))
        .check("service", "pass")
        .check("proxy", "pass")
        .check("tls", "pass")
        .check("health", "pass")
        .check("registration", "blocked")
        .check("token", "blocked");
    let said = world.product.until_said(&world.machine, "/health");
    saw_nothing_secret(&said);
}

#[test]
fn a_proxy_that_decrypts_is_named_with_its_product() {
    for (by, set_by, agents, seen_by_curl) in [
        (
            By::DropIn,
            "HTTPS_PROXY in the environment of the agent's service",
            Agents::Distrusting,
            Curl::Untrusted,
        ),
        (
            By::Configuration,
            "`proxy` in /etc/nexplane-agent/config.yaml",
            Agents::Trusting,
            Curl::Answer(200),
        ),
    ] {
        let world = asking(by, agents, |place, _| mitmproxy(place, Reached::Asked));
        assert_eq!(curl_through(&world.machine, ASKED), seen_by_curl);
        is_found_at_the_proxy(&world, "mitmproxy", set_by);
    }
}

#[test]
fn squid_as_a_proxy_that_decrypts() {
    let ca = Leaf::authority("Squid Proxy CA");
    let world = asking(By::DropIn, Agents::Trusting, |place, pki| {
        squid(place, pki, &ca, Upstream::Trusted, Reached::Asked)
    });
    assert_eq!(curl_through(&world.machine, ASKED), Curl::Answer(200));
    is_found_at_the_proxy(
        &world,
        "Squid",
        "HTTPS_PROXY in the environment of the agent's service",
    );
}
