//! The catalogue that a command works with: what is built in, and what `--checks` adds.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exit::Failure;
use crate::catalog::{Catalog, Problem, Source};
use crate::checks;
use crate::engine::Graph;

/// The most that is read of one file; the catalogue refuses what is larger.
const LIMIT: u64 = (1 << 20) + 1;

/// The catalogue, with the user's own files laid over it.
pub(super) fn catalog(own: Option<&Path>) -> Result<Catalog, Failure> {
    let catalog = checks::catalog();
    match own {
        Some(directory) => lay_over(&catalog, &read_all(&[directory.to_owned()])?),
        None => Ok(catalog),
    }
}

/// A catalogue with files laid over it.
pub(super) fn lay_over(catalog: &Catalog, files: &[Text]) -> Result<Catalog, Failure> {
    let sources: Vec<Source<'_>> = files.iter().map(Text::source).collect();
    catalog
        .overlay(&sources)
        .map_err(|problems| problems_failure(&problems))
}

/// The text of a file that was read.
pub(super) struct Text {
    name: String,
    text: String,
}

impl Text {
    fn source(&self) -> Source<'_> {
        Source {
            name: &self.name,
            text: &self.text,
        }
    }
}

/// The catalogue and its graph.
pub(super) fn graph(own: Option<&Path>) -> Result<(Catalog, Arc<Graph>), Failure> {
    let catalog = catalog(own)?;
    let graph = Graph::new(&catalog).map_err(Failure::defect)?;
    Ok((catalog, Arc::new(graph)))
}

/// All errors at once, a line each.
fn problems_failure(problems: &[Problem]) -> Failure {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let count = match lines.len() {
        1 => "1 error in the check files".to_owned(),
        n => format!("{n} errors in the check files"),
    };
    Failure::usage(format_args!("{count}\n{}", lines.join("\n")))
}

/// Reads files, and the `*.yaml` and `*.yml` of directories, in the order of their names.
pub(super) fn read_all(paths: &[PathBuf]) -> Result<Vec<Text>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(yaml_files(path)?);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        let paths: Vec<String> = paths.iter().map(|it| it.display().to_string()).collect();
        return Err(Failure::usage(format_args!(
            "there is no check file (*.yaml, *.yml) in {}",
            paths.join(", ")
        )));
    }
    files.iter().map(|file| read(file)).collect()
}

fn yaml_files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| {
        let directory = directory.display();
        Failure::usage(format_args!(
            "cannot list the checks in {directory}: {error}"
        ))
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Text, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        Failure::usage(format_args!(
            "cannot read the check file {}: {why}",
            path.display()
        ))
    };
    let is_file = fs::metadata(path)
        .map_err(|error| failed(&error))?
        .is_file();
    if !is_file {
        return Err(failed(&"it is not a file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(LIMIT).read_to_end(&mut bytes))
        .map_err(|error| failed(&error))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| failed(&format_args!("it is not UTF-8: {}", error.utf8_error())))?;
    Ok(Text {
        name: path.display().to_string(),
        text,
    })
}
