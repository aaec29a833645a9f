use super::*;

fn case(name: &str, outcome: Outcome) -> Case {
    Case {
        name: name.to_owned(),
        outcome,
        duration: Duration::from_millis(12),
        place: Some(Place {
            file: "fixtures/a,b:c/situation.yaml".to_owned(),
            line: Some(4),
            column: Some(3),
        }),
    }
}

fn hostile() -> Message {
    Message {
        line: "a \"b\" <c> & ]]> 100%\x1b[31m\n::error::forged".to_owned(),
        detail: vec![
            "not ok 99 - forged\nok".to_owned(),
            "\u{0}\u{fffe}".to_owned(),
        ],
    }
}

fn suite() -> Suite {
    Suite {
        name: "fixtures".to_owned(),
        cases: vec![
            case("good", Outcome::Passed),
            case("bad # todo \\", Outcome::Failed(hostile())),
            case("odd", Outcome::Broken(Message::line("4:3: no such code"))),
            case("new", Outcome::Skipped("left out by --filter".to_owned())),
            case("meh", Outcome::Warned(Message::line("soon"))),
        ],
        duration: Duration::from_secs(1),
    }
}

#[test]
fn tap_says_each_case_in_lines_that_nothing_forges() {
    let text = tap(&suite());
    let tops: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        tops,
        [
            "TAP version 14",
            "1..5",
            "ok 1 - good",
            "not ok 2 - bad \\# todo \\\\",
            "not ok 3 - odd",
            "ok 4 - new # SKIP left out by --filter",
            "ok 5 - meh",
        ]
    );
    assert!(text.contains("  line: 4\n  column: 3\n"), "{text}");
    let block: String = text
        .lines()
        .skip_while(|line| *line != "  ---")
        .skip(1)
        .take_while(|line| *line != "  ...")
        .map(|line| format!("{line}\n"))
        .collect();
    let read: serde_json::Value = serde_yaml::from_str(&block).unwrap_or_default();
    assert_eq!(read["severity"], "fail", "{block}");
    assert_eq!(read["detail"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        tap(&Suite::default()),
        "TAP version 14\n1..0 # SKIP nothing to test\n"
    );
}

#[test]
fn github_is_told_where_and_what_and_nothing_else() {
    let text = github(&suite());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(
        lines[0],
        "::error file=fixtures/a%2Cb%3Ac/situation.yaml,line=4,col=3,title=bad # todo \\::\
         a \"b\" <c> & ]]> 100%25\u{fffd}[31m%0A::error::forged%0Anot ok 99 - forged%0Aok%0A\u{fffd}\u{fffd}"
    );
    assert_eq!(
        lines[1],
        "::error file=fixtures/a%2Cb%3Ac/situation.yaml,line=4,col=3,title=odd::4:3: no such code"
    );
    assert!(lines[2].starts_with("::warning "), "{}", lines[2]);
}

#[test]
fn junit_counts_what_it_holds_and_holds_what_xml_can() -> Result<(), Box<dyn std::error::Error>> {
    let text = junit(&suite())?;
    let read = quick_junit::Report::deserialize_from_str(&text)?;
    assert_eq!(
        (read.tests, read.failures, read.errors),
        (5, 1, 1),
        "{text}"
    );
    let cases = &read.test_suites[0].test_cases;
    assert_eq!(cases.len(), 5);
    let place = cases[0]
        .extra
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    assert_eq!(
        place.collect::<Vec<_>>(),
        [("file", "fixtures/a,b:c/situation.yaml"), ("line", "4")]
    );
    assert!(!text.contains('\x1b') && !text.contains('\u{0}'), "{text}");
    Ok(())
}

#[test]
fn what_is_said_of_one_case_is_bounded() {
    let endless = Message::line("x".repeat(1 << 20));
    let suite = Suite {
        cases: vec![case("long", Outcome::Failed(endless))],
        ..Suite::default()
    };
    assert!(github(&suite).len() < 5000);
}
