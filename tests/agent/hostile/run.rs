//! The running agent before a control plane that misbehaves: it goes on, asks seldom, keeps its identity, logs what went wrong in
//! lines that are fit for everybody's eyes, and ends when it is asked to.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use nexplane_doctor::agent::{HostFacts, enroll};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;

use super::PATIENCE;
use super::plane::{ALL, Hostile, How, RESULT};
use crate::world::{HOSTNAME, World, assert_same, tree};

/// An agent of this world, enrolled so many days ago at the plane with this URL.
async fn enrolled(world: &World, url: &str, days_ago: i64) {
    fs::create_dir_all(world.path("etc/agent")).unwrap();
    let ca = world.path("ca.crt");
    let text = format!(
        "control_plane: {url}\npoll_interval: 200ms\nlog_level: debug\nca_cert: {}\n",
        ca.display()
    );
    fs::write(world.path("etc/agent/config.yaml"), text).unwrap();
    let clock = world.server.state().clock();
    clock.shift(-TimeDelta::days(days_ago));
    let (setting, token) = (world.setting(), world.token());
    let client = setting.client(None).unwrap();
    let host = HostFacts::named(HOSTNAME);
    enroll(&client, &setting.files, &token, &host)
        .await
        .unwrap();
    clock.shift(TimeDelta::days(days_ago));
}

/// A running agent. It ends with this value.
struct Running {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    said: Vec<String>,
}

impl Running {
    fn start(world: &World) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nexplane-agent"))
            .arg("run")
            .arg("--config")
            .arg(world.path("etc/agent/config.yaml"))
            .arg("--state-dir")
            .arg(world.path("state"))
            .env_clear()
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in stderr.split(b'\n').map_while(Result::ok) {
                // Bytes as they came: what a terminal would act on is looked for.
                let line = String::from_utf8(line).unwrap_or_else(|_| "\u{1b} no UTF-8".into());
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// Waits for a line that begins so.
    async fn line(&mut self, begins: &str, case: &str) {
        let said = &mut self.said;
        let coming = async {
            while let Some(line) = self.lines.recv().await {
                said.push(line);
                if said.last().is_some_and(|line| line.starts_with(begins)) {
                    return true;
                }
            }
            false
        };
        let came = tokio::time::timeout(PATIENCE, coming).await;
        assert_eq!(
            came,
            Ok(true),
            "{case}: no line `{begins}` in {:#?}",
            self.said
        );
    }

    /// Asks it to end, and gives all that it has said.
    async fn end(mut self, case: &str) -> (ExitStatus, Vec<String>) {
        assert_eq!(self.child.try_wait().unwrap(), None, "{case}: it has ended");
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        // Its log ends when it does.
        let ending = async {
            while let Some(line) = self.lines.recv().await {
                self.said.push(line);
            }
        };
        // A call is given ten seconds: that is not what ends it.
        let ended = tokio::time::timeout(Duration::from_secs(8), ending).await;
        assert!(ended.is_ok(), "{case}: it does not end");
        (self.child.wait().unwrap(), std::mem::take(&mut self.said))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// Waits until it has misbehaved so often.
async fn misbehaved(plane: &Arc<Hostile>, times: usize, case: &str) {
    let mut asked = plane.asked.subscribe();
    let waiting = asked.wait_for(|(ill, _)| *ill >= times);
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{case}: it is not asked");
}

async fn goes_on(call: &'static str, how: How) {
    let case = format!("{call}: {how:?}");
    let world = World::new().await;
    let (plane, url) = Hostile::serve(&world).await;
    // The certificate of one that enrolled long ago is due.
    let days_ago = if call == "/agent/rotate-cert" { 300 } else { 1 };
    enrolled(&world, &url, days_ago).await;
    let identity = tree(&world.path("etc/agent"));
    plane.breaks(Some((call, how)));
    let mut agent = Running::start(&world);
    misbehaved(&plane, 1, &case).await;
    let fails = match call {
        "/agent/heartbeat" => "ERROR: heartbeat ",
        "/agent/tasks" => "ERROR: polling for tasks failed: ",
        RESULT => "ERROR: posting result of task tsk_1 failed: ",
        _ => "ERROR: certificate rotation failed: ",
    };
    // Only the status of an answer to a result counts.
    let is_well = call == RESULT
        && matches!(
            how,
            How::EndlessBody | How::WrongTypes | How::DeepJson | How::CutShort
        );
    if !is_well {
        agent.line(fails, &case).await;
    }
    if how == How::Silence {
        // Once more, to be ended in the middle of it; a rotation is tried again after minutes.
        let again = if call == "/agent/rotate-cert" { 1 } else { 2 };
        misbehaved(&plane, again, &case).await;
    }
    let (ill, _) = *plane.asked.borrow();
    let (status, said) = agent.end(&case).await;
    assert_eq!(status.code(), Some(0), "{case}: {said:#?}");
    let failed = said.iter().filter(|line| line.starts_with(fails)).count();
    // Each is said, but for one that goes on, and one that is asked again at once over a new connection.
    assert!(
        is_well || ill <= 2 * failed + 2,
        "{case}: {ill} calls in {said:#?}"
    );
    for line in &said {
        assert!(!line.contains(char::is_control), "{case}: {line:?}");
        assert!(line.len() < 1_000, "{case}: {line}");
        assert!(
            !line.contains("PRIVATE KEY") && !line.contains("BEGIN CERT"),
            "{case}: {line}"
        );
        assert!(!line.starts_with("FATAL"), "{case}: {line}");
        assert!(!line.contains("panicked"), "{case}: {line}");
    }
    let mut after = tree(&world.path("etc/agent"));
    let pending = world.path("etc/agent/client.key.pending");
    if call == "/agent/rotate-cert" {
        after.remove(&pending);
    }
    assert_same(&after, &identity);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_whatever_one_call_is_answered_with() {
    for call in [
        "/agent/heartbeat",
        "/agent/tasks",
        RESULT,
        "/agent/rotate-cert",
    ] {
        join_all(ALL.map(|how| goes_on(call, how).boxed())).await;
    }
}
