//! Where a chain leads, whatever the time: to an anchor, or where it breaks and why. Pure.
//!
//! rustls' own verifier decides; time is taken out of it by asking at moments at which every certificate of the chain may be
//! valid. Where it says no, the chain is walked link by link ([`super::walk`]) to say why, and to accept what the agent's
//! library (Go's) accepts and rustls' does not: a leaf that is an anchor itself, a leaf that is marked as a CA, more than six
//! CAs on the way, RSA keys under 2048 bits.

use std::cell::RefCell;
use std::time::Duration;

use rustls::pki_types::{ServerName, TrustAnchor, UnixTime};
use serde::{Deserialize, Serialize};
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath, anchor_from_trusted_cert};

use super::certificate::{Certificate, Signature};
use super::walk::{End, Refusal, Walk};
use crate::contract::tls::{provider, verify_name};

/// Where the chain leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// To an anchor: each way there, the server's certificate first, the anchor last.
    Anchored(Vec<Vec<Certificate>>),
    /// To no anchor.
    Foreign {
        /// The first reason that is true.
        reason: Reason,
        /// The certificates as far as they hold together, the server's first.
        walked: Vec<Certificate>,
    },
    /// To an anchor by its names, and something on the way is wrong in itself.
    Bad {
        /// What, in a sentence's words.
        why: String,
        /// The certificates as far as they hold together, and the anchor, if there is one.
        walked: Vec<Certificate>,
    },
    /// That cannot be told here.
    Undecided {
        /// Why not.
        why: String,
        /// The certificates as far as they hold together, and the anchor, if there is one.
        walked: Vec<Certificate>,
    },
}

/// Why a chain reaches no anchor.
///
/// An unusable CA file comes before all of these, and so does that the chain was made by a TLS-inspecting product: both are
/// judged with the whole case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The server's certificate is its own issuer.
    SelfSigned,
    /// The last certificate's issuer was not sent, and it can be found elsewhere.
    MissingIntermediate,
    /// Anything else.
    UnknownAuthority,
}

/// What there is to trust.
#[derive(Debug, Clone, Copy)]
pub struct Anchors<'a> {
    /// Anchors that may matter for the chain.
    pub anchors: &'a [Certificate],
    /// Certificates that lie on this host without being anchors.
    pub elsewhere: &'a [Certificate],
    /// The host trusts nobody at all, so that nothing can be concluded from a missing link.
    pub none_at_all: bool,
}

/// What nobody follows to its end, in words that finish "the chain cannot be accepted: …".
const TANGLED: &str = "it is too long or too tangled to be verified";

/// Finds out where a chain leads; its first certificate is the server's.
pub fn follow(chain: &[Certificate], trust: Anchors<'_>) -> Path {
    let Some(leaf) = chain.first() else {
        return Path::Undecided {
            why: "the peer showed no certificate".into(),
            walked: Vec::new(),
        };
    };
    if trust.anchors.iter().any(|anchor| anchor.der == leaf.der) {
        return Path::Anchored(vec![vec![leaf.clone()]]);
    }
    let error = match verify(chain, trust.anchors) {
        Ok(routes) => return admitted(routes),
        Err(error) => error,
    };
    let walk = Walk::along(chain, trust.anchors);
    if walk.given_up {
        return Path::Bad {
            why: TANGLED.into(),
            walked: walk.path(),
        };
    }
    match walk.end {
        End::Anchor(_) => anchored(&walk, error),
        End::Broken => Path::Bad {
            why: format!(
                "the signature of `{}` does not verify with the key of its issuer",
                walk.last().map_or("", |last| &last.subject)
            ),
            walked: walk.path(),
        },
        End::Nowhere => Path::Foreign {
            reason: reason(&walk, trust),
            walked: walk.path(),
        },
    }
}

