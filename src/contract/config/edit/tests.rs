//! Places, styles and line ends as people write them; what is not asked for stays as it was.

use super::*;
use proptest::prelude::*;

const URL: &str = "https://cp.example.com:8000";

#[test]
fn a_value_is_changed_where_it_stands() {
    for (before, after) in [
        ("control_plane: x # c\n", "control_plane: URL # c\n"),
        (
            "control_plane:   'x'\t# c\r\nlog_level: info\r\n",
            "control_plane:   'URL'\t# c\r\nlog_level: info\r\n",
        ),
        (
            "\u{feff}\"control_plane\": \"x\\\" #\" # c",
            "\u{feff}\"control_plane\": \"URL\" # c",
        ),
        (
            "# c\n  control_plane: x y\n  a: b\n",
            "# c\n  control_plane: URL\n  a: b\n",
        ),
        ("control_plane: a\n  b\nc: d", "control_plane: URL\nc: d"),
        (
            "control_plane:  # none\nc: d",
            "control_plane: URL  # none\nc: d",
        ),
        ("control_plane: ~\n", "control_plane: URL\n"),
        ("{control_plane: x, c: d}", "{control_plane: 'URL', c: d}"),
        ("control_plane: it's\nä: ü\n", "control_plane: URL\nä: ü\n"),
    ] {
        let edited = set_value(before, Key::ControlPlane, URL);
        let after = after.replace("URL", URL);
        if before.starts_with('{') {
            // Written plain or in quotation marks: what counts is what it says.
            assert!(edited.is_ok_and(|text| text.ends_with(", c: d}")));
            continue;
        }
        assert_eq!(edited.as_deref(), Ok(&*after), "{before}");
    }
}

#[test]
fn what_one_place_cannot_keep_is_left_alone() {
    for text in [
        "control_plane: |\n  x\n",
        "control_plane: &a x\nproxy: *a\n",
        "control_plane: [x]\n",
        "control_plane: x\ncontrol_plane: y\n",
        "- control_plane: x\n",
        "control_plane: 'x\n",
    ] {
        let edited = set_value(text, Key::ControlPlane, URL);
        assert!(edited.is_err(), "{text}: {edited:?}");
    }
    let text = "control_plane: x\n";
    assert!(set_value(text, Key::ControlPlane, "a\nproxy: b").is_err());
    assert!(set_value("{control_plane: x}\n", Key::CaCert, "/ca").is_err());
}

#[test]
fn a_line_is_added_where_install_would_write_it() {
    for (before, after) in [
        (
            "control_plane: x # c\nlog_level: info\nproxy: y\n",
            "control_plane: x # c\nlog_level: info\nca_cert: /ca.crt\nproxy: y\n",
        ),
        (
            " control_plane: x\r\n # c\r\n",
            " control_plane: x\r\n ca_cert: /ca.crt\r\n # c\r\n",
        ),
        (
            "---\nkey_path: 'k' # c",
            "---\nkey_path: 'k' # c\nca_cert: /ca.crt",
        ),
        ("other: x\n...\n", "other: x\nca_cert: /ca.crt\n...\n"),
    ] {
        let edited = set_value(before, Key::CaCert, "/ca.crt");
        assert_eq!(edited.as_deref(), Ok(after), "{before}");
    }
    let quoted = set_value("control_plane: x\n", Key::CaCert, "/a: b #c's").unwrap_or_default();
    assert_eq!(quoted, "control_plane: x\nca_cert: '/a: b #c''s'\n");
}

#[test]
fn a_key_is_renamed_and_another_removed() {
    for (from, before, after) in [
        (
            "controlplane",
            "# c\ncontrolplane:  x # c\n",
            "# c\ncontrol_plane:  x # c\n",
        ),
        (
            "Control Plane",
            "\"Control Plane\" : x",
            "\"control_plane\" : x",
        ),
        (
            "server",
            "server: |\n  x\nb: c\n",
            "control_plane: |\n  x\nb: c\n",
        ),
    ] {
        assert_eq!(
            rename_key(before, from, Key::ControlPlane).as_deref(),
            Ok(after)
        );
    }
    let both = "controlplane: x\ncontrol_plane: y\n";
    let refused = rename_key(both, "controlplane", Key::ControlPlane);
    assert_eq!(refused, Err(CannotEdit::AlreadyThere(Key::ControlPlane)));

    for (before, after) in [
        ("a: b\nproxy: 'x' # c\nc: d\n", "a: b\nc: d\n"),
        (
            "\u{feff}proxy: x\r\n# c\r\na: b\r\n",
            "\u{feff}# c\r\na: b\r\n",
        ),
        ("a: b\nproxy: x", "a: b\n"),
    ] {
        assert_eq!(
            remove_key(before, Key::Proxy).as_deref(),
            Ok(after),
            "{before}"
        );
    }
    assert!(remove_key("{a: b, proxy: x}\n", Key::Proxy).is_err());
    assert!(rename_key("ä: x\n", "ä", Key::Proxy).is_ok());
}

