//! The certificates that a run has seen, with the clocks by which they are valid or not.

use crate::checks::{clock, identity, trust};
use crate::engine::Run;
use crate::model::{Certificates, Clocks};

/// Nothing where none was seen.
pub(super) fn of(run: &Run) -> Option<Certificates> {
    let server = run.known.get::<trust::Shown>().map(|shown| shown.0.clone());
    let agent = run
        .known
        .get::<identity::Shown>()
        .map(|shown| shown.0.clone());
    if server.is_none() && agent.is_none() {
        return None;
    }
    let host = run.started_at;
    let offset = run.known.get::<clock::Offset>();
    Some(Certificates {
        clocks: Clocks {
            host,
            control_plane: offset.map(|offset| offset.true_time(host)),
        },
        server,
        agent,
    })
}
