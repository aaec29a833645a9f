//! What the service's environment leaves open of its trust anchors, and where a shell has others. Pure.

use super::{MISSING_INTERMEDIATE, SELF_SIGNED, UNKNOWN_AUTHORITY};
use crate::checks::environment::Environment;
use crate::checks::{Decision, Judgement, differs};
use crate::model::Code;

/// Adds it to a judgement; `own_ca` is whether the configuration names a CA file.
pub(super) fn judge(mut judgement: Judgement, environment: &Environment, own_ca: bool) -> Judgement {
    const NO_ANCHOR: [Code; 3] = [SELF_SIGNED, MISSING_INTERMEDIATE, UNKNOWN_AUTHORITY];
    for difference in environment.differences(&["SSL_CERT_FILE", "SSL_CERT_DIR"]) {
        let foreign = judgement
            .findings
            .iter_mut()
            .find(|finding| NO_ANCHOR.contains(&finding.code));
        if let Some(finding) = foreign {
            let says = differs::fails_for_the_service("Verifying the control plane", &difference);
            finding.detail.push_str(&format!(" {says}"));
        }
        let note = format!("{difference}: what is trusted here and there need not be the same");
        judgement = judgement.note("trust anchors", note);
    }
    match environment.unseen() {
        // With a CA file of its own the agent hardly goes by the system's.
        Some(why) if own_ca => {
            let note = format!("not all of the service's environment is known: {why}");
            judgement.note("trust anchors", note)
        }
        Some(why) if judgement.decision == Decision::Decided => {
            judgement.decision = Decision::Unknown(format!(
                "whether SSL_CERT_FILE or SSL_CERT_DIR give the service other anchors is not known: {why}"
            ));
            judgement
        }
        _ => judgement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Finding;

    #[test]
    fn anchors_that_may_be_others_leave_the_chain_undecided() {
        let unseen = Environment::not_wholly_seen("EnvironmentFile=/x may not be read");
        let judged = judge(Judgement::pass(), &unseen, false);
        assert!(matches!(judged.decision, Decision::Unknown(why) if why.contains("/x")));
        let judged = judge(Judgement::pass(), &unseen, true);
        assert_eq!((judged.decision, judged.notes.len()), (Decision::Decided, 1));
        assert_eq!(judge(Judgement::pass(), &Environment::empty(), false), Judgement::pass());
    }

    #[test]
    fn a_shell_with_other_anchors_is_told_where_the_chain_breaks() {
        let shell = Environment::only_in_shell("SSL_CERT_FILE", "/home/me/ca.pem");
        let foreign = Finding::new(UNKNOWN_AUTHORITY, "Not trusted.").into();
        let judged = judge(foreign, &shell, false);
        assert_eq!(
            judged.findings[0].detail,
            "Not trusted. Verifying the control plane may work for you, and fails for the service, because SSL_CERT_FILE is set in this shell and not for the service."
        );
    }
}
