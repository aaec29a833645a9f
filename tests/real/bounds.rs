//! No wait without a bound, and a report at every end.

use std::time::Duration;

use crate::harness::{Agent, Curl, Doctor, PORT, Pki, Routed, SERVER_V4, Server, World};
use crate::harness::{curl, silence, unbound, until};

/// A probe that would wait for a minute, and a run that may not.
const IMPATIENT: [&str; 4] = ["--timeout", "60s", "--deadline", "3s"];
/// More than any run with that deadline takes, and less than any other bound would allow it.
const SOON: Duration = Duration::from_secs(15);

/// A control plane that takes connections and never says a word.
fn silent() -> (World, [Server; 2]) {
    let world = World::new();
    Agent::enrolled(&Pki::new()).install(&world);
    let servers = [unbound(&world, &["127.0.0.1"]), silence(&world, PORT)];
    assert_eq!(curl(&world), Curl::Timeout);
    (world, servers)
}

#[test]
fn the_deadline_holds_against_a_server_that_says_nothing() {
    let (world, _servers) = silent();
    Doctor::with(&world, &IMPATIENT)
        .diagnose()
        .within(SOON)
        .check("tcp", "pass")
        .never("health.");
}

#[test]
fn the_deadline_holds_against_a_black_hole() {
    let net = Routed::new();
    let _nameserver = unbound(&net.agent, &[SERVER_V4]);
    Agent::enrolled(&Pki::new()).install(&net.agent);
    net.filter("tcp dport 8000 drop");
    assert_eq!(curl(&net.agent), Curl::Timeout);
    Doctor::with(&net.agent, &IMPATIENT)
        .diagnose()
        .within(SOON)
        .check("dns", "pass")
        .never("tls.");
}

#[test]
fn the_deadline_holds_against_a_nameserver_that_says_nothing() {
    let world = World::new();
    let _nameserver = unbound(&world, &["127.0.0.1"]);
    let url = format!("https://cp.silent.test:{PORT}");
    Agent::enrolled(&Pki::new())
        .control_plane(&url)
        .install(&world);
    Doctor::with(&world, &IMPATIENT)
        .diagnose()
        .within(SOON)
        .never("tcp.");
}

#[test]
fn ctrl_c_ends_with_what_is_known_so_far() {
    let (world, _servers) = silent();
    let run = Doctor::with(&world, &["--timeout", "50s", "--deadline", "50s"]).start();
    until("the doctor's connection", || {
        world.connected_to(PORT).then_some(())
    });
    run.interrupt();
    run.end()
        .within(SOON)
        .verdict("undetermined")
        .check("dns", "pass")
        .check("tls", "unknown");
}
