//! A CA that this host does not know, taken from the user's file or by its fingerprint; and from nobody else.

use super::{boot, is_well, taken_back};
use crate::harness::{
    Agent, CONFIG_DIR, Doctor, Fix, Pki, Server, Site, SystemdBox, nginx, unbound,
};

/// A box with an agent that trusts the system's CAs alone.
fn untrusting() -> (SystemdBox, Pki, [Server; 2]) {
    let (machine, pki, servers) = boot();
    installed(&machine, &pki);
    (machine, pki, servers)
}

fn installed(machine: &SystemdBox, pki: &Pki) {
    Agent::enrolled(pki)
        .trusts_the_system_only()
        .configured("# the end")
        .install(machine);
    machine.shell("systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null");
}

/// A box whose control plane sends its root along, and that root's fingerprint.
fn sends_its_root() -> (SystemdBox, [Server; 2], String) {
    let machine = SystemdBox::new();
    let pki = Pki::new();
    let mut leaf = pki.leaf().make();
    leaf.chain.push_str(&pki.root());
    let servers = [
        unbound(&machine, &["127.0.0.1"]),
        nginx(&machine, &Site::control_plane(leaf, &pki)),
    ];
    installed(&machine, &pki);
    machine.put("/root/root.crt", "0600", &pki.root());
    let print = machine.shell("openssl x509 -in /root/root.crt -noout -fingerprint -sha256");
    let print = print.trim().split_once('=').unwrap().1.to_owned();
    machine.shell("rm /root/root.crt");
    (machine, servers, print)
}

fn configuration(machine: &SystemdBox) -> String {
    machine.shell(&format!("cat {CONFIG_DIR}/config.yaml"))
}

#[test]
fn the_users_file_is_taken_once_it_verifies_the_control_plane() {
    let (machine, pki, _servers) = untrusting();
    let before = configuration(&machine);
    machine.put(
        "/root/theirs.crt",
        "0600",
        &Pki::called("Somebody else").root(),
    );
    Fix::at(
        &machine,
        &["--yes", "--all", "--ca-cert", "/root/theirs.crt"],
    )
    .run()
    .status(1)
    .actions(&[])
    .for_person(
        "trust.unknown_authority",
        "does not make the control plane trustworthy",
    );
    // A file with more in it than a certificate: what else there is goes nowhere.
    let mixed = format!(
        "{}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pki.root()
    );
    machine.put("/root/ca.crt", "0600", &mixed);
    Fix::at(&machine, &["--yes", "--ca-cert", "/root/ca.crt"])
        .run()
        .status(0)
        .before(&["trust.unconfigured_ca"])
        .actions(&[
            ("reinstall-with-ca", "verified"),
            ("restart-service", "verified"),
        ])
        .after(&[]);
    let after = configuration(&machine);
    let line = format!("ca_cert: {CONFIG_DIR}/ca.crt\n");
    assert_eq!(after.replace(&line, ""), before);
    let ca = machine.shell(&format!(
        "stat -c %a {CONFIG_DIR}/ca.crt; cat {CONFIG_DIR}/ca.crt"
    ));
    assert!(ca.starts_with("644\n") && !ca.contains("PRIVATE"), "{ca}");
    is_well(&machine);
    taken_back(&machine);
    assert_eq!(configuration(&machine), before);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["trust.unknown_authority"]);
}

#[test]
fn what_is_presented_is_trusted_only_by_its_fingerprint() {
    let (machine, _servers, print) = sends_its_root();
    let wrong = print.replace(|c| ('0'..='8').contains(&c), "9");
    Fix::at(&machine, &["--yes", "--all"])
        .run()
        .status(1)
        .actions(&[
            ("reinstall-with-ca", "not_done"),
            ("restart-service", "not_done"),
        ])
        .reason("reinstall-with-ca", "--ca-fingerprint");
    for typed in [wrong.as_str(), &print[..23]] {
        Fix::at(&machine, &["--yes", "--all", "--ca-fingerprint", typed])
            .run()
            .status(1)
            .actions(&[
                ("reinstall-with-ca", "refused"),
                ("restart-service", "not_done"),
            ])
            .reason("reinstall-with-ca", "may not be the control plane");
    }
    assert!(!configuration(&machine).contains("ca_cert"));
    let typed = print.replace(':', "").to_lowercase();
    Fix::at(&machine, &["--yes", "--all", "--ca-fingerprint", &typed])
        .run()
        .status(0)
        .actions(&[
            ("reinstall-with-ca", "verified"),
            ("restart-service", "verified"),
        ])
        .after(&[]);
    is_well(&machine);
    taken_back(&machine);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["trust.unknown_authority"]);
}

