//! What is the agent's goes, what is not stays.

use std::fs;

use std::os::unix::fs::symlink;
use std::path::Path;

use nexplane_doctor::agent::{InstallError, Privilege, uninstall};
use rcgen::{CertificateParams, DnType, KeyPair};

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
    // Its directory is another than the usual one, and gone: that may be a slip of the pen.
    let again = uninstall(&world.around()).await;
    assert!(matches!(again, Err(InstallError::NoAgent { .. })));
}

#[tokio::test]
async fn other_peoples_files_stay() {
    let world = World::new().await;
    world.install(&world.token()).await.unwrap();
    let note = world.path("etc/agent/notes.txt");
    fs::write(&note, "mine").unwrap();
    let done = uninstall(&world.around()).await.unwrap();
    assert_eq!(done.kept.len(), 1);
    assert_eq!(done.kept[0].path, note);
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

#[tokio::test]
async fn a_directory_that_is_no_agents_is_refused_and_nothing_is_touched() {
    let world = World::new().await;
    world.install(&world.token()).await.unwrap();
    fs::create_dir(world.path("var/lib/agent")).unwrap();
    for other in ["empty", "nginx"] {
        fs::create_dir(world.path(other)).unwrap();
    }
    fs::write(world.path("nginx/config.yaml"), "server: x\n").unwrap();
    fs::write(world.path("nginx/client.key"), "somebody's").unwrap();
    fs::write(world.path("file"), "").unwrap();
    let before = world.tree();
    world.manager.calls();
    for other in ["nowhere", "empty", "nginx", "file"] {
        let mut around = world.around();
        around.places.config_dir = world.path(other);
        let error = uninstall(&around).await.unwrap_err();
        assert!(matches!(error, InstallError::NoAgent { .. }), "{error}");
        assert!(error.to_string().contains(other), "{error}");
    }
    assert_same(&world.tree(), &before);
    assert_eq!(world.manager.calls(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_service_that_starts_another_agent_stays() {
    let world = World::new().await;
    world.install(&world.token()).await.unwrap();
    fs::create_dir(world.path("var/lib/agent")).unwrap();
    fs::create_dir(world.path("second")).unwrap();
    fs::copy(
        world.path("etc/agent/config.yaml"),
        world.path("second/config.yaml"),
    )
    .unwrap();
    world.manager.calls();
    let mut around = world.around();
    around.places.config_dir = world.path("second");
    let done = uninstall(&around).await.unwrap();
    assert_eq!(done.kept[0].path, world.path("etc/systemd/agent.service"));
    assert_eq!(world.manager.calls(), Vec::<&str>::new());
    assert!(!world.path("second").exists());
    assert!(world.path("var/lib/agent").exists());
}

/// A certificate with this name in its subject, and its key.
fn pair(name: &str, cert: &Path, key: &Path) {
    let pair = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    fs::write(cert, params.self_signed(&pair).unwrap().pem()).unwrap();
    fs::write(key, pair.serialize_pem()).unwrap();
}

#[tokio::test]
async fn what_the_configuration_names_goes_only_if_it_is_provably_an_agents() {
    let others = |world: &World| {
        for directory in ["own", "web", "mixed", "dir", "linked", "system"] {
            fs::create_dir(world.path(directory)).unwrap();
        }
        let at = |name: &str| world.path(name);
        pair("agt_0123", &at("own/a.pem"), &at("own/a.key"));
        fs::write(at("own/a.pem.new"), "half of it").unwrap();
        pair("www.example.com", &at("web/a.pem"), &at("web/a.key"));
        pair("agt_4567", &at("mixed/a.pem"), &at("mixed/of-it.key"));
        pair("x", &at("mixed/of-x.pem"), &at("mixed/a.key"));
        pair("agt_89ab", &at("linked/it.pem"), &at("linked/it.key"));
        symlink("it.pem", at("linked/a.pem")).unwrap();
        symlink("it.key", at("linked/a.key")).unwrap();
        fs::create_dir(at("dir/a.pem")).unwrap();
        fs::create_dir(at("dir/a.key")).unwrap();
        fs::write(at("system/a.pem"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
        fs::write(at("system/a.key"), "root:*:19000:0:99999:7:::\n").unwrap();
        fs::write(at("system/a.key.new"), "an editor's").unwrap();
    };
    for (directory, gone, kept) in [
        ("own", &["a.key", "a.pem", "a.pem.new"][..], 0),
        ("web", &[], 2),
        ("mixed", &["a.pem"], 1),
        ("dir", &[], 2),
        ("linked", &[], 2),
        ("system", &[], 2),
    ] {
        let world = World::new().await;
        others(&world);
        world.install(&world.token()).await.unwrap();
        let config = world.path("etc/agent/config.yaml");
        let named = |name: &str| world.path(directory).join(name).display().to_string();
        let text = format!(
            "control_plane: https://a.test:8000\ncert_path: {}\nkey_path: {}\n",
            named("a.pem"),
            named("a.key")
        );
        fs::write(&config, text).unwrap();
        let mut before = crate::world::tree(&world.path(directory));
        let done = uninstall(&world.around()).await.unwrap();
        for name in gone {
            assert!(before.remove(&world.path(directory).join(name)).is_some());
        }
        assert_same(&crate::world::tree(&world.path(directory)), &before);
        assert_eq!(done.kept.len(), kept, "{directory}: {:?}", done.kept);
        assert!(!world.path("etc/agent").exists(), "{directory}");
    }
}

#[tokio::test]
async fn the_root_of_everything_as_certificate_is_left_and_said_to_be() {
    let world = World::new().await;
    world.install(&world.token()).await.unwrap();
    fs::write(
        world.path("etc/agent/config.yaml"),
        "control_plane: https://a.test:8000\ncert_path: /\nkey_path: /\n",
    )
    .unwrap();
    fs::create_dir(world.path("etc/agent/client.key.new")).unwrap();
    let done = uninstall(&world.around()).await.unwrap();
    let kept: Vec<&Path> = done.kept.iter().map(|kept| kept.path.as_path()).collect();
    let odd = world.path("etc/agent/client.key.new");
    assert_eq!(kept, [Path::new("/"), Path::new("/"), &odd]);
}
