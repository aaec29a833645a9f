//! Every mistake that a check can have is told where it is.

use crate::catalog::testing::told_after;

#[test]
fn every_mistake_is_told_where_it_is_with_what_is_allowed() {
    let mistakes: [(&str, &str, &[&str]); 25] = [
        (
            "id: ports",
            "id: Ports!",
            &[
                "1:5 `Ports!` is not a check's id: one word of lower-case letters, digits and underscores",
            ],
        ),
        (
            "title: The database's port opens\n",
            "",
            &["1:1 the check has no `title`"],
        ),
        (
            "title: The database's port opens",
            "title: [a]",
            &["2:8 `title` is a text, this is a list"],
        ),
        (
            "title: The database's port opens",
            "title: ' '",
            &["2:8 `title` is empty"],
        ),
        (
            "summary: Connects.",
            "summary: To {host}.",
            &["3:13 `{host}` is only filled in within a remedy"],
        ),
        (
            "[offline]",
            "[ofline]",
            &["4:12 there is no symptom `ofline`: did you mean `offline`?"],
        ),
        (
            "[offline]",
            "[offline, offline]",
            &["4:21 `offline` is here a second time"],
        ),
        (
            "[offline]",
            "offline",
            &["4:11 `symptoms` is a list, this is a text"],
        ),
        (
            "[dns]",
            "[dns, 7]",
            &["5:14 `needs` is a text, this is a number"],
        ),
        (
            "uses: [clock]",
            "uses: [clock, dns]",
            &["6:15 `dns` is here a second time: once in `needs` or `uses` is enough"],
        ),
        (
            "ports.closed:",
            "Ports-closed:",
            &[
                "8:3 `Ports-closed` is not a finding code: `check.problem`, both of lower-case letters, digits and underscores",
            ],
        ),
        (
            "ports.closed:",
            "dns.closed:",
            &["8:3 `dns.closed` is another check's code: those of this one begin with `ports.`"],
        ),
        (
            "severity: error",
            "severity: 1",
            &["9:15 `severity` is a text, this is a number"],
        ),
        (
            "    how: Connects.\n",
            "",
            &["8:3 `ports.closed` has no `how`"],
        ),
        (
            "    how: Connects.",
            "    how: Connects.\n    how: Asks.",
            &["13:5 `how` is here a second time: the first is in line 12"],
        ),
        (
            "[tcp.refused, dns.*]",
            "[tcp.refusd, dsn.*, tcp.partial]",
            &[
                "13:20 there is no finding `tcp.refusd`: did you mean `tcp.refused`?",
                "13:32 there is no check `dsn`: did you mean `dns`?",
                "13:39 `tcp.partial` is a warning: only errors explain",
            ],
        ),
        (
            "[tcp.refused, dns.*]",
            "[dns.*, dns.*]",
            &["13:27 `dns.*` is here a second time"],
        ),
        (
            "severity: error",
            "severity: warning",
            &["13:19 a warning is never a symptom: `explained_by` is for errors"],
        ),
        (
            "symptom-1/reach",
            "symptom-1/reech",
            &[
                "14:14 the runbook has no section `symptom-1/reech`: did you mean `symptom-1/reach`?",
            ],
        ),
        (
            "restart-service",
            "restart",
            &[
                "15:13 there is no repair `restart`: one of `start-service`, `restart-service`, `enable-service`, `reset-failed`, `unmask-service`, `sync-time`, `rotate-certificate`, `settle-identity`, `re-enroll`, `reinstall-with-ca`, `repair-permissions`, `mend-url`, `mend-key`, `clear-proxy`, `install`",
            ],
        ),
        (
            "for {host}.",
            "for {hots}.",
            &[
                "17:25 unknown placeholder `{hots}`: did you mean `host`? (`{{` and `}}` write braces)",
            ],
        ),
        (
            "text: Look",
            "text: 'Look {'",
            &["19:23 a lone `{`: write `{{` for a brace"],
        ),
        (
            "command: nslookup {host}",
            "command: {linus: id}",
            &["20:21 a command has no key `linus`: did you mean `linux`?"],
        ),
        (
            "        - text: Look\n          command",
            "        - text: Look\n          when: [login, logn]\n          command",
            &["20:25 unknown case `logn`: did you mean `login`?"],
        ),
        (
            "        - text: Look\n          command",
            "        - command",
            &["19:11 a step has no `text`"],
        ),
    ];
    for (change, to, expected) in mistakes {
        assert_eq!(told_after(change, to), expected, "{change} -> {to}");
    }
}

#[test]
fn several_mistakes_of_a_file_come_together() {
    let told = told_after(
        "severity: error\n    title: The port is closed",
        "severity: bad\n    titel: x",
    );
    assert_eq!(
        told,
        [
            "8:3 `ports.closed` has no `title`",
            "9:15 `severity` is `error` or `warning`, not `bad`",
            "10:5 `ports.closed` has no key `titel`: did you mean `title`?",
        ]
    );
}

#[test]
fn a_new_check_needs_a_probe() {
    let told = told_after("probe:\n  kind: tcp\n  host: db.corp\n  port: 5432\n", "");
    assert_eq!(
        told,
        [
            "1:1 a new check needs a `probe`, of kind `tcp`, `dns`, `http`, `file`, `service`, `log` (or, if it is written in Rust, a doctor that was built with it)"
        ]
    );
}
