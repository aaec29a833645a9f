//! Enrolling again with a new token: only where it is proven that nothing that works is lost by it.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::action::{Action, Applied, Ask, Description, Proposal, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError};
use super::super::look::{self, Look};
use super::identity::{Bench, examine, way_is_open};
use super::settle;
use crate::agent;
use crate::catalog::Repair;
use crate::checks::identity::Identity;
use crate::model::{Code, ReportedFinding, Secret, Target};

/// Findings that say themselves that the control plane accepts the identity no more.
const GIVEN_UP: [&str; 2] = ["registration.revoked", "registration.certificate_refused"];

/// Findings that say that nobody told the agent where it enrolls.
const NO_PLACE: [&str; 2] = ["install.missing", "config.missing"];

struct Enroll {
    description: Description,
}

/// What to do about an identity that is gone, damaged, too old or revoked.
pub(super) fn propose<'a>(
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move { about(site, look::codes(findings)).await }.boxed()
}

/// The same for findings by their codes.
pub(super) async fn about(site: &Site<'_>, codes: Vec<Code>) -> Proposal {
    let look = examine(site).await;
    match is_due(site, &look) {
        Ok(()) => Proposal::Actions(vec![Box::new(action(site, codes))]),
        Err(why) => Proposal::Person(why),
    }
}

fn action(site: &Site<'_>, codes: Vec<Code>) -> Enroll {
    let told = &site.report.target.control_plane;
    let plane = told.as_deref().unwrap_or("its control plane");
    Enroll {
        description: Description {
            repair: Repair::ReEnroll,
            codes,
            title: format!("Enroll this host at {plane} with a new token"),
            why: "The identity it has is of no use any more, or it has none; the way to the control plane is whole.".to_owned(),
            changes: vec![
                "the agent's certificate and key: new ones".to_owned(),
                "the token is used up, and the control plane has a new registration of this host".to_owned(),
            ],
            undo: Some("the files are put back as they were; the control plane may not accept what is in them".to_owned()),
            safety: Safety::Confirm,
            needs_root: true,
            ask: site.given.token.is_none().then_some(Ask::Token),
        },
    }
}

/// Whether it is proven that the identity there is cannot be worked with, and that this is not for another reason.
fn is_due(site: &Site<'_>, look: &Look) -> Result<(), String> {
    let is_found = |code: &str| {
        site.report
            .findings
            .iter()
            .any(|it| it.code.as_str() == code)
    };
    if NO_PLACE.into_iter().any(is_found) {
        return Err(
            "there is no configuration to enroll with: an installation writes one, and enrolls, with --control-plane URL and --token-file FILE where nothing of an agent is there"
                .to_owned(),
        );
    }
    way_is_open(site, look)?;
    let identity = look.known.get::<Identity>();
    let of_no_use = identity.is_some_and(Identity::must_enroll);
    let given_up = GIVEN_UP.iter().any(|code| look.finding(code).is_some());
    match of_no_use || given_up {
        true => Ok(()),
        false => Err(
            "the identity that is there works, or nothing proves that it does not: it is not given up".to_owned(),
        ),
    }
}

/// Whether the control plane would take the token. Asking does not use it up.
pub(super) async fn token_is_good(
    site: &Site<'_>,
    target: Target,
    token: &Secret,
) -> Result<(), String> {
    let mut doctor = site.doctor.clone();
    doctor.settings.token = Some(token.clone());
    let target = Target {
        token_given: true,
        ..target
    };
    let look = look::as_if(&doctor, target, &["token"], |host| host).await;
    let mut findings = look.report.findings.iter();
    match findings.find(|finding| finding.check.as_str() == "token") {
        Some(finding) => Err(format!(
            "the token that was given: {} ({})",
            finding.detail, finding.code
        )),
        // A control plane that tells nothing of tokens is no reason not to try.
        None => Ok(()),
    }
}

impl Action for Enroll {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            let look = examine(site).await;
            is_due(site, &look).map_err(Refusal)?;
            let token = site.given.token.as_ref();
            let token = token.ok_or_else(|| {
                Refusal(
                    "it takes a new enrollment token: Settings > Agents > New Enrollment Token"
                        .to_owned(),
                )
            })?;
            token_is_good(site, Target::clone(&site.doctor.target), token)
                .await
                .map_err(Refusal)
        }
        .boxed()
    }

    fn apply<'a>(
        &'a self,
        site: &'a Site<'a>,
        hands: &'a mut Hands,
    ) -> BoxFuture<'a, Result<Applied, HandsError>> {
        async move {
            let Some(token) = &site.given.token else {
                return Err(HandsError::Failed(
                    "no enrollment token was given".to_owned(),
                ));
            };
            let look = look::again(site, &["config"]).await;
            let bench = Bench::new(site, &look).await.map_err(HandsError::Failed)?;
            bench.keep(hands)?;
            // A pair that waits beside the identity may be the one that works: then the token stays unused.
            if settle::settle(&bench).await.is_ok() {
                bench.hand_over(hands)?;
                return Ok(Applied::Done);
            }
            let client = bench.setting.client(None).map_err(HandsError::Failed)?;
            let enrolled =
                agent::enroll(&client, &bench.setting.files, token, &bench.facts()).await;
            let enrolled = enrolled.map_err(|error| HandsError::Failed(error.to_string()))?;
            hands.token_is_used_up(&enrolled.agent_id)?;
            bench.hand_over(hands)?;
            bench.try_out().await?;
            Ok(Applied::Done)
        }
        .boxed()
    }
}
