//! How the assignments of a directive become the one value that `systemctl show` prints, where that is more than the last
//! or all of them (systemd.exec(5)). Pure.

use std::collections::{BTreeMap, BTreeSet};

/// Every capability of Linux (capabilities(7)), which is what a service has whose unit does not say otherwise.
const CAPABILITIES: [&str; 41] = [
    "cap_audit_control",
    "cap_audit_read",
    "cap_audit_write",
    "cap_block_suspend",
    "cap_bpf",
    "cap_checkpoint_restore",
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_kill",
    "cap_lease",
    "cap_linux_immutable",
    "cap_mac_admin",
    "cap_mac_override",
    "cap_mknod",
    "cap_net_admin",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_raw",
    "cap_perfmon",
    "cap_setfcap",
    "cap_setgid",
    "cap_setpcap",
    "cap_setuid",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_chroot",
    "cap_sys_module",
    "cap_sys_nice",
    "cap_sys_pacct",
    "cap_sys_ptrace",
    "cap_sys_rawio",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_syslog",
    "cap_wake_alarm",
];

/// `CapabilityBoundingSet=`: all, until it is assigned.
pub(super) fn bounding_set(assignments: &[String]) -> String {
    capabilities(assignments, CAPABILITIES.map(str::to_owned).into())
}

/// `AmbientCapabilities=`: none, until it is assigned.
pub(super) fn ambient_set(assignments: &[String]) -> String {
    capabilities(assignments, BTreeSet::new())
}

/// The first assignment replaces what was initially there, later ones add to it, or take away (`~`); an empty one leaves none.
fn capabilities(assignments: &[String], initial: BTreeSet<String>) -> String {
    let mut set = initial.clone();
    for assignment in assignments {
        let names = assignment.trim_start_matches('~');
        let inverted = names.len() < assignment.len();
        let named: BTreeSet<String> = names.split_whitespace().map(str::to_lowercase).collect();
        let replaces = named.is_empty() || set == initial;
        set = match (replaces, inverted) {
            (true, true) => CAPABILITIES
                .map(str::to_owned)
                .into_iter()
                .filter(|name| !named.contains(name))
                .collect(),
            (true, false) => named,
            (false, true) => set.difference(&named).cloned().collect(),
            (false, false) => set.union(&named).cloned().collect(),
        };
    }
    set.into_iter().collect::<Vec<_>>().join(" ")
}

/// `RestrictAddressFamilies=`: the first assignment says whether the families named are the only ones or those that are
/// not; later ones add to the list or take from it. Nothing, if no assignment counts.
pub(super) fn families(assignments: &[String]) -> Option<String> {
    let denies = |assignment: &str| assignment.starts_with('~');
    let is_deny_list = denies(assignments.first()?);
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for assignment in assignments {
        let named = assignment
            .trim_start_matches('~')
            .split_whitespace()
            .filter(|name| *name != "none");
        match denies(assignment) == is_deny_list {
            true => names.extend(named),
            false => named.for_each(|name| {
                names.remove(name);
            }),
        }
    }
    let names: Vec<&str> = names.into_iter().collect();
    Some(format!(
        "{}{}",
        if is_deny_list { "~" } else { "" },
        names.join(" ")
    ))
}

/// What `DynamicUser=` brings with it where the unit does not say otherwise.
pub(super) fn dynamic_user(properties: &mut BTreeMap<String, String>) {
    let on = |value: &String| matches!(value.as_str(), "yes" | "true" | "on" | "1");
    if !properties.get("DynamicUser").is_some_and(on) {
        return;
    }
    for (name, implied) in [
        ("ProtectSystem", "strict"),
        ("ProtectHome", "read-only"),
        ("PrivateTmp", "yes"),
    ] {
        let value = properties
            .entry(name.to_owned())
            .or_insert_with(|| "no".to_owned());
        if matches!(value.as_str(), "no" | "false" | "off" | "0") {
            *value = implied.to_owned();
        }
    }
}

/// Whose names and directories specifiers stand for (systemd.unit(5), "Specifiers").
pub(super) struct Specifiers<'a> {
    /// The unit's name, with `.service`.
    pub(super) unit: &'a str,
    /// The host's name.
    pub(super) hostname: &'a str,
    /// What `/etc/machine-id` says.
    pub(super) machine_id: &'a str,
}

