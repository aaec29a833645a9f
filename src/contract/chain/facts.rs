//! Certificates without their bytes: what the checks read from them, and what verification found, in words.
//!
//! Names in a certificate are signed, and cannot be changed in it. Where they must not be told, facts stand for it, in a block
//! that looks like PEM and holds JSON. They are read from recorded evidence alone: the live door lets no such block through,
//! and the strict verifier reads DER and nothing else.

use chrono::{DateTime, Utc};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::certificate::{Certificate, Rules, Signature};
use super::key::Key;
use super::path::{self, Refused};
use crate::contract::inspection::{self, Maker};
use crate::model::excerpt;

/// What the lines around facts say.
pub const LABEL: &str = "CERTIFICATE FACTS-----";
const BEGIN: &str = "-----BEGIN CERTIFICATE FACTS-----";
const END: &str = "-----END CERTIFICATE FACTS-----";

/// What stands in a block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Block {
    /// A certificate.
    Certificate(Box<Facts>),
    /// None that can be read.
    Unreadable {
        /// Why not.
        why: String,
    },
}

/// What is read from a certificate, and what was found out about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Stands for its bytes: the same for the same certificate.
    pub id: String,
    /// For people.
    pub subject: String,
    /// For people.
    pub issuer: String,
    /// Stands for the DER of the subject's name.
    pub subject_id: String,
    /// The same of the issuer's.
    pub issuer_id: String,
    /// The common name of its subject.
    #[serde(default)]
    pub common_name: Option<String>,
    /// DNS names and addresses of the subject alternative names.
    pub names: Vec<String>,
    /// When its validity begins.
    pub not_before: DateTime<Utc>,
    /// When its validity ends.
    pub not_after: DateTime<Utc>,
    is_ca: bool,
    is_v3: bool,
    #[serde(default)]
    ca_issuers: Option<String>,
    #[serde(default)]
    weak_signature: Option<String>,
    signature: String,
    key: Key,
    rules: Rules,
    /// Stands for its public key, as for that of a private key.
    pub public_key: String,
    #[serde(flatten)]
    stated: Stated,
}

/// What was found out with the bytes that are not there any more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Stated {
    /// Stands for its fingerprint.
    pub(super) fingerprint: String,
    /// How those with the name of its issuer have signed it.
    #[serde(default)]
    signed_by: Vec<(String, Signature)>,
    /// Hosts that it is for, of those that it was asked for.
    #[serde(default)]
    is_for: Vec<String>,
    /// What rustls said of the chains that begin with it, anchor by anchor.
    #[serde(default)]
    verified: Vec<Verified>,
    /// The product that made it, and the CA that gave it away.
    #[serde(default)]
    made_by: Option<(String, String)>,
}

/// What rustls said of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Verified {
    /// The certificates that were sent.
    sent: Vec<String>,
    /// The anchor that there was, if any.
    anchor: Option<String>,
    /// The ways to it.
    routes: Vec<Vec<String>>,
    /// What it does not accept.
    refused: Option<Refused>,
}

/// What there is beside a certificate, to be found out about it.
pub struct Surroundings<'a> {
    /// All certificates that there are.
    pub all: &'a [Certificate],
    /// The chains that were sent, each the server's certificate first.
    pub chains: &'a [Vec<Certificate>],
    /// What a host may have been asked for as.
    pub hosts: &'a [String],
    /// Stands for bytes: the same for the same.
    pub id: &'a dyn Fn(&[u8]) -> String,
}

