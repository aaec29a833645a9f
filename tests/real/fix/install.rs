//! A host without an agent: installed by `fix`, all or nothing, and uninstalled again by `fix --undo`.

use super::shown;
use crate::harness::{BESIDE, CONFIG_DIR, DOCTOR, Fix, Fixed, Lab, SystemdBox, UNIT, bring_both};

/// Where the agent's program is once it is installed.
const INSTALLED: &str = "/usr/local/bin/nexplane-agent";

/// A box without an agent, with both programs and a control plane in it.
fn boot() -> (SystemdBox, Lab) {
    let machine = SystemdBox::new();
    bring_both(&machine);
    let lab = Lab::serve(&machine);
    for (at, token) in lab.tokens.iter().enumerate() {
        machine.put(&format!("/run/token-{at}"), "0600", &format!("{token}\n"));
    }
    (machine, lab)
}

/// A run of `fix` that is given everything, with this token.
fn fix(machine: &SystemdBox, lab: &Lab, token: usize) -> Fixed {
    let token = format!("/run/token-{token}");
    let flags = ["--yes", "--all", "--token-file", &token];
    fix_with(machine, lab, &flags)
}

/// A run of `fix` that is told of the control plane and its CA.
fn fix_with(machine: &SystemdBox, lab: &Lab, more: &[&str]) -> Fixed {
    let told = ["--control-plane", &lab.url, "--ca-cert", &lab.ca_cert];
    let fixed = Fix::with(DOCTOR, machine, &[&told, more].concat()).run();
    for token in &lab.tokens {
        assert!(!fixed.document().to_string().contains(token));
    }
    fixed
}

fn undo(machine: &SystemdBox, more: &[&str]) -> Fixed {
    Fix::with(DOCTOR, machine, &[&["--undo", "--yes"], more].concat()).run()
}

/// Everything that an installation could change, a line each.
fn picture(machine: &SystemdBox) -> String {
    machine.shell(
        // What a running agent keeps there changes with each heartbeat.
        "looked='/etc/systemd/system /etc/nexplane* /usr/local/bin'
         find /var/lib/nexplane-agent -maxdepth 0 -printf '%p %m %u\\n' 2>/dev/null || true
         find $looked -printf '%p %m %u %l\\n' 2>/dev/null | sort
         find $looked -type f -exec sha256sum {} + 2>/dev/null | sort
         systemctl show --property=LoadState,ActiveState,UnitFileState,NeedDaemonReload nexplane-agent",
    )
}

#[test]
fn a_host_without_an_agent_gets_one_and_loses_it_again() {
    let (machine, lab) = boot();
    let before = picture(&machine);
    fix_with(
        &machine,
        &lab,
        &["--dry-run", "--token-file", "/run/token-0"],
    )
    .status(1)
    .before(&["install.missing"])
    .actions(&[("install", "null")]);
    assert_eq!(picture(&machine), before);
    fix_with(&machine, &lab, &["--yes", "--token-file", "/run/token-0"])
        .status(1)
        .actions(&[("install", "not_done")])
        .reason("install", "--all");
    fix(&machine, &lab, 0)
        .status(0)
        .before(&["install.missing"])
        .actions(&[("install", "verified")])
        .after(&[]);
    assert_eq!(shown(&machine, "ActiveState"), "active");
    assert_eq!(shown(&machine, "UnitFileState"), "enabled");
    assert_eq!(lab.agents(&machine).as_array().unwrap().len(), 1);
    // The identity works: it is not given up by the way.
    let installed = picture(&machine);
    undo(&machine, &[])
        .status(1)
        .took_back(&["refused", "stays"]);
    assert_eq!(picture(&machine), installed);
    undo(&machine, &["--all"])
        .status(0)
        .took_back(&["undone", "stays"]);
    assert_eq!(picture(&machine), before);
    fix(&machine, &lab, 1)
        .status(0)
        .before(&["install.missing"])
        .after(&[]);
}

#[test]
fn what_is_missing_is_named_by_its_flag_and_nothing_is_changed() {
    let (machine, lab) = boot();
    let before = picture(&machine);
    let all = ["--yes", "--all"];
    Fix::with(DOCTOR, &machine, &all)
        .run()
        .status(1)
        .actions(&[])
        .for_person("install.missing", "--control-plane URL");
    fix_with(&machine, &lab, &all)
        .status(1)
        .actions(&[("install", "not_done")])
        .reason("install", "--token-file FILE");
    let untrusting = [
        "--yes",
        "--all",
        "--control-plane",
        &lab.url,
        "--token-file",
        "/run/token-0",
    ];
    Fix::with(DOCTOR, &machine, &untrusting)
        .run()
        .status(1)
        .actions(&[])
        .for_person("install.missing", "--ca-cert FILE");
    // Nobody serves there.
    let nowhere = ["--control-plane", "https://127.0.0.1:1", "--token-file"];
    Fix::with(
        DOCTOR,
        &machine,
        &[&all[..], &nowhere, &["/run/token-0"]].concat(),
    )
    .run()
    .status(1)
    .actions(&[])
    .for_person("install.missing", "tcp.refused");
    assert_eq!(picture(&machine), before);
    fix(&machine, &lab, 0).status(0).after(&[]);
}

