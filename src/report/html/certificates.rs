//! The certificates: the control plane's chain with the place where it breaks, the agent's own, and when each is valid.

use maud::{Markup, html};

use super::text;
use super::validity::{self, Validity};
use crate::model::{CertificateReport, Certificates, Chain, ChainEnd, Clocks, Origin, counted};

/// All of them, or nothing where none was seen.
pub(super) fn certificates(certificates: &Certificates) -> Markup {
    let clocks = &certificates.clocks;
    html! {
        section aria-labelledby="certificates" {
            h2 id="certificates" { "Certificates" }
            @if let Some(chain) = &certificates.server {
                h3 { "What the control plane showed" }
                (picture(chain, clocks))
            }
            @if let Some(agent) = &certificates.agent {
                h3 { "What the agent shows" }
                ul.chain { li { (card(agent, "the agent's own", clocks)) } }
            }
            (validity::windows(certificates))
        }
    }
}

fn picture(chain: &Chain, clocks: &Clocks) -> Markup {
    let last = chain.line.len().saturating_sub(1);
    html! {
        ol.chain {
            @for (i, certificate) in chain.line.iter().enumerate() {
                li {
                    (card(certificate, &place(certificate.origin, i), clocks))
                    @if i < last {
                        p.link { span aria-hidden="true" { "\u{2193} " } "vouched for by" }
                    }
                }
            }
        }
        @match &chain.end {
            ChainEnd::Anchor(why) => {
                p.end.anchor { span aria-hidden="true" { "\u{2713} " } "It reaches an anchor of this host: " (text::line(why)) }
            }
            ChainEnd::Breaks(what) => {
                p.end.breaks { strong { span aria-hidden="true" { "\u{2717} " } "The chain breaks here: " } (text::prose(what)) }
            }
        }
        @if !chain.aside.is_empty() {
            details {
                summary { "Sent along and not in use " span.count { (chain.aside.len()) } }
                ul { @for line in &chain.aside { li { (text::line(line)) } } }
            }
        }
    }
}

/// What a certificate is in its chain.
fn place(origin: Origin, index: usize) -> String {
    match (origin, index) {
        (Origin::Sent(_), 0) => "the server's own".to_owned(),
        (Origin::Sent(place), _) => format!("sent by the server, number {place}"),
        (Origin::Store, _) => "on this host, not sent".to_owned(),
        (Origin::Agent, _) => "the agent's own".to_owned(),
    }
}

fn card(certificate: &CertificateReport, place: &str, clocks: &Clocks) -> Markup {
    let validity = Validity::of(certificate, clocks);
    let wrong = validity.is_wrong() || !certificate.problems.is_empty();
    html! {
        div.certificate.wrong[wrong] {
            p.subject { strong { (text::line(&certificate.subject)) } " " span.after { (place) } }
            @for problem in &certificate.problems {
                p.problem { span aria-hidden="true" { "\u{2717} " } (text::line(problem)) }
            }
            p.(validity.class()) { (validity.words()) }
            dl {
                div { dt { "issued by" } dd { (text::line(&certificate.issuer)) } }
                @if !certificate.names.is_empty() {
                    div { dt { "names" } dd { (text::line(&certificate.names)) } }
                }
            }
            details {
                summary { "Key, signature and fingerprint" }
                dl {
                    div { dt { "key" } dd { (text::line(&certificate.key)) } }
                    div { dt { "signature" } dd { (text::line(&certificate.signature)) } }
                    div { dt { "SHA-256" } dd.hash { (text::line(&certificate.fingerprint)) } }
                }
            }
        }
    }
}

/// `3 certificates`, for who does not look at the picture.
pub(super) fn count(certificates: &Certificates) -> String {
    let sent = certificates
        .server
        .as_ref()
        .map_or(0, |chain| chain.line.len());
    let own = usize::from(certificates.agent.is_some());
    counted(sent + own, "certificate", "certificates")
}
