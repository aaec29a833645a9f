//! Chains that a TLS-inspecting product has made.

use super::*;

/// A CA of mitmproxy's.
fn mitmproxy() -> Authority {
    Authority::root("mitmproxy")
}

#[test]
fn the_product_is_named_trusted_or_not() {
    let product = mitmproxy();
    let server = product.server();
    for (system, part) in [
        (&product.pem, "This host trusts that CA"),
        (&Authority::root("Other").pem, "does not trust that CA"),
    ] {
        let found = scene(&[&server, &product.pem], &[system]).judge().0;
        assert_eq!(codes(&found), ["trust.intercepted"]);
        let finding = &found.findings[0];
        assert!(finding.detail.starts_with("mitmproxy stands between"), "{}", finding.detail);
        assert!(finding.detail.contains(part), "{}", finding.detail);
        assert_eq!(finding.values[&Placeholder::Product], "mitmproxy");
        assert_eq!(finding.values[&Placeholder::Issuer], "CN=mitmproxy");
        let saw = |what: &str| finding.evidence.iter().any(|fact| fact.what == what);
        assert!(saw("exempt by") && saw("its CA") && saw("certificate 1") && saw("mTLS"));
    }
}

#[test]
fn it_is_known_by_the_issuers_name_alone_too() {
    let zscaler = Authority::root("Zscaler Root CA");
    let between = zscaler.intermediate("Zscaler Intermediate Root CA (zscaler.net)");
    assert_eq!(scene(&[&between.server()], &[]).codes(), ["trust.intercepted"]);
    let named = zscaler.intermediate("Acme Proxy 7");
    assert_eq!(scene(&[&named.server(), &named.pem], &[&zscaler.pem]).codes(), ["trust.intercepted"]);
}

#[test]
fn a_stranger_that_is_sent_along_made_nothing() {
    let root = Authority::root("Root");
    let chain = [&root.server(), &mitmproxy().pem];
    assert_eq!(scene(&chain, &[&root.pem]).codes(), none());
}

#[test]
fn the_ca_file_comes_first_where_nothing_is_reached() {
    let product = mitmproxy();
    let mut met = scene(&[&product.server()], &[]);
    met.ca_file = Some(Err(Unseen::Absent));
    let found = met.judge().0;
    assert_eq!(codes(&found), ["trust.ca_file"]);
    let besides = found.findings[0].evidence.iter().find(|fact| fact.what == "besides");
    assert!(besides.is_some_and(|fact| fact.value.contains("mitmproxy")));
    // Where the system vouches for the product, both are so.
    let mut met = scene(&[&product.server()], &[&product.pem]);
    met.ca_file = Some(Err(Unseen::Absent));
    assert_eq!(met.codes(), ["trust.ca_file", "trust.intercepted"]);
    // What is in a file that may not be read does not matter.
    let mut met = scene(&[&product.server()], &[]);
    met.ca_file = Some(Err(Unseen::Denied));
    assert_eq!(met.codes(), ["trust.intercepted"]);
}

#[test]
fn it_comes_before_what_else_is_wrong_with_the_path() {
    let product = mitmproxy();
    let client = product.server_with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    for chain in [vec![client], vec![product.server_with(with_aia)]] {
        let chain: Vec<_> = chain.iter().collect();
        assert_eq!(scene(&chain, &[&product.pem]).codes(), ["trust.intercepted"]);
        assert_eq!(scene(&chain, &[&Authority::root("Other").pem]).codes(), ["trust.intercepted"]);
    }
}

#[test]
fn name_and_time_are_told_besides() {
    let product = mitmproxy();
    let server = product.server_with(|params| {
        for_names(&["a.test"])(params);
        params.not_after = date_time_ymd(2026, 10, 1);
    });
    let met = scene(&[&server], &[&product.pem]);
    assert_eq!(met.codes(), ["trust.intercepted", "trust.name_mismatch", "trust.expired"]);
}

#[test]
fn a_foreign_chain_that_names_no_product_has_hints_and_no_more() {
    let private = Authority::root("Private");
    let young = private.server_with(|params| params.not_before = date_time_ymd(2026, 11, 23) + Duration::from_secs(20 * 3600 + 40 * 60));
    let of = |server: &Pem| {
        let found = scene(&[server], &[]).judge().0;
        assert_eq!(codes(&found), ["trust.unknown_authority"]);
        found.findings[0].evidence.iter().map(|fact| fact.what.clone()).collect::<Vec<_>>()
    };
    assert!(of(&young).contains(&"age".to_owned()));
    assert!(!of(&private.server()).contains(&"age".to_owned()));
    assert!(of(&private.server()).contains(&"mTLS".to_owned()));
}

#[test]
fn with_verification_switched_off_it_is_said_all_the_same() {
    let mut off = scene(&[&mitmproxy().server()], &[]);
    off.insecure = true;
    let (judgement, facts) = off.judge();
    assert_eq!(judgement.findings, []);
    assert_eq!(judgement.notes[0].what, "verification would find trust.intercepted");
    assert!(facts.get::<Verdict>().is_some_and(|it| !it.accepted));
}
