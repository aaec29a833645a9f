//! What is left out and what stays, each case a line.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[test]
fn leaves_secrets_out() {
    for (text, shown) in [
        ("--token nxe_abcdefgh12345", "--token …"),
        ("--token=abc def", "--token=… def"),
        ("install --token hunter2", "install --token …"),
        ("NP_SECRET=s3cret run", "NP_SECRET=… run"),
        (r#"{"token": "abc", "x": 1}"#, r#"{"token": …, "x": 1}"#),
        ("used nxe_0123456789abcdef twice", "used … twice"),
        ("Authorization: Bearer abc.def", "Authorization: …"),
        ("with Bearer abc.def-ghi", "with Bearer …"),
        (
            "proxy http://user:p@ss@proxy:3128/x",
            "proxy http://…@proxy:3128/x",
        ),
        (
            "key -----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY----- end",
            "key … end",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMHc", "…"),
        (
            "control_plane: 'https://user:a S3cr3t@h:8000'",
            "control_plane: …@h:8000'",
        ),
        ("https://user:a/S3#cr@h", "https://…@h"),
        ("https//u:S3cr3t@h", "https//…@h"),
        ("user:S3cr3t@127.0.0.1:1", "…@127.0.0.1:1"),
        ("a:user:S3cr3t@h", "…@h"),
        ("passphrase: S3cr3t", "passphrase: …"),
        (
            "a: 1\n  password: secretly\nb: 2",
            "a: 1\n  password: …\nb: 2",
        ),
        ("- secret_key: secretly", "- secret_key: …"),
        (
            "nested: {a: b, password: secretly}",
            "nested: {a: b, password: …}",
        ),
        ("secret_key=S3cr3t", "secret_key=…"),
        ("curl -u admin:S3cr3t x", "curl -u … x"),
        ("curl -uadmin:S3cr3t x", "curl -u… x"),
        ("jwt eyJhbGciOi.eyJzdWIi.c2ln", "jwt …"),
        ("password: correcthorsebattery", "password: …"),
        ("Set-Cookie: session=abc; Path=/", "Set-Cookie: …"),
        ("curl -H 'Cookie: a=b' x", "curl -H 'Cookie: …' x"),
    ] {
        assert_eq!(redact(text), shown, "{text}");
    }
}

/// Command lines, as units have them in `ExecStart`.
#[test]
fn leaves_secrets_out_of_command_lines() {
    for (text, shown) in [
        ("mysql -u root -pS3cr3t -h db", "mysql -u root -p… -h db"),
        ("/usr/bin/mysql -pletters db", "/usr/bin/mysql -p… db"),
        ("sshpass -p letters ssh h", "sshpass -p … ssh h"),
        ("tool -p letters -q", "tool -p … -q"),
        ("tool -p=letters", "tool -p=…"),
        ("at this time tool -p letters", "at this time tool -p …"),
        ("sudo sh -c 'tool -p letters'", "sudo sh -c 'tool -p …'"),
        ("tool -p 'two words' x", "tool -p … x"),
        ("argv[]=tool \"-p\" \"S3cr3t\" ;", "argv[]=tool \"-p\" … ;"),
        ("[\"-p\", \"S3cr3t\"]", "[\"-p\", …]"),
        ("x --pass S3cr3t y", "x --pass … y"),
        ("x --pass letters y", "x --pass … y"),
        ("x --password letters", "x --password …"),
        ("x --passwd=letters --pwd letters", "x --passwd=… --pwd …"),
        ("x -secret letters", "x -secret …"),
        ("x --token \"two words\" y", "x --token … y"),
        (
            "openssl rsa -passin pass:letters",
            "openssl rsa -passin pass:…",
        ),
    ] {
        assert_eq!(redact(text), shown, "{text}");
    }
}

/// Files of configuration, and what programs print of them.
#[test]
fn leaves_secrets_out_of_settings() {
    for (text, shown) in [
        ("auth: user:pass", "auth: …"),
        ("login: bob", "login: …"),
        ("pin: 1234", "pin: …"),
        ("smtp_pwd: letters", "smtp_pwd: …"),
        ("auth: |\n  a\n  b\nc: 1", "auth: |\n  …\n  …\nc: 1"),
        ("auth:\n- user:pass\nc: 1", "auth:\n- …\nc: 1"),
        (
            "auth:\n  user: bob\n  file: /x",
            "auth:\n  user: bob\n  file: /x",
        ),
        (
            "password: |\n  a b\n\n  c\nd: 1",
            "password: |\n  …\n\n  …\nd: 1",
        ),
        (
            "- password: >-\n    a\n  b: 1",
            "- password: >-\n    …\n  b: 1",
        ),
        ("password: \"a\n  b\"\nc: 1", "password: …\n\nc: 1"),
        ("password: a\n  b c\nd: 1", "password: …\n  …\nd: 1"),
        ("passphrase: correct horse # why", "passphrase: … # why"),
        ("secret: correct horse", "secret: …"),
        (
            "&quot;token&quot;: &quot;a1&quot; refused",
            "&quot;token&quot;: … refused",
        ),
        ("tokens: [a, b]\nc: 1", "tokens: …\nc: 1"),
        ("tokens: [a,\n  b]\nc: 1", "tokens: …\n\nc: 1"),
        ("tokens:\n- a\n- b\nc: 1", "tokens:\n- …\n- …\nc: 1"),
        (
            "credentials:\n  user: a\n  x: b\nc: 1",
            "credentials:\n  …\n  …\nc: 1",
        ),
        ("{tokens: [a, b], c: 1}", "{tokens: …, c: 1}"),
        ("{auth: letters, c: 1}", "{auth: …, c: 1}"),
        (
            r#"{"tokens": ["a]", "b"], "c": 1}"#,
            r#"{"tokens": …, "c": 1}"#,
        ),
        (
            r#"{"credentials": {"a": {"b": "c"}}, "d": 1}"#,
            r#"{"credentials": …, "d": 1}"#,
        ),
        (r#"{"tokens": ["a", "b"#, r#"{"tokens": …"#),
        (r#"{"auth": "dXNlcjpw"}"#, r#"{"auth": …}"#),
        (
            "<password>letters</password><b>c</b>",
            "<password>…</password><b>c</b>",
        ),
        ("<pwd><![CDATA[letters]]></pwd>", "<pwd>…</pwd>"),
        (
            r#"<add key="DbPassword" value="letters"/>"#,
            r#"<add key="DbPassword" value=…/>"#,
        ),
        (
            r#"<property name="password">letters</property>"#,
            r#"<property name="password">…</property>"#,
        ),
        ("password = \"a\\\"letters\" # c", "password = … # c"),
        (
            "password = \"\"\"\nletters\n\"\"\"\nc = 1",
            "password = …\nc = 1",
        ),
        ("password = correct horse\nc = 1", "password = …\nc = 1"),
        ("config['password'] = 'letters'", "config['password'] = …"),
        ("'password' => 'letters',", "'password' => …,"),
        ("export DB_PASSWORD=letters", "export DB_PASSWORD=…"),
        ("db.password=letters", "db.password=…"),
        (
            "- name: DB_PASSWORD\n  value: two words\n",
            "- name: DB_PASSWORD\n  value: …\n",
        ),
        (
            r#"{"name": "DB_PASSWORD", "value": "letters"}"#,
            r#"{"name": "DB_PASSWORD", "value": …}"#,
        ),
        (
            "Server=h;Uid=u;Pwd=letters;Encrypt=yes",
            "Server=h;Uid=u;Pwd=…;Encrypt=yes",
        ),
        (
            "AccountName=a;AccountKey=ab/c==;X=y",
            "AccountName=a;AccountKey=…;X=y",
        ),
        ("postgres://u:p@h/db", "postgres://…@h/db"),
        ("u:letters@tcp(db:3306)/x", "…@tcp(db:3306)/x"),
    ] {
        assert_eq!(redact(text), shown, "{text}");
    }
}

/// What proves an identity to a web server, and what is issued for that.
#[test]
fn leaves_credentials_out() {
    for (text, shown) in [
        (
            "headers:\n- Authorization: Basic dXNlcjpwYXNz",
            "headers:\n- Authorization: …",
        ),
        (
            "- {name: Authorization, value: Basic dXNl}",
            "- {name: Authorization, value: …}",
        ),
        (
            r#"{"Authorization": ["Basic dXNlcjpw"]}"#,
            r#"{"Authorization": ["…"]}"#,
        ),
        (
            r#"["authorization", "Basic dXNlcjpw"]"#,
            r#"["authorization", "…"]"#,
        ),
        (
            r#"Authorization: Digest username="M", response="0a""#,
            "Authorization: …",
        ),
        (r#"{"Set-Cookie": ["a=b"]}"#, r#"{"Set-Cookie": ["…"]}"#),
        ("with Basic dXNlcjpwYXNz ok", "with Basic … ok"),
        ("key AKIAIOSFODNN7EXAMPLE", "key …"),
        (
            "aws_secret_access_key = wJalr/K7MD",
            "aws_secret_access_key = …",
        ),
        ("ghp_0123456789abcdefABCDEF", "…"),
        ("xoxb-123456789012-abcdef", "…"),
        (
            "https://hooks.slack.com/services/T0/B0/X",
            "https://hooks.slack.com/services/…",
        ),
        (
            "https://h/x?sv=1&sig=ab%3D&z=1",
            "https://h/x?sv=1&sig=…&z=1",
        ),
        (
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQ\n-----END PGP PRIVATE KEY BLOCK----- x",
            "… x",
        ),
        (
            r#"{"m": "{\"k\": \"-----BEGIN OPENSSH PRIVATE KEY-----\\nb3\\n-----END OPENSSH PRIVATE KEY-----\\n\"}"}"#,
            r#"{"m": "{\"k\": \"…\\n\"}"}"#,
        ),
        ("-----BEGIN+RSA+PRIVATE+KEY-----%0Aab", "…"),
    ] {
        assert_eq!(redact(text), shown, "{text}");
    }
}

#[test]
fn no_secret_hides_for_want_of_a_sign() {
    // Of a text that has every sign.
    let every: String = (0..128_u8).map(char::from).chain(['\u{212a}']).collect();
    let every = Signs::of(&every);
    let all = |text: &str| {
        let blocks = blocks::leave_out(text, &every, &mut |_| {});
        let text = blocks.unwrap_or_else(|| text.to_owned());
        SECRETS.iter().fold(text, |text, shape| {
            shape.leave_out(&text, &mut |_| {}).unwrap_or(text)
        })
    };
    // Every piece that the patterns are made of, in pairs and in any case.
    let pieces = [
        "-----BEGIN PRIVATE KEY-----",
        "eyJhbGciOi",
        ".eyJz",
        " nxe_",
        "abcdef12",
        "Authorization",
        ": ",
        "=",
        "Bearer ",
        "https:",
        "//",
        "user",
        ":pass",
        "@host",
        " -u ",
        " --proxy-user=",
        "control_plane",
        "Tok\u{212a}en",
        " pa\u{17f}\u{17f}word",
        "--token ",
        "api_key",
        "X_PASS",
        "\"secret\"",
        "pwd",
        "access-key",
        "hunter2",
        "pin",
        "<auth>",
        " -p ",
        "ghp_0123456789abcdef",
        "?sig=",
        "name: password\nvalue",
        "\n",
    ];
    for first in pieces {
        for second in pieces {
            for third in ["", "s3cret@x", ": s3cr3t", "=\"x\""] {
                let text = format!("a {first}{second}{third}");
                assert_eq!(shapes(&text, &mut |_| {}), all(&text), "{text}");
                let text = text.to_ascii_uppercase();
                assert_eq!(shapes(&text, &mut |_| {}), all(&text), "{text}");
            }
        }
    }
}

#[test]
fn leaves_plain_words_alone() {
    for text in [
        "FATAL: enrollment failed: token has already been used",
        "invalid token: expired",
        "https://nexplane.example.com:8000/agent/enroll",
        "mail root@localhost",
        "session for user@1000.service: started",
        "dial tcp 10.0.0.1:443: connect: connection refused",
        "Post https://n:8000/agent/enroll: EOF",
        "systemctl -u nexplane-agent: failed",
        "this site uses cookies",
        "mkdir -p /x && mkdir -p a/b",
        "serve -p 8080 -p 127.0.0.1:8080",
        "docker run -p 8080:80 -p 53:53/udp x",
        "ssh -p 2222 host",
        "systemctl show -p Environment nexplane-agent",
        "journalctl -u nexplane-agent -p err",
        "tool -port=8080 -path /x -proxy http://h:1 -print",
        "install --token YOUR_TOKEN --token-file FILE",
        "--token <TOKEN>, --password $PASSWORD",
        "use --token or --token-file",
        "PWD=/root",
        "pass=12 fail=3",
        "login: true",
        "token: has already been used",
        "auth: pam_unix: ok",
        "X509v3 Basic Constraints: critical",
        "Basic authentication is required",
        "x509: certificate signed by unknown authority: pinned: yes",
        "<form><label for=\"password\">Password</label><input name=\"password\"> Log in</form>",
        "tokens:\nother: 1",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn an_excerpt_is_one_bounded_line() {
    assert_eq!(excerpt("a\n  b\t\u{1b}[31mc"), "a b \u{fffd}[31mc");
    assert_eq!(excerpt(&"é".repeat(500)).chars().count(), EXCERPT + 1);
}

proptest::proptest! {
    #[test]
    fn what_was_left_out_once_stays_as_it_is(
        pieces in proptest::collection::vec(
            proptest::sample::select(PIECES.to_vec()), 1..12)
    ) {
        let once = redact(&pieces.concat());
        proptest::prop_assert_eq!(redact(&once), once);
    }

    #[test]
    fn a_file_keeps_its_lines(
        pieces in proptest::collection::vec(
            proptest::sample::select(LINES.to_vec()), 1..8)
    ) {
        let text = pieces.concat();
        proptest::prop_assert_eq!(redact(&text).lines().count(), text.lines().count());
    }
}

const PIECES: [&str; 40] = [
    "password",
    "tokens",
    "auth",
    "pass",
    ": ",
    ":",
    " = ",
    "=",
    "\n",
    "\n  ",
    "\n- ",
    "|",
    " #",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "a b",
    "S3cr3t",
    "-p",
    " -p ",
    "--token ",
    "<",
    ">",
    "</",
    "value",
    "name",
    "\\\"",
    "\\n",
    "&quot;",
    "@",
    "//",
    "Authorization",
    "Basic dXNlcjpwYXNz",
    "cookie",
    "…",
    "/x",
];

const LINES: [&str; 12] = [
    "password: |\n",
    "  a: b\n",
    "- x\n",
    "tokens: [a,\n",
    "  b]\n",
    "auth: \"c\n",
    "  d\" # e\n",
    "log_level: info\n",
    "\n",
    "credentials:\n",
    "secret: f\n",
    "    g\n",
];

#[test]
fn what_can_be_read_by_chance_in_der_is_no_secret() {
    let sequence = |inner: &[u8]| {
        let length = u16::try_from(inner.len()).unwrap_or_default().to_be_bytes();
        [&[0x30, 0x82], &length[..], inner].concat()
    };
    let bytes = [
        &[0xa0, 0x03, 0x02, 0x01][..],
        b"Kq:x7Zt$w@Lw3 -u ab:cd",
        &[0xff; 150],
    ]
    .concat();
    let lines = |bytes: &[u8]| {
        let text = STANDARD.encode(bytes);
        let lines = text.as_bytes().chunks(64);
        let lines = lines.map(|line| String::from_utf8_lossy(line).into_owned());
        lines.collect::<Vec<_>>().join("\n")
    };
    let certificate = lines(&sequence(&bytes));
    let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
    assert_eq!(redact(&pem), pem);
    // Also where the last line is full.
    let full = [&bytes[..], &[0xff; 12]].concat();
    let full = format!(
        "-----BEGIN X-----\n{}\n-----END X-----\n",
        lines(&sequence(&full))
    );
    assert!(
        full.lines()
            .rev()
            .nth(1)
            .is_some_and(|line| line.len() == 64),
        "{full}"
    );
    assert_eq!(redact(&full), full);
    // The same bytes without that form are a text like any other.
    assert!(redact(&lines(&bytes)).contains('…'));
}
