//! The doctor: a catalogue, its graph and what the user asked for, put together so that a live host can be looked at, once or again.
//!
//! The command line, the agent's own diagnosis and the verification of a repair all look through here.

mod bounded;
mod head_start;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use self::bounded::{BUDGET, NoReport, look_within};
use self::head_start::HeadStart;
use crate::catalog::Catalog;
use crate::checks;
use crate::diagnosis;
use crate::engine::{self, Event, Graph, GraphError, Limits, Selection};
use crate::host::live::{LiveHost, Settings};
use crate::host::{Host, Recorder};
use crate::model::{CheckId, Code, Report, Source, Target};

/// Everything that one look at the live host needs.
#[derive(Clone)]
pub struct Doctor {
    /// What the findings mean and what to do about them.
    pub catalog: Arc<Catalog>,
    /// The checks and what they need.
    pub graph: Arc<Graph>,
    /// What the user said of the agent and its control plane.
    pub target: Arc<Target>,
    /// Which checks to look at.
    pub selection: Selection,
    /// How long it may take.
    pub limits: Limits,
    /// Findings to set aside.
    pub ignore: Vec<Code>,
    /// How the host is looked at: its root, the secrets that were given.
    pub settings: Settings,
}

/// Why the built-in catalogue is of no use: a defect of this program.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A check has no code.
    #[error("the built-in checks: {0}")]
    Graph(#[from] GraphError),
}

impl Doctor {
    /// One who looks at everything, by the built-in catalogue.
    ///
    /// # Errors
    /// When that catalogue is of no use.
    pub fn new(target: Target, settings: Settings, limits: Limits) -> Result<Self, CatalogueError> {
        let catalog = checks::catalog();
        let graph = Graph::new(&catalog)?;
        Ok(Self {
            catalog: Arc::new(catalog),
            graph: Arc::new(graph),
            target: Arc::new(target),
            selection: Selection::default(),
            limits,
            ignore: Vec::new(),
            settings,
        })
    }

    /// The live host, with nothing remembered of what was asked before.
    pub fn host(&self) -> Arc<dyn Host> {
        Arc::new(LiveHost::new(self.settings.clone()))
    }

    /// One who looks at these checks alone, with what they need.
    pub fn looking_at(&self, checks: Vec<CheckId>) -> Self {
        Self {
            selection: Selection {
                only: checks,
                ..Selection::default()
            },
            ..self.clone()
        }
    }

    /// Looks at the live host once. Every check that is settled is told to `on_event`; `interrupted` ends it early, with a report.
    pub async fn look(
        &self,
        interrupted: &CancellationToken,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Report {
        self.look_and_keep(interrupted, on_event).await.0
    }

    /// The same; with the host, which remembers all that it was asked.
    pub async fn look_and_keep(
        &self,
        interrupted: &CancellationToken,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> (Report, Arc<Recorder<LiveHost>>) {
        let host = Arc::new(Recorder::new(LiveHost::new(self.settings.clone())));
        // Under another root there is no service manager to wait for, and no log to read.
        let _ahead = self.settings.root.is_none().then(|| {
            HeadStart::begin(
                &self.graph,
                &host,
                &self.target,
                &self.selection,
                self.limits,
            )
        });
        let run = engine::run(
            &self.graph,
            Arc::clone(&host) as Arc<dyn Host>,
            Arc::clone(&self.target),
            &self.selection,
            self.limits,
            interrupted,
            on_event,
        )
        .await;
        let report = diagnosis::diagnose(&self.catalog, &run, Source::Live, &self.ignore);
        (report, host)
    }
}
