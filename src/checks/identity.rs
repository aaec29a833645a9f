//! The agent's client certificate and its key: there, readable for the agent, a pair, and valid at the true time.
//!
//! The key itself never comes here, only its public half.

mod certificate;
mod pending;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{join, join5};

use self::certificate::Certificate;
pub(super) use self::pending::Pair;
use self::pending::Waiting;
use super::agent_user::{Access, AgentUser, permissions};
use super::{Check, Decision, Facts, Judgement, Known, clock, config, trust};
use crate::contract::api::ROTATION_GRACE_DAYS;
use crate::contract::chain;
use crate::host::{Content, Host, HostPath, KeyFacts, ReadQuestion, Seen, Stat, Unseen};
use crate::model::{CertificateReport, Code, Explained, Finding, Origin, Placeholder, spoken_duration};

const MISSING: Code = Code::from_static("identity.missing");
const UNREADABLE: Code = Code::from_static("identity.unreadable");
const INVALID: Code = Code::from_static("identity.invalid");
const KEY_MISMATCH: Code = Code::from_static("identity.key_mismatch");
const UNFINISHED: Code = Code::from_static("identity.unfinished");
const EXPIRED: Code = Code::from_static("identity.expired");
const NOT_YET_VALID: Code = Code::from_static("identity.not_yet_valid");
const EXPIRING: Code = Code::from_static("identity.expiring");
const EXPOSED: Code = Code::from_static("identity.exposed");
const CLOCK_SKEW: Code = Code::from_static("clock.skew");
const INSTALL_MISSING: Code = Code::from_static("install.missing");

/// The longest that is called "soon".
const SOON: TimeDelta = TimeDelta::days(14);

/// What the agent's identity is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The agent can show it.
    Usable,
    /// Not valid yet.
    NotYetValid,
    /// No longer valid.
    Expired {
        /// Whether the default grace for its rotation is over as well.
        past_grace: bool,
    },
    /// No certificate or no key.
    Missing,
    /// There, and not for the agent's user.
    Unreadable,
    /// Damaged, or certificate and key are no pair.
    Invalid,
    /// The certificate is in its place, and its key still waits beside it.
    Unfinished,
    /// The doctor may not look.
    Unknown,
}

/// The agent's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The agent's id, as the certificate names it.
    pub agent_id: Option<String>,
    /// The certificate.
    pub cert: HostPath,
    /// Its key.
    pub key: HostPath,
    /// What it is good for.
    pub state: State,
}

impl Identity {
    /// Whether an agent with it has to enroll again, whatever the control plane says of its registration.
    pub const fn must_enroll(&self) -> bool {
        matches!(
            self.state,
            State::Missing | State::Invalid | State::Expired { past_grace: true }
        )
    }
}

/// The agent's id, as its certificate names it: for who does not wait until the identity is judged.
pub(super) async fn agent_id(host: &dyn Host, cert: &HostPath) -> Option<String> {
    let content = host.read(ReadQuestion::new(cert.clone())).await.ok()?;
    Certificate::parse(&content.text).ok()?.common_name
}

/// The pair that a rotation which came to no end has left beside this identity, if there is a whole one.
pub(super) async fn pending(host: &dyn Host, cert: &HostPath, key: &HostPath) -> Option<Pair> {
    Waiting::ask(host, cert, key).await.pair()
}

/// The certificate as it is, for who draws it.
pub struct Shown(pub CertificateReport);

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    cert: HostPath,
    key: HostPath,
    content: Seen<Content>,
    cert_stat: Seen<Stat>,
    public_half: Seen<KeyFacts>,
    key_stat: Seen<Stat>,
    waiting: Waiting,
    user: AgentUser,
    now: DateTime<Utc>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "identity";
    const CODES: &'static [Code] = &[
        MISSING,
        UNREADABLE,
        INVALID,
        KEY_MISMATCH,
        UNFINISHED,
        EXPIRED,
        NOT_YET_VALID,
        EXPIRING,
        EXPOSED,
    ];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let config::Told { cert, key, .. } = config::told(known);
        let in_place = join5(
            host.read(ReadQuestion::new(cert.clone())),
            host.stat(cert.clone()),
            host.private_key(key.clone()),
            host.stat(key.clone()),
            AgentUser::ask(host, known),
        );
        let ((content, cert_stat, public_half, key_stat, user), waiting) =
            join(in_place, Waiting::ask(host, &cert, &key)).await;
        Evidence {
            cert,
            key,
            content,
            cert_stat,
            public_half,
            key_stat,
            waiting,
            user,
            now: host.now(()).await,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let mut verdict = Verdict::default();
        verdict.judge(&evidence, known);
        let Verdict {
            state,
            agent_id,
            mut judgement,
        } = verdict;
        let unknown = matches!(judgement.decision, Decision::Unknown(_));
        facts.publish(Identity {
            agent_id,
            cert: evidence.cert.clone(),
            key: evidence.key.clone(),
            state: state.unwrap_or(if unknown {
                State::Unknown
            } else {
                State::Usable
            }),
        });
        if let Ok(content) = &evidence.content
            && let Some(Ok(certificate)) = chain::Certificate::all(&content.text, 1).pop()
        {
            facts.publish(Shown(trust::certificate_report(&certificate, Origin::Agent, Vec::new())));
        }
        for finding in &mut judgement.findings {
            let path = |path: &HostPath| path.path().display().to_string();
            finding.values.insert(Placeholder::CertPath, path(&evidence.cert));
            finding.values.insert(Placeholder::KeyPath, path(&evidence.key));
            finding.values.insert(Placeholder::User, evidence.user.name.clone());
        }
        judgement
    }
}

