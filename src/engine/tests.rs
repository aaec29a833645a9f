//! The walk itself, on graphs made for it: what blocks, what does not, and that nothing keeps it from returning.
//!
//! Time is the runtime's, paused: a wait that the engine bounds ends at once, one that it does not bound hangs the test.
#![expect(
    clippy::panic,
    reason = "a test fails by panicking, and checks that panic are tested"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Barrier;
use tokio_util::sync::CancellationToken;

use super::{Event, Graph, Limits, Node, Outcome, Run, Selection, run};
use crate::catalog::CheckDoc;
use crate::checks::{AnyCheck, AnyEvidence, Facts, Judgement, Known};
use crate::host::{Host, Recorded, Recording};
use crate::model::{CheckId, Code, Finding, Status, Symptom, Target};

/// What a check of these tests does.
enum Does {
    Pass,
    Find(&'static str),
    Undecided,
    WaitFor(Arc<Barrier>),
    Hang,
    PanicCollecting,
    PanicJudging,
    /// Holds its thread until the other end of the channel is dropped.
    HoldThread(std::sync::Mutex<std::sync::mpsc::Receiver<()>>),
    Publish(u32),
    Read(u32),
    /// Collects until it is told what the others found out.
    HearLater(u32),
}

struct Fake {
    id: &'static str,
    does: Does,
}

impl AnyCheck for Fake {
    fn id(&self) -> CheckId {
        CheckId::from_static(self.id)
    }

    fn codes(&self) -> Vec<Code> {
        Vec::new()
    }

    fn witnesses(&self) -> &'static [Code] {
        static OF_A: [Code; 1] = [Code::from_static("a.late")];
        match self.does {
            Does::Find("a.late") => &OF_A,
            _ => &[],
        }
    }

    fn collects_after(&self) -> Option<Vec<CheckId>> {
        None
    }

    fn collect<'a>(&'a self, _: &'a dyn Host, known: &'a Known) -> BoxFuture<'a, AnyEvidence> {
        Box::pin(async move {
            match &self.does {
                Does::WaitFor(barrier) => {
                    barrier.wait().await;
                }
                Does::Hang => std::future::pending().await,
                Does::PanicCollecting => panic!("on purpose"),
                Does::HearLater(expected) => {
                    let facts = known.later.facts().await;
                    assert_eq!(facts.get::<u32>(), Some(expected));
                }
                _ => {}
            }
            Box::new(()) as AnyEvidence
        })
    }

    fn judge(&self, _: AnyEvidence, known: &Known, facts: &mut Facts) -> Judgement {
        match &self.does {
            Does::Find(code) => Finding::new(Code::from_static(code), "found").into(),
            Does::Undecided => Judgement::unknown("could not look"),
            Does::PanicJudging => panic!("on purpose"),
            Does::HoldThread(held) => {
                let _ = held.lock().map(|held| held.recv());
                Judgement::pass()
            }
            Does::Publish(fact) => {
                facts.publish(*fact);
                Judgement::pass()
            }
            Does::Read(expected) => match known.get::<u32>() {
                Some(fact) if fact == expected => Judgement::pass(),
                other => Judgement::unknown(format!("{other:?}")),
            },
            _ => Judgement::pass(),
        }
    }
}

