//! One walk over the graph.
//!
//! A check begins to collect when the checks are settled whose facts it reads, and is judged when everything that it
//! needs and uses is settled. A check that is settled may still be found to have failed, by one after it (a connection
//! that is reset shows in the handshake): it takes that finding, and blocks.
//!
//! The walk itself only waits: for a task to end, for a check to overrun, for the deadline, for an interruption. Whichever
//! comes first is dealt with, and no task can keep it from returning.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use tokio::sync::watch;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::outcome::{Event, Limits, Outcome, Run};
use super::{Graph, Selection};
use crate::catalog::CheckDoc;
use crate::checks::{AnyEvidence, Decision, Facts, Judgement, Known, Later};
use crate::contract::url::ControlPlane;
use crate::host::{Host, Meter, System};
use crate::model::{CheckId, Code, Fact, Finding, Severity, Status, Target, format_duration};

/// Runs the selected checks of a graph against a host.
///
/// Returns when every check is settled, at the deadline, or when `interrupted` is cancelled, whichever comes first;
/// what is not settled by then is `unknown`, and says why.
pub async fn run(
    graph: &Arc<Graph>,
    host: Arc<dyn Host>,
    target: Arc<Target>,
    selection: &Selection,
    limits: Limits,
    interrupted: &CancellationToken,
    on_event: &mut (dyn FnMut(Event<'_>) + Send),
) -> Run {
    let bench = Bench::OfItsOwn;
    walk(
        graph,
        host,
        target,
        selection,
        limits,
        interrupted,
        on_event,
        bench,
    )
    .await
}

/// No recorded host takes this long; whoever replays watches over a check that never returns.
const REPLAY: Limits = Limits {
    timeout: Duration::from_secs(20),
    deadline: Duration::from_secs(20),
};

/// Runs the selected checks against a host that answers at once: all of it on the thread that asks, so that many can be
/// replayed side by side, a thread each.
pub async fn replay(
    graph: &Arc<Graph>,
    host: Arc<dyn Host>,
    target: Arc<Target>,
    selection: &Selection,
) -> Run {
    let nobody = CancellationToken::new();
    let bench = Bench::Shared;
    walk(
        graph,
        host,
        target,
        selection,
        REPLAY,
        &nobody,
        &mut |_| {},
        bench,
    )
    .await
}

/// Where a check is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bench {
    /// On a thread of its own: a judge that never returns must not hold up the others.
    OfItsOwn,
    /// Where everything else runs.
    Shared,
}

#[expect(
    clippy::too_many_arguments,
    reason = "the arguments of `run`, and where to judge"
)]
async fn walk(
    graph: &Arc<Graph>,
    host: Arc<dyn Host>,
    target: Arc<Target>,
    selection: &Selection,
    limits: Limits,
    interrupted: &CancellationToken,
    on_event: &mut (dyn FnMut(Event<'_>) + Send),
    bench: Bench,
) -> Run {
    let began = Instant::now();
    let deadline = began + limits.deadline;
    let machine = tokio::select! {
        biased;
        machine = async { tokio::join!(host.now(()), host.system(())) } => Some(machine),
        () = sleep_until(deadline) => None,
        () = interrupted.cancelled() => None,
    };
    let (started_at, system) = machine.unwrap_or((DateTime::UNIX_EPOCH, System::unknown()));
    let (reported, running) = selection.resolve(graph);
    let mut walk = Walk {
        graph,
        host,
        known: Known {
            target,
            system: Arc::new(system),
            facts: Facts::default(),
            later: Later::default(),
        },
        limits,
        bench,
        states: Vec::new(),
        tasks: JoinSet::new(),
        by_task: HashMap::new(),
        asked: Vec::new(),
        reported,
        on_event,
    };
    walk.prepare(&running, selection);
    let end = walk.until_settled(deadline, interrupted).await;
    walk.settle_the_rest(&end);
    let (outcomes, unreported) = walk.outcomes();
    Run {
        started_at,
        duration: began.elapsed(),
        outcomes,
        unreported,
        asked: walk.asked,
        known: walk.known,
    }
}

/// Where a check stands.
enum State {
    /// Not part of this run.
    Absent,
    /// Waits for facts.
    Waiting,
    /// Collects or judges.
    Busy(Busy),
    /// Has collected, and waits for what it needs and uses.
    Collected(AnyEvidence, Duration),
    /// Settled.
    Settled(Outcome),
}

struct Busy {
    task: AbortHandle,
    began: Instant,
    /// When it has overrun.
    due: Instant,
    /// How long the check was busy before this.
    before: Duration,
    /// To whom the facts go that become known while it collects.
    later: Option<watch::Sender<Option<Facts>>>,
}

impl Busy {
    fn spent(&self) -> Duration {
        self.before + self.began.elapsed()
    }
}

/// What a check's task brings home.
enum Done {
    /// With how long its own questions took, where that was told.
    Collected(AnyEvidence, Option<Duration>),
    Judged(Judgement, Facts),
}

/// Why the walk ended.
enum End {
    AllSettled,
    Deadline,
    Interrupted,
}

/// Findings that leave their check failed and yet block nothing: a rule of the graph itself.
const NOT_BLOCKING: [Code; 2] = [
    Code::from_static("install.incomplete"),
    // The way is open with what was given.
    Code::from_static("trust.unconfigured_ca"),
];

struct Walk<'a> {
    graph: &'a Arc<Graph>,
    host: Arc<dyn Host>,
    known: Known,
    limits: Limits,
    bench: Bench,
    /// One for each node of the graph.
    states: Vec<State>,
    tasks: JoinSet<Done>,
    /// Which check a task belongs to.
    by_task: HashMap<Id, usize>,
    /// What each check asked, also of those that are given up.
    asked: Vec<(CheckId, Meter)>,
    reported: BTreeSet<usize>,
    on_event: &'a mut (dyn FnMut(Event<'_>) + Send),
}

