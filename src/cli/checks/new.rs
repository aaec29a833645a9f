//! `checks new`: the four things of which a check of the doctor's own is made, in a copy of its repository. What is written
//! compiles and passes the tests as it stands; what the check is to look at is then written in its place.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use crate::cli::args::ChecksNewArgs;
use crate::cli::exit::Failure;
use crate::model::{CheckId, printable};

const TEXT: &str = include_str!("check.yaml.in");
const CODE: &str = include_str!("check.rs.in");
const SITUATION: &str = include_str!("situation.yaml.in");
const WELL: &str = include_str!("well.yaml.in");

/// Files that get a line each.
const LIST: &str = "src/checks/mod.rs";
const README: &str = "README.md";
const MATRIX: &str = "fixtures/matrix.txt";

/// The most that is read of one of those, in bytes.
const LIMIT: u64 = 1 << 20;

/// Words that Rust keeps for itself: no module has such a name.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Writes the files, and says what is to be done with them.
pub(super) fn run(args: &ChecksNewArgs) -> Result<String, Failure> {
    let (root, id) = (&args.repository, args.id.as_str());
    if KEYWORDS.contains(&id) {
        let why = "a word of Rust's own: no module can have that name";
        return Err(Failure::usage(format_args!("`{id}` is {why}")));
    }
    let title = title(args)?;
    let fill = |template: &str| template.replace("@ID@", id).replace("@TITLE@", &title);
    let dashed = id.replace('_', "-");
    let (situation, well) = (format!("{dashed}-found"), format!("healthy-{dashed}"));
    let (before, list) = with_check(&read(root, LIST)?, &args.id, args.after.as_ref())?;
    let row = format!("| `{id}.found` | warning | There is a file that nobody expects |\n");
    let readme = with_row(&read(root, README)?, &row, &before).ok_or_else(|| unlike(README))?;
    let matrix = with_line(
        &read(root, MATRIX)?,
        &format!("{situation}: degraded, notice {id}.found\n"),
    );
    let matrix = with_line(&matrix, &format!("{well}: healthy\n"));
    let new = [
        (format!("checks/{id}.yaml"), fill(TEXT)),
        (format!("src/checks/{id}.rs"), fill(CODE)),
        (
            format!("fixtures/{situation}/situation.yaml"),
            fill(SITUATION),
        ),
        (format!("fixtures/{well}/situation.yaml"), fill(WELL)),
    ];
    let there = |path: &str| root.join(path).exists();
    let module = format!("src/checks/{id}");
    let mut taken = new.iter().map(|(path, _)| path).chain([&module]);
    if let Some(path) = taken.find(|path| there(path)) {
        return Err(Failure::usage(format_args!(
            "{} is there already",
            shown(root, path)
        )));
    }
    let changed = [(LIST, list), (README, readme), (MATRIX, matrix)];
    let mut page = String::new();
    for (path, text) in new
        .iter()
        .map(|(path, text)| (path.as_str(), text))
        .chain(changed.iter().map(|(path, text)| (*path, text)))
    {
        put(root, path, text)?;
        page.push_str(&format!("wrote {}\n", shown(root, path)));
    }
    let [(yaml, _), (rust, _), (fixture, _), _] = &new;
    page.push_str(&format!(
        "\nIt looks for a file, and the tests pass. Now write what it is to do:\n  \
         {rust}: what it looks at, and how it judges that\n  \
         {yaml}: what a person reads\n  \
         {fixture}: a situation, and what must come of it\n\
         Then `UPDATE_README=1 cargo test --test readme` and `UPDATE_MATRIX=1 cargo test --test fixtures`.\n"
    ));
    Ok(page)
}

/// The title that was given, or one to begin with. It stands in YAML and in Rust as it is.
fn title(args: &ChecksNewArgs) -> Result<String, Failure> {
    let Some(title) = &args.title else {
        let words = args.id.as_str().replace('_', " ");
        return Ok(format!("Nothing is wrong with the {words}"));
    };
    let title = title.trim();
    let allowed = |c: char| c.is_alphanumeric() || " ',-/()".contains(c);
    if title.starts_with(char::is_alphabetic) && title.chars().all(allowed) {
        return Ok(title.to_owned());
    }
    Err(Failure::usage(
        "--title is of letters, digits, blanks and ',-/() alone, and begins with a letter",
    ))
}

