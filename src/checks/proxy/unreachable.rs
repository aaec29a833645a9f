//! No connection to the proxy: which way it failed.

use super::{Judgement, Through, UNREACHABLE};
use crate::contract::proxy::Nobody;
use crate::host::{Race, Unseen};
use crate::model::{Case, Finding};

/// None of the proxy's addresses connects.
pub(super) fn judge(through: &Through, race: &Race) -> Judgement {
    let failed = race
        .attempts
        .iter()
        .filter_map(|attempt| Some((attempt.address, attempt.outcome.as_ref().err()?)));
    let failed: Vec<_> = failed.collect();
    let network = failed
        .iter()
        .find_map(|(_, unseen)| Some((*unseen, cause(unseen)?)));
    let Some((first, (case, cause))) = network else {
        let why = failed
            .first()
            .map_or_else(|| "nothing was tried".to_owned(), |(_, e)| e.to_string());
        return Judgement::unknown(format!(
            "whether the port of the proxy {} opens could not be seen: {why}",
            through.proxy
        ));
    };
    let detail = format!(
        "The agent goes through the proxy {}, by {}, and no connection to it opens: {first}. {cause}",
        through.proxy, through.setting
    );
    let facts = failed
        .iter()
        .map(|(address, unseen)| (address.to_string(), unseen.to_string()));
    let finding = facts.fold(
        Finding::new(UNREACHABLE, detail),
        |finding, (what, value)| finding.saw(what, value),
    );
    finding.case(case).into()
}

/// What a failure means; nothing where it is none of the network's.
fn cause(unseen: &Unseen) -> Option<(Case, &'static str)> {
    Some(match unseen {
        Unseen::Refused | Unseen::Reset | Unseen::Closed => {
            (Case::Closed, "Nothing listens there any more, or a firewall rejects it.")
        }
        Unseen::TimedOut { .. } => {
            (Case::Silent, "A firewall drops the packets, or the host is down.")
        }
        Unseen::Unreachable { .. } | Unseen::Denied => {
            (Case::NoRoute, "There is no way to it from here.")
        }
        _ => return None,
    })
}

/// What is set names no proxy: the agent takes it for one all the same, and finds nobody there.
pub(super) fn no_url(setting: &str, nobody: Nobody) -> Finding {
    let why = nobody.words();
    let detail = format!(
        "{setting} is no URL of a proxy, and the agent finds no proxy by it: it {why}. What is set is not repeated here, because it may hold a password. \
         Written right, it looks like http://proxy.example.com:3128; reserved characters in user and password are percent-encoded."
    );
    Finding::new(UNREACHABLE, detail)
        .saw("set by", setting)
        .case(Case::Malformed)
}
