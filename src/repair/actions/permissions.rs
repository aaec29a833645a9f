//! Owner and mode of the agent's files, on Windows their access control lists, as its user needs them.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::access_list::{Listing, listings};
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

/// What has to change.
#[derive(PartialEq, Eq)]
enum Needed {
    /// Owners and modes.
    Modes(Vec<Opening>),
    /// Access control lists.
    Lists(Vec<Listing>),
}

struct RepairPermissions {
    of: Of,
    needed: Needed,
    description: Description,
}

/// What has to change now.
async fn needed(site: &Site<'_>, of: Of) -> Result<Needed, String> {
    let os = site.report.host.os;
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
    match os {
        Os::Windows => listings(&keeping).map(Needed::Lists),
        Os::Linux | Os::Macos => openings(&keeping).map(Needed::Modes),
    }
}

/// What to do about files that the agent's user may not read, or others may.
pub(super) fn propose<'a>(
    of: Of,
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        let needed = match needed(site, of).await {
            Ok(needed) => needed,
            Err(why) => return Proposal::Person(why),
        };
        let what = needed.what();
        let changes = needed.changes();
        if changes.is_empty() {
            return Proposal::Person(format!("{what} of the files are as they should be"));
        }
        let description = Description {
            repair: Repair::RepairPermissions,
            codes: look::codes(findings),
            title: match of {
                Of::Agent => format!("Give the agent's files the {what} that its service needs"),
                Of::Ca => format!("Give the CA file the {what} that the agent's service needs"),
            },
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
            undo: Some(format!("{what} are given back as they were")),
            safety: Safety::Safe,
            needs_root: true,
            ask: None,
        };
        Proposal::Actions(vec![Box::new(RepairPermissions {
            of,
            needed,
            description,
        })])
    }
    .boxed()
}

impl Needed {
    const fn what(&self) -> &'static str {
        match self {
            Self::Modes(_) => "owner and mode",
            Self::Lists(_) => "access control lists",
        }
    }

    fn changes(&self) -> Vec<String> {
        match self {
            Self::Modes(openings) => openings.iter().map(change).collect(),
            Self::Lists(listings) => listings
                .iter()
                .map(|it| format!("{}: {} becomes {}", it.path.display(), it.before, it.wanted))
                .collect(),
        }
    }
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
                Ok(now) if now == self.needed => Ok(()),
                Ok(now) => Err(Refusal(format!("{} were changed meanwhile", now.what()))),
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
            match &self.needed {
                Needed::Modes(openings) => {
                    for opening in openings {
                        hands.set_attributes(&opening.path, opening.wanted)?;
                    }
                }
                Needed::Lists(listings) => {
                    for listing in listings {
                        hands.set_access_list(&listing.path, &listing.wanted.written())?;
                    }
                }
            }
            Ok(Applied::Done)
        }
        .boxed()
    }
}
