//! `completions` and `man` of both programs: made from the same definition as the command line itself.

use std::path::Path;

use clap::CommandFactory;

use super::args::{CompletionsArgs, ManArgs};
use super::exit::{Exit, Failure};
use super::output;

/// Completions for the program whose command line `C` is.
pub(super) fn completions<C: CommandFactory>(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut command = C::command();
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut text);
    output::print(&String::from_utf8_lossy(&text)).map(|()| Exit::Healthy)
}

/// The manual of the program whose command line `C` is.
pub(super) fn man<C: CommandFactory>(args: &ManArgs) -> Result<Exit, Failure> {
    match &args.dir {
        None => output::print(&page(C::command())?)?,
        Some(directory) => write_pages(C::command(), directory)?,
    }
    Ok(Exit::Healthy)
}

fn page(command: clap::Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|error| Failure::defect(format_args!("making a manual page: {error}")))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn write_pages(command: clap::Command, directory: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(command, directory))
        .map_err(|error| {
            let directory = directory.display();
            Failure::usage(format_args!(
                "cannot write manual pages to {directory}: {error}"
            ))
        })
}
