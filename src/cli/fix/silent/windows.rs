//! The echo of a console of Windows, which is not switched off yet: no secret is asked for there.

/// A console that does not show what is typed; there is none.
pub(in crate::cli::fix) struct Silent(());

impl Silent {
    pub(in crate::cli::fix) const fn begin() -> Option<Self> {
        None
    }
}
