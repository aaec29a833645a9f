//! The arguments of `nexplane-doctor bundle`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};

use super::{Format, SubjectArgs, TargetArgs, WhichArgs, positive};
use crate::bundle::MOST_UNPACKED;

#[derive(Debug, Args)]
pub(in crate::cli) struct BundleArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: BundleCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum BundleCommand {
    /// Diagnose this host and write what was seen, without its secrets, into one file
    Create(Box<CreateArgs>),
    /// What is in a bundle; with an entry, its content
    Show {
        /// The bundle
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// One of its entries, to print
        entry: Option<String>,
        /// How to list it
        #[arg(long, value_enum, default_value_t = Format::Human, conflicts_with = "entry")]
        format: Format,
    },
    /// The diagnosis of a bundle, with nothing but what was recorded
    Diagnose(PlayArgs),
}

/// Nothing on the host is changed, and the file is for its owner alone (mode 0600).
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit status: 0 the bundle was written, whatever the diagnosis; 2 wrong usage, or it cannot be written; 70 a defect."
)]
pub(in crate::cli) struct CreateArgs {
    /// The bundle [default: nexplane-bundle-TIME.tar.zst, here]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Let names stand for hostnames, IP addresses and user names, and facts for certificates: the same for the same everywhere
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) anonymize: bool,
    /// How much the bundle may unpack to; the oldest lines of the log are left out first
    #[arg(long, value_name = "SIZE", default_value = "50MB", value_parser = size, help_heading = "Output")]
    pub(in crate::cli) max_size: u64,
    /// How far back the log is collected [default: as far as there is room]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Output")]
    pub(in crate::cli) since: Option<Duration>,
    #[command(flatten)]
    pub(in crate::cli) target: TargetArgs,
    #[command(flatten)]
    pub(in crate::cli) subject: SubjectArgs,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PlayArgs {
    /// The bundle
    #[arg(value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) which: WhichArgs,
    /// How to write the report
    #[arg(long, value_enum, default_value_t = Format::Human, help_heading = "Output")]
    pub(in crate::cli) format: Format,
    /// Write the report to a file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Let warnings fail, too
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) strict: bool,
}

/// The least that holds what a diagnosis asks for.
const LEAST: u64 = 1_000_000;

/// A size in bytes: `50MB`, `1.5 MiB`, `2000000`.
fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        _ => return Err("it is no size, such as 50MB or 20MiB".to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "it is no size, such as 50MB or 20MiB".to_owned())?;
    let (least, most) = (LEAST as f64, MOST_UNPACKED as f64);
    let bytes = number * unit;
    if (least..=most).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err(format!(
            "it must be between {LEAST} and {MOST_UNPACKED} bytes"
        ))
    }
}

/// A duration above zero, of days too.
fn duration(text: &str) -> Result<Duration, String> {
    let days = text
        .trim()
        .strip_suffix('d')
        .and_then(|days| days.parse::<u32>().ok());
    match days {
        Some(days @ 1..) => Ok(Duration::from_secs(u64::from(days) * 86_400)),
        _ => positive(text).map_err(|error| format!("{error} (or a number of days: 7d)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit_and_bounds() {
        for (text, bytes) in [
            ("50MB", Ok(50_000_000)),
            ("1.5 MiB", Ok(1_572_864)),
            ("2000000", Ok(2_000_000)),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
        for bad in [
            "",
            "MB",
            "0",
            "-5MB",
            "5GB",
            "1..5MB",
            "1e9",
            "999999MB",
            "5 parsecs",
            "NaN",
        ] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_are_a_duration_too() {
        assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
        assert_eq!(duration("90m"), Ok(Duration::from_secs(5400)));
        for bad in ["", "0d", "-1d", "d", "0s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
