//! All of it, or nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nexplane_doctor::agent::{InstallError, InstallOutcome, WorkingIdentity, has_pending_key};
use nexplane_doctor::contract::config::Verification;
use nexplane_doctor::lab::{AgentApi, Behaviour, HealthPage, HeartbeatReply, InspectCall};
use nexplane_doctor::model::Secret;

use crate::world::{World, assert_same, without_pending};

/// Why an installation failed, and which finding that is.
async fn failure(world: &World, token: &Secret) -> (InstallError, String) {
    let error = world.install(token).await.unwrap_err();
    let code = error.code().map(|code| code.to_string());
    let is_torn = matches!(error, InstallError::Torn { .. });
    assert_eq!(is_torn, world.manager.is_lame(), "{error}");
    (error, code.unwrap_or_default())
}

#[tokio::test]
async fn a_new_agent_is_there_with_everything_that_it_needs() {
    let world = World::new().await;
    let token = world.token();
    let installed = world.install(&token).await.unwrap();
    assert_eq!(installed.outcome, InstallOutcome::Enrolled);
    assert_eq!(installed.registered_as, "web-server-01");
    assert_eq!(world.works().await, Some(installed.agent_id));
    assert_eq!(world.manager.seen(), (true, true, true));
    let config = fs::read_to_string(world.path("etc/agent/config.yaml")).unwrap();
    assert!(config.starts_with(&format!("control_plane: {}\n", world.url())));
    let names: Vec<_> = world.tree().into_keys().collect();
    for name in ["config.yaml", "client.crt", "client.key"] {
        assert!(
            names.contains(&world.path("etc/agent").join(name)),
            "{name}"
        );
    }
    let mode = |name: &str| fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("etc/agent/client.key"), 0o600);
    assert_eq!(mode("etc/agent/config.yaml"), 0o600);
    assert_eq!(mode("usr/bin/agent"), 0o755);
    let strays = names.iter().filter(|path| {
        let name = path.to_string_lossy();
        [
            ".new",
            ".pending",
            ".before-install",
            ".install",
            ".install.json",
        ]
        .iter()
        .any(|end| name.ends_with(end))
    });
    assert_eq!(strays.count(), 0, "{names:?}");
}

#[tokio::test]
async fn once_more_changes_nothing_and_a_changed_flag_keeps_the_identity() {
    let world = World::new().await;
    let first = world.install(&world.token()).await.unwrap();
    let before = world.tree();
    world.manager.calls();
    let second = world.token();
    let again = world.install(&second).await.unwrap();
    assert_eq!(again.outcome, InstallOutcome::AlreadyInstalled);
    assert_same(&world.tree(), &before);
    assert_eq!(world.manager.calls(), [""; 0]);
    let mut options = world.options(&second);
    options.poll_interval = std::time::Duration::from_secs(30);
    let changed = world.install_with(&options).await.unwrap();
    assert_eq!(changed.outcome, InstallOutcome::Updated);
    assert_eq!(changed.agent_id, first.agent_id);
    let config = fs::read_to_string(world.path("etc/agent/config.yaml")).unwrap();
    assert!(config.contains("poll_interval: 30s"), "{config}");
    // The second token was never used.
    assert_eq!(world.server.state().agents().len(), 1);
}

#[tokio::test]
async fn whatever_the_service_manager_does_not_do_leaves_the_host_as_it_was() {
    for call in ["reload", "enable", "restart"] {
        let world = World::new().await;
        let token = world.token();
        let before = world.tree();
        world.manager.fail_at(call);
        let (error, _) = failure(&world, &token).await;
        if call == "reload" {
            // It is needed to take things back, too: the next run does that.
            assert!(error.to_string().contains("the next run"), "{error}");
        } else {
            assert_same(&without_pending(world.tree(), &world), &before);
            assert_eq!(world.manager.seen(), (false, false, false), "{call}");
            assert!(has_pending_key(&world.around().places));
        }
        world.manager.mend();
        // The token was used up, and serves again for the key that waits.
        let installed = world.install(&token).await.unwrap();
        assert_eq!(world.works().await, Some(installed.agent_id), "{call}");
        assert_eq!(world.server.state().agents().len(), 1, "{call}");
    }
}

