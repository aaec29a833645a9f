//! The checks: one file each, the namesake of its `checks/*.yaml`, with what it collects, how it judges, and its tests.
//!
//! Collecting goes through the door and never fails; judging is a pure function of what was collected and of what the
//! checks before it made known. Nothing here opens a socket or a file, or reads the time.
//!
//! To add one: a YAML file, a Rust file, a line in the list below, a fixture.

pub mod again;
mod agent_user;
mod api;
mod custom;
mod differs;
mod environment;
mod known;
#[cfg(test)]
mod testing;

pub use custom::check as custom;
pub use known::{Facts, Known, Later};

use std::any::Any;
use std::net::SocketAddr;

use futures_util::future::BoxFuture;

use crate::catalog::{Catalog, Source};
use crate::host::Host;
use crate::model::{CheckId, Code, Fact, Finding};

/// What a check concludes from its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// Problems found.
    pub findings: Vec<Finding>,
    /// Whether the question could be decided, and if not, why not.
    pub decision: Decision,
    /// What was seen that is worth a line even when nothing is wrong.
    pub notes: Vec<Fact>,
}

/// Whether a check's question could be decided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Decision {
    /// It could: the findings say how.
    #[default]
    Decided,
    /// It could not, or not wholly; findings made nevertheless count.
    Unknown(String),
    /// It does not apply here.
    Skipped(String),
}

impl Judgement {
    /// Nothing wrong.
    pub fn pass() -> Self {
        Self::default()
    }

    /// Not decided, because … (in words that stand alone as a line).
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self {
            decision: Decision::Unknown(reason.into()),
            ..Self::default()
        }
    }

    /// Does not apply, because …
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self {
            decision: Decision::Skipped(reason.into()),
            ..Self::default()
        }
    }

    /// Adds a finding.
    #[must_use]
    pub fn with(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    /// Says at which address it was seen, and so over which of the two families.
    #[must_use]
    fn seen_at(mut self, address: SocketAddr) -> Self {
        let address = tcp::with_family(address);
        if self.findings.is_empty() {
            return self.note("address", address);
        }
        for finding in &mut self.findings {
            finding.evidence.insert(
                0,
                Fact {
                    what: "address".to_owned(),
                    value: address.clone(),
                },
            );
        }
        self
    }

    /// Adds something worth a line.
    #[must_use]
    pub fn note(mut self, what: impl Into<String>, value: impl Into<String>) -> Self {
        self.notes.push(Fact {
            what: what.into(),
            value: value.into(),
        });
        self
    }
}

impl From<Finding> for Judgement {
    fn from(finding: Finding) -> Self {
        Self::pass().with(finding)
    }
}

/// A check: what it collects and how it judges.
pub trait Check: Send + Sync + 'static {
    /// What it collects. Raw where a person would want to look again, typed where the system speaks in types.
    type Evidence: Send + 'static;

    /// Its id, the name of its files.
    const ID: &'static str;

    /// Every code that `judge` may find.
    const CODES: &'static [Code];

    /// Errors of checks before this one, which only its own evidence can show: where such a check is asked for, this one
    /// runs for it. A finding with another check's code is handed back to that one.
    const WITNESSES: &'static [Code] = &[];

    /// The checks whose facts `collect` reads. `collect` begins as soon as these are judged, even where more is needed
    /// before it may be judged itself; without this, as soon as everything that the check needs is judged.
    const COLLECTS_AFTER: Option<&'static [&'static str]> = None;

    /// Collects through the door. Never fails: what could not be seen is part of the evidence.
    fn collect(
        &self,
        host: &dyn Host,
        known: &Known,
    ) -> impl Future<Output = Self::Evidence> + Send;

    /// Judges, given what the checks that it needs and uses made known; adds to `facts` what others may build on.
    fn judge(&self, evidence: Self::Evidence, known: &Known, facts: &mut Facts) -> Judgement;
}

/// Evidence whose type only its check knows.
pub type AnyEvidence = Box<dyn Any + Send>;

/// A [`Check`] without its evidence's type, as the engine walks them.
pub trait AnyCheck: Send + Sync {
    /// See [`Check::ID`].
    fn id(&self) -> CheckId;
    /// See [`Check::CODES`].
    fn codes(&self) -> Vec<Code>;
    /// See [`Check::WITNESSES`].
    fn witnesses(&self) -> &'static [Code] {
        &[]
    }
    /// See [`Check::COLLECTS_AFTER`].
    fn collects_after(&self) -> Option<Vec<CheckId>>;
    /// See [`Check::collect`].
    fn collect<'a>(&'a self, host: &'a dyn Host, known: &'a Known) -> BoxFuture<'a, AnyEvidence>;
    /// See [`Check::judge`].
    fn judge(&self, evidence: AnyEvidence, known: &Known, facts: &mut Facts) -> Judgement;
}

impl<C: Check> AnyCheck for C {
    fn id(&self) -> CheckId {
        CheckId::from_static(C::ID)
    }

    fn codes(&self) -> Vec<Code> {
        C::CODES.to_vec()
    }

    fn witnesses(&self) -> &'static [Code] {
        C::WITNESSES
    }

    fn collects_after(&self) -> Option<Vec<CheckId>> {
        let ids = C::COLLECTS_AFTER?;
        Some(ids.iter().copied().map(CheckId::from_static).collect())
    }

    fn collect<'a>(&'a self, host: &'a dyn Host, known: &'a Known) -> BoxFuture<'a, AnyEvidence> {
        Box::pin(async move { Box::new(Check::collect(self, host, known).await) as AnyEvidence })
    }

    fn judge(&self, evidence: AnyEvidence, known: &Known, facts: &mut Facts) -> Judgement {
        match evidence.downcast::<C::Evidence>() {
            Ok(evidence) => Check::judge(self, *evidence, known, facts),
            Err(_) => Judgement::unknown("the evidence is another check's: a defect of the doctor"),
        }
    }
}

/// Declares the checks: for each name the module, the check, and the text that is built into the program.
macro_rules! checks {
    ($($name:ident)*) => {
        $(pub mod $name;)*

        /// All checks, in the order in which a person should fix things.
        pub fn all() -> Vec<Box<dyn AnyCheck>> {
            vec![$(Box::new($name::Probe)),*]
        }

        /// The catalogue of all checks, as it is built into the program.
        pub fn catalog() -> Catalog {
            Catalog::built_in(&[$(stringify!($name)),*])
        }

        /// The texts that the catalogue was made of.
        pub fn texts() -> Vec<Source<'static>> {
            vec![$(Source {
                name: concat!("checks/", stringify!($name), ".yaml"),
                text: include_str!(concat!("../../checks/", stringify!($name), ".yaml")),
            }),*]
        }
    };
}

checks! {
    host
    install
    config
    service
    proxy
    dns
    tcp
    tls
    trust
    clock
    health
    identity
    registration
    token
    tasks
}
