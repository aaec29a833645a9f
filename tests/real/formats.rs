//! Reports, read by programs that are not ours: Jenkins' schema of JUnit's XML, two readers of TAP, Prometheus' own parser in
//! Python, GitHub's Markdown renderer and its own writer of annotations, and a monitoring plugin that runs another one.
//!
//! Every recorded situation is read, and a report in which every text is as hostile as can be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use nexplane_doctor::bundle::fixture;
use nexplane_doctor::catalog::Catalog;
use nexplane_doctor::checks;
use nexplane_doctor::engine::Graph;
use nexplane_doctor::model::{Fact, Report};
use nexplane_doctor::report::suite::Outcome;
use nexplane_doctor::report::{Warnings, cases, github, markdown, nagios, prometheus};

/// What means something in one format or another, beside every control character and what reorders text.
const HOSTILE: &str = "]]> <![CDATA[ &amp; <script>alert(1)</script> \" ' ` ``` ~~~ | \\ \\n % %0A ::error::x ##[error]x\n\
    not ok 99 - forged\nok 98 # TODO x\nBail out!\n1..0\n  ---\n  ...\n# TYPE forged gauge\nforged 1\n- a\n1. b\n> c\n## d\n\
    [a](http://x.test) ![b](http://x.test/b.png) http://x.test www.x.test a@b.test @root #7 *b* _c_ $x$\n```\n````\n";

fn hostile_text() -> String {
    let controls = (0u32..0xa0).chain([
        0xad, 0x61c, 0x200b, 0x200f, 0x2028, 0x2029, 0x202e, 0x2066, 0x2069, 0xfeff, 0xfffe,
        0xffff, 0x1f600,
    ]);
    let controls: String = controls.filter_map(char::from_u32).collect();
    format!("{HOSTILE}{controls}")
}

/// The reports of all fixtures, and one with hostile texts everywhere that texts are from outside.
fn reports() -> Vec<(String, Report)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let graph = Arc::new(Graph::new(&catalog).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let report = |path: &PathBuf| {
        let fixture = fixture::open(path, &catalog).unwrap();
        let played = runtime.block_on(fixture::play(&fixture, &catalog, &graph));
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, played.report)
    };
    let all = fixture::find(&directory).unwrap();
    let mut reports: Vec<_> = all.iter().map(report).collect();
    let (_, several) = reports
        .iter()
        .max_by_key(|(_, report)| report.findings.len())
        .unwrap();
    reports.push(("hostile".to_owned(), hostile(several.clone())));
    reports
}

fn hostile(mut report: Report) -> Report {
    let text = hostile_text();
    report.host.hostname.clone_from(&text);
    report.target.control_plane = Some(text.clone());
    report.target.config_path.clone_from(&text);
    for finding in &mut report.findings {
        finding.title.clone_from(&text);
        finding.detail.clone_from(&text);
        finding.remedy.text.clone_from(&text);
        let (what, value) = (text.clone(), text.clone());
        finding.evidence.push(Fact { what, value });
        for step in &mut finding.remedy.steps {
            step.text.clone_from(&text);
            step.command = Some(text.clone());
        }
    }
    for check in &mut report.checks {
        check.title.clone_from(&text);
        check.reason = Some(text.clone());
    }
    report
}

/// Documents in files, for a program that reads many.
struct Documents {
    directory: tempfile::TempDir,
    files: Vec<PathBuf>,
}

impl Documents {
    fn of(texts: impl Iterator<Item = (String, String)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = texts
            .map(|(name, text)| {
                let file = directory.path().join(name);
                fs::write(&file, text).unwrap();
                file
            })
            .collect();
        Self { directory, files }
    }

    /// What a program prints that reads all of them; it must say that all is well.
    fn read_by(&self, program: &mut Command) -> String {
        said(program.args(&self.files).stdin(Stdio::null()))
    }
}

