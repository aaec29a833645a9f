//! What the service sees and a shell does not: sandboxes, users, access control lists and environments of a real systemd.
//!
//! Each agent here does in its service what an agent does (it asks the control plane with curl, reads its files), so that
//! the service itself shows what the doctor says of it.

use crate::harness::{
    Agent, CONFIG_DIR, Diagnosis, Doctor, Pki, Server, Site, SystemdBox, URL, nginx, unbound,
};

/// Where a hardening tool would leave its drop-in.
const DROP_IN: &str = "/etc/systemd/system/nexplane-agent.service.d/10-hardening.conf";

/// The agent's program.
const PROGRAM: &str = "/usr/local/bin/nexplane-agent";

/// Asks the control plane, and ends in Go's words if it does not answer.
fn asks() -> String {
    format!(
        "curl --silent --output /dev/null --max-time 2 --cacert {CONFIG_DIR}/ca.crt {URL}/health || {{\n\
         echo 'FATAL: enrollment failed: Post \"{URL}/agent/enroll\": dial tcp 127.0.0.1:8000: connect: network is unreachable' >&2\n\
         exit 1; }}\nexec sleep infinity"
    )
}

/// Reads this file of its own, and ends in Go's words if it cannot.
fn reads(file: &str) -> String {
    format!(
        "cat {CONFIG_DIR}/{file} >/dev/null || {{ echo 'FATAL: open {CONFIG_DIR}/{file}: permission denied' >&2; exit 1; }}\n\
         exec sleep infinity"
    )
}

/// A box with a control plane that is well, an agent that does this, and this drop-in; its service was started, and is now so.
fn hardened(program: &str, drop_in: &str, state: &str) -> (SystemdBox, [Server; 2]) {
    prepared(program, drop_in, state, |_| {})
}

/// A box beside a control plane that is well.
fn beside_a_control_plane() -> (SystemdBox, Pki, [Server; 2]) {
    let machine = SystemdBox::new();
    let pki = Pki::new();
    let servers = [
        unbound(&machine, &["127.0.0.1"]),
        nginx(&machine, &Site::control_plane(pki.leaf().make(), &pki)),
    ];
    (machine, pki, servers)
}

/// Nothing of the service is in the way.
fn is_well(machine: &SystemdBox) {
    Doctor::at(machine)
        .diagnose()
        .found_no_error()
        .never("service.");
}

/// The service's sandbox is the cause, by this directive of the drop-in.
fn is_sandboxed(machine: &SystemdBox, directive: &str) -> Diagnosis {
    let diagnosis = Doctor::at(machine).diagnose();
    diagnosis
        .failed_because(&["service.sandboxed"])
        .names("service.sandboxed", directive)
        .names("service.sandboxed", DROP_IN);
    diagnosis
}

/// The same, with something done to the box's files before the service is started.
fn prepared(
    program: &str,
    drop_in: &str,
    state: &str,
    prepare: impl FnOnce(&SystemdBox),
) -> (SystemdBox, [Server; 2]) {
    let (machine, pki, servers) = beside_a_control_plane();
    Agent::enrolled(&pki).program(program).install(&machine);
    machine.put(DROP_IN, "0644", &format!("[Service]\n{drop_in}\n"));
    prepare(&machine);
    machine.shell("systemctl daemon-reload; systemctl enable nexplane-agent 2>/dev/null; systemctl start nexplane-agent 2>/dev/null || true");
    machine.until_service("ActiveState", |seen| seen == state);
    (machine, servers)
}

#[test]
fn without_restrictions_these_agents_run() {
    for program in [asks(), reads("client.key")] {
        let (machine, _servers) = hardened(&program, "Restart=no", "active");
        is_well(&machine);
    }
}

#[test]
fn a_service_without_a_network() {
    let secrets = "Environment=\"NP_SECRET=hunter2 hunter3\"\nSetCredential=key:hunter4";
    let drop_in = format!("PrivateNetwork=yes\n{secrets}");
    let (machine, _servers) = hardened(&asks(), &drop_in, "failed");
    Doctor::at(&machine)
        .args(&["-vv"])
        .diagnose()
        .does_not_print("hunter")
        .failed_because(&["service.sandboxed"])
        .symptom("service.failed", &["service.sandboxed"])
        .names("service.sandboxed", "PrivateNetwork=yes")
        .names("service.sandboxed", DROP_IN)
        .names("service.sandboxed", "fails for the service, because")
        .check("tcp", "pass")
        .check("registration", "pass");
}

#[test]
fn a_service_that_runs_without_a_network() {
    let (machine, _servers) = hardened("exec sleep infinity", "PrivateNetwork=yes", "active");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.sandboxed"])
        .never("service.outdated");
}

