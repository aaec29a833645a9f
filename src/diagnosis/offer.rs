//! Where `nexplane-doctor fix` can do something about a finding: the command for it, with the flags without which it could not.
//!
//! What only a look at the host tells is `fix`'s own to find out. What the diagnosis knows already keeps a report from promising
//! what would be refused: an identity is not replaced while the way to the control plane is not whole, nothing is started under
//! another root, and what has no configuration cannot be mended in it.

use crate::catalog::{Command, Repair, Values};
use crate::checks::identity::{Identity, State};
use crate::checks::{Known, config};
use crate::engine::Run;
use crate::model::{CheckId, Os, ReportedFinding, Role, Status};

#[cfg(test)]
mod tests;

/// The checks that have to be well before an identity is replaced, or made.
pub static WAY: [CheckId; 6] = [
    CheckId::from_static("proxy"),
    CheckId::from_static("dns"),
    CheckId::from_static("tcp"),
    CheckId::from_static("tls"),
    CheckId::from_static("trust"),
    CheckId::from_static("health"),
];

/// What a CA file that is given makes well.
pub const UNTRUSTED: [&str; 3] = [
    "trust.unknown_authority",
    "trust.self_signed",
    "trust.missing_intermediate",
];

/// What of the host's flags every command of `fix` repeats.
const FIX: &str = "nexplane-doctor fix {--config given_config}";
const LOOK: &str = "{--root given_root} {--timeout given_timeout} {--deadline given_deadline}";
/// A token that nobody has used yet.
const NEW_TOKEN: &str = "--token-file NEW_TOKEN_FILE";
/// A CA file that is the right one.
const CA_FILE: &str = "--ca-cert /path/to/ca.crt";

/// Says for each finding of a report by which command `fix` repairs it, where it can.
pub(super) fn offer(run: &Run, values: &Values, findings: &mut [ReportedFinding]) {
    let case = Case {
        run,
        known: &run.known,
        codes: findings
            .iter()
            .map(|finding| finding.code.to_string())
            .collect(),
    };
    for finding in findings {
        let repair = finding.repair.as_deref().and_then(Repair::from_name);
        let flags = repair
            .filter(|_| finding.role != Role::Symptom)
            .and_then(|repair| case.flags(repair, finding.code.as_str()));
        finding.fix = flags.map(|flags| {
            let words = [FIX, &flags, LOOK];
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            Command::ours(&words.join(" ")).render(values, run.known.system.os)
        });
    }
}

/// What is known once everything is diagnosed.
struct Case<'a> {
    run: &'a Run,
    known: &'a Known,
    codes: Vec<String>,
}

impl Case<'_> {
    /// The flags that a repair takes; `None` where it would be refused with any.
    fn flags(&self, repair: Repair, code: &str) -> Option<String> {
        let is_here = self.known.target.given.root.is_none();
        match repair {
            Repair::Install => self.installation(),
            Repair::ReinstallWithCa if self.is_found(&["install.missing"]) => self.installation(),
            Repair::ReinstallWithCa => self.is_configured().then(|| self.ca(code)),
            Repair::ReEnroll => self
                .may_replace_identity()
                .then(|| self.with_plane(self.token())),
            Repair::RotateCertificate if self.is_past_grace() => self
                .may_replace_identity()
                .then(|| self.with_plane(self.token())),
            Repair::RotateCertificate | Repair::SettleIdentity => {
                self.may_replace_identity().then(|| self.with_plane(""))
            }
            Repair::StartService
            | Repair::RestartService
            | Repair::EnableService
            | Repair::ResetFailed
            | Repair::UnmaskService
            | Repair::SyncTime => is_here.then(|| self.with_plane("")),
            // The definition of a job of launchd, in which it may be, is not edited.
            Repair::ClearProxy if self.known.system.os == Os::Macos => None,
            Repair::RepairPermissions | Repair::MendUrl | Repair::MendKey | Repair::ClearProxy => {
                Some(self.with_plane(""))
            }
        }
    }

    fn is_found(&self, codes: &[&str]) -> bool {
        self.codes
            .iter()
            .any(|found| codes.contains(&found.as_str()))
    }

    fn status(&self, check: &CheckId) -> Option<Status> {
        let mut all = self.run.outcomes.iter().chain(&self.run.unreported);
        all.find(|it| it.id == *check).map(|it| it.status)
    }

    /// The control plane that was given, as every look at it needs it.
    fn with_plane(&self, more: &str) -> String {
        let words = [
            "{--control-plane given_control_plane}",
            self.given_ca(),
            more,
        ];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        words.join(" ")
    }

    /// The token that was given, if it is good.
    fn token(&self) -> &'static str {
        match self.status(&CheckId::from_static("token")) {
            Some(Status::Pass) if self.known.target.token_given => {
                "{--token-file given_token_file}"
            }
            _ => NEW_TOKEN,
        }
    }

    /// The CA file that was given, unless it is of no use.
    fn given_ca(&self) -> &'static str {
        match self.is_found(&UNTRUSTED) || self.is_found(&["trust.ca_file"]) {
            true => "",
            false => "{--ca-cert given_ca_cert}",
        }
    }

    fn ca(&self, code: &str) -> String {
        let plane = "{--control-plane given_control_plane}";
        match code {
            "trust.unconfigured_ca" => self.with_plane(""),
            _ => format!("{plane} {CA_FILE}"),
        }
    }

    /// Whether there is a configuration that can be read, and so edited.
    fn is_configured(&self) -> bool {
        !self.is_found(&[
            "install.missing",
            "config.missing",
            "config.unreadable",
            "config.syntax",
        ])
    }

    /// Whether an agent is to be installed on a host that has none, over a way that is whole as far as it was seen.
    fn installation(&self) -> Option<String> {
        let nothing_there = self.is_found(&["install.missing"])
            || (self.is_found(&["config.missing"]) && self.is_found(&["identity.missing"]));
        let untrusted = self.is_found(&UNTRUSTED);
        let trust = CheckId::from_static("trust");
        let mut broken = WAY
            .iter()
            .filter(|id| self.status(id) == Some(Status::Fail));
        let is_open = broken.all(|id| *id == trust && untrusted);
        let is_here = self.known.target.given.root.is_none();
        let possible = nothing_there && is_open && is_here && !self.is_found(&["service.masked"]);
        let ca = match untrusted {
            true => CA_FILE,
            false => self.given_ca(),
        };
        possible.then(|| {
            let words = ["--control-plane {control_plane}", self.token(), ca];
            words.join(" ").trim_end().to_owned()
        })
    }

    /// Whether nothing but the identity stands between agent and control plane.
    fn may_replace_identity(&self) -> bool {
        let is_whole = WAY.iter().all(|check| {
            !matches!(
                self.status(check),
                Some(Status::Fail | Status::Unknown | Status::Blocked)
            )
        });
        let of_config = |code: &&String| {
            code.starts_with("config.") && !["config.unknown_key"].contains(&code.as_str())
        };
        is_whole
            && self.known.target.given.root.is_none()
            && !config::told(self.known).insecure
            && !self.is_found(&["install.missing"])
            && self.codes.iter().find(of_config).is_none()
    }

    fn is_past_grace(&self) -> bool {
        let identity = self.known.get::<Identity>();
        identity.is_some_and(|it| it.state == State::Expired { past_grace: true })
    }
}
