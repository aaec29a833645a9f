//! Text from outside made fit to be shown: no secret, no control character, a bounded length.
//!
//! Logs, configurations and answers of servers are quoted as evidence, and any of them may hold a token, a password or a
//! key. What looks like one is left out, rather too much than too little. Nothing here knows where the text is from.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::OnceLock;

use memchr::{memchr, memmem};
use regex::Regex;

use super::printable;

mod encoded;

/// The longest excerpt, in characters.
const EXCERPT: usize = 200;

/// Names of secrets, as the patterns below have them.
const NAMES: [&str; 16] = [
    "token",
    "secret",
    "passw",
    "passphrase",
    "_pass",
    "_pwd",
    "credential",
    "apikey",
    "api-key",
    "api_key",
    "accesskey",
    "access-key",
    "access_key",
    "privatekey",
    "private-key",
    "private_key",
];

/// A kind of secret, for who counts what was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretKind {
    /// A private key in PEM.
    PrivateKey,
    /// A token: Nexplane's own, a JSON Web Token.
    Token,
    /// What an HTTP header proves an identity with.
    HttpCredentials,
    /// A cookie.
    Cookie,
    /// User and password, of a URL or a command.
    Login,
    /// What follows a name that says so: `password=…`.
    Named,
    /// One that the doctor was given.
    Given,
}

impl SecretKind {
    /// For a reader.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrivateKey => "private keys",
            Self::Token => "tokens",
            Self::HttpCredentials => "HTTP credentials",
            Self::Cookie => "cookies",
            Self::Login => "users and passwords",
            Self::Named => "values of secret names",
            Self::Given => "secrets that were given",
        }
    }
}

/// What there is in a text, in whatever case.
enum Sign {
    /// One of these.
    OneOf(&'static [&'static str]),
    /// One of [`NAMES`].
    Name,
}

/// A text in which signs are looked for; for names, of which there are many, once.
struct Signs<'a> {
    lowered: &'a [u8],
    named: OnceCell<bool>,
}

/// What a secret looks like, and what is kept of it.
struct Shape {
    kind: SecretKind,
    /// In every text with such a secret there are all of these. Most texts have none: an expression takes longer to build than
    /// all of them to search. Those that are found soonest come first.
    signs: &'static [Sign],
    pattern: &'static str,
    kept: &'static str,
    compiled: OnceLock<Regex>,
}

/// ASCII alone: a secret is, and the tables of Unicode would take longer to build than a diagnosis takes.
static SECRETS: [Shape; 13] = [
    // PEM private keys, also cut short ones.
    Shape::new(
        SecretKind::PrivateKey,
        &[Sign::OneOf(&["private key-----"])],
        r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)",
        "…",
    ),
    // JSON Web Tokens.
    Shape::new(
        SecretKind::Token,
        &[Sign::OneOf(&["."]), Sign::OneOf(&["eyj"])],
        r"(?-u:\b)eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?",
        "…",
    ),
    // Nexplane's own tokens.
    Shape::new(
        SecretKind::Token,
        &[Sign::OneOf(&["_"]), Sign::OneOf(&["nx"])],
        r"(?-u:\b)nx[a-z]{0,2}_[A-Za-z0-9_-]{6,}",
        "…",
    ),
    // HTTP credentials, with or without their header.
    Shape::new(
        SecretKind::HttpCredentials,
        &[Sign::OneOf(&["authorization"])],
        r#"(?i)(?-u:\b)(authorization["']?\s*[:=]\s*["']?)(?:[A-Za-z0-9_-]+[ \t]+)?[^\s"',]+"#,
        "${1}…",
    ),
    Shape::new(
        SecretKind::HttpCredentials,
        &[Sign::OneOf(&["bearer"])],
        r"(?i)(?-u:\b)(bearer[ \t]+)[^\s\x22',]+",
        "${1}…",
    ),
    // User and password of a URL, also of one that is written badly.
    Shape::new(
        SecretKind::Login,
        &[Sign::OneOf(&["@"]), Sign::OneOf(&["//"])],
        r#"(?i)(?-u:\b)([a-z][a-z0-9+.-]*:?//)[^\s"']*@"#,
        "${1}…@",
    ),
    Shape::new(
        SecretKind::Login,
        &[Sign::OneOf(&["@"]), Sign::OneOf(&["control_plane"])],
        r#"(?im)^(\s*["']?(?:control_plane)["']?\s*[:=]\s*)\S+[ \t][^#\n]*@"#,
        "${1}…@",
    ),
    // The same without a scheme, and as curl's `-u` takes them.
    Shape::new(
        SecretKind::Login,
        &[Sign::OneOf(&["@"]), Sign::OneOf(&[":"])],
        r#"(?-u:\b)[A-Za-z0-9._~%+:-]+:[^\s/"'@:]+@"#,
        "…@",
    ),
    Shape::new(
        SecretKind::Login,
        &[Sign::OneOf(&[":"]), Sign::OneOf(&["-u"])],
        r#"(?-u:(\s))(-u[ \t]*|--(?:proxy-)?user[ \t=]+)["']?[^\s:"']+:[^\s"']+"#,
        "${1}${2}…",
    ),
    // `--token X`, `token=X`, `"token": "X"`, `NP_SECRET=X`.
    Shape::new(
        SecretKind::Named,
        &[Sign::OneOf(&["=", ":"]), Sign::Name],
        r#"(?i)((?:--?|(?-u:\b))[A-Za-z0-9_-]*(?:token|secret|passw(?:or)?d|_pass|_pwd|passphrase|credentials?|(?:api|access|private|secret)[_-]?key)(?:["']?[ \t]*=[ \t]*|["'][ \t]*:[ \t]*))(?:"[^"]*"?|'[^']*'?|[^\s"',;&}]+)"#,
        "${1}…",
    ),
    Shape::new(
        SecretKind::Named,
        &[Sign::OneOf(&["--", ":"]), Sign::Name],
        r#"(?i)(--(?:[A-Za-z0-9_-]*-)?(?:token|secret|password|api-key)[ \t]+|(?-u:\b)[A-Za-z0-9_-]*(?:token|secret|passw(?:or)?d|_pass|_pwd|passphrase|credentials?|(?:api|access|private|secret)[_-]?key)[ \t]*:[ \t]*)(?:"[^"]*"?|'[^']*'?|[A-Za-z0-9_.~+/=-]{16,}|\S*[0-9]\S*)"#,
        "${1}…",
    ),
    // A line of YAML, or an entry of its braces: there a plain word is a value, and no prose.
    Shape::new(
        SecretKind::Named,
        &[Sign::OneOf(&[":"]), Sign::Name],
        r#"(?im)((?:^[ \t]*(?:-[ \t]+)?|[{,][ \t]*)["']?[A-Za-z0-9_-]*(?:token|secret|passw(?:or)?d|_pass|_pwd|passphrase|credentials?|(?:api|access|private|secret)[_-]?key)["']?[ \t]*:[ \t]+)(?:"[^"\n]*"?|'[^'\n]*'?|[^\s"',{}\[|>#]+)([ \t\r]*(?:$|[,}]))"#,
        "${1}…${2}",
    ),
    // Cookies, to the end of their line.
    Shape::new(
        SecretKind::Cookie,
        &[Sign::OneOf(&["cookie"])],
        r#"(?i)(?-u:\b)((?:set-)?cookie["']?[ \t]*[:=][ \t]*["']?)[^\r\n"']+"#,
        "${1}…",
    ),
];

