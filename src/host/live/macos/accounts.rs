//! Users and groups, which macOS keeps in a directory and not in files: `dscacheutil` and `id`. Pure, but for what asks.

use super::Programs;
use crate::host::{Account, Group, Seen, Unseen};

/// A user by name or number, with its groups.
pub(super) async fn account(programs: &impl Programs, name: &str) -> Seen<Account> {
    let by = if is_number(name) { "uid" } else { "name" };
    let said = programs
        .ask("dscacheutil", &["-q", "user", "-a", by, name])
        .await?;
    let value = |key: &str| value(&said.out, key);
    let (Some(user), Some(uid), Some(gid)) =
        (value("name"), number(value("uid")), number(value("gid")))
    else {
        return Err(Unseen::Absent);
    };
    let mut gids = vec![gid];
    let groups = programs.ask("id", &["-G", user]).await?;
    for gid in groups
        .out
        .split_whitespace()
        .filter_map(|gid| gid.parse().ok())
    {
        if !gids.contains(&gid) {
            gids.push(gid);
        }
    }
    Ok(Account {
        uid,
        name: user.to_owned(),
        gids,
        sids: Vec::new(),
    })
}

/// A group by name or number.
pub(super) async fn group(programs: &impl Programs, name: &str) -> Seen<Group> {
    let by = if is_number(name) { "gid" } else { "name" };
    let said = programs
        .ask("dscacheutil", &["-q", "group", "-a", by, name])
        .await?;
    match (value(&said.out, "name"), number(value(&said.out, "gid"))) {
        (Some(name), Some(gid)) => Ok(Group {
            gid,
            name: name.to_owned(),
        }),
        _ => Err(Unseen::Absent),
    }
}

fn is_number(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_digit())
}

/// `name: value` of the first that was found.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = text.lines().take_while(|line| !line.trim().is_empty());
    let value = lines
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))?
        .trim();
    (!value.is_empty() && !value.starts_with('-')).then_some(value)
}

/// `-2`, which is nobody's, is written as the kernel has it.
fn number(value: Option<&str>) -> Option<u32> {
    value?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::told::Told;
    use super::*;

    const USER: &str = "name: _nexplane\npassword: *\nuid: 480\ngid: 480\ndir: /var/empty\nshell: /usr/bin/false\ngecos: Nexplane agent\n\nname: other\nuid: 1\ngid: 1\n";

    #[tokio::test]
    async fn a_user_and_a_group_of_the_directory() {
        let told = Told(&[
            ("dscacheutil -q user -a name _nexplane", 0, USER, ""),
            ("id -G _nexplane", 0, "480 12 61\n", ""),
            (
                "dscacheutil -q group -a gid 12",
                0,
                "name: everyone\npassword: *\ngid: 12\n\n",
                "",
            ),
            ("dscacheutil -q user -a uid 4711", 0, "", ""),
        ]);
        let agent = Account {
            uid: 480,
            name: "_nexplane".into(),
            gids: vec![480, 12, 61],
            sids: Vec::new(),
        };
        assert_eq!(account(&told, "_nexplane").await, Ok(agent));
        assert_eq!(account(&told, "4711").await, Err(Unseen::Absent));
        let everyone = Group {
            gid: 12,
            name: "everyone".into(),
        };
        assert_eq!(group(&told, "12").await, Ok(everyone));
    }
}
