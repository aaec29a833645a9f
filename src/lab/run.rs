//! One situation after the other: set up, diagnosed over real sockets, compared with what was injected.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::LabError;
use super::controls::CONTROLS;
use super::fault::Fault;
use super::faults::{self, FAULTS};
use super::truth::Truth;
use super::world::World;
use super::{last_words, together, truth};
use crate::bundle::fixture::{Evidence, Expect};
use crate::catalog::Catalog;
use crate::diagnosis;
use crate::engine::{self, Graph, Limits, Selection};
use crate::host::Recorder;
use crate::model::{Code, Report, Source};

/// The name of the situation without a fault.
pub const HEALTHY: &str = "healthy";

/// How long things may take in the lab, where nothing is far away: faults that hang are found by waiting this long.
pub const LIMITS: Limits = Limits {
    timeout: Duration::from_secs(1),
    deadline: Duration::from_secs(10),
};

/// A situation: no fault, one, or several at once.
#[derive(Clone, Default)]
pub struct Scenario {
    /// The faults, in the order in which they are injected.
    pub faults: Vec<&'static Fault>,
    /// The last line of the service's log, where it ends over one of the faults and says so.
    pub last_words: Option<&'static str>,
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
    /// Two of the faults cannot exist at the same time.
    #[error("`{0}` and `{1}` cannot be injected together: {2}")]
    Together(Code, Code, &'static str),
}

impl Scenario {
    /// The healthy controls, and every fault on its own.
    pub fn all() -> Vec<Self> {
        let single = CONTROLS
            .iter()
            .chain(FAULTS)
            .map(|fault| Self::of(&[fault]));
        std::iter::once(Self::default()).chain(single).collect()
    }

    /// The situation of these faults.
    pub(super) fn of(faults: &[&'static Fault]) -> Self {
        Self {
            faults: faults.to_vec(),
            last_words: None,
        }
    }

    /// A service that crashes over one fault and says so in its log, while another fault is there as well, which it does not
    /// speak of; every two of them that can exist.
    pub fn of_dying_words() -> Vec<Self> {
        let Some(looping) = faults::find("service.crash_looping") else {
            return Vec::new();
        };
        let goes = |one: &Fault, other: &Fault| together::impossible(one, other).is_none();
        let dying = FAULTS
            .iter()
            .filter_map(|fault| Some((fault, last_words::of(&fault.code)?)));
        let mut all = Vec::new();
        for (fault, words) in dying.filter(|(fault, _)| goes(fault, looping)) {
            let besides = FAULTS
                .iter()
                .filter(|it| it.code != fault.code && it.code != looping.code);
            let besides = besides.filter(|it| goes(it, fault) && goes(it, looping));
            all.extend(besides.map(|it| Self {
                faults: vec![looping, fault, it],
                last_words: Some(words),
            }));
        }
        all
    }

    /// Every three faults that can exist together: any two of them can.
    pub fn of_three() -> Vec<Self> {
        let apart = |one: &Fault, other: &Fault| together::impossible(one, other).is_some();
        let apart: Vec<Vec<bool>> = FAULTS
            .iter()
            .map(|one| FAULTS.iter().map(|other| apart(one, other)).collect())
            .collect();
        let mut all = Vec::new();
        for a in 0..FAULTS.len() {
            for b in (a + 1..FAULTS.len()).filter(|b| !apart[a][*b]) {
                let third = (b + 1..FAULTS.len()).filter(|c| !apart[a][*c] && !apart[b][*c]);
                all.extend(third.map(|c| Self::of(&[&FAULTS[a], &FAULTS[b], &FAULTS[c]])));
            }
        }
        all
    }

    /// Reads a name: `healthy`, a code, or several with `+` between them.
    ///
    /// # Errors
    /// When one of them is no fault's, or two of them do not go together.
    pub fn parse(name: &str) -> Result<Self, NoScenario> {
        if name == HEALTHY {
            return Ok(Self::default());
        }
        let find = |code| faults::find(code).ok_or_else(|| NoScenario::Unknown(code.to_owned()));
        let faults: Vec<&'static Fault> = name.split('+').map(find).collect::<Result<_, _>>()?;
        for (i, one) in faults.iter().enumerate() {
            for other in &faults[i + 1..] {
                if let Some(why) = together::impossible(one, other) {
                    let (one, other) = (one.code.clone(), other.code.clone());
                    return Err(NoScenario::Together(one, other, why));
                }
            }
        }
        Ok(Self::of(&faults))
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

    /// What the diagnosis must be: what was injected, as far as it can be seen, and nothing else.
    ///
    /// Which code is an error and which a warning is the catalogue's to say, and the order in which to fix them too.
    pub fn truth(&self, catalog: &Catalog) -> Truth {
        truth::of(&self.faults, self.last_words, catalog)
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
        let mut plan = together::plan(&self.faults);
        plan.journal.extend(self.last_words);
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
            expected: self.truth(catalog).expect,
            report: diagnosis::diagnose(catalog, &run, Source::Lab, &[]),
            evidence: Evidence::new(
                target,
                catalog
                    .checks()
                    .iter()
                    .map(|check| check.id.clone())
                    .collect(),
                host.recording(),
            ),
            polls: world.polls(),
        })
    }
}
