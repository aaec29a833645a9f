//! A bundle's bytes: a tar file, compressed with zstd, the manifest first.

use std::io;

use super::BundleError;
use super::archive::{MOST_KEPT, is_plain};
use super::fixture::EVIDENCE;
use super::manifest::{Listed, MANIFEST, Manifest, sha256};

/// How hard it is compressed: what takes longer gains little on text.
const LEVEL: i32 = 6;
/// Plain files, for who unpacks them with `tar`: to be read by their owner alone.
const MODE: u32 = 0o600;

/// A name and its content.
pub(super) type Entry = (String, Vec<u8>);

/// Packs entries under a manifest, whose list of them is made here.
///
/// # Errors
/// When an entry could not be read again: its name or its size is not that of a bundle's.
pub fn pack(mut manifest: Manifest, entries: &[Entry]) -> Result<Vec<u8>, BundleError> {
    manifest.entries = entries
        .iter()
        .map(|(name, content)| Listed {
            name: name.clone(),
            size: content.len() as u64,
            sha256: sha256(content),
        })
        .collect();
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| BundleError::malformed(MANIFEST, error))?;
    let time = u64::try_from(manifest.created_at.timestamp()).unwrap_or_default();
    let packed = || -> io::Result<Vec<u8>> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL)?;
        encoder.include_checksum(true)?;
        let mut archive = tar::Builder::new(encoder);
        for (name, content) in std::iter::once((MANIFEST, text.as_slice())).chain(
            entries
                .iter()
                .map(|(name, content)| (name.as_str(), content.as_slice())),
        ) {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(MODE);
            header.set_mtime(time);
            archive.append_data(&mut header, name, content)?;
        }
        archive.into_inner()?.finish()
    };
    for (name, content) in entries {
        let (size, limit) = (content.len() as u64, MOST_KEPT);
        if name == EVIDENCE && size > limit {
            let name = name.clone();
            return Err(BundleError::EntryTooLarge { name, size, limit });
        }
        if !is_plain(name.as_bytes()) {
            return Err(BundleError::malformed(name, "that is no name of an entry"));
        }
    }
    packed().map_err(BundleError::Io)
}
