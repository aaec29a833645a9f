//! What this host's files say of names: resolv.conf(5) and hosts(5), read from their text.
//!
//! hickory has readers of both; its reader of resolv.conf asks the machine for its own name on the way, gives up on a
//! single bad search domain and is not there on every system, so it does not fit a diagnosis of recorded text.

use std::net::IpAddr;
use std::time::Duration;

/// The most nameservers that the system's resolver asks (`MAXNS`).
const NAMESERVERS: usize = 3;
/// The most search domains that are tried.
const SEARCH: usize = 6;

/// What resolv.conf says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResolvConf {
    /// Nameservers, in the order in which they are asked.
    pub(super) nameservers: Vec<IpAddr>,
    /// Domains to append to short names.
    pub(super) search: Vec<String>,
    /// Names with at least so many dots are tried as they are first.
    ndots: usize,
    /// How long a resolver waits for one nameserver before it asks the next.
    pub(super) timeout: Duration,
    /// Whether it begins with another nameserver each time.
    pub(super) rotate: bool,
}

impl ResolvConf {
    /// Reads the text. What it does not say is as the system's resolver has it: one dot, five seconds, the domain of the host's
    /// own name.
    pub(super) fn parse(text: &str, hostname: &str) -> Self {
        let mut conf = Self {
            nameservers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            rotate: false,
        };
        let mut search = None;
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => conf.nameservers.extend(words.next().and_then(address)),
                Some("search") => search = Some(words.map(domain).collect()),
                Some("domain") => search = Some(words.take(1).map(domain).collect()),
                Some("options") => words.for_each(|option| conf.option(option)),
                _ => {}
            }
        }
        conf.nameservers.truncate(NAMESERVERS);
        conf.search = search.unwrap_or_else(|| {
            let own = hostname
                .split_once('.')
                .map(|(_, domain)| domain.to_owned());
            own.into_iter().collect()
        });
        conf.search.retain(|domain| !domain.is_empty());
        conf.search.truncate(SEARCH);
        conf
    }

    /// One of the `options`; the last of a kind counts, and what is no number is passed over.
    fn option(&mut self, option: &str) {
        let (name, value) = option.split_once(':').unwrap_or((option, ""));
        match (name, value.parse::<u32>()) {
            ("ndots", Ok(dots)) => self.ndots = dots.min(15) as usize,
            ("timeout", Ok(seconds)) => {
                self.timeout = Duration::from_secs(u64::from(seconds.clamp(1, 30)));
            }
            ("rotate", _) => self.rotate = true,
            _ => {}
        }
    }

    /// The fully qualified names that the resolver tries for `name`, in its order.
    pub(super) fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let searched = self.search.iter().map(|domain| format!("{name}.{domain}"));
        let as_it_is = std::iter::once(name.to_owned());
        let mut candidates: Vec<_> = if name.matches('.').count() >= self.ndots {
            as_it_is.chain(searched).collect()
        } else {
            searched.chain(as_it_is).collect()
        };
        candidates.retain(|candidate| candidate.len() <= 253);
        candidates
    }
}

/// An address; the zone of a link-local one (`fe80::1%eth0`) is left out.
fn address(word: &str) -> Option<IpAddr> {
    word.split('%').next()?.parse().ok()
}

fn domain(word: &str) -> String {
    word.trim_end_matches('.').to_owned()
}

/// The addresses that the hosts file gives a name, in its order.
pub(super) fn hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let name = name.trim_end_matches('.');
    let mut found = Vec::new();
    for line in text.lines() {
        let entry = line.split('#').next().unwrap_or_default();
        let mut words = entry.split_whitespace();
        let Some(ip) = words.next().and_then(address) else {
            continue;
        };
        if words.any(|alias| alias.trim_end_matches('.').eq_ignore_ascii_case(name))
            && !found.contains(&ip)
        {
            found.push(ip);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(text: &str) -> ResolvConf {
        ResolvConf::parse(text, "web-server-01")
    }

    #[test]
    fn resolv_conf_as_the_resolver_reads_it() {
        let read = conf(
            "# written by hand\n; or not\nnameserver 10.0.0.2\nnameserver fe80::1%eth0\nnameserver nonsense\n\
             nameserver 10.0.0.3\tcomment\nnameserver 10.0.0.4\ndomain old.test\nsearch corp. b.test\noptions rotate ndots:2 edns0 timeout:x timeout:2\n",
        );
        let servers: Vec<_> = read.nameservers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.2", "fe80::1", "10.0.0.3"]);
        assert_eq!(read.search, ["corp", "b.test"]);
        assert_eq!(read.ndots, 2);
        assert_eq!((read.timeout, read.rotate), (Duration::from_secs(2), true));
        let plain = conf("options timeout:0 attempts:3");
        assert_eq!((plain.timeout, plain.rotate), (Duration::from_secs(1), false));
        assert_eq!(conf("").timeout, Duration::from_secs(5));
        assert_eq!(conf("search .\noptions ndots:99").search, [""; 0]);
        assert_eq!(conf("options ndots:99").ndots, 15);
        assert_eq!(ResolvConf::parse("", "web.corp.test").search, ["corp.test"]);
    }

    #[test]
    fn many_search_domains_are_bounded() {
        assert_eq!(conf("search a b c d e f g h").search.len(), SEARCH);
    }

    #[test]
    fn short_names_are_searched_first_and_long_ones_last() {
        let read = conf("search corp test");
        assert_eq!(
            read.candidates("nexplane"),
            ["nexplane.corp", "nexplane.test", "nexplane"]
        );
        assert_eq!(
            read.candidates("n.corp"),
            ["n.corp", "n.corp.corp", "n.corp.test"]
        );
        assert_eq!(read.candidates("nexplane.corp."), ["nexplane.corp"]);
        let three = conf("search corp\noptions ndots:3");
        assert_eq!(three.candidates("n.corp"), ["n.corp.corp", "n.corp"]);
    }

    #[test]
    fn hosts_know_names_in_any_case() {
        let text = "127.0.0.1 localhost\n10.0.0.9\tNexplane.Corp nexplane # old: 10.0.0.8 x\n#10.0.0.7 nexplane.corp\n::9 nexplane.corp\nbad nexplane.corp\n";
        let known: Vec<_> = hosts(text, "nexplane.corp.")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(known, ["10.0.0.9", "::9"]);
        assert!(hosts(text, "old:").is_empty());
        assert_eq!(hosts(text, "localhost").len(), 1);
    }
}
