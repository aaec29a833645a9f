//! What is the agent's goes, what is not stays.

use std::fs;

use nexplane_doctor::agent::{InstallError, Privilege, uninstall};

use crate::world::{World, assert_same};

#[tokio::test]
async fn nothing_of_the_agent_is_left_but_its_program() {
    let world = World::new().await;
    let before = world.tree();
    world.install(&world.token()).await.unwrap();
    fs::create_dir(world.path("var/lib/agent")).unwrap();
    fs::write(world.path("var/lib/agent/state.json"), "{}").unwrap();
    let done = uninstall(&world.around()).await.unwrap();
    assert!(done.kept.is_empty(), "{:?}", done.kept);
    let mut after = world.tree();
    assert!(after.remove(&world.path("usr/bin/agent")).is_some());
    assert_same(&after, &before);
    assert_eq!(world.manager.seen(), (false, false, false));
    let again = uninstall(&world.around()).await.unwrap();
    assert_eq!(again.removed, Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn other_peoples_files_stay() {
    let world = World::new().await;
    world.install(&world.token()).await.unwrap();
    let note = world.path("etc/agent/notes.txt");
    fs::write(&note, "mine").unwrap();
    let done = uninstall(&world.around()).await.unwrap();
    assert_eq!(done.kept, [note.clone()]);
    assert_eq!(fs::read(&note).unwrap(), b"mine");
}

#[tokio::test]
async fn one_that_could_not_stop_the_service_can_be_run_again() {
    let world = World::new().await;
    world.install(&world.token()).await.unwrap();
    for call in ["stop", "disable", "reload"] {
        world.manager.fail_at(call);
        let error = uninstall(&world.around()).await.unwrap_err();
        assert!(matches!(error, InstallError::Service(_)), "{error}");
        assert!(world.path("etc/agent/config.yaml").exists());
        world.manager.mend();
    }
    uninstall(&world.around()).await.unwrap();
    assert!(!world.path("etc/agent").exists());
}

#[tokio::test]
async fn only_root_may() {
    let world = World::new().await;
    let mut around = world.around();
    around.privilege = Privilege::Ordinary;
    assert!(matches!(
        uninstall(&around).await,
        Err(InstallError::NotRoot)
    ));
}
