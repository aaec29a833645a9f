//! Values stay values, whatever they hold.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn text(template: &str, values: &Values) -> String {
    Template::parse(template).unwrap().render(values, Os::Linux)
}

fn command(template: &str, values: &Values, os: Os) -> String {
    Command::parse(template, &[os]).unwrap().render(values, os)
}

fn refused(template: &str, os: Os) -> String {
    let errors = Command::parse(template, &[os]).unwrap_err();
    errors.into_iter().map(|error| error.message).collect()
}

#[test]
fn a_value_is_filled_in_once() {
    let values = Values::new()
        .with(Placeholder::Host, "{port}{{")
        .with(Placeholder::Port, "1");
    assert_eq!(text("{host}:{port} {{host}}", &values), "{port}{{:1 {host}");
    assert_eq!(command("x {host}", &values, Os::Linux), "x '{port}{{'");
}

#[test]
fn what_is_not_known_shows_its_fallback() {
    assert_eq!(
        command("i --ca-cert {ca_cert} -u {unit}", &Values::new(), Os::Linux),
        "i --ca-cert /path/to/ca.crt -u nexplane-agent"
    );
    assert_eq!(text("by {issuer}", &Values::new()), "by its issuer");
}

#[test]
fn a_word_is_quoted_whole() {
    let values = Values::new()
        .with(Placeholder::ControlPlane, "https://a b")
        .with(Placeholder::Host, "it's");
    assert_eq!(
        command("curl -v {control_plane}/health | cat", &values, Os::Linux),
        "curl -v 'https://a b/health' | cat"
    );
    assert_eq!(
        command("x {host}:{port} --name={host}", &values, Os::Linux),
        r"x 'it'\''s:8000' '--name=it'\''s'"
    );
    assert_eq!(
        command("x {host}:{port}", &values, Os::Windows),
        "x 'it''s:8000'"
    );
}

#[test]
fn a_hostile_value_stays_one_argument() {
    for value in [
        "$(reboot)",
        "`reboot`",
        "a; reboot",
        "a | b",
        "a && b",
        "' ; reboot '",
        "\\",
    ] {
        let values = Values::new().with(Placeholder::Hostname, value);
        let line = command("x {hostname} y", &values, Os::Linux);
        let quoted = line
            .strip_prefix("x '")
            .unwrap()
            .strip_suffix("' y")
            .unwrap();
        assert_eq!(quoted.replace(r"'\''", "'"), value);
    }
}

#[test]
fn a_value_that_no_command_can_carry_is_left_out() {
    for value in ["a\nreboot", "a\u{1b}[201~reboot", "--config=/x", "a\r"] {
        let values = Values::new().with(Placeholder::Host, value);
        assert_eq!(
            command("nslookup {host}", &values, Os::Linux),
            "nslookup nexplane.example.com"
        );
    }
    let values = Values::new().with(Placeholder::Host, "a\nb\u{1b}[2J");
    assert_eq!(text("{host}", &values), "a b\u{fffd}[2J");
}

#[test]
fn powershell_calls_a_quoted_program() {
    assert_eq!(
        command("{binary} check", &Values::new(), Os::Windows),
        r"& 'C:\Program Files\NexplaneAgent\nexplane-agent.exe' check"
    );
    assert_eq!(
        command("Get-Item {binary}", &Values::new(), Os::Windows),
        r"Get-Item 'C:\Program Files\NexplaneAgent\nexplane-agent.exe'"
    );
}

#[test]
fn placeholders_stand_where_they_can_be_quoted() {
    assert!(refused("grep '{host}' x", Os::Linux).contains("stands in quotes"));
    assert!(refused("grep \"a {host} b\" x", Os::Linux).contains("stands in quotes"));
    assert!(refused("x $({host})", Os::Linux).contains("`$` in the word"));
    assert!(refused(r"x {config_dir}\y", Os::Linux).contains(r"`\` in the word"));
    assert!(Command::parse(r"x {config_dir}\y", &[Os::Windows]).is_ok());
    assert!(Command::parse("grep 'a b' {host} \"c\"", &Os::ALL).is_ok());
    assert!(refused("a\nb", Os::Linux).contains("one line"));
}

#[test]
fn braces_that_mean_nothing_are_told() {
    for (bad, part) in [
        ("{hots}", "{hots}"),
        ("a { b", "{"),
        ("a } b", "}"),
        ("{}", "{}"),
    ] {
        let errors = Template::parse(bad).unwrap_err();
        assert_eq!(errors[0].part, part, "{bad}");
    }
}

#[test]
fn an_option_stands_with_its_value_or_not_at_all() {
    let template = "i --token T {--ca-cert ca_cert}";
    assert_eq!(command(template, &Values::new(), Os::Linux), "i --token T");
    let values = Values::new().with(Placeholder::CaCert, "/etc/my ca.crt");
    assert_eq!(
        command(template, &values, Os::Linux),
        "i --token T --ca-cert '/etc/my ca.crt'"
    );
    assert_eq!(
        command("i {--ca-cert ca_cert} -v", &Values::new(), Os::Linux),
        "i -v"
    );
    assert_eq!(
        text("with {--ca-cert ca_cert}", &values),
        "with --ca-cert /etc/my ca.crt"
    );
    // A value that no command can carry is as good as none.
    let hostile = Values::new().with(Placeholder::CaCert, "a\nreboot");
    assert_eq!(command(template, &hostile, Os::Linux), "i --token T");
    for wrong in ["x --a={--ca-cert ca_cert}", "x '{--ca-cert ca_cert}'"] {
        assert!(!refused(wrong, Os::Linux).is_empty(), "{wrong}");
    }
}
