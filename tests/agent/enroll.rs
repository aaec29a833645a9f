//! A token is used up by exactly one enrollment, whatever the concurrency.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use nexplane_doctor::agent::{self, EnrollError, HostFacts, IdentityFiles};
use nexplane_doctor::contract::api;
use nexplane_doctor::contract::client::ApiClient;
use nexplane_doctor::contract::tls::strict_tls_config;
use nexplane_doctor::contract::url::ControlPlane;

use crate::world::World;

/// How many hosts try.
const HOSTS: usize = 1000;
/// How many of them at the same time, each with a connection of its own.
const AT_ONCE: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_enrollments_with_one_token_exactly_one_succeeds() {
    let world = Arc::new(World::new().await);
    let token = world.token();
    let plane = ControlPlane::parse(&world.url()).unwrap();
    let roots = [world.server.authority().root()];
    let directory = tempfile::tempdir().unwrap();
    let attempts = (0..HOSTS).map(|number| {
        let tls = strict_tls_config(&roots, None, None).unwrap();
        let client = ApiClient::new(&plane, &[], tls, Duration::from_secs(60)).unwrap();
        let home = directory.path().join(number.to_string());
        std::fs::create_dir(&home).unwrap();
        let files = IdentityFiles::beside(&home.join("config.yaml"));
        let (token, host) = (token.clone(), HostFacts::named(format!("host-{number}")));
        async move {
            let enrolled = agent::enroll(&client, &files, &token, &host).await;
            (enrolled, files)
        }
    });
    let attempts = stream::iter(attempts).map(tokio::spawn);
    let ended: Vec<_> = attempts.buffer_unordered(AT_ONCE).collect().await;
    let (mut successful, mut refused) = (Vec::new(), 0);
    for attempt in ended {
        match attempt.unwrap() {
            (Ok(enrolled), files) => successful.push((enrolled, files)),
            (
                Err(EnrollError::Refused {
                    status: 409,
                    detail,
                }),
                files,
            ) => {
                assert_eq!(detail, api::TOKEN_USED);
                assert!(!files.cert().exists());
                refused += 1;
            }
            (Err(other), _) => panic!("{other}"),
        }
    }
    assert_eq!((successful.len(), refused), (1, HOSTS - 1));
    let (enrolled, files) = &successful[0];
    assert_eq!(files.load().unwrap().agent_id, enrolled.agent_id);
    assert_eq!(world.server.state().agents().len(), 1);
}
