//! Repairs that talk to a control plane, with one that misbehaves at each of its calls: what was there before is there afterwards,
//! to the last byte, the journal is whole, and neither what is said nor what is kept has a secret in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures_util::FutureExt as _;
use nexplane_doctor::catalog::Repair;
use nexplane_doctor::doctor::Doctor;
use nexplane_doctor::engine::Limits;
use nexplane_doctor::host::live::Settings;
use nexplane_doctor::model::{Report, Secret, Target};
use nexplane_doctor::repair::{
    Force, Given, Hands, Item, Journal, Outcome, Place, apply, plan, undo,
};
use tokio_util::sync::CancellationToken;

use crate::hostile::{Hostile, How, PATIENCE, assert_fit, few_at_a_time, hows};
use crate::world::World;

/// How long a probe of the doctor may take here: silence is given up after that.
const PROBE: Duration = Duration::from_secs(5);

/// An agent, its control plane, and a doctor that looks at both.
struct Practice {
    world: World,
    plane: Arc<Hostile>,
    token: Secret,
    doctor: Doctor,
    given: Given,
}

impl Practice {
    /// An agent that enrolled so many days ago.
    async fn since(days: i64) -> Self {
        let world = World::new().await;
        let (plane, url) = Hostile::serve(&world).await;
        let mut options = world.options(&world.token());
        options.control_plane = url;
        let clock = world.server.state().clock();
        clock.shift(TimeDelta::days(-days));
        let first = world.token();
        options.token = first;
        world.install_with(&options).await.unwrap();
        clock.shift(TimeDelta::days(days));
        let token = world.token();
        let target = Target {
            config: Some(world.around().places.config()),
            ..Target::unspecified(PROBE)
        };
        let limits = Limits {
            timeout: PROBE,
            deadline: Duration::from_secs(60),
        };
        let doctor = Doctor::new(target, Settings::new(PROBE), limits).unwrap();
        let given = Given {
            token: Some(token.clone()),
            ..Given::default()
        };
        Self {
            world,
            plane,
            token,
            doctor,
            given,
        }
    }

    /// The action of this repair, as long as all is well.
    async fn planned(&self, repair: Repair) -> (Report, Item) {
        let never = CancellationToken::new();
        let report = self.doctor.look(&never, &mut |_| {}).await;
        let plan = plan(&self.doctor, &report, &self.given, &never).await;
        let left = plan.for_person;
        let mut items = plan.items.into_iter();
        let item = items.find(|item| item.description.repair == repair);
        let item =
            item.unwrap_or_else(|| panic!("no {repair:?}: {left:#?} {:#?}", report.findings));
        (report, item)
    }

    /// The identity's files.
    fn identity(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let places = self.world.around().places;
        let files = [places.cert(), places.key()];
        files
            .into_iter()
            .map(|path| (path.clone(), fs::read(&path).unwrap()))
            .collect()
    }

    async fn repairs(self, repair: Repair, call: &'static str, how: How) {
        let case = format!("{}: {call}: {how:?}", repair.as_str());
        let (report, item) = self.planned(repair).await;
        let before = self.identity();
        let undone = tempfile::tempdir().unwrap();
        let place = Place::at(undone.path().join("undo"));
        let journal = Journal::begin(place.lock().unwrap(), None, Utc::now()).unwrap();
        let mut hands = Hands::new(journal);
        self.plane.breaks(Some((call, how)));
        let never = CancellationToken::new();
        let applied = apply(
            &item,
            &self.doctor,
            &report,
            &self.given,
            &mut hands,
            &never,
        );
        let outcome = tokio::time::timeout(PATIENCE, applied).await;
        let outcome = outcome.unwrap_or_else(|_| panic!("{case}: it does not end"));
        assert!(!outcome.carries(), "{case}: {outcome:?}");
        assert_fit(outcome.why().unwrap_or_default(), &self.token, &case);
        if let Outcome::Failed { left, .. } = &outcome {
            assert!(!left.concat().contains(self.token.expose()), "{case}");
        }
        // A new identity that nobody could look at yet is not given up for one that is of no use.
        let may_be_new = repair == Repair::ReEnroll && call == "/agent/heartbeat";
        let is_same = self.identity() == before;
        assert!(
            is_same || may_be_new,
            "{case}: the identity is another: {outcome:?}"
        );
        drop(hands);
        holds_no_secret(undone.path(), &self.token, &case);
        let past = place.last(None).unwrap();
        if let Some(past) = past {
            assert_eq!(past.damaged, 0, "{case}");
            if !is_same {
                self.plane.breaks(None);
                assert!(self.world.works().await.is_some(), "{case}");
                return;
            }
            let lock = place.lock().unwrap();
            let taken = undo(&past, lock, &self.doctor, Force::No, &never)
                .await
                .unwrap();
            assert!(
                taken.iter().all(|(_, taken)| taken.is_settled()),
                "{case}: {taken:?}"
            );
        }
        assert!(
            self.identity() == before,
            "{case}: taken back, the identity is another"
        );
    }
}

/// The journal keeps what was there before, which is the agent's own key; what was given to the doctor is not in it.
fn holds_no_secret(directory: &Path, token: &Secret, case: &str) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds_no_secret(&path, token, case);
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(token.expose()), "{case}: {}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_by_the_doctor_leaves_the_old_identity_as_it_was() {
    let calls = ["/health", "/agent/rotate-cert", "/agent/heartbeat"];
    let cases = calls.iter().flat_map(|call| {
        hows(call).map(move |how| {
            async move {
                let practice = Practice::since(360).await;
                practice.repairs(Repair::RotateCertificate, call, how).await;
            }
            .boxed_local()
        })
    });
    few_at_a_time(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolling_again_leaves_what_was_there_as_it_was() {
    let calls = ["/health", "/agent/enroll", "/agent/heartbeat"];
    let cases = calls.iter().flat_map(|call| {
        hows(call).map(move |how| {
            async move {
                let practice = Practice::since(0).await;
                let cert = practice.world.around().places.cert();
                fs::write(cert, "damaged").unwrap();
                practice.repairs(Repair::ReEnroll, call, how).await;
            }
            .boxed_local()
        })
    });
    few_at_a_time(cases).await;
}
