//! What a fault is, and how one is declared.

use super::plan::Plan;
use crate::model::Code;

/// Which side of the connection a fault is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The control plane's.
    Server,
    /// The network's between them: names and addresses.
    Network,
    /// The host's.
    Host,
}

impl Side {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Network => "network",
            Self::Host => "host",
        }
    }
}

/// Something that can be wrong.
pub struct Fault {
    /// What it must be diagnosed as.
    pub code: Code,
    /// On which side it is; `lab serve --fault` can do those of the server.
    pub side: Side,
    /// What is done, in one line.
    pub what: &'static str,
    /// Findings that it makes besides, each only a symptom of it; of a circumstance, which is no finding: those that are of it.
    pub symptoms: &'static [&'static str],
    /// Warnings that it makes besides.
    pub notices: &'static [&'static str],
    /// What it is easily mistaken for, and must never be called.
    pub never: &'static [&'static str],
    inject: fn(&mut Plan),
}

impl Fault {
    /// Does it to a plan.
    pub fn inject(&self, plan: &mut Plan) {
        (self.inject)(plan);
    }

    /// What it is easily mistaken for.
    pub(super) const fn never(mut self, never: &'static [&'static str]) -> Self {
        self.never = never;
        self
    }

    /// What it makes besides, as its symptoms.
    pub(super) const fn with(mut self, symptoms: &'static [&'static str]) -> Self {
        self.symptoms = symptoms;
        self
    }

    /// What it makes besides, as warnings.
    pub(super) const fn noting(mut self, notices: &'static [&'static str]) -> Self {
        self.notices = notices;
        self
    }
}

/// A fault on the control plane's side.
pub(super) const fn server(code: &'static str, what: &'static str, inject: fn(&mut Plan)) -> Fault {
    fault(Side::Server, code, what, inject)
}

/// A fault between the two.
pub(super) const fn network(
    code: &'static str,
    what: &'static str,
    inject: fn(&mut Plan),
) -> Fault {
    fault(Side::Network, code, what, inject)
}

/// A fault on the host's side.
pub(super) const fn host(code: &'static str, what: &'static str, inject: fn(&mut Plan)) -> Fault {
    fault(Side::Host, code, what, inject)
}

const fn fault(side: Side, code: &'static str, what: &'static str, inject: fn(&mut Plan)) -> Fault {
    Fault {
        code: Code::from_static(code),
        side,
        what,
        symptoms: &[],
        notices: &[],
        never: &[],
        inject,
    }
}
