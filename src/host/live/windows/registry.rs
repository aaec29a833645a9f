//! What the registry holds: variables of the machine and of a service.

use windows_registry::LOCAL_MACHINE;

use super::Properties;
use crate::contract::variables::{READ, is_known};
use crate::host::live::scrub::quoted;

/// Where services are defined.
pub(super) const SERVICES: &str = r"SYSTEM\CurrentControlSet\Services";
/// The variables that every service gets.
const MACHINE: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment";

/// Adds the variables of a service and those of the machine, written as systemd writes them. Of the machine's, those that a check
/// knows: the others are the system's own.
pub(super) fn variables(service: &str, properties: &mut Properties) {
    if let Ok(key) = LOCAL_MACHINE.open(format!(r"{SERVICES}\{service}")) {
        // Most have none of their own.
        let own = key.get_multi_string("Environment").unwrap_or_default();
        let own = own.iter().filter_map(|line| line.split_once('='));
        put(
            properties,
            "Environment",
            own.map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
    }
    match LOCAL_MACHINE.open(MACHINE) {
        Ok(key) => {
            let of_machine = READ.iter().chain(["HTTP_PROXY", "http_proxy"].iter());
            let told = of_machine
                .filter_map(|name| Some(((*name).to_owned(), key.get_string(name).ok()?)));
            put(properties, "DefaultEnvironment", told);
        }
        Err(error) => {
            properties.insert("DefaultEnvironmentUnseen".into(), error.message());
        }
    }
}

fn put(properties: &mut Properties, name: &str, variables: impl Iterator<Item = (String, String)>) {
    let words: Vec<String> = variables
        .map(|(name, value)| quoted(&format!("{}={value}", spelled(&name))))
        .collect();
    if !words.is_empty() {
        properties.insert(name.to_owned(), words.join(" "));
    }
}

/// Windows finds a variable however it is spelled; the checks ask for one spelling.
fn spelled(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    match is_known(&upper) {
        true => upper,
        false => name.to_owned(),
    }
}

/// A text of the registry, under the machine's part of it.
pub(super) fn text(key: &str, name: &str) -> Option<String> {
    LOCAL_MACHINE.open(key).ok()?.get_string(name).ok()
}

/// A number of the registry, under the machine's part of it.
pub(super) fn number(key: &str, name: &str) -> Option<u32> {
    LOCAL_MACHINE.open(key).ok()?.get_u32(name).ok()
}
