//! Which finding may explain which: the catalogue's `explained_by` says exactly what the description of the findings says,
//! no less and no more.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::catalog::Catalog;
use crate::checks;
use crate::model::{Code, Severity};

const FOREIGN: &[&str] = &[
    "trust.intercepted",
    "trust.self_signed",
    "trust.missing_intermediate",
    "trust.unknown_authority",
];

/// Causes, and what they explain; `*` stands for every problem of a check.
const LAW: &[(&[&str], &[&str])] = &[
    (
        &["install.missing"],
        &["config.*", "service.*", "identity.*"],
    ),
    (
        &["install.incomplete"],
        &[
            "service.failed",
            "service.crash_looping",
            "service.not_installed",
        ],
    ),
    // Only where the log speaks of what the sandbox takes.
    (
        &["service.sandboxed"],
        &["service.failed", "service.crash_looping"],
    ),
    (
        &[
            "config.*",
            "identity.*",
            "token.*",
            "trust.*",
            "clock.*",
            "proxy.*",
            "dns.*",
            "tcp.*",
            "tls.*",
            "health.*",
            "registration.*",
            // Only where the log names them.
            "host.*",
        ],
        &["service.failed", "service.crash_looping"],
    ),
    (
        &["proxy.*", "config.url"],
        // That a token is used, expired or none at all is so whichever way it was told.
        &[
            "dns.*",
            "tcp.*",
            "tls.*",
            "trust.*",
            "health.*",
            "registration.*",
            "token.invalid",
        ],
    ),
    (&["config.url"], &["proxy.*"]),
    // A chain that would lead to what the file should hold has none of the other reasons either.
    (
        &["trust.ca_file"],
        &[
            "trust.unknown_authority",
            "trust.self_signed",
            "trust.missing_intermediate",
        ],
    ),
    (&["health.captive_portal"], &["trust.*"]),
    (
        &["trust.intercepted"],
        &["registration.*", "health.not_control_plane"],
    ),
    (
        FOREIGN,
        &[
            "trust.name_mismatch",
            "trust.expired",
            "trust.not_yet_valid",
        ],
    ),
    // Only where something else than the control plane refuses.
    (
        &["health.captive_portal", "health.not_control_plane"],
        &["registration.rejected"],
    ),
    (
        &["clock.skew"],
        &[
            "trust.expired",
            "trust.not_yet_valid",
            "identity.expired",
            "identity.not_yet_valid",
        ],
    ),
    (
        &[
            "token.*", "trust.*", "clock.*", "proxy.*", "dns.*", "tcp.*", "tls.*", "health.*",
        ],
        &["identity.missing"],
    ),
];

/// What nobody explains.
const NEVER: [&str; 2] = ["service.stopped", "service.masked"];

fn names(patterns: &[&str], code: &Code) -> bool {
    patterns
        .iter()
        .any(|pattern| match pattern.strip_suffix(".*") {
            Some(check) => code.check().as_str() == check,
            None => *code == **pattern,
        })
}

#[test]
fn what_explains_what_is_what_the_description_says() {
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let errors = || {
        catalog
            .findings()
            .filter(|doc| doc.severity == Severity::Error)
    };
    let mut wrong = Vec::new();
    for effect in errors() {
        for cause in errors().filter(|cause| cause.code != effect.code) {
            let by_law = LAW.iter().any(|(causes, effects)| {
                names(causes, &cause.code) && names(effects, &effect.code)
            });
            let by_law = by_law && !names(&NEVER, &effect.code);
            if effect.explained_by.contains(&cause.code) != by_law {
                wrong.push(format!("{} explains {}: {by_law}", cause.code, effect.code));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "it should be so that {}",
        wrong.join("\n")
    );
}

#[test]
fn every_name_of_the_law_is_a_finding_s() {
    let catalog = Catalog::load(&checks::texts()).unwrap();
    for name in LAW
        .iter()
        .flat_map(|(causes, effects)| causes.iter().chain(*effects))
    {
        assert!(
            catalog.findings().any(|doc| names(&[name], &doc.code)),
            "{name}"
        );
    }
}
