//! The chain as people see it.

use super::*;
use crate::model::{ChainEnd, Origin};

/// The facts of a scene, of its first finding or of what it noted, one a line.
fn drawn(scene: Scene) -> Vec<String> {
    let judgement = scene.judge().0;
    let facts = judgement.findings.first().map_or(judgement.notes, |finding| finding.evidence.clone());
    let without_hash = |fact: &Fact| !fact.what.ends_with("SHA-256");
    let begin = facts.iter().position(|fact| fact.what.starts_with("certificate 1")).unwrap();
    facts[begin..].iter().filter(|it| without_hash(it)).map(|it| format!("{} | {}", it.what, it.value)).collect()
}

const VALID: &str = "2026-01-01 00:00 to 2027-12-31 00:00 UTC";

#[test]
fn a_chain_that_reaches_an_anchor() {
    let root = Authority::root("Root");
    let between = root.intermediate("Between");
    let (server, stranger) = (between.server(), Authority::root("Stranger"));
    let chain = [&server, &stranger.pem, &between.pem, &server];
    assert_eq!(
        drawn(scene(&chain, &[&root.pem])),
        [
            "certificate 1 | CN=nexplane.corp".to_owned(),
            format!("certificate 1: valid | {VALID}, 402 days left"),
            "certificate 1: key | ECDSA, P-256".into(),
            "certificate 1: names | nexplane.corp".into(),
            "certificate 1: issued by | certificate 3, CN=Between (SHA-256 with ECDSA)".into(),
            "certificate 3 | CN=Between".into(),
            format!("certificate 3: valid | {VALID}, 402 days left"),
            "certificate 3: key | ECDSA, P-256".into(),
            "certificate 3: issued by | anchor, CN=Root (SHA-256 with ECDSA)".into(),
            "anchor | CN=Root".into(),
            format!("anchor: valid | {VALID}, 402 days left"),
            "anchor: key | ECDSA, P-256".into(),
            "anchor: issued by | itself (SHA-256 with ECDSA)".into(),
            "certificate 2 | CN=Stranger (sent along, not needed)".into(),
            format!("certificate 2: valid | {VALID}, 402 days left"),
            "certificate 2: issued by | CN=Stranger".into(),
            "certificate 4 | the same as certificate 1".into(),
            "chain | reaches an anchor of this host (/etc/ssl/certs)".into(),
        ]
    );
}

/// The lines with a mark: what is wrong.
fn marked(scene: Scene) -> Vec<String> {
    drawn(scene).into_iter().filter(|line| line.contains('\u{2190}')).collect()
}

#[test]
fn where_it_breaks_is_marked() {
    let (root, other) = (Authority::root("Root"), Authority::root("Other"));
    let between = root.intermediate("Between");
    assert_eq!(
        marked(scene(&[&between.server()], &[&other.pem])),
        [
            "certificate 1: issued by | CN=Between (SHA-256 with ECDSA) ← the chain breaks here",
            "chain | ← breaks here: `CN=Between` was not sent, and is not trusted here",
        ]
    );
    assert_eq!(
        marked(scene(&[&root.server(), &root.pem], &[&other.pem])),
        ["chain | ← breaks here: `CN=Root` is its own issuer, and is not trusted here"]
    );
    assert_eq!(
        marked(scene(&[&tampered(&root.server())], &[&root.pem])),
        [
            "certificate 1: issued by | CN=Root (SHA-256 with ECDSA) ← the chain breaks here",
            "chain | ← breaks here: the signature of `CN=nexplane.corp` does not verify",
        ]
    );
    let product = Authority::root("mitmproxy");
    assert_eq!(marked(scene(&[&product.server()], &[&product.pem])), none());
}

#[test]
fn what_is_wrong_with_a_certificate_is_marked() {
    let root = Authority::root("Root");
    let server = root.server_with(|params| {
        for_names(&["a.test"])(params);
        params.not_after = date_time_ymd(2026, 10, 1);
    });
    assert_eq!(
        marked(scene(&[&server], &[&root.pem])),
        [
            "certificate 1: valid | 2026-01-01 00:00 to 2026-10-01 00:00 UTC ← expired by the control plane's clock",
            "certificate 1: names | a.test ← not the host that was asked for",
        ]
    );
    let mut early = scene(&[&root.server()], &[&root.pem]);
    early.now = now() - TimeDelta::days(400);
    early.offset = Some(400 * 86_400);
    assert_eq!(marked(early).len(), 2, "the server's and the anchor, by this host's clock");
    let mut short = scene(&[&recorded(include_str!("../testdata/rsa-1024.crt"))], &[&recorded(include_str!("../testdata/old-ca.crt"))]);
    short.now = now() + TimeDelta::days(30);
    assert_eq!(marked(short), ["certificate 1: key | RSA, 1024 bits ← short"]);
}

#[test]
fn a_leaf_that_is_its_own_anchor_and_one_that_cannot_be_read() {
    let leaf = self_signed(|_| {});
    let odd = Pem("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".into());
    let mut pinned = scene(&[&leaf, &odd], &[]);
    pinned.ca_file = Some(Ok(leaf.0.clone()));
    let lines = drawn(pinned);
    assert!(lines.contains(&"certificate 1: issued by | itself (SHA-256 with ECDSA)".to_owned()), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("certificate 2 | it does not parse")), "{lines:?}");
    assert_eq!(lines.last().unwrap(), &format!("chain | reaches an anchor of this host (ca_cert {CA_PATH})"));
}

/// The chain as data: the same as the picture.
#[test]
fn who_draws_the_chain_is_told_what_the_picture_tells() {
    let root = Authority::root("Root");
    let between = root.intermediate("Between");
    let (server, stranger) = (between.server(), Authority::root("Stranger"));
    let (_, facts) = scene(&[&server, &stranger.pem, &between.pem, &server], &[&root.pem]).judge();
    let chain = &facts.get::<Shown>().unwrap().0;
    let line: Vec<_> = chain.line.iter().map(|it| (it.origin, it.subject.as_str())).collect();
    assert_eq!(
        line,
        [
            (Origin::Sent(1), "CN=nexplane.corp"),
            (Origin::Sent(3), "CN=Between"),
            (Origin::Store, "CN=Root"),
        ]
    );
    assert_eq!(chain.end, ChainEnd::Anchor("/etc/ssl/certs".into()));
    assert_eq!(
        chain.aside,
        [
            "certificate 2: CN=Stranger, sent along and not needed",
            "certificate 4: the same as certificate 1",
        ]
    );

    let elsewhere = root.server_with(for_names(&["a.test"]));
    let (_, facts) = scene(&[&elsewhere], &[&Authority::root("Other").pem]).judge();
    let chain = &facts.get::<Shown>().unwrap().0;
    assert_eq!(chain.line[0].problems, ["it is not for the host that was asked for"]);
    assert_eq!(
        chain.end,
        ChainEnd::Breaks("`CN=Root` was not sent, and is not trusted here".into())
    );
}
