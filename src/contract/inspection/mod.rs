//! Products that decrypt TLS on its way: known by the names under which they make certificates. Pure.
//!
//! The names are data (`products.yaml`). Only those count that no ordinary CA bears, and only where they issue: a server
//! that is called after such a product is none.

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

use crate::model::excerpt;

#[cfg(test)]
#[expect(dead_code, reason = "the build script uses the rest")]
mod source;
#[cfg(test)]
mod tests;

/// A product that makes certificates for other people's hosts.
#[derive(Debug)]
pub struct Product {
    /// What people call it.
    pub name: &'static str,
    /// Where in it a host is let through undecrypted, in that product's own words.
    pub exempt: Option<&'static str>,
    contains: &'static [&'static str],
    is: &'static [&'static str],
    begins: &'static [&'static str],
}

// What `products.yaml` says, as the build script made it.
include!(concat!(env!("OUT_DIR"), "/products.rs"));

/// More certificates of a chain than these are not looked at.
const CHAIN: usize = 32;

impl Product {
    /// Whether a CA whose name has these for one of its parts is this product's.
    fn makes(&self, part: &Words) -> bool {
        self.contains.iter().any(|it| part.contain(it))
            || self.is.contains(&part.0.trim())
            || self.begins.iter().any(|it| part.begin_with(it))
    }
}

/// Who made a certificate.
#[derive(Debug, Clone)]
pub struct Maker {
    /// The product.
    pub product: &'static Product,
    /// The name of the CA that gave it away.
    pub ca: String,
}

impl Maker {
    /// What is said to have made a certificate, if there is such a product.
    pub fn named(product: &str, ca: &str) -> Option<Self> {
        let product = PRODUCTS.iter().find(|it| it.name == product)?;
        let ca = excerpt(ca);
        Some(Self { product, ca })
    }
}

/// Whether a part of a name is that of a CA of one of these products.
pub fn is_a_product(part: &str) -> bool {
    let words = Words::of(part);
    PRODUCTS.iter().any(|product| product.makes(&words))
}

/// The product that made a server's certificate, if it bears the name of one: its issuer, the issuer's issuer as far as
/// they were sent, and so on. Certificates that were sent along and did not issue it do not count.
pub fn made_by(leaf: &CertificateDer<'_>, sent: &[CertificateDer<'_>]) -> Option<Maker> {
    let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
    let sent: Vec<X509Certificate<'_>> = sent
        .iter()
        .take(CHAIN)
        .filter_map(|der| Some(X509Certificate::from_der(der).ok()?.1))
        .collect();
    let signed_itself = leaf.issuer().as_raw() == leaf.subject().as_raw();
    above(&leaf, &sent).into_iter().find_map(|name| {
        let mut parts = parts(name);
        if signed_itself {
            // What a server is called says nothing of who made its certificate.
            parts.retain(|part| !is_host(part, &leaf));
        }
        let parts: Vec<Words> = parts.iter().map(|part| Words::of(part)).collect();
        let made = |product: &&Product| parts.iter().any(|part| product.makes(part));
        Some(Maker {
            product: PRODUCTS.iter().find(made)?,
            ca: excerpt(&name.to_string()),
        })
    })
}

/// The names of all that issued a certificate, by names alone, from its issuer on.
fn above<'a>(
    leaf: &'a X509Certificate<'a>,
    sent: &'a [X509Certificate<'a>],
) -> Vec<&'a X509Name<'a>> {
    let mut names = vec![leaf.issuer()];
    let mut next = 0;
    while let Some(name) = names.get(next).copied() {
        next += 1;
        for certificate in sent
            .iter()
            .filter(|it| it.subject().as_raw() == name.as_raw())
        {
            let issuer = certificate.issuer();
            if names.iter().all(|known| known.as_raw() != issuer.as_raw()) {
                names.push(issuer);
            }
        }
    }
    names
}

/// Common name, organisation, unit and e-mail address of a name; a place is called after nobody.
fn parts(name: &X509Name<'_>) -> Vec<String> {
    let of_interest = name
        .iter_common_name()
        .chain(name.iter_organization())
        .chain(name.iter_organizational_unit())
        .chain(name.iter_email());
    of_interest.map(|part| text(part.as_slice())).collect()
}

/// A value of a name in whichever string type: those of two bytes a character read like the others, as far as ASCII goes.
fn text(value: &[u8]) -> String {
    let visible: Vec<u8> = value.iter().copied().filter(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&visible).into_owned()
}

/// Whether a part of a certificate's name is a host's name: one that it is for, or one that looks like it.
fn is_host(part: &str, certificate: &X509Certificate<'_>) -> bool {
    let is_for = |san: &ParsedExtension<'_>| match san {
        ParsedExtension::SubjectAlternativeName(san) => san.general_names.iter().any(
            |name| matches!(name, GeneralName::DNSName(name) if name.eq_ignore_ascii_case(part)),
        ),
        _ => false,
    };
    let looks_like_one = part.contains('.') && !part.contains(' ');
    looks_like_one
        || certificate
            .extensions()
            .iter()
            .any(|it| is_for(it.parsed_extension()))
}

/// The words of a text in lower case, a blank before and after each: ` fortinet ca ssl `.
struct Words(String);

impl Words {
    fn of(text: &str) -> Self {
        let mut words = String::from(" ");
        for c in text.chars() {
            match c.is_alphanumeric() {
                true => words.extend(c.to_lowercase()),
                false if words.ends_with(' ') => {}
                false => words.push(' '),
            }
        }
        if !words.ends_with(' ') {
            words.push(' ');
        }
        Self(words)
    }

    /// Whether these words are among them, one after the other.
    fn contain(&self, some: &str) -> bool {
        self.0.match_indices(some).any(|(at, found)| {
            self.0[..at].ends_with(' ') && self.0[at + found.len()..].starts_with(' ')
        })
    }

    fn begin_with(&self, some: &str) -> bool {
        let begun = self.0[1..].strip_prefix(some);
        begun.is_some_and(|rest| rest.starts_with(' '))
    }
}
