//! `nexplane-agent run`: the agent in the foreground, as its service runs it.
//!
//! Signs of life and tasks every poll interval ([`work`]), a new certificate at two thirds of the old one's life, and a
//! diagnosis of itself at the start and whenever that keeps failing ([`self_diagnosis`]). The service manager is told when it
//! is ready, and that it still turns ([`notify`]). A request to terminate ends it at once, whatever is under way; a hangup
//! changes nothing: the configuration is read once, at the start.
//!
//! What keeps it from beginning (its configuration, its identity, its CA file) ends it with a `FATAL` line, for the service
//! manager to try again; what fails later is logged and tried again here, for ever: neither a refusal nor an outage makes it
//! give up or delete anything.

mod aside;
mod backoff;
mod handed_out;
#[cfg(target_os = "macos")]
mod launchd;
mod leveled;
mod lines;
mod link;
mod notify;
#[cfg(windows)]
mod scm;
mod self_diagnosis;
mod work;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use self::aside::aside;
use self::backoff::Chance;
use self::leveled::{Leveled, Reader};
use self::lines::Unfit;
use self::link::{Calls as _, Link};
use self::notify::Manager;
use self::self_diagnosis::SelfDiagnosis;
use self::work::{Doubt, Log, Pace, Pulse, Worker};
use super::setting::Setting;
use super::state::{AgentState, StateDirectory, unkept};
use super::{AgentLog, VERSION};
use crate::contract::config::LogLevel;

/// How long the end waits for the log to be written; whoever asks for it waits for a second.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What an agent runs with.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Its configuration.
    pub config: PathBuf,
    /// Where it keeps its state.
    pub state: StateDirectory,
    /// The host's name.
    pub hostname: String,
    /// The environment's variables.
    pub environment: BTreeMap<String, String>,
    /// The host's clock.
    pub now: fn() -> DateTime<Utc>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Asked,
    /// It could not begin.
    Unfit,
}

/// Runs the agent as whoever started it expects, until it is asked to end: as a service of Windows, or in the foreground.
///
/// # Errors
/// As [`run`].
pub fn serve(options: RunOptions) -> io::Result<Ended> {
    in_its_place(options)
}

/// Runs the agent on this thread.
fn begin(options: RunOptions) -> io::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(run(options));
    // What hangs in a system call is not waited for.
    runtime.shutdown_background();
    ended
}

/// Runs the agent until it is asked to end. Its log goes to standard error.
///
/// # Errors
/// When the system gives it no way to hear of signals.
pub async fn run(options: RunOptions) -> io::Result<Ended> {
    let mut stop = Box::pin(asked_to_stop()?);
    let manager = Manager::of_environment();
    let prepared = prepare(&options);
    let level = match &prepared {
        Ok((setting, _)) => setting.config.log_level,
        Err(_) => LogLevel::default(),
    };
    let (out, written) = aside(output())?;
    let log = Log::new(Box::new(Leveled::new(out, level, Reader::of_stderr())));
    let diagnosis = SelfDiagnosis {
        config: Arc::from(options.config.as_path()),
        kept: options.state.clone(),
        log: log.clone(),
    };
    let (setting, link) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => {
            log.write(|log: &mut AgentLog<_>| log.unfit(&why));
            let diagnosing = tokio::task::spawn_blocking(move || diagnosis.diagnose());
            tokio::select! {
                () = &mut stop => {}
                _ = diagnosing => {}
            }
            written.wait(LAST_WORDS);
            return Ok(Ended::Unfit);
        }
    };
    log.say(&format!(
        "INFO: nexplane-agent {VERSION} runs, control plane {}",
        setting.plane
    ));
    let (state, seen) = watch::channel(AgentState::begun(link.agent_id(), (options.now)()));
    tokio::spawn(keep(options.state.clone(), seen.clone(), log.clone()));
    let (ask, asked) = mpsc::channel(1);
    // At the start: one answer waits for nobody to ask.
    let _first = ask.try_send(());
    tokio::spawn(diagnosis.serve(asked));
    let pulse = Pulse::new();
    let worker = Worker {
        calls: link,
        plane: setting.plane.clone(),
        log: log.clone(),
        chance: Chance::system(),
        pace: Pace::of(setting.config.poll_interval),
        pulse: pulse.clone(),
        state,
        doubt: Doubt::new(ask),
        now: options.now,
    };
    manager.ready();
    tokio::select! {
        () = &mut stop => {}
        () = worker.work() => {}
        () = watch_over(&manager, &pulse) => {}
        () = report(&manager, seen) => {}
    }
    manager.stopping();
    log.say("INFO: nexplane-agent ends, as it was asked to");
    written.wait(LAST_WORDS);
    Ok(Ended::Asked)
}

