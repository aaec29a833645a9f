//! The control plane's CA, taken into the agent's configuration: from a file that the user gave, or as the control plane presents
//! it once somebody has typed its fingerprint. Nothing is trusted because a peer says so, and verification is never switched off.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::action::{Action, Applied, Ask, Description, Proposal, Refusal, Safety, Site};
use super::super::hands::{Hands, HandsError, Wanted};
use super::super::journal::Holds;
use super::super::look;
use super::configuration::{Configuration, put_text, text_of};
use super::permissions;
use crate::catalog::Repair;
use crate::checks::again;
use crate::checks::tls::Peer;
use crate::contract::chain::{Certificate, date};
use crate::contract::config::{Key, set_value};
use crate::contract::paths::CA_FILE;
use crate::host::{Base, Host, HostPath, ReadQuestion};
use crate::model::{ReportedFinding, Severity, Target};

/// More certificates than any such file holds.
const MOST: usize = 500;
/// How many hexadecimal digits of a fingerprint have to be typed at least: half of it, which nobody can find a second certificate for.
const TYPED: usize = 32;
/// Where the presented anchor is laid before it is anywhere.
const NOWHERE: &str = "/nexplane-doctor/presented-ca.crt";

/// Where the anchors come from.
enum Source {
    /// The file that the user gave.
    File,
    /// The control plane's chain, its anchor with this fingerprint.
    Presented { fingerprint: String },
}

struct TrustCa {
    /// The configuration.
    config: PathBuf,
    /// Where the anchors go.
    file: PathBuf,
    /// What it will hold, in PEM.
    pem: String,
    source: Source,
    description: Description,
}

/// What to do about a control plane whose CA this host does not trust.
pub(super) fn propose<'a>(
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        let look = look::again(site, &["config"]).await;
        if look.finding("install.missing").is_some() {
            return Proposal::Person(
                "no agent is installed that could be told: an installation tells it, with --control-plane URL, --token-file FILE and --ca-cert FILE"
                    .to_owned(),
            );
        }
        let configuration = Configuration::read(site, &look.known).await;
        if let Ok(configuration) = &configuration
            && is_only_closed(site, configuration, findings).await
        {
            return permissions::propose(permissions::Of::Ca, site, findings).await;
        }
        let is_given = site.given.ca_cert.is_some() || site.given.fingerprint.is_some();
        if !is_given && let Some(why) = elsewhere(site, &look).await {
            return Proposal::Person(why);
        }
        let found = match (configuration, &site.given.ca_cert) {
            (Err(why), _) => Err(why),
            (Ok(configuration), Some(given)) => {
                from_file(site, configuration, given.clone(), findings).await
            }
            (Ok(configuration), None) => presented(site, configuration, findings).await,
        };
        match found {
            Ok(action) => Proposal::Actions(vec![Box::new(action)]),
            Err(why) => Proposal::Person(why),
        }
    }
    .boxed()
}

/// Whether the file that the agent was told of is the right one, and only closed to its user: then that is all there is to change.
async fn is_only_closed(
    site: &Site<'_>,
    configuration: &Configuration,
    findings: &[&ReportedFinding],
) -> bool {
    let of_file = |it: &&ReportedFinding| it.code.as_str() == "trust.ca_file";
    let Some(path) = configuration.told.configured_ca() else {
        return false;
    };
    if path.base != Base::Host || !findings.iter().all(of_file) {
        return false;
    }
    let anchors = anchors_of(site, path).await;
    if anchors.is_empty() {
        return false;
    }
    let look = as_if_told(site, &anchors).await;
    // Where the control plane cannot be reached to be judged by it, nothing speaks against a file that holds a CA.
    let of_trust = |it: &ReportedFinding| {
        it.check.as_str() == "trust" && it.severity == Severity::Error && !look.accepts_peer()
    };
    !look.report.findings.iter().any(of_trust)
}

/// Why a CA file of the agent's own is not what is missing: that of `SSL_CERT_FILE` is right, and only closed to its user. It is
/// not the agent's alone, so that who may read it is for its owner to say.
async fn elsewhere(site: &Site<'_>, look: &look::Look) -> Option<String> {
    let (path, user) = again::closed_ssl_cert_file(&*site.host, &look.known).await?;
    let anchors = anchors_of(site, &path).await;
    if anchors.is_empty() || !as_if_told(site, &anchors).await.accepts_peer() {
        return None;
    }
    Some(format!(
        "{} holds the right CA, and the agent's user `{user}` may not read it: SSL_CERT_FILE names it, it is not the agent's, and its owner has to open it; or --ca-cert FILE has the agent told of the CA by itself",
        path.path().display()
    ))
}

