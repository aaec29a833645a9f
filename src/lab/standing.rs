//! A control plane that is kept running for others to try, with everything that they need to reach it.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tempfile::TempDir;

use super::fault::{Fault, Side};
use super::faults;
use super::plan::{ChangeRequest, NAME, Plan, Registration, Token};
use super::{
    Authority, Clock, ControlPlaneServer, HealthPage, HeartbeatReply, LabError, RequestLine, State,
};
use super::{together, world};
use crate::contract::api;
use crate::model::{Code, Secret};

/// How many tokens it hands out.
pub const TOKENS: usize = 5;

/// What is slow for those who try it: more than half of the time that a probe has by default.
const SLOW: Duration = Duration::from_millis(3500);

/// A fault that a server cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotServed {
    /// No such fault at all.
    #[error("there is no fault `{0}`; `nexplane-doctor lab list` names them all")]
    Unknown(Code),
    /// It is on another side.
    #[error(
        "`{code}` is a fault of the {side}, not of a server; `nexplane-doctor lab run {code}` injects it"
    )]
    Elsewhere {
        /// The fault.
        code: Code,
        /// Where it is.
        side: &'static str,
    },
    /// It cannot exist beside another one.
    #[error("`{other}` and `{code}` cannot be injected together: {why}")]
    Together {
        /// The fault.
        code: Code,
        /// The other one.
        other: Code,
        /// Why not.
        why: &'static str,
    },
}

/// Makes the plan of a server that has these faults.
///
/// # Errors
/// When one of them is not a server's, or two of them cannot be there at the same time.
pub fn plan(codes: &[Code]) -> Result<Plan, NotServed> {
    let mut all: Vec<&Fault> = Vec::new();
    for code in codes {
        let fault = faults::find(code.as_str()).ok_or_else(|| NotServed::Unknown(code.clone()))?;
        if fault.side != Side::Server {
            return Err(NotServed::Elsewhere {
                code: code.clone(),
                side: fault.side.as_str(),
            });
        }
        if let Some((other, why)) = all
            .iter()
            .find_map(|other| Some((other, together::impossible(other, fault)?)))
        {
            return Err(NotServed::Together {
                code: code.clone(),
                other: other.code.clone(),
                why,
            });
        }
        all.push(fault);
    }
    Ok(together::plan(&all))
}

/// A running control plane and the way to it.
pub struct Standing {
    /// Its URL.
    pub control_plane: String,
    /// The file with its CA certificate.
    pub ca_cert: PathBuf,
    /// Enrollment tokens: unused, unless a fault says otherwise.
    pub tokens: Vec<Secret>,
    /// A token for the user interface's API.
    pub api_token: Secret,
    /// The id of a change request for this host that is approved, unless a fault says otherwise.
    pub change_request: String,
    server: ControlPlaneServer,
    /// Where the CA file is, when nobody said where.
    _directory: Option<TempDir>,
}

impl Standing {
    /// Starts a control plane; its CA file goes into `directory`, or into a temporary one that goes with this value.
    /// Its client certificates live for the usual time, or for `certificates_for`.
    ///
    /// # Errors
    /// When a file, a socket or a certificate cannot be made.
    pub async fn start(
        listen: SocketAddr,
        directory: Option<&Path>,
        mut plan: Plan,
        certificates_for: Option<TimeDelta>,
    ) -> Result<Self, LabError> {
        let clock = Clock::ahead_by(TimeDelta::zero());
        let mut state = State::new(Arc::new(Authority::new(Utc::now())?), clock);
        if let Some(lifetime) = certificates_for {
            state = state.certificates_for(lifetime);
        }
        let state = Arc::new(state);
        if plan.registration == Registration::Revoked {
            // Whoever enrolls here is deleted at once.
            let detail = api::AGENT_REVOKED.to_owned();
            plan.server.agent_api.heartbeat = HeartbeatReply::Refused(403, detail);
        }
        if matches!(plan.server.health, HealthPage::Slow(_)) {
            plan.server.health = HealthPage::Slow(SLOW);
        }
        let mut tokens = Vec::new();
        for _ in 0..TOKENS {
            tokens.push(match plan.token {
                Token::None | Token::Placeholder => state.new_token(TimeDelta::days(1))?.0,
                wanted => match world::token(&state, wanted).await? {
                    Some(token) => token,
                    None => continue,
                },
            });
        }
        let hostname = sysinfo::System::host_name().unwrap_or_default();
        let approved = ChangeRequest {
            exists: true,
            status: "approved",
            for_this_host: true,
        };
        let change_request = plan.change_request.or(Some(approved));
        world::put_change_request(&state, change_request, &hostname);
        let api_token = state.new_api_token()?;
        let (directory, temporary) = match directory {
            Some(directory) => (directory.to_owned(), None),
            None => {
                let temporary = tempfile::Builder::new().prefix("nexplane-lab-").tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        fs::create_dir_all(&directory)?;
        let ca_cert = directory.join("ca.crt");
        fs::write(&ca_cert, state.authority().root_pem())?;
        let names = [
            NAME.to_owned(),
            "localhost".to_owned(),
            listen.ip().to_string(),
        ];
        let server = ControlPlaneServer::start(state, plan.server, listen, &names).await?;
        Ok(Self {
            control_plane: format!("https://{}", authority(server.address())),
            ca_cert,
            tokens,
            api_token,
            change_request: world::CHANGE_REQUEST.to_owned(),
            server,
            _directory: temporary,
        })
    }

    /// The next request that it answered; `None` once it has ended.
    pub async fn next_request(&mut self) -> Option<RequestLine> {
        self.server.next_request().await
    }
}

/// An address as it stands in a URL; one that stands for every address of the machine is reached at loopback.
fn authority(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::ServerCertificate;

    fn of(names: [&'static str; 2]) -> Result<Plan, NotServed> {
        plan(&names.map(Code::from_static))
    }

    #[test]
    fn two_faults_are_both_there_or_are_refused() {
        let certificate = of(["trust.expired", "trust.name_mismatch"]).map(|plan| plan.server);
        let certificate = certificate.map(|server| (server.certificate, server.besides));
        let wrong_name = ServerCertificate::WrongName("other.lab.test".to_owned());
        assert_eq!(
            certificate,
            Ok((ServerCertificate::Expired, vec![wrong_name]))
        );
        let apart = of(["tcp.refused", "tls.alert"]).map(drop);
        let said = apart.map_err(|error| error.to_string());
        let why =
            "`tcp.refused` and `tls.alert` cannot be injected together: both change the same thing";
        assert_eq!(said, Err(why.to_owned()));
        assert!(matches!(
            of(["tls.alert", "dns.pinned"]),
            Err(NotServed::Elsewhere { .. })
        ));
    }
}