impl Facts {
    /// Everything that the checks want to know of a certificate.
    pub fn of(certificate: &Certificate, around: &Surroundings<'_>) -> Self {
        let id = around.id;
        let parsed = X509Certificate::from_der(&certificate.der).ok();
        let parsed = parsed.as_ref().map(|(_, parsed)| parsed);
        let common_name = parsed.and_then(|it| {
            Some(
                it.subject()
                    .iter_common_name()
                    .next()?
                    .as_str()
                    .ok()?
                    .to_owned(),
            )
        });
        let is_issuer = |it: &&Certificate| it.subject_der == certificate.issuer_der;
        let issuers = around.all.iter().filter(is_issuer).take(MOST_ISSUERS);
        let chains = around
            .chains
            .iter()
            .filter(|chain| chain.first() == Some(certificate));
        let made_by = chains.clone().find_map(|chain| {
            let sent: Vec<_> = chain.iter().skip(1).map(|it| it.der.clone()).collect();
            let maker = inspection::made_by(&certificate.der, &sent)?;
            Some((maker.product.name.to_owned(), maker.ca))
        });
        let is_for = |host: &&String| path::names(certificate, host) == Some(true);
        Self {
            id: id(&certificate.der),
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            subject_id: id(&certificate.subject_der),
            issuer_id: id(&certificate.issuer_der),
            common_name: common_name.map(|name| excerpt(&name)),
            names: certificate.names.clone(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            is_ca: certificate.is_ca,
            is_v3: certificate.is_v3,
            ca_issuers: certificate.ca_issuers.clone(),
            weak_signature: certificate.weak_signature.map(str::to_owned),
            signature: certificate.signature.clone(),
            key: certificate.key.clone(),
            rules: certificate.rules.clone(),
            public_key: parsed.map_or(String::new(), |it| public_key(it.public_key().raw, id)),
            stated: Stated {
                fingerprint: String::new(),
                signed_by: issuers
                    .map(|it| (id(&it.der), certificate.signed_by(it)))
                    .collect(),
                is_for: around.hosts.iter().filter(is_for).cloned().collect(),
                verified: chains.flat_map(|chain| verified(chain, around)).collect(),
                made_by,
            },
        }
        .with_fingerprint()
    }

    fn with_fingerprint(mut self) -> Self {
        self.stated.fingerprint = fingerprint(&self.id);
        self
    }

    /// As a certificate whose bytes are not there.
    fn certificate(self) -> Certificate {
        Certificate {
            der: CertificateDer::from(self.id.into_bytes()),
            subject: excerpt(&self.subject),
            issuer: excerpt(&self.issuer),
            subject_der: self.subject_id.into_bytes(),
            issuer_der: self.issuer_id.into_bytes(),
            names: self.names.iter().map(|name| excerpt(name)).collect(),
            not_before: self.not_before,
            not_after: self.not_after,
            is_ca: self.is_ca,
            is_v3: self.is_v3,
            ca_issuers: self.ca_issuers,
            key_id: None,
            issuer_key_id: None,
            weak_signature: self
                .weak_signature
                .and_then(|name| super::key::weak_name(&name)),
            signature: self.signature,
            key: self.key,
            rules: self.rules,
            stated: Some(Box::new(self.stated)),
        }
    }
}

/// Certificates of one name whose signatures are tried: a name has one or two, unless it is hostile.
const MOST_ISSUERS: usize = 8;
/// Anchors that a chain is tried with.
const MOST_ANCHORS: usize = 64;

/// What rustls says of a chain with no anchor, and with each that could be the one.
fn verified(chain: &[Certificate], around: &Surroundings<'_>) -> Vec<Verified> {
    let ids = |chain: &[Certificate]| {
        chain
            .iter()
            .map(|it| (around.id)(&it.der))
            .collect::<Vec<_>>()
    };
    let is_named =
        |anchor: &&Certificate| chain.iter().any(|it| it.issuer_der == anchor.subject_der);
    let named = around.all.iter().filter(is_named).take(MOST_ANCHORS);
    std::iter::once(None)
        .chain(named.map(Some))
        .map(|anchor| {
            let anchors: Vec<Certificate> = anchor.into_iter().cloned().collect();
            let outcome = path::verify(chain, &anchors);
            let (routes, refused) = match outcome {
                Ok(routes) => (routes.iter().map(|route| ids(route)).collect(), None),
                Err(refused) => (Vec::new(), refused),
            };
            Verified {
                sent: ids(chain),
                anchor: anchor.map(|it| (around.id)(&it.der)),
                routes,
                refused,
            }
        })
        .collect()
}

/// Stands for a public key; the parameters of an algorithm, which may be left out, do not count.
pub fn public_key(der: &[u8], id: &dyn Fn(&[u8]) -> String) -> String {
    use x509_parser::x509::SubjectPublicKeyInfo;
    match SubjectPublicKeyInfo::from_der(der) {
        Ok((_, info)) => {
            let algorithm = info.algorithm.algorithm.to_id_string();
            id(&[algorithm.as_bytes(), &info.subject_public_key.data].concat())
        }
        Err(_) => id(der),
    }
}

/// What stands for the fingerprint of the certificate that an id stands for.
pub fn fingerprint(id: &str) -> String {
    let bytes = id.bytes().cycle().take(32);
    bytes
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(":")
}

impl Stated {
    pub(super) fn signed_by(&self, issuer: &Certificate) -> Signature {
        let by = self
            .signed_by
            .iter()
            .find(|(id, _)| id.as_bytes() == issuer.der.as_ref());
        by.map_or(Signature::OtherKey, |(_, signature)| *signature)
    }

