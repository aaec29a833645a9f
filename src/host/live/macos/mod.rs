//! macOS: what its own programs say of services, logs, accounts, the network and time.
//!
//! Each question is a conversation with programs ([`Programs`]), so that what they print is read, and what is concluded, wherever the
//! tests run; on macOS itself [`here`] lets them speak.

mod accounts;
#[cfg(target_os = "macos")]
mod here;
mod job;
mod launchctl;
mod log;
mod network;
mod property_list;
mod time;
#[cfg(test)]
mod told;
#[cfg(target_os = "macos")]
mod unified_log;

#[cfg(target_os = "macos")]
pub(crate) use unified_log::UnifiedLog;

#[cfg(target_os = "macos")]
pub(super) use here::{
    PROGRAMS, VERSIONED, defined, history, inside, journal, known_system, listed_account,
    listed_group, network_settings, service, time_sync, version,
};

use futures_util::future::BoxFuture;

use crate::host::{Seen, Unseen};

/// Runs programs of the host by name, each within the time that the answer has.
trait Programs: Sync {
    /// Runs one, and waits for what it says.
    fn ask<'a>(&'a self, program: &'a str, args: &'a [&'a str]) -> BoxFuture<'a, Seen<Said>>;
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    /// Its exit status, unless a signal ended it.
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn is_well(&self) -> bool {
        self.code == Some(0)
    }

    /// The first line of what it complained of, wherever it said so.
    fn complaint(&self) -> &str {
        let mut lines = self.err.lines().chain(self.out.lines()).map(str::trim);
        lines
            .find(|line| !line.is_empty())
            .unwrap_or("it did not say why")
    }

    fn refused(&self, program: &str) -> Unseen {
        Unseen::unsupported(format!("{program} does not answer: {}", self.complaint()))
    }
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}
