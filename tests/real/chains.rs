//! Chains as they are met in life, served by nginx and `openssl s_server`: stapled, crossed, doubled, out of order, very
//! long, with keys and names of every kind.

use std::time::Duration;

use rcgen::PKCS_ECDSA_P384_SHA384;

use crate::harness::{
    Agent, Authority, Curl, Diagnosis, Doctor, Leaf, Pki, Place, Scene, Site, URL, World, ago,
    ahead, curl, s_server, unbound,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An agent that trusts this root and whose client certificate is of `pki`'s; a control plane that shows this leaf.
fn scene(pki: &Pki, root: &str, leaf: Leaf) -> Scene {
    Scene::new(
        &Agent::enrolled(pki).ca_file(root),
        &Site::control_plane(leaf, pki),
    )
}

/// What is diagnosed, after curl has said the same.
fn diagnose(root: &str, leaf: Leaf, said_by_curl: Curl) -> Diagnosis {
    let world = scene(&Pki::new(), root, leaf);
    assert_eq!(curl(&world), said_by_curl);
    Doctor::at(&world).diagnose()
}

/// Trusted by curl and by the doctor, all the way to the heartbeat.
fn passes(root: &str, leaf: Leaf) {
    diagnose(root, leaf, Curl::Answer(200))
        .found_no_error()
        .check("trust", "pass")
        .check("registration", "pass");
}

#[test]
fn cross_signed_with_one_way_to_a_root_that_nobody_knows() {
    let (known, unknown) = (
        Authority::root("Known Root"),
        Authority::root("Unknown Root"),
    );
    let between = known.below("Between");
    let crossed = between.crossed_by(&unknown);
    let own = between.pem();
    passes(&known.pem(), between.leaf(&[&own, &crossed]).make());
    // OpenSSL goes the first way that it sees; the agent's library tries them all.
    diagnose(
        &known.pem(),
        between.leaf(&[&crossed, &own]).make(),
        Curl::Untrusted,
    )
    .found_no_error()
    .check("trust", "pass");
}

#[test]
fn an_expired_root_that_is_sent_along_with_its_successors_cross_sign() {
    let (old, new) = (
        Authority::expired_root("Old Root"),
        Authority::root("New Root"),
    );
    let between = new.below("Between");
    let sent = [between.pem(), new.crossed_by(&old), old.pem()];
    let leaf = || between.leaf(&[&sent[0], &sent[1], &sent[2]]).make();
    passes(&new.pem(), leaf());
    // Where the old root is all that is trusted, its end is the cause.
    diagnose(&old.pem(), leaf(), Curl::Untrusted)
        .failed_because(&["trust.expired"])
        .names("trust.expired", "Old Root");
}

#[test]
fn extra_certificates_wrong_order_the_root_and_the_leaf_twice() {
    let (root, stranger) = (Authority::root("Root"), Authority::root("Stranger"));
    let one = root.below("One");
    let two = one.below("Two");
    let sent = [root.pem(), stranger.pem(), one.pem(), two.pem(), one.pem()];
    let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
    passes(&root.pem(), two.leaf(&sent).twice().make());
    diagnose(&stranger.pem(), two.leaf(&sent).make(), Curl::Untrusted)
        .failed_because(&["trust.unknown_authority"])
        .names("trust.unknown_authority", "CN=Root");
}

#[test]
fn a_chain_of_twelve_cas() {
    let root = Authority::root("Root");
    let mut cas = vec![root.below("CA")];
    for _ in 1..12 {
        cas.push(cas[cas.len() - 1].below("CA"));
    }
    let sent: Vec<String> = cas.iter().rev().map(Authority::pem).collect();
    let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
    passes(&root.pem(), cas[11].leaf(&sent).make());
}

#[test]
fn a_key_on_p_384() {
    let pki = Pki::new();
    passes(
        &pki.root(),
        pki.leaf().keyed(&PKCS_ECDSA_P384_SHA384).make(),
    );
}

#[test]
fn an_address_instead_of_a_name() {
    let pki = Pki::new();
    let leaf = pki
        .leaf()
        .names(&["other.test"])
        .and_address("127.0.0.1")
        .make();
    let agent = Agent::enrolled(&pki).control_plane("https://127.0.0.1:8000");
    let world = Scene::new(&agent, &Site::control_plane(leaf, &pki));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .check("registration", "pass");
    let agent = Agent::enrolled(&pki).control_plane("https://127.0.0.1:8000");
    let leaf = pki.leaf().make();
    let world = Scene::new(&agent, &Site::control_plane(leaf, &pki));
    Doctor::at(&world)
        .diagnose()
        .failed_because(&["trust.name_mismatch"])
        .names("trust.name_mismatch", "127.0.0.1");
}

#[test]
fn a_name_beyond_ascii() {
    let pki = Pki::new();
    let leaf = pki.leaf().names(&["xn--bcher-kva.test"]).make();
    let agent = Agent::enrolled(&pki).control_plane("https://b\u{fc}cher.test:8000");
    let world = Scene::new(&agent, &Site::control_plane(leaf, &pki));
    world.put("/etc/hosts", "0644", "127.0.0.1 xn--bcher-kva.test\n");
    Doctor::at(&world)
        .diagnose()
        .never("trust.")
        .check("trust", "pass");
}

#[test]
fn a_stapled_ocsp_response() {
    let pki = Pki::new();
    let leaf = pki.leaf().make();
    let world = World::new();
    let (ca, own) = (pki.intermediate(), &leaf.chain);
    for (name, content) in [
        ("ca.crt", &ca.chain),
        ("ca.key", &ca.key),
        ("leaf.crt", own),
    ] {
        world.put(&format!("/run/ocsp/{name}"), "0600", content);
    }
    world.shell(
        r#"cd /run/ocsp
        openssl x509 -in leaf.crt -out one.crt
        printf 'V\t301231235959Z\t\t%s\tunknown\t/CN=leaf\n' "$(openssl x509 -in one.crt -noout -serial | cut -d= -f2)" >index
        openssl ocsp -issuer ca.crt -cert one.crt -reqout request -no_nonce >/dev/null
        openssl ocsp -index index -CA ca.crt -rsigner ca.crt -rkey ca.key -reqin request -respout response -ndays 7 >/dev/null 2>&1"#,
    );
    let site = Site::control_plane(leaf, &pki)
        .with("ssl_stapling on; ssl_stapling_file /run/ocsp/response;");
    let world = Scene::within(world, &Agent::enrolled(&pki), &site);
    let seen = world.shell(
        "openssl s_client -connect 127.0.0.1:8000 -servername cp.nexplane.test -status </dev/null 2>&1 || true",
    );
    assert!(seen.contains("OCSP Response Status: successful"), "{seen}");
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .check("trust", "pass")
        .check("registration", "pass");
}

#[test]
fn a_certificate_near_its_end() {
    let pki = Pki::new();
    let leaf = pki.leaf().valid(ago(360 * DAY), ahead(5 * DAY)).make();
    let world = scene(&pki, &pki.root(), leaf);
    assert_eq!(curl(&world), Curl::Answer(200));
    Doctor::at(&world)
        .diagnose()
        .found_no_error()
        .notice("trust.weak")
        .names("trust.weak", "ends in 4 days")
        .check("registration", "pass");
}

/// A chain of openssl's making, below a root of its own: a key and signatures of any kind. Gives the root as well.
fn by_openssl(place: &Place, key: &str, signature: &str) -> (String, Leaf) {
    place.shell(&format!(
        r#"mkdir -p /run/made; cd /run/made
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj '/CN=Openssl Root' -days 3650 {signature} 2>/dev/null
        openssl genpkey {key} -out leaf.key 2>/dev/null
        openssl req -new -key leaf.key -subj /CN=cp.nexplane.test -out leaf.csr 2>/dev/null
        printf 'subjectAltName=DNS:cp.nexplane.test\nextendedKeyUsage=serverAuth\n' >ext
        openssl x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -extfile ext -out leaf.crt {signature} 2>/dev/null"#
    ));
    let read = |name: &str| place.shell(&format!("cat /run/made/{name}"));
    let leaf = Leaf {
        chain: read("leaf.crt"),
        key: read("leaf.key"),
    };
    (read("ca.crt"), leaf)
}

#[test]
fn signatures_with_rsa_pss_and_a_key_on_ed25519() {
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    let pss = "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32";
    for (key, signature) in [(rsa, pss), ("-algorithm ED25519", "-sha256")] {
        let world = World::new();
        let (root, leaf) = by_openssl(&world, key, signature);
        let pki = Pki::new();
        let agent = Agent::enrolled(&pki).ca_file(&root);
        let world = Scene::within(world, &agent, &Site::control_plane(leaf, &pki));
        assert_eq!(curl(&world), Curl::Answer(200));
        Doctor::at(&world)
            .diagnose()
            .found_no_error()
            .check("trust", "pass")
            .check("registration", "pass");
    }
}

/// A server by openssl, which takes short keys where it is told to.
fn served_by_openssl(key: &str, options: &[&str]) -> Diagnosis {
    let world = World::new();
    let (root, leaf) = by_openssl(&world, key, "-sha256");
    let _nameserver = unbound(&world, &["127.0.0.1"]);
    Agent::enrolled(&Pki::new()).ca_file(&root).install(&world);
    let _server = s_server(&world, &leaf, &[&["-www"], options].concat());
    let met = world.shell(&format!(
        "curl --silent --output /dev/null --ciphers DEFAULT@SECLEVEL=0 --cacert /etc/nexplane-agent/ca.crt {URL}/health; echo $?"
    ));
    assert_eq!(met.trim(), "0", "curl takes it");
    Doctor::at(&world).diagnose()
}

#[test]
fn an_rsa_key_of_1024_bits() {
    let key = "-algorithm RSA -pkeyopt rsa_keygen_bits:1024";
    for version in ["-tls1_2", "-tls1_3"] {
        served_by_openssl(key, &["-cipher", "DEFAULT@SECLEVEL=0", version])
            .notice("trust.weak")
            .names("trust.weak", "RSA, 1024 bits")
            .never("trust.bad_certificate")
            .check("trust", "unknown");
    }
}

#[test]
fn an_rsa_key_of_2048_bits_is_not_weak() {
    let key = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    served_by_openssl(key, &[])
        .never("trust.")
        .check("trust", "pass");
}

#[test]
fn a_key_on_p_521_is_one_that_the_agent_takes_and_the_doctor_cannot_verify() {
    served_by_openssl("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", &[])
        .never("tls.")
        .never("trust.")
        .check("tls", "pass")
        .check("trust", "unknown");
}

#[test]
fn a_key_for_rsa_pss_alone_is_one_that_the_agent_does_not_take_either() {
    let key = "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048";
    served_by_openssl(key, &[]).failed_because(&["tls.version"]);
}
