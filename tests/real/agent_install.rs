//! `nexplane-agent install` and `uninstall` under a real systemd, with the lab's control plane beside them.

use std::process::Stdio;

use rustix::process::Signal;

use crate::harness::{Ended, Lab, PROGRAM, SystemdBox, agent, boot_with_lab, bring_agent, signal};

/// The directory of the agent's configuration.
const DIR: &str = "/etc/nexplane-agent";

fn install(machine: &SystemdBox, lab: &Lab, token: usize) -> Ended {
    install_with(machine, lab, &lab.tokens[token], &[])
}

fn install_with(machine: &SystemdBox, lab: &Lab, token: &str, more: &[&str]) -> Ended {
    let ended = agent(machine, &[&lab.install(token), more].concat());
    assert!(!ended.said.contains(token), "a token in: {}", ended.said);
    ended
}

/// Everything that an installation could change: names, modes, times and contents, and what systemd knows; a line each.
fn picture(machine: &SystemdBox) -> String {
    machine.shell(
        "looked='/etc/systemd/system /etc/nexplane* /usr/local/bin /var/lib/nexplane*'
         find /etc /usr/local /var/lib -maxdepth 1 -printf '%p %m %u %l\\n' | sort
         find $looked ! -type f -printf '%p %m %u %l\\n' 2>/dev/null | sort
         find $looked -type f -printf '%p %m %u %T@\\n' 2>/dev/null | sort
         find $looked -type f -exec sha256sum {} + 2>/dev/null | sort
         systemctl show --property=LoadState,ActiveState,UnitFileState,NeedDaemonReload nexplane-agent",
    )
}

/// That nothing differs; what does is named.
#[track_caller]
fn assert_same(machine: &SystemdBox, before: &str) {
    let now = picture(machine);
    let only = |these: &str, those: &str| -> Vec<String> {
        let lines = these
            .lines()
            .filter(|line| !those.lines().any(|it| it == *line));
        lines.map(str::to_owned).collect()
    };
    let (new, gone) = (only(&now, before), only(before, &now));
    assert!(
        new.is_empty() && gone.is_empty(),
        "new {new:?}, gone {gone:?}"
    );
}

fn shows(machine: &SystemdBox, property: &str) -> String {
    let show = format!("show --property={property} --value nexplane-agent");
    machine.systemctl(&show).trim().to_owned()
}

#[test]
fn an_agent_is_installed_runs_and_is_known() {
    let (machine, lab) = boot_with_lab();
    install(&machine, &lab, 0).with(0, "registered as web-server-01");
    assert_eq!(shows(&machine, "ActiveState"), "active");
    assert_eq!(shows(&machine, "UnitFileState"), "enabled");
    assert_eq!(shows(&machine, "Type"), "notify");
    assert_eq!(shows(&machine, "NRestarts"), "0");
    let check = agent(&machine, &["check"]).with(0, "All checks passed.");
    assert!(check.said.contains("(registered as web-server-01)"));
    machine.shell("test /usr/local/bin/nexplane-agent -ef /proc/$(systemctl show --property=MainPID --value nexplane-agent)/exe");
    assert_eq!(lab.agents(&machine).as_array().unwrap().len(), 1);
    // Once more: nothing happens, and the second token stays good.
    install(&machine, &lab, 1).with(0, "Already installed");
    agent(&machine, &["uninstall"]).with(0, "Uninstalled.");
    install(&machine, &lab, 1).with(0, "Installed.");
}

#[test]
fn the_service_can_do_little_beyond_its_work() {
    let (machine, lab) = boot_with_lab();
    install(&machine, &lab, 0).with(0, "Installed.");
    let said = machine.shell("systemd-analyze security --no-pager nexplane-agent | tail -n 1");
    let exposure = said
        .split_whitespace()
        .find_map(|word| word.parse::<f32>().ok());
    assert!(exposure.expect("an exposure level") <= 3.0, "{said}");
    machine.shell("systemd-analyze verify /etc/systemd/system/nexplane-agent.service");
    // It is still well after its first heartbeats.
    crate::harness::until("a heartbeat of the service", || {
        let agents = lab.agents(&machine);
        agents[0]["last_seen"].as_str().map(|_| ())
    });
    assert_eq!(shows(&machine, "ActiveState"), "active");
}