impl Walk<'_> {
    fn prepare(&mut self, running: &BTreeSet<usize>, selection: &Selection) {
        let graph = self.graph;
        self.states
            .resize_with(graph.nodes().len(), || State::Absent);
        for &i in running {
            let id = &graph.nodes()[i].doc.id;
            self.states[i] = State::Waiting;
            let reason = if selection.skip.contains(id) {
                "left out by --skip"
            } else if selection.newer.contains(id) {
                "newer than the recording, which has nothing that it could judge"
            } else {
                continue;
            };
            self.settle(i, Outcome::new(id, Status::Skipped, reason.to_owned()));
        }
    }

    async fn until_settled(&mut self, deadline: Instant, interrupted: &CancellationToken) -> End {
        loop {
            self.advance();
            // Tasks that were given up may still be there; nobody waits for them.
            let Some(overrun) = self.next_due() else {
                return End::AllSettled;
            };
            tokio::select! {
                biased;
                () = interrupted.cancelled() => return End::Interrupted,
                () = sleep_until(deadline) => return End::Deadline,
                Some(ended) = self.tasks.join_next_with_id() => self.task_ended(ended),
                () = sleep_until(overrun) => self.settle_overdue(),
            }
        }
    }

    /// Settles what is blocked and begins what can begin, until nothing moves any more.
    fn advance(&mut self) {
        while (0..self.states.len()).any(|i| self.advance_one(i)) {}
    }

    /// Moves one check on, if it can move.
    fn advance_one(&mut self, i: usize) -> bool {
        if matches!(self.states[i], State::Absent | State::Settled(_)) {
            return false;
        }
        let node = &self.graph.nodes()[i];
        let needs_settled = self.all_settled(&node.doc.needs);
        if needs_settled && let Some(outcome) = self.blocked(i) {
            self.settle(i, outcome);
            return true;
        }
        match self.states[i] {
            State::Waiting if self.all_settled(&node.collects_after()) => self.begin_to_collect(i),
            State::Collected(..) if needs_settled && self.all_settled(&node.doc.uses) => {
                self.begin_to_judge(i);
            }
            State::Busy(Busy { later: Some(_), .. })
                if needs_settled && self.all_settled(&node.doc.uses) =>
            {
                self.tell(i);
            }
            _ => return false,
        }
        true
    }

    fn all_settled(&self, ids: &[CheckId]) -> bool {
        ids.iter()
            .filter_map(|id| self.graph.position(id))
            .all(|i| matches!(self.states[i], State::Settled(_) | State::Absent))
    }

    /// How a check ends whose needs are settled and keep it from being judged; names the roots, not what lies between.
    fn blocked(&self, i: usize) -> Option<Outcome> {
        let doc = &self.graph.nodes()[i].doc;
        let mut roots: Vec<CheckId> = Vec::new();
        for need in doc.needs.iter() {
            let Some(State::Settled(outcome)) = self.graph.position(need).map(|j| &self.states[j])
            else {
                continue;
            };
            if !blocks(outcome) || stands_in(&self.known.target, &doc.id, need) {
                continue;
            }
            let of_need = match outcome.status {
                Status::Blocked => outcome.blocked_by.as_slice(),
                _ => std::slice::from_ref(need),
            };
            for root in of_need {
                if !roots.contains(root) {
                    roots.push(root.clone());
                }
            }
        }
        if roots.is_empty() {
            return None;
        }
        let names: Vec<&str> = roots.iter().map(CheckId::as_str).collect();
        let reason = format!("blocked by {}", names.join(", "));
        let mut outcome = Outcome::new(&doc.id, Status::Blocked, reason);
        outcome.blocked_by = roots;
        Some(outcome)
    }

    fn begin_to_collect(&mut self, i: usize) {
        let (graph, host) = (Arc::clone(self.graph), Arc::clone(&self.host));
        let mut known = self.known.clone();
        let (later, facts) = Later::channel();
        known.later = facts;
        let id = &self.graph.nodes()[i].doc.id;
        (self.on_event)(Event::Started(id));
        let meter = Meter::default();
        self.asked.push((id.clone(), meter.clone()));
        let task = self.tasks.spawn(async move {
            let collect = graph.nodes()[i].check.collect(&*host, &known);
            let evidence = meter.measure(collect).await;
            Done::Collected(evidence, meter.took())
        });
        self.busy(i, task, Duration::ZERO, Some(later));
    }

    /// Tells a check that still collects what the others have found out.
    fn tell(&mut self, i: usize) {
        if let State::Busy(busy) = &mut self.states[i]
            && let Some(later) = busy.later.take()
        {
            // Nobody listens where a check does not care.
            let _unheard = later.send(Some(self.known.facts.clone()));
        }
    }

    fn begin_to_judge(&mut self, i: usize) {
        let state = std::mem::replace(&mut self.states[i], State::Waiting);
        let State::Collected(evidence, before) = state else {
            self.states[i] = state;
            return;
        };
        let (graph, known) = (Arc::clone(self.graph), self.known.clone());
        let judge = move || {
            let mut facts = Facts::default();
            let judgement = graph.nodes()[i].check.judge(evidence, &known, &mut facts);
            Done::Judged(judgement, facts)
        };
        let task = match self.bench {
            Bench::OfItsOwn => self.tasks.spawn_blocking(judge),
            Bench::Shared => self.tasks.spawn(async move { judge() }),
        };
        self.busy(i, task, before, None);
    }

    fn busy(
        &mut self,
        i: usize,
        task: AbortHandle,
        before: Duration,
        later: Option<watch::Sender<Option<Facts>>>,
    ) {
        let began = Instant::now();
        self.by_task.insert(task.id(), i);
        self.states[i] = State::Busy(Busy {
            task,
            began,
            due: began + self.limits.per_check(),
            before,
            later,
        });
    }

    fn next_due(&self) -> Option<Instant> {
        self.states
            .iter()
            .filter_map(|state| match state {
                State::Busy(busy) => Some(busy.due),
                _ => None,
            })
            .min()
    }

    fn task_ended(&mut self, ended: Result<(Id, Done), JoinError>) {
        let task = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(i) = self.by_task.remove(&task) else {
            return;
        };
        let State::Busy(busy) = &self.states[i] else {
            return; // Settled without it: it overran, or was blocked.
        };
        let spent = busy.spent();
        match ended {
            Ok((_, Done::Collected(evidence, took))) => {
                self.states[i] = State::Collected(evidence, took.unwrap_or(spent));
            }
            Ok((_, Done::Judged(judgement, facts))) => {
                self.known.facts.merge(facts);
                let judgement = self.hand_back(i, judgement);
                let mut outcome = self
                    .blocked(i)
                    .unwrap_or_else(|| self.conclude(i, judgement));
                outcome.duration = spent;
                self.settle(i, outcome);
            }
            Err(error) => {
                let reason = match error.try_into_panic() {
                    Ok(panic) => format!("the check panicked: {}", panic_text(&*panic)),
                    Err(_) => "the check was cancelled".to_owned(),
                };
                self.give_up(i, reason, spent);
            }
        }
    }

    fn settle_overdue(&mut self) {
        let now = Instant::now();
        for i in 0..self.states.len() {
            if let State::Busy(busy) = &self.states[i]
                && busy.due <= now
            {
                let spent = busy.spent();
                let after = format_duration(spent);
                self.give_up(
                    i,
                    format!("the check overran: not finished after {after}"),
                    spent,
                );
            }
        }
    }

    fn give_up(&mut self, i: usize, reason: String, spent: Duration) {
        let id = &self.graph.nodes()[i].doc.id;
        let mut outcome = Outcome::new(id, Status::Unknown, reason);
        outcome.duration = spent;
        self.settle(i, outcome);
    }

    /// What a check finds of one before it is that one's: it has failed after all, and blocks those that need it.
    fn hand_back(&mut self, i: usize, mut judgement: Judgement) -> Judgement {
        let findings = std::mem::take(&mut judgement.findings);
        for finding in findings {
            match self.graph.position(&finding.code.check()) {
                Some(j) if j != i && self.reopen(j, &finding) => {}
                _ => judgement.findings.push(finding),
            }
        }
        judgement
    }

    /// Adds a finding to a check that is settled already; not to one that was left out.
    fn reopen(&mut self, j: usize, finding: &Finding) -> bool {
        let State::Settled(outcome) = &mut self.states[j] else {
            return false;
        };
        if matches!(outcome.status, Status::Skipped | Status::Blocked) {
            return false;
        }
        outcome.status = match (
            severity(&self.graph.nodes()[j].doc, &finding.code),
            outcome.status,
        ) {
            (Severity::Error, _) => Status::Fail,
            (Severity::Warning, Status::Pass) => Status::Warn,
            (Severity::Warning, status) => status,
        };
        if outcome.status == Status::Fail {
            outcome.reason = None;
            // Warnings were of something that works, and it does not.
            let doc = &self.graph.nodes()[j].doc;
            outcome
                .findings
                .retain(|found| severity(doc, &found.code) == Severity::Error);
        }
        outcome.findings.push(finding.clone());
        if self.reported.contains(&j) {
            (self.on_event)(Event::Settled(outcome));
        }
        true
    }

    /// From what a check concluded to how it ended: severities are the catalogue's.
    fn conclude(&self, i: usize, mut judgement: Judgement) -> Outcome {
        let doc = &self.graph.nodes()[i].doc;
        let worst = judgement
            .findings
            .iter()
            .map(|finding| severity(doc, &finding.code))
            .max();
        let (status, reason) = match (worst, judgement.decision) {
            (Some(Severity::Error), decision) => {
                if let Decision::Unknown(value) = decision {
                    let what = "undecided".to_owned();
                    judgement.notes.push(Fact { what, value });
                }
                (Status::Fail, None)
            }
            (_, Decision::Unknown(reason)) => (Status::Unknown, Some(reason)),
            (Some(Severity::Warning), _) => (Status::Warn, None),
            (None, Decision::Skipped(reason)) => (Status::Skipped, Some(reason)),
            (None, Decision::Decided) => (Status::Pass, None),
        };
        let mut outcome = Outcome::new(&doc.id, status, reason);
        outcome.findings = judgement.findings;
        outcome.notes = judgement.notes;
        outcome
    }

    fn settle(&mut self, i: usize, outcome: Outcome) {
        if let State::Busy(busy) = &self.states[i] {
            busy.task.abort();
        }
        if self.reported.contains(&i) {
            (self.on_event)(Event::Settled(&outcome));
        }
        self.states[i] = State::Settled(outcome);
    }

    fn settle_the_rest(&mut self, end: &End) {
        let reason = match end {
            End::AllSettled => "nothing let it begin: a defect of the doctor".to_owned(),
            End::Deadline => format!(
                "not finished within the deadline of {}",
                format_duration(self.limits.deadline)
            ),
            End::Interrupted => "interrupted before it was finished".to_owned(),
        };
        for i in 0..self.states.len() {
            let spent = match &self.states[i] {
                State::Absent | State::Settled(_) => continue,
                State::Waiting => Duration::ZERO,
                State::Busy(busy) => busy.spent(),
                State::Collected(_, spent) => *spent,
            };
            self.give_up(i, reason.clone(), spent);
        }
    }

    /// How the checks ended: those that are reported, and the others.
    fn outcomes(&mut self) -> (Vec<Outcome>, Vec<Outcome>) {
        let (mut reported, mut others) = (Vec::new(), Vec::new());
        for (i, state) in std::mem::take(&mut self.states).into_iter().enumerate() {
            if let State::Settled(outcome) = state {
                match self.reported.contains(&i) {
                    true => reported.push(outcome),
                    false => others.push(outcome),
                }
            }
        }
        (reported, others)
    }
}

/// Whether a settled check keeps those that need it from being judged.
fn blocks(outcome: &Outcome) -> bool {
    let harmless = |finding: &Finding| NOT_BLOCKING.contains(&finding.code);
    let only_harmless = !outcome.findings.is_empty() && outcome.findings.iter().all(harmless);
    outcome.status.blocks() && !(outcome.status == Status::Fail && only_harmless)
}

/// Whether a flag supplies what `check` needs `need` for: a usable `--control-plane` stands in for the configuration,
/// and a configuration that flags speak of is judged whether or not an agent is installed.
fn stands_in(target: &Target, check: &CheckId, need: &CheckId) -> bool {
    match (check.as_str(), need.as_str()) {
        (_, "config") => target
            .control_plane
            .as_deref()
            .is_some_and(|url| ControlPlane::parse(url).is_ok()),
        ("config", "install") => target.control_plane.is_some() || target.config.is_some(),
        _ => false,
    }
}

/// A finding's severity, as the catalogue has it; one that it does not know counts as an error.
fn severity(doc: &CheckDoc, code: &Code) -> Severity {
    let known = doc.findings.iter().find(|finding| finding.code == *code);
    known.map_or(Severity::Error, |finding| finding.severity)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
