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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    };

    use super::*;

    /// A CA with this name, and its certificate.
    struct Ca(Issuer<'static, KeyPair>, CertificateDer<'static>);

    fn ca(name: &str) -> Ca {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Ca(Issuer::new(params, key), certificate)
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    /// A certificate of `agt_1`, from and until so long after now.
    fn renewed(
        ca: &Ca,
        from: TimeDelta,
        until: TimeDelta,
        usage: ExtendedKeyUsagePurpose,
    ) -> Enrolled {
        let at = |time: TimeDelta| {
            let seconds = u64::try_from((now() + time).timestamp()).unwrap();
            rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
        };
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "agt_1");
        params.extended_key_usages = vec![usage];
        (params.not_before, params.not_after) = (at(from), at(until));
        let key = KeyPair::generate().unwrap();
        Enrolled {
            agent_id: "agt_1".to_owned(),
            certificate: params.signed_by(&key, &ca.0).unwrap().pem(),
            ca_chain: String::new(),
            not_after: now() + until,
        }
    }

    fn good(ca: &Ca) -> Enrolled {
        renewed(
            ca,
            TimeDelta::zero(),
            TimeDelta::days(1),
            ExtendedKeyUsagePurpose::ClientAuth,
        )
    }

    /// An identity whose certificate this one signed, with these certificates behind it.
    fn old(ca: &Ca, behind: &[&Ca]) -> Identity {
        let leaf = good(ca).certificate;
        let leaf = CertificateDer::from_pem_slice(leaf.as_bytes()).unwrap();
        let chain = std::iter::once(leaf).chain(behind.iter().map(|ca| ca.1.clone()));
        let key = KeyPair::generate().unwrap().serialize_der();
        Identity {
            agent_id: "agt_1".to_owned(),
            not_before: now(),
            not_after: now(),
            tls: (
                chain.collect(),
                rustls::pki_types::PrivatePkcs8KeyDer::from(key).into(),
            ),
        }
    }

    #[test]
    fn one_of_the_same_authority_for_now_is_fit() {
        let (ours, usage) = (ca("ours"), ExtendedKeyUsagePurpose::ClientAuth);
        let old = old(&ours, &[&ours]);
        check(&good(&ours), &old, &[], now()).unwrap();
        let behind = TimeDelta::minutes(4);
        check(
            &renewed(&ours, behind, TimeDelta::days(1), usage),
            &old,
            &[],
            now(),
        )
        .unwrap();
        // Another authority that the agent was told to trust.
        let other = ca("other");
        check(&good(&other), &old, std::slice::from_ref(&other.1), now()).unwrap();
    }

    #[test]
    fn what_the_agent_could_not_work_with_is_not() {
        let ours = ca("ours");
        let (day, client) = (TimeDelta::days(1), ExtendedKeyUsagePurpose::ClientAuth);
        let with = |change: fn(&mut Enrolled)| {
            let mut renewed = good(&ours);
            change(&mut renewed);
            renewed
        };
        for (renewed, why) in [
            (with(|it| it.agent_id = "agt_2".into()), "another agent's"),
            (with(|it| it.certificate = String::new()), "no certificate"),
            (
                with(|it| it.certificate = "\0".repeat(1 << 16)),
                "no certificate",
            ),
            (
                with(|it| it.ca_chain = "-----BEGIN CERTIFICATE-----\nx".into()),
                "no PEM",
            ),
            (good(&ca("other")), "not of the authority"),
            // Of the same name, and another key.
            (good(&ca("ours")), "not of the authority"),
            (
                renewed(&ours, -day, -TimeDelta::hours(1), client.clone()),
                "expired",
            ),
            (
                renewed(&ours, TimeDelta::hours(1), day, client),
                "not yet valid",
            ),
            (
                renewed(&ours, -day, day, ExtendedKeyUsagePurpose::ServerAuth),
                "not of the authority",
            ),
        ] {
            let refused = check(&renewed, &old(&ours, &[&ours]), &[], now()).unwrap_err();
            assert!(refused.contains(why), "{why}: {refused}");
        }
    }

    #[test]
    fn an_old_one_that_came_alone_tells_its_authority_by_name() {
        let ours = ca("ours");
        check(&good(&ours), &old(&ours, &[]), &[], now()).unwrap();
        assert!(check(&good(&ca("other")), &old(&ours, &[]), &[], now()).is_err());
    }
}
