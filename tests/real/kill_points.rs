//! Killed at any system call that changes a file, speaks to a peer or starts a program: afterwards the old identity works or the
//! new one, and the next run completes.
//!
//! strace counts the calls of a run that is left alone, then kills one run at each of them. It follows the agent's own thread
//! alone, which makes all its changes: what systemctl does by itself is not the agent's to interrupt.
#![expect(
    clippy::print_stdout,
    reason = "how many points there are is part of the result"
)]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use crate::harness::{Doctor, Ended, Fix, Lab, PROGRAM, SystemdBox, agent, boot_with_lab, ended};

/// Calls that change files, send something, or start a program.
const CALLS: &str = "openat,mkdir,rmdir,link,linkat,rename,renameat,renameat2,unlink,unlinkat,write,pwrite64,writev,\
                     fsync,fdatasync,chmod,fchmod,fchmodat,chown,fchown,ftruncate,copy_file_range,sendfile,\
                     sendto,sendmsg,connect,clone,clone3,vfork,fork";

/// One call of a run: its name, and the how manieth of that name it is.
type Point = (String, u32);

fn traced(machine: &SystemdBox, options: &[&str], arguments: &[&str]) -> Command {
    let mut command = machine.command("strace");
    command
        .args(["-qq", "-o", "/run/trace", "-e"])
        .arg(format!("trace={CALLS}"))
        .args(options)
        .arg(PROGRAM)
        .args(arguments);
    command
}

/// The points of a run that is not killed. Opening a file for reading changes nothing, and is none.
fn count(machine: &SystemdBox, arguments: &[&str]) -> Vec<Point> {
    ended(traced(machine, &[], arguments)).with(0, "");
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut points = Vec::new();
    for line in machine.shell("cat /run/trace").lines() {
        let Some((name, rest)) = line.split_once('(') else {
            continue;
        };
        let number = seen.entry(name.to_owned()).or_default();
        *number += 1;
        let only_reads = name == "openat" && !rest.contains("O_CREAT") && !rest.contains("O_TRUNC");
        if !only_reads {
            points.push((name.to_owned(), *number));
        }
    }
    points
}

/// Runs to a point, and is killed there; `false` if this run came to its end before.
fn kill_at(machine: &SystemdBox, (name, number): &Point, arguments: &[&str]) -> bool {
    let inject = format!("inject={name}:signal=KILL:when={number}");
    let run = ended(traced(machine, &["-e", &inject], arguments));
    // strace ends as its tracee does.
    let killed = run.status.signal() == Some(9) || run.status.code() == Some(137);
    assert!(
        killed || run.status.success(),
        "{name} {number}: {}",
        run.said
    );
    killed
}

/// Whether nearly all points were reached: how often a run wakes itself up is not the same each time.
fn reached(killed: u32, points: &[Point]) -> bool {
    killed as usize * 10 >= points.len() * 9
}

/// What `check` says; asked again where the control plane was too busy to answer, which says nothing of the identity.
fn works(machine: &SystemdBox) -> Ended {
    let mut tries = 3;
    loop {
        let said = agent(machine, &["check"]);
        tries -= 1;
        if tries == 0 || !said.said.contains("no answer within") {
            return said;
        }
    }
}

/// An agent that is installed and stopped: nobody but the test may bring a rotation to its end.
fn stopped() -> (SystemdBox, Lab) {
    let (machine, lab) = boot_with_lab();
    let token = lab.token(&machine);
    agent(&machine, &lab.install(&token)).with(0, "Installed.");
    machine.systemctl("stop nexplane-agent");
    (machine, lab)
}

