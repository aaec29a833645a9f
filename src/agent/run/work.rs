//! What a running agent does, turn after turn: a sign of life, is there work, is it time for a new certificate.
//!
//! One call after the other over one connection, so that a control plane sees one agent as one. Nothing ends this but the
//! end of the program: what fails is logged and tried again later.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::backoff::{Backoff, Bounds, Chance, REFUSED, UNREACHED};
use super::handed_out::{Refused, TASKS};
use super::link::{Calls, Failed};
use crate::agent::AgentLog;
use crate::agent::heartbeat::HeartbeatError;
use crate::agent::state::AgentState;
use crate::contract::api::{Heartbeat, Task, TaskResult, TaskStatus};
use crate::contract::url::ControlPlane;
use crate::model::excerpt;

/// The log, which the agent's work and its diagnosis both write to.
#[derive(Clone)]
pub(super) struct Log(Arc<Mutex<AgentLog<Box<dyn io::Write + Send>>>>);

impl Log {
    pub(super) fn new(out: Box<dyn io::Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(AgentLog::new(out))))
    }

    /// Writes a line. Where that cannot be done there is nobody to tell.
    pub(super) fn write(
        &self,
        line: impl FnOnce(&mut AgentLog<Box<dyn io::Write + Send>>) -> io::Result<()>,
    ) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _unwritten = line(&mut log);
    }

    pub(super) fn say(&self, line: &str) {
        self.write(|log| log.line(line));
    }
}

/// How often things are done while all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    poll: Duration,
    heartbeat: Duration,
}

/// The user interface calls an agent offline that it has not heard of for a minute.
const HEARTBEAT_AT_LEAST_EVERY: Duration = Duration::from_secs(30);
/// However often it polls.
const HEARTBEAT_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// Whatever the configuration says, the control plane is not asked more often.
const POLL_AT_MOST_EVERY: Duration = Duration::from_millis(100);

impl Pace {
    /// (ours) Tasks are asked for every poll interval, and signs of life given as often, within bounds.
    pub(super) fn of(poll_interval: Duration) -> Self {
        Self {
            poll: poll_interval.max(POLL_AT_MOST_EVERY),
            heartbeat: poll_interval.clamp(HEARTBEAT_AT_MOST_EVERY, HEARTBEAT_AT_LEAST_EVERY),
        }
    }
}

/// Whether the work goes on: it says each time by when it will have come to its next step.
#[derive(Debug, Clone)]
pub(super) struct Pulse(Rc<Cell<Instant>>);

/// What a call may take at most, twice, and a little.
const CALL: Duration = Duration::from_secs(30);

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Rc::new(Cell::new(Instant::now() + CALL)))
    }

    fn expect_within(&self, time: Duration) {
        self.0.set(Instant::now() + time + CALL);
    }

    /// Whether the next step is not overdue.
    pub(super) fn beats(&self) -> bool {
        Instant::now() <= self.0.get()
    }
}

/// When the agent looks for the cause of its failures.
pub(super) struct Doubt {
    ask: mpsc::Sender<()>,
    again: Option<(Instant, Duration)>,
}

/// So many failures in a row are worth a diagnosis; a refusal is at once.
const FAILURES: u32 = 3;
/// While they last, it is repeated after so long, then after twice that, …
const PAUSE: Duration = Duration::from_secs(5 * 60);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

impl Doubt {
    /// Who diagnoses takes the questions from the other end of `ask`.
    pub(super) const fn new(ask: mpsc::Sender<()>) -> Self {
        Self { ask, again: None }
    }

    fn failed(&mut self, failures: u32, bounds: Bounds) {
        if failures < FAILURES && bounds != REFUSED {
            return;
        }
        let now = Instant::now();
        let pause = match self.again {
            Some((at, _)) if now < at => return,
            Some((_, pause)) => (pause * 2).min(LONGEST_PAUSE),
            None => PAUSE,
        };
        self.again = Some((now + pause, pause));
        self.ask();
    }

    /// The failures are over: what was diagnosed of them is out of date.
    fn recovered(&mut self) {
        if self.again.take().is_some() {
            self.ask();
        }
    }

    fn ask(&self) {
        // One that goes on, or waits, answers this one too.
        let _one_is_under_way = self.ask.try_send(());
    }
}

