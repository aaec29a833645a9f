//! A certificate for the tests of this room.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::{TimeDelta, Utc};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use crate::contract::api::Enrolled;

/// What a control plane would answer; the certificate is its own issuer, which the identity store does not mind.
pub(super) fn issue(agent_id: &str, key: &KeyPair) -> Enrolled {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, agent_id);
    Enrolled {
        agent_id: agent_id.to_owned(),
        certificate: params.self_signed(key).unwrap().pem(),
        ca_chain: String::new(),
        not_after: Utc::now() + TimeDelta::days(365),
    }
}
