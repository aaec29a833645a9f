//! Which faults can exist at the same time, and the situation that several make together.
//!
//! Most of it is read off what each fault does to a plan. What only meaning tells is written out, with its reason.

use std::collections::BTreeMap;

use super::behaviour::Behaviour;
use super::ca::ServerCertificate;
use super::fault::Fault;
use super::plan::{Edit, File, Plan, Registration};

/// Pairs that contradict one another although they change different things.
const CONTRADICTIONS: &[([&str; 2], &str)] = &[
    (
        ["tasks.not_approved", "tasks.unknown_change_request"],
        NO_REQUEST,
    ),
    (
        ["tasks.wrong_agent", "tasks.unknown_change_request"],
        NO_REQUEST,
    ),
    (
        ["dns.timeout", "dns.no_nameserver"],
        "where no nameserver is configured, none can be silent",
    ),
    (
        ["service.not_installed", "proxy.unreachable"],
        NO_ENVIRONMENT,
    ),
    (["service.not_installed", "proxy.denied"], NO_ENVIRONMENT),
    (["tcp.unreachable", "proxy.unreachable"], THE_PROXY),
    (["tcp.unreachable", "proxy.denied"], THE_PROXY),
    (
        ["service.sandboxed", "token.used"],
        "an agent without a network is not told that its token is used",
    ),
    (
        ["identity.unreadable", "identity.exposed"],
        "what every user may read the agent's own user may read too",
    ),
    (
        ["registration.revoked", "registration.hostname_mismatch"],
        "an agent that was deleted is registered under no name",
    ),
];

/// What has to be there for a fault to be one, where its plan does not show it.
const WRONG_WITH: &[(&str, File)] = &[("identity.unreadable", File::Key)];

const NO_REQUEST: &str = "a change request that does not exist has neither a state nor a target";

const THE_PROXY: &str = "where there is a proxy, an address that cannot be reached is the proxy's, which then denies nothing";

const NO_ENVIRONMENT: &str = "without a service there is no environment that names a proxy";

const SAME_THING: &str = "both change the same thing";

/// The situation in which all of these faults are.
pub(super) fn plan(faults: &[&Fault]) -> Plan {
    let mut plan = Plan::default();
    let mut certificates = Vec::new();
    for fault in faults {
        fault.inject(&mut plan);
        certificates.push(alone(fault).server.certificate);
    }
    certificates.retain(|kind| *kind != ServerCertificate::Good);
    plan.server.besides = certificates.split_off(certificates.len().min(1));
    plan.server.certificate = certificates.pop().unwrap_or_default();
    plan
}

/// Why two faults cannot exist at the same time, if they cannot.
pub(super) fn impossible(one: &Fault, other: &Fault) -> Option<&'static str> {
    let (one_plan, other_plan) = (alone(one), alone(other));
    if let Some((_, why)) = CONTRADICTIONS.iter().find(|(pair, _)| {
        pair.iter()
            .all(|code| one.code == **code || other.code == **code)
    }) {
        return Some(why);
    }
    if let Some(why) = services_apart(&one_plan, &other_plan) {
        return Some(why);
    }
    if touches_what_is_gone(one, &one_plan, &other_plan)
        || touches_what_is_gone(other, &other_plan, &one_plan)
    {
        return Some("what is not there cannot be wrong in another way as well");
    }
    let certificates = [&one_plan, &other_plan].map(|plan| plan.server.certificate.aspect());
    let one_certificate = certificates[0].is_some() && certificates[0] == certificates[1];
    let by_order = of_a_kind(plan(&[one, other])) != of_a_kind(plan(&[other, one]));
    (one_certificate || by_order || same_file(&one_plan, &other_plan)).then_some(SAME_THING)
}

/// What a fault makes of a healthy situation.
fn alone(fault: &Fault) -> Plan {
    let mut plan = Plan::default();
    fault.inject(&mut plan);
    plan
}

/// A plan without what can be added to: edits, properties, lines of the log, aspects of the certificate.
fn of_a_kind(plan: Plan) -> Plan {
    Plan {
        edits: Vec::new(),
        unit: BTreeMap::new(),
        journal: Vec::new(),
        server: Behaviour {
            certificate: ServerCertificate::Good,
            besides: Vec::new(),
            ..plan.server
        },
        ..plan
    }
}

