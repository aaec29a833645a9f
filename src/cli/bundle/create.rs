//! `nexplane-doctor bundle create`: diagnoses this host, collects what a person would want besides, and writes it down.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::super::args::{Common, CreateArgs};
use super::super::exit::{Exit, Failure};
use super::super::progress::{Progress, Spinner};
use super::super::report_file::ReportFile;
use super::super::{diagnose, output};
use super::not_there;
use crate::bundle::fixture::Evidence;
use crate::bundle::{Asked, Contents, Extra, Identities, Redaction, play};
use crate::doctor::Doctor;
use crate::engine::Event;
use crate::host::live::LiveHost;
use crate::host::live::history::{HistoryEnd, HistoryQuestion};
use crate::host::{Host as _, LogEntry, Recorder, ServiceQuestion};
use crate::model::{Report, Source, counted};
use crate::report::json_v1;

/// How long one look into the log may take.
const LOG: Duration = Duration::from_secs(15);
/// Of the room for the log, the part that is kept for older entries that are warnings or worse.
const RELEVANT: u64 = 5;
/// Syslog's priority of a warning.
const WARNING: u8 = 4;

pub(super) fn run(args: &CreateArgs, common: &Common) -> Result<Exit, Failure> {
    let runtime = diagnose::runtime()?;
    let interrupted = {
        let _context = runtime.enter();
        diagnose::interruption()
    };
    let doctor = diagnose::doctor(&args.target, &args.subject)?;
    let now = Utc::now();
    let path = args.output.clone().unwrap_or_else(|| named(now));
    let file = ReportFile::create_private(&path, "the bundle")?;
    let (page, bytes) = runtime.block_on(async {
        let mut progress = Progress::new(common, &doctor.ignore);
        let mut show = |event: Event<'_>| progress.event(&event, &doctor.catalog);
        let (report, host) = doctor.look_and_keep(&interrupted, &mut show).await;
        progress.finish();
        pack(args, common, &doctor, &report, &host, now, &interrupted).await
    })?;
    let size = bytes.len();
    file.write(bytes)?;
    runtime.shutdown_background();
    let written = format!("wrote {} ({})\n", path.display(), kilobytes(size as u64));
    output::print(&(written + &page)).map(|()| Exit::Healthy)
}

/// No name of the host: it is for its contents to say that, or not.
fn named(now: DateTime<Utc>) -> PathBuf {
    Path::new(
        &now.format("nexplane-bundle-%Y%m%dT%H%M%SZ.tar.zst")
            .to_string(),
    )
    .to_owned()
}

/// The bundle's bytes, and what to say of it.
async fn pack(
    args: &CreateArgs,
    common: &Common,
    doctor: &Doctor,
    report: &Report,
    host: &Recorder<LiveHost>,
    now: DateTime<Utc>,
    interrupted: &CancellationToken,
) -> Result<(String, Vec<u8>), Failure> {
    let spinner = Spinner::new(common);
    spinner.say("versions".to_owned());
    let mut versions = host.live().versions().await;
    let system = host.system(()).await;
    for (name, version) in [("system", system.os_version), ("kernel", system.kernel)] {
        versions.extend(version.map(|version| (name.to_owned(), version)));
    }
    let checks = doctor.catalog.checks().iter().map(|check| check.id.clone());
    let evidence = Evidence::new((*doctor.target).clone(), checks.collect(), host.recording());
    let extra = Extra {
        created_at: now,
        versions,
        asked: Asked {
            only: args.subject.which.only.clone(),
            skip: args.subject.which.skip.clone(),
            ignore: args.subject.which.ignore.clone(),
        },
    };
    let secrets = [&doctor.settings.token, &doctor.settings.api_token];
    let redaction = Redaction {
        secrets: secrets.into_iter().flatten().cloned().collect(),
        names: match args.anonymize {
            true => Identities::Anonymized,
            false => Identities::Kept,
        },
    };
    let text = json_v1::render(report)?;
    let mut contents = Contents::new(&evidence, &text, extra, &redaction, args.max_size)
        .map_err(Failure::usage)?;
    if doctor.settings.root.is_none() {
        collect_log(&mut contents, host, args, now, interrupted, &spinner).await;
    }
    spinner.say("the same diagnosis again, from the bundle".to_owned());
    let again = play(
        contents.evidence().clone(),
        &doctor.catalog,
        &doctor.graph,
        &doctor.selection,
        Source::Bundle,
        &doctor.ignore,
    )
    .await;
    let mut page = page(report, &contents);
    if said(report) != said(&again) {
        page.push_str(
            "warning: diagnosed from the bundle alone, this host comes out otherwise; report.json in it has what was found here\n",
        );
    }
    drop(spinner);
    let bytes = contents.pack().map_err(Failure::usage)?;
    Ok((page, bytes))
}

