//! `nexplane-agent check`: can the control plane be reached, is the certificate good, is the agent registered.
//!
//! Says one line a step in the contract's words; prints nothing itself, but to the writer that it is given.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use chrono::{DateTime, Utc};

use super::heartbeat::{Purpose, heartbeat};
use super::identity::Identity;
use super::rotate::settle;
use super::setting::Setting;
use crate::contract::api::Health;
use crate::model::{excerpt, printable};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// Everything is well.
    Passed,
    /// Something is not; the lines say what.
    Failed,
}

/// Checks the agent that the configuration at `config` describes, as of `now`, in an environment with these variables.
///
/// # Errors
/// When `out` cannot be written to.
pub async fn check(
    config: &Path,
    hostname: &str,
    environment: &BTreeMap<String, String>,
    now: DateTime<Utc>,
    out: &mut (dyn Write + Send),
) -> io::Result<CheckOutcome> {
    let setting = match Setting::read(config, environment) {
        Ok(setting) => setting,
        Err(why) => {
            let next = why.next_step();
            let why = why.to_string();
            writeln!(
                out,
                "Reading the configuration... FAILED ({})",
                printable(&why)
            )?;
            writeln!(out, "Next: {next}")?;
            return Ok(CheckOutcome::Failed);
        }
    };
    let reached = setting.reach().await;
    report(
        out,
        "control plane connectivity",
        reached.map(|()| String::new()),
    )?;
    // A rotation that was killed has left two pairs, of which perhaps the new one alone works.
    let _undecided = settle(&setting, hostname).await;
    let identity = setting.identity(now);
    let expiry = identity
        .as_ref()
        .map_err(Clone::clone)
        .map(|identity| format!(" (expires {})", identity.not_after.format("%Y-%m-%d")));
    report(out, "mTLS certificate", expiry)?;
    let registered = match identity {
        Ok(identity) => setting.registration(identity, hostname).await,
        Err(_) => Err("needs the certificate".to_owned()),
    };
    let registered = registered.map(|name| format!(" (registered as {name})"));
    let all = registered.is_ok();
    report(out, "agent registration", registered)?;
    if !all {
        return Ok(CheckOutcome::Failed);
    }
    writeln!(out, "All checks passed.")?;
    Ok(CheckOutcome::Passed)
}

/// `Checking …... OK (…)`, or `FAILED (…)`.
fn report(out: &mut dyn Write, what: &str, result: Result<String, String>) -> io::Result<()> {
    match result {
        Ok(more) => writeln!(out, "Checking {what}... OK{}", printable(&more)),
        Err(why) => writeln!(out, "Checking {what}... FAILED ({})", printable(&why)),
    }
}

impl Setting {
    async fn reach(&self) -> Result<(), String> {
        let answer = self.client(None)?.health().await;
        let answer = answer.map_err(|error| error.to_string())?;
        match Health::recognise(&answer.body) {
            Some(health) if health.is_well() => Ok(()),
            Some(health) => Err(format!(
                "the control plane says: status {}, db {}",
                excerpt(&health.status),
                excerpt(health.db.as_deref().unwrap_or("unknown"))
            )),
            None => Err(format!(
                "status {}, and not a control plane's answer",
                answer.status
            )),
        }
    }

    fn identity(&self, now: DateTime<Utc>) -> Result<Identity, String> {
        let identity = self.files.load().map_err(|error| error.to_string())?;
        if now > identity.not_after {
            return Err(format!(
                "expired {}; run nexplane-agent rotate-cert",
                identity.not_after.format("%Y-%m-%d")
            ));
        }
        Ok(identity)
    }

    async fn registration(&self, identity: Identity, hostname: &str) -> Result<String, String> {
        let tls = (identity.tls.0.clone(), identity.tls.1.clone_key());
        let client = self.client(Some(tls))?;
        heartbeat(&client, &identity, hostname, Purpose::Diagnosis)
            .await
            .map(|answer| answer.registered_as)
            .map_err(|error| error.to_string())
    }
}