fn said(program: &mut Command) -> String {
    let output = program
        .output()
        .unwrap_or_else(|error| panic!("{program:?}: {error}; see .ci/packages"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}: {said}{errors}");
    said
}

#[test]
fn junit_is_valid_by_jenkins_schema() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/schemas/junit-10.xsd");
    assert!(schema.exists(), "{}: see .ci/run", schema.display());
    let junit = |report: &Report| cases::junit(report, Warnings::Allowed).unwrap();
    let why = (
        "why".to_owned(),
        cases::junit_failure(&hostile_text()).unwrap(),
    );
    let all = reports()
        .into_iter()
        .map(|(name, report)| (name, junit(&report)));
    let documents = Documents::of(all.chain([why]));
    let lint = || {
        let mut lint = Command::new("xmllint");
        lint.args(["--noout", "--nonet", "--schema"]).arg(&schema);
        lint
    };
    documents.read_by(&mut lint());
    // It would tell if it were not.
    let why = documents.directory.path().join("why");
    let broken = fs::read_to_string(&why)
        .unwrap()
        .replace("<testcase", "<testcasus");
    fs::write(&why, broken).unwrap();
    assert!(!lint().arg(&why).output().unwrap().status.success());
}

/// The version that it knows is 13, which says nothing of what follows otherwise.
const PERL: &str = r#"
use TAP::Parser;
for my $file (@ARGV) {
    open(my $handle, '<', $file) or die $!;
    my $tap = join '', <$handle>;
    $tap =~ s/^TAP version 14/TAP version 13/;
    my $parser = TAP::Parser->new({ tap => $tap });
    my $diagnostics = 0;
    while (my $result = $parser->next) { $diagnostics++ if $result->is_yaml; }
    print join(' ', scalar($parser->tests_run), scalar($parser->failed), scalar($parser->skipped),
        scalar($parser->todo), $diagnostics, scalar($parser->parse_errors)), "\n";
}
"#;

const NODE: &str = r#"
const Parser = require('tap-parser');
for (const file of process.argv.slice(1)) {
  let diagnostics = 0, odd = 0;
  const told = all => console.log([all.count, all.fail, all.skip, all.todo, diagnostics, odd].join(' '));
  const parser = new Parser(told);
  parser.on('assert', test => { if (test.diag) diagnostics++; });
  parser.on('extra', () => odd++);
  parser.on('child', () => odd++);
  parser.on('bailout', () => odd++);
  parser.on('version', version => { if (version !== 14) odd++; });
  parser.end(require('fs').readFileSync(file));
}
"#;

#[test]
fn tap_is_read_alike_by_perl_and_by_node() {
    let reports = reports();
    let expected: String = reports.iter().map(|(_, report)| counts(report)).collect();
    let tap =
        |(name, report): &(String, Report)| (name.clone(), cases::tap(report, Warnings::Allowed));
    let documents = Documents::of(reports.iter().map(tap));
    let perl = documents.read_by(Command::new("perl").args(["-e", PERL]));
    assert_eq!(perl, expected);
    let mut node = Command::new("node");
    node.args(["-e", NODE])
        .env("NODE_PATH", "/usr/share/nodejs");
    assert_eq!(documents.read_by(&mut node), expected);
}

