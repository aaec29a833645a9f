//! From bytes to the lines that matter: text of any kind, JSON, and the journal's export format, told apart line by line.
//!
//! The lines that matter are those that may name a problem, with what belongs to them; all others are only counted. A
//! line is kept to a bound; what is beyond it is passed over, and where that was is told. So is an input that ends within
//! something that has an end.

use memchr::{memchr, memchr_iter};

use super::stamp::Stamp;

/// So much of a line is kept, and looked at.
pub const KEPT: usize = 64 * 1024;
/// The journal's names of fields are not longer.
const NAME: usize = 64;

/// A line, or an entry of a journal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    /// Where it is, from 1; of an entry, where its message is.
    pub(super) line: u64,
    pub(super) bytes: &'a [u8],
    /// When the journal got it.
    pub(super) time: Option<Stamp>,
}

/// Who wants to know of a line.
pub(super) trait Lines {
    /// Whether the line may matter; called for every line.
    fn matters(&self, bytes: &[u8]) -> bool;
    /// A line that may matter, in the order of the input.
    fn line(&mut self, record: Record<'_>);
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A line of text, or a field of an entry.
    Line,
    /// The length of a binary field; so many of its eight bytes were read.
    Length {
        read: u32,
        length: u64,
    },
    /// The content of a binary field, and the end of line after it.
    Content {
        left: u64,
    },
    ContentEnd,
}

/// What the line is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Text,
    /// An entry of the journal's export format.
    Entry,
    /// An object of JSON over several lines.
    Object,
}

/// Lines that were longer than what is kept of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlong {
    /// The first one, from 1.
    pub first: u64,
    /// How many there were.
    pub count: u64,
}

/// Splits what it is fed.
pub(super) struct Scanner {
    state: State,
    within: Within,
    /// Ends of line so far.
    ends: u64,
    /// The beginning of a line whose end has not come yet, or a binary field's content.
    carry: Vec<u8>,
    /// Whether bytes of an unended line have come.
    open: bool,
    /// Whether what is at hand is only the beginning of what came.
    over: bool,
    overlong: Option<Overlong>,
    /// Whether the binary field is the message.
    is_message: bool,
    /// Whether the entry's message has come.
    has_message: bool,
    /// The entry's message and its line, if it may matter; an object's lines.
    kept: Vec<u8>,
    kept_line: Option<u64>,
    time: Option<Stamp>,
}