#[test]
fn a_token_that_was_used_is_not_tried() {
    let (machine, lab) = boot();
    fix(&machine, &lab, 0).status(0);
    undo(&machine, &["--all"]).status(0);
    let before = picture(&machine);
    fix(&machine, &lab, 0)
        .status(1)
        .actions(&[("install", "refused")])
        .reason("install", "token.used");
    assert_eq!(picture(&machine), before);
}

#[test]
fn a_program_that_was_only_copied_becomes_an_agent_and_stays() {
    let (machine, lab) = boot();
    machine.shell(&format!("mv {BESIDE} {INSTALLED}"));
    let before = picture(&machine);
    fix(&machine, &lab, 0)
        .status(0)
        .actions(&[("install", "verified")])
        .after(&[]);
    undo(&machine, &["--all"])
        .status(0)
        .took_back(&["undone", "stays"]);
    assert_eq!(picture(&machine), before);
}

#[test]
fn a_program_that_others_could_have_put_there_is_left() {
    let (machine, lab) = boot();
    machine.shell("chmod 0777 /opt/nexplane");
    let before = picture(&machine);
    fix(&machine, &lab, 0).status(1).actions(&[]).for_person(
        "install.missing",
        "others than root may write to /opt/nexplane",
    );
    machine.shell(&format!("chmod 0755 /opt/nexplane; chown nobody {BESIDE}"));
    fix(&machine, &lab, 0)
        .status(1)
        .actions(&[])
        .for_person("install.missing", "belongs to user");
    machine.shell(&format!("rm {BESIDE}"));
    fix(&machine, &lab, 0)
        .status(1)
        .actions(&[])
        .for_person("install.missing", "neither beside");
    assert_eq!(picture(&machine), before);
}

#[test]
fn what_of_an_agent_is_there_already_is_not_replaced() {
    let (machine, lab) = boot();
    fix(&machine, &lab, 0).status(0);
    machine.shell(&format!(
        "systemctl disable --now --quiet nexplane-agent; rm {UNIT}; systemctl daemon-reload"
    ));
    let before = picture(&machine);
    fix(&machine, &lab, 1)
        .status(1)
        .actions(&[])
        .for_person("service.not_installed", CONFIG_DIR);
    assert_eq!(picture(&machine), before);
}

#[test]
fn an_installation_that_was_changed_since_is_taken_back_only_by_force() {
    let (machine, lab) = boot();
    fix(&machine, &lab, 0).status(0);
    // Without its certificate there is no identity that would be a reason to keep it.
    machine.shell(&format!("sed -i 's/poll_interval: 5s/poll_interval: 6s/' {CONFIG_DIR}/config.yaml; rm {CONFIG_DIR}/client.crt"));
    let before = picture(&machine);
    let refused = undo(&machine, &[]);
    refused.status(1).took_back(&["refused", "stays"]).require(
        refused.document().to_string().contains("changed since"),
        "the reason",
    );
    assert_eq!(picture(&machine), before);
    undo(&machine, &["--all"]).status(0);
}

#[test]
fn on_a_full_or_read_only_disk_it_is_refused_and_afterwards_done() {
    let (machine, lab) = boot();
    for (options, code) in [("rw", "host.disk_full"), ("ro", "host.read_only")] {
        machine.shell(&format!(
            "mkdir /kept; cp -a /etc/systemd/system/. /kept/
             mount -t tmpfs -o size=2m none /etc/systemd/system; cp -a /kept/. /etc/systemd/system/
             dd if=/dev/zero of=/etc/systemd/system/filler bs=4k status=none 2>/dev/null || true
             mount -o remount,{options} /etc/systemd/system"
        ));
        let before = picture(&machine);
        fix(&machine, &lab, 0)
            .status(1)
            .actions(&[("install", "failed")])
            .reason("install", code);
        assert_eq!(picture(&machine), before);
        machine.shell("umount /etc/systemd/system; rm -r /kept");
    }
    fix(&machine, &lab, 0).status(0).after(&[]);
    undo(&machine, &["--all"]).status(0);
}
