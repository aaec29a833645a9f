//! What a secret looks like within a line, as data: a pattern, what is kept of it, and the signs without which there is none.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::{Captures, Regex};

use super::signs::Sign;
use super::{SecretKind, spared};

/// A name whose value is a secret, whatever stands before it in the name.
macro_rules! name {
    () => {
        r"[A-Za-z0-9_-]*(?:tokens?|secrets?|passw(?:or)?ds?|_pass|_pwd|passphrases?|credentials?|(?:api|access|account|auth|private|secret)[_-]?keys?)"
    };
}

/// Names that mean other things, too: they count as whole words, and where a value follows that may be a secret.
macro_rules! short_name {
    () => {
        r"(?:(?-u:\b)(?:[A-Za-z0-9_-]+[_-])?(?:auth|login|pass|pin|pwd))"
    };
}

/// What stands between a name and its value.
macro_rules! is {
    () => {
        r#"(?:["']?\]?[ \t]*(?::=|==?>?)[ \t]*|["'][ \t]*:[ \t]*)"#
    };
}

/// What stands in quotes, to its end or to that of the text.
macro_rules! quoted {
    () => {
        r#"(?:"""(?s:.*?)(?:"""|$)|'''(?s:.*?)(?:'''|$)|"(?:(?s:\\.)|[^"\\])*"?|'[^']*'?)"#
    };
}

