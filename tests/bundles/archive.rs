//! Archives of any kind, whoever could have written them: plain ones, and such as no bundle is.

use serde_json::{Value, json};
use tar::{EntryType, Header};

use super::situation;

fn sha256(content: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// One entry as it stands in an archive, whatever it is.
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    kind: EntryType,
    /// What the header says; the content's, if nothing.
    pub(super) size: Option<u64>,
    pub(super) content: Vec<u8>,
}

pub(super) fn file(name: &str, content: impl Into<Vec<u8>>) -> Entry {
    Entry {
        name: name.into(),
        kind: EntryType::Regular,
        size: None,
        content: content.into(),
    }
}

impl Entry {
    pub(super) fn of(self, kind: EntryType) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..self.name.len()].copy_from_slice(&self.name);
        header.set_entry_type(self.kind);
        header.set_size(self.size.unwrap_or(self.content.len() as u64));
        header.set_mode(0o4755);
        if matches!(self.kind, EntryType::Symlink | EntryType::Link) {
            header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
        }
        header.set_cksum();
        let padding = self.content.len().next_multiple_of(512) - self.content.len();
        [
            header.as_bytes(),
            self.content.as_slice(),
            &vec![0; padding],
        ]
        .concat()
    }
}

pub(super) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(Entry::bytes).collect();
    bytes.extend([0; 1024]);
    bytes
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub(super) fn manifest(entries: &[Entry]) -> Value {
    let listed = |entry: &Entry| {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        json!({"name": name, "size": entry.content.len(), "sha256": sha256(&entry.content)})
    };
    json!({
        "format": 1,
        "tool": "nexplane-doctor 0.1.0",
        "created_at": "2026-11-24T14:00:00Z",
        "anonymized": false,
        "entries": entries.iter().map(listed).collect::<Vec<_>>(),
    })
}

/// What every bundle has, of a healthy host.
pub(super) fn usual() -> Vec<Entry> {
    let evidence = serde_json::to_vec(&situation("healthy")).unwrap();
    vec![file("evidence.json", evidence), file("report.json", "{}")]
}

/// The manifest that fits these entries, and them.
pub(super) fn fitting(entries: Vec<Entry>) -> Vec<Entry> {
    let manifest = manifest(&entries).to_string();
    std::iter::once(file("manifest.json", manifest))
        .chain(entries)
        .collect()
}

/// The usual entries and these, all as the manifest says.
pub(super) fn with(more: Vec<Entry>) -> Vec<u8> {
    let entries = usual().into_iter().chain(more).collect();
    zstd(&tar(&fitting(entries)))
}

/// The usual entries with the one of this name otherwise, under a manifest that says so.
pub(super) fn instead(entry: Entry) -> Vec<u8> {
    let mut entries = usual();
    entries.retain(|it| it.name != entry.name);
    entries.push(entry);
    zstd(&tar(&fitting(entries)))
}

/// A bundle of this evidence, as it is.
pub(super) fn bundle_of(evidence: Vec<u8>) -> Vec<u8> {
    instead(file("evidence.json", evidence))
}

pub(super) fn with_manifest(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let entries = usual();
    let mut manifest = manifest(&entries);
    change(&mut manifest);
    let manifest = file("manifest.json", manifest.to_string());
    zstd(&tar(&std::iter::once(manifest)
        .chain(entries)
        .collect::<Vec<_>>()))
}
