//! The HTML report in a real browser: nothing is asked of a network, nothing is complained of, it folds, copies, prints,
//! fits every screen, and can be read by everybody; and two tools that are not ours find nothing wrong with it.
//!
//! `.ci/run` fetches the two, axe-core and the Nu HTML checker, with npm into `target/npm`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexplane_doctor::bundle::fixture;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Browser, Key};

/// What a page of an ordinary diagnosis may weigh.
const WEIGHT: usize = 256 << 10;
const PHONE: (u32, u32) = (360, 740);
const DESK: (u32, u32) = (1440, 900);
/// Those that differ most: well, a broken chain, a warning, a symptom, a slow answer, a blocked graph.
const TELLING: [&str; 7] = [
    "healthy",
    "trust-unknown-authority",
    "tcp-partial",
    "clock-skew",
    "health-slow",
    "service-crash-looping",
    "dns-timeout",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A tool that was fetched, and not shipped.
fn fetched(path: &str) -> PathBuf {
    let path = root().join("target/npm/node_modules").join(path);
    assert!(
        path.is_file(),
        "{} is not there: .ci/run fetches it",
        path.display()
    );
    path
}

/// What a program prints.
///
/// # Panics
/// When it fails.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Pages on disk, as somebody keeps them who got them with a ticket.
struct Pages(TempDir);

impl Pages {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Renders a fixture; gives the page, and where it is.
    fn render(&self, fixture: &Path) -> (String, String) {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"));
        doctor.args(["fixtures", "show", "--format", "html"]);
        let page = printed(doctor.arg(fixture));
        let name = fixture.file_name().unwrap().to_str().unwrap();
        let path = self.0.path().join(name).with_extension("html");
        fs::write(&path, &page).unwrap();
        (page, format!("file://{}", path.display()))
    }

    fn of(&self, name: &str) -> (String, String) {
        self.render(&root().join("fixtures").join(name))
    }
}

fn fixtures() -> Vec<PathBuf> {
    let all = fixture::find(&root().join("fixtures")).unwrap();
    assert!(all.len() > 50, "{} fixtures", all.len());
    all
}

/// The page has been opened: it complains of nothing, and has asked for nothing but itself.
fn assert_quiet(browser: &mut Browser, url: &str) {
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{url}: {complaints:?}");
    assert_eq!(browser.asked_for(), [url.to_owned()]);
}

/// Nothing is wider than the screen.
fn assert_fits(browser: &mut Browser, (width, height): (u32, u32), url: &str) {
    browser.screen(width, height);
    let wide = browser.eval("document.documentElement.scrollWidth");
    assert!(
        wide.as_u64().unwrap() <= u64::from(width),
        "{url}: {wide} of {width}"
    );
}

#[test]
fn every_situation_is_a_page_that_is_quiet_bounded_and_fits() {
    let (pages, mut browser) = (Pages::new(), Browser::start());
    for fixture in fixtures() {
        let (page, url) = pages.render(&fixture);
        assert!(page.len() < WEIGHT, "{url}: {} bytes", page.len());
        browser.open(&url);
        for screen in [PHONE, DESK] {
            assert_fits(&mut browser, screen, &url);
        }
        // The graph that the screen has room for, and in it a box for each line of the list.
        let boxes = browser.eval(
            "[...document.querySelectorAll('svg.wide, svg.narrow')].filter(svg => svg.checkVisibility())
                .map(svg => svg.querySelectorAll('a.node').length)",
        );
        let rows = browser.eval("document.querySelectorAll('table.checks tbody tr').length");
        assert_eq!(boxes, Value::Array(vec![rows]), "{url}");
        assert_quiet(&mut browser, &url);
    }
}

#[test]
fn a_page_that_breaks_its_own_policy_would_be_noticed() {
    let (pages, mut browser) = (Pages::new(), Browser::start());
    let (page, url) = pages.of("healthy");
    let broken = page.replace("\"use strict\";", "\"use strict\"; ").replace(
        "<footer>",
        "<footer><img src=\"https://192.0.2.1/x\" style=\"width:900px\">",
    );
    fs::write(url.strip_prefix("file://").unwrap(), broken).unwrap();
    browser.open(&url);
    let complaints = browser.complaints().join("\n");
    assert!(
        ["img-src", "style-src", "script-src"]
            .iter()
            .all(|kind| complaints.contains(kind)),
        "{complaints}"
    );
}

#[test]
fn evidence_unfolds_by_mouse_and_by_keyboard() {
    let (pages, mut browser) = (Pages::new(), Browser::start());
    browser.open(&pages.of("trust-unknown-authority").1);
    browser.screen(DESK.0, DESK.1);
    let is_open = "document.querySelector('article details').open";
    let seen = "document.querySelector('article dl.evidence dd').checkVisibility()";
    assert_eq!(browser.eval(is_open), false);
    assert_eq!(browser.eval(seen), false);
    browser.click("article summary");
    assert_eq!(browser.eval(is_open), true);
    assert_eq!(browser.eval(seen), true);
    browser.eval("document.querySelector('article summary').focus()");
    browser.press(Key::Enter);
    assert_eq!(browser.eval(is_open), false);
}

/// From the top with the keyboard alone: first past everything, then to every box of the graph, each leading to its line.
#[test]
fn a_keyboard_reaches_the_diagnosis_and_every_check() {
    let (pages, mut browser) = (Pages::new(), Browser::start());
    browser.open(&pages.of("trust-unknown-authority").1);
    browser.screen(DESK.0, DESK.1);
    browser.press(Key::Tab);
    assert_eq!(browser.eval("document.activeElement.className"), "skip");
    browser.press(Key::Enter);
    assert_eq!(browser.eval("document.activeElement.id"), "main");
    let mut reached = Vec::new();
    for _ in 0..60 {
        browser.press(Key::Tab);
        let node = browser.eval("document.activeElement.matches('a.node') ? document.activeElement.getAttribute('aria-label') : ''");
        if node != "" {
            reached.push(node.as_str().unwrap().to_owned());
        } else if !reached.is_empty() {
            break;
        }
    }
    assert_eq!(reached.len(), 15, "{reached:?}");
    assert!(
        reached.contains(&"trust: failed, a cause".to_owned()),
        "{reached:?}"
    );
    assert!(
        reached.contains(&"registration: blocked".to_owned()),
        "{reached:?}"
    );
    browser.eval("document.querySelector('svg.wide a[href=\"#check-trust\"]').focus()");
    browser.press(Key::Enter);
    assert_eq!(
        browser.eval("document.querySelector(':target').id"),
        "check-trust"
    );
}

/// What the clipboard holds after a click on the button of this step, and how often a selection was copied for it.
fn copied(browser: &mut Browser, step: usize) -> (Value, Value) {
    let said = "new Promise(done => { const look = () => {
        const said = document.getElementById('said').textContent; said ? done(said) : requestAnimationFrame(look) }; look() })";
    browser.eval(
        "{ const copy = document.execCommand.bind(document); window.selections = 0;
           document.execCommand = what => { window.selections += 1; return copy(what) } }",
    );
    browser.click(&format!(".steps li:nth-child({step}) .copy"));
    assert_eq!(browser.eval(said), "The command is copied.");
    let clipboard = browser.eval("navigator.clipboard.readText()");
    let command = browser.eval(&format!(
        "document.querySelector('.steps li:nth-child({step}) code').textContent"
    ));
    let begin = "nexplane-agent install --control-plane https://";
    assert!(command.as_str().unwrap().starts_with(begin), "{command}");
    assert_eq!(clipboard, command);
    (command, browser.eval("window.selections"))
}

