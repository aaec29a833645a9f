//! From where a fault can be seen, and what cannot be seen behind it.
//!
//! This is the lab's own account of the world, by which a diagnosis is judged: it is written from what the contract and the
//! layers of a connection are, and knows nothing of the checks' code or of `checks/*.yaml`. A fault's layer is the first
//! word of its code; what is said of a layer here holds for all of its faults but those that are named.

use crate::model::{Code, Severity};

/// Something that has to work before what is behind it can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Station {
    /// There is an agent on the host, or what is left of one.
    Agent,
    /// Its configuration can be read as one.
    Readable,
    /// Its configuration is good, and says where the control plane is.
    Told,
    /// Its service's definition loads.
    Loaded,
    /// The name that this host has to resolve, a proxy's where there is one, leads to an address.
    Name,
    /// Packets find the way there.
    Route,
    /// The port opens.
    Port,
    /// A TLS handshake comes to its end.
    Handshake,
    /// The agent verifies its peer at all.
    Verifying,
    /// What it trusts can be read, so that a chain may be called foreign.
    Anchors,
    /// The chain leads to something that it trusts, so that the rest of it matters.
    Anchored,
    /// Strict verification accepts the peer: nothing secret is sent without.
    Accepted,
    /// The connection that shows nothing secret gets an answer over HTTP, which says what time it is.
    Answer,
    /// The client certificate can be read.
    Certificate,
    /// There is a client certificate that can be shown.
    Identity,
    /// The control plane takes it.
    Shown,
    /// A heartbeat is answered by what the registrations say.
    Heartbeat,
}

impl Station {
    /// What has to work before this one can be reached.
    const fn behind(self) -> &'static [Self] {
        match self {
            Self::Agent | Self::Loaded | Self::Verifying | Self::Anchors | Self::Anchored => &[],
            Self::Readable => &[Self::Agent],
            Self::Told => &[Self::Readable],
            Self::Name | Self::Certificate | Self::Identity => &[Self::Told],
            Self::Route => &[Self::Name],
            Self::Port => &[Self::Route],
            Self::Handshake => &[Self::Port],
            Self::Accepted | Self::Answer => &[Self::Handshake],
            Self::Shown => &[Self::Accepted, Self::Identity],
            Self::Heartbeat => &[Self::Shown],
        }
    }

    fn depends_on(self, other: Self) -> bool {
        self == other || self.behind().iter().any(|it| it.depends_on(other))
    }
}

/// From where a finding can be seen, and what it puts out of sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    needs: &'static [Station],
    stops: &'static [Station],
}

impl Sight {
    /// Of a finding; nothing, for one of a layer that nobody has described.
    pub(super) fn of(code: &Code, severity: Severity) -> Option<Self> {
        let (needs, stops) = special(code).or_else(|| of_layer(code))?;
        // What works, if badly, stops nothing; but who does not look does not see, whatever that is called.
        let harmless = severity == Severity::Warning && *code != "config.insecure";
        let stops = if harmless { &[] } else { stops };
        Some(Self { needs, stops })
    }

    /// Whether a finding of this sight cannot be seen where the other one is.
    pub(super) fn is_behind(&self, other: &Self) -> bool {
        let stopped = |station: &Station| other.stops.iter().any(|it| station.depends_on(*it));
        self.needs.iter().any(stopped)
    }
}

type Sides = (&'static [Station], &'static [Station]);

/// What a layer's findings need in order to be seen, and what its errors stop.
fn of_layer(code: &Code) -> Option<Sides> {
    use Station::*;
    Some(match code.check().as_str() {
        // What the machine itself shows.
        "host" | "install" => (&[], &[]),
        "service" => (&[Agent], &[]),
        "config" => (&[Readable], &[Told]),
        "proxy" => (&[Name], &[Route]),
        "dns" => (&[Told], &[Name]),
        "tcp" => (&[Route], &[Port]),
        "tls" => (&[Port], &[Handshake]),
        "trust" => (&[Handshake, Verifying], &[Accepted]),
        // Told by the answer's date.
        "clock" => (&[Answer], &[]),
        "health" => (&[Handshake], &[]),
        "identity" => (&[Told], &[Identity]),
        "registration" => (&[Heartbeat], &[]),
        // Tokens of either kind go to nobody else than the control plane.
        "token" | "tasks" => (&[Accepted], &[]),
        _ => return None,
    })
}

fn special(code: &Code) -> Option<Sides> {
    let named = |codes: &[&str]| codes.iter().any(|it| *code == **it);
    let found = SPECIAL.iter().find(|(codes, _)| named(codes));
    found.map(|(_, sides)| *sides)
}

/// The findings that are otherwise than the rest of their layer, each for its own reason.
pub(super) const SPECIAL: &[(&[&str], Sides)] = {
    use Station::*;
    &[
        (&["install.missing"], (&[], &[Agent])),
        (
            &["config.missing", "config.syntax"],
            (&[Agent], &[Readable]),
        ),
        // What stands above a line that is broken can be read.
        (&["config.invalid", "config.url"], (&[Agent], &[Told])),
        // The superuser reads it all the same, and says what else is wrong with it.
        (&["config.unreadable"], (&[Agent], &[Told])),
        (&["config.insecure"], (&[Readable], &[Verifying])),
        (&["service.broken_unit"], (&[Agent], &[Loaded])),
        (
            &["service.read_only", "service.outdated"],
            (&[Agent, Loaded], &[]),
        ),
        (&["tcp.unreachable"], (&[Name], &[Route])),
        (
            &["trust.ca_file"],
            (&[Handshake, Verifying], &[Anchors, Anchored, Accepted]),
        ),
        // A path that reaches no anchor has one reason, and a useless CA file comes first.
        (
            &[
                "trust.unknown_authority",
                "trust.self_signed",
                "trust.missing_intermediate",
                "trust.intercepted",
            ],
            (&[Handshake, Verifying, Anchors], &[Anchored, Accepted]),
        ),
        // Anything else that is wrong with a path.
        (
            &["trust.bad_certificate"],
            (&[Handshake, Verifying, Anchored], &[Accepted]),
        ),
        // Of a chain that is not accepted it is no matter how long it would be.
        (&["trust.weak"], (&[Accepted, Verifying], &[])),
        // The system itself says so, and the time server that it follows.
        (&["clock.unsynchronized", "clock.skew"], (&[], &[])),
        (
            &["health.timeout", "health.closed"],
            (&[Handshake], &[Answer]),
        ),
        (
            &["identity.missing", "identity.invalid"],
            (&[Told], &[Certificate, Identity]),
        ),
        // It takes a certificate to have another's key, and dates.
        (
            &[
                "identity.key_mismatch",
                "identity.unfinished",
                "identity.expired",
                "identity.not_yet_valid",
                "identity.expiring",
            ],
            (&[Told, Certificate], &[Identity]),
        ),
        (
            &["registration.certificate_refused"],
            (&[Accepted, Identity], &[Shown]),
        ),
        // A heartbeat gets one answer.
        (&["registration.rejected"], (&[Shown], &[Heartbeat])),
        // In the log.
        (&["tasks.failing"], (&[], &[])),
    ]
};
