//! Turns what is written as YAML into tables, so that no diagnosis has to parse it: the families of log patterns
//! (`src/logs/*.yaml`) and the catalogue (`checks/*.yaml`).

#[expect(
    dead_code,
    reason = "the examples are for the tests, which read the same source"
)]
#[path = "src/logs/source.rs"]
mod source;
#[path = "src/catalog/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/logs");
    println!("cargo::rerun-if-changed=checks");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    fs::write(out.join("log_patterns.rs"), log_patterns()?)?;
    fs::write(out.join("checks.rs"), table::of(Path::new("checks"))?)?;
    Ok(())
}

fn log_patterns() -> Result<String, Box<dyn Error>> {
    let mut patterns = Vec::new();
    let mut literals: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for family in source::FAMILIES {
        for written in read(family)? {
            for literal in literals_of(family, &written)? {
                literals.entry(literal).or_default().push(patterns.len());
            }
            patterns.push(pattern(family, &written)?);
        }
    }
    let literals: Vec<String> = literals
        .iter()
        .map(|(literal, owners)| format!("({literal:?}, &{owners:?})"))
        .collect();
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
    let mut table = String::new();
    for (name, kind, rows) in [
        ("PATTERNS", "Pattern", patterns),
        ("HARMLESS", "Harmless", harmless),
        ("LITERALS", "(&str, &[usize])", literals),
    ] {
        let (count, rows) = (rows.len(), rows.join(",\n"));
        writeln!(table, "static {name}: [{kind}; {count}] = [\n{rows}\n];")?;
    }
    Ok(table)
}

fn read(family: &str) -> Result<Vec<source::Written>, Box<dyn Error>> {
    let path = format!("src/logs/{family}.yaml");
    let text = fs::read_to_string(&path).map_err(|error| format!("reading {path}: {error}"))?;
    serde_yaml::from_str(&text).map_err(|error| format!("{path}: {error}").into())
}

/// The words of which one is in every match.
fn literals_of(family: &str, written: &source::Written) -> Result<Vec<String>, Box<dyn Error>> {
    let wrong = |what: &str| format!("{family}.{}: {what}", written.id);
    let literals = source::literals(&written.pattern).map_err(|error| wrong(&error.to_string()))?;
    if literals.is_empty() {
        return Err(wrong("the pattern has no word that every match contains").into());
    }
    Ok(literals)
}

fn pattern(family: &str, written: &source::Written) -> Result<String, Box<dyn Error>> {
    let name = format!("{family}.{}", written.id);
    let wrong = |what: &str| format!("{name}: {what}");
    let code = written.code.as_ref().ok_or_else(|| wrong("no code"))?;
    let also: Vec<String> = written
        .also
        .iter()
        .map(|code| format!("Code::from_static({code:?})"))
        .collect();
    Ok(format!(
        "Pattern {{ name: {name:?}, code: Code::from_static({code:?}), also: &[{}], fatal: {}, words: Words::new({:?}) }}",
        also.join(", "),
        written.fatal,
        written.pattern
    ))
}
