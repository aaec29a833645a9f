//! Names that stand for names: of hosts, label by label, so that what is below a domain stays below it; and of users.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Last labels that tell nobody who somebody is, and by which a name in a text is recognised as one.
const COMMON: &str = "com net org edu gov mil int info biz eu io dev app cloud ai tech systems online site \
    local internal intranet intra corp lan home private localdomain localhost arpa example test onion \
    de fr uk us ch at nl es pl se fi dk jp cn br au ca ru cz pt hu ro gr tr kr mx za nz sg hk tw il ie lu sk si hr bg lt lv ee ua";

/// Names that are everybody's.
const EVERYBODYS: [&str; 8] = [
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
    "example.com",
    "nexplane.example.com",
];

/// Users that every system has, or the agent.
const USUAL: &str = "root nobody daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats _apt \
    messagebus sshd chrony ntp nexplane nexplane-agent unknown users nogroup adm sudo wheel localsystem system";

/// Words that are names only where nothing else stands: a text has them in another sense.
const ORDINARY: &str = "agent admin administrator service server client control plane proxy host name user test linux \
    windows debian ubuntu error fatal info warning warn debug token certificate connection network time clock http https \
    config file true false none null yes stopped started failed active enabled disabled unknown healthy main default \
    to is in on at of by no an as or if it us we do go ok id ip os io ca cn ou st tls tcp udp dns ntp api url log key crt pem \
    etc usr var bin run lib tmp dev opt ssl end the and for not has had was with from all any can may new old now out set get \
    put use one two root system daemon task tasks cert json yaml text data null mode level state status";

/// What stands for what.
#[derive(Default)]
pub(super) struct Names {
    /// Whole names of hosts that are known to be ones, in lower case.
    hosts: BTreeSet<String>,
    labels: BTreeMap<String, String>,
    users: BTreeMap<String, String>,
    /// Parts of the names in certificates, the longest first.
    phrases: Vec<(String, String)>,
}

impl Names {
    /// Takes note of a host's name, wherever it was seen.
    pub(super) fn add_host(&mut self, name: &str) {
        let name = name
            .trim_matches('.')
            .trim_start_matches("*.")
            .to_ascii_lowercase();
        let is_name = name.split('.').all(is_label) && name.parse::<IpAddr>().is_err();
        if is_name && !is_everybodys(&name) && !is_number(&name) {
            if !name.contains('.') {
                self.label(&name);
            }
            self.hosts.insert(name);
        }
    }

    /// Takes note of a user's or group's name.
    pub(super) fn add_user(&mut self, name: &str) {
        let usual = has(USUAL, &name.to_ascii_lowercase())
            || name.starts_with("systemd-")
            || is_number(name);
        if !usual && !name.is_empty() && !self.users.contains_key(name) {
            let stand_in = format!("user-{}", self.users.len() + 1);
            self.users.insert(name.to_owned(), stand_in);
        }
    }

    /// Takes note of a part of a certificate's name; says what stands for it.
    pub(super) fn phrase(&mut self, part: &str) -> String {
        if let Some((_, stand_in)) = self.phrases.iter().find(|(known, _)| known == part) {
            return stand_in.clone();
        }
        let stand_in = format!("Name {}", self.phrases.len() + 1);
        self.phrases.push((part.to_owned(), stand_in.clone()));
        self.phrases
            .sort_by_key(|(part, _)| std::cmp::Reverse(part.len()));
        stand_in
    }

    /// A text in which no phrase is left that is long enough to be nothing else.
    pub(super) fn without_phrases(&self, text: &str) -> String {
        const UNMISTAKABLE: usize = 8;
        let long = self
            .phrases
            .iter()
            .filter(|(part, _)| part.len() >= UNMISTAKABLE);
        long.fold(text.to_owned(), |text, (part, stand_in)| {
            match text.contains(part.as_str()) {
                true => text.replace(part.as_str(), stand_in),
                false => text,
            }
        })
    }

