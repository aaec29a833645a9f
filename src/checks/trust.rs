//! Is the peer who it should be? The chain that it showed, judged offline: path, name and time, each for itself.
//!
//! Anchors are those of the system as the agent's service finds them, and the file that the agent was told. Nothing is
//! fetched. With verification switched off, what would have been found is said, and nothing is concluded from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use futures_util::future::{OptionFuture, join, join4};

use super::agent_user::AgentUser;
use super::environment::{self, Environment};
use super::{Check, Decision, Facts, Judgement, Known, clock, config, proxy, tls};
use crate::contract::chain::{self, Certificate, Path, Reason, date};
use crate::contract::inspection::{self, Maker};
use crate::host::{
    Anchors, AnchorsQuestion, Base, Content, Ending, Handshake, Host, HostPath, Pem, ReadQuestion, Seen,
};
use crate::model::{Chain, Code, Explained, Fact, Finding, Placeholder, counted};

mod ca_file;
mod eyes;
mod foreign;
mod own;
mod picture;
mod shown;
mod time;
mod weak;

pub(super) use shown::report as certificate_report;

use ca_file::{CaFile, Use};
use own::UNCONFIGURED_CA;
use picture::{End, Picture};
use time::{Invalid, Side, Times};

const CA_FILE: Code = Code::from_static("trust.ca_file");
const INTERCEPTED: Code = Code::from_static("trust.intercepted");
const SELF_SIGNED: Code = Code::from_static("trust.self_signed");
const MISSING_INTERMEDIATE: Code = Code::from_static("trust.missing_intermediate");
const UNKNOWN_AUTHORITY: Code = Code::from_static("trust.unknown_authority");
const BAD_CERTIFICATE: Code = Code::from_static("trust.bad_certificate");
const NAME_MISMATCH: Code = Code::from_static("trust.name_mismatch");
const EXPIRED: Code = Code::from_static("trust.expired");
const NOT_YET_VALID: Code = Code::from_static("trust.not_yet_valid");
const WEAK: Code = Code::from_static("trust.weak");
const CLOCK_SKEW: Code = Code::from_static("clock.skew");

/// More certificates of a chain than these are not looked at: the door keeps no more.
const CHAIN: usize = 32;

/// What stands for a bundle that the doctor can read and the service cannot: to the service there is nothing in it.
const CLOSED: &str = "/dev/null";

/// Whether verification accepts the peer, wherever it is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Path, name and time are right.
    pub accepted: bool,
}

/// The chain that was shown, for who draws it.
pub struct Shown(pub Chain);

/// What was seen.
#[derive(Debug)]
pub struct Evidence {
    handshake: Option<Handshake>,
    anchors: Seen<Anchors>,
    ca_file: Option<CaFile>,
    /// The agent's own, where `--ca-cert` stands in for it.
    own_ca_file: Option<CaFile>,
    /// `SSL_CERT_FILE` of the service, which stands in for the system's bundle.
    ssl_cert_file: Option<CaFile>,
    /// The client certificate's file, which may hold CAs after it.
    client: Seen<Content>,
    environment: Environment,
    user: AgentUser,
    now: DateTime<Utc>,
}

/// The check.
pub struct Probe;

