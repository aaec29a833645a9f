//! JUnit's XML, as CI servers read it. The crate escapes, and leaves out what XML cannot hold.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Case, Message, Outcome, Suite};
use crate::model::printable;

/// XML that could not be written: a defect.
#[derive(Debug, thiserror::Error)]
#[error("cannot write JUnit's XML: {0}")]
pub struct CannotWrite(quick_junit::SerializeError);

/// A document of one suite.
///
/// # Errors
/// When the crate cannot write it.
pub fn document(suite: &Suite) -> Result<String, CannotWrite> {
    document_with(suite, &[])
}

/// A document of one suite, of which something more is known.
///
/// # Errors
/// When the crate cannot write it.
pub fn document_with(suite: &Suite, properties: &[(&str, String)]) -> Result<String, CannotWrite> {
    let mut cases = TestSuite::new(printable(&suite.name));
    for (name, value) in properties {
        cases.add_property((*name, printable(value).as_ref()));
    }
    cases.set_time(suite.duration);
    cases.add_test_cases(suite.cases.iter().map(|case| of_case(case, &suite.name)));
    let mut report = Report::new(printable(&suite.name));
    report.set_time(suite.duration);
    report.add_test_suite(cases);
    let text = report.to_string().map_err(CannotWrite)?;
    Ok(without_skipped(text))
}

/// The root's count of what was skipped has no place in Jenkins' schema; the suite's has. In the root's other attribute
/// quotation marks are escaped.
fn without_skipped(text: String) -> String {
    let mark = " skipped=\"";
    match text.split_once(mark) {
        Some((before, rest)) if !before.contains("<testsuite ") => {
            let after = rest.split_once('"').map_or("", |(_, after)| after);
            format!("{before}{after}")
        }
        _ => text,
    }
}

fn of_case(case: &Case, suite: &str) -> TestCase {
    let mut written = TestCase::new(printable(&case.name), status(&case.outcome));
    written.set_classname(printable(suite));
    written.set_time(case.duration);
    if let Outcome::Warned(message) = &case.outcome {
        written.set_system_out(lines(&message.text()));
    }
    if let Some(place) = &case.place {
        written
            .extra
            .insert("file".into(), printable(&place.file).as_ref().into());
        if let Some(line) = place.line {
            written
                .extra
                .insert("line".into(), line.to_string().as_str().into());
        }
    }
    written
}

fn status(outcome: &Outcome) -> TestCaseStatus {
    match outcome {
        Outcome::Passed | Outcome::Warned(_) => TestCaseStatus::success(),
        Outcome::Failed(message) => not(NonSuccessKind::Failure, "failed", message),
        Outcome::Broken(message) => not(NonSuccessKind::Error, "undecided", message),
        Outcome::Skipped(why) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(printable(why));
            status
        }
    }
}

fn not(kind: NonSuccessKind, name: &str, message: &Message) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(name)
        .set_message(printable(&message.line))
        .set_description(lines(&message.text()));
    status
}

/// Printable, line by line.
fn lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}
