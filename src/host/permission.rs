//! Who may read a file: permission bits and POSIX access control lists, decided as the kernel decides. Pure.
//!
//! The algorithm and the extended attribute's layout are those of acl(5) and Linux's `posix_acl_xattr.h`. No library reads
//! them without linking the C library libacl, which a statically built doctor does not have.

use serde::{Deserialize, Serialize};

use super::{Account, Seen, Stat, Unseen};

/// What an access control list adds to the permission bits. Its entries for the owner and for others are those bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// Users by id, with what each may do (4 read, 2 write, 1 execute).
    pub users: Vec<(u32, u8)>,
    /// The owning group's entry; the group's permission bits are the mask.
    pub owning_group: u8,
    /// Groups by id, with what each may do.
    pub groups: Vec<(u32, u8)>,
    /// The most that any entry but the owner's and others' gives.
    pub mask: u8,
}

/// What a process may do whatever a file's permissions say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Powers {
    /// Nothing more.
    None,
    /// It reads and passes everything (`CAP_DAC_OVERRIDE`, `CAP_DAC_READ_SEARCH`).
    ReadsAll,
}

const READ: u8 = 4;
const PASS: u8 = 1;

impl Acl {
    /// Reads the extended attribute `system.posix_acl_access`: a version, then entries of tag, permissions, id.
    ///
    /// # Errors
    /// When it is none: another version, or a length that does not fit.
    pub fn parse(bytes: &[u8]) -> Seen<Self> {
        let malformed =
            || Unseen::malformed("its access control list has a form that is not known");
        let entries = bytes
            .strip_prefix(&2_u32.to_le_bytes())
            .ok_or_else(malformed)?;
        let (entries, rest) = entries.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(malformed());
        }
        let mut acl = Self {
            users: Vec::new(),
            owning_group: 0,
            groups: Vec::new(),
            mask: 7,
        };
        for &[tag, tag_high, permissions, _, a, b, c, d] in entries {
            let (id, permissions) = (u32::from_le_bytes([a, b, c, d]), permissions & 7);
            match u16::from_le_bytes([tag, tag_high]) {
                // The owner and others, whose permissions are those of the mode.
                0x01 | 0x20 => {}
                0x02 => acl.users.push((id, permissions)),
                0x04 => acl.owning_group = permissions,
                0x08 => acl.groups.push((id, permissions)),
                0x10 => acl.mask = permissions,
                _ => return Err(malformed()),
            }
        }
        Ok(acl)
    }

    /// Whether it names users or groups beside the owning ones.
    pub fn is_extended(&self) -> bool {
        !self.users.is_empty() || !self.groups.is_empty()
    }
}

impl Stat {
    /// What keeps `account` from reading this file, the first on the way to it: a directory that it may not pass, or the
    /// file itself. Nothing, if it may read it; an error, if that hangs on an access control list that could not be read.
    ///
    /// # Errors
    /// What kept the doctor from reading the list.
    pub fn barrier(&self, account: &Account, powers: Powers) -> Seen<Option<&Self>> {
        if powers == Powers::ReadsAll {
            return Ok(None);
        }
        if let Some(security) = &self.security {
            let may = security.as_ref().map_err(Clone::clone)?.may_read(account);
            return Ok((!may).then_some(self));
        }
        let way = self.ancestors.iter().map(|directory| (directory, PASS));
        for (stat, wanted) in way.chain([(self, READ)]) {
            if !stat.allows(account, wanted)? {
                return Ok(Some(stat));
            }
        }
        Ok(None)
    }

    /// Whether the owning group may read it, and whether a list lets further users or groups read it, but for user `agent`.
    pub fn read_by_group_and_by_list(&self, agent: Option<u32>) -> (bool, bool) {
        match &self.acl {
            Some(Ok(acl)) => {
                let gives = |permissions: u8| permissions & acl.mask & READ != 0;
                let other = |uid: u32| uid != 0 && Some(uid) != agent;
                let listed = acl
                    .users
                    .iter()
                    .any(|(uid, bits)| other(*uid) && gives(*bits))
                    || acl.groups.iter().any(|(_, bits)| gives(*bits));
                (gives(acl.owning_group), listed)
            }
            // With a list, the group's bits are its mask: they say what nobody gets more than.
            _ => (self.mode & 0o040 != 0, false),
        }
    }