impl Check for Probe {
    type Evidence = Evidence;
    const ID: &'static str = "trust";
    const CODES: &'static [Code] = &[
        CA_FILE,
        INTERCEPTED,
        SELF_SIGNED,
        MISSING_INTERMEDIATE,
        UNKNOWN_AUTHORITY,
        UNCONFIGURED_CA,
        BAD_CERTIFICATE,
        NAME_MISMATCH,
        EXPIRED,
        NOT_YET_VALID,
        WEAK,
    ];

    async fn collect(&self, host: &dyn Host, known: &Known) -> Evidence {
        let told = config::told(known);
        let handshake = known.get::<tls::Peer>().map(|peer| peer.handshake.clone());
        let environment = environment::of_agent(host, known).await;
        let mut question = anchors_question(&environment, handshake.as_ref());
        let ca_file = told.ca_cert.map(|path| {
            let named_by = match path.base {
                Base::Caller => ca_file::FLAG,
                Base::Host => "ca_cert",
            };
            look_at(host, path, named_by)
        });
        let own_ca_file = match told.own_ca {
            Some(config::OwnCa::File(path)) => Some(look_at(host, path, "ca_cert")),
            Some(config::OwnCa::Unset) | None => None,
        };
        let ssl_cert_file = environment
            .get("SSL_CERT_FILE")
            .map(|path| look_at(host, HostPath::host(path), "SSL_CERT_FILE"));
        let (ssl_cert_file, user) =
            join(OptionFuture::from(ssl_cert_file), AgentUser::ask(host, known)).await;
        if ssl_cert_file.as_ref().is_some_and(|file| file.is_closed_to(&user)) {
            question.file = Some(CLOSED.into());
        }
        let (anchors, ca_file, own_ca_file, client) = join4(
            host.anchors(question),
            OptionFuture::from(ca_file),
            OptionFuture::from(own_ca_file),
            host.read(ReadQuestion::new(told.cert)),
        )
        .await;
        Evidence {
            handshake,
            anchors,
            ca_file,
            own_ca_file,
            ssl_cert_file,
            client,
            environment,
            user,
            now: host.now(()).await,
        }
    }

    fn judge(&self, evidence: Evidence, known: &Known, facts: &mut Facts) -> Judgement {
        let told = config::told(known);
        let way = proxy::way(&told, &evidence.environment);
        let (Some(handshake), Some(control_plane)) = (&evidence.handshake, &told.control_plane) else {
            return Judgement::unknown("the peer showed no certificate that could be judged");
        };
        let times = Times {
            host: evidence.now,
            offset: known.get::<clock::Offset>().copied(),
        };
        let mut judgement = Case::new(&evidence, handshake, control_plane.host(), times).judge(&told, facts);
        if let Some(proxy) = way.proxy() {
            foreign::place(&mut judgement, proxy);
        }
        if told.insecure {
            return switched_off(judgement);
        }
        eyes::judge(judgement, &evidence.environment, told.ca_cert.is_some())
    }
}

async fn look_at(host: &dyn Host, path: HostPath, named_by: &'static str) -> CaFile {
    let (content, stat) = join(
        host.read(ReadQuestion::new(path.clone())),
        host.stat(path.clone()),
    )
    .await;
    CaFile {
        path,
        named_by,
        content,
        stat,
    }
}

fn anchors_question(environment: &Environment, handshake: Option<&Handshake>) -> AnchorsQuestion {
    let chain = handshake.map(|it| read_chain(&it.chain)).unwrap_or_default();
    let mut names: Vec<_> = chain
        .iter()
        .flatten()
        .flat_map(|it| [&it.issuer_der, &it.subject_der])
        .map(|name| STANDARD.encode(name))
        .collect();
    names.sort();
    names.dedup();
    AnchorsQuestion {
        file: environment.get("SSL_CERT_FILE").map(Into::into),
        dir: environment.get("SSL_CERT_DIR").map(str::to_owned),
        names,
    }
}

fn read_chain(chain: &[Pem]) -> Vec<Result<Certificate, String>> {
    chain
        .iter()
        .take(CHAIN)
        .map(|pem| {
            let mut all = Certificate::all(&pem.0, 1);
            all.pop().unwrap_or_else(|| Err("it is no PEM".into()))
        })
        .collect()
}

/// Nothing is wrong that the agent would notice; what it does not notice is worth saying.
fn switched_off(judgement: Judgement) -> Judgement {
    let mut skipped = Judgement::skipped(
        "the agent's verification of TLS is switched off (insecure_skip_verify: true), so it trusts whoever answers",
    );
    let found = judgement.findings.into_iter();
    skipped.notes.extend(found.map(|finding| Fact {
        what: format!("verification would find {}", finding.code),
        value: finding.detail,
    }));
    if let Decision::Unknown(why) = judgement.decision {
        skipped = skipped.note("verification", format!("what it would find could not be told: {why}"));
    } else if skipped.notes.is_empty() {
        skipped = skipped.note("verification", "would find nothing wrong: it can be switched on again");
    }
    skipped.notes.extend(judgement.notes);
    skipped
}

/// One chain before its judge.
struct Case<'a> {
    evidence: &'a Evidence,
    handshake: &'a Handshake,
    host: String,
    times: Times,
    read: Vec<Result<Certificate, String>>,
    judgement: Judgement,
}

impl<'a> Case<'a> {
    fn new(evidence: &'a Evidence, handshake: &'a Handshake, host: String, times: Times) -> Self {
        Self {
            evidence,
            handshake,
            host,
            times,
            read: read_chain(&handshake.chain),
            judgement: Judgement::pass(),
        }
    }

