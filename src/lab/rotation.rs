//! A rotation that was cut short: what is on disk then, and what the control plane has seen.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::plan::CutShort;
use super::{LabError, Refusal, State};
use crate::contract::api::{Enrolled, HeartbeatRequest};
use crate::contract::paths;

/// Renews the identity in these files as far as it goes; with the new certificate's heartbeat the old one ends.
pub(super) fn cut_short(
    state: &State,
    (cert, key): (&Path, &Path),
    hostname: &str,
    when: CutShort,
) -> Result<(), LabError> {
    let refused = |why: Refusal| LabError::Enrollment(why.detail);
    let old = leaf(&fs::read(cert)?)?;
    let new_key = KeyPair::generate()?;
    let csr = CertificateParams::default()
        .serialize_request(&new_key)?
        .pem()?;
    let renewed: Enrolled = state.rotate(Some(&old), &csr).map_err(refused)?;
    let new = leaf(renewed.certificate.as_bytes())?;
    let heartbeat = HeartbeatRequest {
        agent_id: renewed.agent_id.clone(),
        hostname: hostname.to_owned(),
        agent_version: crate::agent::VERSION.to_owned(),
        diagnosis: false,
    };
    // One that is too old makes none, and the old one is too old as well.
    let _answer = state.heartbeat(Some(&new), &heartbeat);
    let chain = format!("{}{}", renewed.certificate, renewed.ca_chain);
    write(&paths::pending(key), &new_key.serialize_pem(), 0o600)?;
    match when {
        CutShort::BeforeBoth => write(&paths::pending(cert), &chain, 0o600),
        CutShort::BeforeTheKey => write(cert, &chain, 0o644),
    }
}

fn leaf(pem: &[u8]) -> Result<Vec<u8>, LabError> {
    let leaf = CertificateDer::from_pem_slice(pem);
    let leaf = leaf.map_err(|error| LabError::Enrollment(error.to_string()))?;
    Ok(leaf.to_vec())
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), LabError> {
    fs::write(path, text)?;
    Ok(super::world::set_mode(path, mode)?)
}
