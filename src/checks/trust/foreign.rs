//! What to say of a chain that is not the control plane's, or that nobody here vouches for. Pure.

use chrono::TimeDelta;

use super::{INTERCEPTED, Judgement};
use super::time::{Times, span};
use crate::contract::chain::{Certificate, Path};
use crate::contract::inspection::Maker;
use crate::contract::proxy::Proxy;
use crate::host::{Ending, Handshake};
use crate::model::{Fact, Finding, Placeholder, counted};

/// A server's certificate that is younger than this may have been made for this very connection.
const YOUNG: TimeDelta = TimeDelta::hours(1);

/// A TLS-inspecting product made the chain.
pub(super) fn intercepted(path: &Path, maker: &Maker, handshake: &Handshake) -> Finding {
    let product = maker.product.name;
    let trust = match path {
        Path::Anchored(_) => "This host trusts that CA, so that the connection looks right, and",
        Path::Foreign { .. } => "This host does not trust that CA; if it did,",
        Path::Bad { .. } | Path::Undecided { .. } => "Whether this host trusts that CA or not,",
    };
    let detail = format!(
        "{product} stands between this host and the control plane: it decrypts TLS and has made the certificate itself, as `{}`. {trust} the agent's client certificate could still not pass through it.",
        maker.ca
    );
    let finding = Finding::new(INTERCEPTED, detail)
        .value(Placeholder::Product, product)
        .saw("product", product)
        .saw("its CA", &maker.ca)
        .saw_all(asks_for_none(handshake));
    match maker.product.exempt {
        Some(exempt) => finding.saw("exempt by", exempt),
        None => finding,
    }
}

/// Where the agent goes through a proxy, that is the likeliest place of a product that decrypts.
pub(super) fn place(judgement: &mut Judgement, proxy: &Proxy) {
    let all = judgement.findings.iter_mut();
    for finding in all.filter(|finding| finding.code == INTERCEPTED) {
        let place = format!("the proxy {proxy} that the agent goes through, or something behind it");
        finding.detail.push_str(&format!(" It is {place}."));
        finding.evidence.push(Fact {
            what: "at".into(),
            value: place,
        });
        finding.values.insert(Placeholder::Proxy, proxy.to_string());
    }
}

/// The configured CA file is of no use, and would not have helped.
pub(super) fn made_besides(finding: Finding, maker: &Maker) -> Finding {
    finding.saw(
        "besides",
        format!(
            "{} has made the chain (`{}`): it decrypts TLS, and the host has to be exempted from that too",
            maker.product.name, maker.ca
        ),
    )
}

pub(super) fn self_signed(leaf: &Certificate) -> String {
    format!(
        "The server's certificate, `{}`, is self-signed, and this host does not trust it. Its SHA-256 fingerprint is {}.",
        leaf.subject,
        leaf.fingerprint()
    )
}

pub(super) fn unknown_authority(last: &Certificate, has_namesake: bool) -> String {
    let namesake = match has_namesake {
        true => " A CA of the same name but with another key is trusted here: the control plane's was probably made anew.",
        false => "",
    };
    if last.is_self_issued() {
        return format!(
            "The chain ends at `{}`, which the server sends along and this host does not trust.{namesake}",
            last.subject,
        );
    }
    format!(
        "`{}` was issued by `{}`, which this host does not trust.{namesake} If that is an intermediate CA of a trusted root, the server fails to send its certificate instead.",
        last.subject, last.issuer,
    )
}

pub(super) fn missing(walked: &[Certificate], last: &Certificate) -> String {
    let known_by = match &last.ca_issuers {
        Some(url) => format!("its certificate is to be had at {url}, and neither the doctor nor the agent fetches it"),
        None => "its certificate lies on this host, in the file of the client certificate".to_owned(),
    };
    format!(
        "The server sends {}; `{}` was issued by `{}`, which it does not send: {known_by}. If that issuer is a private root CA, nothing is missing: this host does not trust it yet.",
        counted(walked.len(), "usable certificate", "usable certificates"),
        last.subject,
        last.issuer,
    )
}

/// What lets a reader think of an inspecting product that its names do not give away. Hints, and no more.
pub(super) fn hints(walked: &[Certificate], times: &Times, handshake: &Handshake) -> Vec<Fact> {
    let age = walked.first().map(|leaf| times.best() - leaf.not_before);
    let young = age.filter(|age| *age >= TimeDelta::zero() && *age < YOUNG).map(|age| Fact {
        what: "age".into(),
        value: format!(
            "{}: it is just made, as by a TLS-inspecting product that makes certificates on the way",
            span(age)
        ),
    });
    young.into_iter().chain(asks_for_none(handshake)).collect()
}

/// A control plane asks for the agent's certificate; what decrypts TLS before it does not, as a rule.
fn asks_for_none(handshake: &Handshake) -> Option<Fact> {
    let asked_for_none = handshake.ending == Ending::Complete && !handshake.client_certificate_requested;
    asked_for_none.then(|| Fact {
        what: "mTLS".into(),
        value: "the peer asks for no client certificate; a control plane asks for one".into(),
    })
}
