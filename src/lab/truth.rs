//! What a diagnosis of several faults at once has to be: what can be seen of them, and which of it is only a symptom.
//!
//! It follows from what was injected, from where each thing can be seen (`sight`), and from what explains what as this file
//! has it: in the lab's own words, not the catalogue's, so that a diagnosis can be found to be wrong.

#[cfg(test)]
mod tests;

use super::fault::Fault;
use super::faults::FAULTS;
use super::last_words;
use super::sight::Sight;
use crate::bundle::fixture::Expect;
use crate::catalog::Catalog;
use crate::model::{Code, Severity, Verdict};

/// Which errors make a finding their symptom; `*` stands for every problem of a layer. The findings that a fault brings
/// along are its symptoms besides (see [`Fault::symptoms`]).
const EXPLAINED: &[(&str, &[&str])] = &[
    // An agent that cannot enroll has no identity.
    (
        "identity.missing",
        &[
            "token.*", "trust.*", "clock.*", "proxy.*", "dns.*", "tcp.*", "tls.*", "health.*",
        ],
    ),
    // With nothing in its log. A service that was killed, stopped or masked was not so by any of these.
    (
        "service.crash_looping",
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
        ],
    ),
    // Whoever answers in the control plane's place shows a certificate of its own.
    ("trust.*", &["health.captive_portal"]),
    ("trust.unknown_authority", &["trust.ca_file"]),
    ("trust.name_mismatch", FOREIGN),
    ("trust.expired", FOREIGN),
    ("trust.not_yet_valid", FOREIGN),
    ("registration.*", &["trust.intercepted"]),
    ("health.not_control_plane", &["trust.intercepted"]),
];

/// Where the words with which a fault ended the service speak of another fault as well: the fault, the other.
const SAME_WORDS: [(&str, &str); 1] = [("service.sandboxed", "tcp.unreachable")];

/// A chain that is another's altogether has another's names and dates.
const FOREIGN: &[&str] = &[
    "trust.intercepted",
    "trust.self_signed",
    "trust.missing_intermediate",
    "trust.unknown_authority",
];

/// Faults that together are something else than the two of them.
struct Together {
    faults: [&'static str; 2],
    are: &'static [&'static str],
}

const TOGETHER: &[Together] = &[
    // One address refuses and the other does so too: that is all of them, and not some.
    Together {
        faults: ["tcp.partial", "tcp.refused"],
        are: &["tcp.refused"],
    },
    // One address refuses and the other is silent: none works, and that one refuses says more.
    Together {
        faults: ["tcp.partial", "tcp.timeout"],
        are: &["tcp.refused"],
    },
    // One address refuses and the other resets: none works.
    Together {
        faults: ["tcp.partial", "tcp.reset"],
        are: &["tcp.reset"],
    },
    // The request is for this host's name, under which the agent is not registered: it would not get there if approved.
    Together {
        faults: ["tasks.not_approved", "registration.hostname_mismatch"],
        are: &[
            "tasks.not_approved",
            "tasks.wrong_agent",
            "registration.hostname_mismatch",
        ],
    },
];

/// What has to come of some faults.
pub struct Truth {
    /// What the diagnosis must be.
    pub expect: Expect,
    /// For each symptom the causes that explain it, in the order in which to fix them.
    pub explained_by: Vec<(Code, Vec<Code>)>,
    /// The faults that cannot be seen behind the others.
    pub hidden: Vec<Code>,
}

/// A finding that is there to be seen.
struct Seen<'a> {
    code: Code,
    severity: Severity,
    /// The faults that bring it along, where it is not the fault itself.
    brought_by: Vec<&'a Fault>,
    /// The service's last words, where it is the service's end.
    last_words: Option<&'a str>,
}

/// Works out what has to come of faults that can exist together, in a service whose last words may be about one of them.
pub(super) fn of(faults: &[&Fault], last_words: Option<&str>, catalog: &Catalog) -> Truth {
    let severity = |code: &Code| {
        let doc = catalog.finding(code);
        doc.map_or(Severity::Error, |doc| doc.severity)
    };
    let mut seen: Vec<Seen<'_>> = Vec::new();
    let mut hidden: Vec<Code> = Vec::new();
    for fault in faults {
        let is_hidden = |code: &Code| is_hidden(code, fault, faults, severity);
        // A circumstance goes by no finding's code: what it brings along is all that there is of it.
        let is_finding = catalog.finding(&fault.code).is_some();
        if is_hidden(&fault.code) {
            hidden.push(fault.code.clone());
        } else if is_finding {
            see(&mut seen, &fault.code, severity(&fault.code), None);
        }
        for code in brought(fault).filter(|code| !is_hidden(code)) {
            see(&mut seen, &code, severity(&code), Some(fault));
        }
    }
    for together in TOGETHER {
        let there = |code: &&str| seen.iter().any(|it| it.code == **code);
        if together.faults.iter().all(there) {
            seen.retain(|it| !together.faults.iter().any(|code| it.code == **code));
            for code in together.are.iter().map(|code| Code::from_static(code)) {
                see(&mut seen, &code, severity(&code), None);
            }
            let lost = together
                .faults
                .iter()
                .filter(|code| !together.are.contains(code));
            hidden.extend(lost.map(|code| Code::from_static(code)));
        }
    }
    for end in seen.iter_mut().filter(|it| it.is_of_service()) {
        end.last_words = last_words;
    }
    let expect = expected(faults, &seen, &hidden, catalog);
    let roots = |it: &Seen<'_>| {
        let mut roots = Vec::new();
        collect_roots(it, &seen, &mut roots);
        let is_root = |code: &&Code| roots.contains(code);
        expect.root_causes.iter().filter(is_root).cloned().collect()
    };
    let symptoms = seen.iter().filter(|it| expect.symptoms.contains(&it.code));
    Truth {
        explained_by: symptoms.map(|it| (it.code.clone(), roots(it))).collect(),
        hidden,
        expect,
    }
}