#[test]
fn a_service_whose_packets_are_dropped() {
    let (machine, _servers) = hardened(&asks(), "IPAddressDeny=any", "failed");
    is_sandboxed(&machine, "IPAddressDeny=");

    let (machine, _servers) = prepared(&asks(), "Restart=no", "failed", |machine| {
        let drop_in = "/etc/systemd/system/system.slice.d/10-net.conf";
        machine.put(drop_in, "0644", "[Slice]\nIPAddressDeny=any\n");
    });
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.sandboxed"])
        .names(
            "service.sandboxed",
            "/etc/systemd/system/system.slice.d/10-net.conf",
        );

    let allowed = "IPAddressDeny=any\nIPAddressAllow=localhost";
    let (machine, _servers) = hardened(&asks(), allowed, "active");
    is_well(&machine);
}

#[test]
fn a_service_without_the_internet_s_address_families() {
    let (machine, _servers) = hardened(&asks(), "RestrictAddressFamilies=AF_UNIX", "failed");
    is_sandboxed(&machine, "RestrictAddressFamilies=AF_UNIX");

    let enough = "RestrictAddressFamilies=AF_UNIX AF_INET AF_NETLINK";
    let (machine, _servers) = hardened(&asks(), enough, "active");
    is_well(&machine);
}

#[test]
fn a_service_that_does_not_find_its_files() {
    for restriction in [
        format!("InaccessiblePaths={CONFIG_DIR}"),
        "TemporaryFileSystem=/etc".to_owned(),
    ] {
        let (machine, _servers) = hardened(&reads("config.yaml"), &restriction, "failed");
        is_sandboxed(&machine, &restriction)
            .symptom("service.failed", &["service.sandboxed"])
            .names(
                "service.sandboxed",
                "works for you, fails for the service, because",
            )
            .check("config", "pass")
            .check("identity", "pass");
    }
}

#[test]
fn a_service_whose_program_is_hidden() {
    let (machine, _servers) = hardened(&asks(), "InaccessiblePaths=/usr/local/bin", "failed");
    is_sandboxed(&machine, "InaccessiblePaths=/usr/local/bin")
        .names("service.failed", "203")
        .symptom("service.failed", &["service.sandboxed"]);
}

#[test]
fn a_service_that_cannot_replace_its_certificate() {
    let writes = format!("touch {CONFIG_DIR}/client.crt && exit 9\nexec sleep infinity");
    for restriction in [
        "ProtectSystem=strict",
        "ProtectSystem=full",
        "ReadOnlyPaths=/etc",
    ] {
        let (machine, _servers) = hardened(&writes, restriction, "active");
        Doctor::at(&machine)
            .diagnose()
            .found_no_error()
            .notice("service.read_only")
            .names("service.read_only", restriction)
            .names("service.read_only", DROP_IN);
    }
    let must_write = format!("touch {CONFIG_DIR}/client.crt || exit 9\nexec sleep infinity");
    for opened in [
        "ConfigurationDirectory=nexplane-agent",
        "ReadWritePaths=-/etc/nexplane-agent",
    ] {
        let (machine, _servers) = hardened(
            &must_write,
            &format!("ProtectSystem=strict\n{opened}"),
            "active",
        );
        is_well(&machine);
    }
}

#[test]
fn a_system_call_that_is_forbidden() {
    let program = format!("exec curl --silent --output /dev/null {URL}/health");
    let (machine, _servers) = hardened(&program, "SystemCallFilter=~socket\nLimitCORE=0", "failed");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.sandboxed"])
        .symptom("service.failed", &["service.sandboxed"])
        .names("service.sandboxed", "SystemCallFilter=");
}

#[test]
fn root_without_its_powers_reads_no_files_of_others() {
    let of_nobody = |machine: &SystemdBox| {
        machine.shell(&format!("chown nobody {CONFIG_DIR}/config.yaml"));
    };
    let less = "CapabilityBoundingSet=~CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH";
    let (machine, _servers) = prepared(&reads("config.yaml"), less, "failed", of_nobody);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.unreadable"])
        .symptom("service.failed", &["config.unreadable"])
        .names(
            "config.unreadable",
            "works for you, fails for the service, because",
        )
        .names("config.unreadable", "CapabilityBoundingSet");

    let enough = "CapabilityBoundingSet=~CAP_DAC_OVERRIDE";
    let (machine, _servers) = prepared(&reads("config.yaml"), enough, "active", of_nobody);
    Doctor::at(&machine).diagnose().found_no_error();
}

/// Opens the agent's files by these commands to the user `daemon`, for its key stays closed to others.
fn opened(commands: &'static str) -> impl FnOnce(&SystemdBox) {
    move |machine| {
        machine.shell(&format!("cd {CONFIG_DIR}; {commands}"));
    }
}

