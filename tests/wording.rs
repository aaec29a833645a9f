//! What a person reads, in every recorded situation: sentences without parentheses in parentheses or doubled words, lines
//! that fit narrow terminals and those without UTF-8, and commands that can be pasted as they stand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexplane_doctor::bundle::fixture;
use nexplane_doctor::catalog::Catalog;
use nexplane_doctor::engine::{self, Graph, Limits, Selection};
use nexplane_doctor::host::Recorded;
use nexplane_doctor::model::{Fact, Report, ReportedFinding, Source, printable};
use nexplane_doctor::report::human::{self, Look};
use nexplane_doctor::{checks, diagnosis};
use tokio_util::sync::CancellationToken;

const LIMITS: Limits = Limits {
    timeout: Duration::from_secs(20),
    deadline: Duration::from_secs(60),
};

/// Every situation's name and report.
fn reports() -> Vec<(String, Report)> {
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let graph = Arc::new(Graph::new(&catalog).unwrap());
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let play = |path: &Path| {
        let evidence = fixture::read(path).unwrap().evidence;
        let selection = Selection {
            newer: evidence.newer(catalog.checks().iter().map(|check| &check.id)),
            ..Selection::default()
        };
        let run = runtime.block_on(engine::run(
            &graph,
            Arc::new(Recorded::new(evidence.recording)),
            Arc::new(evidence.target),
            &selection,
            LIMITS,
            &CancellationToken::new(),
            &mut |_| {},
        ));
        diagnosis::diagnose(&catalog, &run, Source::Fixture, &[])
    };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let all = fixture::find(&directory).unwrap();
    all.iter().map(|path| (name(path), play(path))).collect()
}

/// Every sentence of a report, with where it stands.
fn sentences(report: &Report) -> Vec<(String, &str)> {
    let mut all: Vec<(String, &str)> = Vec::new();
    for finding in &report.findings {
        all.extend(of_finding(finding));
    }
    for check in &report.checks {
        all.extend(facts(check.id.as_str(), &check.notes));
        all.extend(
            check
                .reason
                .iter()
                .map(|why| (check.id.to_string(), why.as_str())),
        );
    }
    all
}

fn of_finding(finding: &ReportedFinding) -> Vec<(String, &str)> {
    let code = finding.code.as_str();
    let mut all = vec![
        (format!("{code}: title"), finding.title.as_str()),
        (format!("{code}: detail"), finding.detail.as_str()),
        (format!("{code}: remedy"), finding.remedy.text.as_str()),
    ];
    let steps = finding.remedy.steps.iter();
    all.extend(steps.map(|step| (format!("{code}: step"), step.text.as_str())));
    all.extend(facts(code, &finding.evidence));
    all
}

fn facts<'a>(whose: &str, facts: &'a [Fact]) -> Vec<(String, &'a str)> {
    let ours = facts.iter().filter(|fact| !is_quoted(&fact.what));
    ours.map(|fact| (format!("{whose}: {}", fact.what), fact.value.as_str()))
        .collect()
}

/// Whether a fact repeats what another program said.
fn is_quoted(what: &str) -> bool {
    what.starts_with("line ") || what.contains("log") || matches!(what, "body" | "last fatal line")
}

/// How deep parentheses stand in one another; names that stand in backquotes may hold any.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 1 {
            continue;
        }
        for c in part.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// A word that follows itself.
fn doubled(text: &str) -> Option<&str> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let twice = words.windows(2).find(|pair| pair[0] == pair[1]);
    twice
        .map(|pair| pair[0])
        .filter(|word| word.chars().all(char::is_alphabetic))
}

/// `1 times`.
fn plural_of_one(text: &str) -> Option<String> {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == '(')
        .collect();
    let pair = words.windows(2).find(|pair| {
        let noun = pair[1].trim_end_matches(|c: char| !c.is_alphabetic());
        pair[0] == "1" && noun.len() > 2 && noun.ends_with('s') && !noun.ends_with("ss")
    })?;
    Some(pair.join(" "))
}

#[test]
fn sentences_read_well() {
    let mut wrong = Vec::new();
    for (name, report) in reports() {
        for (place, text) in sentences(&report) {
            if depth(text) > 1 {
                wrong.push(format!("{name}, {place}: nested parentheses: {text}"));
            }
            if let Some(word) = doubled(text) {
                wrong.push(format!("{name}, {place}: `{word} {word}`: {text}"));
            }
            if let Some(words) = plural_of_one(text) {
                wrong.push(format!("{name}, {place}: `{words}`: {text}"));
            }
            for debris in ["{ ", "Some(", "Err(", "::", " ,", "..", "  ", " .", ": :"] {
                if text.contains(debris) && !text.contains(&format!("`{debris}")) {
                    wrong.push(format!("{name}, {place}: `{debris}`: {text}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Commands, and lines of a single word that nobody could break, may be longer than the terminal.
#[test]
fn pages_fit_narrow_terminals_and_commands_stay_whole() {
    let mut wrong = Vec::new();
    for (name, report) in reports() {
        let steps = report
            .findings
            .iter()
            .flat_map(|finding| &finding.remedy.steps);
        let of_steps = steps.filter_map(|step| step.command.as_deref());
        let of_fix = report
            .findings
            .iter()
            .filter_map(|found| found.fix.as_deref());
        let go_on = [&report.commands.explain, &report.commands.again];
        let go_on = go_on.into_iter().filter_map(Option::as_deref);
        let commands: Vec<_> = of_steps.chain(of_fix).chain(go_on).collect();
        for (width, unicode) in [
            (1, false),
            (10, true),
            (20, false),
            (40, true),
            (40, false),
            (60, true),
            (80, true),
            (80, false),
        ] {
            let look = Look {
                color: false,
                unicode,
                width,
                checks: true,
                verbose: true,
            };
            let page = human::render(&report, look);
            if !unicode && !page.is_ascii() {
                wrong.push(format!("{name}: not ASCII"));
            }
            // A terminal that is narrower is written to as if it had 40: nothing may come to grief there all the same.
            if width < 40 {
                continue;
            }
            for line in page.lines() {
                let is_command = commands.contains(&line.trim());
                let is_one_word = line.split_ascii_whitespace().count() == 1;
                if line.chars().count() > width && !is_command && !is_one_word {
                    wrong.push(format!("{name} at {width}: {line}"));
                }
            }
            let symptoms_aside = report
                .findings
                .iter()
                .filter(|finding| finding.explained_by.is_empty());
            let shown = symptoms_aside.flat_map(|finding| &finding.remedy.steps);
            for command in shown.filter_map(|step| step.command.as_deref()) {
                if !page.lines().any(|line| line.trim() == printable(command)) {
                    wrong.push(format!("{name} at {width}: not whole: {command}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_reads_badly_is_seen() {
    assert_eq!(depth("a (b) c (d)"), 1);
    assert_eq!(depth("a (b (c))"), 2);
    assert_eq!(depth("a (`b (c)`)"), 1);
    assert_eq!(doubled("it is is so"), Some("is"));
    assert_eq!(plural_of_one("sent 1 bytes."), Some("1 bytes.".to_owned()));
    assert_eq!(plural_of_one("1 address, 2 addresses"), None);
}
