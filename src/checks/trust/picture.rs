//! The chain as a picture: each certificate with what a person would want to see of it, who issued it, and where that ends.
//!
//! A list of facts, in the order in which one certificate vouches for the one before. What belongs to a certificate is named
//! `certificate 1: valid`, so that each fact stands for itself and a page can show them below one another. What is wrong is
//! marked with an arrow. Pure.

use chrono::{DateTime, Utc};

use super::time::{Side, Times, span};
use super::weak;
use crate::contract::chain::Certificate;
use crate::model::Fact;

/// What the picture is of.
pub(super) struct Picture<'a> {
    /// What was sent, in that order, unreadable ones included.
    pub(super) sent: &'a [Result<Certificate, String>],
    /// Those that are in use, the server's first; an anchor at the end, if there is one.
    pub(super) line: &'a [Certificate],
    /// How the line ends.
    pub(super) end: End,
    /// Whether the server's certificate is for the host that was asked for.
    pub(super) is_for_host: bool,
    pub(super) times: &'a Times,
}

/// How the line ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// At an anchor, which is trusted because of this.
    Anchor(String),
    /// Nowhere: what is not there, in a sentence's words.
    Breaks(String),
}

impl Picture<'_> {
    /// The facts.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (index, certificate) in self.line.iter().enumerate() {
            self.certificate(index, certificate, &mut facts);
        }
        for (index, sent) in self.sent.iter().enumerate() {
            self.aside(index, sent, &mut facts);
        }
        let end = match &self.end {
            End::Anchor(why) => format!("reaches an anchor of this host ({why})"),
            End::Breaks(why) => format!("{ARROW} breaks here: {why}"),
        };
        facts.push(fact("chain", end));
        facts
    }

    /// Which of those that were sent this is, counted from 1.
    pub(super) fn number(&self, certificate: &Certificate) -> Option<usize> {
        let same = |sent: &Result<Certificate, String>| sent.as_ref().is_ok_and(|it| it.der == certificate.der);
        Some(self.sent.iter().position(same)? + 1)
    }

    fn name(&self, certificate: &Certificate) -> String {
        match self.number(certificate) {
            Some(number) => format!("certificate {number}"),
            None => "anchor".to_owned(),
        }
    }

    fn certificate(&self, index: usize, certificate: &Certificate, facts: &mut Vec<Fact>) {
        let name = self.name(certificate);
        facts.push(fact(&name, certificate.subject.clone()));
        let mut part = |what: &str, value: String| facts.push(fact(&format!("{name}: {what}"), value));
        part("valid", self.validity(certificate));
        part("key", key(certificate));
        if index == 0 || !certificate.names.is_empty() {
            part("names", self.names(index, certificate));
        }
        part("SHA-256", certificate.fingerprint());
        part("issued by", self.issuer(index, certificate));
    }

    fn validity(&self, certificate: &Certificate) -> String {
        let minutes = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M").to_string();
        let (from, until) = (minutes(certificate.not_before), minutes(certificate.not_after));
        let mut words = format!("{from} to {until} UTC");
        let of_this = std::slice::from_ref(certificate);
        let invalid = self.times.judge(of_this);
        for it in &invalid {
            let so = match it.side {
                Side::Expired => "expired",
                Side::NotYetValid => "not yet valid",
            };
            let by = match it.witness.may_be_the_clock() {
                true => "this host's clock",
                false => "the control plane's clock",
            };
            words.push_str(&format!(" {ARROW} {so} by {by}"));
        }
        if let (true, Some(left)) = (invalid.is_empty(), weak::left(certificate, self.times)) {
            let mark = if left < weak::soon(certificate) { " \u{2190}" } else { "," };
            words.push_str(&format!("{mark} {} left", span(left)));
        }
        words
    }

    fn names(&self, index: usize, certificate: &Certificate) -> String {
        let names = match certificate.names.is_empty() {
            true => "none".to_owned(),
            false => certificate.listed_names(),
        };
        match index == 0 && !self.is_for_host {
            true => format!("{names} {ARROW} not the host that was asked for"),
            false => names,
        }
    }

    fn issuer(&self, index: usize, certificate: &Certificate) -> String {
        let issuer = &certificate.issuer;
        let signature = match certificate.weak_signature {
            Some(_) if !certificate.is_self_issued() => format!("{} {ARROW} accepted by nobody", certificate.signature),
            _ => certificate.signature.clone(),
        };
        match self.line.get(index + 1) {
            Some(next) => format!("{}, {issuer} ({signature})", self.name(next)),
            None if certificate.is_self_issued() => format!("itself ({signature})"),
            None => match &self.end {
                End::Anchor(_) => format!("{issuer} ({signature})"),
                End::Breaks(_) => format!("{issuer} ({signature}) {ARROW} the chain breaks here"),
            },
        }
    }

    /// What was sent and is not in use.
    fn aside(&self, index: usize, sent: &Result<Certificate, String>, facts: &mut Vec<Fact>) {
        let name = format!("certificate {}", index + 1);
        match sent {
            Err(why) => facts.push(fact(&name, why.clone())),
            Ok(certificate) if self.number(certificate) != Some(index + 1) => {
                let first = self.number(certificate).unwrap_or_default();
                facts.push(fact(&name, format!("the same as certificate {first}")));
            }
            Ok(certificate) if !self.line.iter().any(|it| it.der == certificate.der) => {
                facts.push(fact(&name, format!("{} (sent along, not needed)", certificate.subject)));
                facts.push(fact(&format!("{name}: valid"), self.validity(certificate)));
                facts.push(fact(&format!("{name}: SHA-256"), certificate.fingerprint()));
                facts.push(fact(&format!("{name}: issued by"), certificate.issuer.clone()));
            }
            Ok(_) => {}
        }
    }
}

/// What points at what is wrong.
const ARROW: &str = "\u{2190}";

fn key(certificate: &Certificate) -> String {
    match certificate.has_short_key() {
        true => format!("{} {ARROW} short", certificate.key),
        false => certificate.key.to_string(),
    }
}

fn fact(what: &str, value: String) -> Fact {
    Fact {
        what: what.to_owned(),
        value,
    }
}
