//! Whether the certificates of a path are valid: at the host's time, which the agent goes by, and at the true time, which
//! tells whose fault it is. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::checks::clock::Offset;
use crate::contract::chain::{Certificate, date};

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
    /// The true time, and the host's clock too.
    Both,
    /// The true time alone: the host's clock does not see it.
    TrueTime,
    /// The host's clock alone; at the true time the certificate is on the right side.
    HostAlone,
    /// The host's clock; the true time is known, and not closely enough to tell.
    HostUncertain,
    /// The host's clock; what the true time is, nobody said.
    HostUnchecked,
}

impl Witness {
    /// Whether a wrong clock of this host may be all there is to it.
    pub(super) const fn may_be_the_clock(self) -> bool {
        match self {
            Self::Both | Self::TrueTime => false,
            Self::HostAlone | Self::HostUncertain | Self::HostUnchecked => true,
        }
    }
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
    /// Those of the certificates that are not valid. One that has ended by the true time and has not begun by the host's
    /// clock is named twice.
    pub(super) fn judge<'a>(&self, certificates: &'a [Certificate]) -> Vec<Invalid<'a>> {
        let of_certificate = |certificate: &'a Certificate| {
            [Side::NotYetValid, Side::Expired].into_iter().filter_map(move |side| {
                let witness = self.witness(certificate, side)?;
                Some(Invalid {
                    certificate,
                    side,
                    witness,
                })
            })
        };
        certificates.iter().flat_map(of_certificate).collect()
    }

    /// Who says that a certificate is on the wrong side, if anybody does.
    fn witness(&self, certificate: &Certificate, side: Side) -> Option<Witness> {
        let is_wrong_at = |time: DateTime<Utc>| match side {
            Side::NotYetValid => time < certificate.not_before,
            Side::Expired => time > certificate.not_after,
        };
        let by_host = is_wrong_at(self.host);
        let Some(offset) = self.offset else {
            return by_host.then_some(Witness::HostUnchecked);
        };
        let (earliest, latest) = offset.true_time(self.host);
        match (is_wrong_at(earliest), is_wrong_at(latest), by_host) {
            (true, true, true) => Some(Witness::Both),
            (true, true, false) => Some(Witness::TrueTime),
            (false, false, true) => Some(Witness::HostAlone),
            (_, _, true) => Some(Witness::HostUncertain),
            (_, _, false) => None,
        }
    }

    /// The time by which what is left of a certificate's life is told: the true time where it is known.
    pub(super) fn best(&self) -> DateTime<Utc> {
        self.offset.map_or(self.host, |offset| offset.true_time(self.host).1)
    }

    /// How the best time is told, in words that follow a date.
    pub(super) const fn teller(&self) -> &'static str {
        match self.offset {
            Some(_) => "by the control plane's own clock",
            None => "by this host's clock, which nothing confirms",
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
            (Witness::Both, Some(offset)) => {
                let (now, _) = offset.true_time(self.host);
                format!("{what}; by the control plane's own clock it is {} now.", date(now))
            }
            (Witness::TrueTime, Some(offset)) => {
                let (now, _) = offset.true_time(self.host);
                format!(
                    "{what}; by the control plane's own clock it is {} now. This host's clock, which is {}, does not see that: it says {host}.",
                    date(now),
                    offset.words()
                )
            }
            (Witness::HostAlone, Some(offset)) => format!(
                "{what}, and this host's clock says {host}. At the true time {}: this host's clock is {}.",
                match invalid.side {
                    Side::Expired => "it has not ended",
                    Side::NotYetValid => "it has begun",
                },
                offset.words()
            ),
            (Witness::HostUncertain, Some(offset)) => format!(
                "{what}, and this host's clock says {host}. This host's clock is {}: whether the true time says so too is within what that leaves open.",
                offset.words()
            ),
            _ => format!(
                "{what}, and this host's clock says {host}; what the true time is, the control plane did not tell."
            ),
        }
    }
}

/// `396 days`, `23 h`, `12 min`, `40 s`.
pub(super) fn span(span: TimeDelta) -> String {
    let span = span.abs();
    match (span.num_days(), span.num_hours(), span.num_minutes()) {
        (days @ 2.., ..) => format!("{days} days"),
        (_, hours @ 2.., _) => format!("{hours} h"),
        (.., minutes @ 2..) => format!("{minutes} min"),
        _ => format!("{} s", span.num_seconds()),
    }
}
