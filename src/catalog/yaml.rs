//! YAML as a tree that remembers where everything was written, within bounds.
//!
//! Built from the parser's events instead of the library's own tree, which recurses as deep as the text nests, copies
//! what an anchor names, and stops at the first repeated key. Here nesting has a limit, anchors, aliases and tags are
//! refused, and every repeated key is told.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::{Place, Reporter, quoted};

/// The largest text that is read, in bytes.
pub(crate) const LARGEST: usize = 1 << 20;

/// How deep lists and mappings may nest; a check needs seven levels.
const DEEPEST: usize = 16;

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

/// What a value is. Plain words are told apart as YAML 1.2's core schema does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    /// A number as it was written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something that was refused and told already.
    Refused,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) value: Node,
}

impl Kind {
    /// What it is, in a message.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Refused => "something that was refused",
        }
    }
}

/// What a file is of, in messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    /// With its article, such as `a check`.
    pub(crate) a: &'static str,
    /// A key that it needs.
    pub(crate) key: &'static str,
}

/// A file of the catalogue.
pub(super) const CHECK: Subject = Subject {
    a: "a check",
    key: "id",
};

/// Reads the one document of a source. `None` when there is nothing to go on with; the reason has been told then.
pub(crate) fn read(subject: Subject, report: &mut Reporter<'_>) -> Option<Node> {
    let text = report.source().text;
    let start = Place {
        line: 1,
        column: 1,
        ..Place::default()
    };
    if text.len() > LARGEST {
        report.at(
            start,
            format!(
                "{} bytes are too many for {}: at most {LARGEST}",
                text.len(),
                subject.a
            ),
        );
        return None;
    }
    let mut builder = Builder {
        open: Vec::new(),
        root: None,
        documents: 0,
        subject,
    };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => match builder.take(event, place(span), report) {
                Flow::On => {}
                Flow::Stop => return None,
            },
            Err(error) => {
                let mark = *error.marker();
                report.at(
                    place(Span::empty(mark)),
                    format!("not YAML: {}", error.info()),
                );
                return None;
            }
        }
    }
    if builder.root.is_none() {
        let Subject { a, key } = subject;
        report.at(
            start,
            format!("the file is empty: {a} needs at least `{key}`"),
        );
    }
    builder.root
}

fn place(span: Span) -> Place {
    Place {
        line: span.start.line(),
        column: span.start.col() + 1,
        start: span.start.index(),
        end: span.end.index(),
    }
}

enum Flow {
    On,
    Stop,
}

/// A list or mapping whose end has not come yet.
enum Open {
    List(Place, Vec<Node>),
    Map(Place, Vec<Entry>, Option<Key>),
}

/// A key whose value has not come yet.
enum Key {
    Good(String, Place),
    /// Told already; its value is read and dropped.
    Bad,
}

struct Builder {
    subject: Subject,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, place: Place, report: &mut Reporter<'_>) -> Flow {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let one = self.subject.a.trim_start_matches("a ");
                    report.at(place, format!("a second document: a file holds one {one}"));
                    return Flow::Stop;
                }
            }
            Event::Alias(_) => {
                report.at(place, "an alias (`*`): write the value out");
                self.put(refused(place), report);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let known = self.refuse_extras(anchor, tag.is_some(), place, report);
                let kind = match known {
                    Ok(()) => scalar(text, style),
                    Err(()) => Kind::Refused,
                };
                self.put(Node { place, kind }, report);
            }
            Event::SequenceStart(anchor, tag) => {
                let _ = self.refuse_extras(anchor, tag.is_some(), place, report);
                return self.enter(Open::List(place, Vec::new()), place, report);
            }
            Event::MappingStart(anchor, tag) => {
                let _ = self.refuse_extras(anchor, tag.is_some(), place, report);
                return self.enter(Open::Map(place, Vec::new(), None), place, report);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.open.pop() {
                    Some(Open::List(place, items)) => Node {
                        place,
                        kind: Kind::List(items),
                    },
                    Some(Open::Map(place, entries, _)) => Node {
                        place,
                        kind: Kind::Map(entries),
                    },
                    None => return Flow::Stop,
                };
                self.put(node, report);
            }
        }
        Flow::On
    }

    fn enter(&mut self, open: Open, place: Place, report: &mut Reporter<'_>) -> Flow {
        if self.open.len() == DEEPEST {
            report.at(place, format!("nested deeper than {DEEPEST} levels"));
            return Flow::Stop;
        }
        self.open.push(open);
        Flow::On
    }

    fn refuse_extras(
        &self,
        anchor: usize,
        tagged: bool,
        place: Place,
        report: &mut Reporter<'_>,
    ) -> Result<(), ()> {
        if anchor > 0 {
            report.at(
                place,
                "an anchor (`&`): write the value out where it is needed",
            );
        }
        if tagged {
            report.at(place, "a tag (`!`): values are plain YAML");
        }
        if anchor > 0 || tagged {
            Err(())
        } else {
            Ok(())
        }
    }

    /// Puts a finished value where it belongs: into what is open, or at the root.
    fn put(&mut self, node: Node, report: &mut Reporter<'_>) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => match key.take() {
                None => *key = Some(as_key(node, entries, report)),
                Some(Key::Bad) => {}
                Some(Key::Good(name, place)) => entries.push(Entry {
                    key: name,
                    place,
                    value: node,
                }),
            },
        }
    }
}

