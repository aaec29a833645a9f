//! Bundles that strangers write: each is a clear error with exit status 2, or a diagnosis; in bounded memory, never a panic.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use nexplane_doctor::bundle::{Bundle, BundleError, MOST_UNPACKED};
use serde_json::{Value, json};
use tar::EntryType;

use super::archive::{file, fitting, instead, tar, usual, with, with_manifest, zstd};
use super::odd::everywhere;
use super::situation;

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

/// As many bytes of zeros, of which few are compressed: a frame repeated.
fn zeros(megabytes: usize) -> Vec<u8> {
    zstd(&vec![0; 16 << 20]).repeat(megabytes / 16)
}

/// All of them by name, and a part of what has to be said.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let foreign = |kind| with(vec![file("files/x", "").of(kind)]);
    let named = |name: &[u8]| {
        let mut entry = file("", "x");
        entry.name = name.to_vec();
        with(vec![entry])
    };
    let sized = |size| {
        let mut entry = file("files/x", "");
        entry.size = Some(size);
        zstd(&[tar(&fitting(usual()))[..1024].to_vec(), entry.bytes()].concat())
    };
    let many = |count: usize| {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        for number in 0..count {
            encoder
                .write_all(&file(&format!("files/{number}"), "").bytes())
                .unwrap();
        }
        encoder.finish().unwrap()
    };
    let good = with(Vec::new());
    let without = |name: &str| {
        let entries = usual()
            .into_iter()
            .filter(|it| it.name != name.as_bytes())
            .collect();
        zstd(&tar(&fitting(entries)))
    };
    let bomb = |megabytes| {
        let manifest = fitting(usual());
        [zstd(&tar(&manifest)), zeros(megabytes)].concat()
    };
    let content_bomb = || {
        let mut head = file("files/x", "");
        head.size = Some(10 << 30);
        [zstd(&head.bytes()), zeros(10 << 10)].concat()
    };
    let mut unlisted = fitting(usual());
    unlisted.push(file("files/x", "unlisted"));
    let mut twice = fitting(usual());
    twice.push(file("evidence.json", "{}"));
    let mut manifests = fitting(usual());
    manifests.push(file("manifest.json", "{}"));
    let wide = {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.long_distance_matching(true).unwrap();
        encoder.window_log(29).unwrap();
        encoder.write_all(&tar(&fitting(usual()))).unwrap();
        encoder.finish().unwrap()
    };
    vec![
        (
            "a path upwards",
            named(b"../../etc/cron.d/x"),
            "at a path that it does not have",
        ),
        (
            "a path upwards within",
            named(b"files/../../x"),
            "at a path that it does not have",
        ),
        (
            "an absolute path",
            named(b"/etc/passwd"),
            "at a path that it does not have",
        ),
        (
            "a path of Windows",
            named(b"C:\\Windows\\x"),
            "at a path that it does not have",
        ),
        (
            "a hidden file",
            named(b".bashrc"),
            "at a path that it does not have",
        ),
        (
            "an empty name",
            named(b""),
            "at a path that it does not have",
        ),
        (
            "a name of blanks",
            named(b"files/ "),
            "at a path that it does not have",
        ),
        (
            "a name that is no UTF-8",
            named(b"files/\xff\xfe"),
            "at a path that it does not have",
        ),
        (
            "a name that acts on a terminal",
            named(b"files/\x1b]0;x\x07"),
            "at a path that it does not have",
        ),
        (
            "a name with a line end",
            named(b"files/a\nerror: b"),
            "at a path that it does not have",
        ),
        ("a symbolic link", foreign(EntryType::Symlink), "a link"),
        ("a hard link", foreign(EntryType::Link), "a link"),
        (
            "a character device",
            foreign(EntryType::Char),
            "a device or a pipe",
        ),
        (
            "a block device",
            foreign(EntryType::Block),
            "a device or a pipe",
        ),
        ("a pipe", foreign(EntryType::Fifo), "a device or a pipe"),
        ("a directory", foreign(EntryType::Directory), "a directory"),
        (
            "a sparse file",
            foreign(EntryType::GNUSparse),
            "a sparse file",
        ),
        (
            "a long name",
            foreign(EntryType::GNULongName),
            "of a kind that it does not have",
        ),
        (
            "a long link",
            foreign(EntryType::GNULongLink),
            "of a kind that it does not have",
        ),
        (
            "an extension",
            foreign(EntryType::XHeader),
            "of a kind that it does not have",
        ),
        (
            "a global extension",
            foreign(EntryType::XGlobalHeader),
            "of a kind that it does not have",
        ),
        (
            "a continuous file",
            foreign(EntryType::Continuous),
            "of a kind that it does not have",
        ),
        (
            "a kind of no standard",
            foreign(EntryType::new(b'?')),
            "of a kind that it does not have",
        ),
        (
            "10 GB that are said",
            sized(10 << 30),
            "unpacks to more than",
        ),
        (
            "2^63 bytes that are said",
            sized(1 << 63),
            "unpacks to more than",
        ),
        (
            "10 GB of zeros in an entry",
            content_bomb(),
            "unpacks to more than",
        ),
        (
            "10 GB of zeros behind the end",
            bomb(10 << 10),
            "something follows its end",
        ),
        (
            "a million entries",
            many(1_000_000),
            "more than 4096 entries",
        ),
        ("an entry twice", zstd(&tar(&twice)), "occurs twice"),
        ("two manifests", zstd(&tar(&manifests)), "occurs twice"),
        (
            "an entry that is not listed",
            zstd(&tar(&unlisted)),
            "not in its manifest",
        ),
        (
            "another hash",
            with_manifest(|it| it["entries"][0]["sha256"] = json!("00")),
            "another SHA-256",
        ),
        (
            "a listed entry that is missing",
            with_manifest(|it| it["entries"][0]["name"] = json!("files/x")),
            "it has no `files/x`",
        ),
        (
            "no evidence",
            without("evidence.json"),
            "it has no `evidence.json`",
        ),
        (
            "no report",
            without("report.json"),
            "it has no `report.json`",
        ),
        (
            "no manifest",
            zstd(&tar(&usual())),
            "it has no `manifest.json`",
        ),
        (
            "no entry at all",
            zstd(&tar(&[])),
            "it has no `manifest.json`",
        ),
        (
            "a newer format",
            with_manifest(|it| it["format"] = json!(2)),
            "read it with a newer nexplane-doctor",
        ),
        (
            "a much newer format",
            with_manifest(|it| it["format"] = json!(u64::MAX)),
            "read it with a newer nexplane-doctor",
        ),
        (
            "format 0",
            with_manifest(|it| it["format"] = json!(0)),
            "there is no format 0",
        ),
        (
            "a format below 0",
            with_manifest(|it| it["format"] = json!(-1)),
            "manifest.json",
        ),
        (
            "a format in words",
            with_manifest(|it| it["format"] = json!("\u{1b}[31m1")),
            "manifest.json",
        ),
        (
            "a manifest of an array",
            instead_of_manifest("[]"),
            "manifest.json",
        ),
        (
            "a manifest in depth",
            instead_of_manifest(&nested(200_000)),
            "manifest.json",
        ),
        (
            "evidence in depth",
            instead(file("evidence.json", nested(200_000))),
            "evidence.json",
        ),
        (
            "evidence that is no UTF-8",
            instead(file("evidence.json", &b"{\"format\": \"\xff\"}"[..])),
            "evidence.json",
        ),
        (
            "evidence that is none",
            instead(file("evidence.json", "{}")),
            "evidence.json",
        ),
        (
            "evidence of 17 MiB",
            instead(file("evidence.json", vec![b' '; 17 << 20])),
            "at most 16777216 are read",
        ),
        (
            "a number beyond all",
            instead(file("evidence.json", r#"{"format": 1e999}"#)),
            "evidence.json",
        ),
        (
            "a report in depth",
            instead(file("report.json", nested(200_000))),
            "report.json",
        ),
        (
            "a report that is none",
            instead(file("report.json", "\u{1b}[2J")),
            "report.json",
        ),
        ("nothing", Vec::new(), "cut short"),
        ("text", b"hello, world".to_vec(), "damaged, or no bundle"),
        (
            "a tar file alone",
            tar(&fitting(usual())),
            "damaged, or no bundle",
        ),
        (
            "text that is compressed",
            zstd(&b"hello, world".repeat(100)),
            "damaged, or no bundle",
        ),
        (
            "something behind it",
            [good.clone(), b"more".to_vec()].concat(),
            "damaged, or no bundle",
        ),
        (
            "another archive behind it",
            [good.clone(), good.clone()].concat(),
            "something follows its end",
        ),
        ("a window of 512 MiB", wide, "damaged, or no bundle"),
        ("half of it", good[..good.len() / 2].to_vec(), "cut short"),
    ]
}

fn instead_of_manifest(text: &str) -> Vec<u8> {
    let entries = std::iter::once(file("manifest.json", text)).chain(usual());
    zstd(&tar(&entries.collect::<Vec<_>>()))
}

/// What the doctor says of a file, with so much memory and no more.
fn bounded(arguments: &str, path: &Path) -> (Option<i32>, String, String) {
    let command = format!("ulimit -v 1500000; exec \"$0\" {arguments} \"$1\"");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &command, env!("CARGO_BIN_EXE_nexplane-doctor")])
        .arg(path);
    let output = shell.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Nothing that acts on a terminal.
