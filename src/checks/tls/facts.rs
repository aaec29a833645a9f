//! A handshake as evidence: who ended it and how, what was offered, what was chosen.

use std::net::SocketAddr;
use std::time::Duration;

use crate::checks::tcp::with_family;
use crate::host::{Ending, Handshake, Offer};
use crate::model::{Fact, counted, spoken_duration};

/// Everything that a handshake which did not end well has to say, but for what was offered.
pub(super) fn facts(address: SocketAddr, handshake: &Handshake) -> Vec<Fact> {
    let fact = |what: &str, value: String| Fact {
        what: what.to_owned(),
        value,
    };
    let mut facts = vec![
        fact("address", with_family(address)),
        fact("ended by", ended_by(&handshake.ending)),
        fact("received", counted(handshake.received, "byte", "bytes")),
    ];
    if let Ending::Alert { name, .. } = &handshake.ending {
        facts.push(fact("alert", name.clone()));
    }
    facts.extend(chosen(handshake).map(|chosen| fact("chosen by the peer", chosen)));
    facts
}

/// Which side ended it, and how.
pub(super) fn ended_by(ending: &Ending) -> String {
    match ending {
        Ending::Complete => "nobody: it is complete".to_owned(),
        Ending::Alert { name, .. } => format!("the peer, by the alert {name}"),
        Ending::Closed => "the peer, which hung up".to_owned(),
        Ending::Reset => "the peer, by a reset".to_owned(),
        Ending::TimedOut { after_ms } => format!(
            "this side, which gave up after {}",
            spoken_duration(Duration::from_millis(*after_ms))
        ),
        Ending::Incompatible { .. } | Ending::NotTls | Ending::Failed { .. } => {
            "this side, because of what the peer said".to_owned()
        }
    }
}

/// Version, cipher suite and group that the peer has chosen, as far as it came to that.
pub(super) fn chosen(handshake: &Handshake) -> Option<String> {
    let chosen = [
        &handshake.version,
        &handshake.cipher_suite,
        &handshake.details.group,
    ];
    let chosen: Vec<&str> = chosen.into_iter().flatten().map(String::as_str).collect();
    (!chosen.is_empty()).then(|| chosen.join(", "))
}

/// What our side offered; nothing where an older recording does not say.
pub(super) fn offered(offer: &Offer) -> Vec<Fact> {
    let all = [
        ("versions offered", &offer.versions),
        ("cipher suites offered", &offer.cipher_suites),
        ("groups offered", &offer.groups),
    ];
    let told = all.into_iter().filter(|(_, names)| !names.is_empty());
    told.map(|(what, names)| Fact {
        what: what.to_owned(),
        value: names.join(", "),
    })
    .collect()
}
