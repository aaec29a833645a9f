//! For the checks' own tests: a host made of answers, and the way from a recording to a judgement.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::{AnyCheck, Facts, Judgement, Known, Later, config, tcp};
use crate::contract::url::ControlPlane;
use crate::host::{
    Account, ApiAnswer, ApiCall, ApiQuestion, Entry, Exchange, HostPath, JournalQuestion, Kind,
    LogEntry, Recorded, Recording, Seen, Service, ServiceQuestion, Stat, System, Unseen,
};
use crate::model::{Os, Target};

/// A recording under construction. What is not in it was not asked, and reads as [`crate::host::Unseen::NotRecorded`].
#[derive(Default)]
pub(crate) struct Evidence {
    entries: Vec<Entry>,
    target: Option<Target>,
    facts: Facts,
    foreign_root: bool,
    os: Option<Os>,
}

impl Evidence {
    /// Adds an answer to a question of the door, by the name of the method.
    pub(crate) fn answer(
        mut self,
        ask: &str,
        question: impl Serialize,
        answer: impl Serialize,
    ) -> Self {
        let value = |v: serde_json::Result<serde_json::Value>| match v {
            Ok(value) => value,
            Err(error) => panic!("{ask}: {error}"),
        };
        self.entries.push(Entry {
            ask: ask.to_owned(),
            question: value(serde_json::to_value(question)),
            answer: value(serde_json::to_value(answer)),
            began_ms: None,
            duration_ms: 1.0,
        });
        self
    }

    /// What the user said.
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// A fact that a check before this one made known.
    pub(crate) fn fact<T: std::any::Any + Send + Sync>(mut self, fact: T) -> Self {
        self.facts.publish(fact);
        self
    }

    /// The service's log has these lines, without times.
    pub(crate) fn log(self, lines: &[&str]) -> Self {
        let entry = |line: &&str| LogEntry {
            time: None,
            message: (*line).into(),
            priority: None,
            identifier: None,
            invocation: None,
            message_id: None,
        };
        let entries: Vec<_> = lines.iter().map(entry).collect();
        let question = JournalQuestion::agent(Os::Linux);
        self.answer("journal", question, Ok::<_, Unseen>(entries))
    }

    /// The service runs as this user, whose id and group are 900.
    pub(crate) fn runs_as(self, user: &str) -> Self {
        let service = Service {
            properties: properties(&[("User", user)]),
            supplied: false,
        };
        let account = Account {
            uid: 900,
            name: user.into(),
            gids: vec![900],
            sids: Vec::new(),
        };
        let question = ServiceQuestion::agent(Os::Linux);
        self.answer("service", question, Ok::<_, Unseen>(service))
            .answer("account", user, Ok::<_, Unseen>(account))
    }

    /// Of a host with this system.
    pub(crate) fn of(os: Os) -> Self {
        Self {
            os: Some(os),
            ..Self::default()
        }
    }

    /// As if looked at with `--root`.
    pub(crate) fn foreign_root(mut self) -> Self {
        self.foreign_root = true;
        self
    }

    /// Runs a check over it: collect and judge. Gives the judgement and the facts that were made known.
    pub(crate) fn judge<C: AnyCheck + ?Sized>(self, check: &C) -> (Judgement, Facts) {
        let known = Known {
            target: Arc::new(
                self.target
                    .unwrap_or_else(|| Target::unspecified(Duration::from_secs(5))),
            ),
            system: Arc::new(System {
                hostname: "web-server-01".into(),
                os: self.os.unwrap_or(Os::Linux),
                os_version: None,
                kernel: None,
                arch: "x86_64".into(),
                user: root(),
                foreign_root: self.foreign_root,
            }),
            facts: self.facts,
            later: Later::default(),
        };
        let host = Recorded::new(Recording {
            entries: self.entries,
        });
        let mut facts = Facts::default();
        let evidence = futures_util::FutureExt::now_or_never(check.collect(&host, &known));
        match evidence {
            Some(evidence) => (check.judge(evidence, &known, &mut facts), facts),
            None => panic!("a recorded host answers at once"),
        }
    }
}

/// The superuser.
pub(crate) fn root() -> Account {
    Account {
        uid: 0,
        name: "root".into(),
        gids: vec![0],
        sids: Vec::new(),
    }
}

/// Codes of a judgement's findings, in order.
pub(crate) fn codes(judgement: &Judgement) -> Vec<&str> {
    judgement.findings.iter().map(|f| f.code.as_str()).collect()
}

/// `systemctl show` as a map.
pub(crate) fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// A regular file with these permissions, below directories that everybody may pass.
pub(crate) fn file(path: &str, mode: u32, uid: u32, gid: u32) -> Stat {
    Stat {
        path: path.into(),
        kind: Kind::File,
        size: 100,
        mode,
        uid,
        gid,
        modified: None,
        acl: None,
        security: None,
        ancestors: Vec::new(),
    }
}

/// Nothing there.
pub(crate) fn absent<T>() -> Seen<T> {
    Err(Unseen::Absent)
}

/// An HTTP answer without headers.
pub(crate) fn exchange(status: u16, body: &str) -> Exchange {
    Exchange {
        status,
        headers: Vec::new(),
        body: body.into(),
        truncated: false,
        sent_at: chrono::DateTime::UNIX_EPOCH,
        received_at: chrono::DateTime::UNIX_EPOCH,
        duration_ms: 1.0,
    }
}

/// A control plane that is known, to which a connection opens, and which answers this call, made without a client certificate.
pub(crate) fn reachable(recording: Evidence, call: ApiCall, answer: ApiAnswer) -> Evidence {
    let address = std::net::SocketAddr::from(([10, 0, 0, 9], 8000));
    let origin = "https://nexplane.example.com:8000";
    let question = ApiQuestion {
        origin: origin.into(),
        addresses: vec![address],
        ca_cert: None,
        ssl_cert_file: None,
        ssl_cert_dir: None,
        identity: None,
        via: None,
        call,
    };
    let file = |name: &str| HostPath::host(format!("/etc/nexplane-agent/{name}"));
    recording
        .answer("api", question, answer)
        .fact(tcp::Connected {
            winner: address,
            working: vec![address],
        })
        .fact(config::Told {
            control_plane: ControlPlane::parse(origin).ok(),
            ca_cert: None,
            own_ca: None,
            insecure: false,
            cert: file("client.crt"),
            key: file("client.key"),
            path: file("config.yaml"),
            proxy: None,
        })
}
