//! Every recorded situation in every format: verdict, causes, symptoms, warnings and remedies are the same in all.

use nexplane_doctor::bundle::fixture;
use nexplane_doctor::catalog::Catalog;
use nexplane_doctor::checks;
use nexplane_doctor::engine::Graph;
use nexplane_doctor::model::{Report, Role, Verdict};
use nexplane_doctor::report::{Warnings, cases, github, markdown, nagios, prometheus};

/// The reports of all fixtures.
pub(crate) fn reports() -> Vec<(String, Report)> {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let graph = std::sync::Arc::new(Graph::new(&catalog).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let report = |path: &std::path::PathBuf| {
        let fixture = fixture::open(path, &catalog).unwrap();
        let played = runtime.block_on(fixture::play(&fixture, &catalog, &graph));
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, played.report)
    };
    fixture::find(&directory)
        .unwrap()
        .iter()
        .map(report)
        .collect()
}

/// Without blanks, and without what a format writes otherwise: a bar in Nagios, percent signs for a runner, marks in XML and
/// YAML, code in Markdown.
fn bare(text: &str) -> String {
    let text = text
        .replace("%25", "%")
        .replace("%0A", "")
        .replace("%3A", ":")
        .replace("%2C", ",")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
        .replace("\\\"", "\"")
        .replace("\\x3a", ":")
        .replace("\\\\", "\\");
    let keeps = |c: &char| !c.is_whitespace() && !matches!(c, '`' | '|' | '\u{a6}');
    text.chars().filter(keeps).collect()
}

#[test]
fn all_formats_tell_the_same_of_every_situation() {
    let reports = reports();
    assert!(reports.len() >= 90, "{}", reports.len());
    for (name, report) in &reports {
        let metrics = prometheus::render(report);
        let verdict = report.verdict.as_str();
        assert!(
            metrics.contains(&format!("{{verdict=\"{verdict}\"}} 1\n")),
            "{name}: {metrics}"
        );
        let state = nagios::State::of(report, Warnings::Allowed);
        let expected = match report.verdict {
            Verdict::Healthy => nagios::State::Ok,
            Verdict::Degraded => nagios::State::Warning,
            Verdict::Failed => nagios::State::Critical,
            Verdict::Undetermined => nagios::State::Unknown,
        };
        assert_eq!(state, expected, "{name}");
        let suite = cases::of(report, Warnings::Allowed);
        let fails = suite.cases.iter().any(|case| case.outcome.fails());
        let well = matches!(report.verdict, Verdict::Healthy | Verdict::Degraded);
        assert_eq!(fails, !well, "{name}: {suite:?}");
        let texts = [
            cases::junit(report, Warnings::Allowed).unwrap(),
            cases::tap(report, Warnings::Allowed),
            nagios::render(report, Warnings::Allowed),
            markdown::render(report),
            github::render(report, Warnings::Allowed),
        ];
        for text in texts.map(|text| bare(&text)) {
            for finding in &report.findings {
                let steps = finding.remedy.steps.iter();
                let commands = steps.clone().filter_map(|step| step.command.as_ref());
                let told = [&finding.title, &finding.detail, &finding.remedy.text];
                for told in told
                    .into_iter()
                    .chain(steps.map(|step| &step.text))
                    .chain(commands)
                {
                    assert!(
                        text.contains(&bare(told)),
                        "{name}: {told}\nis not in\n{text}"
                    );
                }
                let role = match finding.role {
                    Role::Symptom => format!("becauseof{}", finding.explained_by[0]),
                    _ => finding.code.to_string(),
                };
                assert!(
                    text.to_lowercase().contains(&role),
                    "{name}: {role} is not in\n{text}"
                );
            }
        }
        for finding in &report.findings {
            let series = format!(
                "nexplane_doctor_findings{{code=\"{}\",severity=\"{}\",role=\"{}\"}} ",
                finding.code,
                finding.severity.as_str(),
                finding.role.as_str()
            );
            assert!(metrics.contains(&series), "{name}: {series}");
        }
    }
}
