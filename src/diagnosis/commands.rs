//! Commands that go on from a report: they repeat the flags that were given, as far as they matter.

use crate::catalog::{Command, Values};
use crate::checks::Known;
use crate::model::{Code, Commands, Symptom, Verdict};

const AGAIN: &str = "nexplane-doctor {--config given_config} {--control-plane given_control_plane} {--ca-cert given_ca_cert} {--token-file given_token_file} {--change-request change_request} {--root given_root} {--checks given_checks} {--only given_only} {--skip given_skip} {--ignore given_ignore} {--timeout given_timeout} {--deadline given_deadline}";

/// What explains `first`, and what asks the same of the host again where that is worth it.
pub(super) fn of(
    known: &Known,
    values: &Values,
    verdict: Verdict,
    first: Option<&Code>,
) -> Commands {
    let render = |text: &str| Command::ours(text).render(values, known.system.os);
    let symptom = match known.target.symptom {
        None => "",
        Some(Symptom::NotAppearing) => " --symptom not-appearing",
        Some(Symptom::Offline) => " --symptom offline",
        Some(Symptom::Tasks) => " --symptom tasks",
    };
    let again = render(&format!("{AGAIN}{symptom}"));
    let explain = |code| {
        render(&format!(
            "nexplane-doctor explain {code} {{--checks given_checks}}"
        ))
    };
    Commands {
        explain: first.map(explain),
        again: (verdict != Verdict::Healthy && again.contains(" --")).then_some(again),
    }
}