#[test]
fn what_stands_in_the_way_is_named_and_the_host_is_as_before() {
    let (machine, lab) = boot_with_lab();
    let url = lab.url.clone();
    // Another host uses the first token up.
    install(&machine, &lab, 0).with(0, "Installed.");
    agent(&machine, &["uninstall"]).with(0, "Uninstalled.");
    machine.shell("rm /usr/local/bin/nexplane-agent");
    let before = picture(&machine);
    install(&machine, &lab, 0)
        .with(1, "FATAL: enrollment failed: token has already been used")
        .with(1, "token.used")
        .with(1, "symptom-1/token-used");
    assert_same(&machine, &before);
    let untrusted = [
        "install",
        "--control-plane",
        &url,
        "--token",
        &lab.tokens[1],
    ];
    agent(&machine, &untrusted)
        .with(1, "x509: certificate signed by unknown authority")
        .with(1, "trust.unknown_authority")
        .with(1, "--ca-cert");
    assert_same(&machine, &before);
    machine.systemctl("mask --quiet nexplane-agent");
    let masked = picture(&machine);
    install(&machine, &lab, 1).with(1, "service.masked");
    assert_same(&machine, &masked);
    machine.systemctl("unmask --quiet nexplane-agent");
    assert_same(&machine, &before);
    install(&machine, &lab, 1).with(0, "Installed.");
}

#[test]
fn a_full_or_read_only_file_system_is_named_and_the_host_is_as_before() {
    let (machine, lab) = boot_with_lab();
    for place in [DIR, "/etc/systemd/system", "/usr/local/bin", "/var/lib"] {
        for (options, code) in [("rw", "host.disk_full"), ("ro", "host.read_only")] {
            machine.shell(&format!(
                "mkdir -p {place} /full; cp -a {place}/. /full/
                 mount -t tmpfs -o size=2m none {place}; cp -a /full/. {place}/ 2>/dev/null || true
                 dd if=/dev/zero of={place}/filler bs=4k status=none 2>/dev/null || true
                 mount -o remount,{options} {place}"
            ));
            let before = picture(&machine);
            install(&machine, &lab, 0).with(1, code);
            assert_same(&machine, &before);
            machine.shell(&format!("umount {place}; rm -rf /full"));
        }
    }
    machine.shell(&format!("rmdir {DIR}"));
    // None of this used the token up.
    install(&machine, &lab, 0).with(0, "Installed.");
}

#[test]
fn a_service_that_does_not_come_up_takes_everything_back() {
    let (machine, lab) = boot_with_lab();
    let before = picture(&machine);
    // Somebody's drop-in keeps it from starting.
    machine.put(
        "/run/systemd/system/nexplane-agent.service.d/broken.conf",
        "0644",
        "[Service]\nExecStartPre=/bin/sh -c 'echo nothing goes here; exit 7'\n",
    );
    install(&machine, &lab, 0)
        .with(1, "did not come up")
        .with(1, "nothing goes here")
        .with(1, "the same token can be tried again");
    machine.shell("rm -r /run/systemd/system/nexplane-agent.service.d; systemctl daemon-reload");
    only_a_key_waits(&machine, &before);
    install(&machine, &lab, 0).with(0, "Installed.");
    assert_eq!(lab.agents(&machine).as_array().unwrap().len(), 1);
}

/// The host is as before, but for the key that waits for its certificate, and its directory.
fn only_a_key_waits(machine: &SystemdBox, before: &str) {
    let left = machine.shell(&format!("ls -A {DIR}; stat -c %a {DIR}/client.key.pending"));
    assert_eq!(left, "client.key.pending\n600\n");
    machine.shell(&format!("mkdir /aside; mv {DIR} /aside/"));
    assert_same(machine, before);
    machine.shell(&format!("mv /aside/* {DIR}; rmdir /aside"));
}