/// The findings at the end of a chain of explanations, and those between.
fn collect_roots<'a>(of: &Seen<'_>, seen: &'a [Seen<'_>], roots: &mut Vec<&'a Code>) {
    for cause in seen.iter().filter(|cause| of.is_explained_by(cause)) {
        if !roots.contains(&&cause.code) {
            roots.push(&cause.code);
            collect_roots(cause, seen, roots);
        }
    }
}

/// The findings that a fault makes besides its own.
fn brought(fault: &Fault) -> impl Iterator<Item = Code> {
    let codes = fault.symptoms.iter().chain(fault.notices);
    codes.map(|code| Code::from_static(code))
}

/// Whether a finding of a fault cannot be seen for what the other faults stop.
fn is_hidden(
    code: &Code,
    of: &Fault,
    faults: &[&Fault],
    severity: impl Fn(&Code) -> Severity,
) -> bool {
    let sight = |code: &Code| Sight::of(code, severity(code));
    let others = faults.iter().filter(|other| other.code != of.code);
    let theirs = others.flat_map(|other| std::iter::once(other.code.clone()).chain(brought(other)));
    let mut before = theirs.filter_map(|code| sight(&code));
    sight(code).is_some_and(|own| before.any(|other| own.is_behind(&other)))
}

fn see<'a>(seen: &mut Vec<Seen<'a>>, code: &Code, severity: Severity, by: Option<&'a Fault>) {
    match seen.iter_mut().find(|it| it.code == *code) {
        Some(it) => it.brought_by.extend(by),
        None => seen.push(Seen {
            code: code.clone(),
            severity,
            brought_by: by.into_iter().collect(),
            last_words: None,
        }),
    }
}

impl Seen<'_> {
    /// Whether it is the end of the service, about which its last words are.
    fn is_of_service(&self) -> bool {
        self.code == "service.failed" || self.code == "service.crash_looping"
    }

    fn is_explained_by(&self, cause: &Self) -> bool {
        if cause.severity == Severity::Warning || cause.code == self.code {
            return false;
        }
        if let Some(words) = self.last_words {
            return last_words::of(&cause.code) == Some(words)
                || (cause.code == "service.sandboxed" && are_of_network(words));
        }
        let brought = self.brought_by.iter().any(|fault| fault.code == cause.code);
        // How a service ended, the fault that ended it has written into its log.
        let logged = !self.brought_by.is_empty() && self.is_of_service();
        let listed = EXPLAINED.iter().any(|(effect, causes)| {
            stands_for(effect, &self.code) && causes.iter().any(|it| stands_for(it, &cause.code))
        });
        let same_words = |fault: &&Fault| {
            let of_fault = (fault.code.as_str(), cause.code.as_str());
            self.is_of_service() && SAME_WORDS.contains(&of_fault)
        };
        brought || (listed && !logged) || self.brought_by.iter().any(same_words)
    }
}

/// Whether these last words speak of the network: what a service says of it that has none may be any of them.
fn are_of_network(words: &str) -> bool {
    const LAYERS: [&str; 4] = ["proxy", "dns", "tcp", "health"];
    let network = |fault: &&Fault| LAYERS.contains(&fault.code.check().as_str());
    let said = |fault: &Fault| last_words::of(&fault.code) == Some(words);
    FAULTS.iter().filter(network).any(said)
}

fn stands_for(pattern: &str, code: &Code) -> bool {
    match pattern.strip_suffix(".*") {
        Some(layer) => code.check().as_str() == layer,
        None => *code == *pattern,
    }
}

fn expected(faults: &[&Fault], seen: &[Seen<'_>], hidden: &[Code], catalog: &Catalog) -> Expect {
    // What to fix first is the catalogue's to say.
    let in_order = |wanted: &dyn Fn(&Seen<'_>) -> bool| {
        let docs = catalog.findings().map(|doc| &doc.code);
        docs.filter(|code| seen.iter().any(|it| it.code == **code && wanted(it)))
            .cloned()
            .collect::<Vec<_>>()
    };
    let is_symptom = |it: &Seen<'_>| seen.iter().any(|cause| it.is_explained_by(cause));
    let is_error = |it: &Seen<'_>| it.severity == Severity::Error;
    let root_causes = in_order(&|it| is_error(it) && !is_symptom(it));
    let notices = in_order(&|it| !is_error(it));
    let is_hidden_error = |code: &Code| {
        let doc = catalog.finding(code);
        doc.is_some_and(|doc| doc.severity == Severity::Error)
    };
    let verdict = if !root_causes.is_empty() {
        Verdict::Failed
    } else if hidden.iter().any(is_hidden_error) {
        // What is wrong cannot be told, and still nobody may be told that all is well.
        Verdict::Undetermined
    } else if notices.is_empty() {
        Verdict::Healthy
    } else {
        Verdict::Degraded
    };
    let visible = faults.iter().filter(|fault| !hidden.contains(&fault.code));
    let never = visible
        .flat_map(|fault| fault.never)
        .map(|code| Code::from_static(code));
    Expect {
        verdict,
        symptoms: in_order(&|it| is_error(it) && is_symptom(it)),
        never: never
            .filter(|code| !seen.iter().any(|it| it.code == *code))
            .collect(),
        root_causes,
        notices,
    }
}
