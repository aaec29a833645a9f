//! The running agent before a control plane that misbehaves: it goes on, asks seldom, keeps its identity, logs what went wrong in
//! lines that are fit for everybody's eyes, and ends when it is asked to.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::PATIENCE;
use super::plane::{Hostile, How, RESULT, hows};
use crate::running::{Running, enrolled};
use crate::world::{World, assert_same, tree};

/// Waits until it has misbehaved so often.
async fn misbehaved(plane: &Arc<Hostile>, times: usize, case: &str) {
    let mut asked = plane.misbehaved.subscribe();
    let waiting = asked.wait_for(|seen| *seen >= times);
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{case}: it is not asked");
}

async fn goes_on(call: &'static str, how: How) {
    let case = format!("{call}: {how:?}");
    let world = World::new().await;
    let (plane, url) = Hostile::serve(&world).await;
    // The certificate of one that enrolled long ago is due.
    let days_ago = if call == "/agent/rotate-cert" { 300 } else { 1 };
    enrolled(&world, &url, days_ago).await;
    let identity = tree(&world.path("etc/agent"));
    plane.breaks(Some((call, how)));
    let mut agent = Running::of(&world);
    misbehaved(&plane, 1, &case).await;
    let fails = match call {
        "/agent/heartbeat" => "ERROR: heartbeat ",
        "/agent/tasks" => "ERROR: polling for tasks failed: ",
        RESULT => "ERROR: posting result of task tsk_1 failed: ",
        _ => "ERROR: certificate rotation failed: ",
    };
    // Only the status of an answer to a result counts.
    let is_well = call == RESULT
        && matches!(
            how,
            How::EndlessBody | How::WrongTypes | How::DeepJson | How::CutShort | How::Page
        );
    if !is_well {
        agent.line(fails, &case).await;
    }
    if how == How::Silence {
        // Once more, to be ended in the middle of it; a rotation is tried again after minutes.
        let again = if call == "/agent/rotate-cert" { 1 } else { 2 };
        misbehaved(&plane, again, &case).await;
    }
    let ill = *plane.misbehaved.borrow();
    let (status, said) = agent.end(&case).await;
    assert_eq!(status.code(), Some(0), "{case}: {said:#?}");
    let failed = said.iter().filter(|line| line.starts_with(fails)).count();
    // Each is said, but for one that goes on, and one that is asked again at once over a new connection.
    assert!(
        is_well || ill <= 2 * failed + 2,
        "{case}: {ill} calls in {said:#?}"
    );
    for line in &said {
        assert!(!line.contains(char::is_control), "{case}: {line:?}");
        assert!(line.len() < 1_000, "{case}: {line}");
        assert!(!line.contains("PRIVATE KEY"), "{case}: {line}");
        assert!(!line.starts_with("FATAL"), "{case}: {line}");
        assert!(!line.contains("panicked"), "{case}: {line}");
    }
    let mut after = tree(&world.path("etc/agent"));
    let pending = world.path("etc/agent/client.key.pending");
    if call == "/agent/rotate-cert" {
        after.remove(&pending);
    }
    assert_same(&after, &identity);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_whatever_one_call_is_answered_with() {
    for call in [
        "/agent/heartbeat",
        "/agent/tasks",
        RESULT,
        "/agent/rotate-cert",
    ] {
        join_all(hows(call).map(|how| goes_on(call, how).boxed())).await;
    }
}
