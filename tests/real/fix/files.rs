//! The configuration mended, and the agent's files opened to its user and closed to others.

use super::{boot_with, is_well, taken_back};
use crate::harness::{CONFIG_DIR, Doctor, Fix, Place, SystemdBox, URL};

/// The configuration, as `write` leaves it: the agent's own with something else in the place of one line.
fn rewritten(machine: &SystemdBox, line: &str, with: &str) -> String {
    let path = format!("{CONFIG_DIR}/config.yaml");
    let text = read(machine, &path);
    let changed = text.replace(line, with);
    assert_ne!(changed, text, "{text}");
    machine.put(&path, "0600", &changed);
    changed
}

fn read(place: &Place, path: &str) -> String {
    place.shell(&format!("cat {path}"))
}

fn permissions(machine: &SystemdBox, path: &str) -> String {
    machine
        .shell(&format!("stat -c '%a %U %G' {path}"))
        .trim()
        .to_owned()
}

#[test]
fn a_misspelt_key_is_mended_and_every_other_byte_stays() {
    let (machine, _servers) = boot_with(|agent| agent);
    let before = rewritten(
        &machine,
        "control_plane: ",
        "# ours\r\n# since 2024\r\nControl-Plane:    ",
    );
    Fix::at(&machine, &["--yes"])
        .run()
        .status(0)
        .before(&["config.invalid"])
        .actions(&[("mend-key", "verified"), ("restart-service", "verified")])
        .after(&[]);
    let after = read(&machine, &format!("{CONFIG_DIR}/config.yaml"));
    assert_eq!(after, before.replace("Control-Plane", "control_plane"));
    is_well(&machine);
    taken_back(&machine);
    assert_eq!(read(&machine, &format!("{CONFIG_DIR}/config.yaml")), before);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.invalid"]);
}

#[test]
fn a_key_of_which_nobody_knows_what_it_means_is_left() {
    let (machine, _servers) = boot_with(|agent| {
        agent
            .configured("colour: red")
            .configured("loglevel: debug")
    });
    Fix::at(&machine, &["--yes", "--all"])
        .run()
        .for_person("config.unknown_key", "not certain");
}

#[test]
fn a_url_without_its_scheme_and_with_a_path_is_mended() {
    let (machine, _servers) = boot_with(|agent| agent);
    let before = rewritten(
        &machine,
        URL,
        "\"cp.nexplane.test:8000/health\"  # the new one",
    );
    Fix::at(&machine, &["--yes"])
        .run()
        .status(0)
        .before(&["config.url"])
        .actions(&[("mend-url", "verified"), ("restart-service", "verified")])
        .after(&[]);
    let after = read(&machine, &format!("{CONFIG_DIR}/config.yaml"));
    assert_eq!(after, before.replace("cp.nexplane.test:8000/health", URL));
    is_well(&machine);
    taken_back(&machine);
    assert_eq!(read(&machine, &format!("{CONFIG_DIR}/config.yaml")), before);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.url"]);
}

#[test]
fn of_a_url_without_a_port_the_one_is_meant_where_a_control_plane_answers() {
    let (machine, _servers) = boot_with(|agent| agent);
    rewritten(&machine, URL, "http://cp.nexplane.test");
    Fix::at(&machine, &["--yes"]).run().status(0).after(&[]);
    let after = read(&machine, &format!("{CONFIG_DIR}/config.yaml"));
    assert!(
        after.starts_with(&format!("control_plane: {URL}\n")),
        "{after}"
    );
}

#[test]
fn a_url_that_means_nothing_certain_is_left_to_a_person() {
    let (machine, _servers) = boot_with(|agent| agent);
    for (url, why) in [
        (
            "http://cp.nexplane.test:8001",
            "no control plane answers there",
        ),
        ("https://cp nexplane.test:8000", "not certain"),
    ] {
        let text = format!("control_plane: {url}\n");
        machine.put(&format!("{CONFIG_DIR}/config.yaml"), "0600", &text);
        Fix::at(&machine, &["--yes", "--all"])
            .run()
            .status(1)
            .actions(&[])
            .for_person("config.url", why);
        assert_eq!(read(&machine, &format!("{CONFIG_DIR}/config.yaml")), text);
    }
}

#[test]
fn files_are_opened_to_the_services_user_and_to_nobody_else() {
    let (machine, _servers) = boot_with(|agent| {
        let reads = format!(
            "cat {CONFIG_DIR}/config.yaml {CONFIG_DIR}/client.key >/dev/null || exit 1; exec sleep infinity"
        );
        agent.service("User=nobody").program(&reads)
    });
    let group = machine.shell("id -gn nobody").trim().to_owned();
    machine.until_service("ActiveState", |state| state == "failed");
    Fix::at(&machine, &["--yes"])
        .run()
        .status(0)
        .before(&["config.unreadable"])
        .actions(&[
            ("repair-permissions", "verified"),
            ("restart-service", "verified"),
        ])
        .after(&[]);
    let of = |name: &str| permissions(&machine, &format!("{CONFIG_DIR}/{name}"));
    assert_eq!(of("client.key"), "600 nobody root");
    assert_eq!(of("config.yaml"), format!("640 root {group}"));
    assert_eq!(of("client.crt"), format!("640 root {group}"));
    is_well(&machine);
    taken_back(&machine);
    for name in ["client.key", "config.yaml", "client.crt"] {
        assert_eq!(of(name), "600 root root", "{name}");
    }
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.unreadable"]);
}

#[test]
fn a_key_that_others_can_read_is_closed() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.shell(&format!("chmod 644 {CONFIG_DIR}/client.key"));
    Doctor::at(&machine).diagnose().notice("identity.exposed");
    Fix::at(&machine, &["--yes"]).run().status(0);
    assert_eq!(
        permissions(&machine, &format!("{CONFIG_DIR}/client.key")),
        "600 root root"
    );
    Doctor::at(&machine).diagnose().never("identity.");
    taken_back(&machine);
    assert_eq!(
        permissions(&machine, &format!("{CONFIG_DIR}/client.key")),
        "644 root root"
    );
}

#[test]
fn a_key_that_is_a_link_to_somewhere_else_is_not_followed_where_others_could_have_laid_it() {
    let (machine, _servers) = boot_with(|agent| agent);
    machine.shell(&format!(
        "mkdir -m 0777 /srv/shared; mv {CONFIG_DIR}/client.key /srv/key; chmod 644 /srv/key
         ln -s /srv/key /srv/shared/client.key
         sed -i 's|^key_path: .*|key_path: /srv/shared/client.key|' {CONFIG_DIR}/config.yaml"
    ));
    Doctor::at(&machine).diagnose().notice("identity.exposed");
    Fix::at(&machine, &["--yes"]).run();
    // The real file is named by where it is, and no link on the way to it is anybody else's.
    assert_eq!(permissions(&machine, "/srv/key"), "600 root root");
}