fn prepare(options: &RunOptions) -> Result<(Arc<Setting>, Link), Unfit> {
    let setting = Setting::read(&options.config, &options.environment).map_err(Unfit::Config)?;
    let setting = Arc::new(setting);
    let link = Link::new(Arc::clone(&setting), options.hostname.clone(), options.now)?;
    Ok((setting, link))
}

/// Tells the service manager's watchdog that the work goes on, as long as it does. Polled by the same task as the work, so that
/// what holds that up holds this up too.
async fn watch_over(manager: &Manager, pulse: &Pulse) {
    let Some(beat) = manager.beat() else {
        return std::future::pending().await;
    };
    let mut ticks = tokio::time::interval(beat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if pulse.beats() {
            manager.alive();
        }
    }
}

/// Tells the service manager in a line how it stands.
async fn report(manager: &Manager, mut seen: watch::Receiver<AgentState>) {
    let mut last = String::new();
    loop {
        let status = in_a_line(&seen.borrow_and_update());
        if status != last {
            manager.status(&status);
            last = status;
        }
        if seen.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

fn in_a_line(state: &AgentState) -> String {
    match (&state.last_failure, &state.registered_as) {
        (Some(why), _) => format!("no answer that it needs: {why}"),
        (None, Some(name)) => format!("heartbeats are accepted, registered as {name}"),
        (None, None) => "first heartbeat".to_owned(),
    }
}

/// Keeps what is true of the agent, whenever that changes, on a thread that nobody waits for.
async fn keep(kept: StateDirectory, mut seen: watch::Receiver<AgentState>, log: Log) {
    let mut complained = false;
    loop {
        let state = seen.borrow_and_update().clone();
        let directory = kept.clone();
        let written = tokio::task::spawn_blocking(move || directory.write_state(&state)).await;
        if let Ok(Err(error)) = written
            && !complained
        {
            complained = true;
            log.say(&format!(
                "WARNING: state not kept in {}: {}",
                kept.path().display(),
                unkept(&error)
            ));
        }
        if seen.changed().await.is_err() {
            return;
        }
    }
}

/// Whoever may write no file that is large enough (`LimitFSIZE=`, `ulimit -f`) is ended by a signal, unless it is taken: then it is
/// an error like a full disk. To be called where signals can be taken.
///
/// # Errors
/// When the system gives no way to take it.
#[cfg(unix)]
pub fn no_end_by_a_large_file() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let number = rustix::process::Signal::XFSZ.as_raw();
    // It stays taken when nobody asks for it any more.
    signal(SignalKind::from_raw(number)).map(drop)
}

/// There is no such limit here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn no_end_by_a_large_file() -> io::Result<()> {
    Ok(())
}

/// Ends when the process is asked to. Listens from the moment it is called.
#[cfg(unix)]
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Without a handler it would end the process.
    let mut hangup = signal(SignalKind::hangup())?;
    no_end_by_a_large_file()?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = hangup.recv() => {}
            }
        }
    })
}

/// Ends when the process is asked to.
#[cfg(windows)]
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    Ok(scm::asked_to_stop())
}

/// Where the log goes.
#[cfg(all(unix, not(target_os = "macos")))]
fn output() -> Box<dyn io::Write + Send> {
    Box::new(io::stderr())
}

#[cfg(target_os = "macos")]
use launchd::output;
#[cfg(windows)]
use scm::output;

#[cfg(unix)]
use begin as in_its_place;
#[cfg(windows)]
use scm::serve as in_its_place;
