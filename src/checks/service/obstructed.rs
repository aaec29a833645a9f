//! What the unit's sandbox keeps the agent from, and what it only spoils: the judgement of what was collected. Pure.

use super::directive::Directive;
use super::needs::{File, Needs, PROGRAM, Peer};
use super::network::Where;
use super::paths::Place;
use crate::checks::differs;
use crate::host::{InsideNetwork, InsidePath};

/// What an obstruction is about: what of the log it may explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The way to the control plane.
    Network,
    /// A file that the agent reads.
    File,
    /// The agent's program itself.
    Program,
    /// A system call.
    SystemCall,
}

/// Something that the sandbox keeps the agent from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Obstruction {
    pub(super) kind: Kind,
    /// The directive, and where it is set.
    pub(super) by: String,
    /// Both in a sentence.
    pub(super) sentence: String,
}

/// What the sandbox does to the agent.
#[derive(Debug, Default)]
pub(super) struct Sandbox {
    /// What it keeps it from.
    pub(super) obstructions: Vec<Obstruction>,
    /// Where its certificate cannot be replaced: the directives, and a sentence.
    pub(super) read_only: Option<(String, String)>,
    /// What the unit says and the running process was started without.
    pub(super) not_yet: Vec<String>,
    /// What could not be decided, in words that stand alone.
    pub(super) undecided: Option<String>,
    /// What is worth a line.
    pub(super) notes: Vec<(String, String)>,
}

impl Sandbox {
    /// Judges it.
    pub(super) fn of(needs: &Needs) -> Self {
        let mut sandbox = Self::default();
        sandbox.network(needs);
        for (i, file) in needs.files.iter().enumerate() {
            let found = needs.inside.as_ref().and_then(|inside| inside.paths.get(i));
            let found = found.and_then(|found| found.as_ref().ok());
            sandbox.file(needs, file, found);
        }
        sandbox.renewal(needs);
        sandbox
    }

    /// The environment that the running process was started with, against the one that its unit gives it.
    pub(super) fn environment(&mut self, needs: &Needs) {
        let inside = needs.inside.as_ref().and_then(|inside| inside.environment.as_ref().ok());
        match (inside, needs.environment.unseen()) {
            (Some(running), None) => {
                let changed = needs.environment.not_in(running);
                if !changed.is_empty() {
                    self.not_yet.push(format!("its environment has not, or has otherwise, {}", changed.join(", ")));
                }
                let only_there = needs.environment.only_running();
                if !only_there.is_empty() {
                    self.notes.push((
                        "environment of the running agent".to_owned(),
                        format!(
                            "has {}, which its unit does not set: by `systemctl set-environment`, or it was started before the unit was changed; it counts here",
                            only_there.join(", ")
                        ),
                    ));
                }
            }
            (_, Some(why)) => {
                self.undecided.get_or_insert(format!(
                    "not all of the service's environment is known, so its proxy and its CA files may be others than those that were gone by: {why}"
                ));
            }
            (None, None) => {}
        }
    }

    fn found(&mut self, needs: &Needs, kind: Kind, what: &str, by: &Directive, does: &str) {
        let because = format!("{} {does}", needs.origins.name(by));
        self.obstructions.push(Obstruction {
            kind,
            by: by_with_origin(needs, by),
            sentence: differs::fails_for_the_service(what, &because),
        });
    }

    fn network(&mut self, needs: &Needs) {
        let inside = needs.inside.as_ref().and_then(|inside| inside.network.as_ref().ok());
        let reach = reach(needs.peer.as_ref());
        match (&needs.network.place, inside) {
            (Where::Alone(by), Some(seen)) if !seen.own => {
                self.not_yet.push(format!("{} is not in effect", needs.origins.name(by)));
            }
            (Where::Alone(by), _) => {
                let does = "leaves it nothing but a loopback of its own";
                return self.found(needs, Kind::Network, &reach, by, does);
            }
            (Where::Another(by), Some(seen)) if is_alone(seen) => {
                let does = "puts it into a network that has nothing but a loopback";
                return self.found(needs, Kind::Network, &reach, by, does);
            }
            (Where::Another(by), seen) => self.another(needs, by, seen),
            (Where::Host, Some(seen)) if seen.own && is_alone(seen) => {
                self.obstructions.push(Obstruction {
                    kind: Kind::Network,
                    by: "the network namespace of its running process".to_owned(),
                    sentence: differs::fails_for_the_service(
                        &reach,
                        "its running process is in a network of its own with nothing but a loopback, though its unit does not say so (any more)",
                    ),
                });
                return;
            }
            (Where::Host, _) => {}
        }
        self.addresses(needs, &reach);
    }

    /// What the doctor's connections show is the host's network, not this one.
    fn another(&mut self, needs: &Needs, by: &Directive, seen: Option<&InsideNetwork>) {
        let named = needs.origins.name(by);
        match seen {
            Some(seen) => self.notes.push((
                "network of the service".to_owned(),
                format!(
                    "another than this host's, by {named}, with {}: what the doctor's connections show may be otherwise there",
                    seen.interfaces.join(", ")
                ),
            )),
            None => {
                self.undecided = Some(format!(
                    "{named} puts the service into another network than the one that was looked at; whether the control plane can be reached from there was not seen"
                ));
            }
        }
    }