impl Scanner {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Line,
            within: Within::Text,
            ends: 0,
            carry: Vec::new(),
            open: false,
            over: false,
            overlong: None,
            is_message: false,
            has_message: false,
            kept: Vec::new(),
            kept_line: None,
            time: None,
        }
    }

    /// Lines so far; one without an end counts.
    pub(super) fn lines(&self) -> u64 {
        self.ends + u64::from(self.open)
    }

    /// Lines of which only the beginning was looked at.
    pub(super) const fn overlong(&self) -> Option<Overlong> {
        self.overlong
    }

    /// More bytes.
    pub(super) fn feed(&mut self, bytes: &[u8], lines: &mut impl Lines) {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            match self.state {
                State::Line => match memchr(b'\n', rest) {
                    Some(end) => {
                        let line = &rest[..end];
                        rest = &rest[end + 1..];
                        self.ends += 1;
                        if self.open {
                            self.keep(line);
                            let carry = std::mem::take(&mut self.carry);
                            self.line(&carry, lines);
                            self.carry = carry;
                            self.carry.clear();
                            self.open = false;
                        } else {
                            self.over = line.len() > KEPT;
                            self.line(&line[..line.len().min(KEPT)], lines);
                        }
                        self.over = false;
                    }
                    None => {
                        self.keep(rest);
                        self.open = true;
                        return;
                    }
                },
                State::Length { read, length } => {
                    let length = length | u64::from(*first) << (8 * read);
                    rest = &rest[1..];
                    self.ends += u64::from(*first == b'\n');
                    self.state = match read {
                        7 => State::Content { left: length },
                        _ => State::Length {
                            read: read + 1,
                            length,
                        },
                    };
                }
                State::Content { left: 0 } => self.state = State::ContentEnd,
                State::Content { left } => {
                    let here = usize::try_from(left).map_or(rest.len(), |n| n.min(rest.len()));
                    if self.is_message {
                        self.keep(&rest[..here]);
                    }
                    let ends = memchr_iter(b'\n', &rest[..here]).count();
                    self.ends += ends as u64;
                    self.state = State::Content {
                        left: left - here as u64,
                    };
                    rest = &rest[here..];
                }
                State::ContentEnd => {
                    if *first == b'\n' {
                        self.ends += 1;
                        rest = &rest[1..];
                    }
                    self.content_ended(lines);
                }
            }
        }
    }

    /// Nothing more comes. Says within what the input ends, if it has to go on.
    pub(super) fn finish(&mut self, lines: &mut impl Lines) -> Option<&'static str> {
        let within = self.ends_within();
        if self.open {
            let carry = std::mem::take(&mut self.carry);
            self.ends += 1;
            self.line(&carry, lines);
            self.ends -= 1;
        } else if self.state != State::Line && self.is_message {
            self.content_ended(lines);
        }
        self.hand_over(lines);
        within
    }

    /// A line of text may lack its end, where it was copied; what says itself how long it is may not.
    fn ends_within(&self) -> Option<&'static str> {
        match (self.state, self.within) {
            (State::Length { .. } | State::Content { .. } | State::ContentEnd, _) => {
                Some("a binary field of a journal's entry")
            }
            (State::Line, Within::Entry) if self.open || !self.has_message => {
                Some("a journal's entry")
            }
            (State::Line, Within::Object) if !(self.open && closes(&self.carry)) => {
                Some("an object of JSON")
            }
            (State::Line, Within::Text) if self.open && !self.over => {
                let line = self.carry.trim_ascii();
                let line = line.strip_prefix(b"\x1e").unwrap_or(line);
                (line.starts_with(b"{\"") && !line.ends_with(b"}")).then_some("an object of JSON")
            }
            _ => None,
        }
    }

    /// Only the beginning of what stands at this line is looked at.
    fn is_overlong(&mut self, line: u64) {
        let Overlong { first, count } = self.overlong.unwrap_or(Overlong {
            first: line,
            count: 0,
        });
        let count = count + 1;
        self.overlong = Some(Overlong { first, count });
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.carry.len());
        self.over |= bytes.len() > room;
        self.carry
            .extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    fn line(&mut self, line: &[u8], lines: &mut impl Lines) {
        match self.within {
            Within::Entry => self.field(line, lines),
            Within::Object => self.part_of_object(line, lines),
            Within::Text => {
                if line.starts_with(b"__CURSOR=") || line.starts_with(b"__REALTIME_TIMESTAMP=") {
                    self.within = Within::Entry;
                    self.field(line, lines);
                } else if line.trim_ascii_end() == b"{" {
                    self.within = Within::Object;
                    self.kept.clear();
                    self.part_of_object(line, lines);
                } else {
                    if self.over {
                        self.is_overlong(self.ends);
                    }
                    if lines.matters(line) {
                        lines.line(Record {
                            line: self.ends,
                            bytes: line,
                            time: None,
                        });
                    }
                }
            }
        }
    }

    /// A field of an entry.
    fn field(&mut self, line: &[u8], lines: &mut impl Lines) {
        if let Some(message) = line.strip_prefix(b"MESSAGE=") {
            self.message(message, self.ends, lines);
        } else if let Some(micros) = line.strip_prefix(b"__REALTIME_TIMESTAMP=") {
            let micros = std::str::from_utf8(micros).ok();
            let micros = micros.and_then(|micros| micros.trim().parse().ok());
            self.time = micros.and_then(Stamp::from_micros);
        } else if memchr(b'=', &line[..line.len().min(NAME + 1)]).is_none() {
            if line.trim_ascii().is_empty() {
                self.hand_over(lines);
            } else if is_name(line) {
                self.is_message = line == b"MESSAGE";
                if self.is_message {
                    self.kept_line = Some(self.ends);
                }
                self.state = State::Length { read: 0, length: 0 };
            } else {
                // No entry goes on like this: it was cut off, and something else follows.
                self.hand_over(lines);
                self.line(line, lines);
            }
        }
    }

    fn message(&mut self, message: &[u8], line: u64, lines: &mut impl Lines) {
        self.has_message = true;
        if self.over {
            self.is_overlong(line);
        }
        self.kept_line = lines.matters(message).then_some(line);
        if self.kept_line.is_some() {
            self.kept.clear();
            self.kept.extend_from_slice(message);
        }
    }

    fn content_ended(&mut self, lines: &mut impl Lines) {
        if self.is_message {
            let content = std::mem::take(&mut self.carry);
            let line = self.kept_line.unwrap_or(self.ends);
            self.message(&content, line, lines);
            self.is_message = false;
        }
        self.over = false;
        self.carry.clear();
        self.state = State::Line;
    }

    fn part_of_object(&mut self, line: &[u8], lines: &mut impl Lines) {
        let name = line.trim_ascii_start();
        if name.starts_with(b"\"MESSAGE\"") || self.kept.is_empty() {
            self.kept_line = Some(self.ends);
        }
        let room = KEPT.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&line[..room.min(line.len())]);
        // Patterns and JSON alike take it for a blank.
        self.kept.push(b' ');
        let cut = self.over || line.len() > room;
        let ended = closes(line);
        if ended {
            // In a list a comma follows.
            let whole = self.kept.trim_ascii_end();
            let length = whole.strip_suffix(b",").unwrap_or(whole).len();
            self.kept.truncate(length);
        }
        if ended || cut {
            if cut {
                self.is_overlong(self.kept_line.unwrap_or(self.ends));
            }
            if !lines.matters(&self.kept) {
                self.kept_line = None;
            }
            self.hand_over(lines);
        }
    }

    /// The entry or the object is whole.
    fn hand_over(&mut self, lines: &mut impl Lines) {
        if let Some(line) = self.kept_line.take() {
            lines.line(Record {
                line,
                bytes: &self.kept,
                time: self.time,
            });
        }
        self.time = None;
        self.has_message = false;
        self.within = Within::Text;
    }
}

/// Whether an object of several lines ends with this one.
fn closes(line: &[u8]) -> bool {
    matches!(line.trim_ascii_end(), b"}" | b"},")
}

/// Whether this can be the name of a field of the journal.
fn is_name(line: &[u8]) -> bool {
    let letter = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    line.len() <= NAME && line.iter().all(letter)
}
