//! What a new identity is made with: the agent's own library, in the place of the agent, with its files kept.

use super::super::access_list::for_key;
use super::super::action::Site;
use super::super::hands::{Hands, HandsError, Wanted};
use super::super::journal::Holds;
use super::super::look::{self, Look};
use super::configuration::absolute;
use crate::agent::{HostFacts, IdentityFiles, Purpose, Setting, heartbeat};
use crate::checks::again;
use crate::checks::config::told;
use crate::contract::paths;
use crate::host::Account;
use crate::model::{CheckId, Status};

/// The account of Windows itself; who owns a file is left as it is.
const SYSTEM: &str = "S-1-5-18";
/// Everything between the agent and the control plane.
pub(super) const WAY: [&str; 7] = ["proxy", "dns", "tcp", "tls", "trust", "health", "clock"];

/// A look at what decides whether a new identity is due.
pub(super) async fn examine(site: &Site<'_>) -> Look {
    let mut checks = WAY.to_vec();
    checks.extend(["config", "identity", "registration"]);
    look::again(site, &checks).await
}

/// Whether the way to the control plane is whole, so that what is wrong with the identity is wrong with it alone.
///
/// # Errors
/// When it is not, or is not known to be; says why.
pub(super) fn way_is_open(site: &Site<'_>, look: &Look) -> Result<(), String> {
    if site.is_foreign() {
        return Err("the agent under --root cannot be spoken for from here".to_owned());
    }
    if told(&look.known).insecure {
        return Err(
            "verification is switched off: neither a token nor a certificate goes to a peer that nobody has verified"
                .to_owned(),
        );
    }
    for check in WAY {
        let id = CheckId::from_static(check);
        let status = look.report.checks.iter().find(|it| it.id == id);
        let status = status.map(|it| it.status);
        let undecided_clock = check == "clock" && status == Some(Status::Unknown);
        match status {
            Some(Status::Pass | Status::Warn | Status::Skipped) => {}
            _ if undecided_clock => {}
            _ => {
                return Err(format!(
                    "nothing enrolls while the way to the control plane is not whole: {}",
                    look.why_not(check)
                ));
            }
        }
    }
    Ok(())
}

/// The agent's setting and files.
pub(super) struct Bench {
    pub(super) setting: Setting,
    /// The host's name, as the agent reports it.
    pub(super) hostname: String,
    /// Who has to read the files; nothing for root.
    owner: Option<Account>,
}

impl Bench {
    /// Reads the configuration as the agent's service does.
    ///
    /// # Errors
    /// When an agent could not run with it; says why.
    pub(super) async fn new(site: &Site<'_>, look: &Look) -> Result<Self, String> {
        let told = told(&look.known);
        let path = absolute(site, &told.path)?;
        let variables = again::variables(&*site.host, &look.known).await?;
        let keeping = again::keeping(&*site.host, &look.known).await;
        Ok(Self {
            setting: Setting::read(&path, &variables)?,
            hostname: look.known.system.hostname.clone(),
            owner: keeping.account.filter(|account| account.uid != 0),
        })
    }

    /// What the agent says of its host.
    pub(super) fn facts(&self) -> HostFacts {
        HostFacts::named(self.hostname.clone())
    }

    /// Keeps the identity that is there, and what an attempt may leave beside it.
    ///
    /// # Errors
    /// When it cannot be kept: then nothing may be changed.
    pub(super) fn keep(&self, hands: &mut Hands) -> Result<(), HandsError> {
        let files = &self.setting.files;
        // What waits beside them is the agent's own to finish or to give up; it is put back only with what it belongs to.
        for path in [files.key(), files.cert()].map(paths::pending) {
            hands.keep(&path, Holds::Identity)?;
        }
        hands.keep(files.key(), Holds::Identity)?;
        hands.keep(files.cert(), Holds::Identity)
    }

    /// Gives the new files to the agent's user, and settles what was kept.
    ///
    /// # Errors
    /// When that could not be done.
    pub(super) fn hand_over(&self, hands: &mut Hands) -> Result<(), HandsError> {
        hands.settle()?;
        let files = &self.setting.files;
        let with = |mode| Wanted {
            mode: Some(mode),
            uid: self.owner.as_ref().map(|owner| owner.uid),
            gid: None,
        };
        if let Some(owner) = self.owner.as_ref().filter(|it| !it.sids.is_empty()) {
            let list = for_key(SYSTEM, owner).written();
            return hands.set_access_list(files.key(), &list);
        }
        hands.set_attributes(files.key(), with(0o600))?;
        hands.set_attributes(files.cert(), with(0o644))
    }

    /// Shows the control plane the identity that is there now; it does not count as a sign of life.
    ///
    /// # Errors
    /// When it is not accepted.
    pub(super) async fn try_out(&self) -> Result<(), HandsError> {
        let failed =
            |why: String| HandsError::Failed(format!("the new identity is not accepted: {why}"));
        let identity = load(&self.setting.files)?;
        let tls = (identity.tls.0.clone(), identity.tls.1.clone_key());
        let client = self.setting.client(Some(tls)).map_err(failed)?;
        heartbeat(&client, &identity, &self.hostname, Purpose::Diagnosis)
            .await
            .map(|_| ())
            .map_err(|error| failed(error.to_string()))
    }
}

fn load(files: &IdentityFiles) -> Result<crate::agent::Identity, HandsError> {
    files
        .load()
        .map_err(|error| HandsError::Failed(error.to_string()))
}
