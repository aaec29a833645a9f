//! Identities judged from recorded answers; certificates are made here, with dates of their own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

use super::*;
use crate::checks::testing::{Evidence as Recording, absent, codes, file};

const CERT: &str = "/etc/nexplane-agent/client.crt";
const KEY: &str = "/etc/nexplane-agent/client.key";

/// Valid from 2026-01-01 to 2027-01-01, for `agt_1`.
fn certificate(key: &KeyPair) -> String {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "agt_1");
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params.self_signed(key).unwrap().pem()
}

fn public_half(key: &KeyPair) -> KeyFacts {
    let pem = key.public_key_pem();
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    KeyFacts {
        public_key: lines.collect(),
    }
}

fn day(text: &str) -> DateTime<Utc> {
    format!("{text}T00:00:00Z").parse().unwrap()
}

struct Case {
    cert: Seen<String>,
    key: Seen<KeyFacts>,
    mode: u32,
    now: DateTime<Utc>,
    offset: Option<TimeDelta>,
    user: Option<&'static str>,
    /// The certificate and the key that wait beside them.
    pending: Option<(Seen<String>, Seen<KeyFacts>)>,
}

impl Case {
    fn good() -> Self {
        let key = KeyPair::generate().unwrap();
        Self {
            cert: Ok(certificate(&key)),
            key: Ok(public_half(&key)),
            mode: 0o600,
            now: day("2026-06-01"),
            offset: Some(TimeDelta::zero()),
            user: None,
            pending: None,
        }
    }

    fn at(now: &str) -> Self {
        Self {
            now: day(now),
            ..Self::good()
        }
    }

    fn judge(self) -> (Judgement, Identity) {
        let path = |path: &str| HostPath::host(path);
        let content = self.cert.map(|text| Content {
            text,
            invalid_utf8_at: None,
        });
        let mut recording = Recording::default()
            .answer("read", ReadQuestion::new(path(CERT)), content)
            .answer("private_key", path(KEY), self.key)
            .answer("stat", path(CERT), Ok::<_, Unseen>(file(CERT, 0o644, 0, 0)))
            .answer(
                "stat",
                path(KEY),
                Ok::<_, Unseen>(file(KEY, self.mode, 0, 900)),
            )
            .answer("now", (), self.now);
        if let Some((cert, key)) = self.pending {
            let (cert_path, key_path) = (format!("{CERT}.pending"), format!("{KEY}.pending"));
            let content = cert.map(|text| Content {
                text,
                invalid_utf8_at: None,
            });
            recording = recording
                .answer("read", ReadQuestion::new(path(&cert_path)), content)
                .answer("private_key", path(&key_path), key);
        }
        if let Some(user) = self.user {
            recording = recording.runs_as(user);
        }
        if let Some(offset) = self.offset {
            recording = recording.fact(clock::Offset {
                low: offset,
                high: offset + TimeDelta::seconds(1),
            });
        }
        let (judgement, facts) = recording.judge(&Probe);
        let identity = facts.get::<Identity>().cloned().unwrap();
        (judgement, identity)
    }
}

#[test]
fn a_good_one_passes_and_names_the_agent() {
    let (judgement, identity) = Case::good().judge();
    assert_eq!(codes(&judgement), [""; 0]);
    assert_eq!(identity.agent_id.as_deref(), Some("agt_1"));
    assert_eq!(identity.state, State::Usable);
}

#[test]
fn either_file_absent_is_missing() {
    for (cert, key) in [(true, true), (true, false), (false, true)] {
        let mut case = Case::good();
        if cert {
            case.cert = absent();
        }
        if key {
            case.key = absent();
        }
        let (judgement, identity) = case.judge();
        assert_eq!(codes(&judgement), ["identity.missing"]);
        assert_eq!(judgement.decision, Decision::Decided);
        assert!(identity.must_enroll());
    }
}

#[test]
fn what_does_not_parse_is_invalid() {
    let good = Case::good().cert.unwrap();
    let cut = good[..good.len() / 2].to_owned();
    for text in [
        "",
        "hello",
        &cut,
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    ] {
        let mut case = Case::good();
        case.cert = Ok(text.to_owned());
        let (judgement, identity) = case.judge();
        assert_eq!(codes(&judgement), ["identity.invalid"], "{text}");
        assert_eq!(identity.state, State::Invalid);
    }
    let mut case = Case::good();
    case.key = Err(Unseen::malformed("no PEM block in it"));
    assert_eq!(codes(&case.judge().0), ["identity.invalid"]);
}

#[test]
fn a_chain_s_first_certificate_counts_whatever_stands_before_it() {
    let mut case = Case::good();
    let (first, second) = (case.cert.unwrap(), Case::good().cert.unwrap());
    case.cert = Ok(format!("subject=CN = agt_1\n{first}{second}"));
    assert_eq!(codes(&case.judge().0), [""; 0]);
}

#[test]
fn another_key_is_a_mismatch() {
    let mut case = Case::good();
    case.key = Case::good().key;
    let (judgement, identity) = case.judge();
    assert_eq!(codes(&judgement), ["identity.key_mismatch"]);
    assert!(identity.must_enroll());
}

