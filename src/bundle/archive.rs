//! A bundle as a stranger may have written it: read entry by entry, in bounded memory and time, and never unpacked.
//!
//! Only plain files with plain names are taken. The content that a diagnosis is made of is kept, and everything is held
//! against the hashes of the manifest, so that what is damaged is told before anything is concluded from it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tar::EntryType;

use super::BundleError;
use super::fixture::{EVIDENCE, Evidence};
use super::manifest::{Hash, MANIFEST, Manifest};
use crate::logs::WINDOW_LOG;
use crate::model::unread;

/// The most that a bundle may unpack to, in bytes.
pub const MOST_UNPACKED: u64 = 512 << 20;
/// The most of a file that is read, in bytes: compression never adds this much.
const MOST_PACKED: u64 = MOST_UNPACKED + (16 << 20);
/// The most of an entry that a diagnosis is made of, in bytes.
pub(super) const MOST_KEPT: u64 = 16 << 20;
/// The most entries.
const MOST_ENTRIES: usize = 4096;
/// The longest name of an entry: what the plain header of a tar file holds.
pub(super) const LONGEST_NAME: usize = 100;
/// The report as the live run made it.
pub(super) const REPORT: &str = "report.json";

/// A bundle that was read whole, and is what its manifest says.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// What it says of itself.
    pub manifest: Manifest,
    /// What was seen.
    pub evidence: Evidence,
    /// The report as the live run made it: a document of [`crate::report::json_v1`].
    pub report: Value,
}

impl Bundle {
    /// Reads the bundle in a file.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        Self::read(file(path)?)
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn read(source: impl Read) -> Result<Self, BundleError> {
        let mut kept: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        let mut hashes: BTreeMap<String, String> = BTreeMap::new();
        each_entry(source, |name, size, content| {
            let keep = [MANIFEST, EVIDENCE, REPORT]
                .into_iter()
                .find(|it| *it == name);
            if keep.is_some() && size > MOST_KEPT {
                let (name, limit) = (name.to_owned(), MOST_KEPT);
                return Err(BundleError::EntryTooLarge { name, size, limit });
            }
            let mut hash = Hash::new();
            let mut bytes = Vec::new();
            let length = pieces(content, |piece| {
                hash.update(piece);
                if keep.is_some() {
                    bytes.extend_from_slice(piece);
                }
                Ok(())
            })?;
            if length != size {
                return Err(BundleError::CutShort(format!("`{name}` ends early")));
            }
            if let Some(keep) = keep {
                kept.insert(keep, bytes);
            }
            match hashes.insert(name.to_owned(), hash.finish()) {
                Some(_) => Err(BundleError::Twice(name.to_owned())),
                None => Ok(Next::GoOn),
            }
        })?;
        let manifest = Manifest::parse(&take(&mut kept, MANIFEST)?)?;
        hashes.remove(MANIFEST);
        as_listed(&manifest, hashes)?;
        Ok(Self {
            evidence: document(&take(&mut kept, EVIDENCE)?, EVIDENCE)?,
            report: document(&take(&mut kept, REPORT)?, REPORT)?,
            manifest,
        })
    }
}

/// Writes the content of one entry of a bundle, which is read whole first.
///
/// # Errors
/// When the bundle cannot be read, has no such entry, or the content cannot be written.
pub fn copy_entry(path: &Path, entry: &str, to: &mut dyn Write) -> Result<(), BundleError> {
    let bundle = Bundle::open(path)?;
    let missing = || BundleError::Missing(entry.to_owned());
    if entry != MANIFEST && bundle.manifest.listed(entry).is_none() {
        return Err(missing());
    }
    let mut found = false;
    each_entry(file(path)?, |name, _, content| {
        if name != entry {
            return Ok(Next::GoOn);
        }
        found = true;
        pieces(content, |piece| {
            to.write_all(piece).map_err(BundleError::Io)
        })?;
        Ok(Next::Stop)
    })?;
    found.then_some(()).ok_or_else(missing)
}

/// Opens a plain file: what is none (a pipe, a device) might never end.
fn file(path: &Path) -> Result<File, BundleError> {
    let is_file = std::fs::metadata(path).map_err(BundleError::Io)?.is_file();
    if !is_file {
        return Err(BundleError::Io(io::Error::other("it is not a file")));
    }
    File::open(path).map_err(BundleError::Io)
}

/// Whether the rest of an archive is wanted.
enum Next {
    GoOn,
    Stop,
}

