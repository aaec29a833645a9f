//! `nexplane-doctor --startup`: before a service starts. At most two seconds, one line, and never a reason not to start.
//!
//! Whatever it finds, and whatever becomes of it, its exit status is 0: a wrong command line alone is 2, because then nothing
//! says that this was asked for.

use super::args::DiagnoseArgs;
use super::diagnose;
use super::exit::Exit;
use super::output;
use crate::agent::{StateDirectory, unkept};
use crate::doctor::{BUDGET, Doctor, look_within};
use crate::engine::Limits;
use crate::host::live::Settings;
use crate::model::{Report, Target, redact};
use crate::report::{json_v1, line};

pub(super) fn run(args: &DiagnoseArgs) -> Exit {
    let kept = StateDirectory::given();
    // What it does until then (a file that a flag names may hang) is bounded too.
    let args = args.clone();
    let report = std::panic::catch_unwind(|| diagnose::doctor(&args.target, &args.subject))
        .map_err(|_| "a defect of the doctor: it panicked".to_owned())
        .and_then(|doctor| doctor.map_err(|failure| failure.message))
        .and_then(|doctor| {
            look_within(BUDGET, move |limits| Ok(within(doctor, limits)))
                .map_err(|why| why.to_string())
        });
    match report {
        Ok(report) => tell(&report, &kept),
        Err(why) => output::tell(&redact(&format!(
            "nexplane-doctor: diagnosis: not made: {why}"
        ))),
    }
    Exit::Healthy
}

/// The same doctor, with less time.
fn within(doctor: Doctor, limits: Limits) -> Doctor {
    Doctor {
        target: std::sync::Arc::new(Target {
            timeout: limits.timeout,
            ..(*doctor.target).clone()
        }),
        settings: Settings {
            timeout: limits.timeout,
            ..doctor.settings
        },
        limits,
        ..doctor
    }
}

fn tell(report: &Report, kept: &StateDirectory) {
    let written = json_v1::render(report)
        .map_err(Into::into)
        .and_then(|text| kept.write_diagnosis(&text));
    let path = kept.diagnosis();
    let path = path.display();
    let whole = match written {
        Ok(()) => format!("the report is in {path}"),
        Err(error) => format!("the report could not be kept in {path}: {}", unkept(&error)),
    };
    let verdict = line::verdict(report.verdict);
    let said = match line::render(report) {
        said if said == verdict => said,
        said => format!("{verdict}: {said}"),
    };
    output::tell(&format!("nexplane-doctor: diagnosis: {said}; {whole}"));
}
