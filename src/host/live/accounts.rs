//! Users and groups that are in no file of the host, but known to the system: asked for with its own programs.

use super::deadline::Deadline;
use super::files::Root;
use super::{commands, system};
use crate::host::{Account, Group, Seen, Unseen};

/// A user that is in no file but known to the system (LDAP, systemd's dynamic users).
pub(super) async fn listed(deadline: Deadline, name: &str) -> Seen<Account> {
    let find = |program: &'static str| {
        deadline.blocking(move || commands::find(&Root::new(None), program))
    };
    let (Ok(getent), Ok(id)) = (find("getent").await?, find("id").await?) else {
        return Err(Unseen::Absent);
    };
    let user = commands::run(deadline, &getent, &["passwd", "--", name]).await?;
    let groups = commands::run(deadline, &id, &["-G", "--", name]).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    system::account_from(&text(&user.stdout), &text(&groups.stdout)).ok_or(Unseen::Absent)
}

/// A group that is in no file but known to the system.
pub(super) async fn listed_group(deadline: Deadline, name: &str) -> Seen<Group> {
    let find = deadline.blocking(|| commands::find(&Root::new(None), "getent"));
    let Ok(getent) = find.await? else {
        return Err(Unseen::Absent);
    };
    let listed = commands::run(deadline, &getent, &["group", "--", name]).await?;
    system::group_from(&String::from_utf8_lossy(&listed.stdout)).ok_or(Unseen::Absent)
}
