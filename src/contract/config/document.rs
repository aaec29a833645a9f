//! A configuration's YAML as a flat list of keys and values with their places.
//!
//! Reads the parser's events instead of a tree: nothing nests here, so what nests is skipped, however deep,
//! and nothing that a stranger wrote makes the program recurse or grow.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::{ConfigProblem, MAX_BYTES, shown};

/// A place in a text, both from 1, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl From<&Marker> for Position {
    fn from(marker: &Marker) -> Self {
        Self {
            line: marker.line().max(1),
            column: marker.col() + 1,
        }
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing, `null` or `~`.
    Null { at: Position },
    /// A text as written, without its quotation marks.
    Scalar { text: String, at: Position },
    /// A list or a mapping.
    Nested { what: &'static str, at: Position },
}

impl Value {
    pub(super) const fn at(&self) -> Position {
        match self {
            Self::Null { at } | Self::Scalar { at, .. } | Self::Nested { at, .. } => *at,
        }
    }
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) value: Value,
    pub(super) place: Place,
}

/// Where an entry stands in its text, for who changes it. In characters, a byte order mark not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The key, with its quotation marks.
    pub(super) key: Range<usize>,
    /// The value, with its quotation marks.
    pub(super) value: Range<usize>,
    /// How the value is written; nothing where it is no text.
    pub(super) style: Option<ScalarStyle>,
}

fn characters(span: &Span) -> Range<usize> {
    span.start.index()..span.end.index()
}

/// The first document of a text.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Keys and values of the mapping that it should be; of a key that is there twice, the first.
    pub(super) entries: Vec<Entry>,
    /// What it is instead of a mapping.
    pub(super) wrong_root: Option<ConfigProblem>,
    /// Why it is no YAML.
    pub(super) problem: Option<ConfigProblem>,
}

impl Document {
    /// Reads a text; see [`super::parse`].
    pub(super) fn read(text: &str, invalid_utf8_at: Option<usize>) -> Self {
        if text.len() > MAX_BYTES {
            return Self {
                problem: Some(syntax(
                    Position { line: 1, column: 1 },
                    format!("larger than the {MAX_BYTES} bytes that are read of a configuration"),
                )),
                ..Self::default()
            };
        }
        let mut reader = Reader::new(text);
        let ended = reader.read();
        let mut document = reader.document;
        if let Err(error) = ended {
            document.problem = Some(syntax(error.marker().into(), parsers_words(error.info())));
        }
        if let Some(at) = document.tab(text) {
            let why = "a tab in the indentation, where YAML takes blanks alone".to_owned();
            document.problem = Some(syntax(at, why));
        }
        if let Some(offset) = invalid_utf8_at {
            document.problem = Some(syntax(
                place_of(text, offset),
                "a byte that is no UTF-8 text; save the file as UTF-8".to_owned(),
            ));
        }
        document
    }
}

impl Document {
    /// A tab that indents a key, or the line where the parser gave up or the next: the parser here lets some pass that the
    /// agent's does not, and calls others by the line before.
    fn tab(&self, text: &str) -> Option<Position> {
        let keys = self.entries.iter().map(|entry| entry.at.line);
        let error = match &self.problem {
            Some(ConfigProblem::Syntax { at, .. }) => vec![at.line, at.line + 1],
            _ => Vec::new(),
        };
        let mut lines: Vec<usize> = keys.chain(error).collect();
        lines.sort_unstable();
        let text: Vec<&str> = text.lines().collect();
        lines.into_iter().find_map(|number| {
            let line = text.get(number - 1)?;
            let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
            let column = line[..indentation].find('\t')? + 1;
            Some(Position {
                line: number,
                column,
            })
        })
    }
}

fn syntax(at: Position, why: String) -> ConfigProblem {
    ConfigProblem::Syntax { at, why }
}