fn assert_plain(text: &str, name: &str) {
    let acts = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(acts), "{name}: {text:?}");
}

#[test]
fn what_no_bundle_has_is_a_clear_error_within_bounds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("b.tar.zst");
    let all = hostile();
    for (name, bytes, part) in &all {
        std::fs::write(&path, bytes).unwrap();
        for arguments in ["bundle diagnose", "bundle show"] {
            let (status, out, said) = bounded(arguments, &path);
            assert_eq!(status, Some(2), "{name}: {out}{said}");
            assert_eq!(out, "", "{name}");
            assert!(said.contains(part), "{name}: {said}");
            assert!(said.starts_with("error: the bundle "), "{name}: {said}");
            assert_plain(&said, name);
        }
    }
    println!("{} hostile bundles", all.len());
    assert!(all.len() >= 50);
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_bits_truncate(0o600),
        0,
    )
    .unwrap();
    for path in [
        directory.path(),
        &pipe,
        Path::new("/dev/zero"),
        Path::new("/no/such/file"),
    ] {
        let (status, _, said) = bounded("bundle diagnose", path);
        assert_eq!(status, Some(2), "{said}");
    }
}

#[test]
fn the_limit_itself_is_read_and_one_byte_more_is_not() {
    let fill = |size: u64| {
        let mut left = size
            - usual()
                .iter()
                .map(|entry| entry.content.len() as u64)
                .sum::<u64>();
        let mut entries = fitting(usual());
        let mut bytes: Vec<u8> = entries.drain(..).flat_map(|entry| entry.bytes()).collect();
        left -= entries.len() as u64;
        let mut head = file("files/x", "");
        head.size = Some(left);
        bytes.extend(head.bytes());
        zstd(&bytes)
    };
    // Beyond it: told by what is said of the size, before anything is read.
    let beyond = Bundle::read(fill(MOST_UNPACKED + (1 << 20)).as_slice());
    assert!(matches!(beyond, Err(BundleError::TooLarge)), "{beyond:?}");
    // Below it: it is read, and found to be cut short.
    let below = Bundle::read(fill(MOST_UNPACKED - (1 << 20)).as_slice());
    assert!(
        matches!(
            below,
            Err(BundleError::CutShort(_) | BundleError::Damaged(_))
        ),
        "{below:?}"
    );
}