#[test]
fn ctrl_c_and_a_request_to_terminate_take_everything_back() {
    let (machine, lab) = boot_with_lab();
    let before = picture(&machine);
    for asked in [Signal::INT, Signal::TERM] {
        // The service never comes up: the token is used by then, and everything is in place.
        machine.put(
            "/run/systemd/system/nexplane-agent.service.d/never.conf",
            "0644",
            "[Service]\nExecStartPre=/bin/sleep infinity\nTimeoutStartSec=infinity\n",
        );
        let mut command = machine.command(PROGRAM);
        command.args(["install", "--control-plane", &lab.url]);
        command.args(["--token", &lab.tokens[0], "--ca-cert", &lab.ca_cert]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let installing = command.spawn().unwrap();
        machine.until_service("ActiveState", |state| state == "activating");
        signal(&installing, asked);
        let ended = Ended::of(installing.wait_with_output().unwrap());
        ended
            .with(1, "interrupted")
            .with(1, "Nothing was changed on this host.")
            .with(1, "the same token can be tried again");
        machine
            .shell("rm -r /run/systemd/system/nexplane-agent.service.d; systemctl daemon-reload");
        only_a_key_waits(&machine, &before);
    }
    install(&machine, &lab, 0).with(0, "Installed.");
    assert_eq!(lab.agents(&machine).as_array().unwrap().len(), 1);
}

#[test]
fn a_rotation_that_another_ca_answers_changes_nothing() {
    let machine = SystemdBox::new();
    bring_agent(&machine);
    let foreign = ["--dir", "/etc/lab", "--fault", "healthy.foreign_rotation"];
    let lab = Lab::serve_with(&machine, &foreign);
    install(&machine, &lab, 0).with(0, "Installed.");
    let content = "cd /etc/nexplane-agent; ls -Al --time-style=full-iso; cat * | sha256sum";
    let before = machine.shell(content);
    agent(&machine, &["rotate-cert"]).with(1, "not of the authority of the old one");
    assert_eq!(machine.shell(content), before);
    agent(&machine, &["check"]).with(0, "All checks passed.");
}

#[test]
fn an_identity_that_works_is_not_overwritten() {
    let (machine, lab) = boot_with_lab();
    install(&machine, &lab, 0).with(0, "Installed.");
    let other = Lab::serve_at(&machine, "/etc/other-lab");
    let content =
        "cat /etc/nexplane-agent/* /etc/systemd/system/nexplane-agent.service | sha256sum";
    let before = machine.shell(content);
    install(&machine, &other, 0).with(1, "--replace-identity");
    assert_eq!(machine.shell(content), before);
    install_with(&machine, &other, &other.tokens[0], &["--replace-identity"]).with(0, "Installed.");
    assert_eq!(shows(&machine, "ActiveState"), "active");
    agent(&machine, &["check"]).with(0, "All checks passed.");
}

#[test]
fn an_uninstalled_agent_leaves_nothing() {
    let (machine, lab) = boot_with_lab();
    let before = picture(&machine);
    install(&machine, &lab, 0).with(0, "Installed.");
    agent(&machine, &["uninstall"]).with(0, "Uninstalled.");
    machine.shell("rm /usr/local/bin/nexplane-agent");
    assert_same(&machine, &before);
    agent(&machine, &["uninstall"]).with(0, "There was nothing to uninstall.");
}

#[test]
fn a_directory_that_is_mistyped_is_refused_and_the_agent_goes_on() {
    let (machine, lab) = boot_with_lab();
    install(&machine, &lab, 0).with(0, "Installed.");
    let content =
        "find /etc/nexplane-agent /etc/systemd/system /usr/local/bin -type f -exec sha256sum {} +";
    let before = machine.shell(content);
    for typo in ["/etc/nexplane-agnet", "/etc", "/etc/hosts", "relative"] {
        let arguments = ["uninstall", "--config-dir", typo];
        agent(&machine, &arguments).with(2, "error: --config-dir: ");
    }
    assert_eq!(machine.shell(content), before);
    assert_eq!(shows(&machine, "ActiveState"), "active");
}

#[test]
fn a_token_need_not_be_an_argument() {
    let (machine, lab) = boot_with_lab();
    machine.put("/run/token", "0600", &format!("{}\n", lab.tokens[0]));
    let arguments = [
        "install",
        "--control-plane",
        &lab.url,
        "--ca-cert",
        &lab.ca_cert,
    ];
    agent(
        &machine,
        &[&arguments, ["--token-file", "/run/token"].as_slice()].concat(),
    )
    .with(0, "Installed.");
    agent(&machine, &["uninstall"]).with(0, "Uninstalled.");
    let mut command = machine.command(PROGRAM);
    command
        .args(arguments)
        .env("NEXPLANE_ENROLLMENT_TOKEN", &lab.tokens[1]);
    crate::harness::ended(command).with(0, "Installed.");
    agent(&machine, &arguments).with(2, "no enrollment token");
}

#[test]
fn without_verification_it_works_and_says_so_aloud() {
    let (machine, lab) = boot_with_lab();
    let arguments = [
        "install",
        "--control-plane",
        &lab.url,
        "--token",
        &lab.tokens[0],
    ];
    agent(
        &machine,
        &[&arguments, ["--insecure-skip-verify"].as_slice()].concat(),
    )
    .with(0, "WARNING: TLS verification is off");
    assert_eq!(shows(&machine, "ActiveState"), "active");
}

#[test]
fn a_certificate_is_renewed_while_the_service_runs() {
    let (machine, lab) = boot_with_lab();
    install(&machine, &lab, 0).with(0, "Installed.");
    agent(&machine, &["rotate-cert"]).with(0, "Rotating certificate... OK");
    agent(&machine, &["check"]).with(0, "All checks passed.");
    let seen = lab.agents(&machine)[0]["last_seen"].clone();
    crate::harness::until("a heartbeat with the new certificate", || {
        (lab.agents(&machine)[0]["last_seen"] != seen).then_some(())
    });
    assert_eq!(shows(&machine, "NRestarts"), "0");
}