#[test]
fn an_access_control_list_opens_what_the_mode_does_not() {
    let lists = "setfacl -m u:daemon:r config.yaml client.crt client.key";
    let (machine, _servers) =
        prepared(&reads("client.key"), "User=daemon", "active", opened(lists));
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .never("identity.exposed")
        .check("config", "pass")
        .check("identity", "pass");
}

#[test]
fn an_access_control_list_closes_what_the_mode_opens() {
    let lists = "chmod 0644 config.yaml client.crt; chown daemon client.key; setfacl -m u:daemon:- config.yaml";
    let (machine, _servers) = prepared(
        &reads("config.yaml"),
        "User=daemon",
        "failed",
        opened(lists),
    );
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.unreadable"])
        .names("config.unreadable", "access control list")
        .never("identity.unreadable");
}

#[test]
fn a_directory_on_the_way_that_is_closed() {
    let closed = "chmod 0644 config.yaml client.crt; chown daemon client.key; chmod 0700 .";
    let (machine, _servers) = prepared(
        &reads("config.yaml"),
        "User=daemon",
        "failed",
        opened(closed),
    );
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["config.unreadable"])
        .names(
            "config.unreadable",
            &format!("the directory {CONFIG_DIR} on the way"),
        );
}

#[test]
fn a_user_that_exists_only_while_it_runs() {
    let config = opened("chmod 0644 config.yaml client.crt");
    let (machine, _servers) = prepared(&reads("client.key"), "DynamicUser=yes", "failed", config);
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["identity.unreadable"])
        .symptom("service.failed", &["identity.unreadable"])
        .names(
            "identity.unreadable",
            "works for you, fails for the service, because it runs as `nexplane-agent`",
        );

    let group = "DynamicUser=yes\nSupplementaryGroups=staff";
    let lists = "chgrp staff config.yaml client.crt client.key; chmod 0640 config.yaml client.crt client.key";
    let (machine, _servers) = prepared(&reads("client.key"), group, "active", opened(lists));
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .check("config", "pass")
        .check("identity", "pass")
        .notice("service.read_only");
}

#[test]
fn an_environment_file_that_is_not_there() {
    let (machine, _servers) = hardened(
        &asks(),
        "EnvironmentFile=/etc/default/nexplane-agent",
        "failed",
    );
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.failed"])
        .names(
            "service.failed",
            "`EnvironmentFile=/etc/default/nexplane-agent` is not there",
        );

    let optional = "EnvironmentFile=-/etc/default/nexplane-agent";
    let (machine, _servers) = hardened(&asks(), optional, "active");
    is_well(&machine);
}

#[test]
fn a_definition_that_changed_and_a_process_that_is_older() {
    let (machine, _servers) = hardened(&asks(), "Restart=no", "active");
    let write = |text: &str| machine.put(DROP_IN, "0644", &format!("[Service]\n{text}\n"));
    // A file is newer than what systemd read only if its time says so.
    write("PrivateNetwork=yes");
    machine.shell(&format!("touch -d '+10 seconds' {DROP_IN}"));
    machine.until_service("NeedDaemonReload", |needed| needed == "yes");
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .notice("service.outdated")
        .names("service.outdated", "daemon-reload");

    machine.systemctl("daemon-reload");
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .notice("service.outdated")
        .names("service.outdated", "PrivateNetwork=yes");

    machine.shell("systemctl restart nexplane-agent || true");
    machine.until_service("ActiveState", |state| state == "failed");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.sandboxed"])
        .never("service.outdated");

    write("Environment=NO_PROXY=corp");
    machine.shell("systemctl daemon-reload; systemctl restart nexplane-agent");
    machine.until_service("ActiveState", |state| state == "active");
    write("Environment=NO_PROXY=corp,lab");
    machine.systemctl("daemon-reload");
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .notice("service.outdated")
        .names("service.outdated", "NO_PROXY");
}

#[test]
fn the_same_unit_read_from_its_files() {
    let (machine, _servers) = hardened(&asks(), "PrivateNetwork=yes", "failed");
    machine.put(
        "/etc/systemd/system/nexplane-.service.d/20-files.conf",
        "0644",
        "[Service]\nProtectSystem=strict\nReadOnlyPaths=%E/%N\n",
    );
    machine.put(
        "/etc/systemd/system.control/nexplane-agent.service.d/50-PrivateNetwork.conf",
        "0644",
        "[Service]\nPrivateNetwork=no\n",
    );
    machine.systemctl("daemon-reload");
    let here = || Doctor::at(&machine).args(&["--only", "service"]);
    let files = || here().args(&["--root", "/proc/1/root"]);
    for doctor in [here(), files()] {
        doctor
            .diagnose()
            .never("service.sandboxed")
            .notice("service.read_only")
            .names("service.read_only", "20-files.conf");
    }
    machine.shell("rm -r /etc/systemd/system.control; systemctl daemon-reload");
    for doctor in [here(), files()] {
        doctor
            .diagnose()
            .names("service.sandboxed", "PrivateNetwork=yes")
            .names("service.sandboxed", DROP_IN);
    }
}

