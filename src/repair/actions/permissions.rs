//! Owner and mode of the agent's files, as its user needs them.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::action::{Action, Applied, Description, Proposal, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError};
use super::super::look;
use super::super::permissions::{Opening, openings};
use crate::catalog::Repair;
use crate::checks::again::{self, What};
use crate::host::Base;
use crate::model::{Os, ReportedFinding};

/// Which files are repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The agent's own: its configuration, certificate and key.
    Agent,
    /// The CA file that it was told of.
    Ca,
}

struct RepairPermissions {
    of: Of,
    openings: Vec<Opening>,
    description: Description,
}

/// What has to change now.
async fn needed(site: &Site<'_>, of: Of) -> Result<Vec<Opening>, String> {
    if site.report.host.os == Os::Windows {
        return Err("the doctor changes owners and modes on Linux and macOS only".to_owned());
    }
    let look = look::again(site, &["config"]).await;
    let mut keeping = again::keeping(&*site.host, &look.known).await;
    keeping
        .files
        .retain(|file| (file.what == What::Ca) == (of == Of::Ca));
    if keeping
        .files
        .iter()
        .any(|file| file.path.base == Base::Caller)
        && site.is_foreign()
    {
        return Err("the configuration named by --config is not under --root".to_owned());
    }
    openings(&keeping)
}

/// What to do about files that the agent's user may not read, or others may.
pub(super) fn propose<'a>(
    of: Of,
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        let openings = match needed(site, of).await {
            Ok(openings) if openings.is_empty() => {
                return Proposal::Person(
                    "owner and mode of the files are as they should be".to_owned(),
                );
            }
            Ok(openings) => openings,
            Err(why) => return Proposal::Person(why),
        };
        let changes = openings.iter().map(change).collect();
        let description = Description {
            repair: Repair::RepairPermissions,
            codes: look::codes(findings),
            title: match of {
                Of::Agent => "Give the agent's files the owner and mode that its service needs",
                Of::Ca => "Give the CA file the owner and mode that the agent's service needs",
            }
            .to_owned(),
            why: match of {
                Of::Agent => {
                    "The user that the service runs as has to read them, and nobody else the key."
                }
                Of::Ca => {
                    "It holds the right CA; only the user that the service runs as may not read it."
                }
            }
            .to_owned(),
            changes,
            undo: Some("owner and mode are given back as they were".to_owned()),
            safety: Safety::Safe,
            needs_root: true,
            ask: None,
        };
        Proposal::Actions(vec![Box::new(RepairPermissions {
            of,
            openings,
            description,
        })])
    }
    .boxed()
}

fn change(opening: &Opening) -> String {
    let (uid, gid, mode) = opening.before;
    let wanted = opening.wanted;
    format!(
        "{}: {mode:04o} of {uid}:{gid} becomes {:04o} of {}:{}",
        opening.path.display(),
        wanted.mode.unwrap_or(mode),
        wanted.uid.unwrap_or(uid),
        wanted.gid.unwrap_or(gid)
    )
}

impl Action for RepairPermissions {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            match needed(site, self.of).await {
                Ok(now) if now == self.openings => Ok(()),
                Ok(_) => Err(Refusal("owner or mode was changed meanwhile".to_owned())),
                Err(why) => Err(Refusal(why)),
            }
        }
        .boxed()
    }

    fn apply<'a>(
        &'a self,
        _site: &'a Site<'a>,
        hands: &'a mut Hands,
    ) -> BoxFuture<'a, Result<Applied, HandsError>> {
        async move {
            for opening in &self.openings {
                hands.set_attributes(&opening.path, opening.wanted)?;
            }
            Ok(Applied::Done)
        }
        .boxed()
    }
}
