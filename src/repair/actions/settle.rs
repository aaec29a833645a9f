//! Finishing a rotation or an enrollment that was cut short, as the agent itself would: the control plane says which of two pairs counts.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::action::{Action, Applied, Description, Proposal, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError};
use super::super::look::{self, Look};
use super::identity::{Bench, examine, way_is_open};
use crate::agent;
use crate::catalog::Repair;
use crate::model::{Code, ReportedFinding};

/// Findings of an identity that is whole, and not in its place.
const LEFT: [&str; 2] = ["identity.unfinished", "registration.superseded"];

struct Settle {
    description: Description,
}

/// What to do about an identity that is whole, and not in its place.
pub(super) fn propose<'a>(
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        match is_due(site, &examine(site).await) {
            Ok(()) => Proposal::Actions(vec![Box::new(action(look::codes(findings)))]),
            Err(why) => Proposal::Person(why),
        }
    }
    .boxed()
}

fn action(codes: Vec<Code>) -> Settle {
    Settle {
        description: Description {
            repair: Repair::SettleIdentity,
            codes,
            title: "Finish the rotation or enrollment that was cut short".to_owned(),
            why: "The new certificate and its key are on this host, and what is in their place is of no use any more.".to_owned(),
            changes: vec![
                "the agent's certificate and key: those that wait beside them, once the control plane accepts them".to_owned(),
            ],
            undo: Some("the old files are put back, unless the new ones work".to_owned()),
            safety: Safety::Safe,
            needs_root: true,
            ask: None,
        },
    }
}

fn is_due(site: &Site<'_>, look: &Look) -> Result<(), String> {
    way_is_open(site, look)?;
    match LEFT.iter().any(|code| look.finding(code).is_some()) {
        true => Ok(()),
        false => Err("nothing waits any more beside the identity that counts".to_owned()),
    }
}

/// Settles what waits beside the identity, and shows the control plane what is in place then.
///
/// # Errors
/// When nothing is in place that it accepts.
pub(super) async fn settle(bench: &Bench) -> Result<(), HandsError> {
    let failed = |why: String| HandsError::Failed(why);
    agent::settle(&bench.setting, &bench.hostname)
        .await
        .map_err(|error| failed(error.to_string()))?;
    // Loading it finishes what was cut short between the two files.
    bench.try_out().await
}

impl Action for Settle {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move { is_due(site, &examine(site).await).map_err(Refusal) }.boxed()
    }

    fn apply<'a>(
        &'a self,
        site: &'a Site<'a>,
        hands: &'a mut Hands,
    ) -> BoxFuture<'a, Result<Applied, HandsError>> {
        async move {
            let look = look::again(site, &["config"]).await;
            let bench = Bench::new(site, &look).await.map_err(HandsError::Failed)?;
            bench.keep(hands)?;
            settle(&bench).await?;
            bench.hand_over(hands)?;
            Ok(Applied::Done)
        }
        .boxed()
    }
}
