//! Certificates become the facts read from them: a signed name cannot be changed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac::{Key, sign};
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

use super::names::Names;
use crate::bundle::fixture::Evidence;
use crate::contract::chain::Certificate;
use crate::contract::chain::facts::{self, Block, Facts, Surroundings};
use crate::host::{AnchorsQuestion, Handshake, HandshakeQuestion, KeyFacts, Seen};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// What else in PEM tells names: requests, and other ways to write certificates.
const OTHERS: [&str; 4] = [
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
    "TRUSTED CERTIFICATE",
    "X509 CERTIFICATE",
];
/// More certificates than these are not looked at: a store has some 150.
const MOST: usize = 1000;

/// All certificates of some evidence.
pub(super) struct Certificates {
    secret: Key,
    all: Vec<Certificate>,
    chains: Vec<Vec<Certificate>>,
    hosts: Vec<String>,
}

impl Certificates {
    /// Finds them, and takes note of the names in them.
    pub(super) fn of(
        evidence: &Evidence,
        secret: Key,
        hosts: Vec<String>,
        names: &mut Names,
    ) -> Self {
        let mut found = Self {
            secret,
            all: Vec::new(),
            chains: Vec::new(),
            hosts,
        };
        for entry in &evidence.recording.entries {
            found.add_all(&entry.answer);
            if entry.ask != "handshake" {
                continue;
            }
            if let Ok(question) =
                serde_json::from_value::<HandshakeQuestion>(entry.question.clone())
            {
                found.hosts.push(question.server_name);
            }
            if let Ok(Ok(handshake)) =
                serde_json::from_value::<Seen<Handshake>>(entry.answer.clone())
            {
                let chain = handshake
                    .chain
                    .iter()
                    .flat_map(|pem| Certificate::all(&pem.0, 1))
                    .flatten();
                found.chains.push(chain.collect());
            }
        }
        found.hosts.sort();
        found.hosts.dedup();
        for certificate in &found.all {
            let hosts = certificate.names.iter().filter(|name| name.contains('.'));
            hosts.for_each(|host| names.add_host(host));
            if let Ok((_, parsed)) = X509Certificate::from_der(&certificate.der) {
                parts(parsed.subject())
                    .into_iter()
                    .chain(parts(parsed.issuer()))
                    .for_each(|part| {
                        if is_host(&part) {
                            names.add_host(&part);
                        } else if !is_kept(&part) {
                            names.phrase(&part);
                        }
                    });
            }
        }
        found
    }

