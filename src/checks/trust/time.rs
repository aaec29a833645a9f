//! Whether the certificates of a path are valid: at the host's time, which the agent goes by, and at the true time, which
//! tells whose fault it is. Pure.

use chrono::{DateTime, Utc};

use super::certificate::{Certificate, date};
use crate::checks::clock::Offset;

/// On which side of its validity a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// Before it begins.
    NotYetValid,
    /// After it ends.
    Expired,
}

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Witness {
    /// The true time.
    TrueTime,
    /// The host's clock alone; at the true time the certificate is valid.
    HostAlone,
    /// The host's clock; what the true time is, nobody said.
    HostUnchecked,
}

/// A certificate that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invalid<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) side: Side,
    pub(super) witness: Witness,
}

/// The times by which certificates are judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The host's clock.
    pub(super) host: DateTime<Utc>,
    /// The true time minus the host's, if it is known.
    pub(super) offset: Option<Offset>,
}

impl Times {
    /// Those of the certificates that are not valid.
    pub(super) fn judge<'a>(&self, certificates: &'a [Certificate]) -> Vec<Invalid<'a>> {
        certificates
            .iter()
            .filter_map(|certificate| {
                let (side, witness) = self.side(certificate)?;
                Some(Invalid {
                    certificate,
                    side,
                    witness,
                })
            })
            .collect()
    }

    fn side(&self, certificate: &Certificate) -> Option<(Side, Witness)> {
        let at = |not_before_this: DateTime<Utc>, not_after_this: DateTime<Utc>| {
            if not_after_this < certificate.not_before {
                Some(Side::NotYetValid)
            } else if not_before_this > certificate.not_after {
                Some(Side::Expired)
            } else {
                None
            }
        };
        let by_host = at(self.host, self.host);
        let Some(offset) = self.offset else {
            return by_host.map(|side| (side, Witness::HostUnchecked));
        };
        let (earliest, latest) = offset.true_time(self.host);
        match at(earliest, latest) {
            Some(side) => Some((side, Witness::TrueTime)),
            None => by_host.map(|side| (side, Witness::HostAlone)),
        }
    }

    /// What to say of it, in one or two sentences.
    pub(super) fn words(&self, invalid: &Invalid<'_>) -> String {
        let subject = &invalid.certificate.subject;
        let what = match invalid.side {
            Side::Expired => format!("`{subject}` expired on {}", date(invalid.certificate.not_after)),
            Side::NotYetValid => format!("`{subject}` is valid only from {}", date(invalid.certificate.not_before)),
        };
        let host = date(self.host);
        match (invalid.witness, self.offset) {
            (Witness::TrueTime, Some(offset)) => {
                let (now, _) = offset.true_time(self.host);
                format!("{what}; by the control plane's own clock it is {} now.", date(now))
            }
            (Witness::HostAlone, Some(offset)) => format!(
                "{what}, and this host's clock says {host}. At the true time the certificate is fine: this host's clock is {}.",
                offset.words()
            ),
            _ => format!(
                "{what}, and this host's clock says {host}; what the true time is, the control plane did not tell."
            ),
        }
    }
}
