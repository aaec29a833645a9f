//! Whether a renewed certificate is one that this agent can work with, before it replaces one that works.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::super::identity::Identity;
use crate::contract::api::Enrolled;
use crate::contract::tls::provider;

/// How far this host's clock may be behind before its certificate seems to lie in the future: what is called a skew.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// That `renewed` is the same agent's, comes from the authority that `old` came from or from one of `roots`, may be used
/// for what it is for, and is valid now. The first reason why not, if it is not.
pub(super) fn check(
    renewed: &Enrolled,
    old: &Identity,
    roots: &[CertificateDer<'static>],
    now: DateTime<Utc>,
) -> Result<(), String> {
    if renewed.agent_id != old.agent_id {
        return Err("it is another agent's".to_owned());
    }
    let damaged = || "it is no certificate".to_owned();
    let leaf = CertificateDer::from_pem_slice(renewed.certificate.as_bytes());
    let leaf = leaf.map_err(|_| damaged())?;
    let between: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(renewed.ca_chain.as_bytes()).collect();
    let between = between.map_err(|_| "its chain is no PEM".to_owned())?;
    let (_, parsed) = X509Certificate::from_der(&leaf).map_err(|_| damaged())?;
    let at = moment(&parsed, now)?;
    let (first, rest) = old.tls.0.split_first().ok_or_else(damaged)?;
    if rest.is_empty() && same_issuer(&parsed, first) {
        // The old one came without the authority that signed it: its name is all that can be compared.
        return Ok(());
    }
    let mut anchors = RootCertStore::empty();
    anchors.add_parsable_certificates(rest.iter().chain(roots).cloned());
    let foreign = |why: String| format!("it is not of the authority of the old one: {why}");
    WebPkiClientVerifier::builder_with_provider(Arc::new(anchors), provider())
        .build()
        .map_err(|error| foreign(error.to_string()))?
        .verify_client_cert(&leaf, &between, at)
        .map(drop)
        .map_err(|error| foreign(error.to_string()))
}

/// When its validity is judged: now, or its first moment where this host's clock is a little behind.
fn moment(leaf: &X509Certificate<'_>, now: DateTime<Utc>) -> Result<UnixTime, String> {
    let date = |timestamp: i64| DateTime::<Utc>::from_timestamp(timestamp, 0);
    let validity = leaf.validity();
    let (from, until) = (
        date(validity.not_before.timestamp()),
        date(validity.not_after.timestamp()),
    );
    let (Some(from), Some(until)) = (from, until) else {
        return Err("its validity is none".to_owned());
    };
    if from > now + SKEW {
        return Err(format!(
            "it is not yet valid: it begins {from}, and this host's clock says {now}"
        ));
    }
    if until <= now {
        return Err(format!(
            "it has expired: it ended {until}, and this host's clock says {now}"
        ));
    }
    let seconds = u64::try_from(now.max(from).timestamp()).unwrap_or(0);
    Ok(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        seconds,
    )))
}

fn same_issuer(leaf: &X509Certificate<'_>, old: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(old)
        .is_ok_and(|(_, old)| old.issuer().as_raw() == leaf.issuer().as_raw())
}
