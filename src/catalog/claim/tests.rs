//! Probes of the user's own checks: read into their types, and every mistake told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::catalog::testing::{USERS, overlay, told_after};

const TCP: &str = "  kind: tcp\n  host: db.corp\n  port: 5432\n";

fn claim(probe: &str) -> Claim {
    let catalog = overlay(&[&USERS.replace(TCP, probe)]).unwrap();
    let probe = catalog.checks().last().unwrap().probe.clone().unwrap();
    assert_eq!(probe.finding, "ports.closed");
    probe.claim
}

#[test]
fn every_kind_is_read_into_its_type() {
    assert_eq!(
        claim(TCP),
        Claim::Tcp {
            host: "db.corp".to_owned(),
            port: 5432
        }
    );
    assert_eq!(
        claim("  kind: dns\n  name: db.corp\n"),
        Claim::Dns {
            name: "db.corp".to_owned()
        }
    );
    assert_eq!(
        claim(
            "  kind: http\n  url: https://a.b/c\n  expect_status: 204\n  expect_json: {ok: true, n: 3, s: '3'}\n"
        ),
        Claim::Http {
            url: Url::parse("https://a.b/c").unwrap(),
            expect_status: Some(204),
            expect_body: ExpectedBody::Json(BTreeMap::from([
                ("n".to_owned(), 3.into()),
                ("ok".to_owned(), true.into()),
                ("s".to_owned(), "3".into()),
            ])),
            way: ProbeWay::OfService,
        }
    );
    assert_eq!(
        claim("  kind: http\n  url: http://a.b\n  proxy: false\n"),
        Claim::Http {
            url: Url::parse("http://a.b").unwrap(),
            expect_status: None,
            expect_body: ExpectedBody::Any,
            way: ProbeWay::Direct,
        }
    );
    assert_eq!(
        claim("  kind: file\n  path: 'C:\\x'\n  exists: false\n"),
        Claim::File {
            path: r"C:\x".to_owned(),
            expect: ExpectedFile::Absent
        }
    );
    assert_eq!(
        claim("  kind: service\n  name: sshd\n  state: running\n"),
        Claim::Service {
            name: "sshd".to_owned(),
            state: ServiceState::Running
        }
    );
    assert_eq!(
        claim("  kind: log\n  pattern: ready in \\d+\n  within: 5m\n"),
        Claim::Log {
            pattern: Pattern::new(r"ready in \d+").unwrap(),
            unit: None,
            within: Some(std::time::Duration::from_secs(300)),
        }
    );
}

#[test]
fn every_mistake_of_a_probe_is_told_where_it_is() {
    let mistakes: [(&str, &[&str]); 16] = [
        (
            "  host: a\n",
            &["22:3 `probe` has no `kind`: one of `tcp`, `dns`, `http`, `file`, `service`, `log`"],
        ),
        (
            "  kind: exec\n",
            &[
                "22:9 there is no kind of probe `exec`: one of `tcp`, `dns`, `http`, `file`, `service`, `log`",
            ],
        ),
        (
            "  kind: tcp\n  hots: a\n  port: 70000\n",
            &[
                "22:3 a `tcp` probe has no `host`",
                "23:3 a `tcp` probe has no key `hots`: did you mean `host`?",
                "24:9 `port` is a whole number from 1 to 65535, not `70000`",
            ],
        ),
        (
            "  kind: tcp\n  host: https://a\n  port: 1\n",
            &[
                "23:9 `host` is a host name or an address, without scheme, port or path, not `https://a`",
            ],
        ),
        (
            "  kind: dns\n  name: a b\n",
            &["23:9 `name` is a host name or an address, without scheme, port or path, not `a b`"],
        ),
        (
            "  kind: http\n  url: ftp://a\n",
            &["23:8 `url` begins with `http://` or `https://`"],
        ),
        (
            "  kind: http\n  url: https://u:p@a\n",
            &["23:8 `url` holds credentials: a check's file is no place for them"],
        ),
        (
            "  kind: http\n  url: http://a\n  proxy: http://p\n",
            &["24:10 `proxy` is true or false, this is a text"],
        ),
        (
            "  kind: http\n  url: a\n",
            &["23:8 `url` is no URL: relative URL without a base"],
        ),
        (
            "  kind: http\n  url: http://a\n  contains: x\n  expect_json: {a: b}\n",
            &["24:13 either `contains` or `expect_json`: one says all about the body"],
        ),
        (
            "  kind: file\n  path: etc/x\n",
            &["23:9 `path` begins at the root, not `etc/x`"],
        ),
        (
            "  kind: file\n  path: /x\n  exists: false\n  contains: x\n",
            &["25:13 `contains` of a file that is not to exist: leave one of the two out"],
        ),
        (
            "  kind: service\n  name: --now\n  state: up\n",
            &[
                "23:9 `name` is a service's name, without blanks or paths, not `--now`",
                "24:10 there is no state `up`: one of `running`, `stopped`, `enabled`, `disabled`",
            ],
        ),
        (
            "  kind: log\n  pattern: '['\n",
            &["23:12 `pattern` is no regular expression: unclosed character class"],
        ),
        (
            "  kind: log\n  pattern: x\n  within: soon\n",
            &[
                "24:11 `soon` is no duration: a number with a unit (ms, s, m, h), such as 5s, 500ms or 1m30s",
            ],
        ),
        (
            "  kind: dns\n  name: a\n  finding: ports.open\n",
            &["24:12 this check has no finding `ports.open`: one of `ports.closed`"],
        ),
    ];
    for (probe, expected) in mistakes {
        assert_eq!(told_after(TCP, probe), expected, "{probe}");
    }
}

#[test]
fn of_several_findings_the_probe_names_one() {
    let second = "findings:\n  ports.slow: {severity: warning, title: t, explanation: e, how: h, remedy: {text: r}}\n";
    assert_eq!(
        told_after("findings:\n", second),
        [
            "23:3 `probe` has no `finding`: which of `ports.slow`, `ports.closed` is it when the probe fails?"
        ]
    );
}
