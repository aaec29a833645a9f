//! Findings for the tests of the formats: each adds what its own is about.

use crate::model::{Code, Remedy, ReportedFinding, Role, Severity};

/// A finding in this role, with its code in its words.
pub(super) fn finding(
    code: &'static str,
    role: Role,
    explained_by: &[&'static str],
) -> ReportedFinding {
    let code = Code::from_static(code);
    ReportedFinding {
        check: code.check(),
        severity: match role {
            Role::Notice => Severity::Warning,
            _ => Severity::Error,
        },
        role,
        explained_by: explained_by
            .iter()
            .copied()
            .map(Code::from_static)
            .collect(),
        title: format!("title of {code}"),
        detail: format!("Detail of {code}."),
        evidence: Vec::new(),
        remedy: Remedy {
            text: "Do this.".into(),
            steps: Vec::new(),
            runbook: None,
        },
        repair: None,
        fix: None,
        code,
    }
}