#[test]
fn a_button_copies_its_command() {
    let (pages, mut browser) = (Pages::new(), Browser::start());
    let (_, url) = pages.of("trust-unknown-authority");
    browser.open(&url);
    browser.screen(DESK.0, DESK.1);
    let (first, selections) = copied(&mut browser, 2);
    assert_eq!(selections, 0);
    // Where there is no clipboard for pages, a selection is copied.
    browser.open(&url);
    browser.eval("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))");
    let (other, selections) = copied(&mut browser, 3);
    assert_eq!(selections, 1);
    assert_ne!(first, other);
    assert_quiet(&mut browser, &url);
}

#[test]
fn without_scripts_nothing_is_missing_but_the_buttons() {
    let (pages, mut browser) = (Pages::new(), Browser::start());
    browser.scripts(false);
    let (_, url) = pages.of("trust-unknown-authority");
    browser.open(&url);
    browser.screen(DESK.0, DESK.1);
    assert_eq!(
        browser.eval(
            "[...document.querySelectorAll('.copy')].some(button => button.checkVisibility())"
        ),
        false
    );
    assert_eq!(
        browser.eval("[...document.querySelectorAll('.command code')].length > 2"),
        true
    );
    browser.click("article summary");
    assert_eq!(
        browser.eval("document.querySelector('article dl.evidence dd').checkVisibility()"),
        true
    );
    assert_quiet(&mut browser, &url);
}