fn ids(names: &[&'static str]) -> Vec<CheckId> {
    names.iter().copied().map(CheckId::from_static).collect()
}

fn node(id: &'static str, needs: &[&'static str], uses: &[&'static str], does: Does) -> Node {
    Node {
        doc: CheckDoc {
            id: CheckId::from_static(id),
            title: "".into(),
            summary: "".into(),
            symptoms: vec![Symptom::Offline].into(),
            needs: ids(needs).into(),
            uses: ids(uses).into(),
            findings: Vec::new().into(),
            probe: None,
        },
        check: Box::new(Fake { id, does }),
    }
}

struct Walked {
    outcomes: HashMap<String, Outcome>,
    events: Vec<String>,
}

impl Walked {
    fn status(&self, id: &str) -> Status {
        self.outcome(id).status
    }

    fn reason(&self, id: &str) -> &str {
        self.outcome(id).reason.as_deref().unwrap_or_default()
    }

    fn blocked_by(&self, id: &str) -> Vec<&str> {
        self.outcome(id)
            .blocked_by
            .iter()
            .map(CheckId::as_str)
            .collect()
    }

    fn outcome(&self, id: &str) -> &Outcome {
        self.outcomes
            .get(id)
            .unwrap_or_else(|| panic!("{id} is not reported"))
    }
}

const LIMITS: Limits = Limits {
    timeout: Duration::from_secs(5),
    deadline: Duration::from_secs(20),
};

struct Walker {
    nodes: Vec<Node>,
    target: Target,
    selection: Selection,
    limits: Limits,
    interrupted: CancellationToken,
}

fn walk(nodes: Vec<Node>) -> Walker {
    Walker {
        nodes,
        target: Target::unspecified(LIMITS.timeout),
        selection: Selection::default(),
        limits: LIMITS,
        interrupted: CancellationToken::new(),
    }
}

impl Walker {
    async fn run(self) -> Walked {
        let graph = Arc::new(Graph::of(self.nodes));
        let host = Arc::new(Recorded::new(Recording::default()));
        let mut events = Vec::new();
        let Run { outcomes, .. } = run(
            &graph,
            host,
            Arc::new(self.target),
            &self.selection,
            self.limits,
            &self.interrupted,
            &mut |event| {
                events.push(match event {
                    Event::Started(id) => format!("started {id}"),
                    Event::Settled(outcome) => format!("settled {}", outcome.id),
                });
            },
        )
        .await;
        let outcomes = outcomes
            .into_iter()
            .map(|outcome| (outcome.id.to_string(), outcome));
        Walked {
            outcomes: outcomes.collect(),
            events,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn independent_checks_run_at_once() {
    let barrier = Arc::new(Barrier::new(2));
    let walked = walk(vec![
        node("a", &[], &[], Does::WaitFor(Arc::clone(&barrier))),
        node("b", &[], &[], Does::WaitFor(barrier)),
    ])
    .run()
    .await;
    assert_eq!(
        (walked.status("a"), walked.status("b")),
        (Status::Pass, Status::Pass)
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_blocks_its_dependents_and_only_those_and_they_name_the_root() {
    let walked = walk(vec![
        node("a", &[], &[], Does::Find("a.bad")),
        node("b", &["a"], &[], Does::Pass),
        node("c", &["b"], &[], Does::Pass),
        node("d", &[], &[], Does::Undecided),
        node("e", &["c", "d"], &[], Does::Pass),
        node("f", &[], &[], Does::Pass),
    ])
    .run()
    .await;
    assert_eq!(walked.status("a"), Status::Fail);
    for blocked in ["b", "c", "e"] {
        assert_eq!(walked.status(blocked), Status::Blocked, "{blocked}");
    }
    assert_eq!(walked.blocked_by("c"), ["a"]);
    assert_eq!(walked.blocked_by("e"), ["a", "d"]);
    assert_eq!(walked.status("f"), Status::Pass);
    assert!(
        !walked.events.contains(&"started b".to_owned()),
        "{:?}",
        walked.events
    );
}

/// A check that passes, and the one after it that shows that it should not have.
fn found_late() -> Vec<Node> {
    vec![
        node("a", &[], &[], Does::Pass),
        node("b", &["a"], &[], Does::Find("a.late")),
        node("c", &["b"], &[], Does::Pass),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_a_check_finds_of_one_that_it_needs_is_that_ones_and_blocks() {
    let walked = walk(found_late()).run().await;
    let of_a: Vec<&str> = walked
        .outcome("a")
        .findings
        .iter()
        .map(|f| f.code.as_str())
        .collect();
    assert_eq!((walked.status("a"), of_a), (Status::Fail, vec!["a.late"]));
    for blocked in ["b", "c"] {
        assert_eq!(walked.status(blocked), Status::Blocked, "{blocked}");
        assert_eq!(walked.blocked_by(blocked), ["a"]);
        assert!(walked.outcome(blocked).findings.is_empty());
    }
    let settled = walked.events.iter().filter(|event| *event == "settled a");
    assert_eq!(settled.count(), 2, "{:?}", walked.events);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_asked_for_alone_is_not_without_its_witness() {
    let mut walker = walk(found_late());
    walker.selection.only = ids(&["a"]);
    let walked = walker.run().await;
    assert_eq!(walked.status("a"), Status::Fail);
    assert!(!walked.outcomes.contains_key("b"));
}

#[tokio::test(start_paused = true)]
async fn a_finding_of_a_check_that_was_left_out_is_not_lost() {
    let mut walker = walk(found_late());
    walker.selection.skip = ids(&["a"]);
    let walked = walker.run().await;
    assert_eq!(
        (walked.status("a"), walked.status("b")),
        (Status::Skipped, Status::Fail)
    );
    assert_eq!(walked.blocked_by("c"), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn who_still_collects_is_told_what_the_others_found_out() {
    let walked = walk(vec![
        node("hearer", &[], &["publisher"], Does::HearLater(7)),
        node("publisher", &[], &[], Does::Publish(7)),
    ])
    .run()
    .await;
    assert_eq!(
        walked.status("hearer"),
        Status::Pass,
        "{}",
        walked.reason("hearer")
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_used_informs_and_does_not_block() {
    let walked = walk(vec![
        node("reader", &[], &["publisher", "bad"], Does::Read(7)),
        node("publisher", &[], &[], Does::Publish(7)),
        node("bad", &[], &[], Does::Find("bad.thing")),
    ])
    .run()
    .await;
    assert_eq!(
        walked.status("reader"),
        Status::Pass,
        "{}",
        walked.reason("reader")
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_harms_no_other_check() {
    for does in [Does::PanicCollecting, Does::PanicJudging] {
        let walked = walk(vec![
            node("a", &[], &[], does),
            node("b", &[], &[], Does::Pass),
            node("c", &["a"], &[], Does::Pass),
        ])
        .run()
        .await;
        assert_eq!(walked.status("a"), Status::Unknown);
        assert_eq!(walked.reason("a"), "the check panicked: on purpose");
        assert_eq!(
            (walked.status("b"), walked.status("c")),
            (Status::Pass, Status::Blocked)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_overruns_is_unknown_and_the_others_are_not() {
    let walked = walk(vec![
        node("a", &[], &[], Does::Hang),
        node("b", &[], &[], Does::Pass),
        node("c", &["a"], &[], Does::Pass),
    ])
    .run()
    .await;
    assert_eq!(walked.status("a"), Status::Unknown);
    assert!(
        walked.reason("a").starts_with("the check overran"),
        "{}",
        walked.reason("a")
    );
    assert_eq!(
        (walked.status("b"), walked.status("c")),
        (Status::Pass, Status::Blocked)
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_and_keeps_what_is_known() {
    let mut walker = walk(vec![
        node("a", &[], &[], Does::Hang),
        node("b", &[], &[], Does::Find("b.bad")),
    ]);
    walker.limits.deadline = Duration::from_secs(3);
    let walked = walker.run().await;
    assert_eq!(walked.reason("a"), "not finished within the deadline of 3s");
    assert_eq!(walked.status("b"), Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_ends_the_run_with_what_is_known() {
    let walker = walk(vec![
        node("a", &[], &[], Does::Hang),
        node("b", &[], &[], Does::Pass),
        node("c", &["a"], &[], Does::Pass),
    ]);
    let interrupted = walker.interrupted.clone();
    let (walked, ()) = tokio::join!(walker.run(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        interrupted.cancel();
    });
    assert_eq!(walked.status("b"), Status::Pass);
    for unfinished in ["a", "c"] {
        assert_eq!(walked.status(unfinished), Status::Unknown);
        assert_eq!(
            walked.reason(unfinished),
            "interrupted before it was finished"
        );
    }
}

#[tokio::test]
async fn a_judge_that_never_returns_holds_up_nobody() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let mut walker = walk(vec![
        node("a", &[], &[], Does::HoldThread(std::sync::Mutex::new(held))),
        node("b", &[], &[], Does::Pass),
    ]);
    walker.limits.timeout = Duration::from_millis(1);
    let walked = walker.run().await;
    drop(hold);
    assert_eq!(
        (walked.status("a"), walked.status("b")),
        (Status::Unknown, Status::Pass)
    );
}

#[tokio::test(start_paused = true)]
async fn skipped_checks_do_not_run_and_do_not_block() {
    let mut walker = walk(vec![
        node("a", &[], &[], Does::Find("a.bad")),
        node("b", &["a"], &[], Does::Pass),
    ]);
    walker.selection.skip = ids(&["a"]);
    let walked = walker.run().await;
    assert_eq!(
        (walked.status("a"), walked.status("b")),
        (Status::Skipped, Status::Pass)
    );
}

#[tokio::test(start_paused = true)]
async fn only_what_was_asked_for_is_reported_and_what_it_needs_runs() {
    let mut walker = walk(vec![
        node("a", &[], &[], Does::Find("a.bad")),
        node("b", &["a"], &[], Does::Pass),
        node("c", &[], &[], Does::Pass),
    ]);
    walker.selection.only = ids(&["b"]);
    let walked = walker.run().await;
    assert_eq!(walked.outcomes.len(), 1);
    assert_eq!(walked.blocked_by("b"), ["a"]);
    assert_eq!(walked.events, ["started a", "settled b"]);
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_installation_blocks_nothing() {
    let walked = walk(vec![
        node("install", &[], &[], Does::Find("install.incomplete")),
        node("config", &["install"], &[], Does::Pass),
    ])
    .run()
    .await;
    assert_eq!(
        (walked.status("install"), walked.status("config")),
        (Status::Fail, Status::Pass)
    );
}

#[tokio::test(start_paused = true)]
async fn a_usable_control_plane_on_the_command_line_stands_in_for_the_configuration() {
    for (url, dns) in [
        (None, Status::Blocked),
        (Some("not a url"), Status::Blocked),
        (Some("https://127.0.0.1:8000"), Status::Pass),
    ] {
        let mut walker = walk(vec![
            node("install", &[], &[], Does::Find("install.missing")),
            node("config", &["install"], &[], Does::Find("config.missing")),
            node("dns", &["config"], &[], Does::Pass),
            node("service", &["install"], &[], Does::Pass),
        ]);
        walker.target.control_plane = url.map(str::to_owned);
        let walked = walker.run().await;
        assert_eq!(walked.status("dns"), dns, "{url:?}");
        assert_eq!(walked.status("service"), Status::Blocked);
    }
}

#[test]
fn only_what_is_asked_for_and_what_it_needs_runs() {
    let graph = Graph::of(vec![
        node("install", &[], &[], Does::Pass),
        node("config", &["install"], &[], Does::Pass),
        node("service", &["install"], &[], Does::Pass),
    ]);
    let runs = |selection: &Selection| {
        ["install", "config", "service"].map(|id| selection.runs(&graph, &CheckId::from_static(id)))
    };
    let mut selection = Selection::default();
    assert_eq!(runs(&selection), [true, true, true]);
    selection.only = ids(&["config"]);
    assert_eq!(runs(&selection), [true, true, false]);
    selection.skip = ids(&["install"]);
    assert_eq!(runs(&selection), [false, true, false]);
    assert!(!selection.runs(&graph, &CheckId::from_static("nowhere")));
}
