//! The agent's program, run as somebody runs it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use nexplane_doctor::agent::{HostFacts, enroll};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;

use crate::hostile::PATIENCE;
use crate::world::{HOSTNAME, World};

/// A shell in an empty environment that runs these lines; what is put behind it is `"$@"`, and the program comes first.
pub(crate) fn shell(world: &World, lines: &str) -> Command {
    let mut command = Command::new("bash");
    command
        .args(["-euc", lines, "bash"])
        .arg(env!("CARGO_BIN_EXE_nexplane-agent"))
        .current_dir(world.path(""))
        .env_clear()
        .stdin(Stdio::null());
    command
}

/// An agent of this world, enrolled so many days ago at the plane with this URL.
pub(crate) async fn enrolled(world: &World, url: &str, days_ago: i64) {
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
pub(crate) struct Running {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    said: Vec<String>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
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

    /// One whose log goes where its command says.
    pub(crate) fn silent(mut command: Command) -> Self {
        Self {
            child: command.spawn().unwrap(),
            lines: mpsc::unbounded_channel().1,
            said: Vec::new(),
        }
    }

    /// The agent of this world.
    pub(crate) fn of(world: &World) -> Self {
        Self::in_shell(world, "exec \"$@\"")
    }

    /// The same after some lines of a shell, of which the last one begins it: `exec "$@"`.
    pub(crate) fn in_shell(world: &World, lines: &str) -> Self {
        let mut command = shell(world, lines);
        command
            .arg("run")
            .arg("--config")
            .arg(world.path("etc/agent/config.yaml"))
            .arg("--state-dir")
            .arg(world.path("state"));
        Self::start(command)
    }

    /// Waits for a line that begins so.
    pub(crate) async fn line(&mut self, begins: &str, case: &str) {
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
    pub(crate) async fn end(mut self, case: &str) -> (ExitStatus, Vec<String>) {
        assert_eq!(self.child.try_wait().unwrap(), None, "{case}: it has ended");
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        // A call is given ten seconds: that is not what ends it.
        let end = Instant::now() + Duration::from_secs(8);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "{case}: it does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        while let Some(line) = self.lines.recv().await {
            self.said.push(line);
        }
        (status, std::mem::take(&mut self.said))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _waited = self.child.wait();
    }
}