#[test]
fn validity_is_judged_at_the_true_time() {
    for (now, code, state) in [
        (
            "2027-01-10",
            "identity.expired",
            State::Expired { past_grace: false },
        ),
        (
            "2027-03-01",
            "identity.expired",
            State::Expired { past_grace: true },
        ),
        ("2025-12-31", "identity.not_yet_valid", State::NotYetValid),
        ("2026-12-25", "identity.expiring", State::Usable),
    ] {
        let (judgement, identity) = Case::at(now).judge();
        assert_eq!(codes(&judgement), [code], "{now}");
        assert_eq!(identity.state, state);
        let explained = match code {
            "identity.expiring" => Explained::AsCatalogued,
            // It is what an agent left behind that is not installed any more, but nothing that a clock makes it seem.
            _ => Explained::NotBy(vec![CLOCK_SKEW]),
        };
        assert_eq!(judgement.findings[0].explained, explained);
    }
}

#[test]
fn what_only_the_host_s_clock_says_is_the_clock_s() {
    for (now, offset, code, part) in [
        ("2027-06-01", -TimeDelta::days(365), "identity.expired", "expired 151 days"),
        ("2025-06-01", TimeDelta::days(365), "identity.not_yet_valid", "valid in 214 days"),
    ] {
        let case = Case {
            offset: Some(offset),
            ..Case::at(now)
        };
        let (judgement, _) = case.judge();
        assert_eq!(codes(&judgement), [code]);
        assert_eq!(
            judgement.findings[0].explained,
            Explained::OnlyBy(vec![INSTALL_MISSING, CLOCK_SKEW])
        );
        let detail = &judgement.findings[0].detail;
        assert!(detail.contains("clock alone") && detail.contains(part), "{detail}");
    }
    // The host's clock hides what is true.
    let case = Case {
        offset: Some(TimeDelta::days(365)),
        ..Case::good()
    };
    assert_eq!(codes(&case.judge().0), ["identity.expired"]);
}

#[test]
fn without_a_witness_the_host_s_clock_is_named() {
    let case = Case {
        offset: None,
        ..Case::at("2027-01-10")
    };
    let (judgement, _) = case.judge();
    assert_eq!(judgement.findings[0].explained, Explained::AsCatalogued);
    assert!(
        judgement.findings[0]
            .detail
            .contains("by this host's clock")
    );
}

#[test]
fn a_key_for_others_is_exposed_and_one_for_the_agent_s_own_group_is_not() {
    for (mode, user, expected) in [
        (0o644, None, &["identity.exposed"][..]),
        (0o640, None, &["identity.exposed"]),
        (0o640, Some("nexplane"), &[]),
        (0o600, Some("nexplane"), &["identity.unreadable"]),
    ] {
        let case = Case {
            mode,
            user,
            ..Case::good()
        };
        assert_eq!(codes(&case.judge().0), expected, "{mode:o} {user:?}");
    }
}

#[test]
fn what_the_doctor_may_not_read_is_unknown() {
    let case = Case {
        key: Err(Unseen::Denied),
        user: Some("nexplane"),
        mode: 0o640,
        ..Case::good()
    };
    let (judgement, identity) = case.judge();
    assert_eq!(codes(&judgement), [""; 0]);
    assert!(matches!(judgement.decision, Decision::Unknown(_)));
    assert_eq!(identity.state, State::Unknown);
}

#[test]
fn a_key_that_waits_for_its_place_is_no_reason_to_enroll() {
    let another = || Case::good().key;
    for in_place in [another(), absent(), Err(Unseen::malformed("empty"))] {
        let good = Case::good();
        let case = Case {
            pending: Some((absent(), good.key.clone())),
            key: in_place.clone(),
            ..good
        };
        let (judgement, identity) = case.judge();
        assert_eq!(codes(&judgement), ["identity.unfinished"], "{in_place:?}");
        assert_eq!(judgement.decision, Decision::Decided);
        assert_eq!(identity.state, State::Unfinished);
        assert!(!identity.must_enroll());
        let detail = &judgement.findings[0].detail;
        assert!(detail.contains("client.key.pending"), "{detail}");
    }
    // What waits there is another's, or nobody knows what is in place.
    for (in_place, waits, code) in [
        (another(), another(), "identity.key_mismatch"),
        (absent(), another(), "identity.missing"),
        (another(), Err(Unseen::Denied), "identity.key_mismatch"),
        (Err(Unseen::Denied), Case::good().key, "identity.unreadable"),
    ] {
        let case = Case {
            pending: Some((absent(), waits)),
            key: in_place,
            ..Case::good()
        };
        assert_eq!(codes(&case.judge().0), [code]);
    }
}

#[test]
fn a_pair_that_waits_is_told_of_if_it_is_whole() {
    let new = Case::good();
    for (key, told) in [(new.key.clone(), true), (Case::good().key, false)] {
        let case = Case {
            pending: Some((new.cert.clone(), key)),
            ..Case::good()
        };
        let (judgement, identity) = case.judge();
        assert_eq!(codes(&judgement), [""; 0]);
        assert_eq!(identity.state, State::Usable);
        let notes = judgement.notes.iter();
        let notes: Vec<_> = notes.map(|note| note.what.as_str()).collect();
        assert_eq!(notes.contains(&"pending certificate"), told, "{notes:?}");
    }
}
