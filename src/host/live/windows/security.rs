//! Who may do what with a file: its access control list, and who this process is.
#![expect(
    unsafe_code,
    reason = "access control lists are structures behind pointers"
)]

use std::ffi::c_void;
use std::io;
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW,
    GetNamedSecurityInfoW, SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, CheckTokenMembership, CreateWellKnownSid,
    DACL_SECURITY_INFORMATION, GetAce, INHERIT_ONLY_ACE, OWNER_SECURITY_INFORMATION,
    PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_MAX_SID_SIZE,
    SetFileSecurityW, WinBuiltinAdministratorsSid,
};
use windows_sys::Win32::System::SystemServices::{ACCESS_ALLOWED_ACE_TYPE, ACCESS_DENIED_ACE_TYPE};

use super::text::{given, wide};
use crate::host::{Ace, Admission, Security, Seen, Unseen};

/// Something that Windows allocated and wants back.
struct Local(*mut c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: it came from a function that says that LocalFree gives it back, and is given back once.
        unsafe { LocalFree(self.0) };
    }
}

/// The owner and the access control list of what is at a path.
pub(super) fn of(path: &Path) -> Seen<Security> {
    let path = wide(path.as_os_str());
    let (mut owner, mut list, mut descriptor) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: the path ends in a zero; owner and list point into the descriptor, which lives to the end of this function.
    let error = unsafe {
        GetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
            &mut owner,
            ptr::null_mut(),
            &mut list,
            ptr::null_mut(),
            &mut descriptor,
        )
    };
    if error != ERROR_SUCCESS {
        let error = io::Error::from_raw_os_error(error.cast_signed());
        return Err(Unseen::from_io(&error));
    }
    let _descriptor = Local(descriptor);
    Ok(Security {
        owner: sid(owner)?,
        entries: match list.is_null() {
            true => None,
            false => Some(entries(list)?),
        },
    })
}

/// The entries that are about the file itself; those of another kind (audits, conditions) give nobody anything by themselves.
fn entries(list: *const ACL) -> Seen<Vec<Ace>> {
    // SAFETY: the list is that of a descriptor that is alive.
    let count = unsafe { (*list).AceCount };
    let mut entries = Vec::new();
    for index in 0..u32::from(count) {
        let mut entry: *mut c_void = ptr::null_mut();
        // SAFETY: as above; the index is below the count.
        if unsafe { GetAce(list, index, &mut entry) } == 0 {
            return Err(Unseen::from_io(&io::Error::last_os_error()));
        }
        // SAFETY: every entry begins with a header.
        let header = unsafe { ptr::read_unaligned(entry.cast::<ACE_HEADER>()) };
        let admission = match u32::from(header.AceType) {
            ACCESS_ALLOWED_ACE_TYPE => Admission::Allow,
            ACCESS_DENIED_ACE_TYPE => Admission::Deny,
            _ => continue,
        };
        if u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0 {
            continue;
        }
        // SAFETY: entries of these two types have this form; the identifier begins at its last field.
        let (rights, whose) = unsafe {
            let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
            (
                ptr::read_unaligned(&raw const (*entry).Mask),
                &raw mut (*entry).SidStart,
            )
        };
        entries.push(Ace {
            admission,
            sid: sid(whose.cast())?,
            rights,
        });
    }
    Ok(entries)
}

/// An identifier in its written form.
pub(super) fn sid(sid: PSID) -> Seen<String> {
    let mut text: *mut u16 = ptr::null_mut();
    // SAFETY: the identifier is one that Windows gave.
    if sid.is_null() || unsafe { ConvertSidToStringSidW(sid, &mut text) } == 0 {
        return Err(Unseen::from_io(&io::Error::last_os_error()));
    }
    let _text = Local(text.cast());
    // SAFETY: the text ends in a zero.
    Ok(unsafe { given(text) })
}

/// Leaves a file or a directory, and what will be made in it, to the system and its administrators; nothing is inherited any more.
///
/// # Errors
/// What Windows said.
pub(crate) fn close_to_others(path: &Path) -> io::Result<()> {
    set_list(path, "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)")
}

/// The same for a directory that every user may look into.
///
/// # Errors
/// What Windows said.
pub(crate) fn open_to_readers(path: &Path) -> io::Result<()> {
    set_list(
        path,
        "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FRFX;;;BU)",
    )
}

fn set_list(path: &Path, list: &str) -> io::Result<()> {
    let written = wide(list.as_ref());
    let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
    // SAFETY: the text ends in a zero; the descriptor is given back below.
    let made = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            written.as_ptr(),
            SDDL_REVISION_1,
            &mut descriptor,
            ptr::null_mut(),
        )
    };
    if made == 0 {
        return Err(io::Error::last_os_error());
    }
    let _descriptor = Local(descriptor);
    let path = wide(path.as_os_str());
    // Exactly this list: what is above in the tree has nothing to add.
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: the path ends in a zero, the descriptor is alive.
    match unsafe { SetFileSecurityW(path.as_ptr(), what, descriptor) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Whether this process has an administrator's rights.
pub(crate) fn is_elevated() -> bool {
    let mut administrators = [0_u8; SECURITY_MAX_SID_SIZE as usize];
    let mut size = SECURITY_MAX_SID_SIZE;
    let sid: PSID = administrators.as_mut_ptr().cast();
    let mut member = 0;
    // SAFETY: the buffer holds any identifier, and outlives both calls; without a token this process's own is meant.
    let told = unsafe {
        CreateWellKnownSid(WinBuiltinAdministratorsSid, ptr::null_mut(), sid, &mut size) != 0
            && CheckTokenMembership(ptr::null_mut(), sid, &mut member) != 0
    };
    told && member != 0
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_is_closed_is_closed_to_everybody_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ä b.key");
        std::fs::write(&path, "x").unwrap();
        close_to_others(&path).unwrap();
        let closed = of(&path).unwrap();
        let (broad, _) = closed.others(&[]);
        assert!(!broad, "{closed}");
        assert!(closed.entries.is_some_and(|entries| !entries.is_empty()));
        open_to_readers(directory.path()).unwrap();
        assert!(of(directory.path()).is_ok());
        assert_eq!(of(&directory.path().join("none")), Err(Unseen::Absent));
    }
}
