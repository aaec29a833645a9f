//! Owner and mode of the agent's files, as its user needs them.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::action::{Action, Applied, Description, Proposal, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError};
use super::super::look;
use super::super::permissions::{Opening, openings};
use crate::catalog::Repair;
use crate::checks::again;
use crate::host::Base;
use crate::model::{Os, ReportedFinding};

struct RepairPermissions {
    openings: Vec<Opening>,
    description: Description,
}

/// What has to change now.
async fn needed(site: &Site<'_>) -> Result<Vec<Opening>, String> {
    if site.report.host.os != Os::Linux {
        return Err("the doctor changes owners and modes on Linux only".to_owned());
    }
    let look = look::again(site, &["config"]).await;
    let keeping = again::keeping(&*site.host, &look.known).await;
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
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        let openings = match needed(site).await {
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
            title: "Give the agent's files the owner and mode that its service needs".to_owned(),
            why: "The user that the service runs as has to read them, and nobody else the key."
                .to_owned(),
            changes,
            undo: Some("owner and mode are given back as they were".to_owned()),
            safety: Safety::Safe,
            needs_root: true,
            ask: None,
        };
        Proposal::Actions(vec![Box::new(RepairPermissions {
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
            match needed(site).await {
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
