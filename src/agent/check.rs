//! `nexplane-agent check`: can the control plane be reached, is the certificate good, is the agent registered.
//!
//! Says one line a step in the contract's words; prints nothing itself, but to the writer that it is given.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::heartbeat::{Purpose, heartbeat};
use super::identity::{Identity, IdentityFiles};
use super::trust::roots;
use crate::contract::api::Health;
use crate::contract::client::{ApiClient, Route};
use crate::contract::config::{self, AgentConfig, MAX_BYTES};
use crate::contract::paths;
use crate::contract::proxy::{Proxy, Reading, Rules, read};
use crate::contract::tls::{ClientIdentity, anonymous_tls_config, strict_tls_config};
use crate::contract::url::ControlPlane;
use crate::model::printable;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// Everything is well.
    Passed,
    /// Something is not; the lines say what.
    Failed,
}

/// What the steps need.
struct Setting {
    config: AgentConfig,
    plane: ControlPlane,
    files: IdentityFiles,
    proxy: Option<Proxy>,
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
            writeln!(out, "Reading {}... FAILED ({why})", config.display())?;
            return Ok(CheckOutcome::Failed);
        }
    };
    let reached = setting.reach().await;
    report(
        out,
        "control plane connectivity",
        reached.map(|()| String::new()),
    )?;
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
    fn read(path: &Path, environment: &BTreeMap<String, String>) -> Result<Self, String> {
        let text = read_text(path).map_err(|error| error.to_string())?;
        let reading = config::parse(&text, None);
        let fatal = reading
            .problems
            .iter()
            .find(|problem| !matches!(problem, config::ConfigProblem::UnknownKey { .. }));
        if let Some(problem) = fatal {
            return Err(problem.to_string());
        }
        let config = reading.config;
        let plane = match config.control_plane_url() {
            Some(Ok(plane)) => plane,
            Some(Err(problem)) => return Err(format!("control_plane: {problem}")),
            None => return Err("`control_plane` is required and missing".to_owned()),
        };
        let (cert, key) = paths::beside(path);
        let files = IdentityFiles::new(
            config.cert_path.clone().unwrap_or(cert),
            config.key_path.clone().unwrap_or(key),
        );
        let proxy = proxy(&config, environment, &plane)?;
        Ok(Self {
            config,
            plane,
            files,
            proxy,
        })
    }

    fn client(&self, identity: Option<ClientIdentity>) -> Result<ApiClient, String> {
        let roots = roots(self.config.ca_cert.as_deref()).map_err(|error| error.to_string())?;
        let tls = strict_tls_config(&roots, identity, None).map_err(|error| error.to_string())?;
        let client = match &self.proxy {
            None => ApiClient::new(&self.plane, &[], tls, TIMEOUT),
            Some(proxy) => {
                // To the proxy itself the agent's certificate is not shown.
                let route = Route {
                    proxy: proxy.clone(),
                    tls: anonymous_tls_config(&roots).map_err(|e| e.to_string())?,
                };
                ApiClient::through(route, &self.plane, &[], tls, TIMEOUT)
            }
        };
        client.map_err(|error| error.to_string())
    }

    async fn reach(&self) -> Result<(), String> {
        let answer = self.client(None)?.health().await;
        let answer = answer.map_err(|error| error.to_string())?;
        match Health::recognise(&answer.body) {
            Some(health) if health.is_well() => Ok(()),
            Some(health) => Err(format!(
                "the control plane says: status {}, db {}",
                health.status,
                health.db.as_deref().unwrap_or("unknown")
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

/// The proxy to go through: the configuration's, or the environment's where that does not except the control plane.
fn proxy(
    config: &AgentConfig,
    environment: &BTreeMap<String, String>,
    plane: &ControlPlane,
) -> Result<Option<Proxy>, String> {
    if let Some(url) = &config.proxy {
        return Ok(Proxy::parse(url.expose()));
    }
    let rules = Rules::of(|name| environment.get(name).map(String::as_str));
    match &rules.https_proxy {
        Some((variable, url)) if rules.exempts(&plane.host(), plane.port()).is_none() => {
            match read(url.expose()) {
                Reading::Proxy(proxy) => Ok(Some(proxy)),
                Reading::PassedOver => Ok(None),
                Reading::Nobody(nobody) => Err(format!(
                    "{variable} is no URL of a proxy: the agent {}",
                    nobody.words()
                )),
            }
        }
        _ => Ok(None),
    }
}

/// A configuration's text, up to the bound that its reader has.
fn read_text(path: &Path) -> io::Result<String> {
    use io::Read;
    let mut text = Vec::new();
    let bound = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    std::fs::File::open(path)?
        .take(bound + 1)
        .read_to_end(&mut text)?;
    String::from_utf8(text).map_err(|_| io::Error::other("it is no UTF-8 text"))
}
