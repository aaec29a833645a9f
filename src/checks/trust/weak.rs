//! What is accepted today and will not be for long: short keys, and certificates near their end. Pure.

use chrono::TimeDelta;

use super::time::{Times, span};
use crate::contract::chain::{Certificate, date};

/// The most that may be left of a certificate's life when it counts as near its end.
const SOON: TimeDelta = TimeDelta::days(14);

/// A sentence for each weakness of the certificates of a path.
pub(super) fn weaknesses(path: &[Certificate], times: &Times) -> Vec<String> {
    path.iter()
        .flat_map(|certificate| [short_key(certificate), ends_soon(certificate, times)])
        .flatten()
        .collect()
}

fn short_key(certificate: &Certificate) -> Option<String> {
    certificate.has_short_key().then(|| {
        format!(
            "`{}` has a short key ({}): libraries refuse RSA under 2048 bits one after the other.",
            certificate.subject, certificate.key
        )
    })
}

/// Less than a third of its life and 14 days are left, whichever is shorter.
fn ends_soon(certificate: &Certificate, times: &Times) -> Option<String> {
    let left = left(certificate, times)?;
    (left < soon(certificate)).then(|| {
        format!(
            "`{}` ends in {}, on {}, {}.",
            certificate.subject,
            span(left),
            date(certificate.not_after),
            times.teller()
        )
    })
}

/// What is left of a certificate's life, if it has not ended.
pub(super) fn left(certificate: &Certificate, times: &Times) -> Option<TimeDelta> {
    let left = certificate.not_after - times.best();
    (left >= TimeDelta::zero()).then_some(left)
}

/// With less than this left, it is near its end.
pub(super) fn soon(certificate: &Certificate) -> TimeDelta {
    SOON.min((certificate.not_after - certificate.not_before) / 3)
}