    pub(super) fn is_for(&self, host: &str) -> bool {
        let same = |other: &String| {
            other
                .trim_end_matches('.')
                .eq_ignore_ascii_case(host.trim_end_matches('.'))
        };
        self.is_for.iter().any(same)
    }

    pub(super) fn maker(&self) -> Option<Maker> {
        let (product, ca) = self.made_by.as_ref()?;
        Maker::named(product, ca)
    }

    /// What rustls said of this chain with one of these anchors, or with none of them.
    pub(super) fn verified(
        &self,
        chain: &[Certificate],
        anchors: &[Certificate],
    ) -> Result<Vec<Vec<Certificate>>, Option<Refused>> {
        let is = |id: &str, it: &Certificate| it.der.as_ref() == id.as_bytes();
        let sent = |it: &&Verified| {
            it.sent.len() == chain.len() && it.sent.iter().zip(chain).all(|(id, it)| is(id, it))
        };
        let with = |it: &&Verified| match &it.anchor {
            None => true,
            Some(id) => anchors.iter().any(|anchor| is(id, anchor)),
        };
        let said: Vec<&Verified> = self.verified.iter().filter(sent).filter(with).collect();
        let find = |id: &String| chain.iter().chain(anchors).find(|it| is(id, it)).cloned();
        let routes: Vec<Vec<Certificate>> = said
            .iter()
            .flat_map(|it| &it.routes)
            .filter_map(|route| route.iter().map(find).collect())
            .collect();
        match routes.is_empty() {
            true => Err(said.iter().rev().find_map(|it| it.refused.clone())),
            false => Ok(routes),
        }
    }
}

impl Block {
    /// As it stands in a text in a certificate's place.
    pub fn text(&self) -> String {
        let facts = serde_json::to_string(self).unwrap_or_default();
        format!("{BEGIN}\n{facts}\n{END}\n")
    }
}

/// The certificates that facts in a text stand for, at most `most`; nothing, if there are none.
pub(super) fn read(text: &str, most: usize) -> Option<Vec<Result<Certificate, String>>> {
    let blocks = blocks(text)?.take(most);
    Some(blocks.map(|block| Ok(block?.certificate())).collect())
}

/// The first facts of a text; nothing, if there are none.
pub fn first(text: &str) -> Option<Result<Facts, String>> {
    blocks(text)?.next()
}

fn blocks(text: &str) -> Option<impl Iterator<Item = Result<Facts, String>>> {
    let mut rest = text;
    rest.contains(BEGIN).then_some(std::iter::from_fn(move || {
        let (_, begun) = rest.split_once(BEGIN)?;
        let (block, after) = begun.split_once(END).unwrap_or((begun, ""));
        rest = after;
        Some(match serde_json::from_str(block) {
            Ok(Block::Certificate(facts)) => Ok(*facts),
            Ok(Block::Unreadable { why }) => Err(excerpt(&why)),
            Err(error) => Err(format!("the facts that stand for it are damaged: {error}")),
        })
    }))
}
