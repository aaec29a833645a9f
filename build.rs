//! Turns what is written as YAML into tables, so that no diagnosis has to parse it: the families of log patterns
//! (`src/logs/*.yaml`), the products that decrypt TLS (`products.yaml`) and the catalogue (`checks/*.yaml`).

#[expect(
    dead_code,
    reason = "the examples are for the tests, which read the same source"
)]
#[path = "src/contract/inspection/source.rs"]
mod products;
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

use serde::de::DeserializeOwned;

/// Where the checks are listed, in the order in which a person should fix things.
const LIST: &str = "src/checks/mod.rs";
const PRODUCTS: &str = "src/contract/inspection/products.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/logs");
    println!("cargo::rerun-if-changed={PRODUCTS}");
    println!("cargo::rerun-if-changed=checks");
    println!("cargo::rerun-if-changed={LIST}");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    fs::write(out.join("log_patterns.rs"), log_patterns()?)?;
    fs::write(out.join("products.rs"), products()?)?;
    fs::write(out.join("checks.rs"), table::of(&checks()?)?)?;
    fs::write(out.join("sources.rs"), sources()?)?;
    Ok(())
}

/// The catalogue's files in the order of the list, for the tests of the room that may not read that itself.
fn sources() -> Result<String, Box<dyn Error>> {
    let root = env::var("CARGO_MANIFEST_DIR")?;
    let list = fs::read_to_string(LIST)?;
    let (_, list) = list
        .split_once("\nchecks! {\n")
        .ok_or("no list of checks")?;
    let (list, _) = list.split_once("\n}").ok_or("a list without an end")?;
    let mut table = "[\n".to_owned();
    for id in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let name = format!("checks/{id}.yaml");
        let path = Path::new(&root).join(&name);
        writeln!(
            table,
            "Source {{ name: {name:?}, text: include_str!({path:?}) }},"
        )?;
    }
    Ok(table + "]")
}

/// The files of the catalogue, with their names.
fn checks() -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir("checks")? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push((path.display().to_string(), fs::read_to_string(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

fn products() -> Result<String, Box<dyn Error>> {
    let all: Vec<products::Written> = read(PRODUCTS)?;
    let row = |it: &products::Written| {
        format!(
            "Product {{ name: {:?}, exempt: {:?}, contains: &{:?}, is: &{:?}, begins: &{:?} }}",
            it.product, it.exempt, it.contains, it.is, it.begins
        )
    };
    let rows: Vec<String> = all.iter().map(row).collect();
    let (count, rows) = (rows.len(), rows.join(",\n"));
    Ok(format!(
        "static PRODUCTS: [Product; {count}] = [\n{rows}\n];"
    ))
}

fn log_patterns() -> Result<String, Box<dyn Error>> {
    let mut patterns = Vec::new();
    let mut literals: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for name in source::FAMILIES {
        for written in family(name)? {
            for literal in literals_of(name, &written)? {
                literals.entry(literal).or_default().push(patterns.len());
            }
            patterns.push(pattern(name, &written)?);
        }
    }
    let literals: Vec<String> = literals
        .iter()
        .map(|(literal, owners)| format!("({literal:?}, &{owners:?})"))
        .collect();
    // One expression a place: they are all tried on every match.
    let mut harmless = Vec::new();
    let written = family(source::HARMLESS)?;
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
    let well = family(source::WELL)?;
    let well: Vec<String> = well.iter().map(|w| format!("(?:{})", w.pattern)).collect();
    let mut table = format!("static WELL: Words = Words::new({:?});\n", well.join("|"));
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

fn family(name: &str) -> Result<Vec<source::Written>, Box<dyn Error>> {
    read(&format!("src/logs/{name}.yaml"))
}

fn read<T: DeserializeOwned>(path: &str) -> Result<T, Box<dyn Error>> {
    let text = fs::read_to_string(path).map_err(|error| format!("reading {path}: {error}"))?;
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
