//! A token that is typed at a terminal: used, and shown nowhere.

use super::identity::Plane;
use super::is_well;
use crate::harness::{CONFIG_DIR, SystemdBox, Terminal, until};

const PROMPT: &str = "A new enrollment token (not shown): ";

/// Everywhere in the box that something was written to, and what systemd has logged.
fn is_written_nowhere(machine: &SystemdBox, token: &str) {
    let journal = machine.shell("journalctl --sync; journalctl --all --output=export");
    assert!(!journal.contains(token), "the journal has the token");
    // Everything that is newer than the box; the control plane's own directory is the peer's.
    let found = machine.shell(&format!(
        "find /etc /var /run /tmp /root /usr /opt -xdev -type f -newer /etc/machine-id -exec grep -lF -e {token} {{}} + || true"
    ));
    assert_eq!(found, "", "files with the token");
}

/// Up to the question for the token.
fn asked(plane: &Plane) -> Terminal {
    let mut terminal = Terminal::of(&plane.machine, &["fix", "--color", "never"]);
    terminal.waits_for("[y/N] ");
    assert!(terminal.echoes());
    terminal.types("y\n");
    terminal.waits_for(PROMPT);
    assert!(!terminal.echoes());
    terminal
}

#[test]
fn a_typed_token_is_used_and_seen_nowhere() {
    let plane = Plane::new(&[]);
    let token = plane.token(0);
    let mut terminal = asked(&plane);
    terminal.types(&format!("{token}\n"));
    // The service is to be started anew with what came of it.
    until("the second question", || {
        (terminal.shown().matches("[y/N] ").count() == 2).then_some(())
    });
    assert!(terminal.echoes());
    terminal.types("y\n");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(!shown.contains(&token), "the token is shown");
    is_well(&plane.machine);
    is_written_nowhere(&plane.machine, &token);
}

#[test]
fn ctrl_c_at_the_question_ends_it_and_gives_the_terminal_back() {
    let plane = Plane::new(&[]);
    let before = plane
        .machine
        .shell(&format!("ls -lA --time-style=full-iso {CONFIG_DIR}"));
    let mut terminal = asked(&plane);
    let token = plane.token(0);
    // Typed, and thought better of.
    terminal.types(&token);
    terminal.types("\u{3}");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(1), "{shown}");
    assert!(!shown.contains(&token), "the token is shown");
    let after = plane
        .machine
        .shell(&format!("ls -lA --time-style=full-iso {CONFIG_DIR}"));
    assert_eq!(after, before);
    is_written_nowhere(&plane.machine, &token);
}