/// A judgement in the making. The first problem decides the state.
#[derive(Default)]
struct Verdict {
    state: Option<State>,
    agent_id: Option<String>,
    judgement: Judgement,
}

impl Verdict {
    fn judge(&mut self, evidence: &Evidence, known: &Known) {
        if unfinished(evidence).is_none() && self.missing(evidence) {
            return;
        }
        self.readable(evidence, known);
        self.exposed(evidence);
        let certificate = self.certificate(evidence);
        self.key(evidence, certificate.as_ref());
        if let Some(certificate) = certificate {
            self.agent_id.clone_from(&certificate.common_name);
            self.times(&certificate, &Time::of(evidence.now, known));
            self.note(&certificate);
        }
        self.note_pending(evidence);
    }

    fn found(&mut self, state: State, finding: Finding) {
        self.state.get_or_insert(state);
        self.judgement.findings.push(finding);
    }

    fn unknown(&mut self, reason: String) {
        if self.judgement.decision == Decision::Decided {
            self.judgement.decision = Decision::Unknown(reason);
        }
    }

    fn missing(&mut self, evidence: &Evidence) -> bool {
        let cert = evidence
            .content
            .as_ref()
            .is_err_and(|e| *e == Unseen::Absent);
        let key = evidence
            .public_half
            .as_ref()
            .is_err_and(|e| *e == Unseen::Absent);
        let (cert_path, key_path) = (
            evidence.cert.path().display(),
            evidence.key.path().display(),
        );
        let detail = match (cert, key) {
            (false, false) => return false,
            (true, true) => format!(
                "There is neither a certificate ({cert_path}) nor a key ({key_path}): the agent has not enrolled."
            ),
            (true, false) => format!(
                "There is a key ({key_path}) and no certificate ({cert_path}): the agent has not enrolled."
            ),
            (false, true) => format!(
                "The certificate is there, and its key is not ({key_path}): without it the certificate is of no use."
            ),
        };
        self.found(State::Missing, Finding::new(MISSING, detail));
        true
    }

    fn readable(&mut self, evidence: &Evidence, known: &Known) {
        let doctor = evidence.user.is_doctor(known);
        let cert_denied = evidence
            .content
            .as_ref()
            .is_err_and(|e| *e == Unseen::Denied);
        let key_denied = evidence
            .public_half
            .as_ref()
            .is_err_and(|e| *e == Unseen::Denied);
        for (path, stat, denied) in [
            (&evidence.cert, &evidence.cert_stat, cert_denied),
            (&evidence.key, &evidence.key_stat, key_denied),
        ] {
            // Of what is not there others speak.
            if stat.as_ref().is_err_and(|unseen| *unseen == Unseen::Absent) {
                continue;
            }
            let path = path.path().display();
            let access = match (denied, doctor) {
                (true, true) => Access::Unreadable,
                (false, true) => Access::Readable,
                (_, false) => evidence.user.access(stat),
            };
            match access {
                Access::Unreadable => {
                    let path = path.to_string();
                    let detail = evidence.user.says_unreadable(&path, stat, !denied);
                    let finding = Finding::new(UNREADABLE, detail);
                    let seen = stat.as_ref().map(permissions).ok();
                    self.found(
                        State::Unreadable,
                        match seen {
                            Some(seen) => finding.saw("permissions", seen),
                            None => finding,
                        },
                    );
                }
                _ if denied => self.unknown(format!(
                    "this user may not read {path}; run the doctor as root"
                )),
                Access::Unknown(reason) => self.unknown(format!("{path}: {reason}")),
                Access::Readable => {}
            }
        }
    }

