//! One situation after the other: set up, diagnosed over real sockets, compared with what was injected.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::LabError;
use super::controls::CONTROLS;
use super::faults::{self, FAULTS, Fault};
use super::plan::Plan;
use super::world::World;
use crate::bundle::fixture::{Evidence, Expect};
use crate::catalog::Catalog;
use crate::diagnosis;
use crate::engine::{self, Graph, Limits, Selection};
use crate::host::Recorder;
use crate::model::{Code, Report, Severity, Source, Verdict};

/// The name of the situation without a fault.
pub const HEALTHY: &str = "healthy";

/// How long things may take in the lab, where nothing is far away: faults that hang are found by waiting this long.
pub const LIMITS: Limits = Limits {
    timeout: Duration::from_secs(1),
    deadline: Duration::from_secs(10),
};

/// A situation: no fault, one, or several at once.
#[derive(Clone)]
pub struct Scenario {
    /// The faults, in the order in which they are injected.
    pub faults: Vec<&'static Fault>,
}

/// What became of a scenario.
pub struct Outcome {
    /// Its name: the faults' codes with `+` between them, or `healthy`.
    pub name: String,
    /// What the diagnosis had to be.
    pub expected: Expect,
    /// What it was.
    pub report: Report,
    /// What was seen, to be kept as a fixture.
    pub evidence: Evidence,
    /// How often the control plane was asked for tasks: a diagnosis never does.
    pub polls: u64,
}

/// A name that is no scenario's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoScenario {
    /// There is no such fault.
    #[error("there is no fault `{0}`; `nexplane-doctor lab list` names them all")]
    Unknown(String),
    /// Two of the faults change the same thing, so that only one of them would be there.
    #[error("`{0}` and `{1}` change the same thing, and cannot be injected together")]
    Together(Code, Code),
}

impl Scenario {
    /// The healthy controls, and every fault on its own.
    pub fn all() -> Vec<Self> {
        let single = CONTROLS.iter().chain(FAULTS).map(|fault| Self {
            faults: vec![fault],
        });
        std::iter::once(Self { faults: Vec::new() })
            .chain(single)
            .collect()
    }

    /// Reads a name: `healthy`, a code, or several with `+` between them.
    ///
    /// # Errors
    /// When one of them is no fault's, or two of them do not go together.
    pub fn parse(name: &str) -> Result<Self, NoScenario> {
        if name == HEALTHY {
            return Ok(Self { faults: Vec::new() });
        }
        let find = |code| faults::find(code).ok_or_else(|| NoScenario::Unknown(code.to_owned()));
        let faults: Vec<&'static Fault> = name.split('+').map(find).collect::<Result<_, _>>()?;
        for (i, one) in faults.iter().enumerate() {
            if let Some(other) = faults[i + 1..].iter().find(|other| !one.goes_with(other)) {
                return Err(NoScenario::Together(one.code.clone(), other.code.clone()));
            }
        }
        Ok(Self { faults })
    }

    /// Its name.
    pub fn name(&self) -> String {
        match self.faults.is_empty() {
            true => HEALTHY.to_owned(),
            false => self.codes().map(Code::as_str).collect::<Vec<_>>().join("+"),
        }
    }

    /// What is done, in a line.
    pub fn what(&self) -> String {
        match self.faults.is_empty() {
            true => "nothing is wrong".to_owned(),
            false => self
                .faults
                .iter()
                .map(|fault| fault.what)
                .collect::<Vec<_>>()
                .join("; and "),
        }
    }

    fn codes(&self) -> impl Iterator<Item = &'static Code> {
        self.faults.iter().map(|fault| &fault.code)
    }

    /// What the diagnosis must be: what was injected, and nothing else.
    ///
    /// Which code is an error and which a warning is the catalogue's to say, and the order in which to fix them too.
    pub fn expected(&self, catalog: &Catalog) -> Expect {
        let is = |code: &Code, severity| {
            catalog
                .finding(code)
                .is_some_and(|doc| doc.severity == severity)
        };
        let in_order = |severity| {
            let docs = catalog.findings().map(|doc| &doc.code);
            let wanted = docs.filter(|code| is(code, severity) && self.codes().any(|c| c == *code));
            wanted.cloned().collect::<Vec<_>>()
        };
        let root_causes = in_order(Severity::Error);
        let parse = |codes: &[&'static str]| {
            codes
                .iter()
                .map(|code| Code::from_static(code))
                .collect::<Vec<_>>()
        };
        let mut notices = in_order(Severity::Warning);
        notices.extend(self.faults.iter().flat_map(|fault| parse(fault.notices)));
        Expect {
            verdict: match (root_causes.is_empty(), notices.is_empty()) {
                (false, _) => Verdict::Failed,
                (true, false) => Verdict::Degraded,
                (true, true) => Verdict::Healthy,
            },
            root_causes,
            symptoms: self
                .faults
                .iter()
                .flat_map(|fault| parse(fault.symptoms))
                .collect(),
            notices,
            never: self
                .faults
                .iter()
                .flat_map(|fault| parse(fault.never))
                .collect(),
        }
    }

    /// Sets the scenario up, diagnoses it, and clears it away.
    ///
    /// # Errors
    /// When it cannot be set up.
    pub async fn run(
        &self,
        catalog: &Catalog,
        graph: &Arc<Graph>,
        interrupted: &CancellationToken,
    ) -> Result<Outcome, LabError> {
        let mut plan = Plan::default();
        for fault in &self.faults {
            fault.inject(&mut plan);
        }
        let world = World::set_up(&plan).await?;
        let target = world.target(LIMITS.timeout);
        let host = Arc::new(Recorder::new(world.host(LIMITS.timeout).await));
        let run = engine::run(
            graph,
            Arc::clone(&host) as Arc<dyn crate::host::Host>,
            Arc::new(target.clone()),
            &Selection::default(),
            LIMITS,
            interrupted,
            &mut |_| {},
        )
        .await;
        Ok(Outcome {
            name: self.name(),
            expected: self.expected(catalog),
            report: diagnosis::diagnose(catalog, &run, Source::Lab, &[]),
            evidence: Evidence::new(target, host.recording()),
            polls: world.polls(),
        })
    }
}