/// rustls takes these ways; the agent's library asks of a CA's key usage besides.
fn admitted(routes: Vec<Vec<Certificate>>) -> Path {
    let may_sign =
        |route: &Vec<Certificate>| !route.iter().skip(1).any(|it| it.rules.not_for_signing);
    let (good, bad): (Vec<_>, Vec<_>) = routes.into_iter().partition(may_sign);
    match bad.into_iter().next() {
        Some(walked) if good.is_empty() => Path::Bad {
            why: super::walk::NOT_FOR_SIGNING.into(),
            walked,
        },
        _ => Path::Anchored(good),
    }
}

/// The links hold up to an anchor, and rustls says no.
fn anchored(walk: &Walk<'_>, refused: Option<Refused>) -> Path {
    let bad = |why: String| Path::Bad {
        why,
        walked: walk.path(),
    };
    let undecided = |why: &str| Path::Undecided {
        why: why.into(),
        walked: walk.path(),
    };
    let weak = walk
        .certificates
        .iter()
        .find_map(|it| Some((it, it.weak_signature?)));
    if let Some((certificate, algorithm)) = weak {
        return bad(format!(
            "`{}` is signed with {algorithm}, which nobody accepts any more",
            certificate.subject
        ));
    }
    if walk.unverifiable {
        return undecided(
            "a signature in the chain is of a kind that the doctor cannot verify and the agent may accept (P-521, RSA-PSS under 2048 bits)",
        );
    }
    let has_short_key = walk.path().iter().any(Certificate::has_short_key);
    // Without a word, each certificate on its own may be fine, but never all at the same time: `time` says which.
    let milder = refused.as_ref().is_none_or(|it| it.mild || has_short_key);
    match (milder, walk.by_the_agents_rules(), refused) {
        (true, Ok(()), _) => Path::Anchored(vec![walk.path()]),
        (true, Err(Refusal::Bad(why)), _) => bad(why.into()),
        (true, Err(Refusal::Unknown(why)), _) => undecided(why),
        (false, _, Some(refused)) => bad(refused.why),
        (false, _, None) => bad("it is malformed".into()),
    }
}

/// What rustls does not accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refused {
    /// Whether the agent's library does not mind, or does so much later.
    mild: bool,
    /// What it is, in words that finish "the chain cannot be accepted: …".
    why: String,
}

impl Refused {
    fn of(error: &Error) -> Self {
        let mild = matches!(
            error,
            Error::CertExpired { .. }
                | Error::CertNotValidYet { .. }
                | Error::CaUsedAsEndEntity
                | Error::MaximumPathDepthExceeded
                | Error::MaximumSignatureChecksExceeded
                | Error::MaximumPathBuildCallsExceeded
        );
        let why = describe(error);
        Self { mild, why }
    }
}

fn reason(walk: &Walk<'_>, trust: Anchors<'_>) -> Reason {
    let Some(last) = walk.last() else {
        return Reason::UnknownAuthority;
    };
    if last.is_self_issued() {
        return match walk.certificates.len() {
            1 => Reason::SelfSigned,
            _ => Reason::UnknownAuthority,
        };
    }
    // A root of its own is not what the server should have sent.
    let on_this_host = trust.elsewhere.iter().any(|it| {
        !it.is_self_issued()
            && it.subject_der == last.issuer_der
            && last.signed_by(it) == Signature::Good
    });
    let fetchable = last.ca_issuers.is_some() && !trust.none_at_all;
    if on_this_host || fetchable {
        Reason::MissingIntermediate
    } else {
        Reason::UnknownAuthority
    }
}

/// Whether the certificate names this host, by its subject alternative names alone: as the strict verifier sees it. Nothing
/// when the host is neither a name nor an address that could stand in a certificate.
pub fn names(leaf: &Certificate, host: &str) -> Option<bool> {
    let name = ServerName::try_from(host.trim_end_matches('.')).ok()?;
    if let Some(stated) = &leaf.stated {
        return Some(stated.is_for(host));
    }
    Some(verify_name(&leaf.der, &name).is_ok())
}

