//! What is for other systems than the one that tests it.

use std::process::Command;

use super::{asked, package};
use crate::harness::ended;

#[test]
#[ignore = "packaging/build zip needs 2 GB from Debian and ten minutes: .ci/run does not make it"]
fn the_zip_is_whole_and_runs_on_windows() {
    let zip = package("-x86_64-windows.zip");
    asked("unzip", &["-tq"], &zip).with(0, "No errors detected");
    let place = tempfile::tempdir().unwrap();
    let mut unpack = Command::new("unzip");
    unpack.arg("-q").arg(&zip).arg("-d").arg(place.path());
    ended(unpack).with(0, "");
    for program in ["nexplane-doctor", "nexplane-agent"] {
        let mut run = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/windows"));
        let name = zip.file_stem().unwrap();
        run.arg("wine")
            .arg(place.path().join(name).join(format!("{program}.exe")));
        run.arg("--version")
            .env("WINEPREFIX", place.path().join("wine"));
        ended(run).with(0, env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn launchd_s_definition_is_one() {
    let plist = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/packaging/launchd/ai.nexplane.doctor.plist"
    );
    let reads = "import plistlib, sys; it = plistlib.load(open(sys.argv[1], 'rb')); \
                 print(it['Label'], *it['ProgramArguments'], it['StartInterval'], oct(it['Umask']))";
    asked("python3", &["-c", reads], plist.as_ref()).with(
        0,
        "ai.nexplane.doctor /usr/local/bin/nexplane-doctor diagnose --format json --output /var/db/nexplane-doctor.json 900 0o27",
    );
}

#[test]
fn the_formula_is_ruby() {
    let formula = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/packaging/homebrew/nexplane-doctor.rb"
    );
    asked("ruby", &["-wc"], formula.as_ref()).with(0, "Syntax OK");
}
