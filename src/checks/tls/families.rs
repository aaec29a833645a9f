//! The name's two families of address: the server behind the one need not do what the server behind the other does.

use std::net::SocketAddr;

use super::{Evidence, Peer, ended_well, facts, is_reset, judge};
use crate::checks::{Decision, Judgement, Known, config, proxy, tcp};
use crate::host::{Ending, Handshake, HandshakeQuestion, Host, Seen, Unseen};
use crate::model::{Fact, Finding};

/// A handshake with the address of the other family, if both families open and the first is as it should be. It is for
/// those to ask who wait for something anyway.
pub(in crate::checks) async fn with_other_family(
    host: &dyn Host,
    known: &Known,
) -> Option<(SocketAddr, Seen<Handshake>)> {
    known.get::<Peer>()?;
    let other = known.get::<tcp::Connected>()?.of_other_family()?;
    // Behind a proxy the addresses are the proxy's.
    if proxy::of_agent(host, known).await.proxy().is_some() {
        return None;
    }
    let question = HandshakeQuestion {
        address: other,
        server_name: config::told(known).control_plane?.host(),
        tunnel: None,
    };
    Some((other, host.handshake(question).await))
}

/// What the other family's server does that the first one's does not: it fails, or it is another one.
pub(in crate::checks) fn other_family(known: &Known, other: SocketAddr, seen: &Seen<Handshake>) -> Judgement {
    let told = config::told(known).control_plane;
    let (Some(peer), Some(control_plane)) = (known.get::<Peer>(), told) else {
        return Judgement::pass();
    };
    let name = control_plane.host();
    match seen {
        // Ended on this side, for a reason that names no fault of the peer's.
        Ok(there) if matches!(there.ending, Ending::Failed { .. }) => Judgement::pass(),
        Ok(there) if !ended_well(seen) => {
            let (why, evidence) = failure(other, there);
            tcp::other_family_fails(peer.address, other, &why, &name)
                .saw_all(evidence)
                .into()
        }
        Ok(there) if there.chain.first() != peer.handshake.chain.first() => Judgement::pass().note(
            format!("certificate over {}", tcp::family(other)),
            format!(
                "{other} shows another one than {}: the two may be different servers, and the agent meets both",
                peer.address
            ),
        ),
        Err(unseen @ (Unseen::Reset | Unseen::Closed | Unseen::TimedOut { .. })) => {
            let why = format!("{other} did not come to a handshake: {unseen}.");
            tcp::other_family_fails(peer.address, other, &why, &name).into()
        }
        _ => Judgement::pass(),
    }
}

/// Says of a failure what the other family's address does instead.
pub(super) fn compare(evidence: &Evidence, finding: &mut Finding) {
    let (Some(address), Some((other, Ok(seen)))) = (evidence.address, &evidence.other) else {
        return;
    };
    let (this, that) = (tcp::family(address), tcp::family(*other));
    let same = matches!(&evidence.handshake, Ok(handshake) if handshake.ending == seen.ending);
    let comparison = match &seen.ending {
        Ending::Complete => format!(
            "Over {that}, {other} completes the handshake: what is wrong is at the {this} address alone, and the agent does not change to the other family once a connection is open."
        ),
        _ if same => format!("Over {that}, {other} ends the same way."),
        _ => format!("Over {that} it is something else: {}", failure(*other, seen).0),
    };
    finding.detail = format!("{} {comparison}", finding.detail);
    finding.evidence.push(Fact {
        what: tcp::with_family(*other),
        value: match seen.ending {
            Ending::Complete => "completes the handshake".to_owned(),
            ref ending => format!("ended by {}", facts::ended_by(ending)),
        },
    });
}

/// How a handshake failed, in a sentence, and what shows it.
fn failure(address: SocketAddr, handshake: &Handshake) -> (String, Vec<Fact>) {
    if is_reset(handshake) {
        return (tcp::reset_detail(address), facts::facts(address, handshake));
    }
    let judgement = judge(address, handshake);
    match (judgement.findings.into_iter().next(), judgement.decision) {
        (Some(finding), _) => (finding.detail, finding.evidence),
        (None, Decision::Unknown(why)) => (format!("{why}."), facts::facts(address, handshake)),
        (None, _) => (String::new(), facts::facts(address, handshake)),
    }
}
