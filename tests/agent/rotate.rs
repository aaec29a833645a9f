//! At every moment the old pair works, or the new one.

use std::fs;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use nexplane_doctor::agent::{
    self, IdentityFiles, Purpose, RotateError, Rotated, rotate_cert, settle,
};
use nexplane_doctor::lab::{AgentApi, Behaviour, HeartbeatReply};

use crate::world::{HOSTNAME, World, assert_same, serve, works};

/// An agent that enrolled so many days ago.
async fn enrolled(days_ago: i64) -> World {
    let world = World::new().await;
    let state = Arc::clone(world.server.state());
    state.clock().shift(-TimeDelta::days(days_ago));
    let token = world.token();
    let setting = install_files(&world);
    let client = setting.client(None).unwrap();
    let host = agent::HostFacts::named(HOSTNAME);
    agent::enroll(&client, &setting.files, &token, &host)
        .await
        .unwrap();
    state.clock().shift(TimeDelta::days(days_ago));
    world
}

fn install_files(world: &World) -> agent::Setting {
    fs::create_dir_all(world.path("etc/agent")).unwrap();
    let config = format!(
        "control_plane: {}\nca_cert: {}\n",
        world.url(),
        world.path("ca.crt").display()
    );
    fs::write(world.path("etc/agent/config.yaml"), config).unwrap();
    world.setting()
}

async fn rotate(world: &World) -> Result<Rotated, RotateError> {
    rotate_cert(&world.setting(), HOSTNAME, Utc::now()).await
}

#[tokio::test]
async fn a_valid_certificate_is_renewed_and_the_old_one_is_dead() {
    let world = enrolled(10).await;
    let before = world.tree();
    let cert = fs::read(world.path("etc/agent/client.crt")).unwrap();
    let key = fs::read(world.path("etc/agent/client.key")).unwrap();
    let id = world.works().await.unwrap();
    let rotated = rotate(&world).await.unwrap();
    assert_eq!(rotated.agent_id, id);
    assert!(rotated.not_after > Utc::now() + TimeDelta::days(364));
    assert_eq!(world.works().await, Some(id));
    let names = |tree: crate::world::Tree| tree.into_keys().collect::<Vec<_>>();
    assert_eq!(names(world.tree()), names(before), "nothing is left over");
    fs::write(world.path("etc/agent/client.crt"), cert).unwrap();
    fs::write(world.path("etc/agent/client.key"), key).unwrap();
    assert_eq!(world.works().await, None);
}

#[tokio::test]
async fn an_expired_one_serves_too_while_it_is_accepted() {
    let world = enrolled(370).await;
    assert_eq!(world.works().await, None);
    let rotated = rotate(&world).await.unwrap();
    assert_eq!(world.works().await, Some(rotated.agent_id));
}

#[tokio::test]
async fn one_that_expired_too_long_ago_stays_as_it_is() {
    let world = enrolled(400).await;
    let before = world.tree();
    let error = rotate(&world).await.unwrap_err();
    assert_eq!(error.code().unwrap().as_str(), "identity.expired");
    assert_eq!(error.to_string(), "certificate expired too long ago");
    assert_same(&world.tree(), &before);
}

#[tokio::test]
async fn one_that_was_revoked_is_named_so() {
    let world = enrolled(1).await;
    let before = world.tree();
    let id = world.works().await.unwrap();
    world.server.state().revoke(&id).unwrap();
    let error = rotate(&world).await.unwrap_err();
    assert_eq!(error.code().unwrap().as_str(), "registration.revoked");
    assert_same(&world.tree(), &before);
}

/// A world whose agent has a pending pair: its heartbeat was answered with an error.
async fn undecided() -> World {
    let world = enrolled(1).await;
    let state = Arc::clone(world.server.state());
    let behaviour = Behaviour {
        agent_api: AgentApi {
            heartbeat: HeartbeatReply::Refused(503, "not now".to_owned()),
            ..AgentApi::default()
        },
        ..Behaviour::default()
    };
    let ill = serve(state, behaviour).await;
    let config = world.path("etc/agent/config.yaml");
    let good = fs::read_to_string(&config).unwrap();
    let bad = good.replace(&world.url(), &format!("https://{}", ill.address()));
    fs::write(&config, bad).unwrap();
    let error = rotate(&world).await.unwrap_err();
    assert!(matches!(error, RotateError::Heartbeat(_)), "{error}");
    fs::write(&config, good).unwrap();
    assert!(world.path("etc/agent/client.crt.pending").exists());
    world
}

fn pending(world: &World) -> agent::Setting {
    let mut setting = world.setting();
    setting.files = IdentityFiles::new(
        world.path("etc/agent/client.crt.pending"),
        world.path("etc/agent/client.key.pending"),
    );
    setting
}

#[tokio::test]
async fn a_heartbeat_that_nobody_answered_leaves_both_and_the_control_plane_decides_later() {
    let world = undecided().await;
    let id = world.works().await.unwrap();
    assert_eq!(
        works(&pending(&world)).await.as_ref(),
        Some(&id),
        "both work"
    );
    settle(&world.setting(), HOSTNAME).await.unwrap();
    assert_eq!(world.works().await, Some(id));
    assert!(!world.path("etc/agent/client.crt.pending").exists());
    assert!(!world.path("etc/agent/client.key.pending").exists());
}

#[tokio::test]
async fn killed_after_the_heartbeat_it_goes_on_with_the_new_one() {
    let world = undecided().await;
    let new = pending(&world);
    let identity = new.files.load().unwrap();
    let id = identity.agent_id.clone();
    let client = new.client(Some(identity.for_tls())).unwrap();
    agent::heartbeat(&client, &identity, HOSTNAME, Purpose::SignOfLife)
        .await
        .unwrap();
    assert_eq!(world.works().await, None, "the old one is dead");
    let rotated = rotate(&world).await.unwrap();
    assert_eq!(rotated.agent_id, id);
    assert_eq!(world.works().await, Some(id));
}

#[tokio::test]
async fn killed_between_the_two_files_it_goes_on_with_the_new_one() {
    let world = undecided().await;
    fs::rename(
        world.path("etc/agent/client.crt.pending"),
        world.path("etc/agent/client.crt"),
    )
    .unwrap();
    assert!(world.works().await.is_some());
    assert!(!world.path("etc/agent/client.key.pending").exists());
}

#[tokio::test]
async fn a_pending_pair_that_the_control_plane_does_not_know_gives_way_to_the_old_one() {
    let (world, other) = (undecided().await, undecided().await);
    for name in ["client.crt.pending", "client.key.pending"] {
        let name = format!("etc/agent/{name}");
        fs::copy(other.path(&name), world.path(&name)).unwrap();
    }
    let id = world.works().await;
    assert!(id.is_some());
    settle(&world.setting(), HOSTNAME).await.unwrap();
    assert_eq!(world.works().await, id);
    assert!(!world.path("etc/agent/client.crt.pending").exists());
}

#[tokio::test]
async fn while_nobody_can_be_asked_both_stay() {
    let world = undecided().await;
    let before = world.tree();
    let config = world.path("etc/agent/config.yaml");
    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, good.replace(&world.url(), "https://127.0.0.1:1")).unwrap();
    assert!(settle(&world.setting(), HOSTNAME).await.is_err());
    fs::write(&config, good).unwrap();
    assert_same(&world.tree(), &before);
}

#[tokio::test]
async fn two_at_once_come_one_after_the_other() {
    let world = enrolled(1).await;
    let (one, other) = tokio::join!(rotate(&world), rotate(&world));
    one.unwrap();
    other.unwrap();
    assert!(world.works().await.is_some());
}
