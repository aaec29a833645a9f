//! What of access control lists has to change on Windows so that the agent's account reads its files, and nobody else its key. Pure.

use std::path::PathBuf;

use crate::checks::again::{Keeping, Kept, What};
use crate::host::{Account, Security};

/// A file with another list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    /// Which.
    pub(super) path: PathBuf,
    /// How it is to be.
    pub(super) wanted: Security,
    /// How it was.
    pub(super) before: Security,
}

/// What has to change.
///
/// # Errors
/// When a person has to do it; says why.
pub(super) fn listings(keeping: &Keeping) -> Result<Vec<Listing>, String> {
    let wrong = |file: &&Kept| file.is_closed || file.exposed_to.is_some();
    let listing = |file: &Kept| {
        let shown = file.path.path().display();
        let unseen = |why: String| format!("{shown} could not be looked at: {why}");
        let stat = file.stat.as_ref().map_err(|it| unseen(it.to_string()))?;
        let before = match &stat.security {
            Some(Ok(security)) => security.clone(),
            Some(Err(why)) => return Err(unseen(why.to_string())),
            None => return Err(unseen("it has no access control list".to_owned())),
        };
        let account = keeping.account.as_ref().ok_or_else(|| {
            format!(
                "the service's account `{}` is not known on this host",
                keeping.name
            )
        })?;
        let wanted = match file.what {
            What::Key => for_key(&before.owner, account),
            What::Configuration | What::Certificate | What::Ca => before.opened_to(account),
        };
        match wanted.may_read(account) {
            true => Ok(Listing {
                path: file.path.path().to_owned(),
                wanted,
                before,
            }),
            false => Err(format!(
                "the access control list of {shown} takes from a group what it would give to `{}`",
                keeping.name
            )),
        }
    };
    keeping.files.iter().filter(wrong).map(listing).collect()
}

/// The list of a key that this account reads.
pub(super) fn for_key(owner: &str, account: &Account) -> Security {
    Security::closed_but_for(owner, account.sids.first().map(String::as_str))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::host::{Ace, Admission, HostPath, Kind, Powers, Stat, Unseen};

    const EVERYBODY: &str = "S-1-1-0";

    fn ace(admission: Admission, sid: &str) -> Ace {
        Ace {
            admission,
            sid: sid.to_owned(),
            rights: 0x0012_0089,
        }
    }

    fn kept(what: What, entries: &[Ace]) -> Kept {
        let path = PathBuf::from(r"C:\ProgramData\NexplaneAgent\client.key");
        Kept {
            what,
            stat: Ok(Stat {
                path: path.clone(),
                kind: Kind::File,
                security: Some(Ok(Security {
                    owner: "S-1-5-32-544".to_owned(),
                    entries: Some(entries.to_vec()),
                })),
                size: 1,
                mode: 0o700,
                uid: 0,
                gid: 0,
                modified: None,
                acl: None,
                ancestors: Vec::new(),
            }),
            path: HostPath::host(path),
            is_closed: what != What::Key,
            exposed_to: (what == What::Key).then_some("every user"),
        }
    }

    fn keeping(file: Kept) -> Keeping {
        let account = Account::of_windows(Some(r"NT AUTHORITY\LocalService")).unwrap();
        Keeping {
            name: account.name.clone(),
            account: Some(account),
            powers: Powers::None,
            files: vec![file],
        }
    }

    #[test]
    fn a_key_is_closed_to_everybody_but_the_service() {
        let open = [ace(Admission::Allow, EVERYBODY)];
        let listings = listings(&keeping(kept(What::Key, &open))).unwrap();
        let (broad, others) = listings[0].wanted.others(&["S-1-5-19"]);
        assert!(!broad && others.is_empty());
        assert_eq!(listings[0].before.entries.as_deref(), Some(&open[..]));
    }

    #[test]
    fn a_configuration_is_opened_and_a_group_s_denial_is_a_person_s() {
        let closed = kept(What::Configuration, &[ace(Admission::Allow, "S-1-5-18")]);
        let opened = listings(&keeping(closed)).unwrap();
        let words = opened[0].wanted.written();
        assert!(words.ends_with("(A;;0x120089;;;S-1-5-19)"), "{words}");
        let denied = kept(What::Configuration, &[ace(Admission::Deny, EVERYBODY)]);
        let why = listings(&keeping(denied)).unwrap_err();
        assert!(why.contains("LOCAL SERVICE"), "{why}");
        let mut unseen = kept(What::Key, &[]);
        unseen.stat = Err(Unseen::Denied);
        assert!(listings(&keeping(unseen)).is_err());
        let fine = Kept {
            is_closed: false,
            ..kept(What::Configuration, &[])
        };
        assert_eq!(listings(&keeping(fine)), Ok(Vec::new()));
    }
}
