//! Texts of Windows: UTF-16 with a zero behind it.
#![expect(unsafe_code, reason = "Windows gives texts as pointers")]

use std::ffi::OsStr;
use std::os::windows::ffi::OsStrExt as _;

/// A text for a function that wants it so.
pub(super) fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

/// A text that Windows gave.
///
/// # Safety
/// It has to be there, and to end in a zero.
pub(super) unsafe fn given(text: *const u16) -> String {
    let mut length = 0;
    // SAFETY: the caller says that a zero comes.
    while unsafe { *text.add(length) } != 0 {
        length += 1;
    }
    // SAFETY: so long it is.
    String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(text, length) })
}