    fn exposed(&mut self, evidence: &Evidence) {
        let Ok(stat) = &evidence.key_stat else { return };
        let Some(whom) = exposed_to(stat, &evidence.user) else {
            return;
        };
        let detail = format!(
            "The agent's private key {} can be read by {whom}: whoever reads it can act as this agent.",
            evidence.key.path().display()
        );
        let finding = Finding::new(EXPOSED, detail).saw("permissions", permissions(stat));
        self.judgement.findings.push(finding);
    }

    fn certificate(&mut self, evidence: &Evidence) -> Option<Certificate> {
        let path = evidence.cert.path().display();
        match &evidence.content {
            Ok(content) => match Certificate::parse(&content.text) {
                Ok(certificate) => return Some(certificate),
                Err(why) => {
                    let detail = format!("{path} holds no usable certificate: {why}.");
                    self.found(State::Invalid, Finding::new(INVALID, detail));
                }
            },
            Err(Unseen::Denied) => {}
            Err(unseen) => self.unknown(format!("{path} could not be read: {unseen}")),
        }
        None
    }

    fn key(&mut self, evidence: &Evidence, certificate: Option<&Certificate>) {
        let path = evidence.key.path().display();
        if let Some(waits) = unfinished(evidence) {
            let detail = format!(
                "The key of the certificate {} is not in its place {path} yet, but in {}: a rotation or an enrollment was cut short between the two files. Nothing is lost: the agent puts it there as soon as it is started or checks itself.",
                evidence.cert.path().display(),
                waits.path().display()
            );
            let waits = waits.path().display().to_string();
            let finding = Finding::new(UNFINISHED, detail).saw("pending key", waits);
            self.found(State::Unfinished, finding);
            return;
        }
        match (&evidence.public_half, certificate) {
            (Ok(key), Some(certificate)) if !certificate.is_of(key) => {
                let detail = format!(
                    "The private key {path} is not the key of the certificate {}: the two are from different enrollments.",
                    evidence.cert.path().display()
                );
                self.found(State::Invalid, Finding::new(KEY_MISMATCH, detail));
            }
            (Ok(_), _) | (Err(Unseen::Denied), _) => {}
            (Err(Unseen::Malformed { why }), _) => {
                let detail = format!("{path} holds no usable private key: {why}.");
                self.found(State::Invalid, Finding::new(INVALID, detail));
            }
            (Err(unseen), _) => self.unknown(format!("{path} could not be read: {unseen}")),
        }
    }

    fn times(&mut self, certificate: &Certificate, time: &Time) {
        let (begins, ends) = (certificate.not_before, certificate.not_after);
        if let Some(explained) = time.is_after(ends) {
            let past_grace = time.low - ends > TimeDelta::days(ROTATION_GRACE_DAYS);
            let finding = expired(certificate, time, past_grace, &explained);
            self.found(State::Expired { past_grace }, finding.explained(explained));
        } else if let Some(explained) = time.is_before(begins) {
            let detail = format!(
                "The agent's certificate becomes valid in {}, on {}{}.",
                span(begins - time.teller(&explained)),
                date(begins),
                time.says(&explained)
            );
            let finding = saw(Finding::new(NOT_YET_VALID, detail), certificate);
            self.found(State::NotYetValid, finding.explained(explained));
        } else if ends - time.high < SOON.min((ends - begins) / 3) {
            let detail = format!(
                "The agent's certificate ends in {}, on {}.",
                span(ends - time.high),
                date(ends)
            );
            let finding = saw(Finding::new(EXPIRING, detail), certificate);
            self.judgement.findings.push(finding);
        }
    }

    fn note(&mut self, certificate: &Certificate) {
        let judgement = std::mem::take(&mut self.judgement);
        let id = certificate.common_name.as_deref().unwrap_or("unnamed");
        let until = date(certificate.not_after);
        self.judgement = judgement.note("certificate", format!("{id}, valid until {until}"));
    }

    /// A rotation that was cut short, or is at work now, is to be known of even where the old pair serves.
    fn note_pending(&mut self, evidence: &Evidence) {
        if let Some(pair) = evidence.waiting.pair() {
            let judgement = std::mem::take(&mut self.judgement);
            let says = format!(
                "{}, of a rotation that has not come to its end: the agent asks the control plane which certificate counts when it is started or checks itself (`nexplane-agent check`)",
                pair.cert.path().display()
            );
            self.judgement = judgement.note("pending certificate", says);
        }
    }
}

/// Where the certificate's key waits, if what stands in its place is another one, or nothing that could be used.
fn unfinished(evidence: &Evidence) -> Option<&HostPath> {
    let content = evidence.content.as_ref().ok()?;
    let certificate = Certificate::parse(&content.text).ok()?;
    let is_in_place = match &evidence.public_half {
        Ok(key) => certificate.is_of(key),
        Err(Unseen::Absent | Unseen::Malformed { .. }) => false,
        // Nobody knows.
        Err(_) => true,
    };
    let waits = evidence.waiting.key_of(&certificate)?;
    (!is_in_place).then_some(waits)
}