/// As the doctor would see the control plane, were it told of these anchors.
async fn as_if_told(site: &Site<'_>, pem: &str) -> look::Look {
    let nowhere = HostPath::caller(NOWHERE);
    let target = Target {
        ca_cert: Some(nowhere.path.clone()),
        ..Target::clone(&site.doctor.target)
    };
    let lay = |host| look::with_text(host, &nowhere, pem);
    look::as_if(site.doctor, target, &["trust"], lay).await
}

/// The user's file: it parses, is of a CA, and verifies what the control plane presents, at this host's time and the true one.
async fn from_file(
    site: &Site<'_>,
    configuration: Configuration,
    given: PathBuf,
    findings: &[&ReportedFinding],
) -> Result<TrustCa, String> {
    let shown = given.display().to_string();
    let content = site
        .host
        .read(ReadQuestion::new(HostPath::caller(&given)))
        .await;
    let content = content.map_err(|unseen| format!("{shown} could not be read: {unseen}"))?;
    let certificates: Result<Vec<_>, _> =
        Certificate::all(&content.text, MOST).into_iter().collect();
    let certificates = certificates
        .map_err(|why| format!("{shown} holds a certificate that cannot be used: {why}"))?;
    if certificates.is_empty() {
        return Err(format!("{shown} holds no certificate in PEM"));
    }
    let target = Target {
        ca_cert: Some(given),
        ..Target::clone(&site.doctor.target)
    };
    let look = look::as_if(site.doctor, target, &["trust"], |host| host).await;
    if !look.accepts_peer() {
        return Err(format!(
            "{shown} does not make the control plane trustworthy: {}",
            look.why_not("trust")
        ));
    }
    let said = format!("{shown}, which verifies what the control plane presents");
    let (pem, source) = (pem(&certificates), Source::File);
    action(site, configuration, pem, source, &said, findings).await
}

/// The anchor that the control plane sent along, or its own certificate if that is its own issuer.
async fn presented(
    site: &Site<'_>,
    configuration: Configuration,
    findings: &[&ReportedFinding],
) -> Result<TrustCa, String> {
    let unknown = || {
        "the control plane presents no certificate of its CA: get it from whoever runs it, and give it with --ca-cert FILE".to_owned()
    };
    let look = look::again(site, &["tls"]).await;
    let peer = look.known.get::<Peer>().ok_or_else(unknown)?;
    if peer.handshake.key_proven != Some(true) {
        return Err("the peer did not prove that it has the key of its certificate".to_owned());
    }
    let chain = peer.handshake.chain.iter();
    let chain: Vec<Certificate> = chain
        .flat_map(|pem| Certificate::all(&pem.0, 1))
        .filter_map(Result::ok)
        .collect();
    let is_alone = chain.len() == 1;
    let anchor = chain
        .into_iter()
        .rev()
        .find(|it| it.is_self_issued() && (it.can_be_anchor() || is_alone));
    let anchor = anchor.ok_or_else(unknown)?;
    let pem = pem(std::slice::from_ref(&anchor));
    let look = as_if_told(site, &pem).await;
    if !look.accepts_peer() {
        return Err(format!(
            "what the control plane presents as its CA does not verify it: {}",
            look.why_not("trust")
        ));
    }
    let said = format!(
        "`{}` (valid until {}), as the control plane at {} presents it",
        anchor.subject,
        date(anchor.not_after),
        peer.address
    );
    let source = Source::Presented {
        fingerprint: anchor.fingerprint(),
    };
    action(site, configuration, pem, source, &said, findings).await
}

async fn action(
    site: &Site<'_>,
    configuration: Configuration,
    pem: String,
    source: Source,
    said: &str,
    findings: &[&ReportedFinding],
) -> Result<TrustCa, String> {
    let directory = configuration
        .path
        .parent()
        .unwrap_or(std::path::Path::new("/"));
    let file = directory.join(CA_FILE);
    let name = file
        .to_str()
        .ok_or("the configuration's directory is no UTF-8 text")?;
    set_value(&configuration.text, Key::CaCert, name).map_err(|why| {
        format!(
            "`ca_cert` cannot be set in {}: {why}",
            configuration.path.display()
        )
    })?;
    let kept = match configuration.told.configured_ca() {
        Some(path) => anchors_of(site, path).await,
        None => String::new(),
    };
    let pem = match kept.contains(&pem) {
        true => kept,
        false => format!("{kept}{pem}"),
    };
    let shown = configuration.path.display();
    let (safety, ask) = match &source {
        Source::File => (Safety::Safe, None),
        Source::Presented { .. } => (
            Safety::Confirm,
            site.given.fingerprint.is_none().then(|| Ask::Fingerprint {
                of: said.to_owned(),
            }),
        ),
    };
    let description = Description {
        repair: Repair::ReinstallWithCa,
        codes: look::codes(findings),
        title: format!("Have the agent trust the CA in {said}"),
        why: "The control plane's certificate is of a private CA, which this host has to be told."
            .to_owned(),
        changes: vec![
            format!("{}: the CA's certificate", file.display()),
            format!("{shown}: `ca_cert` names it"),
        ],
        undo: Some(format!(
            "{} and {shown} are put back as they were",
            file.display()
        )),
        safety,
        needs_root: true,
        ask,
    };
    Ok(TrustCa {
        config: configuration.path.clone(),
        file,
        pem,
        source,
        description,
    })
}

