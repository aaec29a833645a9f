//! Who may read a file on Windows: its access control list, decided as Windows decides (AccessCheck). Pure.
//!
//! Directories on the way do not count: everybody may pass them, unless an administrator took `SeChangeNotifyPrivilege` away.

use serde::{Deserialize, Serialize};

use super::Account;

/// A file's owner, and who may do what with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// The owner's security identifier.
    pub owner: String,
    /// The entries in their order; none at all: everybody may do everything.
    pub entries: Option<Vec<Ace>>,
}

/// One entry of an access control list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ace {
    /// Whether it gives or takes.
    pub admission: Admission,
    /// To or from whom: a security identifier.
    pub sid: String,
    /// What (the access mask of winnt.h).
    pub rights: u32,
}

/// Whether an entry gives or takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// It gives.
    Allow,
    /// It takes.
    Deny,
}

/// The identifiers of everybody, of whoever has logged on, of those who sit at the machine, and of its users and guests.
const BROAD: [&str; 7] = [
    "S-1-1-0",
    "S-1-5-7",
    "S-1-5-11",
    "S-1-5-4",
    "S-1-5-2",
    "S-1-5-32-545",
    "S-1-5-32-546",
];

/// The system itself, its administrators, and what stands for the owner: who can read everything anyway.
const TRUSTED: [&str; 5] = [
    "S-1-5-18",
    "S-1-5-32-544",
    "S-1-3-0",
    "S-1-3-4",
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
];

/// Last numbers of the identifiers of a domain's or a machine's administrators.
const ADMINISTRATORS: [&str; 3] = ["-500", "-512", "-519"];

/// `FILE_READ_DATA`, and what stands for more than it: `GENERIC_READ`, `GENERIC_ALL`.
const READ: u32 = 0x0000_0001;
const GENERIC: u32 = 0x8000_0000 | 0x1000_0000;

impl Security {
    /// Whether an account may read it.
    pub fn may_read(&self, account: &Account) -> bool {
        let Some(entries) = &self.entries else {
            return true;
        };
        let first = entries
            .iter()
            .find(|entry| entry.reads() && account.sids.contains(&entry.sid));
        first.is_some_and(|entry| entry.admission == Admission::Allow)
    }

    /// Who beside the system, its administrators and these may read it: whether that is about everybody, and the identifiers.
    pub fn others(&self, known: &[&str]) -> (bool, Vec<&str>) {
        let Some(entries) = &self.entries else {
            return (true, vec![BROAD[0]]);
        };
        let denied = |sid: &str| {
            let of_it = entries
                .iter()
                .find(|entry| entry.reads() && entry.sid == sid);
            of_it.is_some_and(|entry| entry.admission == Admission::Deny)
        };
        let others: Vec<&str> = entries
            .iter()
            .filter(|entry| entry.admission == Admission::Allow && entry.reads())
            .map(|entry| entry.sid.as_str())
            .filter(|sid| !is_trusted(sid) && !known.contains(sid) && !denied(sid))
            .collect();
        let broad = others.iter().any(|sid| BROAD.contains(sid));
        (broad, others)
    }
}

/// Everything; and reading with what belongs to it (`FILE_ALL_ACCESS`, `FILE_GENERIC_READ`).
const ALL: u32 = 0x001f_01ff;
const READS: u32 = 0x0012_0089;
/// What lets somebody change what stands there, or take its place: of a file, of a directory.
const CHANGES_FILE: u32 = 0x500d_0006;
const CHANGES_DIRECTORY: u32 = 0x500d_0042;

