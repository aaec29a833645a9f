//! Answers to `GET /health`, by nginx over a chain that is good.

use crate::harness::{Agent, Curl, Diagnosis, Doctor, Pki, Scene, Site, curl, haproxy, silence};

/// What the doctor says when the control plane's address answers so, once curl has said `seen`.
fn diagnose(directives: &str, seen: Curl) -> Diagnosis {
    let pki = Pki::new();
    let site = Site::tls(pki.leaf().make(), directives);
    let world = Scene::new(&Agent::enrolled(&pki), &site);
    assert_eq!(curl(&world), seen);
    Doctor::at(&world).diagnose()
}

#[test]
fn a_server_error() {
    diagnose("return 503;", Curl::Answer(503))
        .failed_because(&["health.server_error"])
        .check("trust", "pass");
}

#[test]
fn a_web_server_that_knows_no_such_page() {
    diagnose("return 404;", Curl::Answer(404)).failed_because(&["health.not_control_plane"]);
}

#[test]
fn another_product() {
    diagnose(
        "default_type text/plain; return 200 'hello';",
        Curl::Answer(200),
    )
    .failed_because(&["health.not_control_plane"]);
}

#[test]
fn a_redirect_to_a_portal() {
    diagnose(
        "return 302 http://portal.nexplane.test/login;",
        Curl::Answer(302),
    )
    .failed_because(&["health.captive_portal"])
    .names("health.captive_portal", "portal.nexplane.test");
}

#[test]
fn a_login_page() {
    let page = "default_type text/html;
        return 200 '<!doctype html><title>Welcome</title><form action=/login><input type=password name=p></form>';";
    diagnose(page, Curl::Answer(200)).failed_because(&["health.captive_portal"]);
}

#[test]
fn a_portal_with_a_certificate_of_its_own() {
    let pki = Pki::new();
    let page = "return 302 https://portal.nexplane.test/login;";
    let site = Site::tls(pki.leaf().names(&["portal.nexplane.test"]).make(), page);
    let world = Scene::new(&Agent::enrolled(&pki), &site);
    assert_eq!(curl(&world), Curl::Untrusted);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["health.captive_portal"])
        .symptom("trust.name_mismatch", &["health.captive_portal"]);
}

#[test]
fn a_control_plane_without_its_database() {
    let body = r#"return 200 '{"status":"degraded","db":"disconnected","version":"0.1.0"}';"#;
    diagnose(body, Curl::Answer(200)).failed_because(&["health.unhealthy"]);
}

#[test]
fn a_control_plane_that_says_so_with_an_error_status() {
    let body = r#"return 503 '{"status":"error","db":"disconnected","version":"0.1.0"}';"#;
    diagnose(body, Curl::Answer(503)).failed_because(&["health.unhealthy"]);
}

#[test]
fn a_proxy_whose_upstream_never_answers() {
    let pki = Pki::new();
    let proxy = "location / { proxy_pass http://127.0.0.1:8001; }";
    let site = Site::tls(pki.leaf().make(), proxy);
    let world = Scene::new(&Agent::enrolled(&pki), &site);
    let _upstream = silence(&world, 8001);
    assert_eq!(curl(&world), Curl::Timeout);
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["health.timeout"])
        .check("tls", "pass")
        .check("trust", "pass");
}

#[test]
fn a_control_plane_that_takes_its_time() {
    let pki = Pki::new();
    let well = r#"return 200 '{"status":"ok","db":"connected","version":"0.1.0"}';"#;
    let site = Site::control_plane(pki.leaf().make(), &pki)
        .at("/health", "proxy_pass http://127.0.0.1:8001/well;")
        .at("/well", well);
    let world = Scene::new(&Agent::enrolled(&pki), &site);
    let late = " tcp-request inspect-delay 1500ms
 tcp-request content accept if WAIT_END
 default_backend well
backend well
 mode tcp
 server well 127.0.0.1:8000 ssl verify none";
    let _upstream = haproxy(&world, 8001, late);
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .notice("health.slow")
        .names("health.slow", "127.0.0.1:8000 (IPv4)");
}
