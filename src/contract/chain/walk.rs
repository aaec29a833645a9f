//! A chain, link by link, as names and signatures hold; and the rules of the agent's library for those chains that rustls
//! does not take and the agent does. Pure.

use std::cell::Cell;
use std::collections::VecDeque;

use super::certificate::{Certificate, Signature};

/// What a CA is that may not sign, in words that finish "the chain cannot be accepted: …".
pub(super) const NOT_FOR_SIGNING: &str =
    "a CA of it may not sign certificates (its key usage has no keyCertSign)";

/// The certificates, the server's first, as far as one issued the other.
pub(super) struct Walk<'a> {
    /// Those that were sent.
    pub(super) certificates: Vec<&'a Certificate>,
    /// What comes after them.
    pub(super) end: End<'a>,
    /// Some link could not be verified here.
    pub(super) unverifiable: bool,
    /// So many signatures had to be verified that it was given up.
    pub(super) given_up: bool,
}

/// Signatures that are verified at most. Go gives up after 100; honest chains need one a certificate.
const SIGNATURES: usize = 200;

/// Signatures that may still be verified.
struct Budget(Cell<usize>);

impl Budget {
    /// How `issuer`, if it has the right name, has signed `certificate`.
    fn signature(&self, certificate: &Certificate, issuer: &Certificate) -> Signature {
        if issuer.subject_der != certificate.issuer_der || self.is_spent() {
            return Signature::OtherKey;
        }
        self.0.set(self.0.get() - 1);
        certificate.signed_by(issuer)
    }

    fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// What comes after the last certificate.
#[derive(Debug, Clone, Copy)]
pub(super) enum End<'a> {
    /// An anchor signed the last certificate.
    Anchor(&'a Certificate),
    /// The issuer that the last certificate names, key and all, did not sign it.
    Broken,
    /// Nobody here signed it.
    Nowhere,
}

/// Why the agent's library would not take a chain whose links hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It would not, because …
    Bad(&'static str),
    /// Whether it would is not known here, because …
    Unknown(&'static str),
}

impl<'a> Walk<'a> {
    /// Follows issuers from the first certificate on, to an anchor if there is any way; the order in which the others were
    /// sent does not matter.
    pub(super) fn along(chain: &'a [Certificate], anchors: &'a [Certificate]) -> Self {
        let budget = Budget(Cell::new(SIGNATURES));
        let to_anchor = |doubtful| to_anchor(chain, anchors, doubtful, &budget);
        if let Some((certificates, anchor)) = to_anchor(false) {
            return Self {
                certificates,
                end: End::Anchor(anchor),
                unverifiable: false,
                given_up: false,
            };
        }
        if let Some((certificates, anchor)) = to_anchor(true) {
            return Self {
                certificates,
                end: End::Anchor(anchor),
                unverifiable: true,
                given_up: false,
            };
        }
        let walk = astray(chain, anchors, &budget);
        Self {
            given_up: budget.is_spent(),
            ..walk
        }
    }

    /// The last certificate that was sent.
    pub(super) fn last(&self) -> Option<&'a Certificate> {
        self.certificates.last().copied()
    }

    /// The certificates, and the anchor after them.
    pub(super) fn path(&self) -> Vec<Certificate> {
        let anchor = match self.end {
            End::Anchor(anchor) => Some(anchor),
            End::Broken | End::Nowhere => None,
        };
        self.certificates
            .iter()
            .copied()
            .chain(anchor)
            .cloned()
            .collect()
    }

    /// What Go's verifier asks of a path beside signatures, names and times.
    ///
    /// # Errors
    /// The first thing that it does not accept.
    pub(super) fn by_the_agents_rules(&self) -> Result<(), Refusal> {
        let path = self.path();
        let sent = self.certificates.len();
        for (index, certificate) in path.iter().enumerate() {
            let rules = &certificate.rules;
            let (is_leaf, is_sent) = (index == 0, index < sent);
            let below = u32::try_from(index.saturating_sub(1)).unwrap_or(u32::MAX);
            if rules.not_for_servers {
                return Err(Refusal::Bad(
                    "a certificate of it was not made for servers (its extended key usage has no serverAuth)",
                ));
            }
            if rules.unknown_critical {
                return Err(Refusal::Bad(
                    "a certificate in it has a critical extension that is not known",
                ));
            }
            if is_leaf {
                continue;
            }
            if is_sent && !certificate.is_ca {
                return Err(Refusal::Bad(
                    "a certificate in it that is no CA's issued another",
                ));
            }
            if rules.not_for_signing {
                return Err(Refusal::Bad(NOT_FOR_SIGNING));
            }
            if rules.path_length.is_some_and(|most| below > most) {
                return Err(Refusal::Bad(
                    "a CA of it may not have so many CAs below it (path length)",
                ));
            }
            if rules.constrains_names {
                return Err(Refusal::Unknown(
                    "a CA of the chain restricts the names below it, and the chain is of a kind whose restrictions the doctor cannot verify",
                ));
            }
        }
        Ok(())
    }
}

/// The shortest way to an anchor: the certificates, and the anchor that signed the last. Each certificate is come by once,
/// so that a circle ends. Links that cannot be verified here count where `doubtful` says so.
fn to_anchor<'a>(
    chain: &'a [Certificate],
    anchors: &'a [Certificate],
    doubtful: bool,
    budget: &Budget,
) -> Option<(Vec<&'a Certificate>, &'a Certificate)> {
    let signed = |certificate: &Certificate, issuer: &Certificate| match budget
        .signature(certificate, issuer)
    {
        Signature::Good => true,
        Signature::Unverifiable => doubtful,
        Signature::Broken | Signature::OtherKey => false,
    };
    let mut below: Vec<Option<usize>> = vec![None; chain.len()];
    let mut queue = VecDeque::from([0]);
    while let Some(at) = queue.pop_front() {
        let certificate = chain.get(at)?;
        if let Some(anchor) = anchors.iter().find(|anchor| signed(certificate, anchor)) {
            let mut way = vec![certificate];
            let mut down = below[at];
            while let Some(index) = down {
                way.push(&chain[index]);
                down = below[index];
            }
            way.reverse();
            return Some((way, anchor));
        }
        for (index, issuer) in chain.iter().enumerate().skip(1) {
            if below[index].is_none() && index != at && signed(certificate, issuer) {
                below[index] = Some(at);
                queue.push_back(index);
            }
        }
    }
    None
}

/// Where no way leads to an anchor: as far as the first issuers go.
fn astray<'a>(chain: &'a [Certificate], anchors: &'a [Certificate], budget: &Budget) -> Walk<'a> {
    let mut walk = Walk {
        certificates: chain.iter().take(1).collect(),
        end: End::Nowhere,
        unverifiable: false,
        given_up: false,
    };
    while let Some(last) = walk.last() {
        let unused = chain.iter().filter(|it| !walk.certificates.contains(it));
        let mut broken = false;
        let next = anchors.iter().chain(unused).find(|it| {
            let signature = budget.signature(last, it);
            broken |= signature == Signature::Broken;
            matches!(signature, Signature::Good | Signature::Unverifiable)
        });
        match next {
            Some(next) if !last.is_self_issued() => walk.certificates.push(next),
            Some(_) => return walk,
            None => {
                if broken {
                    walk.end = End::Broken;
                }
                return walk;
            }
        }
    }
    walk
}