    fn judge(mut self, told: &config::Told, facts: &mut Facts) -> Judgement {
        facts.publish(Verdict { accepted: false });
        let chain: Vec<Certificate> = self.read.iter().flatten().cloned().collect();
        let leaf = match self.read.first() {
            Some(Ok(leaf)) => leaf.clone(),
            Some(Err(why)) => {
                let detail = format!("The server's certificate cannot be used: {why}.");
                return Finding::new(BAD_CERTIFICATE, detail).into();
            }
            None => return Judgement::unknown("the peer showed no certificate that could be judged"),
        };
        let file = self.evidence.ca_file.as_ref().map(|it| (it, it.judge(&self.evidence.user, Some(&leaf))));
        let path = self.follow(&chain, &file);
        let line = self.line(&path);
        let end = self.end(&path, &line, &file);
        self.path(&path, file, &leaf);
        self.key(&leaf);
        let is_for_host = self.name(&leaf);
        self.time(&line);
        // What comes now says nothing of the peer: what the agent was told, and what will be wrong one day.
        facts.publish(Verdict {
            accepted: self.judgement.findings.is_empty() && self.judgement.decision == Decision::Decided,
        });
        self.own(&path, told, &chain, &leaf);
        self.weak(&path, &line);
        let picture = Picture {
            sent: &self.read,
            line: &line,
            end,
            is_for_host,
            times: &self.times,
        };
        facts.publish(Shown(picture.chain()));
        let picture = picture.facts();
        let summary = format!("{}, issued by {}, until {}", leaf.subject, leaf.issuer, date(leaf.not_after));
        let mut judgement = self.judgement;
        if judgement.findings.is_empty() {
            judgement = judgement.note("certificate", summary);
            judgement.notes.extend(picture);
            return judgement;
        }
        for finding in &mut judgement.findings {
            finding.evidence.extend(picture.iter().cloned());
        }
        judgement
    }

    /// The certificates that are in use. Of several ways to an anchor the one counts on which least is wrong.
    fn line(&self, path: &Path) -> Vec<Certificate> {
        match path {
            Path::Anchored(routes) => {
                let fewest = routes.iter().min_by_key(|route| self.times.judge(route).len());
                fewest.cloned().unwrap_or_default()
            }
            Path::Foreign { walked, .. } | Path::Bad { walked, .. } | Path::Undecided { walked, .. } => walked.clone(),
        }
    }

    /// How the line of certificates ends.
    fn end(&self, path: &Path, line: &[Certificate], file: &Option<(&CaFile, Use)>) -> End {
        let Some(last) = line.last() else {
            return End::Breaks("nothing that can be read was sent".into());
        };
        if let (Path::Foreign { .. }, true) = (path, last.is_self_issued()) {
            return End::Breaks(format!("`{}` is its own issuer, and is not trusted here", last.subject));
        }
        if let Path::Foreign { .. } = path {
            return End::Breaks(format!("`{}` was not sent, and is not trusted here", last.issuer));
        }
        let of_file = match file {
            Some((file, Use::Anchors(anchors))) => anchors.contains(last).then_some(*file),
            _ => None,
        };
        if let Some(file) = of_file {
            return End::Anchor(format!("{} {}", file.named_by, file.path.path().display()));
        }
        let of_system = self.system().iter().flat_map(|pem| Certificate::all(&pem.0, 1)).flatten();
        match (&self.evidence.anchors, of_system.into_iter().any(|it| it.der == last.der)) {
            (Ok(anchors), true) => match file {
                Some((file, Use::Anchors(_))) => End::Anchor(format!("{}; {} does not vouch for it", anchors.source, file.named_by)),
                _ => End::Anchor(anchors.source.clone()),
            },
            _ => End::Breaks(format!("the signature of `{}` does not verify", last.subject)),
        }
    }

    fn follow(&self, chain: &[Certificate], file: &Option<(&CaFile, Use)>) -> Path {
        let mut anchors: Vec<_> = self.system().iter().flat_map(|pem| Certificate::all(&pem.0, 1)).flatten().collect();
        if let Some((_, Use::Anchors(more))) = file {
            anchors.extend(more.iter().cloned());
        }
        let client = self.evidence.client.as_ref().map_or("", |content| &content.text);
        let elsewhere: Vec<_> = Certificate::all(client, CHAIN).into_iter().flatten().collect();
        let total = self.evidence.anchors.as_ref().map_or(1, |it| it.total);
        chain::follow(
            chain,
            chain::Anchors {
                anchors: &anchors,
                elsewhere: &elsewhere,
                none_at_all: total == 0 && anchors.is_empty(),
            },
        )
    }

