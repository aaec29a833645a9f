//! Users, groups and capabilities of units, judged from recorded answers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::*;
use crate::checks::Facts;
use crate::checks::testing::{file, properties, root};
use crate::host::{Entry, Group, Recorded, Recording, System};
use crate::model::{Os, Target};

/// The user of a unit with these properties, on a host that knows the user `nexplane` (900) and the group `certs` (77).
fn user(unit: &[(&str, &str)]) -> AgentUser {
    let json =
        |it: serde_json::Result<serde_json::Value>| it.unwrap_or_else(|error| panic!("{error}"));
    let entry = |ask: &str, question, answer| Entry {
        ask: ask.into(),
        question: json(question),
        answer: json(answer),
        began_ms: None,
        duration_ms: 1.0,
    };
    let account = Account {
        uid: 900,
        name: "nexplane".into(),
        gids: vec![900, 50],
        sids: Vec::new(),
    };
    let group = Group {
        gid: 77,
        name: "certs".into(),
    };
    let absent = Err::<Account, _>(Unseen::Absent);
    let entries = vec![
        entry(
            "account",
            serde_json::to_value("nexplane"),
            serde_json::to_value(Ok::<_, Unseen>(account)),
        ),
        entry(
            "account",
            serde_json::to_value("nexplane-agent"),
            serde_json::to_value(absent),
        ),
        entry(
            "group",
            serde_json::to_value("certs"),
            serde_json::to_value(Ok::<_, Unseen>(group)),
        ),
    ];
    let service = Service {
        properties: properties(unit),
        supplied: false,
    };
    let host = Recorded::new(Recording { entries });
    let asked = AgentUser::of(&host, Some(&service)).now_or_never();
    asked.unwrap_or_else(|| panic!("a recorded host answers at once"))
}

fn access(unit: &[(&str, &str)], stat: Stat) -> Access {
    user(unit).access(&Ok(stat))
}

const NEXPLANE: (&str, &str) = ("User", "nexplane");

#[test]
fn the_unit_s_groups_count() {
    let of_group = |gid| file("/x", 0o640, 0, gid);
    for (unit, gid, expected) in [
        (&[NEXPLANE][..], 900, Access::Readable),
        (&[NEXPLANE], 50, Access::Readable),
        (&[NEXPLANE], 77, Access::Unreadable),
        (
            &[NEXPLANE, ("SupplementaryGroups", "certs")],
            77,
            Access::Readable,
        ),
        (&[NEXPLANE, ("Group", "certs")], 77, Access::Readable),
        (&[NEXPLANE, ("Group", "certs")], 900, Access::Unreadable),
        (&[NEXPLANE, ("Group", "certs")], 50, Access::Readable),
    ] {
        assert_eq!(access(unit, of_group(gid)), expected, "{unit:?} {gid}");
    }
    let unknown = [NEXPLANE, ("SupplementaryGroups", "elsewhere")];
    assert!(
        matches!(access(&unknown, of_group(77)), Access::Unknown(why) if why.contains("elsewhere"))
    );
    assert_eq!(access(&unknown, of_group(50)), Access::Readable);
}

#[test]
fn a_user_that_is_made_at_the_start_is_nobody_s_until_then() {
    let dynamic = [
        ("Id", "nexplane-agent.service"),
        ("DynamicUser", "yes"),
        ("User", "nexplane-agent"),
        ("Group", "nexplane-agent"),
        ("StateDirectory", "nexplane-agent"),
    ];
    assert_eq!(
        access(
            &dynamic,
            file("/etc/nexplane-agent/client.key", 0o600, 0, 0)
        ),
        Access::Unreadable
    );
    assert_eq!(
        access(
            &dynamic,
            file("/etc/nexplane-agent/config.yaml", 0o644, 0, 0)
        ),
        Access::Readable
    );
    let own = file(
        "/var/lib/private/nexplane-agent/client.key",
        0o600,
        61_234,
        61_234,
    );
    assert_eq!(access(&dynamic, own), Access::Readable);
    let without = [("User", "nexplane-agent")];
    assert!(
        matches!(
            access(&without, file("/x", 0o600, 0, 0)),
            Access::Unknown(_)
        ),
        "no such user"
    );
}

#[test]
fn powers_open_and_their_lack_closes() {
    let of_other = || file("/x", 0o600, 7, 7);
    assert_eq!(access(&[], of_other()), Access::Readable);
    let lacking = [("CapabilityBoundingSet", "cap_net_admin")];
    assert_eq!(access(&lacking, of_other()), Access::Unreadable);
    assert_eq!(
        access(&lacking, file("/x", 0o600, 0, 0)),
        Access::Readable,
        "its own"
    );
    let search = [NEXPLANE, ("AmbientCapabilities", "cap_dac_read_search")];
    assert_eq!(access(&search, of_other()), Access::Readable);
    assert_eq!(
        access(&[NEXPLANE, ("ExecStart", "+/a run")], of_other()),
        Access::Readable
    );
}

#[test]
fn what_is_said_names_the_barrier() {
    let mut stat = file("/etc/nexplane-agent/client.key", 0o600, 0, 0);
    let says =
        |stat: &Stat, for_you| user(&[NEXPLANE]).says_unreadable("KEY", &Ok(stat.clone()), for_you);
    assert_eq!(
        says(&stat, true),
        "Reading KEY works for you, fails for the service, because it runs as `nexplane` and the file is not open to it (0600, user 0, group 0)."
    );
    stat.ancestors = vec![file("/etc/nexplane-agent", 0o700, 0, 0)];
    assert!(says(&stat, true).contains("the directory /etc/nexplane-agent on the way"));
    assert!(
        says(&stat, false)
            .starts_with("The agent runs as `nexplane`, and that user may not read KEY: ")
    );
}

#[test]
fn the_doctor_is_the_agent_only_with_the_same_powers() {
    let known = Known {
        target: Arc::new(Target::unspecified(Duration::from_secs(5))),
        system: Arc::new(System {
            os: Os::Linux,
            user: root(),
            foreign_root: false,
            ..System::unknown()
        }),
        facts: Facts::default(),
        later: crate::checks::known::Later::default(),
    };
    assert!(user(&[]).is_doctor(&known));
    assert!(!user(&[("CapabilityBoundingSet", "cap_net_admin")]).is_doctor(&known));
    assert!(!user(&[NEXPLANE]).is_doctor(&known));
}
