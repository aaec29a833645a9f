//! `nexplane-doctor diagnose`: this host, once, or until it is healthy, or for as long as somebody watches.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::args::{Common, DiagnoseArgs, Format};
use super::exit::{Exit, Failure};
use super::head_start::HeadStart;
use super::output;
use super::progress::Progress;
use super::report_file::ReportFile;
use super::{secrets, sources};
use crate::catalog::Catalog;
use crate::diagnosis;
use crate::engine::{self, Graph, Limits, Selection};
use crate::host::Recorder;
use crate::host::live::{LiveHost, Settings};
use crate::model::{Code, Report, Secret, Source, Target, Verdict};
use crate::report::{human, json_v1};

/// How long to rest between two diagnoses of `--wait` and `--watch`.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) fn run(args: &DiagnoseArgs, common: &Common) -> Result<Exit, Failure> {
    let job = Job::prepare(args)?;
    let mut file = args.output.as_deref().map(ReportFile::create).transpose()?;
    let runtime = runtime()?;
    let (report, exit) = runtime.block_on(async {
        let interrupted = interruption();
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
            let over = Instant::now() + PAUSE > until || interrupted.is_cancelled();
            if well || over {
                let exit = Exit::of(&report, args.strict);
                return Ok((Some((report, shown)), exit));
            }
            rest(&interrupted).await;
        }
    })?;
    if let Some((report, shown)) = report {
        match file.take() {
            Some(file) => file.write(&render(&report, args.format, output::file_look(common))?)?,
            None if common.quiet > 1 => {}
            None => output::print(&render(&report, args.format, output::look(common, !shown))?)?,
        }
    }
    // A probe may still hang in a system call; nobody waits for it.
    runtime.shutdown_background();
    Ok(exit)
}

/// Everything that one diagnosis needs.
struct Job {
    catalog: Catalog,
    graph: Arc<Graph>,
    target: Arc<Target>,
    selection: Selection,
    limits: Limits,
    ignore: Vec<Code>,
    settings: Settings,
}

impl Job {
    fn prepare(args: &DiagnoseArgs) -> Result<Self, Failure> {
        let (catalog, graph) = sources::graph(args.checks.as_deref())?;
        let selection = Selection {
            only: args.only.clone(),
            skip: args.skip.clone(),
            symptom: args.symptom.map(Into::into),
        };
        selection.validate(&graph).map_err(Failure::usage)?;
        if let Some(unknown) = args
            .ignore
            .iter()
            .find(|code| catalog.finding(code).is_none())
        {
            return Err(Failure::usage(format_args!(
                "--ignore: there is no finding `{unknown}`; `nexplane-doctor explain` lists them all"
            )));
        }
        if let Some(root) = &args.root {
            directory(root)?;
        }
        let token = secrets::enrollment_token(args.token.as_ref(), args.token_file.as_deref())?;
        Ok(Self {
            target: Arc::new(target(args, token.as_ref())),
            selection,
            limits: Limits {
                timeout: args.timeout.min(args.deadline),
                deadline: args.deadline,
            },
            ignore: args.ignore.clone(),
            settings: Settings {
                root: args.root.clone(),
                token,
                api_token: secrets::api_token(),
                ..Settings::new(args.timeout.min(args.deadline))
            },
            catalog,
            graph,
        })
    }

    /// Diagnoses once; says also whether the checks were shown as they were settled.
    async fn once(&self, common: &Common, interrupted: &CancellationToken) -> (Report, bool) {
        let host = Arc::new(Recorder::new(LiveHost::new(self.settings.clone())));
        let _ahead = HeadStart::begin(
            &self.graph,
            &host,
            &self.target,
            &self.selection,
            self.limits,
        );
        let mut progress = Progress::new(common);
        let run = engine::run(
            &self.graph,
            host,
            Arc::clone(&self.target),
            &self.selection,
            self.limits,
            interrupted,
            &mut |event| progress.event(&event, &self.catalog),
        )
        .await;
        progress.finish();
        let report = diagnosis::diagnose(&self.catalog, &run, Source::Live, &self.ignore);
        (report, progress.is_shown())
    }

    /// Diagnoses again and again; a report whenever it differs from the last in what was found.
    async fn watch(
        &self,
        args: &DiagnoseArgs,
        common: &Common,
        interrupted: &CancellationToken,
    ) -> Result<Exit, Failure> {
        let mut last: Option<((Verdict, Vec<Code>), Exit)> = None;
        loop {
            let (report, shown) = self.once(common, interrupted).await;
            // A run that was cut short says nothing of the host; the last whole one does.
            if let Some((_, exit)) = &last
                && interrupted.is_cancelled()
            {
                return Ok(*exit);
            }
            let exit = Exit::of(&report, args.strict);
            let state = (
                report.verdict,
                report
                    .findings
                    .iter()
                    .map(|f| f.code.clone())
                    .collect::<Vec<_>>(),
            );
            if last.as_ref().map(|(state, _)| state) != Some(&state) {
                show_change(&report, args, common, shown)?;
            }
            last = Some((state, exit));
            if interrupted.is_cancelled() {
                return Ok(exit);
            }
            rest(interrupted).await;
        }
    }
}

fn show_change(
    report: &Report,
    args: &DiagnoseArgs,
    common: &Common,
    shown: bool,
) -> Result<(), Failure> {
    if let Some(path) = &args.output {
        let text = render(report, args.format, output::file_look(common))?;
        return ReportFile::create(path)?.write(&text);
    }
    match args.format {
        Format::Human => output::print(&render(report, args.format, output::look(common, !shown))?),
        Format::Json => {
            let value: serde_json::Value = serde_json::from_str(&json_v1::render(report)?)?;
            output::print(&format!("{value}\n"))
        }
    }
}

fn render(report: &Report, format: Format, look: human::Look) -> Result<String, Failure> {
    Ok(match format {
        Format::Human => human::render(report, look),
        Format::Json => json_v1::render(report)?,
    })
}

fn target(args: &DiagnoseArgs, token: Option<&Secret>) -> Target {
    Target {
        control_plane: args.control_plane.clone(),
        config: args.config.clone(),
        ca_cert: args.ca_cert.clone(),
        token_given: token.is_some(),
        change_request: args.change_request.clone(),
        symptom: args.symptom.map(Into::into),
        timeout: args.timeout,
    }
}

fn directory(root: &Path) -> Result<(), Failure> {
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

/// A runtime with threads enough that one that is held up leaves others free.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .map_err(|error| Failure::defect(format_args!("cannot start its threads: {error}")))
}

/// A token that Ctrl-C or a request to terminate cancels.
pub(super) fn interruption() -> CancellationToken {
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        asked_to_stop().await;
        cancel.cancel();
    });
    token
}

#[cfg(unix)]
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

async fn rest(interrupted: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(PAUSE) => {}
        () = interrupted.cancelled() => {}
    }
}
