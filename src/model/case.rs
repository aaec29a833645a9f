//! Which of several things one code stands for on this host, where they are mended in different ways.

use std::fmt;

/// What a step of a remedy may be for: `when: [login]`. A closed list, so that a misspelt one is found when the file is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Case {
    /// The peer wants user and password, or other ones.
    Login,
    /// The peer wants a way to log in that the agent does not know.
    OtherLogin,
    /// The peer's rules forbid it.
    Rules,
    /// The peer itself gets no further.
    Onward,
    /// It is not the kind of peer that the setting says.
    Stranger,
    /// Nothing listens there.
    Closed,
    /// Nothing answers.
    Silent,
    /// There is no way to it.
    NoRoute,
    /// It is not trusted.
    Untrusted,
    /// What is set is of no use.
    Malformed,
    /// It is switched off.
    Off,
    /// It is on, and has nothing to go by.
    NoSource,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Login,
        Self::OtherLogin,
        Self::Rules,
        Self::Onward,
        Self::Stranger,
        Self::Closed,
        Self::Silent,
        Self::NoRoute,
        Self::Untrusted,
        Self::Malformed,
        Self::Off,
        Self::NoSource,
    ];

    /// As `checks/*.yaml` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::OtherLogin => "other_login",
            Self::Rules => "rules",
            Self::Onward => "onward",
            Self::Stranger => "stranger",
            Self::Closed => "closed",
            Self::Silent => "silent",
            Self::NoRoute => "no_route",
            Self::Untrusted => "untrusted",
            Self::Malformed => "malformed",
            Self::Off => "off",
            Self::NoSource => "no_source",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|case| case.as_str() == name)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
