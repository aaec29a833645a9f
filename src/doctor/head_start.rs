//! A head start for the service manager and the network: the one takes as long as it likes, and the other should not wait.
//!
//! The programs that the manager is asked with are on their way before anything else is. What it will say of the agent's service is mostly what the files of its unit say. So the checks of the network walk
//! ahead on those, unseen, and through the same recorder: what they ask is answered already, or on its way, when the
//! real walk asks it. Where the manager says otherwise, the real walk asks again, and nothing else comes of it.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::engine::{self, Graph, Limits, Selection};
use crate::host::live::LiveHost;
use crate::host::{Host as _, JournalQuestion, Overlay, Recorder, ServiceQuestion};
use crate::model::{CheckId, Os, Target};

/// What has nothing to do with the network, or waits for what has.
///
/// Nor does anything go ahead that says who asks: the unit's files may be older than what the manager made of them, and
/// the agent's certificate goes no other way than the agent does.
const NOT_AHEAD: [&str; 9] = [
    "host",
    "service",
    "trust",
    "clock",
    "identity",
    "registration",
    "token",
    "tasks",
    "install",
];

/// Ends with this value.
pub(super) struct HeadStart(Vec<JoinHandle<()>>);

impl HeadStart {
    /// Begins the walk ahead.
    pub(super) fn begin(
        graph: &Arc<Graph>,
        host: &Arc<Recorder<LiveHost>>,
        target: &Arc<Target>,
        selection: &Selection,
        limits: Limits,
    ) -> Self {
        let mut ahead = Vec::new();
        if selection.runs(graph, &CheckId::from_static("service")) {
            let manager = Arc::clone(host);
            ahead.push(tokio::spawn(async move {
                drop(manager.service(ServiceQuestion::agent(Os::current())).await);
            }));
            let log = Arc::clone(host);
            ahead.push(tokio::spawn(async move {
                drop(log.journal(JournalQuestion::agent(Os::current())).await);
            }));
        }
        let (graph, host, target) = (Arc::clone(graph), Arc::clone(host), Arc::clone(target));
        let mut selection = selection.clone();
        selection.skip.extend(NOT_AHEAD.map(CheckId::from_static));
        // Where the manager cannot be asked, the shell's variables stand in for the service's: with a proxy among them, the
        // way that the unit's files tell may not be the agent's, and nobody goes another one.
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let may_be_proxied = ["HTTPS_PROXY", "https_proxy"].into_iter().any(set);
        ahead.push(tokio::spawn(async move {
            if may_be_proxied {
                return;
            }
            let question = ServiceQuestion::agent(Os::current());
            let definition = host.live().definition(question).await;
            let host = Arc::new(Overlay::new(host).supply("service", &definition));
            let never = CancellationToken::new();
            let mut unseen = |_: engine::Event<'_>| {};
            engine::run(
                &graph,
                host,
                target,
                &selection,
                limits,
                &never,
                &mut unseen,
            )
            .await;
        }));
        Self(ahead)
    }
}

impl Drop for HeadStart {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}
