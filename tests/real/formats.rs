//! Reports, read by programs that are not ours: Jenkins' schema of JUnit's XML, two readers of TAP, Prometheus' own parser in
//! Python, GitHub's Markdown renderer, and a monitoring plugin that runs another one.
//!
//! Every recorded situation is read, and a report in which every text is as hostile as can be.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use nexplane_doctor::bundle::{fixture, play};
use nexplane_doctor::catalog::Catalog;
use nexplane_doctor::checks;
use nexplane_doctor::engine::{Graph, Selection};
use nexplane_doctor::model::{Fact, Report, Source};
use nexplane_doctor::report::{Warnings, cases, markdown, nagios, prometheus};

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
        let evidence = fixture::read(path).unwrap().evidence;
        let (selection, source) = (Selection::default(), Source::Fixture);
        let played = play(evidence, &catalog, &graph, &selection, source, &[]);
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, runtime.block_on(played))
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

/// Runs a program on a text, and gives what it printed. It must say that all is well.
fn read_by(program: &mut Command, text: &str) -> String {
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program:?}: {error}; see .ci/packages"));
    let mut input = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}: {said}{errors}");
    said
}

#[test]
fn junit_is_valid_by_jenkins_schema() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/schemas/junit-10.xsd");
    assert!(schema.exists(), "{}: see .ci/run", schema.display());
    let directory = tempfile::tempdir().unwrap();
    let mut documents = Vec::new();
    for (name, report) in reports() {
        let document = directory.path().join(name);
        fs::write(&document, cases::junit(&report, Warnings::Allowed).unwrap()).unwrap();
        documents.push(document);
    }
    let why = directory.path().join("why");
    fs::write(&why, cases::junit_failure(&hostile_text()).unwrap()).unwrap();
    documents.push(why.clone());
    let mut lint = Command::new("xmllint");
    lint.args(["--noout", "--nonet", "--schema"]).arg(&schema);
    read_by(lint.args(&documents), "");
    // It would tell if it were not.
    let broken = fs::read_to_string(&why)
        .unwrap()
        .replace("<testcase", "<testcasus");
    fs::write(&why, broken).unwrap();
    let mut lint = Command::new("xmllint");
    lint.args(["--noout", "--nonet", "--schema"])
        .arg(&schema)
        .arg(&why);
    assert!(!lint.output().unwrap().status.success());
}

/// The version that it knows is 13, which says nothing of what follows otherwise.
const PERL: &str = r#"
use TAP::Parser;
my $tap = join '', <STDIN>;
$tap =~ s/^TAP version 14/TAP version 13/;
my $parser = TAP::Parser->new({ tap => $tap });
my $diagnostics = 0;
while (my $result = $parser->next) { $diagnostics++ if $result->is_yaml; }
print join(' ', scalar($parser->tests_run), scalar($parser->failed), scalar($parser->skipped),
    scalar($parser->todo), $diagnostics, scalar($parser->parse_errors)), "\n";
"#;

const NODE: &str = r#"
const Parser = require('tap-parser');
const parser = new Parser(all => console.log([all.count, all.fail, all.skip, all.todo, diagnostics, odd].join(' ')));
let diagnostics = 0, odd = 0;
parser.on('assert', test => { if (test.diag) diagnostics++; });
parser.on('extra', () => odd++);
parser.on('child', () => odd++);
parser.on('bailout', () => odd++);
parser.on('version', version => { if (version !== 14) odd++; });
parser.end(require('fs').readFileSync(0));
"#;

#[test]
fn tap_is_read_alike_by_perl_and_by_node() {
    for (name, report) in reports() {
        let suite = cases::of(&report, Warnings::Allowed);
        let text = cases::tap(&report, Warnings::Allowed);
        let is = |kind: &str| {
            suite
                .cases
                .iter()
                .filter(|case| format!("{:?}", case.outcome).starts_with(kind))
                .count()
        };
        let failed = is("Failed") + is("Broken");
        let expected = format!(
            "{} {failed} {} 0 {} 0\n",
            suite.cases.len(),
            is("Skipped"),
            failed + is("Warned")
        );
        let perl = read_by(Command::new("perl").args(["-e", PERL]), &text);
        assert_eq!(perl, expected, "{name}: {text}");
        let mut node = Command::new("node");
        let node = node
            .args(["-e", NODE])
            .env("NODE_PATH", "/usr/share/nodejs");
        assert_eq!(read_by(node, &text), expected, "{name}: {text}");
    }
}

const PYTHON: &str = r#"
import sys
from prometheus_client.parser import text_fd_to_metric_families
seen = set()
for family in text_fd_to_metric_families(sys.stdin):
    assert family.type == "gauge" and family.documentation, family
    for sample in family.samples:
        series = (sample.name, tuple(sorted(sample.labels.items())))
        assert series not in seen, series
        seen.add(series)
print(len(seen))
"#;

#[test]
fn metrics_are_read_by_prometheus_own_parser() {
    for (name, report) in reports() {
        let text = prometheus::render(&report);
        let python = read_by(Command::new("/usr/bin/python3").args(["-c", PYTHON]), &text);
        let samples = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(python.trim(), samples.to_string(), "{name}: {text}");
    }
}

#[test]
fn markdown_is_rendered_as_it_was_meant() {
    for (name, report) in reports() {
        let page = markdown::render(&report);
        let mut renderer = Command::new("cmark-gfm");
        for extension in ["table", "autolink", "strikethrough", "tasklist"] {
            renderer.args(["--extension", extension]);
        }
        let html = read_by(renderer.arg("--unsafe"), &page);
        let count = |tag: &str| html.matches(tag).count();
        assert_eq!(count("<h3>"), 1 + report.findings.len(), "{name}: {html}");
        assert_eq!((count("<h2>"), count("<h1>")), (1, 0), "{name}: {html}");
        let steps = report.findings.iter().flat_map(|f| &f.remedy.steps);
        let commands = steps.filter(|step| step.command.is_some()).count();
        assert_eq!(count("<pre>"), commands, "{name}: {html}");
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