/// Every way to an anchor that rustls accepts at some moment; else the error that says most, without those of time.
pub(super) fn verify(
    chain: &[Certificate],
    anchors: &[Certificate],
) -> Result<Vec<Vec<Certificate>>, Option<Refused>> {
    let Some((leaf, rest)) = chain.split_first() else {
        return Err(None);
    };
    if let Some(stated) = &leaf.stated {
        return stated.verified(chain, anchors);
    }
    let end_entity =
        EndEntityCert::try_from(&leaf.der).map_err(|error| Some(Refused::of(&error)))?;
    let intermediates: Vec<_> = rest.iter().map(|it| it.der.clone()).collect();
    let usable: Vec<(&Certificate, TrustAnchor<'_>)> = anchors
        .iter()
        .filter_map(|it| Some((it, anchor_from_trusted_cert(&it.der).ok()?)))
        .collect();
    let trust_anchors: Vec<_> = usable.iter().map(|(_, anchor)| anchor.clone()).collect();
    let algorithms = provider().signature_verification_algorithms.all;
    let routes = RefCell::new(Vec::new());
    let note = |path: &VerifiedPath<'_>| {
        let route = route(leaf, rest, &usable, path);
        let mut routes = routes.borrow_mut();
        if !routes.contains(&route) {
            routes.push(route);
        }
        // Not this one, so that the next is looked for as well.
        Err(Error::UnknownIssuer)
    };
    let mut worst = None;
    for moment in moments(chain) {
        let outcome = end_entity.verify_for_usage(
            algorithms,
            &trust_anchors,
            &intermediates,
            moment,
            KeyUsage::server_auth(),
            None,
            Some(&note),
        );
        match outcome {
            Err(
                Error::CertExpired { .. } | Error::CertNotValidYet { .. } | Error::UnknownIssuer,
            ) => {}
            Err(error) => worst = Some(error),
            Ok(_) => {}
        }
    }
    match routes.into_inner() {
        routes if routes.is_empty() => Err(worst.as_ref().map(Refused::of)),
        routes => Ok(routes),
    }
}

/// If there is a moment at which all certificates of some path are valid, one of them begins at the first such moment.
fn moments(chain: &[Certificate]) -> Vec<UnixTime> {
    let mut begins: Vec<_> = chain
        .iter()
        .map(|it| u64::try_from(it.not_before.timestamp()).unwrap_or(0))
        .collect();
    begins.sort_unstable();
    begins.dedup();
    begins
        .into_iter()
        .map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
        .collect()
}

fn route(
    leaf: &Certificate,
    sent: &[Certificate],
    anchors: &[(&Certificate, TrustAnchor<'_>)],
    path: &VerifiedPath<'_>,
) -> Vec<Certificate> {
    let between = path
        .intermediate_certificates()
        .filter_map(|used| sent.iter().find(|it| it.der == used.der()));
    let anchor = anchors
        .iter()
        .find(|(_, anchor)| {
            anchor.subject == path.anchor().subject
                && anchor.subject_public_key_info == path.anchor().subject_public_key_info
        })
        .map(|(certificate, _)| *certificate);
    std::iter::once(leaf)
        .chain(between)
        .chain(anchor)
        .cloned()
        .collect()
}

/// What rustls does not accept, in words that finish "the chain cannot be accepted: …".
fn describe(error: &Error) -> String {
    let words = match error {
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            "a certificate of it was not made for servers: its extended key usage has no serverAuth"
        }
        Error::InvalidSignatureForPublicKey => "a signature in it does not verify",
        Error::SignatureAlgorithmMismatch => {
            "a certificate names two different signature algorithms"
        }
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "a signature in it is of an algorithm that is not accepted"
        }
        Error::NameConstraintViolation => {
            "a CA of it may not issue certificates for these names (name constraints)"
        }
        Error::PathLenConstraintViolated => {
            "a CA of it may not have so many CAs below it (path length)"
        }
        Error::EndEntityUsedAsCa => "a certificate in it that is no CA's issued another",
        Error::UnsupportedCertVersion => "a certificate in it is not of X.509 version 3",
        Error::UnsupportedCriticalExtension => {
            "a certificate in it has a critical extension that is not known"
        }
        Error::InvalidCertValidity => "a certificate in it ends before it begins",
        Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => TANGLED,
        other => return format!("a certificate in it is malformed: {other}"),
    };
    words.to_owned()
}