#[test]
fn a_default_of_the_manager_is_every_service_s_environment() {
    let (machine, pki, _servers) = beside_a_control_plane();
    Agent::enrolled(&pki)
        .trusts_the_system_only()
        .install(&machine);
    machine.put("/etc/lab-ca.pem", "0644", &pki.root());
    machine.shell("systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null");
    machine.until_service("ActiveState", |state| state == "active");
    Doctor::at(&machine)
        .env("SSL_CERT_FILE", "/etc/lab-ca.pem")
        .diagnose()
        .failed_because(&["trust.unknown_authority"])
        .names(
            "trust.unknown_authority",
            "fails for the service, because SSL_CERT_FILE is set in this shell and not for the service",
        );

    machine.put(
        "/etc/systemd/system.conf.d/10-ca.conf",
        "0644",
        "[Manager]\nDefaultEnvironment=SSL_CERT_FILE=/etc/lab-ca.pem\n",
    );
    machine.shell("systemctl daemon-reexec; systemctl restart nexplane-agent");
    machine.until_service("ActiveState", |state| state == "active");
    let pid = machine.systemctl("show --property=MainPID --value nexplane-agent");
    let environment = machine.shell(&format!("tr '\\0' '\\n' </proc/{}/environ", pid.trim()));
    assert!(
        environment.contains("SSL_CERT_FILE=/etc/lab-ca.pem"),
        "{environment}"
    );
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .never("service.")
        .check("trust", "pass");
}

#[test]
fn a_ca_file_of_the_environment_that_the_service_may_not_read() {
    let (machine, pki, _servers) = beside_a_control_plane();
    Agent::enrolled(&pki)
        .trusts_the_system_only()
        .service("User=daemon\nEnvironment=SSL_CERT_FILE=/etc/lab-ca.pem")
        .install(&machine);
    machine.put("/etc/lab-ca.pem", "0600", &pki.root());
    machine.shell(&format!(
        "chown daemon {CONFIG_DIR}/*; systemctl daemon-reload; systemctl enable --now nexplane-agent 2>/dev/null"
    ));
    machine.until_service("ActiveState", |state| state == "active");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["trust.ca_file"])
        .names(
            "trust.ca_file",
            "works for you, fails for the service, because it runs as `daemon`",
        );
    machine.shell("setfacl -m u:daemon:r /etc/lab-ca.pem");
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .check("trust", "pass");
}

#[test]
fn a_sandbox_that_names_what_is_not_there() {
    let (machine, _servers) = hardened(&asks(), "ReadWritePaths=/srv/agent", "failed");
    Doctor::at(&machine)
        .diagnose()
        .failed_because(&["service.failed"])
        .names("service.failed", "226")
        .names("service.failed", "`ReadWritePaths=/srv/agent`")
        .names("service.failed", DROP_IN);
}

#[test]
fn an_environment_that_only_root_may_read_is_not_taken_for_empty() {
    let secret = "EnvironmentFile=/etc/default/nexplane-agent";
    let (machine, _servers) = prepared(&asks(), secret, "active", |machine| {
        machine.put(
            "/etc/default/nexplane-agent",
            "0600",
            "NP_SECRET=hunter2-hunter2\n",
        );
        machine.shell(&format!("chown daemon {CONFIG_DIR}/*"));
    });
    Doctor::run_by("daemon", &machine)
        .diagnose()
        .verdict("undetermined")
        .check("service", "unknown")
        .reason(
            "service",
            "EnvironmentFile=/etc/default/nexplane-agent may not be read by this user",
        )
        .check("config", "pass")
        .never("service.");
    Doctor::at(&machine)
        .diagnose()
        .found_no_error()
        .check("service", "pass")
        .does_not_print("hunter2");
}

#[test]
fn a_variable_that_only_the_running_service_has() {
    let (machine, _servers) = prepared(&asks(), "Restart=no", "active", |machine| {
        // By hand, on the service manager: in no file.
        machine.shell(
            "systemctl set-environment NO_PROXY=nowhere.test HTTPS_PROXY=http://127.0.0.1:9",
        );
        machine.shell("systemctl daemon-reload");
        machine.shell(&format!("sed -i 's/^curl/curl --noproxy \"*\"/' {PROGRAM}"));
    });
    let report = Doctor::at(&machine).diagnose();
    report.notes(
        "service",
        "has HTTPS_PROXY, NO_PROXY, which its unit does not set",
    );
}
