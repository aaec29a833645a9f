//! A journal read back: what was done, what of it is taken back, and whether the run came to its end.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::{Entry, FILE, JournalError, Left, SUM, Undo, VERSION, sum};
use crate::agent::files;

/// The most that is read of a journal: a line for each change of a dozen actions.
const LIMIT: u64 = 4 << 20;

/// What a journal tells of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Where it is kept.
    pub directory: PathBuf,
    /// When the run began.
    pub at: DateTime<Utc>,
    /// The root whose host was changed, if it was not this machine's.
    pub root: Option<PathBuf>,
    /// What was done, in this order.
    pub steps: Vec<PastStep>,
    /// Whether the run came to its end by itself.
    pub finished: bool,
    /// Lines in the middle that cannot be read: what they say is lost.
    pub damaged: usize,
    /// How much of the file is whole lines, in bytes.
    pub(super) length: u64,
}

/// A change of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStep {
    /// Its number.
    pub number: u32,
    /// The action that it belongs to, in words.
    pub action: String,
    /// How it is taken back.
    pub undo: Undo,
    /// What it left, where that was told afterwards.
    pub told: Option<Left>,
    /// Whether it was taken back.
    pub undone: bool,
}

impl Past {
    /// Reads the journal in a run's directory. `None`: the run ended before there was one.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, JournalError> {
        let path = directory.join(FILE);
        let failed = |error: io::Error| JournalError::new("read the undo journal", &path, error);
        let bytes = match files::read(&path, LIMIT) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        Self::parse(directory, &bytes)
            .map_err(|why| JournalError::new("read the undo journal", &path, why))
    }

    fn parse(directory: &Path, bytes: &[u8]) -> Result<Option<Self>, String> {
        // What follows the last line break was being written when the machine stopped.
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n');
        let mut past: Option<Self> = None;
        let mut action = String::new();
        for line in lines {
            match (entry(line), &mut past) {
                (
                    Some(Entry::Begun {
                        version, at, root, ..
                    }),
                    None,
                ) => {
                    if version > VERSION {
                        return Err(format!("a newer nexplane-doctor wrote it (form {version})"));
                    }
                    past = Some(Self {
                        directory: directory.to_owned(),
                        at,
                        root,
                        steps: Vec::new(),
                        finished: false,
                        damaged: 0,
                        length: whole as u64,
                    });
                }
                (_, None) => return Err("its first line is damaged".to_owned()),
                (Some(Entry::Action { title, .. }), Some(_)) => action = title,
                (Some(Entry::Step { step, undo }), Some(past)) => past.steps.push(PastStep {
                    number: step,
                    action: action.clone(),
                    undo,
                    told: None,
                    undone: false,
                }),
                (Some(Entry::Told { step, left }), Some(past)) => {
                    past.with(step, |it| it.told = Some(left));
                }
                (Some(Entry::Undone { step }), Some(past)) => {
                    past.with(step, |it| it.undone = true)
                }
                (Some(Entry::Finished), Some(past)) => past.finished = true,
                (Some(Entry::Begun { .. }) | None, Some(past)) => past.damaged += 1,
            }
        }
        Ok(past)
    }

    fn with(&mut self, number: u32, change: impl FnOnce(&mut PastStep)) {
        match self.steps.iter_mut().find(|step| step.number == number) {
            Some(step) => change(step),
            None => self.damaged += 1,
        }
    }

    /// Whether nothing is left to be taken back.
    pub fn is_taken_back(&self) -> bool {
        self.steps.iter().all(|step| step.undone)
    }
}

/// A line's entry, if its checksum holds.
fn entry(line: &[u8]) -> Option<Entry> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (before, text) = text.split_at_checked(SUM)?;
    let text = text.strip_prefix(' ')?;
    (sum(text) == before).then(|| serde_json::from_str(text).ok())?
}