#[test]
fn a_chain_without_its_root_is_no_reason_to_trust_anything() {
    let (machine, _pki, _servers) = untrusting();
    Fix::at(&machine, &["--yes", "--all"])
        .run()
        .status(1)
        .actions(&[])
        .for_person("trust.unknown_authority", "--ca-cert");
}

#[test]
fn a_ca_file_that_is_gone_is_written_again() {
    let (machine, pki, _servers) = boot();
    Agent::enrolled(&pki).install(&machine);
    machine.shell(&format!("rm {CONFIG_DIR}/ca.crt; systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null"));
    machine.put("/root/ca.crt", "0600", &pki.root());
    Fix::at(&machine, &["--yes", "--ca-cert", "/root/ca.crt"])
        .run()
        .status(0)
        .before(&["trust.ca_file"])
        .after(&[]);
    is_well(&machine);
    taken_back(&machine);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["trust.ca_file"]);
}

#[test]
fn a_good_ca_file_that_is_only_closed_is_opened_and_nothing_else_changed() {
    let (machine, pki, _servers) = boot();
    Agent::enrolled(&pki)
        .service("User=nobody")
        .install(&machine);
    machine.shell(&format!(
        "chown nobody {CONFIG_DIR}/c*; chown root:root {CONFIG_DIR}/ca.crt; chmod 600 {CONFIG_DIR}/ca.crt
         systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null"
    ));
    let picture = || {
        machine.shell(&format!(
            "cd {CONFIG_DIR}; stat -c '%n %a %U %G' *; sha256sum *"
        ))
    };
    let before = picture();
    assert!(before.contains("ca.crt 600 root root"), "{before}");
    // A file that the user has would do, too: it is not needed.
    machine.put("/root/ca.crt", "0600", &pki.root());
    Fix::at(&machine, &["--yes", "--ca-cert", "/root/ca.crt"])
        .run()
        .status(0)
        .before(&["trust.ca_file"])
        .actions(&[
            ("repair-permissions", "verified"),
            ("restart-service", "verified"),
        ])
        .after(&[]);
    let after = picture();
    assert_eq!(
        after,
        before.replace("ca.crt 600 root root", "ca.crt 640 root nogroup")
    );
    machine.shell(&format!(
        "setpriv --reuid nobody --regid nogroup --clear-groups cat {CONFIG_DIR}/ca.crt >/dev/null"
    ));
    is_well(&machine);
    taken_back(&machine);
    assert_eq!(picture(), before);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["trust.ca_file"]);
}

#[test]
fn a_closed_ca_file_of_somebody_else_is_not_worth_opening() {
    let (machine, pki, _servers) = boot();
    Agent::enrolled(&pki)
        .ca_file(&Pki::called("Somebody else").root())
        .service("User=nobody")
        .install(&machine);
    machine.shell(&format!(
        "chown nobody {CONFIG_DIR}/c*; chown root:root {CONFIG_DIR}/ca.crt; chmod 600 {CONFIG_DIR}/ca.crt
         systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null"
    ));
    Fix::at(&machine, &["--yes", "--all"])
        .run()
        .status(1)
        .before(&["trust.ca_file"])
        .actions(&[])
        .for_person("trust.ca_file", "--ca-cert");
    machine.put("/root/ca.crt", "0600", &pki.root());
    Fix::at(&machine, &["--yes", "--ca-cert", "/root/ca.crt"])
        .run()
        .status(0)
        .actions(&[
            ("reinstall-with-ca", "verified"),
            ("restart-service", "verified"),
        ]);
}

#[test]
fn a_closed_file_of_ssl_cert_file_is_for_its_owner_to_open() {
    let (machine, pki, _servers) = boot();
    Agent::enrolled(&pki)
        .trusts_the_system_only()
        .service("User=nobody\nEnvironment=SSL_CERT_FILE=/srv/corp/ca.pem")
        .install(&machine);
    machine.put("/srv/corp/ca.pem", "0600", &pki.root());
    machine.shell(&format!(
        "chown nobody {CONFIG_DIR}/c*; systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null"
    ));
    let before = configuration(&machine);
    Fix::at(&machine, &["--yes", "--all"])
        .run()
        .status(1)
        .before(&["trust.ca_file"])
        .actions(&[])
        .for_person("trust.ca_file", "its owner has to open it");
    assert_eq!(configuration(&machine), before);
    let left = machine.shell(&format!(
        "stat -c '%a %U' /srv/corp/ca.pem; ls {CONFIG_DIR}/ca.crt 2>&1 || true"
    ));
    assert!(
        left.starts_with("600 root\n") && left.contains("No such file"),
        "{left}"
    );
    // Who asks for it by name gets it.
    machine.put("/root/ca.crt", "0600", &pki.root());
    Fix::at(&machine, &["--yes", "--ca-cert", "/root/ca.crt"])
        .run()
        .status(0)
        .after(&[]);
}