/// How long to wait after a rotation that did not succeed; a third of the certificate's life is left.
const RENEWAL: Bounds = Bounds {
    least: Duration::from_secs(1),
    first: Duration::from_secs(30),
    most: Duration::from_secs(60 * 60),
};

/// What a rotation may take: somebody else's is waited for, then several calls.
const ROTATION: Duration = Duration::from_secs(90);

/// Everything that the work needs.
pub(super) struct Worker<C> {
    pub(super) calls: C,
    pub(super) plane: ControlPlane,
    pub(super) log: Log,
    pub(super) chance: Chance,
    pub(super) pace: Pace,
    pub(super) pulse: Pulse,
    pub(super) state: watch::Sender<AgentState>,
    pub(super) doubt: Doubt,
    pub(super) now: fn() -> DateTime<Utc>,
}

/// What is remembered from turn to turn.
struct Turns {
    heartbeat: Backoff,
    tasks: Backoff,
    renewal: Backoff,
    heartbeat_at: Instant,
    tasks_at: Instant,
    renewal_at: Instant,
    accepted: bool,
    refused: Refused,
}

impl<C: Calls> Worker<C> {
    /// Works for ever.
    pub(super) async fn work(mut self) {
        let now = Instant::now();
        let mut turns = Turns {
            heartbeat: Backoff::default(),
            tasks: Backoff::default(),
            renewal: Backoff::default(),
            heartbeat_at: now,
            tasks_at: now,
            renewal_at: now,
            accepted: false,
            refused: Refused::default(),
        };
        loop {
            let wait = match self.turn(&mut turns).await {
                Ok(()) => {
                    self.well(&mut turns);
                    self.pace.poll
                }
                Err(bounds) => {
                    let wait = turns.heartbeat.next(bounds, &mut self.chance);
                    self.doubt.failed(turns.heartbeat.failures(), bounds);
                    turns.heartbeat_at = Instant::now();
                    wait
                }
            };
            self.pulse.expect_within(wait);
            sleep(wait).await;
        }
    }

    fn well(&mut self, turns: &mut Turns) {
        let failures = turns.heartbeat.reset();
        if failures > 0 {
            self.log.say(&format!(
                "INFO: heartbeat accepted again, attempts: {failures}"
            ));
        }
        let forgotten = |state: &mut AgentState| state.last_failure.take().is_some();
        if turns.tasks.failures() == 0 && self.state.send_if_modified(forgotten) {
            self.doubt.recovered();
        }
    }

    /// One turn; what went wrong with its sign of life is logged, and says how long to wait.
    async fn turn(&mut self, turns: &mut Turns) -> Result<(), Bounds> {
        self.renew(turns).await;
        if Instant::now() >= turns.heartbeat_at {
            self.pulse.expect_within(CALL);
            match self.calls.heartbeat().await {
                Ok(heartbeat) => self.accepted(&heartbeat, turns),
                Err(error) => {
                    return Err(self.failed(&error, |log, error, plane| {
                        log.heartbeat_failed(error, plane)
                    }));
                }
            }
        }
        if Instant::now() >= turns.tasks_at {
            match self.tasks(&mut turns.refused).await {
                Ok(()) => drop(turns.tasks.reset()),
                // Signs of life go on all the same: whoever gives none is taken for dead.
                Err(bounds) => {
                    let wait = turns.tasks.next(bounds, &mut self.chance);
                    turns.tasks_at = Instant::now() + wait;
                    self.doubt.failed(turns.tasks.failures(), bounds);
                }
            }
        }
        Ok(())
    }

    /// Asks for tasks, and answers them; what went wrong is logged, and says how long not to ask again.
    async fn tasks(&mut self, refused: &mut Refused) -> Result<(), Bounds> {
        self.pulse.expect_within(CALL);
        let tasks = match self.calls.tasks().await {
            Ok(tasks) => tasks,
            Err(error) => {
                return Err(
                    self.failed(&error, |log, error, plane| log.polling_failed(error, plane))
                );
            }
        };
        let mut answered: Vec<&str> = Vec::new();
        for task in tasks.iter().take(TASKS) {
            if !answered.contains(&task.id.as_str()) {
                answered.push(&task.id);
                self.refuse(task, refused).await?;
            }
        }
        Ok(())
    }