#[tokio::test]
async fn an_agent_that_was_there_is_there_again() {
    let world = World::new().await;
    let first = world.install(&world.token()).await.unwrap();
    fs::write(world.path("etc/agent/notes.txt"), "mine").unwrap();
    fs::write(world.path("program"), "a newer program").unwrap();
    let before = world.tree();
    world.manager.fail_at("restart");
    let mut options = world.options(&world.token());
    options.working_identity = WorkingIdentity::Replace;
    options.poll_interval = std::time::Duration::from_secs(60);
    assert!(world.install_with(&options).await.is_err());
    assert_same(&without_pending(world.tree(), &world), &before);
    assert_eq!(world.works().await, Some(first.agent_id.clone()));
    world.manager.mend();
    let replaced = world.install_with(&options).await.unwrap();
    assert_ne!(replaced.agent_id, first.agent_id);
    assert_eq!(world.works().await, Some(replaced.agent_id));
    let program = fs::read(world.path("usr/bin/agent")).unwrap();
    assert_eq!(program, b"a newer program");
}

#[tokio::test]
async fn a_token_that_is_no_good_changes_nothing_and_is_named() {
    let world = World::new().await;
    let used = world.token();
    let enrolled = world.install(&used).await.unwrap();
    world.server.state().revoke(&enrolled.agent_id).unwrap();
    let expired = world
        .server
        .state()
        .new_token(chrono::TimeDelta::zero())
        .unwrap()
        .0;
    let unknown = Secret::new(format!("nxe_{}", "x".repeat(43)));
    let before = world.tree();
    for (token, code, words) in [
        (
            used,
            "token.used",
            "FATAL: enrollment failed: token has already been used",
        ),
        (
            expired,
            "token.expired",
            "FATAL: enrollment failed: token has expired",
        ),
        (
            unknown,
            "token.invalid",
            "FATAL: enrollment failed: token is not valid",
        ),
        (Secret::new("YOUR_TOKEN"), "token.malformed", ""),
    ] {
        let (error, found) = failure(&world, &token).await;
        assert_eq!(found, code);
        assert_eq!(error.log_line().unwrap_or_default(), words);
        assert!(!error.to_string().contains(token.expose()));
        assert_same(&world.tree(), &before);
    }
}

#[tokio::test]
async fn where_the_token_cannot_be_inspected_its_refusal_leaves_nothing_either() {
    let behaviour = Behaviour {
        agent_api: AgentApi {
            inspect: InspectCall::Unknown,
            ..AgentApi::default()
        },
        ..Behaviour::default()
    };
    let world = World::with(behaviour).await;
    let unknown = Secret::new(format!("nxe_{}", "x".repeat(43)));
    let before = world.tree();
    let (_, code) = failure(&world, &unknown).await;
    assert_eq!(code, "token.invalid");
    assert_same(&world.tree(), &before);
    assert_eq!(
        world.manager.calls(),
        [""; 0],
        "the service manager was not asked"
    );
}

