//! A scripted control plane, and time that passes only when nothing else does.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::collections::VecDeque;

use super::*;
use crate::agent::run::lines::Unfit;
use crate::agent::{EnrollError, RotateError};
use crate::contract::api;
use crate::contract::client::CallError;

/// What was asked, and when.
type Asked = Rc<RefCell<Vec<(&'static str, Instant)>>>;

/// Answers as it was told to, and well when that is used up.
#[derive(Default)]
struct Script {
    heartbeats: VecDeque<Option<Failed>>,
    tasks: VecDeque<Result<Vec<Task>, Failed>>,
    results: VecDeque<Failed>,
    finished: Rc<RefCell<Vec<(String, TaskResult)>>>,
    rotations: VecDeque<Option<RotateError>>,
    asked: Asked,
}

impl Script {
    fn note(&self, what: &'static str) {
        self.asked.borrow_mut().push((what, Instant::now()));
    }
}

impl Calls for Script {
    async fn heartbeat(&mut self) -> Result<Heartbeat, Failed> {
        self.note("heartbeat");
        match self.heartbeats.pop_front().flatten() {
            Some(failed) => Err(failed),
            None => Ok(Heartbeat {
                status: "ok".into(),
                registered_as: "web-server-01".into(),
                server_time: DateTime::UNIX_EPOCH,
                pending_tasks: 2,
            }),
        }
    }

    async fn tasks(&mut self) -> Result<Vec<Task>, Failed> {
        self.note("tasks");
        self.tasks.pop_front().unwrap_or_else(|| Ok(Vec::new()))
    }

    async fn finish(&mut self, id: &str, result: &TaskResult) -> Result<(), Failed> {
        self.note("finish");
        self.finished
            .borrow_mut()
            .push((id.to_owned(), result.clone()));
        self.results.pop_front().map_or(Ok(()), Err)
    }

    fn is_rotation_due(&mut self) -> bool {
        !self.rotations.is_empty()
    }

    async fn rotate(&mut self) -> Result<(), RotateError> {
        self.note("rotate");
        match self.rotations.pop_front().flatten() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn agent_id(&self) -> Option<&str> {
        Some("agt_1")
    }
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

struct Worked {
    paper: Paper,
    asked: Vec<(&'static str, Duration)>,
    state: AgentState,
    diagnoses: usize,
}

impl Worked {
    fn when(&self, what: &str) -> Vec<Duration> {
        let these = self.asked.iter().filter(|(asked, _)| *asked == what);
        these.map(|(_, at)| *at).collect()
    }
}

/// Lets it work for so long, with all the luck there is: every wait is as long as it may be.
async fn work(script: Script, poll: Duration, time: Duration) -> Worked {
    let (ask, mut questions) = mpsc::channel(64);
    let (state, seen) = watch::channel(AgentState::begun(None, DateTime::UNIX_EPOCH));
    let (paper, asked, begun) = (Paper::default(), Rc::clone(&script.asked), Instant::now());
    let worker = Worker {
        calls: script,
        plane: ControlPlane::parse("https://HOST:8000").unwrap(),
        log: Log::new(Box::new(paper.clone())),
        chance: Chance::of(|| u32::MAX),
        pace: Pace::of(poll),
        pulse: Pulse::new(),
        state,
        doubt: Doubt::new(ask),
        now: || DateTime::UNIX_EPOCH,
    };
    let _ended = tokio::time::timeout(time, worker.work()).await;
    let asked = asked
        .borrow()
        .iter()
        .map(|(what, at)| (*what, *at - begun))
        .collect();
    let mut diagnoses = 0;
    while questions.try_recv().is_ok() {
        diagnoses += 1;
    }
    let state = seen.borrow().clone();
    Worked {
        paper,
        asked,
        state,
        diagnoses,
    }
}

fn closed() -> Option<Failed> {
    Some(Failed::Call(HeartbeatError::Call(CallError::Closed)))
}

fn refused(status: u16, detail: &str) -> Option<Failed> {
    let detail = detail.to_owned();
    Some(Failed::Call(HeartbeatError::Refused { status, detail }))
}

fn seconds(times: &[Duration]) -> Vec<u64> {
    times.iter().map(Duration::as_secs).collect()
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn tasks_every_interval_and_heartbeats_as_often_within_bounds() {
    let usual = work(Script::default(), s(5), s(21)).await;
    assert_eq!(seconds(&usual.when("tasks")), [0, 5, 10, 15, 20]);
    assert_eq!(usual.when("heartbeat").len(), 5);
    let quick = work(
        Script::default(),
        Duration::from_millis(200),
        Duration::from_millis(2_900),
    )
    .await;
    assert_eq!(quick.when("tasks").len(), 15);
    assert_eq!(seconds(&quick.when("heartbeat")), [0, 1, 2]);
    let slow = work(Script::default(), s(600), s(1_300)).await;
    assert_eq!(seconds(&slow.when("tasks")), [0, 600, 1_200]);
}

#[tokio::test(start_paused = true)]
async fn the_state_says_what_the_control_plane_said() {
    let worked = work(Script::default(), s(5), s(1)).await;
    assert_eq!(worked.state.agent_id.as_deref(), Some("agt_1"));
    assert_eq!(worked.state.registered_as.as_deref(), Some("web-server-01"));
    assert_eq!(worked.state.pending_tasks, Some(2));
    assert_eq!(worked.state.last_heartbeat, Some(DateTime::UNIX_EPOCH));
    assert_eq!(
        worked.paper.lines(),
        ["INFO: heartbeat accepted, registered as web-server-01"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_later_and_later_until_it_works() {
    let script = Script {
        heartbeats: (0..4).map(|_| closed()).collect(),
        ..Script::default()
    };
    let worked = work(script, s(5), s(19)).await;
    assert_eq!(seconds(&worked.when("heartbeat")), [0, 1, 3, 7, 15]);
    assert_eq!(worked.when("tasks"), [s(15)], "nobody is asked for work");
    let lines = worked.paper.lines();
    assert_eq!(
        lines[0],
        "ERROR: heartbeat failed: Post \"https://host:8000/agent/heartbeat\": EOF"
    );
    assert_eq!(lines[5], "INFO: heartbeat accepted again, attempts: 4");
    assert_eq!(worked.state.last_failure, None);
    assert_eq!(worked.diagnoses, 2, "of the failures, and of their end");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_agent_says_so_and_goes_on_asking_seldom() {
    let script = Script {
        heartbeats: (0..1_000)
            .map(|_| refused(403, api::AGENT_REVOKED))
            .collect(),
        ..Script::default()
    };
    let worked = work(script, s(5), s(3 * 60 * 60)).await;
    let times = worked.when("heartbeat");
    assert_eq!(seconds(&times[..4]), [0, 30, 90, 210]);
    assert!(
        times
            .windows(2)
            .all(|pair| pair[1] - pair[0] <= REFUSED.most)
    );
    assert!(worked.when("tasks").is_empty());
    assert_eq!(
        worked.paper.lines()[0],
        "ERROR: heartbeat rejected: agent not found or revoked"
    );
    // After 0, 5, 15, 35, 75 minutes and then every hour, or with the attempt that follows.
    assert!((5..=7).contains(&worked.diagnoses), "{}", worked.diagnoses);
    assert_eq!(
        worked.state.last_failure.as_deref(),
        Some(api::AGENT_REVOKED)
    );
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_is_not_worth_a_diagnosis() {
    let script = Script {
        heartbeats: [closed(), None, closed(), closed()].into(),
        ..Script::default()
    };
    assert_eq!(work(script, s(5), s(60)).await.diagnoses, 0);
}

#[tokio::test(start_paused = true)]
async fn no_server_s_trouble_is_taken_for_a_refusal() {
    for status in [408, 429, 500, 503] {
        let script = Script {
            heartbeats: [refused(status, "later")].into(),
            ..Script::default()
        };
        let worked = work(script, s(5), s(3)).await;
        assert_eq!(seconds(&worked.when("heartbeat")), [0, 1], "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_gone_is_waited_for() {
    let gone = Unfit::Client("no way".to_owned());
    let script = Script {
        heartbeats: [Some(Failed::Unfit(gone))].into(),
        ..Script::default()
    };
    let worked = work(script, s(5), s(3)).await;
    assert_eq!(worked.when("heartbeat"), [s(0), s(1)]);
    assert_eq!(worked.paper.lines()[0], "ERROR: no way");
}

fn task(id: &str, kind: &str) -> Task {
    Task {
        id: id.to_owned(),
        kind: kind.to_owned(),
        change_request: "cr_1".to_owned(),
        parameters: serde_json::Value::Null,
    }
}

#[tokio::test(start_paused = true)]
async fn every_task_is_refused_and_the_control_plane_told() {
    let finished = Rc::default();
    let script = Script {
        tasks: [Ok(vec![
            task("tsk_1", "run_command"),
            task("../evil", "x"),
            task("tsk_2", "bad\nFATAL: forged"),
        ])]
        .into(),
        finished: Rc::clone(&finished),
        ..Script::default()
    };
    let worked = work(script, s(5), s(1)).await;
    let finished = finished.borrow();
    let ids: Vec<&str> = finished.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["tsk_1", "tsk_2"]);
    assert!(
        finished
            .iter()
            .all(|(_, result)| result.status == TaskStatus::Refused)
    );
    let lines = worked.paper.lines();
    assert_eq!(
        lines[1],
        "ERROR: task tsk_1 rejected: this agent does not know the type `run_command`"
    );
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines.iter().all(|line| !line.starts_with("FATAL")));
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_too_many_tasks_is_taken_in_parts() {
    let finished = Rc::default();
    let many = (0..TASKS + 5).map(|n| task(&format!("tsk_{n}"), "x"));
    let script = Script {
        tasks: [Ok(many.collect())].into(),
        finished: Rc::clone(&finished),
        ..Script::default()
    };
    work(script, s(5), s(1)).await;
    assert_eq!(finished.borrow().len(), TASKS);
}

#[tokio::test(start_paused = true)]
async fn while_asking_for_tasks_fails_signs_of_life_go_on_and_it_is_asked_seldom() {
    let failing = |failed: fn() -> Option<Failed>| Script {
        tasks: (0..1_000).map_while(|_| failed().map(Err)).collect(),
        ..Script::default()
    };
    let worked = work(failing(closed), s(5), s(60 * 60)).await;
    assert!(worked.when("heartbeat").len() >= 719);
    assert!(worked.when("tasks").len() < 80);
    assert_eq!(
        worked.state.last_failure.as_deref(),
        Some("the peer hung up without an answer")
    );
    assert!(worked.diagnoses > 1);
    let refusing = failing(|| refused(404, "Not Found"));
    let worked = work(refusing, s(5), s(60 * 60)).await;
    assert!(worked.when("heartbeat").len() >= 719);
    assert!(worked.when("tasks").len() < 10);
}

#[tokio::test(start_paused = true)]
async fn what_was_the_matter_with_tasks_is_forgotten_when_it_is_over() {
    let script = Script {
        tasks: [Err(closed().unwrap()), Ok(vec![task("tsk_1", "x")])].into(),
        results: [refused(404, api::TASK_NOT_FOUND).unwrap()].into(),
        ..Script::default()
    };
    let worked = work(script, s(5), s(21)).await;
    assert_eq!(worked.when("finish").len(), 1);
    assert_eq!(worked.state.last_failure, None);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_comes_again_and_again_is_told_of_once() {
    let finished = Rc::default();
    let again = || Ok(vec![task("tsk_1", "x"), task("tsk_1", "x")]);
    let script = Script {
        tasks: [again(), again(), again()].into(),
        finished: Rc::clone(&finished),
        ..Script::default()
    };
    let worked = work(script, s(5), s(11)).await;
    assert_eq!(finished.borrow().len(), 3, "once an answer");
    let told = worked.paper.lines();
    let told = told.iter().filter(|line| line.starts_with("ERROR"));
    assert_eq!(told.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_is_away_for_a_month_is_asked_seldom_and_found_again() {
    let day = 24 * 60 * 60;
    let gone = 30 * day / 60;
    let script = Script {
        heartbeats: (0..gone).map(|_| closed()).collect(),
        ..Script::default()
    };
    let worked = work(script, s(5), s(31 * day)).await;
    let times = worked.when("heartbeat");
    let last_failed = times[usize::try_from(gone).unwrap() - 1];
    assert!(last_failed > s(29 * day), "{last_failed:?}");
    let said = worked.paper.lines();
    assert_eq!(
        said.last().map(String::as_str),
        Some(&*format!(
            "INFO: heartbeat accepted again, attempts: {gone}"
        ))
    );
    assert_eq!(worked.state.last_failure, None);
    // An hour apart, and one when it was over.
    assert!(worked.diagnoses <= 64, "{}", worked.diagnoses);
}

#[tokio::test(start_paused = true)]
async fn certificates_that_are_old_at_once_are_no_reason_to_ask_for_one_after_the_other() {
    let script = Script {
        rotations: (0..1_000).map(|_| None).collect(),
        ..Script::default()
    };
    let worked = work(script, s(5), s(60 * 60)).await;
    assert_eq!(seconds(&worked.when("rotate")[..3]), [0, 30, 90]);
    assert!(worked.when("rotate").len() < 10);
    assert_eq!(
        worked.paper.lines()[1],
        "WARNING: two thirds of the new certificate's life are over already"
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_gives_a_sign_of_life_at_once() {
    let script = Script {
        rotations: [None].into(),
        ..Script::default()
    };
    let worked = work(script, s(5), s(1)).await;
    assert_eq!(worked.asked[0].0, "rotate");
    assert_eq!(worked.asked[1].0, "heartbeat");
    assert_eq!(worked.paper.lines()[0], "INFO: certificate renewed");
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_fails_is_tried_again_and_holds_nothing_up() {
    let refusal = || {
        let detail = "no".to_owned();
        RotateError::Renewal(EnrollError::Refused {
            status: 500,
            detail,
        })
    };
    let script = Script {
        rotations: [Some(refusal()), Some(refusal()), None].into(),
        ..Script::default()
    };
    let worked = work(script, s(5), s(98)).await;
    assert_eq!(seconds(&worked.when("rotate")), [0, 30, 90]);
    assert_eq!(worked.when("heartbeat").len(), 20);
    assert_eq!(
        worked.paper.lines()[0],
        "ERROR: certificate rotation failed: no"
    );
}

#[tokio::test(start_paused = true)]
async fn the_pulse_stops_where_the_work_does() {
    let pulse = Pulse::new();
    pulse.expect_within(s(60));
    tokio::time::advance(s(60) + CALL).await;
    assert!(pulse.beats());
    tokio::time::advance(s(1)).await;
    assert!(!pulse.beats());
}
