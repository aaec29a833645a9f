//! The file that the agent was told to take its CA from: is it of any use? Pure.

use crate::checks::agent_user::{Access, AgentUser};
use crate::contract::chain::Certificate;
use crate::host::{Content, HostPath, Seen, Stat, Unseen};

/// More certificates than any such file holds: a whole store has some 150.
const MOST: usize = 500;

/// A file and what was seen of it.
#[derive(Debug)]
pub(super) struct CaFile {
    pub(super) path: HostPath,
    /// What names it: `ca_cert`, `--ca-cert`.
    pub(super) named_by: &'static str,
    pub(super) content: Seen<Content>,
    pub(super) stat: Seen<Stat>,
}

/// What it is good for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It holds these.
    Anchors(Vec<Certificate>),
    /// Nothing: why, in words that finish "the file …".
    None(String),
    /// The doctor may not look.
    Unknown(String),
}

impl CaFile {
    /// Whether the doctor can read it and the agent's user cannot.
    pub(super) fn is_closed_to(&self, user: &AgentUser) -> bool {
        self.content.is_ok() && self.named_by != FLAG && user.access(&self.stat) == Access::Unreadable
    }

    /// Judges it, as the agent's user would find it; `leaf` is the server's certificate, which may stand in it itself.
    pub(super) fn judge(&self, user: &AgentUser, leaf: Option<&Certificate>) -> Use {
        let text = match &self.content {
            Ok(content) => &content.text,
            Err(Unseen::Absent) => return Use::None("is not there".into()),
            // A machine under load is slow to read, which says nothing of the file.
            Err(unseen @ (Unseen::Denied | Unseen::NotRecorded | Unseen::TimedOut { .. })) => {
                return Use::Unknown(unseen.to_string());
            }
            Err(unseen) => return Use::None(format!("cannot be read: {unseen}")),
        };
        if self.is_closed_to(user) {
            let path = self.path.path().display().to_string();
            let says = user.says_unreadable(&path, &self.stat, true);
            return Use::None(format!("cannot be read by the agent's user `{}`. {}", user.name, says.trim_end_matches('.')));
        }
        anchors(text, leaf)
    }
}

/// How a file is named that the caller gave, which the agent's user need not be able to read.
pub(super) const FLAG: &str = "--ca-cert";

fn anchors(text: &str, leaf: Option<&Certificate>) -> Use {
    let found = Certificate::all(text, MOST);
    if found.is_empty() {
        return Use::None(nothing(text));
    }
    let mut usable = Vec::new();
    let mut damage = None;
    for certificate in found {
        match certificate {
            Ok(certificate) => usable.push(certificate),
            Err(why) => damage = Some(why),
        }
    }
    let is_leaf = |it: &Certificate| leaf.is_some_and(|leaf| leaf.der == it.der);
    let first = usable.first().map(|it| it.subject.clone());
    usable.retain(|it| it.can_be_anchor() || is_leaf(it));
    match (usable.is_empty(), first, damage) {
        (false, ..) => Use::Anchors(usable),
        (true, Some(subject), _) => Use::None(format!(
            "holds no certificate of a CA: `{subject}` is one of a server or a client"
        )),
        (true, None, damage) => Use::None(format!(
            "holds a certificate that cannot be used: {}",
            damage.unwrap_or_default()
        )),
    }
}

fn nothing(text: &str) -> String {
    if text.trim().is_empty() {
        "is empty"
    } else if text.contains("PRIVATE KEY") {
        "holds a private key and no certificate"
    } else {
        "holds no certificate in PEM"
    }
    .into()
}
