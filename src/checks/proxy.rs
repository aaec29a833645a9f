//! Does a proxy stand between the agent and the control plane, by the environment that the agent's service sees?
//!
//! Only says whether one applies, by the rules of Go's `net/http`, and which. Tunnels are not examined here yet.

use super::environment::{self, Environment, Owner};
use super::{Check, Facts, Judgement, Known, config};
use crate::contract::url::ControlPlane;
use crate::host::Host;
use crate::model::Code;

mod rules;

pub(super) use rules::Proxy;
use rules::Rules;

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    environment: Environment,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "proxy";
    /// None yet: `proxy.unreachable` and `proxy.denied` come with the tunnel.
    const CODES: &'static [Code] = &[];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        Evidence {
            environment: environment::of_agent(host, known).await,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, _facts: &mut Facts) -> Judgement {
        let Some(control_plane) = config::told(known).control_plane else {
            return Judgement::unknown(
                "no control plane is known, so whether a proxy stands before it is not either",
            );
        };
        let judgement = match choose(&evidence.environment, &control_plane) {
            Choice::Direct(why) => Judgement::pass().note("proxy", why),
            Choice::Proxy(proxy) => through(&proxy, &evidence.environment, &control_plane),
            Choice::Invalid { variable } => Judgement::unknown(format!(
                "{variable} in {} is no URL of a proxy, and the agent refuses to connect with it; correct or remove it",
                evidence.environment.owner.name()
            )),
        };
        compare_with_shell(judgement, &evidence.environment, &control_plane)
    }
}

/// What the environment decides for one control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// The agent connects itself, because …
    Direct(String),
    /// It asks this proxy for a tunnel.
    Proxy(Proxy),
    /// The variable is set to something that names no proxy.
    Invalid {
        /// Which variable.
        variable: &'static str,
    },
}

/// Applies Go's rules (`http.ProxyFromEnvironment`) to an environment.
pub(super) fn choose(environment: &Environment, control_plane: &ControlPlane) -> Choice {
    decide(
        &Rules::of(|name| environment.get(name)),
        environment.owner,
        control_plane,
    )
}

fn decide(rules: &Rules, owner: Owner, control_plane: &ControlPlane) -> Choice {
    let Some((variable, value)) = &rules.https_proxy else {
        let ignored = if rules.all_proxy {
            "; ALL_PROXY is, and the agent does not read it"
        } else {
            ""
        };
        return Choice::Direct(format!(
            "none: HTTPS_PROXY is not set in {}{ignored}",
            owner.name()
        ));
    };
    if let Some(why) = rules.exempts(&control_plane.host(), control_plane.port()) {
        return Choice::Direct(format!("none for {}: {why}", control_plane.host()));
    }
    match Proxy::parse(value) {
        Some(proxy) => Choice::Proxy(proxy),
        None => Choice::Invalid { variable },
    }
}

fn through(proxy: &Proxy, environment: &Environment, control_plane: &ControlPlane) -> Judgement {
    Judgement::unknown(format!(
        "the agent reaches {} through the proxy {proxy} (set in {}), and this version does not examine what lies behind a proxy; \
         check that the proxy lets CONNECT {}:{} through, or name the host in NO_PROXY",
        control_plane.host(),
        environment.owner.name(),
        control_plane.host(),
        control_plane.port(),
    ))
    .note("proxy", proxy.to_string())
}

/// Where a shell would go another way than the service, what works in one does not show what works in the other.
fn compare_with_shell(
    judgement: Judgement,
    environment: &Environment,
    control_plane: &ControlPlane,
) -> Judgement {
    if environment.owner == Owner::Doctor {
        return judgement;
    }
    let shell = Rules::of(|name| environment.in_shell(name));
    let in_shell = decide(&shell, Owner::Doctor, control_plane);
    match (choose(environment, control_plane), in_shell) {
        (Choice::Direct(_), Choice::Proxy(proxy)) => judgement.note(
            "proxy of this shell",
            format!(
                "{proxy}, which the agent's service does not use: what works here may fail there"
            ),
        ),
        (Choice::Proxy(_), Choice::Direct(_)) => judgement.note(
            "proxy of this shell",
            "none, while the agent's service uses one: what works here may fail there",
        ),
        _ => judgement,
    }
}

#[cfg(test)]
mod tests;
