//! Accounts: who runs the doctor, and whom a name is of.
#![expect(
    unsafe_code,
    reason = "tokens and identifiers are structures behind pointers"
)]

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_NONE_MAPPED, HANDLE};
use windows_sys::Win32::Security::{
    GetTokenInformation, LookupAccountNameW, SID_NAME_USE, TOKEN_GROUPS, TOKEN_INFORMATION_CLASS,
    TOKEN_QUERY, TOKEN_USER, TokenGroups, TokenUser,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::security::{is_elevated, sid};
use super::text::wide;
use crate::host::{Account, Seen, Unseen};

/// Numbers of a name's identifier that no account of this machine has.
const NOBODY: u32 = u32::MAX;

/// Who the doctor runs as. An administrator with its rights counts as the superuser.
pub(in crate::host::live) fn current_user() -> Account {
    let name = std::env::var("USERNAME").unwrap_or_else(|_| "unknown".into());
    let sids = own_sids().unwrap_or_default();
    let is_system = sids.first().is_some_and(|sid| sid == "S-1-5-18");
    Account {
        uid: match is_system || is_elevated() {
            true => 0,
            false => last_number(sids.first()),
        },
        name,
        gids: Vec::new(),
        sids,
    }
}

/// An account by its name. Its groups are not told: what is in a domain may be anywhere.
pub(super) fn named(name: &str) -> Seen<Account> {
    if let Some(own) = Account::of_windows(Some(name)) {
        return Ok(own);
    }
    let wanted = wide(name.strip_prefix(".\\").unwrap_or(name).as_ref());
    let mut sid_bytes = [0_u64; 16];
    let mut sid_size = u32::try_from(size_of_val(&sid_bytes)).unwrap_or(0);
    let (mut domain, mut domain_size) = ([0_u16; 256], 256);
    let mut kind: SID_NAME_USE = 0;
    // SAFETY: the name ends in a zero; both buffers are as large as they are said to be.
    let found = unsafe {
        LookupAccountNameW(
            ptr::null(),
            wanted.as_ptr(),
            sid_bytes.as_mut_ptr().cast(),
            &mut sid_size,
            domain.as_mut_ptr(),
            &mut domain_size,
            &mut kind,
        )
    };
    if found == 0 {
        let error = io::Error::last_os_error();
        return Err(match error.raw_os_error() {
            Some(code) if code.cast_unsigned() == ERROR_NONE_MAPPED => Unseen::Absent,
            _ => Unseen::failed(error),
        });
    }
    let own = sid(sid_bytes.as_mut_ptr().cast())?;
    let everybody = ["S-1-1-0", "S-1-5-11", "S-1-5-32-545"].map(str::to_owned);
    Ok(Account {
        uid: last_number(Some(&own)),
        name: name.to_owned(),
        gids: Vec::new(),
        sids: std::iter::once(own).chain(everybody).collect(),
    })
}

fn last_number(sid: Option<&String>) -> u32 {
    let number = sid.and_then(|sid| sid.rsplit('-').next()?.parse().ok());
    number.unwrap_or(NOBODY)
}

/// The identifiers of this process: its user's, then those of its groups that count.
fn own_sids() -> Seen<Vec<String>> {
    /// `SE_GROUP_ENABLED`: without it a group only takes rights away.
    const ENABLED: u32 = 4;
    let unseen = || Unseen::from_io(&io::Error::last_os_error());
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: this process is there; the token is closed when its owner is dropped.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) } == 0 {
        return Err(unseen());
    }
    // SAFETY: it was just opened, and nobody else has it.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    let user = information(&token, TokenUser)?;
    // SAFETY: that is what was asked for; the buffer is aligned for it and alive.
    let user = unsafe { (*user.as_ptr().cast::<TOKEN_USER>()).User.Sid };
    let mut sids = vec![sid(user)?];
    let groups = information(&token, TokenGroups)?;
    let groups = groups.as_ptr().cast::<TOKEN_GROUPS>();
    // SAFETY: as above; as many groups follow as are counted.
    let groups = unsafe {
        let first = (&raw const (*groups).Groups).cast();
        std::slice::from_raw_parts::<windows_sys::Win32::Security::SID_AND_ATTRIBUTES>(
            first,
            (*groups).GroupCount as usize,
        )
    };
    for group in groups
        .iter()
        .filter(|group| group.Attributes & ENABLED != 0)
    {
        sids.push(sid(group.Sid)?);
    }
    Ok(sids)
}

/// One piece of information of a token, in a buffer that is aligned for any.
fn information(token: &OwnedHandle, class: TOKEN_INFORMATION_CLASS) -> Seen<Vec<u64>> {
    let mut size = 0_u32;
    let token = token.as_raw_handle();
    // SAFETY: without a buffer only the size is told.
    unsafe { GetTokenInformation(token, class, ptr::null_mut(), 0, &mut size) };
    let mut buffer = vec![0_u64; (size as usize).div_ceil(8).max(1)];
    let room = u32::try_from(buffer.len() * 8).unwrap_or(u32::MAX);
    let into: *mut c_void = buffer.as_mut_ptr().cast();
    // SAFETY: the buffer is as large as it is said to be.
    if unsafe { GetTokenInformation(token, class, into, room, &mut size) } == 0 {
        return Err(Unseen::from_io(&io::Error::last_os_error()));
    }
    Ok(buffer)
}
