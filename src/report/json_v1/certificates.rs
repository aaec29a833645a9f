//! The certificates and clocks, in the report's schema.

use schemars::JsonSchema;
use serde::Serialize;

use super::time;
use crate::model;

/// The certificates that were seen, and the clocks by which they are valid or not.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Certificates {
    clocks: Clocks,
    /// What the control plane showed; null where it did not come to that.
    server: Option<Chain>,
    /// The agent's own; null where it has none that can be read.
    agent: Option<Certificate>,
}

/// What time it was.
#[derive(Debug, Serialize, JsonSchema)]
struct Clocks {
    /// By the host's clock; RFC 3339, in UTC, as all times here.
    host: String,
    /// By the control plane's clock; null where it told no time.
    control_plane: Option<Interval>,
}

/// A time that is known to lie between two.
#[derive(Debug, Serialize, JsonSchema)]
struct Interval {
    earliest: String,
    latest: String,
}

/// A server's chain.
#[derive(Debug, Serialize, JsonSchema)]
struct Chain {
    /// Those in use, each vouched for by the next, the server's own first.
    line: Vec<Certificate>,
    /// Whether the line reaches an anchor of the host.
    anchored: bool,
    /// Why that anchor is trusted, or where the line breaks.
    end: String,
    /// What was sent and is not in use.
    aside: Vec<String>,
}

/// One certificate.
#[derive(Debug, Serialize, JsonSchema)]
struct Certificate {
    origin: Origin,
    /// Its place among those that were sent, counted from 1; null where it was not sent.
    place: Option<usize>,
    subject: String,
    issuer: String,
    /// The names that it is for; a long list is cut short.
    names: String,
    not_before: String,
    not_after: String,
    key: String,
    signature: String,
    /// SHA-256.
    fingerprint: String,
    /// What is wrong with it beside the time.
    problems: Vec<String>,
}

/// Sent by the peer, out of the host's own store or files, or the agent's own.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Origin {
    Sent,
    Store,
    Agent,
}

impl From<&model::Certificates> for Certificates {
    fn from(certificates: &model::Certificates) -> Self {
        let clocks = &certificates.clocks;
        Self {
            clocks: Clocks {
                host: time(clocks.host),
                control_plane: clocks.control_plane.map(|(earliest, latest)| Interval {
                    earliest: time(earliest),
                    latest: time(latest),
                }),
            },
            server: certificates.server.as_ref().map(Chain::from),
            agent: certificates.agent.as_ref().map(Certificate::from),
        }
    }
}

impl From<&model::Chain> for Chain {
    fn from(chain: &model::Chain) -> Self {
        let (anchored, end) = match &chain.end {
            model::ChainEnd::Anchor(why) => (true, why),
            model::ChainEnd::Breaks(what) => (false, what),
        };
        Self {
            line: chain.line.iter().map(Certificate::from).collect(),
            anchored,
            end: end.clone(),
            aside: chain.aside.clone(),
        }
    }
}

impl From<&model::CertificateReport> for Certificate {
    fn from(certificate: &model::CertificateReport) -> Self {
        let (origin, place) = match certificate.origin {
            model::Origin::Sent(place) => (Origin::Sent, Some(place)),
            model::Origin::Store => (Origin::Store, None),
            model::Origin::Agent => (Origin::Agent, None),
        };
        Self {
            origin,
            place,
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            names: certificate.names.clone(),
            not_before: time(certificate.not_before),
            not_after: time(certificate.not_after),
            key: certificate.key.clone(),
            signature: certificate.signature.clone(),
            fingerprint: certificate.fingerprint.clone(),
            problems: certificate.problems.clone(),
        }
    }
}