    /// What stands for a word of a text, which may end in a point; `alone` is whether nothing else stands there.
    pub(super) fn word(&mut self, word: &str, alone: bool) -> Option<String> {
        let body = word.trim_matches(['.', '-']);
        let at = word.find(body)?;
        let (before, after) = (&word[..at], &word[at + body.len()..]);
        let stand_in = self.name(body, alone)?;
        Some(format!("{before}{stand_in}{after}"))
    }

    fn name(&mut self, name: &str, alone: bool) -> Option<String> {
        if let Some(user) = self.users.get(name) {
            let user = user.clone();
            return (alone || is_telling(name)).then_some(user);
        }
        let lowered = name.to_ascii_lowercase();
        if lowered.contains('.') {
            return self.is_host(&lowered).then(|| self.host(&lowered));
        }
        let known = self.hosts.contains(&lowered) && (alone || is_telling(&lowered));
        known.then(|| self.label(&lowered))
    }

    /// Whether a name with points in it is a host's.
    fn is_host(&self, name: &str) -> bool {
        if is_everybodys(name) || !name.split('.').all(is_label) || is_number(name) {
            return false;
        }
        let below = |host: &String| {
            name.strip_suffix(host.as_str())
                .is_some_and(|rest| rest.ends_with('.'))
        };
        let above = |host: &String| {
            host.strip_suffix(name)
                .is_some_and(|rest| rest.ends_with('.'))
        };
        let last = name.rsplit('.').next().unwrap_or_default();
        self.hosts.contains(name)
            || self.hosts.iter().any(|host| below(host) || above(host))
            || has(COMMON, last)
    }

    fn host(&mut self, name: &str) -> String {
        let labels: Vec<&str> = name.split('.').collect();
        let last = labels.len() - 1;
        let stand_ins = labels.iter().enumerate().map(|(index, label)| {
            match index == last && has(COMMON, label) {
                true => (*label).to_owned(),
                false => self.label(label),
            }
        });
        stand_ins.collect::<Vec<_>>().join(".")
    }

    fn label(&mut self, label: &str) -> String {
        let next = self.labels.len() + 1;
        let stand_in = self.labels.entry(label.to_owned());
        stand_in.or_insert_with(|| format!("name-{next}")).clone()
    }
}

/// Whether a word on its own is hardly anything but this name.
fn is_telling(word: &str) -> bool {
    word.len() >= 2 && !has(ORDINARY, &word.to_ascii_lowercase())
}

fn is_everybodys(name: &str) -> bool {
    EVERYBODYS.contains(&name)
}

fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty() && label.len() <= 63 && label.bytes().all(plain)
}

fn is_number(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn has(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|it| it == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_names_and_what_is_below_a_domain_stays_below_it() {
        let mut names = Names::default();
        names.add_host("Web-01");
        names.add_host("nexplane.acme");
        names.add_user("alice");
        let mut of = |word: &str| names.word(word, false);
        assert_eq!(of("web-01").as_deref(), Some("name-1"));
        assert_eq!(of("nexplane.acme").as_deref(), Some("name-2.name-3"));
        assert_eq!(
            of("Db.nexplane.ACME.").as_deref(),
            Some("name-4.name-2.name-3.")
        );
        assert_eq!(of(".acme.com").as_deref(), Some(".name-3.com"));
        assert_eq!(of("web-01.acme.com").as_deref(), Some("name-1.name-3.com"));
        assert_eq!(of("alice").as_deref(), Some("user-1"));
        for other in [
            "config.yaml",
            "nexplane-agent.service",
            "localhost",
            "1.2.3",
            "alice2",
            "net.go",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn an_ordinary_word_is_a_name_only_where_nothing_else_stands() {
        let mut names = Names::default();
        names.add_host("agent");
        assert_eq!(names.word("agent", false), None);
        assert_eq!(names.word("agent", true).as_deref(), Some("name-1"));
    }
}