/// More of the service's log than a diagnosis reads: the newest entries, and of the older ones the warnings and errors.
async fn collect_log(
    contents: &mut Contents,
    host: &Recorder<LiveHost>,
    args: &CreateArgs,
    now: DateTime<Utc>,
    interrupted: &CancellationToken,
    spinner: &Spinner,
) {
    let unit = ServiceQuestion::agent(host.system(()).await.os).name;
    let all = HistoryQuestion {
        unit,
        since: args
            .since
            .and_then(|since| now.checked_sub_signed(chrono::TimeDelta::from_std(since).ok()?)),
        priority: None,
    };
    let mut oldest = None;
    let reserve = contents.room() / RELEVANT;
    let newest = |entry: &LogEntry, contents: &mut Contents| {
        oldest = entry.time.or(oldest);
        contents.add_to_log("journal/all.txt", entry, reserve)
    };
    let ended = stream(contents, host, &all, interrupted, spinner, newest).await;
    let why = match ended {
        None | Some(HistoryEnd::Whole) => return,
        Some(HistoryEnd::Enough) => "there is no room for older entries (--max-size)",
        Some(HistoryEnd::Late) => "reading the older entries took too long",
    };
    contents.missing("journal/all.txt", why);
    let worse = HistoryQuestion {
        priority: Some(WARNING),
        ..all
    };
    let older = |entry: &LogEntry, contents: &mut Contents| match entry.time.zip(oldest) {
        // These stand in the other one.
        Some((time, oldest)) if time >= oldest => ControlFlow::Continue(()),
        _ => contents.add_to_log("journal/older-warnings.txt", entry, 0),
    };
    match stream(contents, host, &worse, interrupted, spinner, older).await {
        Some(HistoryEnd::Enough) => {
            contents.missing(
                "journal/older-warnings.txt",
                "there is no room for still older entries (--max-size)",
            );
        }
        Some(HistoryEnd::Late) => {
            contents.missing(
                "journal/older-warnings.txt",
                "reading the still older entries took too long",
            );
        }
        None | Some(HistoryEnd::Whole) => {}
    }
}

/// Takes entries in until there is enough; nothing, if the log cannot be read, which is then said.
async fn stream(
    contents: &mut Contents,
    host: &Recorder<LiveHost>,
    question: &HistoryQuestion,
    interrupted: &CancellationToken,
    spinner: &Spinner,
    mut take: impl FnMut(&LogEntry, &mut Contents) -> ControlFlow<()> + Send,
) -> Option<HistoryEnd> {
    let before = contents.room();
    let mut count: u64 = 0;
    let mut each = |entry: LogEntry| {
        count += 1;
        if count.is_multiple_of(1000) {
            let taken = kilobytes(before.saturating_sub(contents.room()));
            let until = entry
                .time
                .map(|time| time.format(", back to %Y-%m-%d %H:%M").to_string());
            spinner.say(format!(
                "the log: {count} entries, {taken}{}",
                until.unwrap_or_default()
            ));
        }
        match interrupted.is_cancelled() {
            true => ControlFlow::Break(()),
            false => take(&entry, contents),
        }
    };
    match host.live().history(question, LOG, &mut each).await {
        Ok(ended) => Some(ended),
        Err(unseen) => {
            contents.missing("the log of the service", &unseen.to_string());
            None
        }
    }
}

/// What a report says, but for times.
fn said(report: &Report) -> impl PartialEq {
    let findings = report.findings.iter().chain(&report.ignored);
    let findings: Vec<_> = findings
        .map(|finding| {
            (
                finding.code.clone(),
                finding.role,
                finding.explained_by.clone(),
            )
        })
        .collect();
    let checks = report.checks.iter();
    let checks: Vec<_> = checks
        .map(|check| (check.id.clone(), check.status))
        .collect();
    (report.verdict, findings, checks)
}

fn page(report: &Report, contents: &Contents) -> String {
    let causes: Vec<&str> = report.root_causes().map(|code| code.as_str()).collect();
    let causes = match causes.is_empty() {
        true => String::new(),
        false => format!(": {}", causes.join(", ")),
    };
    let mut page = format!("diagnosis  {}{causes}\n", report.verdict.as_str());
    page.push_str(&not_there(&contents.redacted(), contents.not_collected()));
    page
}

fn kilobytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => counted(bytes, "byte", "bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