/// A value: in quotes, or a word.
macro_rules! value {
    () => {
        concat!("(?:", quoted!(), r#"|[^\s"',;&}]+)"#)
    };
}

pub(super) use {name, short_name};

/// Whether a match is none, though it looks like one.
type Spares = fn(&Captures<'_>, &str) -> bool;

/// What a secret looks like, and what is kept of it.
pub(super) struct Shape {
    pub(super) kind: SecretKind,
    /// In every text with such a secret there are all of these. Most texts have none: an expression takes longer to build than
    /// all of them to search.
    pub(super) signs: &'static [Sign],
    pattern: &'static str,
    kept: &'static str,
    spares: Spares,
    compiled: OnceLock<Regex>,
}

/// ASCII alone: a secret is, and the tables of Unicode would take longer to build than a diagnosis takes.
pub(super) static SECRETS: [Shape; 22] = [
    // PEM, OpenSSH and PGP private keys, also cut short ones.
    Shape::new(
        SecretKind::PrivateKey,
        &[Sign::Word(&["private key", "private+key"])],
        r"(?s)-{4,5} ?BEGIN[A-Z0-9 +]*PRIVATE[ +]KEY(?:[ +]BLOCK)? ?-{4,5}.*?(?:-{4,5} ?END[A-Z0-9 +]*PRIVATE[ +]KEY(?:[ +]BLOCK)? ?-{4,5}|$)",
        "…",
    ),
    // PuTTY's.
    Shape::new(
        SecretKind::PrivateKey,
        &[Sign::Word(&["private-lines:"])],
        r"(?s)Private-Lines:.*?(?:Private-(?:MAC|Hash): ?[0-9a-fA-F]*|$)",
        "…",
    ),
    // JSON Web Tokens.
    Shape::new(
        SecretKind::Token,
        &[Sign::Char("."), Sign::Word(&["eyj"])],
        r"(?-u:\b)eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?",
        "…",
    ),
    // Nexplane's own tokens.
    Shape::new(
        SecretKind::Token,
        &[Sign::Char("_"), Sign::Word(&["nx"])],
        r"(?-u:\b)nx[a-z]{0,2}_[A-Za-z0-9_-]{6,}",
        "…",
    ),
    // Those of AWS, GitHub, GitLab, Slack, Stripe, Google, npm, Vault, SendGrid, DigitalOcean, age, Tailscale.
    Shape::new(
        SecretKind::Token,
        &[Sign::Issued],
        r"(?-u:\b)(?:A(?:KIA|SIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|AIza[0-9A-Za-z_-]{30,}|ya29\.[0-9A-Za-z_-]{16,}|npm_[A-Za-z0-9]{30,}|hvs\.[A-Za-z0-9_-]{16,}|SG\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}|dop_v1_[0-9a-f]{32,}|AGE-SECRET-KEY-1[0-9A-Z]{16,}|tskey-[A-Za-z0-9-]{10,})",
        "…",
    ),
    // URLs that are a secret themselves, or signed.
    Shape::new(
        SecretKind::Token,
        &[Sign::Word(&["hooks.slack.com/", "sig=", "signature=", "security-token="])],
        r#"(?i)(hooks\.slack\.com/[a-z]+/|[?&;](?:sig|(?:x-amz-)?signature|x-amz-security-token)=)[^\s"'&;]+"#,
        "${1}…",
    ),
    // HTTP credentials, with or without their header.
    Shape::new(
        SecretKind::HttpCredentials,
        &[Sign::Word(&["authorization"])],
        r#"(?i)(?-u:\b)(authorization(?:["']?\s*(?:[:=]|=>)\s*\[?\s*["']?|["']\s*,\s*["']))(?:[A-Za-z0-9_-]+[ \t]+)?(?:[a-z]+=(?:"[^"\r\n]*"?|[^\s"',]+)(?:,[ \t]*[a-z]+=(?:"[^"\r\n]*"?|[^\s"',]+))*|[^\s"',]+)"#,
        "${1}…",
    ),
    Shape::new(
        SecretKind::HttpCredentials,
        &[Sign::Word(&["bearer", "basic", "negotiate", "ntlm"])],
        r"(?i)(?-u:\b)((?<scheme>bearer|basic|negotiate|ntlm)[ \t+]+)(?<value>[^\s\x22',]+)",
        "${1}…",
    )
    .but(spared::no_credentials),
    // User and password of a URL, also of one that is written badly.
    Shape::new(
        SecretKind::Login,
        &[Sign::Char("@"), Sign::Word(&["//"])],
        r#"(?i)(?-u:\b)([a-z][a-z0-9+.-]*:?//)[^\s"']*@"#,
        "${1}…@",
    ),
    Shape::new(
        SecretKind::Login,
        &[Sign::Char("@"), Sign::Word(&["control_plane"])],
        r#"(?im)^(\s*["']?(?:control_plane)["']?\s*[:=]\s*)\S+[ \t][^#\n]*@"#,
        "${1}…@",
    ),
    // The same without a scheme, and as curl's `-u` takes them.
    Shape::new(
        SecretKind::Login,
        &[Sign::Char("@"), Sign::Char(":")],
        r#"(?-u:\b)[A-Za-z0-9._~%+:-]+:[^\s/"'@:]+@"#,
        "…@",
    ),
    Shape::new(
        SecretKind::Login,
        &[Sign::Char(":"), Sign::Word(&["-u"])],
        r#"(?-u:(\s))(-u[ \t]*|--(?:proxy-)?user[ \t=]+)["']?[^\s:"']+:[^\s"']+"#,
        "${1}${2}…",
    ),
    // `-p X`, `-pX`: a password, or a port, a path, a priority.
    Shape::new(
        SecretKind::Named,
        &[
            Sign::Word(&["-p"]),
            Sign::Word(&[" -p", "\t-p", "\n-p", "\"-p", "'-p"]),
        ],
        concat!(
            r#"([\s"']-p)(?<is>(?:[ \t]+|=|["'][ \t,]+)?)(?<value>"#,
            quoted!(),
            r#"|[^\s"',;]+)"#
        ),
        "${1}${is}…",
    )
    .but(spared::no_password),
    // `--token X`, `--pass X`, `-secret X`.
    Shape::new(
        SecretKind::Named,
        &[
            Sign::Char("-"),
            Sign::Word(&["token", "secret", "pass", "pwd", "credential", "auth", "-pin", "key"]),
        ],
        concat!(
            r#"(?i)((?:--|(?:^|[\s"'`(\[=])-)(?:[A-Za-z0-9_-]*[_-])?(?:token|secret|passw(?:or)?d|pass(?:phrase)?|pwd|credentials?|auth|pin|(?:api|access|private|secret)[_-]?key)(?:[ \t]+|["'][ \t]*,[ \t]*))(?<value>"#,
            quoted!(),
            r#"|[^\s"',;]+)"#
        ),
        "${1}…",
    )
    .but(spared::no_argument),
    // `token=X`, `"token": "X"`, `NP_SECRET=X`, `token => X`.
    Shape::new(
        SecretKind::Named,
        &[Sign::Char("=:"), Sign::Name],
        concat!(r"(?i)((?:--?|(?-u:\b))", name!(), is!(), ")", value!()),
        "${1}…",
    ),
    Shape::new(
        SecretKind::Named,
        &[Sign::Char("=:"), Sign::ShortName],
        concat!(
            "(?i)((?<name>",
            short_name!(),
            ")",
            is!(),
            ")(?<value>",
            value!(),
            ")"
        ),
        "${1}…",
    )
    .but(spared::no_value),
    // `token: X` within words, where X is none.
    Shape::new(
        SecretKind::Named,
        &[Sign::Char(":"), Sign::Name],
        concat!(
            r"(?i)((?-u:\b)",
            name!(),
            r"[ \t]*:[ \t]*)(?:",
            quoted!(),
            r"|[A-Za-z0-9_.~+/=-]{16,}|\S*[0-9]\S*)"
        ),
        "${1}…",
    ),
    // `pass:X`, as OpenSSL takes it, and its like.
    Shape::new(
        SecretKind::Named,
        &[Sign::Word(&["pass:", "passwd:", "password:", "passphrase:", "_pwd:"])],
        r#"(?i)((?-u:\b)(?:[A-Za-z0-9_-]*(?:passw(?:or)?d|passphrase|_pass|_pwd)|pass):)[^\s:"',;][^\s"',;]*"#,
        "${1}…",
    ),
    // An entry of YAML's braces: there a plain word is a value, and no prose.
    Shape::new(
        SecretKind::Named,
        &[Sign::Char("{,"), Sign::AnyName],
        concat!(
            r#"(?i)([{,][ \t]*["']?(?<name>"#,
            name!(),
            "|",
            short_name!(),
            r#")["']?[ \t]*:[ \t]+)(?<value>"#,
            quoted!(),
            r#"|[^\s"',{}\[|>#]+)([ \t\r]*(?:[,}\n]|$))"#
        ),
        "${1}…${4}",
    )
    .but(spared::no_value),
    // The name in one place and the value in the next: elements of XML, `name: X` with `value: Y`.
    Shape::new(
        SecretKind::Named,
        &[Sign::AnyName, Sign::Char("<")],
        concat!(
            r#"(?i)(<(?:[A-Za-z0-9_.:-]*(?:"#,
            name!(),
            "|",
            short_name!(),
            r#")(?:\s[^<>]*)?|[A-Za-z0-9_.:-]+\s[^<>]*(?:name|key|id)=["'][^"'<>]*"#,
            name!(),
            r#"["'][^<>]*)>)(?<value><!\[CDATA\[[^<]*|[^<]+)"#
        ),
        "${1}…",
    )
    .but(spared::no_content),
    Shape::new(
        SecretKind::Named,
        &[Sign::Word(&["value"])],
        concat!(
            r#"(?i)((?-u:\b)(?:name|key|id|field|header)["']?[ \t]*[:=][ \t]*["']?(?:[A-Za-z0-9_.-]*(?:authorization|cookie|"#,
            name!(),
            ")|",
            short_name!(),
            r#")["']?[\s,;]+["']?value["']?[ \t]*[:=][ \t]*)(?<value>"#,
            quoted!(),
            r#"|[^\r\n"',}>|]+)"#
        ),
        "${1}…",
    ),
    // Cookies, to the end of their line.
    Shape::new(
        SecretKind::Cookie,
        &[Sign::Word(&["cookie"])],
        r#"(?i)(?-u:\b)((?:set-)?cookie(?:["']?[ \t]*[:=][ \t]*\[?[ \t]*["']?|["'][ \t]*,[ \t]*["']))[^\r\n"']+"#,
        "${1}…",
    ),
];

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
            spares: |_, _| false,
            compiled: OnceLock::new(),
        }
    }

    /// Not where this says that it is none.
    const fn but(mut self, spares: Spares) -> Self {
        self.spares = spares;
        self
    }

    /// The text without them, if there is one; each is told.
    pub(super) fn leave_out(
        &self,
        text: &str,
        found: &mut dyn FnMut(SecretKind),
    ) -> Option<String> {
        let without = |captures: &Captures<'_>| {
            if spared::is_left_out(captures) || (self.spares)(captures, text) {
                return captures[0].to_owned();
            }
            let mut kept = String::new();
            captures.expand(self.kept, &mut kept);
            if kept != captures[0] {
                found(self.kind);
            }
            kept
        };
        match self.regex().replace_all(text, without) {
            Cow::Owned(text) => Some(text),
            Cow::Borrowed(_) => None,
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "the patterns are literals, and a test compiles every one"
    )]
    fn regex(&self) -> &Regex {
        let compile = || Regex::new(self.pattern).expect("a literal pattern");
        self.compiled.get_or_init(compile)
    }
}
