//! `nexplane-doctor diagnose`: this host, once, or until it is healthy, or for as long as somebody watches.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::args::{Common, DEADLINE, DiagnoseArgs, SubjectArgs, TIMEOUT, TargetArgs};
use super::exit::{Exit, Failure};
use super::format::{ReportFormat, Style};
use super::output;
use super::progress::Progress;
use super::report_file::ReportFile;
use super::{secrets, sources};
use crate::catalog::Catalog;
use crate::doctor::Doctor;
use crate::engine::{Event, Graph, Limits, Selection};
use crate::host::live::Settings;
use crate::model::{
    CheckId, Code, Given, Report, Secret, Symptom, Target, Verdict, exact_duration, parse_duration,
};
use crate::report::{Warnings, human, json_v1};

/// How long to rest between two diagnoses of `--wait` and `--watch`.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) fn run(args: &DiagnoseArgs, common: &Common) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    // Before anything that takes time: who interrupts that gets a report too.
    let interrupted = {
        let _context = runtime.enter();
        interruption()
    };
    let job = Job {
        doctor: doctor(&args.target, &args.subject)?,
    };
    if args.watch && args.output.is_none() && !args.format.streams() {
        return Err(Failure::usage(
            "--watch writes one report after another, which readers of this format cannot take apart; \
             with --output FILE, each replaces the one before",
        ));
    }
    let mut file = args.output.as_deref().map(ReportFile::create).transpose()?;
    let (report, exit) = runtime.block_on(async {
        if args.watch {
            return job
                .watch(args, common, &interrupted)
                .await
                .map(|exit| (None, exit));
        }
        let until = Instant::now() + args.wait.unwrap_or_default();
        loop {
            let (report, shown) = job.once(common, &interrupted).await;
            let well = matches!(report.verdict, Verdict::Healthy | Verdict::Degraded);
            let left = until.saturating_duration_since(Instant::now());
            if well || left.is_zero() || interrupted.is_cancelled() {
                let exit = args.format.exit(&report, Warnings::counted(args.strict));
                return Ok((Some((report, shown)), exit));
            }
            // The last one begins when the time is over, so that none of it goes unused.
            rest(PAUSE.min(left), &interrupted).await;
        }
    })?;
    if let Some((report, shown)) = report {
        match file.take() {
            Some(file) => file.write(&render(&report, args, output::file_look(common))?)?,
            None if common.quiet > 1 => {}
            None => output::print(&render(&report, args, output::look(common, !shown))?)?,
        }
    }
    // A probe may still hang in a system call; nobody waits for it.
    runtime.shutdown_background();
    Ok(exit)
}

/// What to do, and with whom.
struct Job {
    doctor: Doctor,
}

/// The doctor that these arguments ask for.
pub(super) fn doctor(target: &TargetArgs, subject: &SubjectArgs) -> Result<Doctor, Failure> {
    let (catalog, graph) = sources::graph(subject.which.checks.as_deref())?;
    let selection = selection(
        (&catalog, &graph),
        (
            &subject.which.only,
            &subject.which.skip,
            &subject.which.ignore,
        ),
        subject.symptom.map(Into::into),
    )?;
    if let Some(root) = &target.root {
        directory(root)?;
    }
    let token = secrets::enrollment_token(subject.token.as_ref(), subject.token_file.as_deref())?;
    let timeout = target.timeout.min(target.deadline);
    Ok(Doctor {
        catalog: Arc::new(catalog),
        graph,
        target: Arc::new(asked(target, subject, token.as_ref())),
        selection,
        limits: Limits {
            timeout,
            deadline: target.deadline,
        },
        ignore: subject.which.ignore.clone(),
        settings: Settings {
            root: target.root.clone(),
            token,
            api_token: secrets::api_token(),
            ..Settings::new(timeout)
        },
    })
}

/// What `--only`, `--skip`, `--ignore` and `--symptom` select, if there are such checks and findings.
pub(super) fn selection(
    (catalog, graph): (&Catalog, &Graph),
    (only, skip, ignore): (&[CheckId], &[CheckId], &[Code]),
    symptom: Option<Symptom>,
) -> Result<Selection, Failure> {
    let selection = Selection {
        only: only.to_vec(),
        skip: skip.to_vec(),
        symptom,
        newer: Vec::new(),
    };
    selection.validate(graph).map_err(Failure::usage)?;
    if selection.is_empty(graph) {
        return Err(Failure::usage(
            "--only, --skip and --symptom together leave no check to report: nothing would be looked at",
        ));
    }
    match ignore.iter().find(|code| catalog.finding(code).is_none()) {
        Some(unknown) => Err(Failure::usage(format_args!(
            "--ignore: there is no finding `{unknown}`; `nexplane-doctor explain` lists them all"
        ))),
        None => Ok(selection),
    }
}

impl Job {
    /// Diagnoses once; says also whether the checks were shown as they were settled.
    async fn once(&self, common: &Common, interrupted: &CancellationToken) -> (Report, bool) {
        let mut progress = Progress::new(common, &self.doctor.ignore);
        let mut show = |event: Event<'_>| progress.event(&event, &self.doctor.catalog);
        let report = self.doctor.look(interrupted, &mut show).await;
        progress.finish();
        (report, progress.is_shown())
    }

