//! Where the shell and the service differ and it matters: the one place that builds the sentence that says so.

/// Of something that the doctor itself just did, and that the agent's service cannot: `what` begins a sentence, `because`
/// ends it.
pub(super) fn works_for_you(what: &str, because: &str) -> String {
    format!("{what} works for you, fails for the service, because {because}.")
}

/// The same of something that the doctor does otherwise than the service would, so that its own success says nothing.
pub(super) fn fails_for_the_service(what: &str, because: &str) -> String {
    format!("{what} may work for you, and fails for the service, because {because}.")
}

/// Of a failure that the doctor met where the service would meet it, and a command in this shell would not.
pub(super) fn if_it_works_for_you(because: &str) -> String {
    format!("If it works for you, it fails for the service, because {because}.")
}