impl Specifiers<'_> {
    /// Puts in what they stand for. One that only a running system knows stays as it is.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            expanded.push_str(before);
            let mut chars = after.chars();
            match chars
                .next()
                .map(|specifier| (specifier, self.value(specifier)))
            {
                Some((_, Some(value))) => expanded.push_str(&value),
                Some((specifier, None)) => expanded.extend(['%', specifier]),
                None => expanded.push('%'),
            }
            rest = chars.as_str();
        }
        expanded.push_str(rest);
        expanded
    }

    fn value(&self, specifier: char) -> Option<String> {
        let stem = self.unit.trim_end_matches(".service");
        let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
        let value = match specifier {
            '%' => "%",
            'n' => self.unit,
            'N' => stem,
            'p' | 'P' => prefix,
            'i' | 'I' => instance,
            'j' | 'J' => prefix.rsplit('-').next().unwrap_or(prefix),
            'H' => self.hostname,
            'l' => self.hostname.split('.').next().unwrap_or_default(),
            'm' if !self.machine_id.is_empty() => self.machine_id,
            'E' => "/etc",
            'S' => "/var/lib",
            'C' => "/var/cache",
            'L' => "/var/log",
            't' => "/run",
            'T' => "/tmp",
            'V' => "/var/tmp",
            'h' => "/root",
            'u' | 'g' => "root",
            'U' | 'G' => "0",
            _ => return None,
        };
        Some(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(assignments: &[&str]) -> Vec<String> {
        assignments.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn capabilities_are_replaced_then_merged() {
        let set = |assignments: &[&str]| bounding_set(&owned(assignments));
        assert_eq!(set(&[]).split(' ').count(), CAPABILITIES.len());
        assert_eq!(
            set(&["CAP_CHOWN CAP_KILL", "CAP_BPF", "~CAP_KILL"]),
            "cap_bpf cap_chown"
        );
        assert_eq!(set(&["CAP_CHOWN", ""]), "");
        let without = set(&["~CAP_DAC_OVERRIDE"]);
        assert!(!without.contains("cap_dac_override") && without.contains("cap_dac_read_search"));
        assert_eq!(
            ambient_set(&owned(&["CAP_KILL", "CAP_BPF"])),
            "cap_bpf cap_kill"
        );
    }

    #[test]
    fn families_are_merged_in_the_sense_of_the_first() {
        let shown = |assignments: &[&str]| families(&owned(assignments));
        assert_eq!(shown(&[]), None);
        assert_eq!(shown(&["none"]).as_deref(), Some(""));
        assert_eq!(
            shown(&["AF_UNIX AF_INET", "AF_INET6", "~AF_INET"]).as_deref(),
            Some("AF_INET6 AF_UNIX")
        );
        assert_eq!(
            shown(&["~AF_INET6 AF_PACKET", "AF_PACKET"]).as_deref(),
            Some("~AF_INET6")
        );
    }

    #[test]
    fn specifiers_stand_for_names_and_directories() {
        let specifiers = Specifiers {
            unit: "nexplane-agent@blue.service",
            hostname: "web-01.corp",
            machine_id: "",
        };
        for (text, expected) in [
            (
                "%E/%p/config-%i.yaml",
                "/etc/nexplane-agent/config-blue.yaml",
            ),
            (
                "%S/%N.%H %l %j",
                "/var/lib/nexplane-agent@blue.web-01.corp web-01 agent",
            ),
            ("100%% %b %m %", "100% %b %m %"),
            ("ü%nü", "ünexplane-agent@blue.serviceü"),
        ] {
            assert_eq!(specifiers.expand(text), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_expanded_and_merged(text in "\\PC{0,40}") {
            let specifiers = Specifiers { unit: "a@b.service", hostname: "", machine_id: "m" };
            let expanded = specifiers.expand(&text);
            assert!(text.contains('%') || expanded == text);
            let all = [text.clone(), format!("~{text}")];
            let _ = (bounding_set(&all), ambient_set(&all), families(&all));
            let _ = crate::host::unit_lines(&format!("[Service]\n{text}\\\n{text}"));
        }
    }
}