/// The words of a page, without how they are broken into lines.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// What stands on the paper, by a tool that is not the browser's.
fn on_paper(browser: &mut Browser) -> String {
    let pdf = tempfile::NamedTempFile::new().unwrap();
    fs::write(pdf.path(), STANDARD.decode(browser.print()).unwrap()).unwrap();
    let mut reader = Command::new("pdftotext");
    squeezed(&printed(reader.arg("-raw").arg(pdf.path()).arg("-")))
}

#[test]
fn on_paper_everything_is_unfolded_with_scripts_and_without() {
    let (pages, mut browser) = (Pages::new(), Browser::start());
    for scripts in [true, false] {
        browser.scripts(scripts);
        for name in ["trust-unknown-authority", "service-crash-looping"] {
            browser.open(&pages.of(name).1);
            let facts =
                browser.eval("[...document.querySelectorAll('dd')].map(dd => dd.textContent)");
            let paper = on_paper(&mut browser);
            let facts = facts.as_array().unwrap();
            assert!(facts.len() > 40, "{} facts", facts.len());
            for fact in facts {
                let fact = squeezed(fact.as_str().unwrap());
                assert!(
                    paper.contains(&fact),
                    "{name}, scripts {scripts}: `{fact}` is not on paper:\n{paper}"
                );
            }
            assert!(!paper.contains("Skiptothediagnosis"));
            // Afterwards it is as it was.
            assert_eq!(
                browser.eval("document.querySelectorAll('details[open]').length"),
                0
            );
        }
    }
}

/// By axe-core: contrast, names, roles, order of headings, landmarks, and whatever else it knows.
#[test]
fn everybody_can_read_it() {
    let axe = fs::read_to_string(fetched("axe-core/axe.min.js")).unwrap();
    let (pages, mut browser) = (Pages::new(), Browser::start());
    for name in TELLING {
        browser.open(&pages.of(name).1);
        browser.eval(
            "for (const details of document.querySelectorAll('details')) details.open = true",
        );
        browser.eval(&axe);
        for (screen, scheme) in [
            (DESK, "light"),
            (DESK, "dark"),
            (PHONE, "light"),
            (PHONE, "dark"),
        ] {
            browser.screen(screen.0, screen.1);
            browser.scheme(scheme);
            let found = browser.eval(
                "axe.run(document, {resultTypes: ['violations']}).then(result => ({
                    passes: result.passes.length,
                    violations: result.violations.map(it => `${it.impact} ${it.id}: ` + it.nodes.slice(0, 5).map(node =>
                        node.html.slice(0, 200) + ' ' + node.failureSummary)),
                }))",
            );
            assert_eq!(
                found["violations"],
                Value::Array(Vec::new()),
                "{name}, {scheme}, {screen:?}"
            );
            assert!(found["passes"].as_u64().unwrap() > 20, "{found}");
        }
    }
}

