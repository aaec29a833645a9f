//! What is accepted today, and not for long.

use super::*;

/// A server's certificate that lives this many days and has so many left, before a host that trusts its CA.
fn living(days: i64, left: TimeDelta) -> Scene {
    let root = Authority::root("Root");
    let until = now() + left;
    let at = |time: DateTime<Utc>| date_time_ymd(1970, 1, 1) + Duration::from_secs(time.timestamp().unsigned_abs());
    let server = root.server_with(|params| {
        params.not_before = at(until - TimeDelta::days(days));
        params.not_after = at(until);
    });
    scene(&[&server], &[&root.pem])
}

#[test]
fn a_third_of_its_life_or_14_days_whichever_is_shorter() {
    let (day, second) = (TimeDelta::days(1), TimeDelta::seconds(1));
    for (days, left, is_weak) in [
        (397, day * 14 - second * 5, true),
        (397, day * 14 + second * 5, false),
        (90, day * 14 + second * 5, false),
        (30, day * 10 - second * 5, true),
        (30, day * 10 + second * 5, false),
        // Those that live a day are renewed every day.
        (1, TimeDelta::hours(9), false),
        (1, TimeDelta::hours(7), true),
    ] {
        let expected: &[&str] = if is_weak { &["trust.weak"] } else { &[] };
        assert_eq!(living(days, left).codes(), expected, "{days} days, {left}");
    }
}

#[test]
fn the_end_is_told_by_the_true_time() {
    // Near by the host's clock alone, and near by the true time alone.
    let mut fast = living(397, TimeDelta::days(100));
    fast.now = now() + TimeDelta::days(95);
    fast.offset = Some(-95 * 86_400);
    assert_eq!(fast.codes(), none());
    let mut slow = living(397, TimeDelta::days(5));
    slow.now = now() - TimeDelta::days(95);
    slow.offset = Some(95 * 86_400);
    assert!(slow.detail().ends_with("by the control plane's own clock."));
    let mut alone = living(397, TimeDelta::days(5));
    alone.offset = None;
    assert!(alone.detail().ends_with("by this host's clock, which nothing confirms."));
}

#[test]
fn a_ca_on_the_way_or_the_anchor_counts_too() {
    let soon = |params: &mut rcgen::CertificateParams| params.not_after = date_time_ymd(2026, 11, 28);
    let root = Authority::root_with("Root", soon);
    assert!(scene(&[&root.server()], &[&root.pem]).detail().starts_with("`CN=Root` ends in 4 days"));
    let root = Authority::root("Root");
    let between = root.intermediate_with("Between", soon);
    let found = scene(&[&between.server(), &between.pem], &[&root.pem]);
    assert!(found.detail().starts_with("`CN=Between` ends in 4 days"));
    // What is sent along and not needed does not.
    let chain = [&root.server(), &between.pem];
    assert_eq!(scene(&chain, &[&root.pem]).codes(), none());
}

#[test]
fn where_something_is_wrong_already_it_is_not_said() {
    let mut elsewhere = living(397, TimeDelta::days(5));
    elsewhere.host = "other.corp";
    assert_eq!(elsewhere.codes(), ["trust.name_mismatch"]);
    let mut untrusted = living(397, TimeDelta::days(5));
    untrusted.system = Ok(vec![Authority::root("Other").pem]);
    assert_eq!(untrusted.codes(), ["trust.unknown_authority"]);
}

#[test]
fn a_short_key_of_a_ca_is_verified_and_told() {
    let met = |chain: &[&Pem], anchor: &Pem| {
        let mut met = scene(chain, &[anchor]);
        met.now = now() + TimeDelta::days(30);
        met
    };
    let short = recorded(include_str!("../testdata/rsa-1024-ca.crt"));
    let below = recorded(include_str!("../testdata/below-rsa-1024.crt"));
    let found = met(&[&below], &short).judge().0;
    assert_eq!(codes(&found), ["trust.weak"]);
    assert_eq!(found.decision, Decision::Decided);
    assert!(found.findings[0].detail.starts_with("`CN=Short CA` has a short key (RSA, 1024 bits)"));
    // A signature that does not fit is none.
    assert_eq!(met(&[&tampered(&below)], &short).codes(), ["trust.bad_certificate"]);
    let other = recorded(include_str!("../testdata/old-ca.crt"));
    assert_eq!(met(&[&below], &other).codes(), ["trust.unknown_authority"]);
}
