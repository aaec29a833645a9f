//! What was found in logs, a line a code.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::NaiveDateTime;
use serde::Serialize;
use textwrap::core::display_width;

use super::called;
use super::gaps::Gaps;
use crate::catalog::Catalog;
use crate::logs::{Found, Stamp};
use crate::model::{Code, counted};
use crate::report::human::Look;
use crate::report::table;

/// What was found so far, by code.
#[derive(Debug, Default)]
pub(super) struct Summary {
    codes: BTreeMap<Code, Counted>,
}

#[derive(Debug)]
struct Counted {
    count: u64,
    first: Option<Stamp>,
    last: Option<Stamp>,
    example: Found,
}

/// What was found of one code, as it is told.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    code: String,
    count: u64,
    first: Option<String>,
    last: Option<String>,
    example: String,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    severity: Option<&'static str>,
    title: Option<String>,
}

impl Summary {
    pub(super) fn count(&mut self, found: Found) {
        let time = found.time;
        match self.codes.get_mut(found.code()) {
            Some(known) => {
                known.count += 1;
                // A log need not be in order, and several need not be given in theirs.
                known.first = [known.first, time].into_iter().flatten().min();
                known.last = [known.last, time].into_iter().flatten().max();
            }
            None => {
                let counted = Counted {
                    count: 1,
                    first: time,
                    last: time,
                    example: found,
                };
                self.codes.insert(counted.example.code().clone(), counted);
            }
        }
    }

    /// In the order in which a person should fix things.
    pub(super) fn lines(mut self, catalog: &Catalog, names: &[String]) -> Vec<Line> {
        let mut lines = Vec::new();
        for finding in catalog.findings() {
            if let Some(counted) = self.codes.remove(&finding.code) {
                let mut line = line(&finding.code, &counted, names);
                line.severity = Some(finding.severity.as_str());
                line.title = Some(finding.title.to_string());
                lines.push(line);
            }
        }
        lines.extend(
            self.codes
                .iter()
                .map(|(code, counted)| line(code, counted, names)),
        );
        lines
    }
}

fn line(code: &Code, counted: &Counted, names: &[String]) -> Line {
    let time = |stamp: &Option<Stamp>| stamp.map(|stamp| stamp.to_string());
    let file = names.get(counted.example.log);
    Line {
        code: code.to_string(),
        count: counted.count,
        first: time(&counted.first),
        last: time(&counted.last),
        example: counted.example.excerpt(),
        line: counted.example.line,
        file: file.cloned(),
        severity: None,
        title: None,
    }
}

/// For people.
pub(super) fn render(lines: &[Line], read: u64, gaps: &Gaps, look: Look) -> String {
    let mut text = match lines {
        [] => format!("No known problem in {}.\n", counted(read, "line", "lines")),
        lines => render_found(lines, read, look),
    };
    let gaps = gaps.lines();
    if !gaps.is_empty() {
        text.push_str("\nNot everything was read:\n");
    }
    for gap in gaps {
        let options = quoting(look).initial_indent("  ").subsequent_indent("    ");
        let _ = writeln!(text, "{}", textwrap::fill(&gap, options));
    }
    if !lines.is_empty() {
        text.push_str("\nWhat to do: nexplane-doctor explain CODE\n");
    }
    text
}

fn render_found(lines: &[Line], read: u64, look: Look) -> String {
    let found: u64 = lines.iter().map(|line| line.count).sum();
    let mut text = format!(
        "{} of {}, in {}\n\n",
        counted(found, "match", "matches"),
        counted(lines.len(), "finding", "findings"),
        counted(read, "line", "lines")
    );
    let row = |line: &Line| {
        vec![
            line.code.clone(),
            line.count.to_string(),
            minutes(line.first.as_deref()),
            minutes(line.last.as_deref()),
        ]
    };
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    let header = ["code", "count", "first", "last"];
    // A code that is broken cannot be copied: where there is no room, the times stand below.
    let columns = match natural_width(&header, &rows) <= look.width {
        true => header.len(),
        false => 2,
    };
    let shown = rows.iter().map(|row| row[..columns].to_vec()).collect();
    for row in table::lines(&header[..columns], shown, look.width) {
        let _ = writeln!(text, "{row}");
    }
    for (line, row) in lines.iter().zip(&rows) {
        let title = line.title.as_deref().unwrap_or_default();
        let options = quoting(look);
        let heading = format!("{}: {title}", line.code);
        let _ = writeln!(text, "\n{}", textwrap::fill(&heading, &options));
        if columns < header.len()
            && let [_, _, first, last] = row.as_slice()
            && first != "-"
        {
            let _ = writeln!(text, "  first {first}, last {last}");
        }
        let options = options.initial_indent("  ");
        let place = format!("line {}:", line.line);
        let example = match &line.file {
            Some(file) => {
                let room = look.width.saturating_sub(place.len() + "  , ".len());
                let _ = writeln!(text, "  {}, {place}", shortened(&called(file), room));
                line.example.clone()
            }
            None => format!("{place} {}", line.example),
        };
        let _ = writeln!(text, "{}", textwrap::fill(&example, options));
    }
    text
}

/// How wide a table is that breaks nothing: each column has a blank on either side.
fn natural_width(header: &[&str], rows: &[Vec<String>]) -> usize {
    let of_column = |(i, name): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(i));
        cells.map(String::len).fold(name.len(), usize::max) + 2
    };
    header.iter().enumerate().map(of_column).sum()
}

/// The name in so many columns: of a longer one its beginning and, which tells more, its end.
fn shortened(name: &str, room: usize) -> String {
    if display_width(name) <= room {
        return name.to_owned();
    }
    let room = room.saturating_sub(1);
    let tail = room - room / 3;
    let mut head = String::new();
    for c in name.chars() {
        head.push(c);
        if display_width(&head) > room - tail {
            head.pop();
            break;
        }
    }
    let ends = name.char_indices().map(|(at, _)| &name[at..]);
    let end = ends.into_iter().find(|end| display_width(end) <= tail);
    format!("{head}…{}", end.unwrap_or_default())
}

/// What is quoted breaks at blanks alone: a time or a path stays whole.
fn quoting(look: Look) -> textwrap::Options<'static> {
    textwrap::Options::new(look.width)
        .subsequent_indent("  ")
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// A time without its seconds, so that two of them fit beside a code.
fn minutes(time: Option<&str>) -> String {
    let Some(time) = time else {
        return "-".to_owned();
    };
    let (local, zone) = match time.strip_suffix('Z') {
        Some(local) => (local, "Z"),
        None => (time, ""),
    };
    match local.parse::<NaiveDateTime>() {
        Ok(local) => format!("{}{zone}", local.format("%Y-%m-%d %H:%M")),
        Err(_) => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_ends_and_fits() {
        assert_eq!(shortened("agent.log", 9), "agent.log");
        assert_eq!(shortened("abcdefghijklmnopqrstuvwxyz", 10), "abc…uvwxyz");
        for room in 0..40 {
            let short = shortened("ünïcode-日本語-ログファイル-名前がとても長い.log", room);
            assert!(display_width(&short) <= room.max(1), "{room}: {short}");
        }
    }
}
