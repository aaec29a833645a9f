//! The doctor speaks of three systems: each finding has remedies for all of them, and each row of the runbook a situation of every system.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use nexplane_doctor::bundle::fixture::{self, Provenance};
use nexplane_doctor::catalog::{Catalog, Values};
use nexplane_doctor::checks;
use nexplane_doctor::model::{Os, SectionId};

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