    fn addresses(&mut self, needs: &Needs, reach: &str) {
        let network = &needs.network;
        if let Some(by) = &network.interfaces {
            self.notes.push((
                "network interfaces".to_owned(),
                format!("{} restricts the service to some, where systemd can enforce it", needs.origins.name(by)),
            ));
        }
        if let Some(by) = network.no_internet() {
            return self.found(needs, Kind::Network, reach, by, "forbids it IPv4 and IPv6");
        }
        if let Some(by) = network.no_address() {
            return self.found(needs, Kind::Network, reach, by, "drops all of its packets");
        }
        let unread = network.unread();
        if !unread.is_empty() {
            self.undecided = Some(format!(
                "the unit's filters of addresses have entries that the doctor does not know: {}",
                unread.join(", ")
            ));
            return;
        }
        let kept = |address: &std::net::IpAddr| network.keeps_from(*address);
        let denied: Vec<_> = needs.nameservers.iter().map(kept).collect();
        if let Some(Some((by, does))) = denied.first()
            && denied.iter().all(Option::is_some)
        {
            let servers: Vec<_> = needs.nameservers.iter().map(ToString::to_string).collect();
            let what = format!("Asking the nameserver {}", servers.join(", "));
            self.found(needs, Kind::Network, &what, by, does);
        }
        let Some(peer) = needs.peer.as_ref().filter(|_| network.asks_for_addresses()) else {
            return;
        };
        if peer.addresses.is_empty() {
            self.notes.push((
                "filters of addresses".to_owned(),
                format!(
                    "whether they let the service reach {} (`{}`) cannot be told: no address of it is known",
                    peer.what, peer.host
                ),
            ));
            return;
        }
        let denied: Vec<_> = peer.addresses.iter().map(|address| (address, kept(address))).collect();
        match denied.first() {
            Some((address, Some((by, does)))) if denied.iter().all(|(_, kept)| kept.is_some()) => {
                let what = format!("Reaching {} (`{}`, {address})", peer.what, peer.host);
                self.found(needs, Kind::Network, &what, by, does);
            }
            _ => {
                for (address, kept) in denied {
                    if let Some((by, does)) = kept {
                        let said = format!("{} {does}", needs.origins.name(by));
                        self.notes.push((format!("address {address}"), said));
                    }
                }
            }
        }
    }

    fn file(&mut self, needs: &Needs, file: &File, found: Option<&InsidePath>) {
        // What the host does not have is not the sandbox's doing.
        if file.there == Some(false) {
            return;
        }
        let kind = match file.what {
            PROGRAM => Kind::Program,
            _ => Kind::File,
        };
        let what = match kind {
            Kind::Program => format!("Executing {} ({})", file.what, file.path.display()),
            _ => format!("Reading {} ({})", file.what, file.path.display()),
        };
        match needs.paths.place(&file.path) {
            Place::Same => {}
            Place::Hidden(by) if found.is_some_and(|found| found.same) => {
                self.not_yet.push(format!("{} is not in effect", needs.origins.name(by)));
            }
            Place::Hidden(by) => self.keeps_out(needs, (kind, file), &what, by, "hides it"),
            Place::Elsewhere(elsewhere, by) => match file.there_inside {
                Some(false) => {
                    let does = format!("puts {} there, which does not exist", elsewhere.display());
                    self.keeps_out(needs, (kind, file), &what, by, &does);
                }
                _ => self.notes.push((
                    format!("{} for the service", file.what),
                    format!(
                        "{} by {}; what other checks say is of {}",
                        elsewhere.display(),
                        needs.origins.name(by),
                        file.path.display()
                    ),
                )),
            },
            Place::InImage(by) => {
                self.undecided = Some(format!(
                    "the service finds its files in an image ({}), which the doctor does not look into",
                    needs.origins.name(by)
                ));
            }
        }
    }

    fn keeps_out(&mut self, needs: &Needs, (kind, file): (Kind, &File), what: &str, by: &Directive, does: &str) {
        self.found(needs, kind, what, by, does);
        if let Some(last) = self.obstructions.last_mut()
            && file.works_for_you
        {
            let because = format!("{} {does}", needs.origins.name(by));
            last.sentence = differs::works_for_you(what, &because);
        }
    }

    /// A certificate that cannot be replaced works until it ends.
    fn renewal(&mut self, needs: &Needs) {
        let mut paths = Vec::new();
        let mut by = None;
        for (i, file) in needs.files.iter().enumerate() {
            let found = needs.inside.as_ref().and_then(|inside| inside.paths.get(i));
            let writable = matches!(found, Some(Ok(found)) if !found.read_only);
            let Some(directive) = needs.paths.read_only(&file.path).filter(|_| file.renewed) else {
                continue;
            };
            if needs.paths.place(&file.path) != Place::Same {
                continue;
            }
            if writable {
                self.not_yet.push(format!("{} is not in effect", needs.origins.name(directive)));
                continue;
            }
            paths.push(file.path.display().to_string());
            by.get_or_insert(directive);
        }
        if let Some(by) = by {
            let sentence = differs::fails_for_the_service(
                &format!("Replacing {}", paths.join(" and ")),
                &format!("{} makes them read-only for it", needs.origins.name(by)),
            );
            self.read_only = Some((by_with_origin(needs, by), sentence));
        }
    }
}

fn by_with_origin(needs: &Needs, by: &Directive) -> String {
    match needs.origins.of(by) {
        Some(origin) => format!("{by}, {origin}"),
        None => by.to_string(),
    }
}

fn is_alone(network: &InsideNetwork) -> bool {
    network.interfaces == ["lo"]
}

fn reach(peer: Option<&Peer>) -> String {
    match peer {
        Some(peer) => format!("Reaching {} (`{}`)", peer.what, peer.host),
        None => "Reaching the control plane".to_owned(),
    }
}
