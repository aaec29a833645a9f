//! The drop-in by which an agent's service, ours or not, diagnoses itself before it starts.
//!
//! It must work in any unit: under a user of its own, with the whole system read-only. And it must make nobody more powerful: what
//! it names is run with the service's rights at each start, so that nobody but the superuser may be able to change it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::files::{Readers, replace};

/// Its name: late among the drop-ins, so that it adds to what stands.
const FILE: &str = "50-nexplane-doctor.conf";
/// The first line of one that this program wrote.
const MARK: &str = "# Written by `nexplane-doctor integrate systemd`; taken away again by the same with `--remove`.";
/// How long the service manager may take to read its units again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether there was something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was done.
    Changed,
    /// Nothing: it was so already.
    AlreadySo,
}

/// The drop-in of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIn {
    path: PathBuf,
    /// Whether the unit is this machine's own, so that its service manager has to be told.
    here: bool,
}

impl DropIn {
    /// Of this unit, on the host whose root this is.
    ///
    /// # Errors
    /// When that is no name of a service's unit.
    pub fn of(unit: &str, root: &Path) -> Result<Self, String> {
        let fit = |c: char| c.is_ascii_alphanumeric() || "-_.@:\\".contains(c);
        let named = match unit.contains('.') {
            true => unit.to_owned(),
            false => format!("{unit}.service"),
        };
        if !named.ends_with(".service") || named.starts_with('.') || !named.chars().all(fit) {
            return Err(format!("`{unit}` is no name of a service's unit"));
        }
        Ok(Self {
            path: root
                .join("etc/systemd/system")
                .join(format!("{named}.d"))
                .join(FILE),
            here: root == Path::new("/"),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it, or leaves it if it says the same already.
    ///
    /// # Errors
    /// When that cannot be done, or somebody else's file of that name is there.
    pub fn write(&self, text: &str) -> Result<Done, String> {
        match self.there()? {
            Some(there) if there == text => return Ok(Done::AlreadySo),
            Some(there) if !there.starts_with(MARK) => return Err(self.not_ours()),
            _ => {}
        }
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(directory)
            .and_then(|()| replace(&self.path, text.as_bytes(), Readers::Everybody))
            .map_err(|error| self.failed("write", &error))?;
        Ok(Done::Changed)
    }

    /// Takes it away, and its directory if nothing else is in there.
    ///
    /// # Errors
    /// When that cannot be done, or somebody else's file of that name is there.
    pub fn remove(&self) -> Result<Done, String> {
        match self.there()? {
            None => return Ok(Done::AlreadySo),
            Some(there) if !there.starts_with(MARK) => return Err(self.not_ours()),
            Some(_) => {}
        }
        fs::remove_file(&self.path).map_err(|error| self.failed("remove", &error))?;
        if let Some(directory) = self.path.parent() {
            // Others' drop-ins may be in there.
            let _stays = fs::remove_dir(directory);
        }
        Ok(Done::Changed)
    }

    /// Has the service manager read its units again, where there is one that runs.
    ///
    /// # Errors
    /// When it could not.
    pub fn reload(&self) -> Result<(), String> {
        if !self.here || !Path::new("/run/systemd/system").is_dir() {
            return Ok(());
        }
        let failed = |why: String| {
            format!("systemd did not read its units again ({why}); run `systemctl daemon-reload`")
        };
        let mut child = Command::new("systemctl")
            .arg("daemon-reload")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let end = Instant::now() + PATIENCE;
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(failed(status.to_string())),
                Ok(None) if Instant::now() < end => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok(None) => {
                    // It is ours, and has hung.
                    let _killed = child.kill();
                    let _waited = child.wait();
                    return Err(failed("no answer".to_owned()));
                }
                Err(error) => return Err(failed(error.to_string())),
            }
        }
    }

    /// What stands there now. A link is nobody's drop-in of ours, and is not followed.
    fn there(&self) -> Result<Option<String>, String> {
        match fs::symlink_metadata(&self.path) {
            Ok(metadata) if !metadata.is_file() || metadata.len() > 1 << 16 => Err(self.not_ours()),
            Ok(_) => fs::read_to_string(&self.path)
                .map(Some)
                .map_err(|error| self.failed("read", &error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    fn not_ours(&self) -> String {
        format!(
            "{} was not written by nexplane-doctor, and stays as it is; move it away first",
            self.path.display()
        )
    }

    fn failed(&self, what: &str, error: &io::Error) -> String {
        let root = match error.kind() {
            io::ErrorKind::PermissionDenied => "; run this as root",
            _ => "",
        };
        format!("cannot {what} {}: {error}{root}", self.path.display())
    }
}

/// What it says. `-`: whatever becomes of the diagnosis, the service starts. The state's directory is there for every user
/// that a unit may run as, and can be written to however much of the system is read-only.
pub fn text(program: &Path) -> String {
    format!(
        "{MARK}\n[Service]\nExecStartPre=-{} --startup\nStateDirectory=nexplane-agent\n",
        quoted(program)
    )
}

/// A path as systemd reads it in a command line (systemd.service(5), systemd.unit(5)).
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let escaped = path
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    match escaped.contains(char::is_whitespace) || escaped.contains(['\'', ';']) || escaped != path
    {
        true => format!("\"{escaped}\""),
        false => escaped,
    }
}

/// Directories that a service may not see, or that others may write to, with the reason.
const UNFIT: [(&str, &str); 6] = [
    ("/home", "a service with ProtectHome= does not see it"),
    (
        "/root",
        "a service with ProtectHome= or another user does not see it",
    ),
    ("/run/user", "it goes when its user logs out"),
    ("/tmp", "a service with PrivateTmp= does not see it"),
    ("/var/tmp", "a service with PrivateTmp= does not see it"),
    ("/dev/shm", "it is gone after the next boot"),
];

/// Whether a service may be told to run this program: one that it can see, and that nobody but the superuser can change.
///
/// # Errors
/// Why not, and what to do.
pub fn must_be_safe(program: &Path) -> Result<(), String> {
    let elsewhere = "; install nexplane-doctor to /usr/local/bin, owned by root, and run that";
    if program.to_string_lossy().contains(char::is_control) || program.to_str().is_none() {
        return Err(format!(
            "the path of this program cannot be written into a unit{elsewhere}"
        ));
    }
    if let Some((directory, why)) = UNFIT.iter().find(|(dir, _)| program.starts_with(dir)) {
        return Err(format!(
            "this program is {}, below {directory}: {why}{elsewhere}",
            program.display()
        ));
    }
    must_be_the_superusers(program).map_err(|why| format!("{why}{elsewhere}"))
}

/// Whether nobody but the superuser can change this program, or what is found under its name.
///
/// # Errors
/// Why not.
pub fn must_be_the_superusers(program: &Path) -> Result<(), String> {
    program.ancestors().try_for_each(only_the_superuser_s)
}

#[cfg(unix)]
fn only_the_superuser_s(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let shown = path.display();
    let metadata =
        fs::metadata(path).map_err(|error| format!("cannot look at {shown}: {error}"))?;
    if metadata.uid() != 0 {
        return Err(format!(
            "{shown} belongs to user {}, who could change what the service runs",
            metadata.uid()
        ));
    }
    let (group, others) = (0o020, 0o002);
    if metadata.mode() & others != 0 || (metadata.mode() & group != 0 && metadata.gid() != 0) {
        return Err(format!(
            "others than root may write to {shown} (mode {:o}), and could change what the service runs",
            metadata.mode() & 0o7777
        ));
    }
    if metadata.is_file() && metadata.mode() & 0o001 == 0 {
        return Err(format!(
            "{shown} may not be executed by the service's user (mode {:o})",
            metadata.mode() & 0o7777
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn only_the_superuser_s(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let writers = crate::host::live::windows::other_writers(path)
        .map_err(|why| format!("cannot look at {shown}: {why}"))?;
    match writers.first() {
        None => Ok(()),
        Some(writer) => Err(format!(
            "{writer} may change {shown}, and with it what the service runs"
        )),
    }
}

#[cfg(all(test, unix))]
mod tests;
