//! One file a format. A renderer takes a report and gives text; it reads nothing else and writes nowhere.

pub mod cases;
pub mod diff;
mod ending;
mod facts;
pub mod github;
pub mod html;
pub mod human;
pub mod json_v1;
pub mod line;
pub mod markdown;
pub mod nagios;
mod plain;
pub mod prometheus;
pub mod suite;
mod summary;
pub mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

/// Whether a warning is a failure, as `--strict` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Warnings {
    /// A host with warnings is well.
    #[default]
    Allowed,
    /// It is not.
    Fail,
}

impl Warnings {
    /// As `--strict` says.
    pub const fn counted(strict: bool) -> Self {
        match strict {
            true => Self::Fail,
            false => Self::Allowed,
        }
    }
}
