//! The unified log, written as the agent's subsystem (os/log.h).
#![expect(
    unsafe_code,
    reason = "the unified log's interface is a macro of C, which calls this"
)]

use std::ffi::{CString, c_char, c_void};

use crate::contract::paths::AgentPaths;
use crate::model::Os;

/// Types of entries (`OS_LOG_TYPE_…`). What is milder than the default is not kept on disk.
const DEFAULT: u8 = 0x00;
const DEBUG: u8 = 0x02;
const ERROR: u8 = 0x10;
const FAULT: u8 = 0x11;

/// The log keeps where this is in the program, and reads it there: it has to be in this section.
#[unsafe(link_section = "__TEXT,__oslogstring,cstring_literals")]
static FORMAT: [u8; 11] = *b"%{public}s\0";

// SAFETY: as os/log.h and its macros have them; the last is the linker's, and only its address counts.
unsafe extern "C" {
    fn os_log_create(subsystem: *const c_char, category: *const c_char) -> *mut c_void;
    fn _os_log_impl(
        dso: *const c_void,
        log: *mut c_void,
        kind: u8,
        format: *const c_char,
        arguments: *const u8,
        size: u32,
    );
    static __dso_handle: u8;
}

/// The agent's part of the unified log.
#[derive(Debug)]
pub(crate) struct UnifiedLog(*mut c_void);

// SAFETY: a log may be written to by any thread.
unsafe impl Send for UnifiedLog {}

impl UnifiedLog {
    /// Opens it; the system never takes it away again.
    pub(crate) fn of_agent() -> Self {
        let subsystem = CString::new(AgentPaths::of(Os::Macos).log_source).unwrap_or_default();
        // SAFETY: both texts end in a zero, and are copied.
        Self(unsafe { os_log_create(subsystem.as_ptr(), c"agent".as_ptr()) })
    }

    /// Writes a line; its first word is its level.
    pub(crate) fn report(&self, line: &str) {
        let kind = match () {
            () if line.starts_with("FATAL:") => FAULT,
            () if line.starts_with("ERROR:") => ERROR,
            () if line.starts_with("DEBUG:") => DEBUG,
            () => DEFAULT,
        };
        // A text with a zero in it would end there.
        let text = CString::new(line.replace('\0', " ")).unwrap_or_default();
        let pointer = (text.as_ptr() as usize).to_ne_bytes();
        // One argument, and one that is no number; a text that everybody may read, by its address.
        let mut arguments = vec![0x02, 0x01, 0x22, 0x08];
        arguments.extend_from_slice(&pointer);
        let size = u32::try_from(arguments.len()).unwrap_or_default();
        // SAFETY: format and arguments fit together, and the text lives until it was copied.
        unsafe {
            _os_log_impl(
                (&raw const __dso_handle).cast(),
                self.0,
                kind,
                FORMAT.as_ptr().cast(),
                arguments.as_ptr(),
                size,
            );
        }
    }
}
