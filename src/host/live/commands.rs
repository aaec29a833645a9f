//! Programs of the host: found in the search path, run without a shell, a terminal, a pager or a locale.
//!
//! They read nothing, what they print is bounded, and when the time is over they and all that they started are killed.

use std::borrow::Cow;
use std::ffi::OsString;
#[cfg(unix)]
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

#[cfg(unix)]
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::deadline::Deadline;
use super::files::Root;
use super::platform::{Family, PROGRAMS};
use crate::host::{Seen, Unseen};

/// The most that a program may print: 500 entries of a log, each with all its fields.
const LIMIT: u64 = 16 << 20;

/// Variables that change what programs print, or that hold secrets of the doctor's.
const CLEARED: [&str; 16] = [
    "LANGUAGE",
    "LC_TIME",
    "LC_MESSAGES",
    "LC_CTYPE",
    "LESS",
    "PAGER",
    "SYSTEMD_PAGER",
    "SYSTEMD_LESS",
    "SYSTEMD_LOG_LEVEL",
    "SYSTEMD_LOG_TARGET",
    "COLORTERM",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "GREP_OPTIONS",
    "NEXPLANE_ENROLLMENT_TOKEN",
    "NEXPLANE_API_TOKEN",
];

/// What a program printed and how it ended.
#[derive(Debug)]
pub(super) struct Output {
    /// How it ended.
    pub(super) status: ExitStatus,
    /// What it printed.
    pub(super) stdout: Vec<u8>,
    /// What it complained of.
    pub(super) stderr: String,
}

impl Output {
    /// What it said when it did not answer: the first line of its complaints.
    pub(super) fn complaint(&self) -> Option<&str> {
        self.stderr.lines().map(str::trim).find(|l| !l.is_empty())
    }

    /// The last thing that it said where its answer would have been.
    pub(super) fn last_words(&self) -> Option<Cow<'_, str>> {
        let lines = self.stdout.split(|byte| *byte == b'\n').rev();
        let mut lines = lines.map(<[u8]>::trim_ascii);
        lines
            .find(|line| !line.is_empty())
            .map(String::from_utf8_lossy)
    }
}

/// Where a program is: in the search path, then where programs usually are. Under another root only the latter.
pub(super) fn find(root: &Root, name: &str) -> Seen<PathBuf> {
    if name.is_empty() || name.contains(['/', '\\']) {
        return Err(Unseen::malformed(format!("`{name}` is no program's name")));
    }
    if root.is_foreign() {
        return std::env::split_paths(PROGRAMS)
            .map(|dir| dir.join(name))
            .find(|path| root.find_host(path).is_ok_and(|found| found.is_program()))
            .ok_or(Unseen::Absent);
    }
    which::which_in_global(name, Some(search_path()))
        .ok()
        .and_then(|mut found| found.next())
        .ok_or(Unseen::Absent)
}

fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = std::env::split_paths(PROGRAMS);
    let all = std::env::split_paths(&path).chain(usual);
    std::env::join_paths(all).unwrap_or_else(|_| PROGRAMS.into())
}

/// Runs a program of this host and waits for it, but not beyond the limit.
pub(super) async fn run(deadline: Deadline, program: &Path, args: &[&str]) -> Seen<Output> {
    deadline.run(run_bounded(program, args)).await?
}

