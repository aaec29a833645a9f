#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;

/// A conversation with `launchctl`: what is asked next, and what is said to it. Nothing else is asked, and all of it is.
struct Conversation(Mutex<VecDeque<(&'static str, i32, &'static str)>>);

impl Programs for Conversation {
    fn run<'a>(
        &'a self,
        program: &'static str,
        _operation: &'static str,
        arguments: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Printed, ServiceError>> {
        let asked = [&[program], arguments].concat().join(" ");
        let mut lines = self.0.lock().unwrap();
        let (expected, code, out) = lines
            .pop_front()
            .unwrap_or_else(|| panic!("asked beside: {asked}"));
        assert_eq!(asked, expected);
        let printed = Printed {
            succeeded: code == 0,
            code: Some(code),
            out: out.to_owned(),
            err: if code == 0 {
                String::new()
            } else {
                format!("failed: {code}: words")
            },
        };
        Box::pin(async { Ok(printed) })
    }
}

const PRINT: &str = "launchctl print system/ai.nexplane.agent";
const DISABLED: &str = "launchctl print-disabled system";
const BOOTOUT: &str = "launchctl bootout system/ai.nexplane.agent";
const RUNNING: &str = "system/ai.nexplane.agent = {\n\tstate = running\n\tpid = 7\n\tresource coalition = {\n\t\tstate = active\n\t}\n}\n";
const ENDED: &str = "system/ai.nexplane.agent = {\n\tstate = spawn scheduled\n\truns = 2\n\tlast exit code = 1\n}\n";

fn launchd(
    definition: &Path,
    lines: &[(&'static str, i32, &'static str)],
) -> Launchd<Conversation> {
    Launchd {
        programs: Conversation(Mutex::new(lines.iter().copied().collect())),
        label: "ai.nexplane.agent",
        definition: definition.to_owned(),
    }
}

impl Launchd<Conversation> {
    fn is_over(&self) {
        let left = self.programs.0.lock().unwrap();
        assert!(left.is_empty(), "never asked: {left:?}");
    }
}

fn there() -> tempfile::NamedTempFile {
    tempfile::NamedTempFile::new().unwrap()
}

