//! This host's values for the placeholders of the remedies.

use crate::catalog::Values;
use crate::checks::{Known, config};
use crate::contract::paths::{AgentPaths, parent};
use crate::model::{CheckId, Code, Finding, Placeholder, redact};

/// What every remedy may name: where the agent is, what it was told, whom it talks to.
pub(super) fn of_host(known: &Known) -> Values {
    let told = config::told(known);
    let paths = AgentPaths::of(known.system.os);
    let mut values = Values::default();
    let mut set = |placeholder, value: String| values.set(placeholder, redact(&value));
    set(Placeholder::Hostname, known.system.hostname.clone());
    set(Placeholder::Unit, paths.service.to_owned());
    set(Placeholder::Binary, paths.binary.to_owned());
    set(
        Placeholder::ConfigPath,
        told.path.path.display().to_string(),
    );
    set(Placeholder::CertPath, told.cert.path.display().to_string());
    set(Placeholder::KeyPath, told.key.path.display().to_string());
    if let Some(directory) = parent(&told.path.path) {
        set(Placeholder::ConfigDir, directory.display().to_string());
    }
    if let Some(ca_cert) = &told.ca_cert {
        set(Placeholder::CaCert, ca_cert.path.display().to_string());
    }
    if let Some(id) = &known.target.change_request {
        set(Placeholder::ChangeRequest, id.clone());
    }
    if let Some(url) = &told.control_plane {
        set(Placeholder::ControlPlane, url.to_string());
        set(Placeholder::Host, url.host());
        set(Placeholder::Port, url.port().to_string());
    }
    let target = &known.target;
    let paths = [
        (Placeholder::GivenConfig, &target.config),
        (Placeholder::GivenCaCert, &target.ca_cert),
        (Placeholder::GivenTokenFile, &target.given.token_file),
        (Placeholder::GivenRoot, &target.given.root),
        (Placeholder::GivenChecks, &target.given.checks),
    ];
    for (placeholder, path) in paths {
        if let Some(path) = path {
            values.set(placeholder, redact(&path.display().to_string()));
        }
    }
    let given = &target.given;
    let joined = |names: Vec<&str>| (!names.is_empty()).then(|| names.join(","));
    let words = [
        (
            Placeholder::GivenOnly,
            joined(given.only.iter().map(CheckId::as_str).collect()),
        ),
        (
            Placeholder::GivenSkip,
            joined(given.skip.iter().map(CheckId::as_str).collect()),
        ),
        (
            Placeholder::GivenIgnore,
            joined(given.ignore.iter().map(Code::as_str).collect()),
        ),
        (Placeholder::GivenTimeout, given.timeout.clone()),
        (Placeholder::GivenDeadline, given.deadline.clone()),
    ];
    for (placeholder, word) in words {
        if let Some(word) = word {
            values.set(placeholder, redact(&word));
        }
    }
    // As it was understood: one that is no URL may hold a password, and is to be given otherwise anyway.
    if target.control_plane.is_some() {
        let example = || {
            Placeholder::ControlPlane
                .fallback(known.system.os)
                .to_owned()
        };
        let url = told.control_plane.as_ref().map(ToString::to_string);
        let url = redact(&url.unwrap_or_else(example));
        values.set(Placeholder::GivenControlPlane, url);
    }
    values
}

/// The same, with what a finding itself knows; its own values win.
pub(super) fn with_finding(base: &Values, finding: &Finding) -> Values {
    let mut values = base.clone();
    for (placeholder, value) in &finding.values {
        values.set(*placeholder, redact(value));
    }
    values
}