#[test]
fn dark_and_light_are_what_the_reader_prefers() {
    let (pages, mut browser) = (Pages::new(), Browser::start());
    browser.open(&pages.of("healthy").1);
    let mut color = |scheme: &str| {
        browser.scheme(scheme);
        browser.eval("getComputedStyle(document.body).backgroundColor")
    };
    assert_eq!(
        [color("light"), color("dark")],
        ["rgb(245, 246, 248)", "rgb(16, 20, 24)"]
    );
}

/// It warns of every inline style and script under a policy, whatever hashes that names; the browser, which does compute
/// them, has no complaint, and one where they do not fit (`a_page_that_breaks_its_own_policy_would_be_noticed`).
const NO_HASHES: &str = "Inline (style|script) violates Content Security Policy.*";

/// By the Nu HTML checker: every page, and no other word of it.
#[test]
fn every_page_is_valid_html() {
    let checker = fetched("vnu-jar/build/dist/vnu.jar");
    let pages = Pages::new();
    for fixture in fixtures() {
        pages.render(&fixture);
    }
    for name in TALKATIVE {
        render_planted(&pages, name);
    }
    let output = Command::new("java")
        .args(["-Xmx1g", "-jar"])
        .arg(checker)
        .args(["--skip-non-html", "--format", "text"])
        .args(["--filterpattern", NO_HASHES])
        .arg(pages.0.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let well = "Document checking completed. No errors found.";
    assert!(
        output.status.success() && said.trim() == well,
        "{}",
        said.lines().take(20).collect::<Vec<_>>().join("\n")
    );
}

/// What would be markup, an end of what it stands in, a handler; what acts without being seen.
const HOSTILE: &str = "</script><script>window.hit=1</script><img src=x onerror='window.hit=1'>\"'`\u{202e}\u{1b}[31m\u{0}\u{fffe}";

/// Situations in which a log or a peer has much to say.
const TALKATIVE: [&str; 4] = [
    "service-crash-looping",
    "health-unhealthy",
    "health-captive-portal",
    "tasks-failing",
];

/// Plants it in every string of the evidence's answers that is a person's or a peer's words.
fn plant(value: &mut Value, planted: &mut usize) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text)
                        if ["hostname", "message", "body", "error", "reason", "name"]
                            .contains(&key.as_str()) =>
                    {
                        text.push_str(HOSTILE);
                        *planted += 1;
                    }
                    value => plant(value, planted),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| plant(value, planted)),
        _ => {}
    }
}

/// A page of a fixture whose words are hostile.
fn render_planted(pages: &Pages, name: &str) -> (String, String) {
    let mut fixture = fixture::read(&root().join("fixtures").join(name)).unwrap();
    let mut planted = 0;
    for entry in &mut fixture.evidence.recording.entries {
        plant(&mut entry.answer, &mut planted);
    }
    assert!(planted > 2, "{name}: {planted}");
    let directory = pages.0.path().join(format!("hostile-{name}"));
    fixture::write(&directory, &fixture.situation, &fixture.evidence).unwrap();
    pages.render(&directory)
}

#[test]
fn hostile_words_are_words() {
    let (pages, mut browser) = (Pages::new(), Browser::start());
    for name in TALKATIVE {
        let (page, url) = render_planted(&pages, name);
        assert!(
            page.contains("⟨U+202E⟩␛[31m␀⟨U+FFFE⟩"),
            "{name}: it is nowhere to be seen"
        );
        browser.open(&url);
        assert_fits(&mut browser, PHONE, &url);
        assert_eq!(browser.eval("typeof window.hit"), "undefined");
        assert_eq!(
            browser.eval("document.querySelectorAll('img, script').length"),
            1
        );
        assert_quiet(&mut browser, &url);
    }
}