/// Tests, failures, skipped ones, expected failures, diagnostics, and errors of the document, as both print them.
fn counts(report: &Report) -> String {
    let suite = cases::of(report, Warnings::Allowed);
    let is = |kind: fn(&Outcome) -> bool| {
        suite
            .cases
            .iter()
            .filter(|case| kind(&case.outcome))
            .count()
    };
    let failed = is(Outcome::fails);
    let skipped = is(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let warned = is(|outcome| matches!(outcome, Outcome::Warned(_)));
    let (all, diagnostics) = (suite.cases.len(), failed + warned);
    format!("{all} {failed} {skipped} 0 {diagnostics} 0\n")
}

const PYTHON: &str = r#"
import sys
from prometheus_client.parser import text_fd_to_metric_families
for name in sys.argv[1:]:
    seen = set()
    for family in text_fd_to_metric_families(open(name)):
        assert family.type == "gauge" and family.documentation, family
        for sample in family.samples:
            series = (sample.name, tuple(sorted(sample.labels.items())))
            assert series not in seen, series
            seen.add(series)
    print(len(seen))
"#;

#[test]
fn metrics_are_read_by_prometheus_own_parser() {
    let all = reports().into_iter();
    let texts: Vec<_> = all
        .map(|(name, report)| (name, prometheus::render(&report)))
        .collect();
    let samples = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    let expected: String = texts
        .iter()
        .map(|(_, text)| format!("{}\n", samples(text)))
        .collect();
    let documents = Documents::of(texts.into_iter());
    let mut python = Command::new("/usr/bin/python3");
    assert_eq!(documents.read_by(python.args(["-c", PYTHON])), expected);
}

/// Takes each annotation apart as a runner does, and has GitHub's own library write it again.
const ACTIONS: &str = r#"
const core = require('@actions/core');
for (const line of require('fs').readFileSync(process.argv[1], 'utf8').split('\n')) {
  const parts = /^::(error|warning|notice) title=(.*?)::(.*)$/.exec(line);
  if (!parts) { console.log(line); continue; }
  const data = text => text.replace(/%0D/g, '\r').replace(/%0A/g, '\n').replace(/%25/g, '%');
  const title = text => data(text.replace(/%3A/g, ':').replace(/%2C/g, ','));
  core[parts[1]](data(parts[3]), { title: title(parts[2]) });
}
"#;

#[test]
fn annotations_are_what_github_itself_writes() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/npm/node_modules");
    assert!(library.exists(), "{}: see .ci/run", library.display());
    let all: String = reports()
        .iter()
        .map(|(_, report)| github::render(report, Warnings::Allowed))
        .collect();
    let documents = Documents::of([("log".to_owned(), all.clone())].into_iter());
    let mut node = Command::new("node");
    node.args(["-e", ACTIONS]).env("NODE_PATH", library);
    let written = documents.read_by(&mut node);
    assert_eq!(written.trim_end(), all.trim_end());
    assert!(all.matches("\n::error ").count() > 50, "{all}");
}

#[test]
fn markdown_is_rendered_as_it_was_meant() {
    for (name, report) in reports() {
        let page = [(name.clone(), markdown::render(&report))];
        let mut renderer = Command::new("cmark-gfm");
        for extension in ["table", "autolink", "strikethrough", "tasklist"] {
            renderer.args(["--extension", extension]);
        }
        let html = Documents::of(page.into_iter()).read_by(renderer.arg("--unsafe"));
        let count = |tag: &str| html.matches(tag).count();
        assert_eq!(count("<h3>"), 1 + report.findings.len(), "{name}: {html}");
        assert_eq!((count("<h2>"), count("<h1>")), (1, 0), "{name}: {html}");
        let steps = report.findings.iter().flat_map(|f| &f.remedy.steps);
        let commands = steps.filter(|step| step.command.is_some()).count();
        let repairs = report.findings.iter().filter(|it| it.fix.is_some()).count();
        assert_eq!(count("<pre>"), commands + repairs, "{name}: {html}");
        for tag in [
            "<a ",
            "<img",
            "<script",
            "<table",
            "<em>",
            "<del>",
            "<blockquote",
            "<hr",
            "<input",
            "<!--",
        ] {
            assert_eq!(count(tag), 0, "{name}: {tag} in {html}");
        }
    }
}

/// `negate` runs a plugin and turns its state around: it reads both the status and the words.
#[test]
fn monitoring_plugins_take_the_doctor_for_one_of_theirs() {
    let root = tempfile::tempdir().unwrap();
    let doctor = env!("CARGO_BIN_EXE_nexplane-doctor");
    for (arguments, status, begins) in [
        (vec![], 0, "NEXPLANE OK - install.missing"),
        (vec!["--only", "host"], 2, "NEXPLANE CRITICAL - healthy"),
        (vec!["--only", "nope"], 3, "NEXPLANE UNKNOWN - "),
    ] {
        let mut negate = Command::new("/usr/lib/nagios/plugins/negate");
        let plugin = negate.args(["-s", "--", doctor, "--format", "nagios", "--root"]);
        let output = plugin.arg(root.path()).args(&arguments).output();
        let output = output.unwrap_or_else(|error| panic!("negate: {error}; see .ci/packages"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with(begins), "{said}");
        assert_eq!(output.status.code(), Some(status), "{said}");
    }
    for (name, report) in reports() {
        let text = nagios::render(&report, Warnings::Allowed);
        assert!(text.len() < 8192, "{name}");
        let bars = text.matches('|').count();
        assert!(
            bars == 1 && text.lines().next().unwrap().contains('|'),
            "{name}: {text}"
        );
    }
}
