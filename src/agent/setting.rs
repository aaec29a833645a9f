//! What an agent works with: its configuration read, its files found, and its way to the control plane.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use super::files;
use super::identity::IdentityFiles;
use super::trust::{Store, TrustError, roots};
use crate::contract::client::{ApiClient, Route};
use crate::contract::config::{self, AgentConfig, MAX_BYTES, Verification};
use crate::contract::paths;
use crate::contract::proxy::{Proxy, Reading, Rules, read};
use crate::contract::tls::{
    ClientIdentity, anonymous_tls_config, strict_tls_config, unverified_tls_config,
};
use crate::contract::url::ControlPlane;
use crate::model::{Code, Encoding};

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why no agent could run with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// Its file cannot be read.
    #[error("could not read the configuration {}: {}", .path.display(), files::words(.error))]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// What it says is of no use; in words.
    #[error("{0}")]
    Unfit(String),
}

impl SettingError {
    /// The finding that it is, where it is one by itself.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::File { error, .. } if error.kind() == io::ErrorKind::NotFound => {
                Some(Code::from_static("config.missing"))
            }
            _ => None,
        }
    }

    /// What a person can do about it now.
    pub fn next_step(&self) -> &'static str {
        let kind = match self {
            Self::File { error, .. } => error.kind(),
            Self::Unfit(_) => {
                return "`nexplane-doctor` says where it is wrong, and what is allowed there";
            }
        };
        match kind {
            io::ErrorKind::NotFound => {
                "`nexplane-agent install` makes it; --config FILE names one that is elsewhere"
            }
            io::ErrorKind::PermissionDenied => "root may read it: run this with sudo",
            _ => "`nexplane-agent install` writes a new one in its place",
        }
    }
}

impl From<SettingError> for String {
    fn from(error: SettingError) -> Self {
        error.to_string()
    }
}

/// An agent's configuration, and what follows from it.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The configuration.
    pub config: AgentConfig,
    /// The control plane.
    pub plane: ControlPlane,
    /// Where the identity is kept.
    pub files: IdentityFiles,
    /// The proxy that is on the way.
    pub proxy: Option<Proxy>,
    /// Where it finds the system's CAs.
    pub(super) store: Store,
}

impl Setting {
    /// Reads the configuration at `path`, in an environment with these variables.
    ///
    /// # Errors
    /// When an agent could not run with it; the text says why.
    pub fn read(path: &Path, environment: &BTreeMap<String, String>) -> Result<Self, SettingError> {
        let text = read_text(path).map_err(|error| SettingError::File {
            path: path.to_owned(),
            error,
        })?;
        let reading = config::parse(&text, None);
        let fatal = reading
            .problems
            .iter()
            .find(|problem| !matches!(problem, config::ConfigProblem::UnknownKey { .. }));
        if let Some(problem) = fatal {
            return Err(SettingError::Unfit(problem.to_string()));
        }
        Self::of(reading.config, path, environment).map_err(SettingError::Unfit)
    }

    /// What follows from a configuration that is, or will be, at `path`.
    ///
    /// # Errors
    /// When an agent could not run with it; the text says why.
    pub(super) fn of(
        config: AgentConfig,
        path: &Path,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
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
            store: Store::of(environment),
        })
    }

    /// The same as [`Setting::client`] for one that calls every few seconds: it keeps its connection.
    ///
    /// # Errors
    /// As there.
    pub(super) fn lasting_client(&self, identity: ClientIdentity) -> Result<ApiClient, String> {
        if self.proxy.is_some() {
            return self.client(Some(identity));
        }
        let roots = self.roots().map_err(|error| error.to_string())?;
        let tls = match self.config.verification {
            Verification::On => strict_tls_config(&roots, Some(identity), None),
            Verification::Off => unverified_tls_config(Some(identity)),
        };
        let tls = tls.map_err(|error| error.to_string())?;
        ApiClient::lasting(&self.plane, tls, TIMEOUT).map_err(|error| error.to_string())
    }

    /// Whom it trusts.
    ///
    /// # Errors
    /// When the configured CA file is of no use.
    pub(super) fn roots(&self) -> Result<Vec<CertificateDer<'static>>, TrustError> {
        roots(&self.store, self.config.ca_cert.as_deref())
    }

    /// A client of the control plane that presents `identity`, and accepts only a peer that strict verification accepts;
    /// any peer, where the configuration says `insecure_skip_verify`.
    ///
    /// # Errors
    /// When the CA file or the identity is of no use; the text says why.
    pub fn client(&self, identity: Option<ClientIdentity>) -> Result<ApiClient, String> {
        let roots = self.roots().map_err(|error| error.to_string())?;
        let tls = match self.config.verification {
            Verification::On => strict_tls_config(&roots, identity, None),
            Verification::Off => unverified_tls_config(identity),
        };
        let tls = tls.map_err(|error| error.to_string())?;
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
    let bound = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let text = files::read(path, bound)?;
    let read = Encoding::of(&text).decode(&text);
    read.ok_or_else(|| io::Error::other("it is no UTF-8 text"))
}