impl Security {
    /// A list for a file that the system and its administrators alone may change, and these accounts read.
    pub fn closed_but_for<'a>(owner: &str, readers: impl IntoIterator<Item = &'a str>) -> Self {
        let readers = readers.into_iter().filter(|sid| !is_trusted(sid));
        let own = ["S-1-5-18", "S-1-5-32-544"].map(|sid| Ace::allow(sid, ALL));
        Self {
            owner: owner.to_owned(),
            entries: Some(
                own.into_iter()
                    .chain(readers.map(|sid| Ace::allow(sid, READS)))
                    .collect(),
            ),
        }
    }

    /// The same list, by which this account may read it too.
    pub fn opened_to(&self, account: &Account) -> Self {
        let mut opened = self.clone();
        if let (Some(entries), Some(sid)) = (&mut opened.entries, account.sids.first()) {
            let is_of_it = |entry: &Ace| entry.sid == *sid && entry.admission == Admission::Deny;
            entries.retain(|entry| !(is_of_it(entry) && entry.reads()));
            entries.push(Ace::allow(sid, READS));
        }
        opened
    }

    /// Accounts that may read it by their own name, beside the system and its administrators.
    pub fn named_readers(&self) -> Vec<&str> {
        let (_, others) = self.others(&[]);
        others
            .into_iter()
            .filter(|sid| !BROAD.contains(sid))
            .collect()
    }

    /// Who beside the system, its administrators and these may change what stands there, or put something in its place.
    pub fn other_writers(&self, is_directory: bool, known: &[String]) -> Vec<&str> {
        let changes = match is_directory {
            true => CHANGES_DIRECTORY,
            false => CHANGES_FILE,
        };
        let Some(entries) = &self.entries else {
            return vec![BROAD[0]];
        };
        let given = entries
            .iter()
            .filter(|entry| entry.admission == Admission::Allow && entry.rights & changes != 0);
        given
            .map(|entry| entry.sid.as_str())
            .chain([self.owner.as_str()])
            .filter(|sid| !is_trusted(sid) && !known.iter().any(|it| it == sid))
            .collect()
    }

    /// The list as Windows reads it (SDDL), with nothing inherited: what takes comes before what gives.
    pub fn written(&self) -> String {
        let Some(entries) = &self.entries else {
            return "D:NO_ACCESS_CONTROL".to_owned();
        };
        let of = |admission: Admission, kind: &str| {
            let of_it = entries.iter().filter(|it| it.admission == admission);
            let words = of_it.map(|it| format!("({kind};;{:#x};;;{})", it.rights, it.sid));
            words.collect::<String>()
        };
        format!(
            "D:P{}{}",
            of(Admission::Deny, "D"),
            of(Admission::Allow, "A")
        )
    }
}

impl Ace {
    fn allow(sid: &str, rights: u32) -> Self {
        Self {
            admission: Admission::Allow,
            sid: sid.to_owned(),
            rights,
        }
    }

    fn reads(&self) -> bool {
        self.rights & (READ | GENERIC) != 0
    }
}

fn is_trusted(sid: &str) -> bool {
    let administrator = |end: &&str| sid.starts_with("S-1-5-21-") && sid.ends_with(*end);
    TRUSTED.contains(&sid) || ADMINISTRATORS.iter().any(administrator)
}

impl Account {
    /// The account that a Windows service runs as, where Windows itself made it; without one, the system's own.
    pub fn of_windows(name: Option<&str>) -> Option<Self> {
        let name = name.unwrap_or("LocalSystem");
        let short = name.rsplit('\\').next().unwrap_or(name);
        let (uid, name, sids): (_, _, &[&str]) = match short.to_ascii_lowercase().as_str() {
            "localsystem" | "system" => (
                0,
                "SYSTEM",
                &["S-1-5-18", "S-1-5-32-544", "S-1-1-0", "S-1-5-11"],
            ),
            "localservice" | "local service" => (
                19,
                "LOCAL SERVICE",
                &["S-1-5-19", "S-1-1-0", "S-1-5-11", "S-1-5-6", "S-1-5-32-545"],
            ),
            "networkservice" | "network service" => (
                20,
                "NETWORK SERVICE",
                &["S-1-5-20", "S-1-1-0", "S-1-5-11", "S-1-5-6", "S-1-5-32-545"],
            ),
            _ => return None,
        };
        Some(Self {
            uid,
            name: name.to_owned(),
            gids: Vec::new(),
            sids: sids.iter().map(|sid| (*sid).to_owned()).collect(),
        })
    }
}