/// Who may read a private key that should be the agent's user's alone; nothing, if nobody else.
pub(super) fn exposed_to(stat: &Stat, user: &AgentUser) -> Option<&'static str> {
    // On Windows everybody may pass directories.
    if let Some(security) = &stat.security {
        return match security.as_ref().ok()?.others(&user.known_sids()) {
            (true, _) => Some("every user of this host"),
            (false, others) if !others.is_empty() => {
                Some("users or groups that its access control list names")
            }
            _ => None,
        };
    }
    let passable = |bit: u32| stat.ancestors.iter().all(|dir| dir.mode & bit != 0);
    let others = stat.mode & 0o004 != 0 && passable(0o001);
    let own_group = !user.is_root() && user.is_in(stat.gid);
    let (group, listed) = stat.read_by_group_and_by_list(user.uid());
    if others {
        Some("every user of this host")
    } else if group && passable(0o011) && !own_group {
        Some("its group")
    } else if listed && passable(0o011) {
        Some("users or groups that its access control list names")
    } else {
        None
    }
}

fn expired(certificate: &Certificate, time: &Time, past_grace: bool, why: &Explained) -> Finding {
    let ends = certificate.not_after;
    let grace = date(ends + TimeDelta::days(ROTATION_GRACE_DAYS));
    let consequence = match (why, past_grace) {
        (Explained::OnlyBy(_), _) => String::new(),
        (_, false) => format!(
            " The control plane's default grace of {ROTATION_GRACE_DAYS} days still covers it, until {grace}: it can be rotated."
        ),
        (_, true) => format!(
            " The control plane's default grace of {ROTATION_GRACE_DAYS} days has been over since {grace}: the agent has to enroll again."
        ),
    };
    let detail = format!(
        "The agent's certificate expired {} ago, on {}{}.{consequence}",
        span(time.teller(why) - ends),
        date(ends),
        time.says(why)
    );
    saw(Finding::new(EXPIRED, detail), certificate)
}

fn saw(finding: Finding, certificate: &Certificate) -> Finding {
    finding
        .saw("not before", date(certificate.not_before))
        .saw("not after", date(certificate.not_after))
}

fn date(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

fn span(span: TimeDelta) -> String {
    spoken_duration(span.to_std().unwrap_or_default())
}

/// What time it is: the control plane's where it is known, as an interval, beside the host's.
struct Time {
    host: DateTime<Utc>,
    low: DateTime<Utc>,
    high: DateTime<Utc>,
    witnessed: bool,
}

impl Time {
    fn of(host: DateTime<Utc>, known: &Known) -> Self {
        let offset = known.get::<clock::Offset>();
        let add = |offset: Option<TimeDelta>| offset.and_then(|o| host.checked_add_signed(o));
        Self {
            host,
            low: add(offset.map(|o| o.low)).unwrap_or(host),
            high: add(offset.map(|o| o.high)).unwrap_or(host),
            witnessed: offset.is_some(),
        }
    }

    /// Whether an end has passed, and what may explain that it seems so.
    fn is_after(&self, end: DateTime<Utc>) -> Option<Explained> {
        self.explain(self.low > end, self.host > end)
    }

    /// Whether a beginning is still to come, and what may explain that it seems so.
    fn is_before(&self, begin: DateTime<Utc>) -> Option<Explained> {
        self.explain(self.high < begin, self.host < begin)
    }

    fn explain(&self, truly: bool, by_host: bool) -> Option<Explained> {
        match (truly, by_host, self.witnessed) {
            (true, _, true) => Some(Explained::NotBy(vec![CLOCK_SKEW])),
            (false, true, true) => Some(Explained::OnlyBy(vec![INSTALL_MISSING, CLOCK_SKEW])),
            (_, true, false) => Some(Explained::AsCatalogued),
            _ => None,
        }
    }

    /// What time it is for the clock that says so.
    const fn teller(&self, explained: &Explained) -> DateTime<Utc> {
        match explained {
            Explained::OnlyBy(_) => self.host,
            _ => self.low,
        }
    }

    /// By which clock, where that matters.
    fn says(&self, explained: &Explained) -> &'static str {
        match (explained, self.witnessed) {
            (Explained::OnlyBy(_), _) => {
                ", by this host's clock alone: at the control plane's time it is valid"
            }
            (_, true) => "",
            (_, false) => ", by this host's clock (the control plane's time is not known)",
        }
    }
}