/// What the agent was told to trust before stays trusted: nobody asked to take that away.
async fn anchors_of(site: &Site<'_>, path: &HostPath) -> String {
    let Ok(content) = site.host.read(ReadQuestion::new(path.clone())).await else {
        return String::new();
    };
    let found = Certificate::all(&content.text, MOST).into_iter();
    let anchors: Vec<Certificate> = found
        .filter_map(Result::ok)
        .filter(Certificate::can_be_anchor)
        .collect();
    pem(&anchors)
}

/// Certificates and nothing else, whatever stood beside them.
fn pem(certificates: &[Certificate]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(&certificate.der);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

/// Whether what was typed is this fingerprint, or at least its first half.
fn is_confirmed(typed: &str, fingerprint: &str) -> bool {
    let digits = |text: &str| -> Option<String> {
        let text = text.trim();
        let text = text
            .strip_prefix("SHA256:")
            .or(text.strip_prefix("sha256:"))
            .unwrap_or(text);
        let is_separator = |c: char| c.is_whitespace() || matches!(c, ':' | '-');
        let digits: String = text.chars().filter(|c| !is_separator(*c)).collect();
        digits
            .chars()
            .all(|c| c.is_ascii_hexdigit())
            .then(|| digits.to_ascii_lowercase())
    };
    match (digits(typed), digits(fingerprint)) {
        (Some(typed), Some(fingerprint)) => typed.len() >= TYPED && fingerprint.starts_with(&typed),
        _ => false,
    }
}

impl Action for TrustCa {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn check<'a>(&'a self, site: &'a Site<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            let refused = |why: &str| Err(Refusal(why.to_owned()));
            match (&self.source, &site.given.fingerprint) {
                (Source::File, _) => {}
                (Source::Presented { .. }, None) => {
                    return refused("what a control plane presents is trusted only once its fingerprint was typed");
                }
                (Source::Presented { fingerprint }, Some(typed)) if is_confirmed(typed, fingerprint) => {}
                (Source::Presented { fingerprint }, Some(_)) => {
                    return Err(Refusal(format!(
                        "the fingerprint that was typed is not that of the CA which the control plane presents ({fingerprint}): whoever answers there may not be the control plane"
                    )));
                }
            }
            // The same anchors, on a connection of now.
            let look = as_if_told(site, &self.pem).await;
            match look.accepts_peer() {
                true => Ok(()),
                false => Err(Refusal(look.why_not("trust"))),
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
            let readable = Wanted {
                mode: Some(0o644),
                ..Wanted::default()
            };
            hands.replace_file(&self.file, self.pem.as_bytes(), readable, Holds::Settings)?;
            let text = text_of(hands, &self.config)?;
            let name = self.file.to_string_lossy();
            let edited = set_value(&text, Key::CaCert, &name)
                .map_err(|why| HandsError::Failed(format!("{}: {why}", self.config.display())))?;
            if edited != text {
                put_text(hands, &self.config, &edited)?;
            }
            Ok(Applied::Done)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_typed_in_any_dress_and_half_of_it_at_least() {
        let whole = format!("{}{}", "AB:CD:EF:01:".repeat(7), "AB:CD:EF:01");
        for (typed, confirmed) in [
            (whole.as_str(), true),
            (&whole.replace(':', "").to_lowercase(), true),
            (&format!(" SHA256:{} ", whole.replace(':', " ")), true),
            (&whole[..47], true),
            (&whole[..44], false),
            ("", false),
            ("ABCDEF01", false),
            (&whole.replace("EF", "EE"), false),
            (&format!("{whole}00"), false),
            (&whole.replace("EF", "xy"), false),
        ] {
            assert_eq!(is_confirmed(typed, &whole), confirmed, "{typed}");
        }
    }

    #[test]
    fn certificates_are_written_alone() {
        let text = include_str!("../../checks/trust/testdata/old-ca.crt");
        let dirty =
            format!("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\nnotes\n{text}");
        let found: Vec<_> = Certificate::all(&dirty, MOST)
            .into_iter()
            .filter_map(Result::ok)
            .collect();
        let written = pem(&found);
        assert!(!written.contains("PRIVATE") && !written.contains("notes"));
        let again: Vec<_> = Certificate::all(&written, MOST)
            .into_iter()
            .filter_map(Result::ok)
            .collect();
        assert_eq!(
            (again.len(), again[0].fingerprint()),
            (1, found[0].fingerprint())
        );
    }
}