/// Why a service cannot be as both say.
fn services_apart(one: &Plan, other: &Plan) -> Option<&'static str> {
    let states = [one, other].map(|plan| properties(plan, is_state));
    if states.iter().all(|state| !state.is_empty()) && states[0] != states[1] {
        return Some("a service is in one state at a time");
    }
    let settings = [one, other].map(|plan| properties(plan, |name| !is_state(name)));
    if settings[0]
        .iter()
        .any(|(name, value)| settings[1].get(name).is_some_and(|it| it != value))
    {
        return Some(SAME_THING);
    }
    for (service, rest, settings) in [(one, other, &settings[1]), (other, one, &settings[0])] {
        match service.unit.get("LoadState").map(String::as_str) {
            Some("not-found") if !settings.is_empty() || !rest.journal.is_empty() => {
                return Some("a service that is not there has neither settings nor a log");
            }
            Some("masked") if !settings.is_empty() => {
                return Some("a mask takes the place of the settings");
            }
            _ => {}
        }
    }
    None
}

fn properties(plan: &Plan, wanted: impl Fn(&str) -> bool) -> BTreeMap<&'static str, &str> {
    let all = plan
        .unit
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    all.filter(|(name, _)| wanted(name)).collect()
}

/// Whether a property says how the service is, not how it is to be run.
fn is_state(property: &str) -> bool {
    ["ExecMain", "Active", "Sub", "Load", "UnitFile"]
        .iter()
        .any(|start| property.starts_with(start))
        || ["Result", "MainPID", "NRestarts"].contains(&property)
}

/// Whether a fault is of something that the other plan takes away.
fn touches_what_is_gone(fault: &Fault, plan: &Plan, elsewhere: &Plan) -> bool {
    let gone = gone(elsewhere);
    let named = WRONG_WITH.iter().filter(|(code, _)| fault.code == **code);
    let mut touched: Vec<File> = named.map(|(_, file)| *file).collect();
    touched.extend(plan.edits.iter().filter_map(touched_by));
    if plan.url != Plan::default().url {
        touched.push(File::Config);
    }
    if plan.enrolled_days_ago != 0 {
        touched.push(File::Certificate);
    }
    let unknown_to_all = plan.registration != Registration::Kept && !elsewhere.enrolled;
    unknown_to_all || touched.iter().any(|file| gone.contains(file))
}

fn gone(plan: &Plan) -> Vec<File> {
    let removed = plan.edits.iter().filter_map(|edit| match edit {
        Edit::Remove(file) => Some(*file),
        _ => None,
    });
    let mut gone: Vec<File> = removed.collect();
    if !plan.enrolled {
        gone.extend([File::Certificate, File::Key]);
    }
    gone
}

/// The file that an edit changes, and needs for that.
const fn touched_by(edit: &Edit) -> Option<File> {
    match edit {
        Edit::Remove(_) => None,
        Edit::Write(file, _) | Edit::Mode(file, _) | Edit::Link(file, _) => Some(*file),
        Edit::Configure(_) | Edit::Replace(..) => Some(File::Config),
        Edit::OtherKey => Some(File::Key),
    }
}

/// Whether both give one file another content, or other permissions.
fn same_file(one: &Plan, other: &Plan) -> bool {
    let clash = |a: &Edit, b: &Edit| match (a, b) {
        (Edit::Write(a, _), Edit::Write(b, _)) | (Edit::Mode(a, _), Edit::Mode(b, _)) => a == b,
        _ => false,
    };
    let pairs = one
        .edits
        .iter()
        .flat_map(|a| other.edits.iter().map(move |b| (a, b)));
    pairs.into_iter().any(|(a, b)| a != b && clash(a, b))
}

/// The faults that are named here.
#[cfg(test)]
pub(super) fn named() -> Vec<&'static str> {
    let contradictions = CONTRADICTIONS.iter().flat_map(|(pair, _)| *pair);
    contradictions
        .chain(WRONG_WITH.iter().map(|(code, _)| *code))
        .collect()
}