    fn add_all(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                let room = MOST.saturating_sub(self.all.len());
                for certificate in Certificate::all(text, room).into_iter().flatten() {
                    if !self.all.contains(&certificate) {
                        self.all.push(certificate);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add_all(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.add_all(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Stands for bytes: the same for the same, and only with the secret is it known for which.
    fn id(&self, bytes: &[u8]) -> String {
        let tag = sign(&self.secret, bytes);
        tag.as_ref()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// A text with facts in the place of certificates, and of their fingerprints.
    pub(super) fn text(&self, text: &str, names: &mut Names) -> String {
        if !text.contains("-----BEGIN ") {
            return self.without_fingerprints(text);
        }
        let mut told = String::new();
        let mut rest = text;
        while let Some((before, begun)) = rest.split_once(BEGIN) {
            told.push_str(before);
            let (body, after) = begun.split_once(END).unwrap_or((begun, ""));
            told.push_str(
                self.block(&format!("{BEGIN}{body}{END}\n"), names)
                    .text()
                    .trim_end(),
            );
            rest = after;
        }
        told.push_str(rest);
        for label in OTHERS {
            told = without_body(&told, label);
        }
        told
    }

    fn block(&self, pem: &str, names: &mut Names) -> Block {
        let read = Certificate::all(pem, 1).pop();
        let certificate = match read.unwrap_or_else(|| Err("it is no PEM".into())) {
            Ok(certificate) => certificate,
            Err(why) => return Block::Unreadable { why },
        };
        let id = |bytes: &[u8]| self.id(bytes);
        let mut facts = Facts::of(
            &certificate,
            &Surroundings {
                all: &self.all,
                chains: &self.chains,
                hosts: &self.hosts,
                id: &id,
            },
        );
        if let Ok((_, parsed)) = X509Certificate::from_der(&certificate.der) {
            facts.subject = told(parsed.subject(), &facts.subject, names);
            facts.issuer = told(parsed.issuer(), &facts.issuer, names);
            facts.common_name = facts
                .common_name
                .map(|name| told(parsed.subject(), &name, names));
        }
        Block::Certificate(Box::new(facts))
    }

    fn without_fingerprints(&self, text: &str) -> String {
        // Thirty-two pairs of digits with colons between them.
        if text.matches(':').count() < 31 {
            return text.to_owned();
        }
        self.all.iter().fold(text.to_owned(), |text, certificate| {
            let fingerprint = certificate.fingerprint();
            match text.contains(&fingerprint) {
                true => text.replace(
                    &fingerprint,
                    &facts::fingerprint(&self.id(&certificate.der)),
                ),
                false => text,
            }
        })
    }

    /// The names that anchors are asked for by.
    pub(super) fn question(&self, question: &mut Value) {
        let Ok(mut asked) = serde_json::from_value::<AnchorsQuestion>(question.clone()) else {
            return;
        };
        for name in &mut asked.names {
            let der = STANDARD.decode(name.as_bytes()).unwrap_or_default();
            *name = STANDARD.encode(self.id(&der));
        }
        asked.names.sort();
        asked.names.dedup();
        *question = serde_json::to_value(asked).unwrap_or_default();
    }

    /// The public half of a private key.
    pub(super) fn public_key(&self, answer: &mut Value) {
        let Ok(Ok(mut key)) = serde_json::from_value::<Seen<KeyFacts>>(answer.clone()) else {
            return;
        };
        let der = STANDARD
            .decode(key.public_key.as_bytes())
            .unwrap_or_default();
        key.public_key = facts::public_key(&der, &|bytes| self.id(bytes));
        *answer = serde_json::to_value(Seen::Ok(key)).unwrap_or_default();
    }
}

/// The parts of a name, but for the country.
fn parts(name: &X509Name<'_>) -> Vec<String> {
    let country = x509_parser::oid_registry::OID_X509_COUNTRY_NAME;
    let attributes = name
        .iter_attributes()
        .filter(|it| *it.attr_type() != country);
    let parts = attributes.filter_map(|it| Some(it.as_str().ok()?.trim().to_owned()));
    parts.filter(|part| !part.is_empty()).collect()
}

/// A name for people, in which other words stand for its parts.
fn told(name: &X509Name<'_>, text: &str, names: &mut Names) -> String {
    let mut parts = parts(name);
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let foreign = parts.iter().filter(|part| !is_host(part) && !is_kept(part));
    foreign.fold(text.to_owned(), |text, part| {
        let stand_in = names.phrase(part);
        text.replace(part.as_str(), &stand_in)
    })
}

/// A host's name or an address, which are told apart in every text.
fn is_host(part: &str) -> bool {
    !part.contains(' ') && (part.contains('.') || part.contains(':'))
}

/// What tells nobody who somebody is: an agent's id, the name of a product that inspects TLS, a well-known authority's.
fn is_kept(part: &str) -> bool {
    part.starts_with("agt_") || part.len() < 2 || crate::contract::inspection::is_a_product(part)
}

/// A block of PEM without what is in it.
fn without_body(text: &str, label: &str) -> String {
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, begun)) = rest.split_once(begin.as_str()) {
        let after = begun
            .split_once(end.as_str())
            .map_or("", |(_, after)| after);
        told.push_str(&format!("{before}{begin}\n…\n{end}"));
        rest = after;
    }
    told + rest
}