fn refused(place: Place) -> Node {
    Node {
        place,
        kind: Kind::Refused,
    }
}

fn as_key(node: Node, entries: &[Entry], report: &mut Reporter<'_>) -> Key {
    let name = match node.kind {
        Kind::Text(name) | Kind::Number(name) => name,
        Kind::Bool(value) => value.to_string(),
        Kind::Refused => return Key::Bad,
        kind => {
            report.at(
                node.place,
                format!("{} as a key: keys are words", kind.name()),
            );
            return Key::Bad;
        }
    };
    if let Some(first) = entries.iter().find(|entry| entry.key == name) {
        report.at(
            node.place,
            format!(
                "{} is here a second time: the first is in line {}",
                quoted(&name),
                first.place.line
            ),
        );
        return Key::Bad;
    }
    Key::Good(name, node.place)
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Kind {
    if style != ScalarStyle::Plain {
        return Kind::Text(text.into_owned());
    }
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        word if is_number(word) => Kind::Number(text.into_owned()),
        _ => Kind::Text(text.into_owned()),
    }
}

/// Whether a plain word is a decimal number, whole or with a fraction.
fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{USERS, told};
    use super::super::{Catalog, Source};

    #[test]
    fn what_is_not_plain_yaml_is_told_where_it_is() {
        let cases: [(&str, &[&str]); 8] = [
            ("", &["1:1 the file is empty: a check needs at least `id`"]),
            ("- id", &["1:1 a check is a mapping, this is a list"]),
            (
                "id: dns\n---\nid: tcp",
                &["2:1 a second document: a file holds one check"],
            ),
            (
                "id: dns\ntitle: &a x\nsummary: *a",
                &[
                    "2:8 an anchor (`&`): write the value out where it is needed",
                    "3:10 an alias (`*`): write the value out",
                ],
            ),
            (
                "id: dns\ntitle: !!str x",
                &["2:8 a tag (`!`): values are plain YAML"],
            ),
            ("id: dns\n[a]: b", &["2:1 a list as a key: keys are words"]),
            (
                "id: dns\ntitle: \"a\\eb\"",
                &["2:8 `title` holds a character that does not print (a tab, an escape sequence)"],
            ),
            (
                "id: dns\ntitle: a\ntitle: b\nsummary: c\nsummary: d",
                &[
                    "3:1 `title` is here a second time: the first is in line 2",
                    "5:1 `summary` is here a second time: the first is in line 4",
                ],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(told(text), expected, "{text}");
        }
        let told = told("id: dns\ntitle: \"a");
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("not YAML"), "{}", told[0]);
    }

    #[test]
    fn size_depth_and_number_of_problems_are_bounded() {
        let large = "#".repeat(super::LARGEST + 1);
        assert_eq!(
            told(&large),
            ["1:1 1048577 bytes are too many for a check: at most 1048576"]
        );
        for deep in [
            "- ".repeat(100_000),
            "[".repeat(200),
            "{a: ".repeat(200),
            "? ".repeat(100_000),
        ] {
            assert_eq!(told(&deep).len(), 1);
        }
        let many: String = (0..1000).map(|n| format!("k{n}: x\n")).collect();
        let told = told(&many);
        assert_eq!(told.len(), 101);
        assert!(told[100].contains("and 9"), "{}", told[100]);
    }

    proptest! {
        #[test]
        fn no_text_brings_the_loader_down(text in any::<String>()) {
            let _ = Catalog::load(&[Source { name: "x.yaml", text: &text }]);
        }

        #[test]
        fn no_change_to_a_check_brings_the_loader_down(
            at in 0..USERS.len(), end in 0..USERS.len(), with in "[ \\[\\]{}:,#&*!|>'\"%@`a-z\n\t.?é-]{0,12}",
        ) {
            let (at, end) = (at.min(end), at.max(end));
            let text = format!("{}{with}{}", &USERS[..at], &USERS[end..]);
            let _ = Catalog::load(&[Source { name: "x.yaml", text: &text }]);
        }
    }
}