/// Hands on every entry with its name, the size that it says it has, and its content.
fn each_entry(
    source: impl Read,
    mut each: impl FnMut(&str, u64, &mut dyn Read) -> Result<Next, BundleError>,
) -> Result<(), BundleError> {
    let packed = BufReader::new(source.take(MOST_PACKED));
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(damage)?;
    decoder.window_log_max(WINDOW_LOG).map_err(damage)?;
    let mut archive = tar::Archive::new(decoder.take(MOST_UNPACKED + 1));
    let mut left = MOST_UNPACKED;
    let mut stopped = false;
    // As they stand: extensions for long names and sparse files are entries that no bundle has.
    for (index, entry) in archive.entries().map_err(damage)?.raw(true).enumerate() {
        let mut entry = entry.map_err(damage)?;
        if index >= MOST_ENTRIES {
            return Err(BundleError::TooMany(MOST_ENTRIES));
        }
        let name = plain_name(&entry)?;
        let size = entry.size();
        left = left.checked_sub(size).ok_or(BundleError::TooLarge)?;
        if let Next::Stop = each(&name, size, &mut entry)? {
            stopped = true;
            break;
        }
    }
    match stopped {
        true => Ok(()),
        // To the end: only there is it known that nothing was damaged.
        false => drain(archive.into_inner()),
    }
}

/// What an archive may be filled up with at its end.
const MOST_FILLING: u64 = 1 << 20;

/// What comes after the last entry: nothing but some zeros.
fn drain(mut rest: impl Read) -> Result<(), BundleError> {
    let follows = || BundleError::Damaged(io::Error::other("something follows its end"));
    let mut length = 0;
    pieces(&mut rest, |piece| {
        length += piece.len() as u64;
        match length <= MOST_FILLING && piece.iter().all(|byte| *byte == 0) {
            true => Ok(()),
            false => Err(follows()),
        }
    })?;
    Ok(())
}

/// Reads to the end, a piece at a time; says how much that was.
fn pieces(
    source: &mut dyn Read,
    mut each: impl FnMut(&[u8]) -> Result<(), BundleError>,
) -> Result<u64, BundleError> {
    let mut buffer = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(length),
            Ok(count) => {
                each(&buffer[..count])?;
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(damage(error)),
        }
    }
}

/// The name of a plain file: relative, of plain words, leading nowhere else.
fn plain_name<R: Read>(entry: &tar::Entry<'_, R>) -> Result<String, BundleError> {
    let bytes = entry.path_bytes();
    let name = String::from_utf8_lossy(&bytes).into_owned();
    let foreign = |what| {
        Err(BundleError::Foreign {
            name: name.clone(),
            what,
        })
    };
    match entry.header().entry_type() {
        EntryType::Regular => {}
        EntryType::Directory => return foreign("a directory"),
        EntryType::Symlink | EntryType::Link => return foreign("a link"),
        EntryType::Char | EntryType::Block | EntryType::Fifo => {
            return foreign("a device or a pipe");
        }
        EntryType::GNUSparse => return foreign("a sparse file"),
        _ => return foreign("of a kind that it does not have"),
    }
    if is_plain(&bytes) {
        Ok(name)
    } else {
        foreign("at a path that it does not have")
    }
}

/// Whether a bundle has an entry of such a name.
pub(super) fn is_plain(name: &[u8]) -> bool {
    let word = |word: &[u8]| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-+@".contains(byte);
        !word.is_empty() && !word.starts_with(b".") && word.iter().all(plain)
    };
    name.len() <= LONGEST_NAME && name.split(|byte| *byte == b'/').all(word)
}

fn take(kept: &mut BTreeMap<&str, Vec<u8>>, name: &str) -> Result<Vec<u8>, BundleError> {
    kept.remove(name)
        .ok_or_else(|| BundleError::Missing(name.to_owned()))
}

fn document<T: DeserializeOwned>(text: &[u8], name: &str) -> Result<T, BundleError> {
    serde_json::from_slice(text).map_err(|error| BundleError::malformed(name, unread(&error)))
}

/// Holds what was read against the manifest.
fn as_listed(manifest: &Manifest, mut hashes: BTreeMap<String, String>) -> Result<(), BundleError> {
    for listed in &manifest.entries {
        match hashes.remove(&listed.name) {
            None => return Err(BundleError::Missing(listed.name.clone())),
            Some(hash) if hash != listed.sha256 => {
                return Err(BundleError::Changed(listed.name.clone()));
            }
            Some(_) => {}
        }
    }
    match hashes.into_keys().next() {
        Some(unlisted) => Err(BundleError::Unlisted(unlisted)),
        None => Ok(()),
    }
}

/// A failure of the decoder or of the archive's form; where the file just ends, that is said.
fn damage(error: io::Error) -> BundleError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BundleError::CutShort("it ends within its content".into()),
        _ => BundleError::Damaged(error),
    }
}
