//! What a repair asks again before it changes something: the same questions as the checks', read in the same way.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::agent_user::{Access, AgentUser};
use super::{Known, clock, config, environment, identity};
use crate::host::{Account, Base, Host, HostPath, Powers, ProxySetting, Seen, Stat, TimeSync};

/// The variables that the agent's service starts with, as far as the checks read them.
///
/// # Errors
/// When not all of them could be seen; says why.
pub async fn variables(host: &dyn Host, known: &Known) -> Result<BTreeMap<String, String>, String> {
    let environment = environment::of_agent(host, known).await;
    match environment.unseen() {
        Some(why) => Err(why),
        None => Ok(environment.into_variables()),
    }
}

/// The variables by which Go's libraries go through a proxy to an https URL.
pub const PROXY_VARIABLES: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];

/// Everywhere that a proxy is set for the agent, the one that counts first.
pub async fn proxy_settings(host: &dyn Host, known: &Known) -> Vec<ProxySetting> {
    let told = config::told(known);
    let configured = told
        .proxy
        .is_some()
        .then_some(ProxySetting::Configuration { path: told.path });
    let environment = environment::of_agent(host, known).await;
    let set = PROXY_VARIABLES.into_iter();
    let set = set.filter(|name| environment.get(name).is_some());
    let set = set.map(|name| environment.setting(name));
    configured.into_iter().chain(set).collect()
}

/// Those of the time servers that this host is told to follow which answer it, and are synchronized themselves.
pub async fn answering_time_servers(host: &dyn Host, sync: &TimeSync) -> Vec<String> {
    clock::answering(host, sync).await
}

/// Whether chrony follows a source, and is slow to make up for how far the clock is from it.
pub fn is_slewed(sync: &TimeSync) -> bool {
    clock::keeping::is_slewed(sync)
}

/// One of the agent's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The configuration.
    Configuration,
    /// The client certificate.
    Certificate,
    /// Its key, which nobody else may read.
    Key,
    /// The CA file that the configuration names, which anybody may read.
    Ca,
}

/// A file of the agent, and whether its user may read it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Which.
    pub what: What,
    /// Where.
    pub path: HostPath,
    /// How it stands there.
    pub stat: Seen<Stat>,
    /// Whether the agent's user is kept from it.
    pub is_closed: bool,
    /// Who else may read it, if nobody else should.
    pub exposed_to: Option<&'static str>,
}

/// Whose the agent's files are to be, and how they stand.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// The user's name.
    pub name: String,
    /// The user; nothing for one that this host does not know, or makes only when the service starts.
    pub account: Option<Account>,
    /// What it may do whatever a file's permissions say.
    pub powers: Powers,
    /// The files.
    pub files: Vec<Kept>,
}

/// The file that `SSL_CERT_FILE` of the service names, if the agent's user is kept from it; and who that is.
pub async fn closed_ssl_cert_file(host: &dyn Host, known: &Known) -> Option<(HostPath, String)> {
    let environment = environment::of_agent(host, known).await;
    let path = HostPath::host(environment.get("SSL_CERT_FILE")?);
    let user = AgentUser::ask(host, known).await;
    let stat = host.stat(path.clone()).await;
    (user.access(&stat) == Access::Unreadable).then(|| (path, user.name.clone()))
}

/// Looks at the agent's files as its user would find them.
pub async fn keeping(host: &dyn Host, known: &Known) -> Keeping {
    let told = config::told(known);
    let user = AgentUser::ask(host, known).await;
    let ca = told
        .configured_ca()
        .filter(|path| path.base == Base::Host)
        .cloned();
    let files = [
        (What::Configuration, Some(told.path)),
        (What::Certificate, Some(told.cert)),
        (What::Key, Some(told.key)),
        (What::Ca, ca),
    ];
    let files = files
        .into_iter()
        .filter_map(|(what, path)| Some((what, path?)));
    let look = |(what, path): (What, HostPath)| {
        let user = &user;
        async move {
            let stat = host.stat(path.clone()).await;
            let exposed_to = match (&stat, what) {
                (Ok(stat), What::Key) => identity::exposed_to(stat, user),
                _ => None,
            };
            Kept {
                what,
                is_closed: user.access(&stat) == Access::Unreadable,
                path,
                stat,
                exposed_to,
            }
        }
    };
    Keeping {
        files: join_all(files.map(look)).await,
        name: user.name.clone(),
        account: user.standing_account().cloned(),
        powers: user.powers(),
    }
}