    fn accepted(&self, heartbeat: &Heartbeat, turns: &mut Turns) {
        turns.heartbeat_at = Instant::now() + self.pace.heartbeat;
        let registered_as = excerpt(&heartbeat.registered_as);
        if !turns.accepted {
            turns.accepted = true;
            self.log.say(&format!(
                "INFO: heartbeat accepted, registered as {registered_as}"
            ));
        }
        self.state.send_modify(|state| {
            state.agent_id = self.calls.agent_id().map(str::to_owned);
            state.registered_as = Some(registered_as);
            state.last_heartbeat = Some((self.now)());
            state.pending_tasks = Some(heartbeat.pending_tasks);
        });
    }

    fn failed(
        &self,
        error: &Failed,
        line: impl FnOnce(
            &mut AgentLog<Box<dyn io::Write + Send>>,
            &HeartbeatError,
            &ControlPlane,
        ) -> io::Result<()>,
    ) -> Bounds {
        let (bounds, why) = match error {
            Failed::Call(error) => {
                self.log.write(|log| line(log, error, &self.plane));
                (bounds(error), error.to_string())
            }
            Failed::Unfit(why) => {
                self.log.write(|log| log.lost(why));
                let why = "the agent's identity cannot be used".to_owned();
                (UNREACHED, why)
            }
        };
        let why = excerpt(&why);
        self.state
            .send_modify(|state| state.last_failure = Some(why));
        bounds
    }

    /// Typed operations only, and no type is known yet: every task is answered by a refusal.
    async fn refuse(&mut self, task: &Task, refused: &mut Refused) -> Result<(), Bounds> {
        if !is_id(&task.id) {
            self.log
                .say("ERROR: task without a usable id rejected; the control plane is not told");
            return Ok(());
        }
        let kind = excerpt(&task.kind);
        let detail = format!("this agent does not know the type `{kind}`");
        match refused.is_new(&task.id) {
            true => self.log.write(|log| log.task_refused(&task.id, &detail)),
            false => self
                .log
                .say(&format!("DEBUG: task {} is handed out again", task.id)),
        }
        let result = TaskResult {
            status: TaskStatus::Refused,
            detail,
        };
        self.pulse.expect_within(CALL);
        match self.calls.finish(&task.id, &result).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let bounds = self.failed(&error, |log, error, plane| {
                    log.task_result_failed(&task.id, error, plane)
                });
                match error {
                    // Somebody else has settled it, or it was taken back.
                    Failed::Call(HeartbeatError::Refused {
                        status: 404 | 409 | 410,
                        ..
                    }) => Ok(()),
                    _ => Err(bounds),
                }
            }
        }
    }

    /// A new certificate, when it is time. What fails is tried again later; the old one serves meanwhile.
    async fn renew(&mut self, turns: &mut Turns) {
        if Instant::now() < turns.renewal_at || !self.calls.is_rotation_due() {
            return;
        }
        self.pulse.expect_within(ROTATION);
        match self.calls.rotate().await {
            Ok(()) => {
                // The control plane keeps the old one until the new one has given a sign of life.
                turns.heartbeat_at = Instant::now();
                self.log.say("INFO: certificate renewed");
                if self.calls.is_rotation_due() {
                    // One renewal after the other would bring nothing but more of the same.
                    let wait = turns.renewal.next(RENEWAL, &mut self.chance);
                    turns.renewal_at = Instant::now() + wait;
                    self.log
                        .say("WARNING: two thirds of the new certificate's life are over already");
                } else {
                    turns.renewal.reset();
                }
            }
            Err(error) => {
                let wait = turns.renewal.next(RENEWAL, &mut self.chance);
                turns.renewal_at = Instant::now() + wait;
                self.log
                    .write(|log| log.renewal_failed(&error, &self.plane));
            }
        }
    }
}

/// Whether a failure is a refusal of this agent, or may be over at any moment.
fn bounds(error: &HeartbeatError) -> Bounds {
    match error {
        HeartbeatError::Refused {
            status: 408 | 429, ..
        } => UNREACHED,
        HeartbeatError::Refused {
            status: 400..=499, ..
        } => REFUSED,
        _ => UNREACHED,
    }
}

/// What may stand in a path and in the log.
fn is_id(id: &str) -> bool {
    let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=64).contains(&id.len()) && id.chars().all(fit)
}

#[cfg(test)]
mod tests;