#[test]
fn a_rotation_killed_at_any_point_is_no_revocation_and_fix_settles_it() {
    let (machine, lab) = stopped();
    let token = lab.token(&machine);
    let known = lab.agents(&machine)[0]["id"].clone();
    let points = count(&machine, &["rotate-cert"]);
    let (mut killed, mut settled) = (0, 0);
    for point in &points {
        killed += u32::from(kill_at(&machine, point, &["rotate-cert"]));
        let found = Doctor::at(&machine).diagnose();
        found
            .never("registration.revoked")
            .never("registration.certificate_refused")
            .never("identity.key_mismatch");
        if found.root_causes() != ["service.stopped"] {
            // With a token at hand it stays unused.
            let fixed = Fix::at(&machine, &["--yes", "--all", "--token", &token]).run();
            fixed
                .status(0)
                .actions(&[
                    ("settle-identity", "verified"),
                    ("start-service", "verified"),
                ])
                .after(&[]);
            machine.systemctl("stop nexplane-agent");
            settled += 1;
            let left = machine.shell("ls -A /etc/nexplane-agent");
            assert_eq!(left, "client.crt\nclient.key\nconfig.yaml\n", "{point:?}");
        }
        works(&machine).with(0, "All checks passed.");
        let next = agent(&machine, &["rotate-cert"]);
        assert!(next.status.success(), "after {point:?}: {}", next.said);
    }
    println!("rotate-cert: killed at {killed} points, settled by fix after {settled} of them");
    assert!(reached(killed, &points), "{killed} of {points:?}");
    // Between the heartbeat and the first rename, and between the two renames, at least.
    assert!(settled >= 2, "{settled}");
    let agents = lab.agents(&machine);
    assert_eq!(agents.as_array().unwrap().len(), 1, "{agents}");
    assert_eq!(agents[0]["id"], known);
}

#[test]
fn rotation_killed_at_any_point_leaves_an_identity_that_works() {
    let (machine, _lab) = stopped();
    let points = count(&machine, &["rotate-cert"]);
    println!("rotate-cert: {} kill points", points.len());
    let mut killed = 0;
    for point in &points {
        killed += u32::from(kill_at(&machine, point, &["rotate-cert"]));
        let check = works(&machine);
        assert!(check.status.success(), "after {point:?}: {}", check.said);
        // The next one completes, and leaves things as they were for the point after this.
        let next = agent(&machine, &["rotate-cert"]);
        assert!(next.status.success(), "after {point:?}: {}", next.said);
    }
    println!("rotate-cert: killed at {killed} of them");
    assert!(
        killed > 20 && reached(killed, &points),
        "{killed} of {points:?}"
    );
    works(&machine).with(0, "All checks passed.");
    let left = machine.shell("ls -A /etc/nexplane-agent");
    assert_eq!(left, "client.crt\nclient.key\nconfig.yaml\n");
}

/// What puts a new identity in place of one that works.
fn replacing<'a>(lab: &'a Lab, token: &'a str) -> Vec<&'a str> {
    let more = ["--replace-identity", "--poll-interval=60s"];
    [lab.install(token).as_slice(), &more].concat()
}

#[test]
fn an_installation_killed_at_any_point_keeps_an_identity_and_is_completed() {
    let (machine, lab) = boot_with_lab();
    agent(&machine, &lab.install(&lab.token(&machine))).with(0, "Installed.");
    let token = lab.token(&machine);
    let arguments = replacing(&lab, &token);
    let points = count(&machine, &arguments);
    println!("install: {} kill points", points.len());
    let mut killed = 0;
    for point in &points {
        // As it was at first, so that every run has the same to do.
        machine.shell("rm -f /etc/nexplane-agent/client.key.pending; printf changed > /usr/local/bin/nexplane-agent.other; mv /usr/local/bin/nexplane-agent.other /usr/local/bin/nexplane-agent");
        let token = lab.token(&machine);
        killed += u32::from(kill_at(&machine, point, &replacing(&lab, &token)));
        let check = works(&machine);
        assert!(check.status.success(), "after {point:?}: {}", check.said);
        let next = agent(
            &machine,
            &[lab.install(&token).as_slice(), &["--poll-interval=60s"]].concat(),
        );
        assert!(next.status.success(), "after {point:?}: {}", next.said);
        works(&machine).with(0, "All checks passed.");
        machine.shell("systemctl is-active --quiet nexplane-agent; systemctl is-enabled --quiet nexplane-agent");
    }
    println!("install: killed at {killed} of them");
    assert!(
        killed > 40 && reached(killed, &points),
        "{killed} of {points:?}"
    );
    let left = machine.shell("rm -f /etc/nexplane-agent/client.key.pending; ls -A /etc/nexplane-agent; ls -A /usr/local/bin | grep nexplane; ls -d /etc/nexplane-agent*");
    assert_eq!(
        left,
        "client.crt\nclient.key\nconfig.yaml\nnexplane-agent\n/etc/nexplane-agent\n"
    );
}

