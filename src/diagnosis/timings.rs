//! What was asked during a run, each question once, with the checks that wanted to know.

use std::collections::BTreeMap;

use crate::engine::Run;
use crate::model::{Reply, Timing};

/// In the order in which it was asked; where a recording does not say, by layer.
pub(super) fn of(run: &Run) -> Vec<Timing> {
    let mut timings: BTreeMap<_, Timing> = BTreeMap::new();
    for (check, meter) in &run.asked {
        for timing in meter.timings() {
            let (Reply::Given(reply) | Reply::Failed(reply)) = &timing.reply;
            let question = (timing.layer, timing.what.clone(), reply.clone());
            let of_question = timings
                .entry((timing.began, question, timing.took))
                .or_insert(timing);
            if !of_question.checks.contains(check) {
                of_question.checks.push(check.clone());
            }
        }
    }
    timings.into_values().collect()
}
