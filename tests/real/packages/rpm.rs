//! The RPM package, by the real rpm, on a machine whose own packages are of another kind.

use super::{asked, bring, differences, disk, package, serves_people};
use crate::harness::SystemdBox;

const AT: &str = "/srv/nexplane-doctor.rpm";
/// A database of its own: the machine has none.
const RPM: &str = "rpm --dbpath /srv/rpmdb";

#[test]
fn it_is_installed_serves_and_leaves_nothing() {
    let machine = SystemdBox::new();
    // These are of every distribution that has rpm.
    machine.shell("mkdir -p /usr/share/licenses /usr/share/zsh/site-functions");
    let before = disk(&machine);
    bring(&machine, &package(".x86_64.rpm"), AT);
    // What it needs is there, in packages that rpm does not know of.
    machine.shell(&format!("{RPM} -i --force-debian --nodeps {AT}"));
    assert_eq!(
        machine.shell(&format!("{RPM} -V --nodeps nexplane-doctor")),
        ""
    );
    serves_people(&machine);
    machine.shell(
        "systemctl enable --now nexplane-doctor.timer 2>&1; nexplane-doctor integrate systemd",
    );
    machine.shell(&format!("{RPM} -U --force-debian --force --nodeps {AT}"));
    machine.shell(
        "systemctl is-active nexplane-doctor.timer; test -e /etc/systemd/system/nexplane-agent.service.d/50-nexplane-doctor.conf",
    );
    machine.shell(&format!("{RPM} -e --force-debian nexplane-doctor"));
    let left = differences(&before, &disk(&machine));
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn it_is_whole_and_of_root_s_files_alone() {
    let package = package(".x86_64.rpm");
    asked("rpm", &["-K"], &package).with(0, "digests OK");
    let owners = "[%{FILEUSERNAME} %{FILEGROUPNAME} %{FILEMODES:perms} %{FILENAMES}\n]";
    let listed =
        asked("rpm", &["-qp", "--qf", owners], &package).with(0, "/usr/bin/nexplane-doctor");
    for line in listed.said.lines() {
        let mode = match line.contains("/usr/bin/") {
            true => "-rwxr-xr-x",
            false => "-rw-r--r--",
        };
        assert!(line.starts_with(&format!("root root {mode} /")), "{line}");
    }
    // It needs nothing but a shell for its scripts, and what rpm itself must be able to do.
    let needs = asked("rpm", &["-qpR"], &package).with(0, "/bin/sh").said;
    let other = needs.lines().find(|line| {
        *line != "/bin/sh" && !line.starts_with("rpmlib(") && !line.starts_with("config(")
    });
    assert_eq!(other, None);
}

#[test]
fn rpmlint_has_nothing_to_say() {
    let reasons = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/rpm/rpmlint.toml");
    asked("rpmlint", &["--config", reasons], &package(".x86_64.rpm"))
        .with(0, "0 errors, 0 warnings");
}