/// The list of checks with one more, and the checks that stand before it, the nearest first.
fn with_check(
    text: &str,
    id: &CheckId,
    after: Option<&CheckId>,
) -> Result<(Vec<String>, String), Failure> {
    let begin = "\nchecks! {\n";
    let start = text.find(begin).ok_or_else(|| unlike(LIST))? + begin.len();
    let end = start + text[start..].find("\n}").ok_or_else(|| unlike(LIST))? + 1;
    let ids: Vec<&str> = text[start..end].lines().map(str::trim).collect();
    if ids.contains(&id.as_str()) {
        return Err(Failure::usage(format_args!(
            "there is a check `{id}` already"
        )));
    }
    let position = match after {
        None => ids.len(),
        Some(after) => match ids.iter().position(|it| after == it) {
            Some(position) => position + 1,
            None => {
                return Err(Failure::usage(format_args!(
                    "there is no check `{after}`; the checks are {}",
                    ids.join(", ")
                )));
            }
        },
    };
    let mut list = ids.clone();
    list.insert(position, id.as_str());
    let lines: String = list.iter().map(|id| format!("    {id}\n")).collect();
    let before = ids[..position].iter().rev();
    let before = before.map(|id| (*id).to_owned()).collect();
    Ok((before, format!("{}{lines}{}", &text[..start], &text[end..])))
}

/// The README with a row behind the findings of the nearest check before it.
fn with_row(text: &str, row: &str, before: &[String]) -> Option<String> {
    let last_of = |id: &String| text.rfind(&format!("\n| `{id}."));
    let last = before.iter().find_map(last_of)?;
    let end = last + 1 + text[last + 1..].find('\n')? + 1;
    Some(format!("{}{row}{}", &text[..end], &text[end..]))
}

/// The matrix with a line, in the order of the situations' names; what stands above them stays.
fn with_line(text: &str, line: &str) -> String {
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let is_before = |it: &str| it.starts_with('#') || it.trim().is_empty() || name(it) < name(line);
    let lines = text.split_inclusive('\n');
    let before: usize = lines.take_while(|it| is_before(it)).map(str::len).sum();
    format!("{}{line}{}", &text[..before], &text[before..])
}

fn unlike(path: &str) -> Failure {
    Failure::usage(format_args!(
        "{path} is not as it is in nexplane-doctor's repository; --repository names a copy of that"
    ))
}

fn shown(root: &Path, path: &str) -> String {
    printable(&root.join(path).display().to_string()).into_owned()
}

fn read(root: &Path, path: &str) -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        let name = shown(root, path);
        Failure::usage(format_args!(
            "cannot read {name}: {error}; --repository names a copy of nexplane-doctor's repository"
        ))
    };
    let mut text = String::new();
    let file = fs::File::open(root.join(path)).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(failed(std::io::Error::other("not a file")));
    }
    file.take(LIMIT).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn put(root: &Path, path: &str, text: &str) -> Result<(), Failure> {
    let file = root.join(path);
    let made = file.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&file, text)).map_err(|error| {
        Failure::usage(format_args!("cannot write {}: {error}", shown(root, path)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOD: &str = "//! x\nmacro_rules! checks {}\n\nchecks! {\n    host\n    dns\n}\n// end\n";

    fn id(name: &'static str) -> CheckId {
        CheckId::from_static(name)
    }

    #[test]
    fn the_list_gets_one_line_and_nothing_else() {
        let listed = |after: Option<CheckId>| with_check(MOD, &id("disk"), after.as_ref()).ok();
        let text = MOD.replace("    dns\n", "    dns\n    disk\n");
        assert_eq!(
            listed(None),
            Some((vec!["dns".into(), "host".into()], text))
        );
        let text = MOD.replace("    host\n", "    host\n    disk\n");
        assert_eq!(listed(Some(id("host"))), Some((vec!["host".into()], text)));
        assert_eq!(listed(Some(id("tcp"))), None);
        assert!(with_check(MOD, &id("dns"), None).is_err());
        assert!(with_check("fn main() {}", &id("disk"), None).is_err());
    }

    #[test]
    fn rows_and_lines_stand_where_the_generated_ones_would() {
        let readme = "a\n| `host.full` | e |\n| `host.ro` | e |\n| `dns.x` | e |\nz\n";
        let row = "| `disk.found` | w |\n";
        let before = ["tcp".to_owned(), "host".to_owned()];
        assert_eq!(
            with_row(readme, row, &before).as_deref(),
            Some(
                "a\n| `host.full` | e |\n| `host.ro` | e |\n| `disk.found` | w |\n| `dns.x` | e |\nz\n"
            )
        );
        assert_eq!(with_row("nothing", row, &before), None);
        assert_eq!(
            with_line("# x\n\na: 1\nc: 2\n", "b: 3\n"),
            "# x\n\na: 1\nb: 3\nc: 2\n"
        );
        assert_eq!(with_line("# x\n", "b: 3\n"), "# x\nb: 3\n");
    }
}