#[test]
fn a_first_installation_killed_at_any_point_is_completed_by_the_next() {
    let (machine, lab) = boot_with_lab();
    let fresh = || {
        agent(&machine, &["uninstall"]).with(0, "");
        machine.shell("rm -f /usr/local/bin/nexplane-agent; ! ls -d /etc/nexplane* 2>/dev/null");
        lab.token(&machine)
    };
    let token = fresh();
    let points = count(&machine, &lab.install(&token));
    println!("first install: {} kill points", points.len());
    let mut killed = 0;
    let mut agents = 1;
    for point in &points {
        let token = fresh();
        let arguments = lab.install(&token);
        killed += u32::from(kill_at(&machine, point, &arguments));
        let next = agent(&machine, &arguments);
        assert!(next.status.success(), "after {point:?}: {}", next.said);
        works(&machine).with(0, "All checks passed.");
        // The token was used once, whatever happened.
        agents += 1;
        let known = lab.agents(&machine).as_array().unwrap().len();
        assert_eq!(known, agents, "after {point:?}");
    }
    println!(
        "first install: {} kill points, {killed} killed",
        points.len()
    );
    assert!(
        killed > 40 && reached(killed, &points),
        "{killed} of {points:?}"
    );
}

#[test]
fn taking_an_agent_off_that_is_killed_at_any_point_is_completed_or_the_agent_installed_again() {
    let (machine, lab) = boot_with_lab();
    let install = |token: &str| agent(&machine, &lab.install(token));
    let left = || {
        machine.shell("ls -d /etc/nexplane* /var/lib/nexplane* /etc/systemd/system/*nexplane* /etc/systemd/system/*.wants/*nexplane* 2>/dev/null || true")
    };
    install(&lab.token(&machine)).with(0, "Installed.");
    let points = count(&machine, &["uninstall"]);
    assert_eq!(left(), "", "nothing is left by a run that is not killed");
    println!("uninstall: {} kill points", points.len());
    let mut killed = 0;
    for (number, point) in points.iter().enumerate() {
        let first = install(&lab.token(&machine));
        assert!(first.status.success(), "before {point:?}: {}", first.said);
        killed += u32::from(kill_at(&machine, point, &["uninstall"]));
        // Every other time somebody wants the agent back, and takes what is left for what it is.
        if number % 2 == 1 {
            let again = install(&lab.token(&machine));
            assert!(again.status.success(), "after {point:?}: {}", again.said);
            works(&machine).with(0, "All checks passed.");
            machine.shell("systemctl is-active --quiet nexplane-agent; systemctl is-enabled --quiet nexplane-agent");
        }
        let next = agent(&machine, &["uninstall"]);
        assert!(next.status.success(), "after {point:?}: {}", next.said);
        assert_eq!(left(), "", "after {point:?}: {}", next.said);
        machine.shell("! systemctl cat nexplane-agent 2>/dev/null; ! systemctl is-active --quiet nexplane-agent");
    }
    println!("uninstall: killed at {killed} of them");
    assert!(
        killed > 20 && reached(killed, &points),
        "{killed} of {points:?}"
    );
}