/// What people call an identifier of Windows' own; others are shown as they are.
pub(super) fn spoken(sid: &str) -> &str {
    match sid {
        "S-1-1-0" => "Everyone",
        "S-1-5-2" => "NETWORK",
        "S-1-5-4" => "INTERACTIVE",
        "S-1-5-7" => "ANONYMOUS LOGON",
        "S-1-5-11" => "Authenticated Users",
        "S-1-5-18" => "SYSTEM",
        "S-1-5-19" => "LOCAL SERVICE",
        "S-1-5-20" => "NETWORK SERVICE",
        "S-1-5-32-544" => "Administrators",
        "S-1-5-32-545" => "Users",
        "S-1-5-32-546" => "Guests",
        "S-1-3-0" => "CREATOR OWNER",
        other => other,
    }
}

impl std::fmt::Display for Security {
    /// `owner Administrators; allows SYSTEM 0x1f01ff, Users 0x1200a9`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "owner {}", spoken(&self.owner))?;
        let Some(entries) = &self.entries else {
            return f.write_str("; no access control list: everybody may do everything");
        };
        for (admission, verb) in [(Admission::Deny, "denies"), (Admission::Allow, "allows")] {
            let of_it = entries.iter().filter(|entry| entry.admission == admission);
            let words: Vec<String> = of_it
                .take(16)
                .map(|entry| format!("{} {:#x}", spoken(&entry.sid), entry.rights))
                .collect();
            if !words.is_empty() {
                write!(f, "; {verb} {}", words.join(", "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const READ_EXECUTE: u32 = 0x0012_00a9;

    fn list(entries: &[(Admission, &str, u32)]) -> Security {
        let ace = |(admission, sid, rights): &(Admission, &str, u32)| Ace {
            admission: *admission,
            sid: (*sid).to_owned(),
            rights: *rights,
        };
        Security {
            owner: "S-1-5-32-544".into(),
            entries: Some(entries.iter().map(ace).collect()),
        }
    }

    fn system() -> Account {
        Account::of_windows(None).unwrap()
    }

    #[test]
    fn the_first_entry_that_speaks_of_reading_decides() {
        use Admission::{Allow, Deny};
        for (entries, readable) in [
            (&[(Allow, "S-1-5-18", ALL)][..], true),
            (&[(Allow, "S-1-5-32-544", 0x1000_0000)], true),
            (&[(Allow, "S-1-5-32-545", ALL)], false),
            (&[(Deny, "S-1-1-0", READ), (Allow, "S-1-5-18", ALL)], false),
            (&[(Allow, "S-1-5-18", ALL), (Deny, "S-1-1-0", READ)], true),
            // Taking the right to write takes nothing from a reader.
            (&[(Deny, "S-1-5-18", 0x2), (Allow, "S-1-5-18", ALL)], true),
            (&[], false),
        ] {
            assert_eq!(list(entries).may_read(&system()), readable, "{entries:?}");
        }
        let open = Security {
            owner: "S-1-5-18".into(),
            entries: None,
        };
        assert!(open.may_read(&system()));
    }

    #[test]
    fn administrators_and_the_agent_are_no_others() {
        use Admission::{Allow, Deny};
        let mine = "S-1-5-21-1-2-3-1001";
        let own = [
            (Allow, "S-1-5-18", ALL),
            (Allow, "S-1-5-32-544", ALL),
            (Allow, "S-1-5-21-1-2-3-512", ALL),
            (Allow, mine, READ_EXECUTE),
        ];
        assert_eq!(list(&own).others(&[mine]), (false, vec![]));
        assert_eq!(list(&own).others(&[]), (false, vec![mine]));
        let users = [&own[..], &[(Allow, "S-1-5-32-545", READ_EXECUTE)]].concat();
        assert_eq!(list(&users).others(&[mine]), (true, vec!["S-1-5-32-545"]));
        let taken = [&[(Deny, "S-1-5-32-545", ALL)][..], &users].concat();
        assert_eq!(list(&taken).others(&[mine]), (false, vec![]));
        let without = Security {
            owner: "S-1-5-18".into(),
            entries: None,
        };
        assert!(without.others(&[]).0);
    }

    #[test]
    fn accounts_of_windows_own_are_known_by_every_name() {
        for name in ["LocalSystem", "NT AUTHORITY\\SYSTEM", ".\\LocalSystem"] {
            assert_eq!(Account::of_windows(Some(name)).unwrap().sids[0], "S-1-5-18");
        }
        let network = Account::of_windows(Some("NT AUTHORITY\\NetworkService")).unwrap();
        assert_eq!(
            (network.sids[0].as_str(), network.name.as_str()),
            ("S-1-5-20", "NETWORK SERVICE")
        );
        assert_eq!(Account::of_windows(Some("EXAMPLE\\svc-nexplane")), None);
    }

    #[test]
    fn a_list_is_shown_with_names() {
        use Admission::{Allow, Deny};
        let list = list(&[(Allow, "S-1-5-18", ALL), (Deny, "S-1-5-21-9-9-9-1", 1)]);
        assert_eq!(
            list.to_string(),
            "owner Administrators; denies S-1-5-21-9-9-9-1 0x1; allows SYSTEM 0x1f01ff"
        );
    }

    #[test]
    fn a_closed_list_is_closed_to_all_but_its_readers() {
        let service = Account::of_windows(Some("NT AUTHORITY\\LocalService")).unwrap();
        let closed = Security::closed_but_for("S-1-5-32-544", [service.sids[0].as_str()]);
        assert_eq!(
            closed.written(),
            "D:P(A;;0x1f01ff;;;S-1-5-18)(A;;0x1f01ff;;;S-1-5-32-544)(A;;0x120089;;;S-1-5-19)"
        );
        assert!(closed.may_read(&service));
        assert_eq!(closed.others(&["S-1-5-19"]), (false, vec![]));
        assert!(closed.other_writers(false, &[]).is_empty());
        assert_eq!(closed.named_readers(), ["S-1-5-19"]);
        let everybody = list(&[(Admission::Allow, "S-1-1-0", ALL)]);
        assert!(everybody.named_readers().is_empty());
        let other = Account::of_windows(Some("NT AUTHORITY\\NetworkService")).unwrap();
        assert!(!closed.may_read(&other));
        assert!(closed.opened_to(&other).may_read(&other));
    }

    #[test]
    fn what_takes_from_an_account_goes_when_it_is_let_in_and_what_takes_from_others_stays() {
        let service = Account::of_windows(Some("LocalService")).unwrap();
        let denied = list(&[
            (Admission::Allow, "S-1-5-32-544", ALL),
            (Admission::Deny, "S-1-5-19", READ_EXECUTE),
            (Admission::Deny, "S-1-5-32-546", ALL),
        ]);
        let opened = denied.opened_to(&service);
        assert!(opened.may_read(&service));
        assert_eq!(
            opened.written(),
            "D:P(D;;0x1f01ff;;;S-1-5-32-546)(A;;0x1f01ff;;;S-1-5-32-544)(A;;0x120089;;;S-1-5-19)"
        );
        let of_everybody = list(&[(Admission::Deny, "S-1-1-0", ALL)]);
        assert!(!of_everybody.opened_to(&service).may_read(&service));
    }

    #[test]
    fn whoever_can_change_a_program_or_its_directory_is_named() {
        let programs = list(&[
            (Admission::Allow, "S-1-5-32-544", ALL),
            (Admission::Allow, "S-1-5-32-545", READ_EXECUTE),
            // Users make directories in a drive's root.
            (Admission::Allow, "S-1-5-11", 0x4),
        ]);
        assert!(programs.other_writers(true, &[]).is_empty());
        assert_eq!(programs.other_writers(false, &[]), ["S-1-5-11"]);
        let open = list(&[(Admission::Allow, "S-1-5-32-545", 0x0013_01bf)]);
        assert_eq!(open.other_writers(true, &[]), ["S-1-5-32-545"]);
        let own = Security {
            owner: "S-1-5-21-1-2-3-1001".into(),
            ..programs
        };
        assert_eq!(own.other_writers(true, &[]), ["S-1-5-21-1-2-3-1001"]);
        assert!(
            own.other_writers(true, &["S-1-5-21-1-2-3-1001".into()])
                .is_empty()
        );
    }
}
