//! What the agent's own user may read: the service's `User=` with its groups and capabilities, which need not be who runs
//! the doctor.

use std::path::PathBuf;

use crate::host::{Account, Host, Powers, Seen, Service, ServiceQuestion, Stat, Unseen};
use crate::model::Os;

use super::{Known, differs};

/// The user that the agent's service runs as.
#[derive(Debug)]
pub(super) struct AgentUser {
    /// Its name, for people.
    pub(super) name: String,
    account: Seen<Account>,
    powers: Powers,
    /// Groups that the unit gives it and that this host does not know.
    unknown_groups: Vec<String>,
    /// What is made its own whenever the service starts: the directories of a user that exists only while it runs.
    owns: Vec<PathBuf>,
    /// On Windows: the administrator who runs the doctor, and reads what it likes.
    administrator: Option<String>,
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

/// No user: one that is made when the service starts owns nothing that is there before.
const NOBODY_YET: u32 = u32::MAX - 1;

impl AgentUser {
    /// Asks whom the service runs as; without a service, the superuser, as the agent's `install` sets it up.
    pub(super) async fn ask(host: &dyn Host, known: &Known) -> Self {
        let service = host.service(ServiceQuestion::agent(known.system.os)).await;
        let service = service.ok();
        match known.system.os {
            Os::Windows => {
                let user = service.as_ref().and_then(Service::user);
                let doctor = &known.system.user;
                Self {
                    administrator: doctor.sids.first().filter(|_| doctor.uid == 0).cloned(),
                    ..Self::of_windows(host, user).await
                }
            }
            Os::Linux | Os::Macos => Self::of(host, service.as_ref()).await,
        }
    }

    async fn of(host: &dyn Host, service: Option<&Service>) -> Self {
        let Some(service) = service else {
            return Self::root(Powers::ReadsAll);
        };
        let Some(name) = service.user() else {
            return Self::root(service.powers(true));
        };
        let dynamic = service.is_on("DynamicUser");
        let mut user = Self {
            name: name.to_owned(),
            account: match host.account(name.to_owned()).await {
                Err(Unseen::Absent) if dynamic => Ok(not_made_yet(name)),
                account => account,
            },
            powers: service.powers(false),
            unknown_groups: Vec::new(),
            owns: if dynamic {
                own_directories(service)
            } else {
                Vec::new()
            },
            administrator: None,
        };
        user.join_groups(host, service).await;
        user
    }

    /// The system's own account reads what its access control list says, like every other.
    async fn of_windows(host: &dyn Host, user: Option<&str>) -> Self {
        let account = match Account::of_windows(user) {
            Some(account) => Ok(account),
            None => host.account(user.unwrap_or_default().to_owned()).await,
        };
        let name = account.as_ref().ok().map(|account| account.name.clone());
        Self {
            name: name.or(user.map(str::to_owned)).unwrap_or_default(),
            account,
            powers: Powers::None,
            unknown_groups: Vec::new(),
            owns: Vec::new(),
            administrator: None,
        }
    }

    fn root(powers: Powers) -> Self {
        Self {
            name: "root".into(),
            account: Ok(Account {
                uid: 0,
                name: "root".into(),
                gids: vec![0],
                sids: Vec::new(),
            }),
            powers,
            unknown_groups: Vec::new(),
            owns: Vec::new(),
            administrator: None,
        }
    }

    /// `Group=` stands in for the user's own primary group, `SupplementaryGroups=` come to the others.
    async fn join_groups(&mut self, host: &dyn Host, service: &Service) {
        let Ok(account) = &mut self.account else {
            return;
        };
        let primary = service.get("Group").map(str::to_owned);
        // The group of a user that is not made yet is made with it.
        let primary = primary.filter(|group| account.uid != NOBODY_YET || *group != self.name);
        let supplementary = service.list("SupplementaryGroups");
        for (name, is_primary) in primary
            .into_iter()
            .map(|name| (name, true))
            .chain(supplementary.into_iter().map(|name| (name, false)))
        {
            match host.group(name.clone()).await {
                Ok(group) if is_primary && !account.gids.is_empty() => account.gids[0] = group.gid,
                Ok(group) => account.gids.push(group.gid),
                Err(_) => self.unknown_groups.push(name),
            }
        }
    }

    /// The account, where it has one that is there before the service starts.
    pub(super) fn standing_account(&self) -> Option<&Account> {
        let account = self.account.as_ref().ok();
        account.filter(|account| account.uid != NOBODY_YET && self.unknown_groups.is_empty())
    }

    /// What it may do whatever a file's permissions say.
    pub(super) const fn powers(&self) -> Powers {
        self.powers
    }

    /// Its id, where it has one.
    pub(super) fn uid(&self) -> Option<u32> {
        self.account.as_ref().ok().map(|account| account.uid)
    }

    /// Its security identifier, on Windows.
    pub(super) fn sid(&self) -> Option<&str> {
        self.account.as_ref().ok()?.sids.first().map(String::as_str)
    }

    /// Who may read what is this user's, on Windows.
    pub(super) fn known_sids(&self) -> Vec<&str> {
        self.sid()
            .into_iter()
            .chain(self.administrator.as_deref())
            .collect()
    }

