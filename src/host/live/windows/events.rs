//! The Event Log: read through its interface (winevt.h), written as its source.
#![expect(
    unsafe_code,
    reason = "the Event Log's interface is one of handles and pointers"
)]

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_NO_MORE_ITEMS, HANDLE};
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE,
    EVT_HANDLE, EvtClose, EvtNext, EvtQuery, EvtQueryChannelPath, EvtQueryReverseDirection,
    EvtRender, EvtRenderEventXml, RegisterEventSourceW, ReportEventW,
};

use super::services;
use super::text::wide;
use crate::contract::paths::AgentPaths;
use crate::host::live::event_xml::{self, MANAGER};
use crate::host::{JournalQuestion, LogEntry, Seen, Unseen};
use crate::model::Os;

/// The most that one event may be, in bytes: Windows itself allows 64 KiB.
const LIMIT: u32 = 512 << 10;
/// How long is waited for the next event, in milliseconds; the answer as a whole has a limit of its own.
const WAIT: u32 = 1000;
/// The most events of the service control manager that are looked through, and how many of them are kept.
const MANAGERS: usize = 400;

/// The service control manager's numbers that tell of one service's starts and ends.
const NUMBERS: [&str; 10] = [
    "7000", "7001", "7009", "7011", "7023", "7024", "7031", "7034", "7036", "7038",
];

/// The last entries of a service's log, and what the service control manager wrote of it meanwhile.
pub(super) fn journal(question: &JournalQuestion) -> Seen<Vec<LogEntry>> {
    let source = AgentPaths::of(Os::Windows).log_source;
    let source = match question.unit == AgentPaths::of(Os::Windows).unit {
        true => source,
        false => &question.unit,
    };
    if source.contains(['\'', '"']) {
        return Err(Unseen::malformed(format!(
            "`{source}` is no source of an event log"
        )));
    }
    let of_source = format!("*[System[Provider[@Name='{source}']]]");
    let wanted = question.lines as usize;
    let mut entries: Vec<LogEntry> = Vec::new();
    query("Application", &of_source, wanted, |xml| {
        entries.extend(event_xml::entry(xml));
    })?;
    let display = services::service(&question.unit).ok();
    let display = display.as_ref().and_then(|it| it.get("DisplayName"));
    let numbers = NUMBERS
        .map(|number| format!("EventID={number}"))
        .join(" or ");
    let of_manager = format!("*[System[Provider[@Name='{MANAGER}'] and ({numbers})]]");
    let is_ours = |subject: &str| subject == question.unit || Some(subject) == display;
    // A host may have no right to read the log of the system, and the agent's own is worth as much.
    let _as_far_as_it_goes = query("System", &of_manager, MANAGERS, |xml| {
        if event_xml::subject(xml).is_some_and(|subject| is_ours(&subject)) {
            entries.extend(event_xml::entry(xml));
        }
    });
    let mut entries = event_xml::in_order(entries);
    let surplus = entries.len().saturating_sub(wanted);
    entries.drain(..surplus);
    Ok(entries)
}

/// An object of the interface.
struct Handle(EVT_HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: it is one of the interface's, and closed once.
        unsafe { EvtClose(self.0) };
    }
}

/// Hands on the newest events that a query finds, at most so many.
fn query(channel: &str, query: &str, most: usize, mut each: impl FnMut(&str)) -> Seen<()> {
    let (channel, query) = (wide(channel.as_ref()), wide(query.as_ref()));
    let flags = EvtQueryChannelPath | EvtQueryReverseDirection;
    // SAFETY: both texts end in a zero; without a session this machine is meant.
    let results = unsafe { EvtQuery(0, channel.as_ptr(), query.as_ptr(), flags) };
    if results == 0 {
        return Err(last_error());
    }
    let results = Handle(results);
    for _ in 0..most {
        let (mut event, mut returned) = (0, 0);
        // SAFETY: there is room for one handle.
        let more = unsafe { EvtNext(results.0, 1, &mut event, WAIT, 0, &mut returned) };
        if more == 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(code) if code.cast_unsigned() == ERROR_NO_MORE_ITEMS => Ok(()),
                _ => Err(Unseen::from_io(&error)),
            };
        }
        if returned == 0 || event == 0 {
            return Ok(());
        }
        each(&render(&Handle(event))?);
    }
    Ok(())
}

