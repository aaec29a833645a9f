//! Text from outside made fit to be shown: no secret, no control character, a bounded length.
//!
//! Logs, configurations and answers of servers are quoted as evidence, and any of them may hold a token, a password or a
//! key. What looks like one is left out, rather too much than too little. Nothing here knows where the text is from.

use super::printable;

mod blocks;
mod encoded;
mod shapes;
mod signs;
mod spared;
#[cfg(test)]
mod tests;

use shapes::SECRETS;
use signs::Signs;

/// The longest excerpt, in characters.
const EXCERPT: usize = 200;
/// What stands where a secret stood.
const MARK: &str = "…";

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

/// Whether what has this name is a secret: a variable, a header.
pub fn names_a_secret(name: &str) -> bool {
    let assignment = format!("{name}=x");
    redact(&assignment) != assignment
}

/// Leaves secrets out of a text that is not encoded, and tells of each.
pub type Plain<'a> = dyn Fn(&str, &mut dyn FnMut(SecretKind)) -> String + 'a;

/// The text without what looks like a secret as it stands.
fn shapes(text: &str, found: &mut dyn FnMut(SecretKind)) -> String {
    let signs = Signs::of(text);
    let mut without = blocks::leave_out(text, &signs, found);
    // What one leaves out adds no sign for the next.
    for (_, shape) in SECRETS.iter().enumerate().filter(|(at, _)| signs.have(*at)) {
        let text = without.as_deref().unwrap_or(text);
        without = shape.leave_out(text, found).or(without);
    }
    without.unwrap_or_else(|| text.to_owned())
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
