//! The definition that the agent's installation writes on a Mac, read by somebody else's reader of property lists.

use std::process::Command;

use serde_json::{Value, json};

#[test]
fn python_reads_the_agent_s_definition() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/agent/service/launchd/agent.plist"
    );
    let script =
        "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let read = Command::new("python3")
        .args(["-c", script, path])
        .output()
        .unwrap();
    assert!(
        read.status.success(),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    let job: Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(
        job,
        json!({
            "Label": "ai.nexplane.agent",
            "ProgramArguments": ["/usr/local/bin/nexplane-agent", "run", "--config", "/etc/nexplane-agent/config.yaml"],
            "RunAtLoad": true,
            "KeepAlive": {"SuccessfulExit": false},
            "ThrottleInterval": 10,
            "ExitTimeOut": 10,
            "ProcessType": "Background",
        })
    );
}