    /// Whether this is the superuser.
    pub(super) fn is_root(&self) -> bool {
        self.account.as_ref().is_ok_and(|account| account.uid == 0)
    }

    /// Whether the doctor runs as this user, with no less and no more than it, so that what it may read is what the agent may.
    pub(super) fn is_doctor(&self, known: &Known) -> bool {
        if known.system.os == Os::Windows {
            let own = known.system.user.sids.first().map(String::as_str);
            return !known.system.foreign_root && own.is_some() && self.sid() == own;
        }
        let powers = match known.system.user.uid {
            0 => Powers::ReadsAll,
            _ => Powers::None,
        };
        !known.system.foreign_root
            && self.powers == powers
            && self.unknown_groups.is_empty()
            && self.account.as_ref().is_ok_and(|account| {
                let doctor = &known.system.user;
                let has = |gid: &u32| doctor.gids.contains(gid);
                account.uid == doctor.uid && (account.uid == 0 || account.gids.iter().all(has))
            })
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
            (Ok(_), _) if self.powers == Powers::ReadsAll => Access::Readable,
            (Err(Unseen::Absent), _) => unknown("this host knows no such user"),
            (Err(unseen), _) => unknown(&unseen.to_string()),
            (_, Err(unseen)) => unknown(&unseen.to_string()),
            (Ok(_), Ok(stat)) if self.owns.iter().any(|own| stat.path.starts_with(own)) => {
                Access::Readable
            }
            (Ok(account), Ok(stat)) if !account.sids.is_empty() && stat.security.is_none() => {
                unknown("its access control list was not seen")
            }
            (Ok(account), Ok(stat)) => match stat.barrier(account, self.powers) {
                Ok(None) => Access::Readable,
                Ok(Some(_)) if !self.unknown_groups.is_empty() => unknown(&format!(
                    "the unit gives it groups that this host does not know ({})",
                    self.unknown_groups.join(", ")
                )),
                Ok(Some(_)) => Access::Unreadable,
                Err(unseen) => unknown(&format!(
                    "an access control list on the way could not be read: {unseen}"
                )),
            },
        }
    }

    /// The sentence that says so where [`Self::access`] is [`Access::Unreadable`]; `for_you` is whether the doctor could read it.
    pub(super) fn says_unreadable(&self, path: &str, stat: &Seen<Stat>, for_you: bool) -> String {
        let keeps_out = self.keeps_out(stat);
        match (for_you, keeps_out) {
            (true, Some(because)) => {
                let because = format!("it runs as {} and {because}", self.described());
                differs::works_for_you(&format!("Reading {path}"), &because)
            }
            (false, Some(because)) => format!(
                "The agent runs as {}, and that user may not read {path}: {because}.",
                self.described()
            ),
            (_, None) => format!(
                "The agent runs as {}, and that user may not read {path}.",
                self.described()
            ),
        }
    }

    fn described(&self) -> String {
        if self.is_root() && self.powers == Powers::None && self.sid().is_none() {
            "`root` without the capability to read other users' files (CapabilityBoundingSet=)"
                .to_owned()
        } else {
            format!("`{}`", self.name)
        }
    }

    /// What keeps it out, and whom that lets in.
    fn keeps_out(&self, stat: &Seen<Stat>) -> Option<String> {
        let (Ok(account), Ok(stat)) = (&self.account, stat) else {
            return None;
        };
        let barrier = stat.barrier(account, self.powers).ok()??;
        let what = match barrier.path == stat.path {
            true => "the file".to_owned(),
            false => format!("the directory {} on the way", barrier.path.display()),
        };
        Some(format!(
            "{what} is not open to it ({})",
            permissions(barrier)
        ))
    }
}

fn not_made_yet(name: &str) -> Account {
    Account {
        uid: NOBODY_YET,
        name: name.to_owned(),
        gids: vec![NOBODY_YET],
        sids: Vec::new(),
    }
}

/// Directories that systemd gives to the service's user when it starts (systemd.exec(5)); the configuration's stays root's.
fn own_directories(service: &Service) -> Vec<PathBuf> {
    const KINDS: [(&str, &str); 4] = [
        ("StateDirectory", "/var/lib"),
        ("CacheDirectory", "/var/cache"),
        ("LogsDirectory", "/var/log"),
        ("RuntimeDirectory", "/run"),
    ];
    let names = |(property, parent): (&str, &'static str)| {
        let names = service.list(property).into_iter();
        names.flat_map(move |name| {
            [
                format!("{parent}/{name}"),
                format!("{parent}/private/{name}"),
            ]
        })
    };
    KINDS
        .into_iter()
        .flat_map(names)
        .map(PathBuf::from)
        .collect()
}

/// The permissions that keep a user out: `0600 of user 0, group 0`, of the file or of a directory on the way.
pub(super) fn permissions(stat: &Stat) -> String {
    if let Some(security) = &stat.security {
        return match security {
            Ok(security) => security.to_string(),
            Err(unseen) => format!("an access control list that could not be read: {unseen}"),
        };
    }
    let list = match stat.acl {
        Some(_) => ", with an access control list",
        None => "",
    };
    format!(
        "{:04o}, user {}, group {}{list}",
        stat.mode & 0o7777,
        stat.uid,
        stat.gid
    )
}

#[cfg(test)]
mod tests;
