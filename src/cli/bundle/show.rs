//! `nexplane-doctor bundle show`: what is in a bundle, and its entries, fit for a terminal whoever wrote them.

use std::io::{self, Write};
use std::path::Path;

use super::super::args::Format;
use super::super::exit::{Exit, Failure};
use super::super::output;
use super::super::standard::{ReaderGone, StandardOutput, Unwritable};
use super::{failure, not_there, open};
use crate::bundle::{BundleError, Manifest, copy_entry};
use crate::model::{counted, excerpt, printable};

/// A line longer than this is shown in pieces.
const LINE: usize = 64 << 10;

/// What is in it, what is not, and why.
pub(super) fn list(file: &Path, format: Format) -> Result<Exit, Failure> {
    let manifest = open(file)?.manifest;
    let page = match format {
        Format::Human => page(&manifest),
        Format::Json => serde_json::to_string_pretty(&manifest)? + "\n",
    };
    output::print(&page).map(|()| Exit::Healthy)
}

/// The content of an entry. What would act on a terminal is shown as U+FFFD.
pub(super) fn entry(file: &Path, entry: &str) -> Result<Exit, Failure> {
    let mut printer = Printer {
        to: StandardOutput(ReaderGone::Told),
        held: Vec::new(),
    };
    let copied = copy_entry(file, entry, &mut printer);
    match copied.and_then(|()| printer.finish().map_err(BundleError::Io)) {
        Ok(()) => Ok(Exit::Healthy),
        // A reader that has gone is no failure.
        Err(BundleError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(Exit::Healthy)
        }
        Err(BundleError::Io(error)) if Unwritable::is_in(&error) => Err(Failure::usage(error)),
        Err(error @ BundleError::Missing(_)) => Err(Failure::usage(format_args!(
            "{}; `nexplane-doctor bundle show` lists what it has",
            failure(file, &error).message
        ))),
        Err(error) => Err(failure(file, &error)),
    }
}

/// Writes text line by line, without what would act on a terminal.
struct Printer<W> {
    to: W,
    held: Vec<u8>,
}

impl<W: Write> Printer<W> {
    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(line);
        let mut columns = text.split('\t');
        if let Some(first) = columns.next() {
            self.to.write_all(printable(first).as_bytes())?;
        }
        for column in columns {
            self.to.write_all(b"\t")?;
            self.to.write_all(printable(column).as_bytes())?;
        }
        Ok(())
    }

    /// What has no line end of its own.
    fn finish(mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.held);
        self.line(&rest)?;
        self.to.flush()
    }
}

impl<W: Write> Write for Printer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]))?;
            self.to.write_all(b"\n")?;
            rest = &rest[end + 1..];
        }
        while rest.len() > LINE {
            self.line(&rest[..LINE])?;
            rest = &rest[LINE..];
        }
        self.held = rest.to_vec();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn page(manifest: &Manifest) -> String {
    let Manifest {
        format,
        tool,
        created_at,
        ..
    } = manifest;
    let mut page = format!(
        "format     {format}\nmade by    {}\nmade at    {}\n",
        excerpt(tool),
        created_at.format("%Y-%m-%d %H:%M:%S UTC")
    );
    if manifest.anonymized {
        page.push_str("names      stand for others (--anonymize)\n");
    }
    for (name, version) in &manifest.versions {
        page.push_str(&format!("{:<10} {}\n", excerpt(name), excerpt(version)));
    }
    page.push_str(&not_there(&manifest.redacted, &manifest.missing));
    page.push_str(&format!(
        "\n{}, to be shown with `bundle show FILE ENTRY`:\n",
        counted(manifest.entries.len() as u64, "entry", "entries")
    ));
    for listed in &manifest.entries {
        page.push_str(&format!("{:>10}  {}\n", listed.size, excerpt(&listed.name)));
    }
    page
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn nothing_in_an_entry_acts_on_a_terminal() {
        let mut printer = Printer {
            to: Vec::new(),
            held: Vec::new(),
        };
        for piece in [&b"a\x1b[31m\tb\r\nc\xff"[..], b"\xfed\n", b"e\x9b", b"f"] {
            printer.write_all(piece).unwrap();
        }
        printer.write_all(&vec![b'x'; LINE * 3]).unwrap();
        let Printer { to, held } = &printer;
        let text = String::from_utf8(to.clone()).unwrap();
        assert!(
            text.starts_with("a\u{fffd}[31m\tb\nc\u{fffd}\u{fffd}d\ne\u{fffd}fx"),
            "{}",
            &text[..40]
        );
        assert!(held.len() <= LINE);
    }
}
