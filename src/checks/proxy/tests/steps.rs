//! What is advised fits what the proxy did.

use super::*;
use crate::catalog::Catalog;
use crate::model::Case;

fn catalog() -> Catalog {
    match Catalog::load(&crate::checks::texts()) {
        Ok(catalog) => catalog,
        Err(problems) => panic!("{} problems", problems.len()),
    }
}

/// The steps that are shown for a judgement, with their commands.
fn steps(judgement: &Judgement) -> String {
    let (catalog, finding) = (catalog(), &judgement.findings[0]);
    let Some(doc) = catalog.finding(&finding.code) else {
        panic!("{} has no text", finding.code);
    };
    let values = finding.values.clone().into_iter().collect();
    let remedy = doc.remedy.fill_for(finding.case, &values, Os::Linux);
    let lines = remedy
        .steps
        .iter()
        .map(|step| format!("{} {}", step.text, step.command.as_deref().unwrap_or_default()));
    lines.collect::<Vec<_>>().join("\n")
}

/// These words are among the steps, and of the other cases none is.
fn advises(judgement: &Judgement, words: &str) {
    const OF_ONE_CASE: [&str; 12] = [
        "After a 407",
        "another login than Basic",
        "After a 403",
        "After a 502",
        "Where the answer is another's",
        "Where the setting is no URL",
        "Where the port is closed",
        "Where nothing answers",
        "Where something else listens",
        "Where the proxy's own certificate",
        "does not answer, see from its own host",
        "curl -v -x http://proxy.example.com",
    ];
    let steps = steps(judgement);
    assert!(steps.contains(words), "{words}: {steps}");
    for other in OF_ONE_CASE.into_iter().filter(|other| *other != words) {
        assert!(!steps.contains(other), "{other} beside {words}: {steps}");
    }
}

#[test]
fn each_refusal_has_the_steps_that_fit_it() {
    use TunnelEnding as Ending;
    let ntlm = [("proxy-authenticate", "NTLM")];
    for (ending, login, words) in [
        (refused(407, &[]), Login::None, "After a 407"),
        (refused(407, &ntlm), Login::Given, "another login than Basic"),
        (refused(403, &[]), Login::None, "After a 403"),
        (refused(502, &[]), Login::None, "After a 502"),
        (refused(504, &[]), Login::None, "After a 502"),
        (refused(404, &[]), Login::None, "Where the answer is another's"),
        (Ending::LoginRefused, Login::Given, "After a 407"),
        (Ending::LoginWanted, Login::Given, "another login than Basic"),
        (Ending::Reset, Login::None, "After a 403"),
        (
            Ending::TimedOut { after_ms: 1 },
            Login::None,
            "does not answer, see from its own host",
        ),
        (
            Ending::NotAProxy { why: "x".into() },
            Login::None,
            "Where something else listens",
        ),
        (
            Ending::Tls { why: "x".into() },
            Login::None,
            "Where the proxy's own certificate",
        ),
    ] {
        let variable = match login {
            Login::None => "HTTPS_PROXY=http://10.0.0.8:3128",
            Login::Given | Login::Unreadable => CREDENTIALS,
        };
        let judgement = asked(variable, ending, login);
        advises(&judgement, words);
        assert!(steps(&judgement).contains("curl -v -x http://10.0.0.8:3128"));
    }
}

#[test]
fn each_way_not_to_connect_has_the_steps_that_fit_it() {
    let error = || "EHOSTUNREACH".to_owned();
    for (unseen, words) in [
        (Unseen::Refused, "Where the port is closed"),
        (Unseen::TimedOut { after_ms: 1 }, "Where nothing answers"),
        (Unseen::Unreachable { error: error() }, "Where nothing answers"),
    ] {
        let (judgement, _) = connects(with(unit(CREDENTIALS), &[]), Err(unseen)).judge(&Probe);
        advises(&judgement, words);
    }
}

#[test]
fn a_setting_that_is_no_url_gets_no_command_with_a_proxy_that_is_not_this_hosts() {
    let (judgement, _) = with(unit("HTTPS_PROXY=ftp://hunter2:1"), &[]).judge(&Probe);
    advises(&judgement, "Where the setting is no URL");
    let steps = steps(&judgement);
    assert!(!steps.contains("-x "), "{steps}");
    assert!(!steps.contains("hunter2"), "{steps}");
}

#[test]
fn a_status_that_says_nothing_gets_all_steps() {
    let judgement = asked("HTTPS_PROXY=10.0.0.8:3128", refused(418, &[]), Login::None);
    assert_eq!(judgement.findings[0].case, None::<Case>);
    let steps = steps(&judgement);
    assert!(steps.contains("After a 407") && steps.contains("After a 502"));
}
