//! Where text goes: the report to standard output or a file, everything else to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use clap::error::ErrorKind;

use super::args::{ColorWhen, Common};
use super::exit::{Exit, Failure};
use super::format::ReportFormat;
pub(super) use super::standard::print;
use crate::model::redact;
use crate::report::human::Look;

/// Columns where nobody says how many there are.
const DEFAULT_WIDTH: usize = 80;
/// Longer lines are hard to read, however wide the terminal.
const MAX_WIDTH: usize = 100;

/// Says something to the person at the terminal. If even that fails there is nobody to tell.
pub(super) fn tell(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{text}");
}

/// Says why nothing came of a command.
///
/// A token in the wrong place of the command line is in the message that says so: what looks like one is left out.
pub(super) fn failure(failure: &Failure, format: ReportFormat) {
    let message = redact(&failure.message);
    tell(&format!("error: {message}"));
    if let Some(document) = format.failure(&message) {
        // What cannot be written has been said on standard error.
        let _ = print(&document);
    }
}

/// Help and version are answers; everything else that clap says is a failure.
pub(super) fn clap(error: &clap::Error) -> Result<Exit, Failure> {
    if error.exit_code() == 0 {
        let text = match color(ColorWhen::Auto, std::io::stdout().is_terminal()) {
            true => error.render().ansi().to_string(),
            false => error.render().to_string(),
        };
        return print(&text).map(|()| Exit::Healthy);
    }
    let text = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // All that clap has to say here is the help.
        let text = text.trim_end();
        return Err(Failure::usage(format_args!(
            "a command is missing\n\n{text}"
        )));
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    Err(Failure::usage(text.trim_end()))
}

/// What standard output can show.
pub(super) fn look(common: &Common, checks: bool) -> Look {
    Look {
        color: color(common.color, std::io::stdout().is_terminal()),
        unicode: unicode(),
        width: width(),
        checks,
        verbose: common.verbose > 0,
    }
}

/// What a file can show: no colours, unless they were asked for.
pub(super) fn file_look(common: &Common) -> Look {
    Look {
        color: common.color == ColorWhen::Always,
        unicode: true,
        width: DEFAULT_WIDTH,
        checks: true,
        verbose: common.verbose > 0,
    }
}

/// What standard error can show.
pub(super) fn progress_look(common: &Common) -> Look {
    Look {
        color: color(common.color, std::io::stderr().is_terminal()),
        ..look(common, false)
    }
}

fn color(when: ColorWhen, terminal: bool) -> bool {
    // Some consoles of Windows show escape sequences as what they are; those that can be told not to are told here.
    let shows_them = anstyle_query::windows::enable_ansi_colors() != Some(false);
    colored(when, terminal, shows_them)
}

/// Whether escape sequences are written: to a console that shows them as characters never, whoever asks for them.
fn colored(when: ColorWhen, terminal: bool, shows_them: bool) -> bool {
    if terminal && !shows_them {
        return false;
    }
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => terminal && !set("NO_COLOR") && !dumb,
    }
}

/// Whether the locale is UTF-8, by the variables that decide it, the first that is set.
fn unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Columns of standard output.
pub(super) fn width() -> usize {
    match std::io::stdout().is_terminal() {
        true => textwrap::termwidth().clamp(40, MAX_WIDTH),
        false => DEFAULT_WIDTH,
    }
}

/// Leaves out of each event what looks like a secret: what a library logs is not known here.
struct Redacting(io::Stderr);

impl io::Write for Redacting {
    /// An event comes as one piece.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = redact(&String::from_utf8_lossy(event));
        self.0.write_all(text.as_bytes()).map(|()| event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Logs of what the doctor does, to standard error: much at `-vv`.
pub(super) fn start_logging(common: &Common) {
    let level = match common.verbose {
        // What a library warns of is no news for who did not ask how the doctor works.
        0 | 1 => tracing::Level::ERROR,
        2 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Redacting(std::io::stderr()))
        .with_ansi(color(common.color, std::io::stderr().is_terminal()))
        .with_target(false)
        .finish();
    // Already set when a test runs several commands in one process: the first one counts.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_that_knows_no_colours_gets_none() {
        for when in [ColorWhen::Always, ColorWhen::Auto, ColorWhen::Never] {
            assert!(!colored(when, true, false));
            // What goes to a file or another program is not the console's to show.
            assert_eq!(colored(when, false, false), when == ColorWhen::Always);
        }
        assert!(colored(ColorWhen::Always, true, true));
        assert!(!colored(ColorWhen::Never, true, true));
    }
}
