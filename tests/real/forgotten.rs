//! The enrollment token after an enrollment that worked, and after each that did not: nobody on the host has it any more. What may
//! be left is the key that waits for its certificate, for its owner alone.

use crate::harness::{Ended, PROGRAM, SystemdBox, agent, boot_with_lab, ended};

const DROP_IN: &str = "/etc/systemd/system/nexplane-agent.service.d/no.conf";

/// Where the token is looked for, from a moment on.
struct Search<'a> {
    machine: &'a SystemdBox,
    token: &'a str,
}

impl<'a> Search<'a> {
    fn from_now_on(machine: &'a SystemdBox, token: &'a str) -> Self {
        machine.put("/run/pattern", "0600", &format!("{token}\n"));
        machine.shell("touch -d '1 second ago' /run/pattern; touch /run/before; sync");
        Self { machine, token }
    }

    /// Every file written since, the journal, what systemd knows, environments and arguments of all processes; where it is, a line
    /// each.
    fn found(&self) -> String {
        self.machine.shell(
            "there() { grep -laF -f /run/pattern \"$@\" 2>/dev/null || true; }
             find /etc /var /run /root /home /opt /srv /usr/local /tmp /dev/shm -type f ! -path /run/pattern -newer /run/before -print0 \
                 | xargs -0 -r sh -c 'grep -laF -f /run/pattern \"$@\" 2>/dev/null || true' sh
             there /proc/[0-9]*/environ /proc/[0-9]*/cmdline
             journalctl --sync
             journalctl --all --output=export | grep -aF -f /run/pattern | sed 's/^/journal: /'
             { systemctl show-environment; systemctl show nexplane-agent; systemctl cat nexplane-agent; } 2>/dev/null \
                 | grep -aF -f /run/pattern | sed 's/^/systemd: /'
             true",
        )
    }

    #[track_caller]
    fn finds_nothing(&self, after: &Ended, case: &str) {
        assert!(!after.said.contains(self.token), "{case}: {}", after.said);
        assert_eq!(self.found(), "", "{case}");
    }
}

/// What is left of an enrollment that did not succeed: nothing, or the key that waits.
#[track_caller]
fn left(machine: &SystemdBox, case: &str) {
    let left =
        machine.shell("find /etc/nexplane-agent -type f -printf '%f %m\\n' 2>/dev/null || true");
    assert!(
        matches!(left.as_str(), "" | "client.key.pending 600\n"),
        "{case}: {left}"
    );
}

#[test]
fn a_token_that_was_used_is_nowhere_afterwards() {
    let (machine, lab) = boot_with_lab();
    for way in 0..3 {
        let token = &lab.tokens[way];
        machine.put("/run/token", "0600", token);
        machine.shell("touch -d '1 minute ago' /run/token");
        let search = Search::from_now_on(&machine, token);
        let mut command = machine.command(PROGRAM);
        command.args(&lab.install(token)[..5]);
        match way {
            0 => command.args(["--token", token]),
            1 => command.args(["--token-file", "/run/token"]),
            _ => command.env("NEXPLANE_ENROLLMENT_TOKEN", token),
        };
        let installed = ended(command).with(0, "Installed.");
        search.finds_nothing(&installed, &format!("way {way}"));
        if way == 0 {
            // It is found where it is.
            machine.shell("cp /run/pattern /etc/planted; systemd-cat < /run/pattern");
            let found = search.found();
            assert!(
                found.contains("/etc/planted") && found.contains("journal: "),
                "{found}"
            );
            machine.shell("rm /etc/planted");
        }
        agent(&machine, &["uninstall"]).with(0, "Uninstalled.");
        machine.shell("rm -f /run/token");
    }
}

#[test]
fn a_token_that_did_not_serve_is_nowhere_either() {
    let (machine, lab) = boot_with_lab();
    let used = &lab.tokens[0];
    agent(&machine, &lab.install(used)).with(0, "Installed.");
    agent(&machine, &["uninstall"]).with(0, "Uninstalled.");
    let other: String = used.chars().rev().collect();
    let other = format!("nxe_{}", &other[..other.len() - 4]);
    let good = &lab.tokens[1];
    let search = Search::from_now_on(&machine, used);
    let refused = agent(&machine, &lab.install(used)).with(1, "token.used");
    search.finds_nothing(&refused, "used");
    left(&machine, "used");
    let search = Search::from_now_on(&machine, &other);
    let refused = agent(&machine, &lab.install(&other)).with(1, "token.invalid");
    search.finds_nothing(&refused, "unknown");
    left(&machine, "unknown");
    let search = Search::from_now_on(&machine, good);
    for (case, change, words) in [
        (
            "untrusted",
            ("--ca-cert", "/etc/ssl/certs/ca-certificates.crt"),
            "trust.",
        ),
        (
            "nobody there",
            ("--control-plane", "https://127.0.0.1:1"),
            "tcp.refused",
        ),
        (
            "no https",
            ("--control-plane", "http://127.0.0.1:1"),
            "config.url",
        ),
        ("no such level", ("--log-level", "loud"), ""),
    ] {
        let mut arguments = lab.install(good).to_vec();
        match arguments.iter().position(|it| *it == change.0) {
            Some(at) => arguments[at + 1] = change.1,
            None => arguments.extend([change.0, change.1]),
        }
        let refused = agent(&machine, &arguments);
        assert_ne!(refused.status.code(), Some(0), "{case}: {}", refused.said);
        assert!(refused.said.contains(words), "{case}: {}", refused.said);
        search.finds_nothing(&refused, case);
        left(&machine, case);
    }
    // Enrolled, and then the service does not come up: the key waits, and the same token serves again.
    machine.put(DROP_IN, "0644", "[Service]\nExecStartPre=/bin/false\n");
    let failed = agent(&machine, &lab.install(good)).with(1, "the same token can be tried again");
    search.finds_nothing(&failed, "it does not come up");
    left(&machine, "it does not come up");
    machine.shell(&format!("rm -r $(dirname {DROP_IN})"));
    // Killed as it puts things into their places, at one moment and at another.
    for when in [2, 4, 6] {
        let mut command = machine.command("strace");
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=rename"])
            .args([
                "-e",
                &format!("inject=rename:signal=KILL:when={when}"),
                PROGRAM,
            ])
            .args(lab.install(good));
        let killed = ended(command);
        assert_ne!(killed.status.code(), Some(0), "{}", killed.said);
        search.finds_nothing(&killed, &format!("killed {when}"));
    }
    let installed = agent(&machine, &lab.install(good)).with(0, "nstalled.");
    search.finds_nothing(&installed, "at last");
}
