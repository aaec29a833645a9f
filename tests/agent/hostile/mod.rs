//! A control plane that misbehaves at each of its calls: every command comes to its end, says why, and repeats no secret; what
//! was there before is there afterwards, and the same token serves once the control plane is itself again.

mod plane;
mod run;

use std::time::Duration;

use chrono::Utc;
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream;
use nexplane_doctor::agent::{self, Setting, rotate_cert};
use nexplane_doctor::model::Secret;

pub(crate) use self::plane::{Hostile, How, hows};
use crate::world::{HOSTNAME, World, assert_same, without_pending};

/// When something is given up that is waited for: it bounds, it does not measure. Three calls of ten seconds are in it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// That a command's words are fit for everybody's eyes.
#[track_caller]
pub(crate) fn assert_fit(said: &str, token: &Secret, case: &str) {
    assert!(!said.contains(token.expose()), "{case}: {said}");
    assert!(!said.contains("PRIVATE KEY"), "{case}: {said}");
    assert!(!said.is_empty() && said.len() < 2_000, "{case}: {said}");
}

/// What never ends costs time as long as it lasts: with all of them at once, nothing else would come to its turn.
pub(crate) async fn few_at_a_time<'a>(cases: impl Iterator<Item = LocalBoxFuture<'a, ()>>) {
    stream::iter(cases)
        .buffer_unordered(6)
        .collect::<Vec<()>>()
        .await;
}

/// That no file holds it.
#[track_caller]
fn assert_nowhere(world: &World, token: &Secret, case: &str) {
    let token = token.expose().as_bytes();
    for (path, (_, content)) in world.tree() {
        let content = content.unwrap_or_default();
        let holds = content.windows(token.len()).any(|part| part == token);
        assert!(!holds, "{case}: {}", path.display());
    }
}

async fn installed(call: &'static str, how: How) {
    let case = format!("{call}: {how:?}");
    let world = World::new().await;
    let (plane, url) = Hostile::serve(&world).await;
    let token = world.token();
    let mut options = world.options(&token);
    options.control_plane = url;
    let before = world.tree();
    plane.breaks(Some((call, how)));
    let ended = tokio::time::timeout(PATIENCE, world.install_with(&options)).await;
    match ended.unwrap_or_else(|_| panic!("{case}: it does not end")) {
        // One that does not tell of tokens is asked to enroll all the same.
        Ok(_) if call.ends_with("/inspect") => return,
        Ok(_) => panic!("{case}: it is installed"),
        Err(error) => {
            let line = error.log_line().unwrap_or_default();
            assert_fit(&format!("{error}\n{line}"), &token, &case);
            assert!(
                line.lines().count() < 2 && !line.contains('\u{1b}'),
                "{case}: {line}"
            );
            assert_nowhere(&world, &token, &case);
            assert_same(&without_pending(world.tree(), &world), &before);
        }
    }
    plane.breaks(None);
    let again = world.install_with(&options).await;
    again.unwrap_or_else(|error| panic!("{case}: not with the same token: {error}"));
    assert_nowhere(&world, &token, &case);
}

#[tokio::test]
async fn an_installation_ends_and_the_same_token_serves_again() {
    let calls = [
        "/health",
        "/agent/enrollment-tokens/inspect",
        "/agent/enroll",
        "/agent/heartbeat",
    ];
    let cases = calls
        .iter()
        .flat_map(|call| hows(call).map(|how| installed(call, how).boxed_local()));
    few_at_a_time(cases).await;
}

async fn rotated(call: &'static str, how: How) {
    let case = format!("{call}: {how:?}");
    let world = World::new().await;
    let (plane, url) = Hostile::serve(&world).await;
    let token = world.token();
    let mut options = world.options(&token);
    options.control_plane = url;
    let id = world.install_with(&options).await.unwrap().agent_id;
    plane.breaks(Some((call, how)));
    let setting: Setting = world.setting();
    let rotating = rotate_cert(&setting, HOSTNAME, Utc::now());
    let ended = tokio::time::timeout(PATIENCE, rotating).await;
    let ended = ended.unwrap_or_else(|_| panic!("{case}: it does not end"));
    let error = ended.unwrap_err().to_string();
    assert_fit(&error, &token, &case);
    // What is in place is whole, and can be asked with.
    assert_eq!(setting.files.load().unwrap().agent_id, id, "{case}");
    plane.breaks(None);
    agent::settle(&setting, HOSTNAME).await.unwrap();
    let again = rotate_cert(&setting, HOSTNAME, Utc::now()).await;
    assert_eq!(again.unwrap().agent_id, id, "{case}");
}

#[tokio::test]
async fn a_rotation_ends_and_leaves_an_identity_that_works() {
    let calls = ["/agent/rotate-cert", "/agent/heartbeat"];
    let cases = calls
        .iter()
        .flat_map(|call| hows(call).map(|how| rotated(call, how).boxed_local()));
    few_at_a_time(cases).await;
}
