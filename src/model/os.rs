//! The operating systems that the runbook speaks of.

use serde::{Deserialize, Serialize};

/// An operating system that an agent runs on. Known as data only: what differs by system in collecting is in `host::live`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// Any Linux with systemd.
    Linux,
    /// Windows 10, Windows Server 2016 and later.
    Windows,
    /// macOS 12 and later.
    Macos,
}

impl Os {
    /// All of them, in the runbook's order.
    pub const ALL: [Self; 3] = [Self::Linux, Self::Windows, Self::Macos];

    /// The system that this program was built for; anything that is neither Windows nor macOS counts as Linux.
    pub const fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Macos
        } else {
            Self::Linux
        }
    }

    /// The name used in reports and in `checks/*.yaml`: `linux`, `windows`, `macos`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
            Self::Macos => "macos",
        }
    }
}

impl std::fmt::Display for Os {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
