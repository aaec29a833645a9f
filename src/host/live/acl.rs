//! A file's POSIX access control list, read from its extended attribute (acl(5)); Linux alone has it there.

use std::path::Path;

use crate::host::{Acl, Seen};

/// The list, if there is one; one that names nobody beside the owning user and group says no more than the mode.
#[cfg(target_os = "linux")]
pub(super) fn of(path: &Path) -> Option<Seen<Acl>> {
    use rustix::io::Errno;

    use crate::host::Unseen;

    /// The largest value that Linux keeps of an attribute (`XATTR_SIZE_MAX`).
    const MOST: usize = 64 << 10;
    const NAME: &str = "system.posix_acl_access";

    // Most files have none, and most lists are short: a small buffer first.
    let mut short = [0; 256];
    let read = |buffer: &mut [u8]| rustix::fs::lgetxattr(path, NAME, buffer);
    let parsed = match read(&mut short) {
        Ok(length) => Acl::parse(&short[..length]),
        Err(Errno::RANGE) => {
            let mut long = vec![0; MOST];
            match read(&mut long) {
                Ok(length) => Acl::parse(&long[..length]),
                Err(error) => Err(Unseen::from_io(&error.into())),
            }
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => return None,
        Err(error) => Err(Unseen::from_io(&error.into())),
    };
    match parsed {
        Ok(acl) if !acl.is_extended() => None,
        parsed => Some(parsed),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn of(_path: &Path) -> Option<Seen<Acl>> {
    None
}