#[tokio::test]
async fn a_state_is_put_together_of_what_is_loaded_disabled_and_defined() {
    let (file, nowhere) = (there(), Path::new("/nowhere/at-all.plist"));
    let off = "disabled services = {\n\t\"ai.nexplane.agent\" => disabled\n}\n";
    for (path, disabled, (code, printed), expected) in [
        (
            file.path(),
            "",
            (0, RUNNING),
            (Definition::Loaded, AtBoot::Enabled, Activity::Running),
        ),
        (
            file.path(),
            "",
            (0, ENDED),
            (Definition::Loaded, AtBoot::Enabled, Activity::Starting),
        ),
        (
            file.path(),
            "",
            (113, ""),
            (Definition::Loaded, AtBoot::Enabled, Activity::Stopped),
        ),
        (
            nowhere,
            "",
            (113, ""),
            (Definition::Absent, AtBoot::Disabled, Activity::Stopped),
        ),
        (
            nowhere,
            "",
            (0, RUNNING),
            (Definition::Loaded, AtBoot::Disabled, Activity::Running),
        ),
        (
            file.path(),
            off,
            (113, ""),
            (Definition::Masked, AtBoot::Disabled, Activity::Stopped),
        ),
    ] {
        let launchd = launchd(path, &[(DISABLED, 0, disabled), (PRINT, code, printed)]);
        let state = launchd.state().await.unwrap();
        assert_eq!((state.definition, state.at_boot, state.activity), expected);
        launchd.is_over();
    }
    let launchd = launchd(nowhere, &[(DISABLED, 0, ""), (PRINT, 1, "")]);
    assert!(matches!(
        launchd.state().await,
        Err(ServiceError::Failed { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_loaded_is_loaded_until_it_takes_and_watched() {
    let file = there();
    let bootstrap: &'static str =
        format!("launchctl bootstrap system {}", file.path().display()).leak();
    let mut lines = vec![(PRINT, 113, ""), (bootstrap, 5, ""), (bootstrap, 0, "")];
    lines.extend([(PRINT, 0, RUNNING); 9]);
    let launchd = launchd(file.path(), &lines);
    launchd.restart().await.unwrap();
    launchd.is_over();
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_at_once_is_not_up_and_says_why() {
    let log = "log show --style compact --predicate subsystem == \"ai.nexplane.agent\" --last 1m";
    let words = "Timestamp Ty Process\n2026-11-24 09:12:01.1 F nexplane-agent[7:8] [ai.nexplane.agent:agent] FATAL: no identity\n";
    let launchd = launchd(
        there().path(),
        &[
            (PRINT, 0, RUNNING),
            ("launchctl kickstart -k system/ai.nexplane.agent", 0, ""),
            (PRINT, 0, RUNNING),
            (PRINT, 0, ENDED),
            (log, 0, words),
        ],
    );
    let Err(ServiceError::NotUp { why, last_words }) = launchd.restart().await else {
        panic!("it is up");
    };
    assert_eq!(why, "state = spawn scheduled, runs = 2, last exit code = 1");
    assert_eq!(last_words.len(), 1);
    assert!(last_words[0].ends_with("FATAL: no identity"));
    launchd.is_over();
}

#[tokio::test(start_paused = true)]
async fn stopping_takes_it_out_and_waits_until_it_is_gone() {
    let file = there();
    for (lines, stopped) in [
        (&[(PRINT, 113, "")][..], true),
        (
            &[
                (PRINT, 0, RUNNING),
                (BOOTOUT, 36, ""),
                (PRINT, 0, RUNNING),
                (PRINT, 113, ""),
            ],
            true,
        ),
    ] {
        let launchd = launchd(file.path(), lines);
        assert_eq!(launchd.stop().await.is_ok(), stopped);
        launchd.is_over();
    }
    let mut lines = vec![(PRINT, 0, RUNNING), (BOOTOUT, 1, "")];
    lines.extend([(PRINT, 0, RUNNING); 151]);
    let launchd = launchd(file.path(), &lines);
    let why = launchd.stop().await.unwrap_err().to_string();
    assert_eq!(why, "could not stop the service: failed: 1: words");
}

/// What is written for the usual places. Python's plistlib reads this file in `tests/real`.
const USUAL: &str = include_str!("agent.plist");

#[test]
fn the_definition_for_the_usual_places_is_the_one_that_others_read() {
    let paths = AgentPaths::of(Os::Macos);
    let text = definition_text(Path::new(paths.binary), Path::new(paths.config)).unwrap();
    assert_eq!(text, USUAL);
    assert!(shows(Path::new(paths.config)));
}

#[test]
fn a_path_is_one_argument_whatever_is_in_it() {
    let config = "/Library/Application Support/<a> & \"b\" ü/config.yaml";
    let text = definition_text(
        Path::new("/usr/local/bin/nexplane-agent"),
        Path::new(config),
    )
    .unwrap();
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..roxmltree::ParsingOptions::default()
    };
    let read = roxmltree::Document::parse_with_options(&text, options).unwrap();
    let arguments = read
        .descendants()
        .find(|it| it.has_tag_name("array"))
        .unwrap();
    let words: Vec<_> = arguments
        .children()
        .filter_map(|it| it.text())
        .map(str::trim)
        .collect();
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    assert_eq!(
        words,
        ["/usr/local/bin/nexplane-agent", "run", "--config", config]
    );
    let forged = definition_text(Path::new("/x"), Path::new("/a\u{1}b"));
    assert!(
        forged
            .unwrap_err()
            .to_string()
            .contains("control characters")
    );
}

#[test]
fn a_definition_is_known_by_the_configuration_that_it_starts_with() {
    let directory = tempfile::tempdir().unwrap();
    let definition = directory.path().join("ai.nexplane.agent.plist");
    let config = Path::new("/Library/Application Support/nexplane & co/config.yaml");
    let text = definition_text(Path::new("/usr/local/bin/nexplane-agent"), config).unwrap();
    std::fs::write(&definition, text).unwrap();
    assert!(starts(&definition, config));
    assert!(!starts(&definition, Path::new("/etc/config.yaml")));
    assert!(!starts(&directory.path().join("none"), config));
    std::fs::write(&definition, "no property list").unwrap();
    assert!(!starts(&definition, config));
}
