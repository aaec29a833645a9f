//! What the lab's service manager says of the agent's service, where a fault is in the service or its definition.

use super::plan::{Edit, File, Plan};

/// It ended with an error, and was not restarted.
pub(super) const CRASHED: &[(&str, &str)] = &[
    ("ActiveState", "failed"),
    ("SubState", "failed"),
    ("MainPID", "0"),
    ("Result", "exit-code"),
    ("ExecMainCode", "1"),
    ("ExecMainStatus", "1"),
];

/// It waits for its next restart.
pub(super) const LOOPING: &[(&str, &str)] = &[
    ("ActiveState", "activating"),
    ("SubState", "auto-restart"),
    ("MainPID", "0"),
    ("Result", "exit-code"),
    ("ExecMainCode", "1"),
    ("ExecMainStatus", "1"),
    ("NRestarts", "7"),
];

/// Where the drop-in of a fault is.
pub(super) const DROP_IN: &str = "/etc/systemd/system/nexplane-agent.service.d/10-hardening.conf";

/// What Go says where there is no way to a host.
const NO_WAY: &str = "FATAL: enrollment failed: Post \"https://control-plane.lab.test/agent/enroll\": dial tcp 127.0.0.1:443: connect: network is unreachable";

/// A drop-in takes the network from the service, which ends over it again and again.
pub(super) fn without_network(plan: &mut Plan) {
    drop_in(plan, "PrivateNetwork", "yes");
    plan.unit(LOOPING);
    plan.journal.push(NO_WAY);
}

/// A drop-in makes the service's files read-only.
pub(super) fn read_only(plan: &mut Plan) {
    drop_in(plan, "ProtectSystem", "strict");
}

/// The definition was changed, and the service manager was not told.
pub(super) fn outdated(plan: &mut Plan) {
    plan.unit(&[("NeedDaemonReload", "yes")]);
}

fn drop_in(plan: &mut Plan, name: &'static str, value: &str) {
    let text = format!("[Service]\n{name}={value}\n");
    plan.edits.push(Edit::Write(File::DropIn, text));
    plan.unit(&[(name, value), ("DropInPaths", DROP_IN)]);
}