#[test]
fn what_it_holds_does_not_act_on_a_terminal() {
    let escape = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\u{202e}";
    let mut evidence = serde_json::to_value(situation("health-captive-portal")).unwrap();
    everywhere(&mut evidence["entries"], &|text| format!("{text}{escape}"));
    let mut manifest = Value::Null;
    let entries = vec![
        file("evidence.json", evidence.to_string()),
        file("report.json", "{}"),
        file("files/x", escape),
    ];
    manifest.clone_from(&super::archive::manifest(&entries));
    manifest["tool"] = json!(escape);
    manifest["versions"] = json!({escape: escape});
    manifest["redacted"] = json!({escape: 1});
    manifest["missing"] = json!([{"what": escape, "why": escape}]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("b.tar.zst");
    let all = std::iter::once(file("manifest.json", manifest.to_string())).chain(entries);
    std::fs::write(&path, zstd(&tar(&all.collect::<Vec<_>>()))).unwrap();
    let file = path.to_str().unwrap();
    for arguments in [
        &["bundle", "show", file][..],
        &["bundle", "show", file, "files/x"],
        &["bundle", "show", file, "evidence.json"],
        &["bundle", "diagnose", file],
        &["bundle", "diagnose", "-v", file],
        &["bundle", "diagnose", "-vvv", file],
    ] {
        let output = super::doctor(arguments).output().unwrap();
        assert!(
            [0, 1, 3].contains(&output.status.code().unwrap()),
            "{arguments:?}"
        );
        for text in [&output.stdout, &output.stderr] {
            assert_plain(&String::from_utf8_lossy(text), &format!("{arguments:?}"));
        }
    }
}
