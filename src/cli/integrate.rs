//! `nexplane-doctor integrate systemd`: an agent's service that diagnoses itself at each start.

use std::path::Path;

use super::args::{IntegrateArgs, IntegrateWith};
use super::exit::{Exit, Failure};
use super::output;
use crate::agent::drop_in::{self, Done, DropIn};
use crate::model::Os;

pub(super) fn run(args: &IntegrateArgs) -> Result<Exit, Failure> {
    let IntegrateWith::Systemd {
        unit,
        remove,
        dry_run,
        root,
    } = &args.with;
    if root.is_none() && Os::current() != Os::Linux {
        return Err(Failure::usage(no_systemd(Os::current())));
    }
    let root = root.as_deref().unwrap_or(Path::new("/"));
    let drop_in = DropIn::of(unit, root).map_err(Failure::usage)?;
    let path = drop_in.path().display().to_string();
    if *remove {
        return removed(&drop_in, &path, *dry_run);
    }
    let program = std::env::current_exe()
        .and_then(|path| path.canonicalize())
        .map_err(|error| {
            Failure::usage(format_args!("cannot tell where this program is: {error}"))
        })?;
    drop_in::must_be_safe(&program).map_err(Failure::usage)?;
    let text = drop_in::text(&program);
    if *dry_run {
        output::print(&format!("# {path}\n{text}"))?;
        return Ok(Exit::Healthy);
    }
    match drop_in.write(&text).map_err(Failure::usage)? {
        Done::Changed => output::print(&format!(
            "{path} is written: from its next start on, the service diagnoses itself before it starts.\n"
        ))?,
        Done::AlreadySo => output::print(&format!("{path} is there already.\n"))?,
    }
    drop_in.reload().map_err(Failure::usage)?;
    Ok(Exit::Healthy)
}

/// What there is instead where there is no systemd.
fn no_systemd(os: Os) -> String {
    let manager = match os {
        Os::Macos => "launchd, which runs nothing before a job",
        Os::Linux | Os::Windows => "another, which runs nothing before a service",
    };
    format!(
        "there is no systemd on this system: its service manager is {manager}. An agent that `nexplane-agent install` put in place \
         diagnoses itself whenever it starts; --root DIR writes below the root of a Linux host"
    )
}

fn removed(drop_in: &DropIn, path: &str, dry_run: bool) -> Result<Exit, Failure> {
    if dry_run {
        output::print(&format!("{path} would be taken away.\n"))?;
        return Ok(Exit::Healthy);
    }
    match drop_in.remove().map_err(Failure::usage)? {
        Done::Changed => output::print(&format!("{path} is gone.\n"))?,
        Done::AlreadySo => output::print(&format!("There is no {path}.\n"))?,
    }
    drop_in.reload().map_err(Failure::usage)?;
    Ok(Exit::Healthy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_systemd_is_told_what_it_has_instead() {
        assert!(no_systemd(Os::Macos).contains("launchd"));
        assert!(no_systemd(Os::Windows).contains("--root DIR"));
    }
}