/// Letters beyond ASCII that have an ASCII letter for another case, and so are in a match without being a sign.
const FOLDED: [char; 2] = ['\u{17f}', '\u{212a}'];

impl Signs<'_> {
    fn have_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| match word.as_bytes() {
            [byte] => memchr(*byte, self.lowered).is_some(),
            word => memmem::find(self.lowered, word).is_some(),
        })
    }
}

impl Shape {
    const fn new(
        kind: SecretKind,
        signs: &'static [Sign],
        pattern: &'static str,
        kept: &'static str,
    ) -> Self {
        Self {
            kind,
            signs,
            pattern,
            kept,
            compiled: OnceLock::new(),
        }
    }

    fn may_be_in(&self, signs: &Signs<'_>) -> bool {
        self.signs.iter().all(|sign| match sign {
            Sign::OneOf(words) => signs.have_one_of(words),
            Sign::Name => *signs.named.get_or_init(|| signs.have_one_of(&NAMES)),
        })
    }

    #[expect(
        clippy::expect_used,
        reason = "the patterns are literals, and a test here compiles every one"
    )]
    fn regex(&self) -> &Regex {
        let compile = || Regex::new(self.pattern).expect("a literal pattern");
        self.compiled.get_or_init(compile)
    }
}

/// The text without what looks like a secret, as it stands and as it is encoded in Base64, hexadecimal, URLs and JSON.
pub fn redact(text: &str) -> String {
    encoded::through(text, &shapes, &mut |_| {})
}

/// The same, without what `plain` leaves out as well; every secret that is left out is told.
pub fn redact_with(text: &str, plain: &Plain<'_>, found: &mut dyn FnMut(SecretKind)) -> String {
    let both = |text: &str, found: &mut dyn FnMut(SecretKind)| {
        let text = plain(text, found);
        shapes(&text, found)
    };
    encoded::through(text, &both, found)
}

/// Leaves secrets out of a text that is not encoded, and tells of each.
pub type Plain<'a> = dyn Fn(&str, &mut dyn FnMut(SecretKind)) -> String + 'a;

/// The text without what looks like a secret as it stands.
fn shapes(text: &str, found: &mut dyn FnMut(SecretKind)) -> String {
    let lowered = text.to_ascii_lowercase();
    let signs = Signs {
        lowered: lowered.as_bytes(),
        named: OnceCell::new(),
    };
    let odd = !text.is_ascii() && text.contains(FOLDED);
    let mut text = Cow::Borrowed(text);
    for shape in &SECRETS {
        // What one leaves out adds no sign for the next.
        if !odd && !shape.may_be_in(&signs) {
            continue;
        }
        let without = |captures: &regex::Captures<'_>| {
            let mut kept = String::new();
            captures.expand(shape.kept, &mut kept);
            if kept != captures[0] {
                found(shape.kind);
            }
            kept
        };
        if let Cow::Owned(redacted) = shape.regex().replace_all(&text, without) {
            text = Cow::Owned(redacted);
        }
    }
    text.into_owned()
}

/// One line to quote: without secrets, runs of blanks and line ends made one blank, other control characters made
/// U+FFFD, at most 200 characters.
pub fn excerpt(text: &str) -> String {
    let mut line = String::new();
    for word in redact(text).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&printable(word));
    }
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => {
            line.truncate(end);
            line.push('…');
            line
        }
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn no_secret_hides_for_want_of_a_sign() {
        let all = |text: &str| {
            SECRETS.iter().fold(text.to_owned(), |text, shape| {
                shape.regex().replace_all(&text, shape.kept).into_owned()
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
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn an_excerpt_is_one_bounded_line() {
        assert_eq!(excerpt("a\n  b\t\u{1b}[31mc"), "a b \u{fffd}[31mc");
        assert_eq!(excerpt(&"é".repeat(500)).chars().count(), EXCERPT + 1);
    }
}