    fn allows(&self, account: &Account, wanted: u8) -> Seen<bool> {
        let bits = |shift: u32| (self.mode >> shift) as u8 & wanted == wanted;
        if self.uid == account.uid {
            return Ok(bits(6));
        }
        let in_group = |gid: u32| account.gids.contains(&gid);
        let acl = match &self.acl {
            None if in_group(self.gid) => return Ok(bits(3)),
            None => return Ok(bits(0)),
            Some(Ok(acl)) => acl,
            Some(Err(unseen)) => return Err(unseen.clone()),
        };
        let gives = |permissions: u8| permissions & wanted == wanted;
        if let Some((_, user)) = acl.users.iter().find(|(uid, _)| *uid == account.uid) {
            return Ok(gives(user & acl.mask));
        }
        let own = in_group(self.gid).then_some(acl.owning_group);
        let named = acl.groups.iter().filter(|(gid, _)| in_group(*gid));
        let mut groups = own
            .into_iter()
            .chain(named.map(|(_, permissions)| *permissions))
            .peekable();
        match groups.peek() {
            // One of them has to give all that is wanted.
            Some(_) => Ok(groups.any(|permissions| gives(permissions & acl.mask))),
            None => Ok(bits(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Kind;

    fn stat(mode: u32, acl: Option<Seen<Acl>>) -> Stat {
        Stat {
            path: "/x".into(),
            kind: Kind::File,
            size: 0,
            mode,
            uid: 10,
            gid: 20,
            modified: None,
            acl,
            security: None,
            ancestors: Vec::new(),
        }
    }

    fn who(uid: u32, gids: &[u32]) -> Account {
        Account {
            uid,
            name: "x".into(),
            gids: gids.to_vec(),
            sids: Vec::new(),
        }
    }

    fn reads(stat: &Stat, account: &Account) -> bool {
        stat.barrier(account, Powers::None) == Ok(None)
    }

    /// As the kernel gives it for `setfacl -m u:900:r,g:30:rw,m:r` on a file of mode 0600.
    const RAW: [u8; 52] = [
        2, 0, 0, 0, //
        1, 0, 6, 0, 255, 255, 255, 255, //
        2, 0, 4, 0, 132, 3, 0, 0, //
        4, 0, 0, 0, 255, 255, 255, 255, //
        8, 0, 6, 0, 30, 0, 0, 0, //
        16, 0, 4, 0, 255, 255, 255, 255, //
        32, 0, 0, 0, 255, 255, 255, 255,
    ];

    #[test]
    fn a_list_is_read_as_the_kernel_writes_it() {
        let acl = Acl::parse(&RAW).unwrap_or_else(|unseen| panic!("{unseen}"));
        assert_eq!(
            acl,
            Acl {
                users: vec![(900, 4)],
                owning_group: 0,
                groups: vec![(30, 6)],
                mask: 4,
            }
        );
        for bad in [
            &[][..],
            &RAW[..51],
            &[3, 0, 0, 0],
            &[2, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0, 0],
        ] {
            assert!(Acl::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_most_particular_entry_decides() {
        let with = |mode, users: &[(u32, u8)], owning_group, groups: &[(u32, u8)], mask| {
            let acl = Acl {
                users: users.to_vec(),
                owning_group,
                groups: groups.to_vec(),
                mask,
            };
            stat(mode, Some(Ok(acl)))
        };
        let named = with(0o640, &[(900, 4)], 0, &[], 4);
        assert!(reads(&named, &who(900, &[1])));
        assert!(
            !reads(&named, &who(901, &[20])),
            "the group's bits are the mask"
        );
        let masked = with(0o600, &[(900, 4)], 0, &[], 0);
        assert!(!reads(&masked, &who(900, &[1])));
        let denied = with(0o644, &[(900, 0)], 4, &[], 4);
        assert!(!reads(&denied, &who(900, &[20])), "whatever its groups may");
        let groups = with(0o640, &[], 0, &[(30, 4)], 4);
        assert!(
            reads(&groups, &who(900, &[20, 30])),
            "one that gives is enough"
        );
        assert!(!reads(&groups, &who(900, &[20])));
        let others = with(0o604, &[(900, 0)], 0, &[(30, 0)], 4);
        assert!(
            !reads(&others, &who(901, &[30])),
            "a group that is named is no other"
        );
        assert!(reads(&others, &who(901, &[31])));
        assert!(
            reads(&with(0o400, &[(10, 0)], 0, &[], 0), &who(10, &[])),
            "the owner"
        );
    }

    #[test]
    fn the_way_counts_and_powers_pass_it() {
        let mut file = stat(0o644, None);
        file.ancestors = vec![
            Stat {
                path: "/".into(),
                ..stat(0o755, None)
            },
            stat(0o750, None),
        ];
        let (nobody, member) = (who(900, &[900]), who(900, &[20]));
        assert_eq!(
            file.barrier(&nobody, Powers::None),
            Ok(Some(&file.ancestors[1]))
        );
        assert_eq!(file.barrier(&member, Powers::None), Ok(None));
        assert_eq!(file.barrier(&nobody, Powers::ReadsAll), Ok(None));
        let root = who(0, &[0]);
        assert!(
            !reads(&stat(0o600, None), &root),
            "without its powers root is a user like others"
        );
    }

    #[test]
    fn a_list_that_could_not_be_read_leaves_it_open() {
        let file = stat(0o600, Some(Err(Unseen::Denied)));
        assert_eq!(
            file.barrier(&who(900, &[]), Powers::None),
            Err(Unseen::Denied)
        );
        assert_eq!(file.barrier(&who(10, &[]), Powers::None), Ok(None));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_list_or_none(bytes: Vec<u8>) {
            let _ = Acl::parse(&bytes);
            let _ = Acl::parse(&[&[2, 0, 0, 0], &bytes[..]].concat());
        }
    }
}