    /// Diagnoses again and again; a report whenever it differs from the last in what was found.
    async fn watch(
        &self,
        args: &DiagnoseArgs,
        common: &Common,
        interrupted: &CancellationToken,
    ) -> Result<Exit, Failure> {
        // What is repeated every few seconds shows what changed, not each time how it went.
        let quietly = Common {
            quiet: common.quiet.max(1),
            ..common.clone()
        };
        let mut last: Option<((Verdict, Vec<Code>), Exit)> = None;
        loop {
            let (report, shown) = self.once(&quietly, interrupted).await;
            // A run that was cut short says nothing of the host; the last whole one does.
            if let Some((_, exit)) = &last
                && interrupted.is_cancelled()
            {
                return Ok(*exit);
            }
            let exit = args.format.exit(&report, Warnings::counted(args.strict));
            let state = (
                report.verdict,
                report
                    .findings
                    .iter()
                    .map(|f| f.code.clone())
                    .collect::<Vec<_>>(),
            );
            let changed = last.as_ref().map(|(state, _)| state) != Some(&state);
            if changed || args.format.tells_when() {
                show_change(&report, args, common, shown)?;
            }
            last = Some((state, exit));
            if interrupted.is_cancelled() {
                return Ok(exit);
            }
            rest(PAUSE, interrupted).await;
        }
    }
}

fn show_change(
    report: &Report,
    args: &DiagnoseArgs,
    common: &Common,
    shown: bool,
) -> Result<(), Failure> {
    let look = match args.output {
        Some(_) => output::file_look(common),
        None => output::look(common, !shown),
    };
    let text = match args.format {
        ReportFormat::Json => {
            let value: serde_json::Value = serde_json::from_str(&json_v1::render(report)?)?;
            format!("{value}\n")
        }
        _ => render(report, args, look)?,
    };
    match &args.output {
        Some(path) => ReportFile::create(path)?.write(&text),
        None => output::print(&text),
    }
}

fn render(report: &Report, args: &DiagnoseArgs, look: human::Look) -> Result<String, Failure> {
    let warnings = Warnings::counted(args.strict);
    args.format.render(report, Style { look, warnings })
}

fn asked(target: &TargetArgs, subject: &SubjectArgs, token: Option<&Secret>) -> Target {
    Target {
        control_plane: target.control_plane.clone(),
        config: target.config.clone(),
        ca_cert: subject.ca_cert.clone(),
        token_given: token.is_some(),
        change_request: subject.change_request.clone(),
        symptom: subject.symptom.map(Into::into),
        timeout: target.timeout,
        given: Given {
            token_file: token_file(subject.token_file.as_deref(), token),
            checks: subject.which.checks.clone(),
            only: subject.which.only.clone(),
            skip: subject.which.skip.clone(),
            ignore: subject.which.ignore.clone(),
            ..given(target)
        },
    }
}

/// What of a target is to be given again where the same host is looked at.
pub(super) fn given(target: &TargetArgs) -> Given {
    let unless =
        |usual: &str, it: Duration| (parse_duration(usual) != Ok(it)).then(|| exact_duration(it));
    Given {
        root: target.root.clone(),
        timeout: unless(TIMEOUT, target.timeout),
        deadline: unless(DEADLINE, target.deadline),
        ..Given::default()
    }
}

/// The file that gives the same token again, or what stands for one; nothing where the environment still has the token.
pub(super) fn token_file(file: Option<&Path>, token: Option<&Secret>) -> Option<PathBuf> {
    let stands_for_it = || PathBuf::from("TOKEN_FILE");
    match file {
        Some(file) if file.as_os_str() == "-" => Some(stands_for_it()),
        Some(file) => Some(file.to_owned()),
        None => {
            let set = std::env::var("NEXPLANE_ENROLLMENT_TOKEN").unwrap_or_default();
            token
                .filter(|token| token.expose() != set)
                .map(|_| stands_for_it())
        }
    }
}

pub(super) fn directory(root: &Path) -> Result<(), Failure> {
    match std::fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Failure::usage(format_args!(
            "--root {}: not a directory",
            root.display()
        ))),
        Err(error) => Err(Failure::usage(format_args!(
            "--root {}: {error}",
            root.display()
        ))),
    }
}

/// Threads enough that one that is held up leaves others free.
const THREADS: usize = 4;

/// A runtime with as many threads, and one more for what blocks.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    can_start(THREADS + 1)
        .and_then(|()| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(THREADS)
                .enable_all()
                .build()
        })
        .map_err(|error| Failure::defect(format_args!("cannot start its threads: {error}")))
}

/// Whether the system gives this many threads at once. A runtime that does not get them panics, and then waits for good.
fn can_start(threads: usize) -> std::io::Result<()> {
    let gate = std::sync::RwLock::new(());
    std::thread::scope(|scope| {
        let closed = gate.write();
        for _ in 0..threads {
            std::thread::Builder::new().spawn_scoped(scope, || drop(gate.read()))?;
        }
        drop(closed);
        Ok(())
    })
}

/// A token that Ctrl-C, a request to terminate or the end of the terminal cancels, from now on. Asked within a runtime.
pub(super) fn interruption() -> CancellationToken {
    let token = CancellationToken::new();
    let cancel = token.clone();
    let asked = asked_to_stop();
    tokio::spawn(async move {
        asked.await;
        cancel.cancel();
    });
    token
}

/// Listens from the moment it is called, not from the first time it is waited for.
#[cfg(unix)]
fn asked_to_stop() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let mut signals: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| signal(kind).ok())
        .collect();
    async move {
        std::future::poll_fn(|context| {
            match signals
                .iter_mut()
                .any(|signal| signal.poll_recv(context).is_ready())
            {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

async fn rest(pause: Duration, interrupted: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = interrupted.cancelled() => {}
    }
}
