//! The README's commands of the agent, one after the other, on a machine of their own.

use std::fs;

use crate::harness::{Lab, SystemdBox, bring_agent, ended};

/// The host in the README's examples.
const EXAMPLE: &str = "https://nexplane.example.com:8000";

#[test]
fn every_command_of_the_agent_in_the_readme_succeeds() {
    let machine = SystemdBox::new();
    bring_agent(&machine);
    let lab = Lab::serve(&machine);
    machine.put("/srv/token.txt", "0600", &lab.tokens[0]);
    machine.shell(&format!(
        "cp {} /srv/ca.crt; cp /opt/nexplane-agent /usr/bin/",
        lab.ca_cert
    ));
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split("\n## The agent\n").nth(1).unwrap();
    let commands: Vec<&str> = section
        .lines()
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("nexplane-agent "))
        .map(|line| line.split(" #").next().unwrap_or(line).trim())
        .collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let mut shell = machine.command("env");
        shell.args([
            "-C",
            "/srv",
            "sh",
            "-c",
            &command.replace(EXAMPLE, &lab.url),
        ]);
        ended(shell).with(0, "");
    }
}