/// An event as XML.
fn render(event: &Handle) -> Seen<String> {
    let mut buffer = vec![0_u16; 8 << 10];
    loop {
        let room = u32::try_from(buffer.len() * 2).unwrap_or(u32::MAX);
        let (mut used, mut properties) = (0, 0);
        // SAFETY: the buffer is as large as it is said to be.
        let rendered = unsafe {
            EvtRender(
                0,
                event.0,
                EvtRenderEventXml,
                room,
                buffer.as_mut_ptr().cast(),
                &mut used,
                &mut properties,
            )
        };
        if rendered != 0 {
            let length = (used as usize / 2).min(buffer.len());
            let text = String::from_utf16_lossy(&buffer[..length]);
            return Ok(text.trim_end_matches('\0').to_owned());
        }
        let error = io::Error::last_os_error();
        let too_small =
            error.raw_os_error().map(i32::cast_unsigned) == Some(ERROR_INSUFFICIENT_BUFFER);
        if !too_small || used <= room {
            return Err(Unseen::from_io(&error));
        }
        if used > LIMIT {
            return Err(Unseen::TooLarge {
                limit: LIMIT.into(),
            });
        }
        buffer.resize((used as usize).div_ceil(2), 0);
    }
}

fn last_error() -> Unseen {
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // The service of the Event Log does not run, or this system has no such channel.
        Some(1717 | 1722 | 15007) => {
            Unseen::failed(format!("the Event Log does not answer: {error}"))
        }
        // Windows has nothing to say where it does not know how to look.
        Some(0 | 120) => Unseen::unsupported("this system has no Event Log that can be read"),
        _ => Unseen::from_io(&error),
    }
}

/// A source of the Application log, to write to.
#[derive(Debug)]
pub(crate) struct EventSource(HANDLE);

// SAFETY: the handle is one that any thread may report with.
unsafe impl Send for EventSource {}

impl EventSource {
    /// The agent's.
    ///
    /// # Errors
    /// What Windows said.
    pub(crate) fn of_agent() -> io::Result<Self> {
        let source = wide(AgentPaths::of(Os::Windows).log_source.as_ref());
        // SAFETY: the name ends in a zero; without a server this machine is meant.
        let handle = unsafe { RegisterEventSourceW(ptr::null(), source.as_ptr()) };
        match handle.is_null() {
            true => Err(io::Error::last_os_error()),
            false => Ok(Self(handle)),
        }
    }

    /// Writes a line; its first word is its level.
    ///
    /// # Errors
    /// What Windows said.
    pub(crate) fn report(&self, line: &str) -> io::Result<()> {
        let kind = match () {
            () if line.starts_with("FATAL:") || line.starts_with("ERROR:") => EVENTLOG_ERROR_TYPE,
            () if line.starts_with("WARNING:") => EVENTLOG_WARNING_TYPE,
            () => EVENTLOG_INFORMATION_TYPE,
        };
        // A text with a zero in it would end there.
        let text = wide(line.replace('\0', " ").as_ref());
        let strings = [text.as_ptr()];
        // SAFETY: one text that ends in a zero is given, and no data.
        let reported = unsafe {
            ReportEventW(
                self.0,
                kind,
                0,
                1,
                ptr::null_mut(),
                1,
                0,
                strings.as_ptr(),
                ptr::null(),
            )
        };
        match reported {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

impl Drop for EventSource {
    fn drop(&mut self) {
        // SAFETY: it is open, and closed once.
        unsafe { DeregisterEventSource(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wine has the interface and no events: what is asked is answered, one way or the other, and nothing hangs.
    #[test]
    fn the_log_is_asked_through_its_interface() {
        let question = JournalQuestion {
            unit: "NexplaneAgent".into(),
            lines: 10,
        };
        match journal(&question) {
            Ok(entries) => assert!(entries.len() <= 10),
            Err(unseen) => assert!(!unseen.to_string().is_empty()),
        }
        let hostile = JournalQuestion {
            unit: "x'] or *[y".into(),
            lines: 10,
        };
        assert!(matches!(journal(&hostile), Err(Unseen::Malformed { .. })));
    }
}