/// The parser's words: at most 200 printable characters.
fn parsers_words(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The place of a byte.
fn place_of(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// Walks the events of the first document.
struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    document: Document,
    /// Scalars that an alias may name, by the anchor's number.
    anchors: BTreeMap<usize, (String, ScalarStyle)>,
    /// Where each key was first seen.
    seen: HashMap<String, Position>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        // Windows editors put a byte order mark first; Go's library skips it too.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            parser: Parser::new_from_str(text),
            document: Document::default(),
            anchors: BTreeMap::new(),
            seen: HashMap::new(),
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, ScanError> {
        self.parser.next_event().transpose()
    }

    /// To the end of the first document; the agent reads no further either.
    fn read(&mut self) -> Result<(), ScanError> {
        while let Some((event, span)) = self.next()? {
            let at = Position::from(&span.start);
            match event {
                Event::MappingStart(..) => self.mapping()?,
                Event::SequenceStart(..) => {
                    self.wrong_root(at, "a list");
                    self.skip()?;
                }
                Event::Scalar(text, style, ..) if !is_null(&text, style) => {
                    self.wrong_root(at, "a single value");
                }
                Event::DocumentEnd | Event::StreamEnd => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    fn wrong_root(&mut self, at: Position, found: &'static str) {
        self.document.wrong_root = Some(ConfigProblem::NotAMapping { at, found });
    }

    fn mapping(&mut self) -> Result<(), ScanError> {
        while let Some((event, span)) = self.next()? {
            let at = Position::from(&span.start);
            let key_place = characters(&span);
            let key = match event {
                Event::MappingEnd => return Ok(()),
                Event::Scalar(text, ..) => text.into_owned(),
                Event::SequenceStart(..) | Event::MappingStart(..) => {
                    self.skip()?;
                    "a key that is no text".to_owned()
                }
                _ => "a key that is no text".to_owned(),
            };
            let (value, value_place, style) = self.value()?;
            let place = Place {
                key: key_place,
                value: value_place,
                style,
            };
            self.entry(Entry {
                key,
                at,
                value,
                place,
            });
        }
        Ok(())
    }

    fn entry(&mut self, entry: Entry) {
        if let Some(first) = self.seen.get(&entry.key) {
            let why = format!(
                "the key `{}` is there twice, first in line {}",
                shown(&entry.key),
                first.line
            );
            self.document.problem.get_or_insert(syntax(entry.at, why));
            return;
        }
        self.seen.insert(entry.key.clone(), entry.at);
        self.document.entries.push(entry);
    }

    fn value(&mut self) -> Result<(Value, Range<usize>, Option<ScalarStyle>), ScanError> {
        let Some((event, span)) = self.next()? else {
            let at = Position { line: 1, column: 1 };
            return Ok((Value::Null { at }, 0..0, None));
        };
        let at = Position::from(&span.start);
        let style = match &event {
            Event::Scalar(_, style, ..) => Some(*style),
            _ => None,
        };
        let value = match event {
            Event::Scalar(text, style, anchor, _) => {
                if anchor != 0 {
                    self.anchors
                        .insert(anchor, (text.clone().into_owned(), style));
                }
                scalar(text.into_owned(), style, at)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some((text, style)) => scalar(text.clone(), *style, at),
                None => Value::Nested {
                    what: "a reference",
                    at,
                },
            },
            Event::SequenceStart(..) => {
                self.skip()?;
                Value::Nested { what: "a list", at }
            }
            Event::MappingStart(..) => {
                self.skip()?;
                Value::Nested {
                    what: "a mapping",
                    at,
                }
            }
            _ => Value::Null { at },
        };
        Ok((value, characters(&span), style))
    }

    /// To the end of the list or mapping that has just begun.
    fn skip(&mut self) -> Result<(), ScanError> {
        let mut depth = 1usize;
        while depth > 0 {
            match self.next()? {
                Some((Event::SequenceStart(..) | Event::MappingStart(..), _)) => depth += 1,
                Some((Event::SequenceEnd | Event::MappingEnd, _)) => depth -= 1,
                Some(_) => {}
                None => return Ok(()),
            }
        }
        Ok(())
    }
}

fn scalar(text: String, style: ScalarStyle, at: Position) -> Value {
    if is_null(&text, style) {
        Value::Null { at }
    } else {
        Value::Scalar { text, at }
    }
}

fn is_null(text: &str, style: ScalarStyle) -> bool {
    style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
