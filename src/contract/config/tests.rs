//! Good ones, bad ones, hostile ones.

use super::*;

const GOOD: &str = "\
control_plane: https://nexplane.example.com:8000
poll_interval: 5s          # a comment
log_level: info
cert_path: /etc/nexplane-agent/client.crt
key_path: /etc/nexplane-agent/client.key
";

fn problems(text: &str) -> Vec<String> {
    parse(text, None)
        .problems
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn the_documented_one_is_good() {
    let reading = parse(GOOD, None);
    assert_eq!(reading.problems, []);
    assert_eq!(
        reading.config.control_plane.as_deref(),
        Some("https://nexplane.example.com:8000")
    );
    assert_eq!(reading.config.poll_interval, Duration::from_secs(5));
    assert_eq!(
        reading.positions.get(&Key::LogLevel).map(|at| at.line),
        Some(3)
    );
}

#[test]
fn everything_wrong_is_told_at_once() {
    let text = "poll_interval: 5\nlog_level: verbose\npol_interval: 5s\ninsecure_skip_verify: maybe\ncert_path: [a]\nkey_path: ''\n";
    assert_eq!(
        problems(text),
        [
            "`control_plane` is required and missing",
            "line 1, column 16: `poll_interval` is `5`; allowed is a duration above zero: a number with a unit (ms, s, m, h), such as 5s",
            "line 2, column 12: `log_level` is `verbose`; allowed is one of debug, info, warning, error",
            "line 3, column 1: nobody reads the key `pol_interval`; perhaps `poll_interval` is meant",
            "line 4, column 23: `insecure_skip_verify` is `maybe`; allowed is true or false",
            "line 5, column 12: `cert_path` is a list; allowed is the path of a file (without double quotes, in which a backslash means something else)",
            "line 6, column 11: `key_path` is ``; allowed is the path of a file (without double quotes, in which a backslash means something else)",
        ]
    );
}

#[test]
fn a_proxys_password_is_not_repeated() {
    let reading = parse(
        "control_plane: https://a.b\nproxy: socks5://u:hunter2@p:1080\n",
        None,
    );
    assert_eq!(reading.problems, []);
    assert!(!format!("{:?}", reading.config).contains("hunter2"));
    let told = problems("control_plane: https://a.b\nproxy: http://u:hunter2@ p\n");
    assert_eq!(
        told,
        [
            "line 2, column 8: `proxy` is not one; allowed is a proxy's URL with http, https, socks5 or socks5h, such as http://proxy.example.com:3128"
        ]
    );
}

#[test]
fn a_syntax_error_has_its_place_and_hides_nothing_before_it() {
    let reading = parse("control_plane: https://a.b\nlog_level: \"info\nx: [", None);
    assert!(!reading.is_yaml());
    assert_eq!(reading.config.control_plane.as_deref(), Some("https://a.b"));
    let tab = parse("control_plane: https://a.b\n\tlog_level: info\n", None);
    assert!(matches!(
        tab.problems.as_slice(),
        [ConfigProblem::Syntax { at, .. }] if at.line == 2
    ));
    let tab = parse("\tcontrol_plane: https://a.b\n", None);
    assert!(!tab.is_yaml());
    let windows = parse("cert_path: \"C:\\ProgramData\\x\"\n", None);
    assert!(matches!(
        windows.problems.as_slice(),
        [ConfigProblem::Syntax { at, .. }] if at.line == 1
    ));
}

#[test]
fn a_key_twice_is_a_syntax_error_that_names_both_lines() {
    let told =
        problems("control_plane: https://a.b\nlog_level: info\ncontrol_plane: https://c.d\n");
    assert_eq!(
        told,
        ["line 3, column 1: the key `control_plane` is there twice, first in line 1"]
    );
}

#[test]
fn backslashes_in_double_quotes_are_no_path() {
    let told =
        problems("control_plane: https://a.b\ncert_path: \"C:\\ProgramData\\NexplaneAgent\"\n");
    assert!(
        matches!(told.as_slice(), [one] if one.contains("without double quotes")),
        "{told:?}"
    );
}

#[test]
fn foreign_shapes_are_told_as_what_they_are() {
    assert_eq!(problems(""), ["`control_plane` is required and missing"]);
    assert_eq!(
        problems("# nothing\n"),
        ["`control_plane` is required and missing"]
    );
    assert_eq!(
        problems("control_plane:\n"),
        ["line 1, column 1: `control_plane` is required and has no value"]
    );
    assert_eq!(
        problems("- a\n- b\n"),
        ["line 1, column 1: a list, where lines of `key: value` are expected"]
    );
    assert_eq!(
        problems("control_plane=https://a.b\n"),
        ["line 1, column 1: a single value, where lines of `key: value` are expected"]
    );
}

#[test]
fn the_dress_of_a_text_file_does_not_matter() {
    assert_eq!(problems(&format!("\u{feff}{GOOD}")), [] as [&str; 0]);
    assert_eq!(problems(&GOOD.replace('\n', "\r\n")), [] as [&str; 0]);
    assert_eq!(problems(&format!("---\n{GOOD}...\n")), [] as [&str; 0]);
    let aliased = "cert_path: &p /x\nkey_path: *p\ncontrol_plane: https://a.b\n";
    let reading = parse(aliased, None);
    assert_eq!(reading.config.key_path, Some(PathBuf::from("/x")));
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    let text = "control_plane: https://a.b\nlog_level: in\u{fffd}fo\n";
    let at = text.find('\u{fffd}');
    let reading = parse(text, at);
    assert!(matches!(
        reading.problems.last(),
        Some(ConfigProblem::Syntax { at, .. }) if (at.line, at.column) == (2, 14)
    ));
}

#[test]
fn hostile_texts_end_soon() {
    for text in [
        "[".repeat(MAX_BYTES),
        "- ".repeat(MAX_BYTES / 2),
        "{a: ".repeat(10_000),
        "? ".repeat(20_000),
        "a: b\n".repeat(20_000),
        "a: &a [*a]\n".to_owned(),
        format!("control_plane: {}", "x".repeat(60_000)),
        "\0\u{1}\u{2}".to_owned(),
    ] {
        let reading = parse(&text, None);
        assert!(!reading.problems.is_empty() || reading.config.control_plane.is_some());
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in r"([a-z_]{1,12}: ?[\[{'&*|>#!a-z0-9]{0,8}[\n\t ]{0,2}){0,8}|\PC{0,80}", at in proptest::option::of(0usize..90)) {
        let reading = parse(&text, at);
        for problem in &reading.problems {
            proptest::prop_assert!(!problem.to_string().contains(char::is_control));
        }
    }
}
