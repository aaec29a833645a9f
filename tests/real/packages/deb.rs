//! The Debian package.

use super::{asked, bring, differences, disk, package, serves_people};
use crate::harness::{Place, SystemdBox};

const AT: &str = "/srv/nexplane-doctor.deb";

/// A machine on which it is installed.
pub(super) fn installed() -> SystemdBox {
    let machine = SystemdBox::new();
    bring(&machine, &package("_amd64.deb"), AT);
    machine.shell(&format!("dpkg -i {AT}"));
    machine
}

/// That it is installed whole, and what is in it finds itself.
fn is_well(machine: &Place) {
    assert_eq!(machine.shell("dpkg --verify nexplane-doctor"), "");
    let version = env!("CARGO_PKG_VERSION");
    let told = machine.shell("nexplane-doctor --version; nexplane-agent version");
    assert_eq!(told.matches(version).count(), 2, "{told}");
    let drop_in = machine.shell("nexplane-doctor integrate systemd --dry-run");
    assert!(drop_in.contains("/usr/bin/nexplane-doctor"), "{drop_in}");
}

#[test]
fn it_is_installed_serves_and_leaves_nothing() {
    let machine = SystemdBox::new();
    let before = disk(&machine);
    bring(&machine, &package("_amd64.deb"), AT);
    machine.shell(&format!("dpkg -i {AT}"));
    is_well(&machine);
    serves_people(&machine);
    let completed = machine
        .shell("zsh -fc 'autoload -U compinit; compinit -u -D; print $_comps[nexplane-doctor] $_comps[nexplane-agent]'");
    assert_eq!(completed.trim(), "_nexplane-doctor _nexplane-agent");
    // Off until it is wanted.
    let state = "systemctl is-enabled nexplane-doctor.timer || true";
    assert_eq!(machine.shell(state).trim(), "disabled");
    // An upgrade leaves as it is what the host's administrator has decided.
    machine.shell(&format!(
        "systemctl enable --now nexplane-doctor.timer 2>&1
         echo 'NEXPLANE_DOCTOR_OPTIONS=--format json' >/etc/default/nexplane-doctor
         nexplane-doctor integrate systemd
         mkdir -p /var/lib/nexplane-doctor
         dpkg -i {AT} </dev/null"
    ));
    is_conffile_changed(&machine);
    machine.shell(
        "systemctl is-active nexplane-doctor.timer; test -e /etc/systemd/system/nexplane-agent.service.d/50-nexplane-doctor.conf",
    );
    machine.shell("dpkg -r nexplane-doctor");
    let kept = differences(&before, &disk(&machine)).join("\n");
    assert!(
        kept.contains("/etc/default/nexplane-doctor") && kept.contains("/var/lib/nexplane-doctor"),
        "{kept}"
    );
    assert_eq!(kept.lines().count(), 2, "{kept}");
    machine.shell("dpkg -P nexplane-doctor; ! dpkg-query -W nexplane-doctor 2>/dev/null");
    let left = differences(&before, &disk(&machine));
    assert!(left.is_empty(), "{left:#?}");
    let failed = machine.shell("systemctl list-units --all --no-legend 'nexplane*'");
    assert_eq!(failed.trim(), "");
}

fn is_conffile_changed(machine: &Place) {
    let options = machine.shell("cat /etc/default/nexplane-doctor");
    assert_eq!(options, "NEXPLANE_DOCTOR_OPTIONS=--format json\n");
}

#[test]
fn all_in_it_is_root_s_and_nobody_else_s_to_change() {
    let listed =
        asked("dpkg", &["-c"], &package("_amd64.deb")).with(0, "./usr/bin/nexplane-doctor");
    for line in listed.said.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let program = words[5].starts_with("./usr/bin/nexplane");
        let mode = match (&words[0][..1], program) {
            ("d", _) | (_, true) => "rwxr-xr-x",
            _ => "rw-r--r--",
        };
        assert_eq!((&words[0][1..], words[1]), (mode, "0/0"), "{line}");
    }
}

#[test]
fn lintian_has_nothing_to_say() {
    let said = asked(
        "lintian",
        &["--fail-on", "error,warning", "--tag-display-limit", "0"],
        &package("_amd64.deb"),
    );
    let said = said.with(0, "").said;
    assert!(
        !said
            .lines()
            .any(|line| line.starts_with("E: ") || line.starts_with("W: ")),
        "{said}"
    );
}
