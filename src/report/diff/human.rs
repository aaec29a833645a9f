//! A comparison for people: first what it comes to, then what went away, what appeared, and what is otherwise.

use super::{Change, Difference, Document, What, is_equal};
use crate::model::{excerpt, printable};
use crate::report::human::Look;

/// The comparison as text; each report with the name under which it was given.
pub fn render(
    before: (&str, &Document),
    after: (&str, &Document),
    differences: &[Difference],
    look: Look,
) -> String {
    let mut text = format!("A  {}\nB  {}\n", side(before), side(after));
    let shown = differences.iter().filter(|it| it.counts || look.verbose);
    let shown: Vec<&Difference> = shown.collect();
    if is_equal(differences) {
        let durations = match differences.is_empty() || look.verbose {
            true => "",
            false => " but how long it took, and notes (-v shows them)",
        };
        text.push_str(&format!("\nThey differ in nothing{durations}.\n"));
    }
    let arrow = if look.unicode { "\u{2192}" } else { "->" };
    let same = |a: &&Difference, b: &&Difference| (a.what, &a.name) == (b.what, &b.name);
    let mut within = Within::Heading;
    for subject in shown.chunk_by(same) {
        let (written, now) = subject_of(subject, arrow);
        // Lines stand together; what takes more than a line stands apart.
        if (within, now) != (Within::Lines, Within::Lines) {
            text.push('\n');
        }
        text.push_str(&written);
        within = now;
    }
    text
}

/// What the page is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Heading,
    Lines,
    Block,
}

/// One subject: in a line if that is enough, else its parts below it.
fn subject_of(differences: &[&Difference], arrow: &str) -> (String, Within) {
    match differences {
        [it] if it.field.is_none() => (format!("{}\n", heading(it, arrow)), Within::Lines),
        [it] if is_short(it, arrow) => {
            let part = part(it, arrow);
            let line = format!("{}  {}", heading(it, arrow), part.trim_start());
            (line, Within::Lines)
        }
        [first, ..] => {
            let mut text = format!("{}\n", heading(first, arrow));
            for it in differences.iter().filter(|it| it.field.is_some()) {
                text.push_str(&part(it, arrow));
            }
            (text, Within::Block)
        }
        [] => (String::new(), Within::Lines),
    }
}

fn side((name, document): (&str, &Document)) -> String {
    format!(
        "{}: {}, {}, {}, {}",
        printable(name),
        document.verdict.as_str().to_uppercase(),
        excerpt(&document.host.hostname),
        excerpt(&document.source),
        excerpt(&document.started_at),
    )
}

/// What it is about; of a whole finding or check, what became of it.
fn heading(it: &Difference, arrow: &str) -> String {
    let name = it.name.as_deref().unwrap_or_default();
    let subject = match it.what {
        What::Verdict => "verdict".to_owned(),
        What::RootCauses => "root causes".to_owned(),
        What::Host => "host".to_owned(),
        What::Target => "target".to_owned(),
        What::Finding => name.to_owned(),
        What::Ignored => format!("{name} (ignored)"),
        What::Check => format!("check {name}"),
    };
    if it.field.is_some() {
        return format!("~ {subject}");
    }
    match it.change {
        Change::Appeared if it.name.is_some() => format!("+ {subject}  {}", whole(&it.after)),
        Change::WentAway if it.name.is_some() => format!("- {subject}  {}", whole(&it.before)),
        _ => {
            let (before, after) = (list(&it.before), list(&it.after));
            format!("~ {subject}: {before} {arrow} {after}")
        }
    }
}

/// A part in a line.
fn line(it: &Difference, arrow: &str) -> String {
    let field = printable(it.field.as_deref().unwrap_or_default());
    let (before, after) = (list(&it.before), list(&it.after));
    format!("    {field}: {before} {arrow} {after}\n")
}

fn is_short(it: &Difference, arrow: &str) -> bool {
    let single = it.before.len() <= 1 && it.after.len() <= 1;
    single && line(it, arrow).chars().count() <= 100
}

/// A part: short ones in a line, others below one another.
fn part(it: &Difference, arrow: &str) -> String {
    if is_short(it, arrow) {
        return line(it, arrow);
    }
    let field = printable(it.field.as_deref().unwrap_or_default());
    let mut text = format!("    {field}:\n");
    for (sign, values) in [('-', &it.before), ('+', &it.after)] {
        for value in values {
            text.push_str(&format!("      {sign} {}\n", printable(value)));
        }
    }
    text
}

fn whole(values: &[String]) -> String {
    let values: Vec<_> = values.iter().map(|value| printable(value)).collect();
    values.join(": ")
}

fn list(values: &[String]) -> String {
    match values.is_empty() {
        true => "none".to_owned(),
        false => printable(&values.join(", ")).into_owned(),
    }
}