/// A configuration as people write them: keys of ours and others, values in every style, comments, any line ends.
fn configuration() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[a-z/:.0-9#ä-]{0,12}",
        "'[a-z #:ü]{0,8}'",
        "\"[a-z #:]{0,8}\"",
        Just("|\n  block".to_owned()),
        Just("[a, b]".to_owned()),
        Just("&x y".to_owned()),
        Just(String::new()),
    ];
    let key = prop_oneof![
        Just("control_plane".to_owned()),
        Just("proxy".to_owned()),
        Just("ca_cert".to_owned()),
        Just("log_level".to_owned()),
        "[a-z_]{1,6}",
        "\"[a-zä ]{1,6}\"",
    ];
    let line = (key, value, prop_oneof![Just(""), Just("  # c"), Just(" ")])
        .prop_map(|(key, value, end)| format!("{key}: {value}{end}"));
    let lines = proptest::collection::vec(
        prop_oneof![5 => line, 1 => "# [a-zß ]{0,9}", 1 => Just(String::new())],
        0..7,
    );
    (
        lines,
        prop_oneof![Just("\n"), Just("\r\n")],
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(lines, end, mark, last)| {
            let text = lines.join(end);
            format!(
                "{}{text}{}",
                if mark { "\u{feff}" } else { "" },
                if last { end } else { "" }
            )
        })
}

/// How much of `after` is as in `before`, from the front and from the back.
fn kept(before: &str, after: &str) -> (usize, usize) {
    let same = |(a, b): &(u8, u8)| a == b;
    let front = before.bytes().zip(after.bytes()).take_while(same).count();
    let back = before
        .bytes()
        .rev()
        .zip(after.bytes().rev())
        .take_while(same)
        .count();
    (front, back)
}

proptest! {
    #[test]
    fn an_edit_changes_one_stretch_of_one_line(text in configuration(), value in "/[a-z' #:.ä]{1,9}") {
        if let Ok(edited) = set_value(&text, Key::CaCert, &value) {
            prop_assert_eq!(crate::contract::config::parse(&edited, None).config.ca_cert, Some((&value).into()));
            let (front, back) = kept(&text, &edited);
            let changed = text.len().saturating_sub(front + back);
            prop_assert!(!text.as_bytes()[front..front + changed].contains(&b'\n'), "{:?} {:?}", text, edited);
            // A second time there is nothing left to do.
            let again = set_value(&edited, Key::CaCert, &value);
            prop_assert_eq!(again.as_deref(), Ok(&*edited));
        }
    }

    #[test]
    fn a_removed_key_leaves_the_other_lines(text in configuration()) {
        if let Ok(edited) = remove_key(&text, Key::Proxy) {
            prop_assert!(crate::contract::config::parse(&edited, None).config.proxy.is_none());
            let without_mark = |text: &str| text.trim_start_matches('\u{feff}').to_owned();
            let (before, after) = (without_mark(&text), without_mark(&edited));
            let mut before = before.split_inclusive('\n');
            for line in after.split_inclusive('\n') {
                prop_assert!(before.any(|it| it == line), "{:?} {:?}", text, edited);
            }
        }
    }

    #[test]
    fn any_text_is_edited_or_refused(text in r"(control_plane|proxy|ca_cert|[a-z ]{0,3}|[:'#|{}&*!\r\n\t-]|\PC){0,30}") {
        let _ = set_value(&text, Key::ControlPlane, URL);
        let _ = remove_key(&text, Key::Proxy);
        let _ = rename_key(&text, "a", Key::CaCert);
    }
}
