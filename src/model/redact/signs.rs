//! Signs of secrets: words and characters of which there are some in every text with a secret. A text is looked through for all
//! of them at once, and most have none.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::shapes::SECRETS;

/// What there is in a text, in whatever case.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    /// One of these characters of ASCII.
    Char(&'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A name whose value is a secret.
    Name,
    /// A name that means other things, too.
    ShortName,
    /// Either of them.
    AnyName,
    /// How a token begins that a service issues to its customers.
    Issued,
}

const NAMES: [&str; 22] = [
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
    "accountkey",
    "account-key",
    "account_key",
    "authkey",
    "auth-key",
    "auth_key",
    "privatekey",
    "private-key",
    "private_key",
];
const SHORT_NAMES: [&str; 5] = ["auth", "login", "pass", "pin", "pwd"];
/// What stands behind a name that has a value.
const ENDS: [&str; 9] = [":", "=", "\"", "'", ">", " :", " =", "\t:", "\t="];
const ISSUED: [&str; 21] = [
    "akia",
    "asia",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "xapp-",
    "k_live_",
    "k_test_",
    "aiza",
    "ya29.",
    "npm_",
    "hvs.",
    "sg.",
    "dop_v1_",
    "age-secret-key-",
    "tskey-",
];

const NAME: u64 = 1;
const SHORT_NAME: u64 = 2;
const ISSUED_BIT: u64 = 4;
/// The first of the bits for words of a single shape.
const FREE: u64 = 8;

/// All words, and which signs each of them is.
struct Words {
    automaton: Option<AhoCorasick>,
    signs: Vec<u64>,
    /// What each of the shapes needs: at least one bit of each.
    needs: Vec<Vec<Need>>,
}

#[derive(Clone, Copy)]
enum Need {
    Char(u128),
    Word(u64),
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut words: Vec<(String, u64)> = Vec::new();
    words.extend(NAMES.map(|name| (name.to_owned(), NAME)));
    for name in SHORT_NAMES {
        words.extend(ENDS.map(|end| (format!("{name}{end}"), SHORT_NAME)));
    }
    words.extend(ISSUED.map(|token| (token.to_owned(), ISSUED_BIT)));
    let mut free = FREE;
    let mut need = |sign: &Sign| match sign {
        Sign::Char(chars) => Need::Char(chars.bytes().fold(0, |all, byte| all | bit(byte))),
        Sign::Name => Need::Word(NAME),
        Sign::ShortName => Need::Word(SHORT_NAME),
        Sign::AnyName => Need::Word(NAME | SHORT_NAME),
        Sign::Issued => Need::Word(ISSUED_BIT),
        Sign::Word(of_shape) => {
            let sign = free;
            words.extend(of_shape.iter().map(|word| ((*word).to_owned(), sign)));
            free <<= 1;
            Need::Word(sign)
        }
    };
    let needs = SECRETS
        .iter()
        .map(|shape| shape.signs.iter().map(&mut need).collect());
    let needs = needs.collect();
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .build(words.iter().map(|(word, _)| word));
    Words {
        automaton: automaton.ok(),
        signs: words.into_iter().map(|(_, sign)| sign).collect(),
        needs,
    }
});

const fn bit(byte: u8) -> u128 {
    1 << (byte & 127)
}

/// Letters beyond ASCII that have an ASCII letter for another case, and so are in a match without being a sign.
const FOLDED: [char; 2] = ['\u{17f}', '\u{212a}'];

/// The signs that there are in a text.
pub(super) struct Signs {
    chars: u128,
    words: u64,
}

impl Signs {
    /// Those of this text.
    pub(super) fn of(text: &str) -> Self {
        let mut chars = 0;
        let mut beyond = false;
        for byte in text.bytes() {
            chars |= bit(byte);
            beyond |= byte >= 128;
        }
        let words = match &WORDS.automaton {
            Some(automaton) if !(beyond && text.contains(FOLDED)) => {
                let found = automaton.find_overlapping_iter(text);
                found.fold(0, |all, found| {
                    all | WORDS.signs[found.pattern().as_usize()]
                })
            }
            // Any may be there.
            _ => u64::MAX,
        };
        Self { chars, words }
    }

    /// Whether there is a name that something may be said of.
    pub(super) const fn name_a_value(&self) -> bool {
        self.words & (NAME | SHORT_NAME) != 0 && self.chars & (bit(b':') | bit(b'=')) != 0
    }

    /// Whether there can be a secret of this shape.
    pub(super) fn have(&self, shape: usize) -> bool {
        WORDS.needs[shape].iter().all(|need| match need {
            Need::Char(any) => self.chars & any != 0,
            Need::Word(any) => self.words & any != 0,
        })
    }
}
