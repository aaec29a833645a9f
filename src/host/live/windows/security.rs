//! Who may do what with a file: its access control list, and who this process is.
#![expect(
    unsafe_code,
    reason = "access control lists are structures behind pointers"
)]

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _};
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, INVALID_HANDLE_VALUE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetNamedSecurityInfoW, GetSecurityInfo,
    SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACE_HEADER, ACL, CheckTokenMembership, CreateWellKnownSid,
    DACL_SECURITY_INFORMATION, GetAce, INHERIT_ONLY_ACE, OWNER_SECURITY_INFORMATION,
    PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_MAX_SID_SIZE,
    SetFileSecurityW, SetKernelObjectSecurity, UNPROTECTED_DACL_SECURITY_INFORMATION,
    WinBuiltinAdministratorsSid,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, ReOpenFile,
    WRITE_DAC,
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
///
/// # Errors
/// When that cannot be seen.
pub(crate) fn of(path: &Path) -> Seen<Security> {
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

/// The access control list of an open file, in the words of SDDL.
///
/// # Errors
/// What Windows said.
pub(crate) fn list_of(file: &File) -> io::Result<String> {
    let (mut list, mut descriptor) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the file is open; the list points into the descriptor, which lives to the end of this function.
    let error = unsafe {
        GetSecurityInfo(
            file.as_raw_handle(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            ptr::null_mut(),
            ptr::null_mut(),
            &mut list,
            ptr::null_mut(),
            &mut descriptor,
        )
    };
    if error != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(error.cast_signed()));
    }
    let _descriptor = Local(descriptor);
    let mut text: *mut u16 = ptr::null_mut();
    // SAFETY: the descriptor is alive; how long the text is, its zero says.
    let told = unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor,
            SDDL_REVISION_1,
            DACL_SECURITY_INFORMATION,
            &mut text,
            ptr::null_mut(),
        )
    };
    if told == 0 {
        return Err(io::Error::last_os_error());
    }
    let _text = Local(text.cast());
    // SAFETY: the text ends in a zero.
    Ok(unsafe { given(text) })
}

/// Gives an open file the access control list that these words of SDDL say.
///
/// # Errors
/// What Windows said.
pub(crate) fn set_list_of(file: &File, list: &str) -> io::Result<()> {
    let file = reopened(file, WRITE_DAC)?;
    let (descriptor, what) = descriptor_of(list)?;
    // SAFETY: the file is open for this, the descriptor is alive.
    match unsafe { SetKernelObjectSecurity(file.as_raw_handle(), what, descriptor.0) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The same open file for something else: how it was opened says what may be done with it.
///
/// # Errors
/// What Windows said.
pub(crate) fn reopened(file: &File, access: u32) -> io::Result<File> {
    let shared = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    // SAFETY: the file is open; the new handle is nobody else's.
    unsafe {
        let handle = ReOpenFile(
            file.as_raw_handle(),
            access,
            shared,
            FILE_FLAG_BACKUP_SEMANTICS,
        );
        match handle == INVALID_HANDLE_VALUE {
            true => Err(io::Error::last_os_error()),
            false => Ok(File::from_raw_handle(handle)),
        }
    }
}

/// What SDDL says, as Windows takes it, and what of it: a list that says so has nothing of what is above in the tree.
fn descriptor_of(list: &str) -> io::Result<(Local, u32)> {
    let written = wide(list.as_ref());
    let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
    // SAFETY: the text ends in a zero; the descriptor is given back by its owner.
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
    let flags = list.strip_prefix("D:").and_then(|it| it.split('(').next());
    let alone = match flags.is_some_and(|flags| flags.contains('P')) {
        true => PROTECTED_DACL_SECURITY_INFORMATION,
        false => UNPROTECTED_DACL_SECURITY_INFORMATION,
    };
    Ok((Local(descriptor), DACL_SECURITY_INFORMATION | alone))
}

fn set_list(path: &Path, list: &str) -> io::Result<()> {
    let (descriptor, what) = descriptor_of(list)?;
    let path = wide(path.as_os_str());
    // SAFETY: the path ends in a zero, the descriptor is alive.
    match unsafe { SetFileSecurityW(path.as_ptr(), what, descriptor.0) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Who beside the system, its administrators and this user may change what is at a path, or put something in its place.
///
/// # Errors
/// When that cannot be seen.
pub(crate) fn other_writers(path: &Path) -> Seen<Vec<String>> {
    let is_directory = path.is_dir();
    let own = super::account::current_user().sids;
    let own = own.get(..1).unwrap_or_default();
    let writers = of(path)?;
    let writers = writers.other_writers(is_directory, own).into_iter();
    Ok(writers.map(str::to_owned).collect())
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

    #[test]
    fn a_list_is_taken_from_one_file_and_given_to_another() {
        let directory = tempfile::tempdir().unwrap();
        let [closed, open] = ["a key", "ä"].map(|name| directory.path().join(name));
        for path in [&closed, &open] {
            std::fs::write(path, "x").unwrap();
        }
        close_to_others(&closed).unwrap();
        let list = list_of(&File::open(&closed).unwrap()).unwrap();
        assert!(list.starts_with("D:"), "{list}");
        let file = File::open(&open).unwrap();
        let wanted = Security::closed_but_for("S-1-5-32-544", ["S-1-5-19"]).written();
        for list in [&list, &wanted] {
            set_list_of(&file, list).unwrap();
            let (broad, _) = of(&open).unwrap().others(&[]);
            assert!(!broad, "{:?}", of(&open));
        }
        assert!(set_list_of(&file, "no list").is_err());
    }
}
