//! The static programs, where there is nothing but them: no C library, no shell, no service manager.

use serde_json::Value;

use super::{asked, bring, package};
use crate::harness::{Agent, Pki, Place, Scene, Site, URL, ended};

/// A root with nothing in it but what the tarball brings, and the host's `/etc`.
const BARE: &str = "/mnt/bare";

/// A well control plane with a name and a certificate, and an agent's files in a place that has nothing else.
fn bare(agent: &Agent, pki: &Pki) -> Scene {
    let scene = Scene::new(agent, &Site::control_plane(pki.leaf().make(), pki));
    scene.shell("mount -t tmpfs -o size=700m tmpfs /mnt");
    bring(&scene, &package("-x86_64-linux.tar.gz"), "/mnt/it.tar.gz");
    scene.shell(&format!(
        "mkdir -p {BARE}/etc {BARE}/tmp {BARE}/usr/local/bin
         tar -xzf /mnt/it.tar.gz --strip-components=1 -C {BARE}
         cp /usr/local/bin/nexplane-agent {BARE}/usr/local/bin/
         cp -r /etc/nexplane-agent /etc/resolv.conf /etc/hosts /etc/hostname {BARE}/etc/"
    ));
    scene
}

/// The doctor in there, which ends in one of the statuses of a diagnosis, with a document.
fn doctor(place: &Place, arguments: &[&str]) -> Value {
    let mut command = place.command("chroot");
    command.args([BARE, "/bin/nexplane-doctor"]).args(arguments);
    let output = command
        .args(["--format", "json", "--timeout", "2s"])
        .output()
        .unwrap();
    let document = serde_json::from_slice(&output.stdout);
    document.unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn status<'a>(report: &'a Value, id: &str) -> &'a str {
    let checks = report["checks"].as_array().into_iter().flatten();
    let mut found = checks.filter(|check| check["id"] == id);
    found
        .next()
        .and_then(|check| check["status"].as_str())
        .unwrap_or("not there")
}

#[test]
fn names_tls_and_trust_are_judged_without_a_library_of_the_host() {
    let pki = Pki::new();
    let scene = bare(&Agent::enrolled(&pki), &pki);
    let report = doctor(&scene, &[]);
    for id in ["config", "dns", "tcp", "tls", "trust", "health", "identity"] {
        assert_eq!(status(&report, id), "pass", "{id}: {report:#}");
    }
    // Who is asked for the service is not there, which is not to say that there is none.
    assert_eq!(status(&report, "service"), "unknown", "{report:#}");
}

#[test]
fn a_configuration_is_mended_there() {
    let pki = Pki::new();
    let wrong = URL.replace("https", "http");
    let scene = bare(&Agent::enrolled(&pki).control_plane(&wrong), &pki);
    let report = doctor(&scene, &["diagnose"]);
    assert_eq!(report["root_causes"][0], "config.url", "{report:#}");
    let fixed = doctor(&scene, &["fix", "--yes", "--all"]);
    let config = scene.shell(&format!("cat {BARE}/etc/nexplane-agent/config.yaml"));
    assert!(
        config.contains(&format!("control_plane: {URL}\n")),
        "{config}\n{fixed:#}"
    );
    assert_eq!(status(&doctor(&scene, &["diagnose"]), "config"), "pass");
}

#[test]
fn the_programs_need_no_library() {
    let place = tempfile::tempdir().unwrap();
    let mut unpack = std::process::Command::new("tar");
    unpack
        .arg("-xzf")
        .arg(package("-x86_64-linux.tar.gz"))
        .arg("-C")
        .arg(place.path());
    unpack.arg("--strip-components=1");
    ended(unpack).with(0, "");
    for program in ["nexplane-doctor", "nexplane-agent"] {
        let program = place.path().join("bin").join(program);
        let headers = asked("readelf", &["-lW"], &program).with(0, "LOAD").said;
        assert!(!headers.contains("INTERP"), "{headers}");
        let needs = asked("readelf", &["-dW"], &program).with(0, "").said;
        assert!(!needs.contains("(NEEDED)"), "{needs}");
    }
}
