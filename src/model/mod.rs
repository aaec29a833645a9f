//! The vocabulary: codes, findings, statuses, verdicts, the target, the report.
//!
//! Plain data, at the bottom of the house: it imports nothing of ours and does nothing but hold together
//! what belongs together. What a field means is said here once, for every room above.

mod case;
mod chain;
mod code;
mod duration;
mod encoding;
mod finding;
mod os;
mod placeholder;
mod redact;
mod report;
mod secret;
mod status;
mod target;
mod text;
mod timing;
mod unread;

pub use case::Case;
pub use chain::{CertificateReport, Certificates, Chain, ChainEnd, Clocks, Origin};
pub use code::{CheckId, Code, InvalidName, SectionId};
pub use duration::{
    InvalidDuration, exact_duration, format_duration, parse_duration, spoken_duration,
};
pub use encoding::Encoding;
pub use finding::{Explained, Explains, Fact, Finding, Repaired};
pub use os::Os;
pub use placeholder::{Placeholder, UnknownPlaceholder};
pub use redact::{Plain, SecretKind, excerpt, names_a_secret, redact, redact_with};
pub use report::{
    CheckReport, Commands, HostReport, Remedy, Report, ReportedFinding, Role, Source, Step,
    TargetReport,
};
pub use secret::Secret;
pub use status::{Severity, Status, Verdict};
pub use target::{Given, Symptom, Target};
pub use text::{counted, is_unprintable, printable};
pub use timing::{Layer, Reply, Timing};
pub use unread::{unread, unread_there};