    fn system(&self) -> &[Pem] {
        self.evidence.anchors.as_ref().map_or(&[], |it| &it.matching)
    }

    fn path(&mut self, path: &Path, file: Option<(&CaFile, Use)>, leaf: &Certificate) {
        let useless_file = match &file {
            Some((file, Use::None(why))) => Some(useless(file, why, &self.evidence.user)),
            _ => None,
        };
        let has_useless_file = useless_file.is_some();
        let product = self.product(leaf);
        if let Some(finding) = useless_file {
            self.found(match (&product, path) {
                (Some(maker), Path::Foreign { .. }) => foreign::made_besides(finding, maker),
                _ => finding,
            });
        }
        match (path, product) {
            // One reason for a path that reaches no anchor, and the file comes first.
            (Path::Foreign { .. }, Some(_)) if has_useless_file => {}
            (_, Some(maker)) => {
                let finding = foreign::intercepted(path, &maker, self.handshake);
                self.found(finding.value(Placeholder::Issuer, &leaf.issuer));
            }
            (Path::Anchored(_), None) => {}
            (Path::Undecided { why, .. }, None) => self.undecided(why.clone()),
            (Path::Bad { why, .. }, None) => {
                let detail = format!("The chain of `{}` cannot be accepted: {why}.", leaf.subject);
                self.found(Finding::new(BAD_CERTIFICATE, detail));
            }
            (Path::Foreign { reason, walked }, None) => self.foreign(*reason, walked, file),
        }
    }

    /// The TLS-inspecting product that made the chain, if its names say so.
    fn product(&self, leaf: &Certificate) -> Option<Maker> {
        let sent: Vec<_> = self.read.iter().skip(1).flatten().map(|it| it.der.clone()).collect();
        leaf.stated_maker().unwrap_or_else(|| inspection::made_by(&leaf.der, &sent))
    }

    /// The first reason that is true: a useless CA file before all others.
    fn foreign(&mut self, reason: Reason, walked: &[Certificate], file: Option<(&CaFile, Use)>) {
        match file {
            Some((_, Use::None(_))) => return,
            Some((file, Use::Unknown(why))) => {
                let path = file.path.path().display();
                return self.undecided(format!("whether the control plane's CA is in {path} could not be seen: {why}; run the doctor as root"));
            }
            _ => {}
        }
        if let Some(file) = &self.evidence.ssl_cert_file
            && let Use::None(why) = file.judge(&self.evidence.user, None)
        {
            let finding = useless(file, &why, &self.evidence.user);
            return self.found(finding);
        }
        if let Err(unseen) = &self.evidence.anchors {
            return self.undecided(format!("the system's CA store could not be read: {unseen}"));
        }
        let Some(last) = walked.last() else {
            return;
        };
        if self.handshake.chain.len() >= CHAIN {
            return self.undecided(format!("the server sends {CHAIN} certificates or more, and the doctor reads no more of them"));
        }
        let (trusted, namesake) = (self.trusted(), self.namesake(last));
        let finding = match reason {
            Reason::SelfSigned => Finding::new(SELF_SIGNED, foreign::self_signed(last)),
            Reason::MissingIntermediate => Finding::new(MISSING_INTERMEDIATE, foreign::missing(walked, last)),
            Reason::UnknownAuthority => Finding::new(UNKNOWN_AUTHORITY, foreign::unknown_authority(last, namesake)),
        };
        let mut finding = finding.value(Placeholder::Issuer, &last.issuer);
        if let Some(file) = &self.evidence.ca_file {
            finding = finding.value(Placeholder::CaCert, file.path.path().display().to_string());
        }
        let hints = foreign::hints(walked, &self.times, self.handshake);
        self.found(finding.saw("trusted here", trusted).saw_all(hints));
    }

    /// A CA that was made anew under its old name is the likeliest reason for a signature that does not fit.
    fn namesake(&self, last: &Certificate) -> bool {
        let file = self.evidence.ca_file.as_ref().and_then(|file| file.content.as_ref().ok());
        let file = file.map_or(Vec::new(), |content| Certificate::all(&content.text, CHAIN));
        let system = self.system().iter().flat_map(|pem| Certificate::all(&pem.0, 1));
        system.chain(file).flatten().any(|it| it.subject_der == last.issuer_der)
    }

