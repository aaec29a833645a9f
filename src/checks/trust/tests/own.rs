//! A CA file that a flag gives, and what the agent has instead.

use super::*;

/// A control plane of a private CA, given by a flag, before an agent with this of its own.
fn given(own: Option<Seen<String>>) -> Scene {
    let root = Authority::root("Private");
    let mut given = scene(&[&root.server()], &[]);
    given.ca_file = Some(Ok(root.pem.0.clone()));
    given.own = Some(own);
    given
}

#[test]
fn what_works_with_the_flag_and_not_for_the_agent_is_found_and_says_nothing_of_the_peer() {
    let other = Authority::root("Other").pem.0;
    for (own, has) in [
        (None, "/etc/nexplane-agent/config.yaml sets no `ca_cert`"),
        (Some(Ok(other)), "its `ca_cert` is /etc/nexplane-agent/own.crt, which does not vouch for it"),
    ] {
        let (judgement, facts) = given(own).judge();
        assert_eq!(codes(&judgement), ["trust.unconfigured_ca"], "{has}");
        let detail = &judgement.findings[0].detail;
        assert!(detail.contains(has), "{detail}");
        assert!(detail.contains("works for you, and fails for the agent"), "{detail}");
        assert_eq!(judgement.findings[0].values[&Placeholder::CaCert], CA_PATH);
        assert!(facts.get::<Verdict>().unwrap().accepted);
    }
}

#[test]
fn nothing_is_found_where_the_agent_accepts_the_peer_too_or_there_is_none() {
    let root = Authority::root("Private");
    let mut told = given(None);
    told.chain = vec![root.server()];
    told.ca_file = Some(Ok(root.pem.0.clone()));
    told.own = Some(Some(Ok(root.pem.0.clone())));
    assert_eq!(told.codes(), none());
    let mut by_system = given(None);
    by_system.chain = vec![root.server()];
    by_system.ca_file = Some(Ok(root.pem.0.clone()));
    by_system.system = Ok(vec![root.pem]);
    assert_eq!(by_system.codes(), none());
    let mut no_agent = given(None);
    no_agent.own = None;
    assert_eq!(no_agent.codes(), none());
}

#[test]
fn a_useless_file_of_the_agents_keeps_it_from_starting_whatever_the_system_trusts() {
    let root = Authority::root("Private");
    let mut scene = given(Some(Err(Unseen::Absent)));
    scene.chain = vec![root.server()];
    scene.ca_file = Some(Ok(root.pem.0.clone()));
    scene.system = Ok(vec![root.pem]);
    assert_eq!(codes(&scene.judge().0), ["trust.ca_file"]);
    for (own, why) in [
        (Err(Unseen::Absent), "/etc/nexplane-agent/own.crt, is not there"),
        (Ok("hello".into()), "holds no certificate in PEM"),
    ] {
        let (judgement, _) = given(Some(own)).judge();
        assert_eq!(codes(&judgement), ["trust.ca_file"]);
        assert!(judgement.findings[0].detail.contains(why), "{}", judgement.findings[0].detail);
    }
}

#[test]
fn a_file_of_the_agents_that_may_not_be_seen_is_told_and_decides_nothing() {
    let (judgement, _) = given(Some(Err(Unseen::Denied))).judge();
    assert_eq!(judgement.findings, []);
    let note = judgement.notes.iter().find(|it| it.what == "the agent's own CA file");
    assert!(note.unwrap().value.contains("could not be seen"));
}
