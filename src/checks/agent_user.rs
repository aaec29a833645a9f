//! What the agent's own user may read: the service's `User=`, which need not be who runs the doctor.

use crate::host::{Account, Host, Seen, Service, ServiceQuestion, Stat, Unseen};

use super::Known;

/// The user that the agent's service runs as.
#[derive(Debug)]
pub(super) struct AgentUser {
    /// Its name, for people.
    pub(super) name: String,
    account: Seen<Account>,
    /// Whether the unit gives it groups that the host's user database does not know of.
    more_groups: bool,
}

/// Whether a user may read a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It may.
    Readable,
    /// It may not.
    Unreadable,
    /// That cannot be told, because …
    Unknown(String),
}

impl AgentUser {
    /// Asks whom the service runs as; without a service, the superuser, as the agent's `install` sets it up.
    pub(super) async fn ask(host: &dyn Host, known: &Known) -> Self {
        let service = host.service(ServiceQuestion::agent(known.system.os)).await;
        Self::of(host, service.ok().as_ref()).await
    }

    async fn of(host: &dyn Host, service: Option<&Service>) -> Self {
        let Some(service) = service else {
            return Self::root();
        };
        let more_groups =
            service.get("Group").is_some() || service.get("SupplementaryGroups").is_some();
        match service.user() {
            None => Self::root(),
            Some(name) => Self {
                name: name.to_owned(),
                account: host.account(name.to_owned()).await,
                more_groups,
            },
        }
    }

    fn root() -> Self {
        Self {
            name: "root".into(),
            account: Ok(Account {
                uid: 0,
                name: "root".into(),
                gids: vec![0],
            }),
            more_groups: false,
        }
    }

    /// Whether this is the superuser.
    pub(super) fn is_root(&self) -> bool {
        self.account.as_ref().is_ok_and(|account| account.uid == 0)
    }

    /// Whether the doctor runs as this user, so that what it may read is what the agent may.
    pub(super) fn is_doctor(&self, known: &Known) -> bool {
        !known.system.foreign_root
            && self
                .account
                .as_ref()
                .is_ok_and(|account| account.uid == known.system.user.uid)
    }

    /// Whether this group is one of its own.
    pub(super) fn is_in(&self, gid: u32) -> bool {
        self.account
            .as_ref()
            .is_ok_and(|account| account.gids.contains(&gid))
    }

    /// Whether it may read what stands there.
    pub(super) fn access(&self, stat: &Seen<Stat>) -> Access {
        let unknown = |what: &str| {
            Access::Unknown(format!(
                "whether the agent's user `{}` may read it cannot be told: {what}",
                self.name
            ))
        };
        match (&self.account, stat) {
            (Ok(account), _) if account.uid == 0 => Access::Readable,
            (Err(Unseen::Absent), _) => unknown("this host knows no such user"),
            (Err(unseen), _) => unknown(&unseen.to_string()),
            (_, Err(unseen)) => unknown(&unseen.to_string()),
            (Ok(account), Ok(stat)) if stat.readable_by(account) => Access::Readable,
            _ if self.more_groups => unknown("the unit gives it further groups"),
            _ => Access::Unreadable,
        }
    }
}

/// The permissions that keep a user out: `0600 of user 0, group 0`, of the file or of a directory on the way.
pub(super) fn permissions(stat: &Stat) -> String {
    format!(
        "{:04o}, user {}, group {}",
        stat.mode & 0o7777,
        stat.uid,
        stat.gid
    )
}