    fn trusted(&self) -> String {
        let system = match &self.evidence.anchors {
            Ok(anchors) if anchors.total == 0 => anchors.source.clone(),
            Ok(anchors) => format!("{} of {}", counted(anchors.total, "CA", "CAs"), anchors.source),
            Err(unseen) => format!("the system's CAs could not be read: {unseen}"),
        };
        match &self.evidence.ca_file {
            Some(file) => format!("{system}; {} {}", file.named_by, file.path.path().display()),
            None => format!("{system}; no ca_cert is configured"),
        }
    }

    /// A chain can be replayed by anybody; the signature over this handshake cannot.
    fn key(&mut self, leaf: &Certificate) {
        // Completed without a word on the proof: it was of a kind that the doctor's library does not know.
        let unknown_kind = self.handshake.key_proven.is_none() && self.handshake.ending == Ending::Complete;
        if unknown_kind || (self.handshake.key_proven == Some(false) && leaf.has_short_key()) {
            return self.undecided(format!(
                "`{}` has a key ({}) with which the doctor's TLS library verifies no handshake and the agent's does",
                leaf.subject, leaf.key
            ));
        }
        if self.handshake.key_proven != Some(false) {
            return;
        }
        let detail = format!(
            "The peer shows the certificate `{}` and did not prove that it holds its private key: the chain is another's.",
            leaf.subject
        );
        self.found(Finding::new(BAD_CERTIFICATE, detail));
    }

    fn name(&mut self, leaf: &Certificate) -> bool {
        let host = self.host.clone();
        match chain::names(leaf, &host) {
            Some(true) => true,
            None => {
                self.undecided(format!("`{host}` is no name that a certificate could hold"));
                true
            }
            Some(false) => {
                let detail = match leaf.names.is_empty() {
                    false => format!("The certificate is not for `{host}`; it names {}.", leaf.listed_names()),
                    true => format!(
                        "The certificate names nobody: `{}` has no subject alternative names, and a common name does not count.",
                        leaf.subject
                    ),
                };
                self.found(Finding::new(NAME_MISMATCH, detail).saw("asked for", host));
                false
            }
        }
    }

    fn time(&mut self, line: &[Certificate]) {
        let times = self.times;
        let invalid = times.judge(line);
        for (code, side) in [(EXPIRED, Side::Expired), (NOT_YET_VALID, Side::NotYetValid)] {
            let of_side: Vec<_> = invalid.iter().filter(|it| it.side == side).collect();
            if !of_side.is_empty() {
                self.found(out_of_time(code, &times, &of_side));
            }
        }
    }

    /// What is accepted with a flag: whether the agent accepts it, too.
    fn own(&mut self, path: &Path, told: &config::Told, chain: &[Certificate], leaf: &Certificate) {
        if !matches!(path, Path::Anchored(_)) || !self.judgement.findings.is_empty() {
            return;
        }
        match own::judge(self, told, chain, leaf) {
            None => {}
            Some(Ok(finding)) => self.found(finding),
            Some(Err(unseen)) => self.judgement.notes.push(unseen),
        }
    }

    /// What is accepted today: where something is wrong already, that comes first.
    fn weak(&mut self, path: &Path, line: &[Certificate]) {
        if !matches!(path, Path::Anchored(_)) || !self.judgement.findings.is_empty() {
            return;
        }
        let weaknesses = weak::weaknesses(line, &self.times);
        if !weaknesses.is_empty() {
            self.found(Finding::new(WEAK, weaknesses.join(" ")));
        }
    }

    fn found(&mut self, finding: Finding) {
        self.judgement.findings.push(finding);
    }

    fn undecided(&mut self, why: String) {
        self.judgement.decision = Decision::Unknown(why);
    }
}

fn useless(file: &CaFile, why: &str, user: &AgentUser) -> Finding {
    let path = file.path.path().display().to_string();
    Finding::new(
        CA_FILE,
        format!("The CA file that {} names, {path}, {why}.", file.named_by),
    )
    .value(Placeholder::CaCert, path)
    .value(Placeholder::User, &user.name)
}

fn out_of_time(code: Code, times: &Times, invalid: &[&Invalid<'_>]) -> Finding {
    let words: Vec<_> = invalid.iter().map(|it| times.words(it)).collect();
    let finding = Finding::new(code, words.join(" ")).saw("this host's clock", date(times.host));
    // The host's clock may be to blame for what only it says.
    if invalid.iter().any(|it| !it.witness.may_be_the_clock()) {
        return finding.explained(Explained::NotBy(vec![CLOCK_SKEW]));
    }
    finding
}

#[cfg(test)]
mod tests;
