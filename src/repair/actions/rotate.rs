//! A new client certificate on the strength of the old one.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::action::{Action, Applied, Description, Proposal, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError};
use super::super::look::{self, Look};
use super::enroll;
use super::identity::{Bench, examine, way_is_open};
use crate::agent;
use crate::catalog::Repair;
use crate::checks::identity::{Identity, State};
use crate::host::Host as _;
use crate::model::ReportedFinding;

struct Rotate {
    description: Description,
}

/// What is due.
enum Due {
    Rotation,
    /// The control plane's default grace is over: the old one proves nothing any more.
    Enrollment,
}

/// What to do about a certificate that has ended, or soon will.
pub(super) fn propose<'a>(
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        let codes = look::codes(findings);
        let look = examine(site).await;
        let what = match due(site, &look) {
            Ok(Due::Enrollment) => return enroll::about(site, codes).await,
            Ok(Due::Rotation) => look.known.get::<Identity>().map(|identity| identity.cert.path().display().to_string()),
            Err(why) => return Proposal::Person(why),
        };
        let cert = what.unwrap_or_else(|| "the certificate".to_owned());
        let description = Description {
            repair: Repair::RotateCertificate,
            codes,
            title: "Ask the control plane for a new client certificate".to_owned(),
            why: "The old one proves who asks, and stays in place until the new one has made a heartbeat.".to_owned(),
            changes: vec![
                format!("{cert} and its key: new ones, with the agent's id as before"),
                "the control plane accepts the old certificate no more once it has seen the new one".to_owned(),
            ],
            undo: Some("the old files are put back, unless the new ones work".to_owned()),
            safety: Safety::Safe,
            needs_root: true,
            ask: None,
        };
        Proposal::Actions(vec![Box::new(Rotate { description })])
    }
    .boxed()
}

fn due(site: &Site<'_>, look: &Look) -> Result<Due, String> {
    way_is_open(site, look)?;
    let ends = look
        .finding("identity.expired")
        .or(look.finding("identity.expiring"));
    let state = look.known.get::<Identity>().map(|identity| identity.state);
    match (state, ends) {
        (_, None) => Err("the certificate does not end soon".to_owned()),
        (Some(State::Expired { past_grace: true }), _) => Ok(Due::Enrollment),
        (Some(State::Expired { past_grace: false } | State::Usable), _) => Ok(Due::Rotation),
        _ => Err("something else is wrong with the identity as well".to_owned()),
    }
}

impl Action for Rotate {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            match due(site, &examine(site).await) {
                Ok(Due::Rotation) => Ok(()),
                Ok(Due::Enrollment) => {
                    Err(Refusal("it has expired too long ago by now".to_owned()))
                }
                Err(why) => Err(Refusal(why)),
            }
        }
        .boxed()
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
            let now = site.host.now(()).await;
            agent::rotate_cert(&bench.setting, &bench.hostname, now)
                .await
                .map_err(|error| HandsError::Failed(error.to_string()))?;
            bench.hand_over(hands)?;
            bench.try_out().await?;
            Ok(Applied::Done)
        }
        .boxed()
    }
}