async fn run_bounded(program: &Path, args: &[&str]) -> Seen<Output> {
    let name = program.display().to_string();
    let mut child = spawn(program, args)?;
    let family = Family::of(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let wait = async {
        let status = child.wait().await;
        status.map_err(|error| Unseen::failed(format!("cannot wait for {name}: {error}")))
    };
    let (stdout, stderr, status) = tokio::try_join!(read(stdout), read(stderr), wait)?;
    family.leave();
    Ok(Output {
        status,
        stdout,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

fn spawn(program: &Path, args: &[&str]) -> Seen<Child> {
    let name = program.display();
    let mut command = Command::new(program);
    command
        .args(args)
        .env("LC_ALL", "C")
        .env("TERM", "dumb")
        .env("NO_COLOR", "1")
        .env("SYSTEMD_COLORS", "0")
        .env("SYSTEMD_URLIFY", "0")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Family::prepare(&mut command);
    for variable in CLEARED {
        command.env_remove(variable);
    }
    command.spawn().map_err(|error| {
        let unseen = Unseen::from_io(&error);
        match unseen {
            Unseen::Failed { why } => Unseen::failed(format!("cannot run {name}: {why}")),
            other => other,
        }
    })
}

/// What became of a program whose lines were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// It ended by itself, well.
    All,
    /// Enough had been read, and it was ended.
    Enough,
    /// The time was over, and it was ended.
    Late,
}

/// The longest line that is handed on, in bytes; a longer one is passed over.
#[cfg(unix)]
const LINE: u64 = 1 << 20;

/// Runs a program and hands on what it prints, line by line, until `each` has enough. Nothing is held but a line.
#[cfg(unix)]
pub(super) async fn lines(
    deadline: Deadline,
    program: &Path,
    args: &[&str],
    each: &mut (dyn FnMut(&[u8]) -> ControlFlow<()> + Send),
) -> Seen<Lines> {
    let mut child = spawn(program, args)?;
    let family = Family::of(&child);
    let printed = async {
        if read_lines(child.stdout.take(), each).await?.is_break() {
            return Ok(Lines::Enough);
        }
        let stderr = read(child.stderr.take()).await?;
        let status = child
            .wait()
            .await
            .map_err(|error| Unseen::from_io(&error))?;
        family.leave();
        let output = Output {
            status,
            stdout: Vec::new(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        };
        match (status.success(), output.complaint()) {
            (true, _) => Ok(Lines::All),
            (false, Some(complaint)) => Err(Unseen::unsupported(complaint)),
            (false, None) => Err(Unseen::unsupported(status.to_string())),
        }
    };
    deadline.run(printed).await.unwrap_or(Ok(Lines::Late))
}

#[cfg(unix)]
async fn read_lines(
    pipe: Option<impl AsyncRead + Unpin>,
    each: &mut (dyn FnMut(&[u8]) -> ControlFlow<()> + Send),
) -> Seen<ControlFlow<()>> {
    let Some(pipe) = pipe else {
        return Ok(ControlFlow::Continue(()));
    };
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    let mut within_overlong = false;
    loop {
        line.clear();
        let mut bounded = (&mut pipe).take(LINE);
        let length = bounded.read_until(b'\n', &mut line).await;
        if length.map_err(|error| Unseen::from_io(&error))? == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let ends = line.last() == Some(&b'\n') || (line.len() as u64) < LINE;
        let is_rest = std::mem::replace(&mut within_overlong, !ends);
        if ends && !is_rest && each(&line).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Seen<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(LIMIT + 1)
            .read_to_end(&mut bytes)
            .await
            .map_err(|error| Unseen::from_io(&error))?;
    }
    if bytes.len() as u64 > LIMIT {
        return Err(Unseen::TooLarge { limit: LIMIT });
    }
    Ok(bytes)
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use super::*;

    async fn shell(budget_ms: u64, script: &str) -> Seen<Output> {
        let deadline = Deadline::after(Duration::from_millis(budget_ms));
        run(deadline, Path::new("/bin/sh"), &["-c", script]).await
    }

    #[tokio::test]
    async fn output_status_and_complaint_are_kept() {
        let output = shell(5000, "echo out $LC_ALL; echo 'not so' >&2; exit 3")
            .await
            .unwrap();
        assert_eq!(output.stdout, b"out C\n");
        assert_eq!(output.complaint(), Some("not so"));
        assert_eq!(output.status.code(), Some(3));
    }

    #[tokio::test]
    async fn what_hangs_is_killed_with_its_children() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = format!("sleep 60 & echo $! > {}; wait", file.path().display());
        let seen = shell(300, &script).await;
        assert_eq!(seen.unwrap_err(), Unseen::TimedOut { after_ms: 300 });
        let pid = std::fs::read_to_string(file.path()).unwrap();
        let stat = format!("/proc/{}/stat", pid.trim());
        // It is gone, or a zombie that the system's first process has not waited for yet.
        let state = |text: String| text.rsplit(')').next().unwrap_or("").trim().to_owned();
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while std::fs::read_to_string(&stat).is_ok_and(|text| !state(text).starts_with('Z')) {
            assert!(std::time::Instant::now() < deadline, "the child lives on");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn endless_output_ends() {
        let seen = shell(20_000, "exec cat /dev/zero").await;
        assert_eq!(seen.unwrap_err(), Unseen::TooLarge { limit: LIMIT });
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_absent() {
        let deadline = Deadline::after(Duration::from_secs(5));
        let seen = run(deadline, Path::new("/nowhere/at-all"), &[]).await;
        assert_eq!(seen.unwrap_err(), Unseen::Absent);
        let own = Root::new(None);
        assert_eq!(find(&own, "no-such-program-at-all"), Err(Unseen::Absent));
        assert!(find(&own, "sh").is_ok());
    }

    #[test]
    fn under_another_root_only_its_programs_count() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("usr/local/bin")).unwrap();
        let root = Root::new(Some(dir.path().to_owned()));
        assert_eq!(find(&root, "sh"), Err(Unseen::Absent));
        let program = dir.path().join("usr/local/bin/sh");
        std::fs::write(&program, "").unwrap();
        assert_eq!(find(&root, "sh"), Err(Unseen::Absent));
        rustix::fs::chmod(&program, rustix::fs::Mode::from_bits_truncate(0o755)).unwrap();
        assert_eq!(find(&root, "sh"), Ok("/usr/local/bin/sh".into()));
    }
}
