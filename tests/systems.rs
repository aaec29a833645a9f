//! The doctor speaks of three systems: each finding has remedies for all of them, and each row of the runbook a situation of every system.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use nexplane_doctor::bundle::fixture::{self, Provenance};
use nexplane_doctor::catalog::{Catalog, Values};
use nexplane_doctor::checks;
use nexplane_doctor::model::{Os, Placeholder, SectionId};
use serde_json::Value;

/// Words that only one family of systems knows.
const OF_UNIX: [&str; 6] = [
    "sudo ",
    "systemctl",
    "journalctl",
    "launchctl",
    "/etc/",
    "chmod",
];
const OF_WINDOWS: [&str; 5] = ["icacls", "Get-", "Set-", "sc.exe", "C:\\"];
/// And those of the one that the other has not.
const OF_LINUX: [&str; 4] = ["systemctl", "journalctl", "timedatectl", "systemd"];
const OF_MACOS: [&str; 5] = ["launchctl", "plutil", "scutil", "log show", "/Library/"];

#[test]
fn every_finding_has_remedies_for_every_system() {
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for finding in catalog
        .checks()
        .iter()
        .flat_map(|check| check.findings.iter())
    {
        for os in Os::ALL {
            let remedy = finding.remedy.fill(&Values::default(), os);
            let commands: Vec<_> = remedy
                .steps
                .iter()
                .filter_map(|it| it.command.as_deref())
                .collect();
            if commands.is_empty() {
                wrong.push(format!("{} has no command for {os}", finding.code));
            }
            let foreign = match os {
                Os::Windows => [&OF_UNIX[..], &OF_MACOS].concat(),
                Os::Linux => [&OF_WINDOWS[..], &OF_MACOS].concat(),
                Os::Macos => [&OF_WINDOWS[..], &OF_LINUX].concat(),
            };
            for command in commands {
                seen += 1;
                if let Some(word) = foreign.iter().find(|word| command.contains(**word)) {
                    wrong.push(format!("{} for {os}: `{word}` in {command}", finding.code));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 300, "{seen} commands");
}

/// Systems that none of these situations was recorded on, and how many of each there are at least.
const SYSTEMS: [(Os, usize); 2] = [(Os::Windows, 12), (Os::Macos, 12)];

#[test]
fn every_row_of_the_runbook_has_a_situation_of_each_system() {
    for (os, least) in SYSTEMS {
        has_a_situation_for_every_row(os, least);
    }
}

fn has_a_situation_for_every_row(os: Os, least: usize) {
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let (mut cited, mut count) = (BTreeSet::new(), 0);
    for path in fixture::find(&directory).unwrap() {
        let fixture = fixture::read(&path).unwrap();
        let system = fixture
            .evidence
            .recording
            .entries
            .iter()
            .find(|entry| entry.ask == "system");
        if system.is_none_or(|entry| entry.answer["os"] != os.as_str()) {
            continue;
        }
        count += 1;
        assert_eq!(
            fixture.situation.provenance,
            Provenance::Documented,
            "{}",
            path.display()
        );
        let expect = fixture.situation.expect;
        for code in expect
            .root_causes
            .iter()
            .chain(&expect.symptoms)
            .chain(&expect.notices)
        {
            let finding = catalog.finding(code).unwrap();
            cited.extend(finding.remedy.runbook.as_ref().map(ToString::to_string));
        }
    }
    assert!(count >= least, "{count} situations of {os}");
    let missing: Vec<&str> = SectionId::ALL
        .into_iter()
        .filter(|id| !cited.contains(*id))
        .collect();
    assert!(missing.is_empty(), "{os}: {missing:?}");
}

/// The command of `fix` that a report of this situation offers for a finding.
fn offered(situation: &str, code: &str) -> Option<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let output = Command::new(env!("CARGO_BIN_EXE_nexplane-doctor"))
        .args(["fixtures", "show", "--format", "json"])
        .arg(directory.join(situation))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut findings = report["findings"].as_array().unwrap().iter();
    let finding = findings.find(|it| it["code"] == code).unwrap();
    finding["repair_command"].as_str().map(str::to_owned)
}

#[test]
fn what_fix_can_repair_is_offered_on_every_system() {
    for (situation, code, command) in [
        ("service-stopped", "service.stopped", "nexplane-doctor fix"),
        (
            "windows-service-stopped",
            "service.stopped",
            "nexplane-doctor fix",
        ),
        (
            "macos-service-ended",
            "service.stopped",
            "nexplane-doctor fix",
        ),
        (
            "windows-registration-revoked",
            "registration.revoked",
            "nexplane-doctor fix --token-file NEW_TOKEN_FILE",
        ),
        (
            "macos-registration-revoked",
            "registration.revoked",
            "nexplane-doctor fix --token-file NEW_TOKEN_FILE",
        ),
    ] {
        assert_eq!(
            offered(situation, code).as_deref(),
            Some(command),
            "{situation}"
        );
    }
}

/// Values that do something in a shell that does not take them for words; a user's name and a host's may have most of these.
const HOSTILE: [&str; 8] = [
    "O'Brien",
    "a b",
    "$(reboot)",
    "a;b|c&d",
    "`id`",
    "\u{2019}; reboot #",
    r"\\server\share\ä $env:x",
    "@(1){2}[3]*?%,~",
];

/// What PowerShell makes of a line: its words and the operators between them, each word as the program gets it.
fn read_by_powershell(line: &str) -> Vec<String> {
    const QUOTES: &str = "'\u{2018}\u{2019}\u{201a}\u{201b}";
    let mut words: Vec<String> = Vec::new();
    let mut chars = line.chars().peekable();
    // Whether the next character goes on with the word before.
    let mut goes_on = false;
    while let Some(c) = chars.next() {
        let begins = !goes_on;
        let mut part = String::new();
        if QUOTES.contains(c) {
            loop {
                match chars.next() {
                    Some(c) if QUOTES.contains(c) => match chars.next_if(|it| QUOTES.contains(*it))
                    {
                        Some(same) => part.push(same),
                        None => break,
                    },
                    Some(c) => part.push(c),
                    None => panic!("a quote is open: {line}"),
                }
            }
            // What follows a word that began with a quote is another word.
            goes_on = !begins;
        } else if c == '"' {
            part.push('"');
            loop {
                let c = chars
                    .next()
                    .unwrap_or_else(|| panic!("a quote is open: {line}"));
                part.push(c);
                if c == '"' {
                    break;
                }
            }
            goes_on = true;
        } else if c.is_whitespace() {
            goes_on = false;
            continue;
        } else {
            // Marked, so that an operator is none of a word's own characters.
            if "$`;|&(){}@#,<>".contains(c) {
                part.push('\u{1}');
            }
            part.push(c);
            goes_on = true;
        }
        match words.last_mut().filter(|_| !begins) {
            Some(word) => word.push_str(&part),
            None => words.push(part),
        }
    }
    words
}

#[test]
fn powershell_is_read_as_it_reads() {
    for (line, words) in [
        ("a 'b c' d", &["a", "b c", "d"][..]),
        ("'a b':R", &["a b", ":R"]),
        ("a'b c'd", &["ab cd"]),
        ("'it''s'", &["it's"]),
        ("x; y", &["x\u{1};", "y"]),
        ("''", &[""]),
    ] {
        assert_eq!(read_by_powershell(line), words, "{line}");
    }
}

/// With every value hostile, each command has the words that it has with harmless ones, and no others.
#[test]
fn no_value_gets_out_of_its_word_in_powershell() {
    const HARMLESS: &str = "Zwq7";
    let filled = |value: &str| -> Values {
        let all = Placeholder::ALL.into_iter();
        all.map(|placeholder| (placeholder, value.to_owned()))
            .collect()
    };
    let catalog = Catalog::load(&checks::texts()).unwrap();
    let findings = catalog
        .checks()
        .iter()
        .flat_map(|check| check.findings.iter());
    let mut seen = 0;
    for finding in findings {
        let harmless = finding.remedy.fill(&filled(HARMLESS), Os::Windows);
        for value in HOSTILE {
            let hostile = finding.remedy.fill(&filled(value), Os::Windows);
            for (harmless, hostile) in harmless.steps.iter().zip(&hostile.steps) {
                let (Some(harmless), Some(hostile)) = (&harmless.command, &hostile.command) else {
                    continue;
                };
                if !harmless.contains(HARMLESS) {
                    continue;
                }
                seen += 1;
                let expected: Vec<String> = read_by_powershell(harmless)
                    .iter()
                    .map(|word| word.replace(HARMLESS, value))
                    .collect();
                // A quoted word at the beginning would be a text, and no program.
                assert!(!hostile.starts_with('\''), "{}: {hostile}", finding.code);
                assert_eq!(
                    read_by_powershell(hostile),
                    expected,
                    "{}: {hostile}",
                    finding.code
                );
            }
        }
    }
    assert!(seen > 500, "{seen} commands");
}
