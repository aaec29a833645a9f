//! Does the proxy on the way, if there is one, let the agent through to the control plane?
//!
//! A proxy counts by the configuration or the environment that the agent's service sees. Its port and its answer to the
//! request for a tunnel are judged here; what lies behind it is examined through the tunnel, by the checks that it is for.

use std::net::SocketAddr;

use super::{Check, Facts, Judgement, Known, config, differs, dns, tcp};
use crate::host::{Host, Login, NetworkSettings, Race, Seen, Tunnel, TunnelEnding};
use crate::model::{Code, Finding, Os, Placeholder, excerpt};

mod refusal;
mod unreachable;
mod way;

use way::{Choice, Shell, Through};
pub(super) use way::{Taken, Way, of as way, of_agent};

const UNREACHABLE: Code = Code::from_static("proxy.unreachable");
const DENIED: Code = Code::from_static("proxy.denied");

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    way: Way,
    /// Where there is a proxy whose name resolves.
    race: Option<Race>,
    /// Where its port opens.
    tunnel: Option<(SocketAddr, Seen<Tunnel>)>,
    /// The proxies of Windows and macOS themselves, if there are some.
    settings: Option<NetworkSettings>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "proxy";
    const CODES: &'static [Code] = &[UNREACHABLE, DENIED];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let way = of_agent(host, known).await;
        let mut evidence = Evidence {
            way: way.clone(),
            race: None,
            tunnel: None,
            settings: match known.system.os {
                Os::Windows | Os::Macos => host.network_settings(()).await.ok(),
                Os::Linux => None,
            },
        };
        let control_plane = config::told(known).control_plane;
        let (Some(proxy), Some(control_plane)) = (way.proxy(), control_plane) else {
            return evidence;
        };
        let Some(resolved) = resolve(host, known).await else {
            return evidence;
        };
        let race = host.connect(tcp::question(&resolved, proxy.port)).await;
        let winner = race.winner;
        evidence.race = Some(race);
        if let Some(winner) = winner
            && let Some(question) = way.tunnel(winner, &control_plane)
        {
            evidence.tunnel = Some((winner, host.tunnel(question).await));
        }
        evidence
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        facts.publish(evidence.way.clone());
        let judgement = match &evidence.way.choice {
            Choice::Nowhere => Judgement::unknown(
                "no control plane is known, so whether a proxy stands before it is not either",
            ),
            Choice::Unknown(why) => Judgement::unknown(why.clone()),
            Choice::Direct(why) => beside_system(Judgement::pass().note("proxy", why), evidence.settings.as_ref()),
            Choice::Invalid { setting, nobody } => unreachable::no_url(setting, *nobody).into(),
            Choice::Through(through) => judge(through, &evidence, known),
        };
        let judgement = beside_shell(judgement, &evidence.way);
        let void = evidence.way.void.iter();
        void.fold(judgement, |judgement, void| judgement.note("not in use", void))
    }
}

/// The proxy's addresses. The same questions as those of `dns`, which are asked once, and the same conclusion: what is wrong
/// with the name is for `dns` to say.
async fn resolve(host: &dyn Host, known: &Known) -> Option<dns::Resolved> {
    let evidence = dns::Probe.collect(host, known).await;
    let mut facts = Facts::default();
    let _said_by_dns = dns::Probe.judge(evidence, known, &mut facts);
    facts.get::<dns::Resolved>().cloned()
}

