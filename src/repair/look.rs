//! One more look by the doctor, for an action: at the host as it is, or as it would be once something is changed.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::action::Site;
use crate::checks::Known;
use crate::checks::trust::Verdict;
use crate::diagnosis;
use crate::doctor::Doctor;
use crate::engine::{self, Selection};
use crate::host::live::LiveHost;
use crate::host::{Content, HostPath, Overlay, ReadQuestion, Recorder};
use crate::model::{CheckId, Code, Report, ReportedFinding, Source, Status, Target};

/// What was seen.
pub(super) struct Look {
    /// As the doctor reports it.
    pub(super) report: Report,
    /// What the checks made known to one another.
    pub(super) known: Known,
}

/// A host with other answers to some questions.
pub(super) type AsIf = Overlay<LiveHost>;

/// The host as it is now.
pub(super) async fn again(site: &Site<'_>, checks: &[&'static str]) -> Look {
    let target = Target::clone(&site.doctor.target);
    as_if(site.doctor, target, checks, |host| host).await
}

/// The host as it would be, by another target or with other answers.
pub(super) async fn as_if(
    doctor: &Doctor,
    target: Target,
    checks: &[&'static str],
    lay: impl FnOnce(AsIf) -> AsIf,
) -> Look {
    let host = lay(Overlay::new(LiveHost::new(doctor.settings.clone())));
    let selection = Selection {
        only: checks.iter().map(|id| CheckId::from_static(id)).collect(),
        ..Selection::default()
    };
    let run = engine::run(
        &doctor.graph,
        Arc::new(Recorder::new(host)),
        Arc::new(target),
        &selection,
        doctor.limits,
        &CancellationToken::new(),
        &mut |_| {},
    )
    .await;
    Look {
        report: diagnosis::diagnose(&doctor.catalog, &run, Source::Live, &[]),
        known: run.known,
    }
}

/// With another text in a file.
pub(super) fn with_text(host: AsIf, path: &HostPath, text: &str) -> AsIf {
    let content = Content {
        text: text.to_owned(),
        invalid_utf8_at: None,
    };
    let answer: Result<Content, crate::host::Unseen> = Ok(content);
    host.supply_to("read", &ReadQuestion::new(path.clone()), &answer)
}

impl Look {
    fn status(&self, check: &str) -> Option<Status> {
        let mut checks = self.report.checks.iter();
        checks
            .find(|it| it.id.as_str() == check)
            .map(|it| it.status)
    }

    /// Whether a check passed; a warning is no failure.
    pub(super) fn is_well(&self, check: &str) -> bool {
        matches!(self.status(check), Some(Status::Pass | Status::Warn))
    }

    /// Whether the peer is accepted; that the agent has not been told of the CA yet says nothing of the peer.
    pub(super) fn accepts_peer(&self) -> bool {
        let verdict = self.known.get::<Verdict>();
        let is_accepted = verdict.is_some_and(|verdict| verdict.accepted);
        self.is_well("trust") || (self.status("trust") == Some(Status::Fail) && is_accepted)
    }

    /// Why it did not, in words.
    pub(super) fn why_not(&self, check: &str) -> String {
        let failed = self
            .report
            .findings
            .iter()
            .find(|it| it.check.as_str() == check);
        let first = failed.or_else(|| self.report.findings.first());
        let undecided = self.report.checks.iter().find(|it| it.id.as_str() == check);
        match (first, undecided.and_then(|it| it.reason.clone())) {
            (Some(finding), _) => format!("{} ({})", finding.detail, finding.code),
            (None, Some(reason)) => reason,
            (None, None) => format!("`{check}` is undecided"),
        }
    }

    /// A finding, if it is there.
    pub(super) fn finding(&self, code: &str) -> Option<&ReportedFinding> {
        let mut findings = self.report.findings.iter();
        findings.find(|finding| finding.code.as_str() == code)
    }
}

/// The codes of findings.
pub(super) fn codes(findings: &[&ReportedFinding]) -> Vec<Code> {
    findings.iter().map(|it| it.code.clone()).collect()
}
