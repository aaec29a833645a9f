//! The rules, one by one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::*;

fn state() -> State {
    let clock = Clock::default();
    let authority = Authority::new(clock.now()).unwrap();
    State::new(Arc::new(authority), clock)
}

fn csr(key: &KeyPair) -> String {
    let params = CertificateParams::default();
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn request(token: &Secret, key: &KeyPair) -> EnrollRequest {
    EnrollRequest {
        token: token.clone(),
        csr: csr(key),
        hostname: "web-server-01".to_owned(),
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
        agent_version: "0.1.0".to_owned(),
    }
}

fn der(enrolled: &Enrolled) -> Vec<u8> {
    CertificateDer::from_pem_slice(enrolled.certificate.as_bytes())
        .unwrap()
        .to_vec()
}

fn enrolled(state: &State) -> Enrolled {
    let (token, _) = state.new_token(TimeDelta::hours(1)).unwrap();
    let key = KeyPair::generate().unwrap();
    state.enroll(&request(&token, &key)).unwrap()
}

fn beat(state: &State, enrolled: &Enrolled, diagnosis: bool) -> Result<Heartbeat, Refusal> {
    let request = HeartbeatRequest {
        agent_id: enrolled.agent_id.clone(),
        hostname: "web-server-01".to_owned(),
        agent_version: "0.2.0".to_owned(),
        diagnosis,
    };
    state.heartbeat(Some(&der(enrolled)), &request)
}

fn rotate(state: &State, enrolled: &Enrolled, key: &KeyPair) -> Result<Enrolled, Refusal> {
    state.rotate(Some(&der(enrolled)), &csr(key))
}

#[test]
fn a_token_enrolls_once_and_the_same_key_is_answered_again() {
    let state = state();
    let (token, _) = state.new_token(TimeDelta::hours(1)).unwrap();
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    assert_eq!(state.inspect(&token).unwrap().state, TokenState::Unused);
    let first = state.enroll(&request(&token, &key)).unwrap();
    assert_eq!(state.enroll(&request(&token, &key)), Ok(first.clone()));
    let refusal = state.enroll(&request(&token, &other)).unwrap_err();
    assert_eq!(refusal, Refusal::new(409, api::TOKEN_USED));
    let report = state.inspect(&token).unwrap();
    assert_eq!(report.state, TokenState::Used);
    assert_eq!(report.used_by_hostname.as_deref(), Some("web-server-01"));
    state.revoke(&first.agent_id).unwrap();
    assert_eq!(
        state.enroll(&request(&token, &key)).unwrap_err().status,
        409
    );
}

#[test]
fn what_fails_leaves_the_token() {
    let state = state();
    let (token, _) = state.new_token(TimeDelta::hours(1)).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut bad = request(&token, &key);
    bad.csr =
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n".to_owned();
    assert_eq!(state.enroll(&bad).unwrap_err().status, 422);
    assert!(state.enroll(&request(&token, &key)).is_ok());
}

#[test]
fn expired_and_unknown_tokens_are_refused() {
    let state = state();
    let (token, _) = state.new_token(TimeDelta::hours(1)).unwrap();
    let key = KeyPair::generate().unwrap();
    state.clock().shift(TimeDelta::hours(1));
    assert_eq!(
        state.enroll(&request(&token, &key)),
        Err(Refusal::new(410, api::TOKEN_EXPIRED))
    );
    assert_eq!(state.inspect(&token).unwrap().state, TokenState::Expired);
    assert_eq!(
        state.enroll(&request(&Secret::new("nxe_other"), &key)),
        Err(Refusal::new(401, api::TOKEN_INVALID))
    );
}

#[test]
fn a_heartbeat_is_a_sign_of_life_unless_a_diagnosis_asks() {
    let state = state();
    let agent = enrolled(&state);
    assert_eq!(
        beat(&state, &agent, true).unwrap().registered_as,
        "web-server-01"
    );
    assert_eq!(state.agent(&agent.agent_id).unwrap().last_seen, None);
    beat(&state, &agent, false).unwrap();
    assert!(state.agent(&agent.agent_id).unwrap().last_seen.is_some());
    state.revoke(&agent.agent_id).unwrap();
    assert_eq!(
        beat(&state, &agent, true),
        Err(Refusal::new(403, api::AGENT_REVOKED))
    );
}

#[test]
fn an_expired_certificate_rotates_within_the_grace_and_not_after() {
    let state = state();
    let agent = enrolled(&state);
    let key = KeyPair::generate().unwrap();
    state.clock().shift(TimeDelta::days(365 + 29));
    assert_eq!(
        beat(&state, &agent, false),
        Err(Refusal::new(403, api::CERTIFICATE_EXPIRED))
    );
    let renewed = rotate(&state, &agent, &key).unwrap();
    assert!(beat(&state, &renewed, false).is_ok());
    let other = enrolled(&state);
    state.clock().shift(TimeDelta::days(365 + 31));
    assert_eq!(
        rotate(&state, &other, &key),
        Err(Refusal::new(403, api::EXPIRED_TOO_LONG))
    );
}

#[test]
fn a_predecessor_serves_until_the_new_one_has_made_a_heartbeat() {
    let state = state();
    let old = enrolled(&state);
    let key = KeyPair::generate().unwrap();
    let new = rotate(&state, &old, &key).unwrap();
    assert_eq!(rotate(&state, &old, &key), Ok(new.clone()), "a lost answer");
    assert!(beat(&state, &old, false).is_ok());
    assert!(
        beat(&state, &new, true).is_ok(),
        "a diagnosis retires nothing"
    );
    assert!(beat(&state, &old, false).is_ok());
    assert!(beat(&state, &new, false).is_ok());
    assert_eq!(beat(&state, &old, false).unwrap_err().status, 403);
}