fn judge(through: &Through, evidence: &Evidence, known: &Known) -> Judgement {
    let Some(race) = &evidence.race else {
        return Judgement::skipped(format!(
            "the proxy {} could not be asked, because its name does not resolve: dns says why",
            through.proxy
        ))
        .note("proxy", through.proxy.to_string());
    };
    let mut judgement = match &evidence.tunnel {
        None => unreachable::judge(through, race),
        Some((address, Ok(tunnel))) => refusal::judge(through, *address, tunnel, known),
        Some((_, Err(unseen))) => Judgement::unknown(format!(
            "the proxy {} could not be asked for a tunnel: {unseen}",
            through.proxy
        )),
    };
    let control_plane = config::told(known).control_plane;
    for finding in &mut judgement.findings {
        let mut described = std::mem::replace(finding, Finding::new(UNREACHABLE, ""))
            .saw("set by", &through.setting)
            .value(Placeholder::Proxy, through.proxy.to_string());
        if let Some(control_plane) = &control_plane {
            described = described
                .value(Placeholder::Host, control_plane.host())
                .value(Placeholder::Port, control_plane.port().to_string());
        }
        *finding = described;
    }
    let how = format!("{}, by {}", through.proxy, through.setting);
    judgement.note("proxy", how).note("proxy login", login(through, evidence))
}

/// Whether user and password of the setting go to the proxy; never which.
fn login(through: &Through, evidence: &Evidence) -> &'static str {
    let login = match &evidence.tunnel {
        Some((_, Ok(tunnel))) => Some((tunnel.credentials, &tunnel.ending)),
        _ => None,
    };
    match login {
        Some((Login::None, _)) => "none is set, and none was sent",
        Some((Login::Given, TunnelEnding::Tls { .. })) => {
            "one is set, and was not sent: the proxy is not trusted"
        }
        Some((Login::Given, TunnelEnding::CannotAsk { .. })) => "one is set, and was not sent",
        Some((
            Login::Given,
            TunnelEnding::TimedOut { .. } | TunnelEnding::Closed | TunnelEnding::Reset,
        )) => "one is set; the connection ended before it was clear whether it arrived",
        Some((Login::Given, _)) if through.proxy.scheme.is_http() => {
            "the one that is set was sent (Basic)"
        }
        Some((Login::Given, _)) => "the one that is set was offered, and is sent if the proxy asks for it",
        Some((Login::Unreadable, _)) => "one is set, and could not be read again: none was sent",
        None if through.via.credentials.is_some() => "one is set, and was not sent",
        None => "none is set",
    }
}

/// What programs of the system itself go through, the agent's library does not know: where they work and the agent does not, that is why.
fn beside_system(judgement: Judgement, settings: Option<&NetworkSettings>) -> Judgement {
    const MUST: &str = "the agent does not; if it must, set HTTPS_PROXY for its service";
    let Some(settings) = settings else {
        return judgement;
    };
    let judgement = match &settings.winhttp_proxy {
        None => judgement,
        Some(winhttp) => judgement.note(
            "WinHTTP's proxy",
            format!("{}: services of Windows go through it, {MUST}", excerpt(&winhttp.proxy)),
        ),
    };
    let told = settings.system_proxy.as_ref();
    let of_macos = told.and_then(|proxy| proxy.https.as_ref().or(proxy.automatic.as_ref()));
    match of_macos {
        None => judgement,
        Some(proxy) => judgement.note(
            "proxy of the network settings",
            format!("{}: browsers and programs of macOS go through it, {MUST}", excerpt(proxy)),
        ),
    }
}

/// Where a shell would go another way than the service, what works in one does not show what works in the other.
fn beside_shell(mut judgement: Judgement, way: &Way) -> Judgement {
    let note = match (&way.choice, &way.shell) {
        (_, Shell::Same) => return judgement,
        (Choice::Direct(_), Shell::Proxy(proxy)) => format!(
            "{proxy}, which the agent's service does not use: what works here may fail there"
        ),
        (_, Shell::Proxy(proxy)) => {
            format!("{proxy}, while the agent's service uses another: what works here may fail there")
        }
        (_, Shell::Direct) => {
            "none, while the agent's service uses one: what works here may fail there".to_owned()
        }
    };
    if let Some(because) = way.differs() {
        let says = differs::if_it_works_for_you(&because);
        for finding in &mut judgement.findings {
            finding.detail.push_str(&format!(" {says}"));
        }
    }
    judgement.note("proxy of this shell", note)
}

#[cfg(test)]
mod tests;
