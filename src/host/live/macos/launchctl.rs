//! What `launchctl print` and `launchctl print-disabled` print. Pure.
//!
//! Blocks are opened by `name = {` and closed by `}`; what is the job's own stands one step in. `state = active` of what it belongs to
//! stands deeper, and is not its state. Apple calls none of this a format: what is not found is not told.

use std::collections::BTreeMap;

/// `Could not find service` (bootstrap_strerror(3)).
pub(super) const NO_SUCH_SERVICE: i32 = 113;
/// The most lines that are read, and the deepest block.
const LINES: usize = 10_000;
const DEPTH: usize = 16;

/// What is told of a job.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    /// `name = value` of the job itself.
    pub(super) own: BTreeMap<String, String>,
    /// `arguments`.
    pub(super) arguments: Vec<String>,
    /// What it is started with: what every job inherits, what launchd adds, what its definition says; the later wins.
    pub(super) variables: BTreeMap<String, String>,
    /// `properties`: `runatload`, `keepalive`, …
    pub(super) properties: Vec<String>,
}

/// Reads what `launchctl print system/LABEL` says.
pub(super) fn job(text: &str) -> Printed {
    let mut printed = Printed::default();
    let mut environments: [BTreeMap<String, String>; 3] = Default::default();
    let mut blocks: Vec<&str> = Vec::new();
    for line in text.lines().take(LINES).map(str::trim) {
        if line == "}" {
            blocks.pop();
            continue;
        }
        if let Some(name) = line
            .strip_suffix("= {")
            .or_else(|| line.strip_suffix("=> {"))
        {
            if blocks.len() == DEPTH {
                break;
            }
            blocks.push(name.trim());
            continue;
        }
        match blocks[..] {
            [_] => {
                if let Some((name, value)) = line.split_once(" = ") {
                    own(&mut printed, name, value.trim());
                }
            }
            [_, "arguments"] if !line.is_empty() => printed.arguments.push(line.to_owned()),
            [_, block] => {
                let of = [
                    "inherited environment",
                    "default environment",
                    "environment",
                ];
                if let Some(place) = of.iter().position(|it| *it == block)
                    && let Some((name, value)) = line.split_once(" => ")
                {
                    environments[place].insert(name.to_owned(), value.to_owned());
                }
            }
            _ => {}
        }
    }
    for environment in environments {
        printed.variables.extend(environment);
    }
    printed
}

fn own(printed: &mut Printed, name: &str, value: &str) {
    if name == "properties" {
        let words = value.split('|').map(|word| word.trim().to_owned());
        printed.properties = words.filter(|word| !word.is_empty()).collect();
    } else {
        printed
            .own
            .entry(name.to_owned())
            .or_insert_with(|| value.to_owned());
    }
}

/// Whether `launchctl print-disabled system` says of a job that it is disabled: `"LABEL" => disabled`, before macOS 13 `=> true`.
pub(super) fn is_disabled(text: &str, label: &str) -> Option<bool> {
    let wanted = format!("\"{label}\" => ");
    let mut lines = text.lines().take(LINES).map(str::trim);
    let word = lines.find_map(|line| line.strip_prefix(&wanted))?;
    match word.trim_end_matches([';', ',']) {
        "disabled" | "true" => Some(true),
        "enabled" | "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in super::super) const RUNNING: &str = "system/ai.nexplane.agent = {\n\
\tactive count = 1\n\
\tpath = /Library/LaunchDaemons/ai.nexplane.agent.plist\n\
\ttype = LaunchDaemon\n\
\tstate = running\n\
\n\
\tprogram = /usr/local/bin/nexplane-agent\n\
\targuments = {\n\
\t\t/usr/local/bin/nexplane-agent\n\
\t\trun\n\
\t\t--config\n\
\t\t/Library/Application Support/agent/config.yaml\n\
\t}\n\
\n\
\tinherited environment = {\n\
\t\tHTTPS_PROXY => http://old.example.com:3128\n\
\t}\n\
\n\
\tdefault environment = {\n\
\t\tPATH => /usr/bin:/bin:/usr/sbin:/sbin\n\
\t}\n\
\n\
\tenvironment = {\n\
\t\tHTTPS_PROXY => http://proxy.example.com:3128\n\
\t\tXPC_SERVICE_NAME => ai.nexplane.agent\n\
\t}\n\
\n\
\tdomain = system\n\
\tminimum runtime = 10\n\
\texit timeout = 20\n\
\truns = 2\n\
\tpid = 4711\n\
\timmediate reason = speculative\n\
\tforks = 0\n\
\texecs = 1\n\
\tinitialized = 1\n\
\ttrampolined = 1\n\
\tlast terminating signal = Killed: 9\n\
\n\
\tresource coalition = {\n\
\t\tID = 612\n\
\t\ttype = resource\n\
\t\tstate = active\n\
\t\tactive count = 1\n\
\t\tname = ai.nexplane.agent\n\
\t}\n\
\n\
\tspawn type = daemon (3)\n\
\tjetsam priority = 40\n\
\tproperties = keepalive | runatload | inferred program\n\
}\n";

    #[test]
    fn a_job_is_read_from_its_own_lines() {
        let printed = job(RUNNING);
        let own = |name: &str| printed.own.get(name).map(String::as_str);
        assert_eq!(own("state"), Some("running"));
        assert_eq!(own("pid"), Some("4711"));
        assert_eq!(own("runs"), Some("2"));
        assert_eq!(own("last terminating signal"), Some("Killed: 9"));
        assert_eq!(
            printed.arguments[3],
            "/Library/Application Support/agent/config.yaml"
        );
        assert_eq!(
            printed.variables["HTTPS_PROXY"],
            "http://proxy.example.com:3128"
        );
        assert_eq!(printed.variables["PATH"], "/usr/bin:/bin:/usr/sbin:/sbin");
        assert_eq!(
            printed.properties,
            ["keepalive", "runatload", "inferred program"]
        );
    }

    #[test]
    fn disabled_in_the_words_of_both_ages() {
        let newer = "\n\tdisabled services = {\n\t\t\"com.apple.ftpd\" => disabled\n\t\t\"ai.nexplane.agent\" => enabled\n\t}\n\tlogin item associations = {\n\t}\n";
        assert_eq!(is_disabled(newer, "com.apple.ftpd"), Some(true));
        assert_eq!(is_disabled(newer, "ai.nexplane.agent"), Some(false));
        assert_eq!(is_disabled(newer, "ai.nexplane"), None);
        let older = "disabled services = {\n\t\"ai.nexplane.agent\" => true\n}\n";
        assert_eq!(is_disabled(older, "ai.nexplane.agent"), Some(true));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "([ -~\t]|= \\{|\\}|\n| = | => |arguments|state){0,200}") {
            let printed = job(&text);
            prop_assert!(printed.arguments.len() <= text.lines().count());
            is_disabled(&text, "x");
        }
    }
}
