//! `completions` and `man`: made from the same definition as the command line itself.

use std::path::Path;

use clap::CommandFactory as _;

use super::args::{Cli, CompletionsArgs, ManArgs};
use super::exit::{Exit, Failure};
use super::output;

pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut Cli::command(),
        "nexplane-doctor",
        &mut text,
    );
    output::print(&String::from_utf8_lossy(&text)).map(|()| Exit::Healthy)
}

pub(super) fn man(args: &ManArgs) -> Result<Exit, Failure> {
    match &args.dir {
        None => output::print(&page(Cli::command())?)?,
        Some(directory) => write_pages(directory)?,
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

fn write_pages(directory: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
        .map_err(|error| {
            let directory = directory.display();
            Failure::usage(format_args!(
                "cannot write manual pages to {directory}: {error}"
            ))
        })
}
