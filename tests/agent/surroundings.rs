//! Where the agent's program runs: limits, permissions, environments and streams as somebody may leave them to it.

use std::fs;
use std::io::{PipeReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::hostile::{Hostile, PATIENCE};
use crate::running::{Running, enrolled, shell};
use crate::world::{World, assert_same, tree};

async fn site() -> (World, Arc<Hostile>) {
    let world = World::new().await;
    let (plane, url) = Hostile::serve(&world).await;
    enrolled(&world, &url, 1).await;
    (world, plane)
}

/// Waits for so many signs of life.
async fn alive(plane: &Arc<Hostile>, times: usize, case: &str) {
    let mut accepted = plane.accepted.subscribe();
    let waiting = accepted.wait_for(|seen| *seen >= times);
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{case}: it gives no sign of life");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_in_whatever_a_shell_leaves_it() {
    for lines in [
        r#"exec "$@" <&- >&-"#,
        r#"mkdir gone; cd gone; rmdir ../gone; exec "$@""#,
        r#"ulimit -n 24; exec "$@""#,
        r#"ulimit -c 0; ulimit -v 4000000; exec "$@""#,
        r#"export TZ=/dev/zero LANG=$'\xff' LC_ALL=nowhere HOME=; exec "$@""#,
        r#"export TZ=../../dev/zero SSL_CERT_DIR=/dev/zero PATH=; exec "$@""#,
        r#"trap '' HUP INT QUIT PIPE; exec "$@""#,
    ] {
        let (world, plane) = site().await;
        let mut agent = Running::in_shell(&world, lines);
        agent.line("INFO: heartbeat accepted", lines).await;
        alive(&plane, 2, lines).await;
        let (status, said) = agent.end(lines).await;
        assert_eq!(status.code(), Some(0), "{lines}: {said:#?}");
        assert!(
            !said.iter().any(|line| line.contains("panicked")),
            "{said:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_on_files_is_an_error_and_not_its_end() {
    let (world, plane) = site().await;
    let mut agent = Running::in_shell(&world, r#"ulimit -f 0; exec "$@""#);
    agent.line("WARNING: state not kept in ", "run").await;
    alive(&plane, 2, "run").await;
    assert_eq!(agent.end("run").await.0.code(), Some(0));
    let identity = tree(&world.path("etc/agent"));
    let config = world.path("etc/agent/config.yaml");
    let mut rotate = shell(&world, r#"ulimit -f 0; exec "$@""#);
    let ended = rotate
        .args(["rotate-cert", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(
        said.contains("file too large") || said.contains("File too large"),
        "{said}"
    );
    let mut after = tree(&world.path("etc/agent"));
    after.retain(|path, _| identity.contains_key(path));
    assert_same(&after, &identity);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_read_what_it_writes_does_not_depend_on_a_umask() {
    for umask in ["000", "077"] {
        let (world, plane) = site().await;
        let lines = format!(r#"umask {umask}; exec "$@""#);
        let agent = Running::in_shell(&world, &lines);
        alive(&plane, 2, umask).await;
        assert_eq!(agent.end(umask).await.0.code(), Some(0));
        assert_eq!(mode(&world.path("state")), 0o755, "{umask}");
        assert_eq!(mode(&world.path("state/state.json")), 0o644, "{umask}");
        let config = world.path("etc/agent/config.yaml");
        let mut rotate = shell(&world, &lines);
        let ended = rotate
            .args(["rotate-cert", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(0), "{umask}: {ended:?}");
        assert_eq!(mode(&world.path("etc/agent/client.crt")), 0o644, "{umask}");
        assert_eq!(mode(&world.path("etc/agent/client.key")), 0o600, "{umask}");
    }
}

/// A pipe that is full.
fn full() -> (PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
    rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
    while writer.write(&[b'\n'; 4096]).is_ok() {}
    rustix::fs::fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_has_to_read_its_log() {
    let (world, plane) = site().await;
    let (reader, writer) = full();
    let mut command = shell(&world, r#"exec "$@""#);
    command
        .args(["run", "--config"])
        .arg(world.path("etc/agent/config.yaml"))
        .arg("--state-dir")
        .arg(world.path("state"))
        .stderr(writer);
    let agent = Running::silent(command);
    alive(&plane, 5, "a full pipe").await;
    let (status, _) = agent.end("a full pipe").await;
    assert_eq!(status.code(), Some(0));
    drop(reader);
}

/// What somebody may have put where a file of the state belongs.
fn put(odd: &str, path: &Path) {
    match odd {
        "directory" => fs::create_dir(path).unwrap(),
        "pipe" => {
            let mode = Mode::RUSR | Mode::WUSR;
            mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap();
        }
        "loop" => symlink(path, path).unwrap(),
        "endless" => symlink("/dev/zero", path).unwrap(),
        "dangling" => symlink("/nowhere/at/all", path).unwrap(),
        "large" => fs::File::create(path).unwrap().set_len(1 << 34).unwrap(),
        "binary" => fs::write(path, [0xff, 0, 0xfe, b'\n', 0x1b]).unwrap(),
        "empty" => fs::write(path, "").unwrap(),
        "another" => fs::write(path, r#"[{"verdict": ["\u001b[31m"]}]"#).unwrap(),
        "future" => fs::write(path, r#"{"schema_version": 9, "verdict": 1, "pid": -1}"#).unwrap(),
        other => panic!("{other}"),
    }
}

const ODD: [&str; 10] = [
    "directory",
    "pipe",
    "loop",
    "endless",
    "dangling",
    "large",
    "binary",
    "empty",
    "another",
    "future",
];

#[test]
fn status_names_what_of_the_state_is_none() {
    let directory = tempfile::tempdir().unwrap();
    for (file, odd) in ["state.json", "diagnosis.json"]
        .iter()
        .flat_map(|file| ODD.map(|odd| (file, odd)))
    {
        let state = directory.path().join(format!("{file}-{odd}"));
        fs::create_dir(&state).unwrap();
        put(odd, &state.join(file));
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nexplane-agent"));
        command
            .args(["status", "--config", "/nowhere", "--state-dir"])
            .arg(&state)
            .env_clear();
        let ended = command.output().unwrap();
        let said = String::from_utf8(ended.stdout).unwrap();
        let case = format!("{file}: {odd}: {said}");
        assert!(matches!(ended.status.code(), Some(3 | 4)), "{case}");
        assert!(
            said.lines().all(|line| !line.contains(char::is_control)),
            "{case}"
        );
        assert!(
            !said.contains("os error") && ended.stderr.is_empty(),
            "{case}"
        );
        // What leads nowhere is not there.
        let named = said.contains(&state.join(file).display().to_string());
        assert_eq!(named, odd != "dangling", "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_things_in_its_state_directory_do_not_keep_it_from_working() {
    for odd in ODD {
        let (world, plane) = site().await;
        fs::create_dir(world.path("state")).unwrap();
        for file in ["state.json", "diagnosis.json", "state.json.new"] {
            put(odd, &world.path("state").join(file));
        }
        let mut agent = Running::of(&world);
        alive(&plane, 2, odd).await;
        if odd == "directory" {
            agent.line("WARNING: state not kept in ", odd).await;
        }
        let (status, said) = agent.end(odd).await;
        assert_eq!(status.code(), Some(0), "{odd}: {said:#?}");
        assert!(
            !said.iter().any(|line| line.contains("os error")),
            "{said:#?}"
        );
    }
}
