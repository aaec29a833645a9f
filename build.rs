//! Turns the families of log patterns (`src/logs/*.yaml`) into a table, so that no diagnosis has to parse them.

#[expect(
    dead_code,
    reason = "the examples are for the tests, which read the same source"
)]
#[path = "src/logs/source.rs"]
mod source;

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/logs");
    let mut patterns = Vec::new();
    for family in source::FAMILIES {
        for written in read(family)? {
            patterns.push(pattern(family, &written)?);
        }
    }
    // One expression a place: they are all tried on every match.
    let mut harmless = Vec::new();
    let written = read(source::HARMLESS)?;
    for (place, name) in [
        ("anywhere", "Anywhere"),
        ("before", "Before"),
        ("after", "After"),
    ] {
        let here = written.iter().filter(|w| w.place.as_deref() == Some(place));
        let words: Vec<String> = here.map(|w| format!("(?:{})", w.pattern)).collect();
        harmless.push(format!(
            "Harmless {{ place: Place::{name}, words: Words::new({:?}) }}",
            words.join("|")
        ));
    }
    let known =
        |w: &&source::Written| matches!(w.place.as_deref(), Some("anywhere" | "before" | "after"));
    if let Some(lost) = written.iter().find(|w| !known(w)) {
        return Err(format!("harmless.{}: no place", lost.id).into());
    }
    let well = read(source::WELL)?;
    let well: Vec<String> = well.iter().map(|w| format!("(?:{})", w.pattern)).collect();
    let mut table = format!("static WELL: Words = Words::new({:?});\n", well.join("|"));
    for (name, kind, rows) in [
        ("PATTERNS", "Pattern", patterns),
        ("HARMLESS", "Harmless", harmless),
    ] {
        let (count, rows) = (rows.len(), rows.join(",\n"));
        writeln!(table, "static {name}: [{kind}; {count}] = [\n{rows}\n];")?;
    }
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("log_patterns.rs"), table)?;
    Ok(())
}

fn read(family: &str) -> Result<Vec<source::Written>, Box<dyn Error>> {
    let path = format!("src/logs/{family}.yaml");
    let text = fs::read_to_string(&path).map_err(|error| format!("reading {path}: {error}"))?;
    serde_yaml::from_str(&text).map_err(|error| format!("{path}: {error}").into())
}

fn pattern(family: &str, written: &source::Written) -> Result<String, Box<dyn Error>> {
    let name = format!("{family}.{}", written.id);
    let wrong = |what: &str| format!("{name}: {what}");
    let code = written.code.as_ref().ok_or_else(|| wrong("no code"))?;
    let literals = source::literals(&written.pattern).map_err(|error| wrong(&error.to_string()))?;
    if literals.is_empty() {
        return Err(wrong("the pattern has no word that every match contains").into());
    }
    let also: Vec<String> = written
        .also
        .iter()
        .map(|code| format!("Code::from_static({code:?})"))
        .collect();
    Ok(format!(
        "Pattern {{ name: {name:?}, code: Code::from_static({code:?}), also: &[{}], fatal: {}, literals: &{literals:?}, words: Words::new({:?}) }}",
        also.join(", "),
        written.fatal,
        written.pattern
    ))
}
