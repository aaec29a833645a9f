//! The chain as data, for who draws it: the same that the picture tells in words. Pure.

use super::picture::{End, Picture};
use crate::contract::chain::Certificate;
use crate::model::{CertificateReport, Chain, ChainEnd, Origin};

impl Picture<'_> {
    /// The chain.
    pub(super) fn chain(&self) -> Chain {
        let line = self.line.iter().enumerate();
        let in_use = |index: usize| {
            let sent = self.sent.get(index).and_then(|sent| sent.as_ref().ok());
            sent.is_some_and(|sent| {
                self.number(sent) == Some(index + 1) && self.line.iter().any(|it| it.der == sent.der)
            })
        };
        let aside = self.sent.iter().enumerate().filter(|(index, _)| !in_use(*index));
        Chain {
            line: line.map(|(index, it)| self.member(index, it)).collect(),
            end: match &self.end {
                End::Anchor(why) => ChainEnd::Anchor(why.clone()),
                End::Breaks(what) => ChainEnd::Breaks(what.clone()),
            },
            aside: aside.map(|(index, sent)| self.unused(index, sent)).collect(),
        }
    }

    fn member(&self, index: usize, certificate: &Certificate) -> CertificateReport {
        let mut problems = Vec::new();
        if index == 0 && !self.is_for_host {
            problems.push("it is not for the host that was asked for".to_owned());
        }
        if certificate.has_short_key() {
            problems.push(format!("its key is short ({})", certificate.key));
        }
        if let Some(algorithm) = certificate.weak_signature
            && !certificate.is_self_issued()
        {
            problems.push(format!("its signature ({algorithm}) is accepted by nobody"));
        }
        let origin = self.number(certificate).map_or(Origin::Store, Origin::Sent);
        report(certificate, origin, problems)
    }

    fn unused(&self, index: usize, sent: &Result<Certificate, String>) -> String {
        let number = index + 1;
        match sent {
            Err(why) => format!("certificate {number}: {why}"),
            Ok(certificate) => match self.number(certificate) {
                Some(first) if first != number => {
                    format!("certificate {number}: the same as certificate {first}")
                }
                _ => format!("certificate {number}: {}, sent along and not needed", certificate.subject),
            },
        }
    }
}

/// A certificate in the words of a report.
pub(in crate::checks) fn report(
    certificate: &Certificate,
    origin: Origin,
    problems: Vec<String>,
) -> CertificateReport {
    CertificateReport {
        origin,
        subject: certificate.subject.clone(),
        issuer: certificate.issuer.clone(),
        names: certificate.listed_names(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        key: certificate.key.to_string(),
        signature: certificate.signature.clone(),
        fingerprint: certificate.fingerprint(),
        problems,
    }
}