#[tokio::test]
async fn a_control_plane_that_is_not_to_be_trusted_or_not_well_gets_no_token() {
    let world = World::new().await;
    let token = world.token();
    let before = world.tree();
    let mut options = world.options(&token);
    options.ca_cert = None;
    let error = world.install_with(&options).await.unwrap_err();
    assert_eq!(error.code().unwrap().as_str(), "trust.unknown_authority");
    assert_eq!(
        error.log_line().unwrap(),
        format!(
            "FATAL: enrollment failed: Post \"{}/agent/enroll\": x509: certificate signed by unknown authority",
            world.url()
        )
    );
    options.ca_cert = Some(world.path("program"));
    let error = world.install_with(&options).await.unwrap_err();
    assert_eq!(error.code().unwrap().as_str(), "trust.ca_file");
    options.control_plane = "https://127.0.0.1:1".to_owned();
    options.ca_cert = None;
    let error = world.install_with(&options).await.unwrap_err();
    assert_eq!(error.code().unwrap().as_str(), "tcp.refused");
    assert_same(&world.tree(), &before);
    let unwell = HealthPage::Unwell {
        http: 503,
        status: "degraded".to_owned(),
        db: "disconnected".to_owned(),
    };
    let ill = World::with(Behaviour::health(unwell)).await;
    let (_, code) = failure(&ill, &ill.token()).await;
    assert_eq!(code, "health.unhealthy");
}

#[tokio::test]
async fn without_verification_it_works_and_says_so() {
    let world = World::new().await;
    let mut options = world.options(&world.token());
    options.ca_cert = None;
    options.verification = Verification::Off;
    let installed = world.install_with(&options).await.unwrap();
    assert!(
        installed
            .notes
            .iter()
            .any(|note| note.contains("verification is switched off"))
    );
    assert_eq!(world.setting().config.verification, Verification::Off);
    assert_eq!(world.works().await, Some(installed.agent_id));
}

#[tokio::test]
async fn an_identity_that_works_elsewhere_or_cannot_be_asked_for_is_kept() {
    let (world, other) = (World::new().await, World::new().await);
    let first = world.install(&world.token()).await.unwrap();
    let before = world.tree();
    let mut moved = world.options(&other.token());
    moved.control_plane = other.url();
    moved.ca_cert = Some(other.path("ca.crt"));
    let error = world.install_with(&moved).await.unwrap_err();
    assert!(matches!(error, InstallError::WorkingIdentity(_)), "{error}");
    assert!(error.to_string().contains("--replace-identity"), "{error}");
    assert_eq!(world.works().await, Some(first.agent_id.clone()));
    // Revoked, it is not worth keeping.
    world.server.state().revoke(&first.agent_id).unwrap();
    assert_same(&world.tree(), &before);
    let installed = world.install_with(&moved).await.unwrap();
    assert_eq!(installed.outcome, InstallOutcome::Enrolled);
}

#[tokio::test]
async fn a_registration_that_is_refused_takes_everything_back() {
    let behaviour = Behaviour {
        agent_api: AgentApi {
            heartbeat: HeartbeatReply::Refused(403, "agent not found or revoked".to_owned()),
            ..AgentApi::default()
        },
        ..Behaviour::default()
    };
    let world = World::with(behaviour).await;
    let before = world.tree();
    let (error, _) = failure(&world, &world.token()).await;
    assert!(matches!(error, InstallError::Heartbeat(_)), "{error}");
    assert_same(&without_pending(world.tree(), &world), &before);
    assert_eq!(world.manager.seen(), (false, false, false));
}

#[tokio::test]
async fn a_masked_service_and_a_missing_parent_are_named_before_anything_is_done() {
    let world = World::new().await;
    let before = world.tree();
    world.manager.mask();
    let (_, code) = failure(&world, &world.token()).await;
    assert_eq!(code, "service.masked");
    assert_same(&world.tree(), &before);
    let other = World::new().await;
    fs::remove_dir_all(other.path("etc")).unwrap();
    let before = other.tree();
    let (error, _) = failure(&other, &other.token()).await;
    assert!(error.to_string().contains("etc/agent"), "{error}");
    assert_same(&other.tree(), &before);
}

#[tokio::test]
async fn two_at_once_make_one_agent() {
    let world = World::new().await;
    let token = world.token();
    let (one, other) = tokio::join!(world.install(&token), world.install(&token));
    let installed: Vec<_> = [one, other].into_iter().flatten().collect();
    assert!(!installed.is_empty());
    assert_eq!(world.server.state().agents().len(), 1);
    assert_eq!(world.works().await, Some(installed[0].agent_id.clone()));
}
