//! What the agent itself goes by where `--ca-cert` stands in for it: a peer that is accepted with the flag's file and not with the
//! agent's own is no peer that the agent accepts. Pure.

use super::Case;
use super::ca_file::{CaFile, Use};
use crate::checks::config::Told;
use crate::contract::chain::{Certificate, Path};
use crate::model::{Code, Fact, Finding, Placeholder};

/// The finding; it says nothing of the peer.
pub(super) const UNCONFIGURED_CA: Code = Code::from_static("trust.unconfigured_ca");

/// Judges what the agent has, once the peer is accepted with what was given.
pub(super) fn judge(case: &Case<'_>, told: &Told, chain: &[Certificate], leaf: &Certificate) -> Option<Result<Finding, Fact>> {
    let given = case.evidence.ca_file.as_ref()?;
    let config = told.path.path().display();
    let file = case.evidence.own_ca_file.as_ref();
    let use_of_file = file.map(|file| (file, file.judge(&case.evidence.user, Some(leaf))));
    // Without a configuration that was read there is no agent to be told.
    told.own_ca.as_ref()?;
    let has = match &use_of_file {
        None => format!("{config} sets no `ca_cert`"),
        Some((file, Use::Anchors(_))) => format!("its `ca_cert` is {}, which does not vouch for it", shown(file)),
        // With a file that is of no use the agent does not start, whatever the system trusts.
        Some((file, Use::None(why))) => return Some(Ok(super::useless(file, why, &case.evidence.user))),
        Some((file, Use::Unknown(why))) => {
            return Some(Err(Fact {
                what: "the agent's own CA file".to_owned(),
                value: format!("{}, which could not be seen: {why}", shown(file)),
            }));
        }
    };
    if !matches!(case.follow(chain, &use_of_file), Path::Foreign { .. }) {
        return None;
    }
    let given = shown(given);
    let detail = format!(
        "With {given} the control plane's certificate is accepted. That works for you, and fails for the agent, which has not been told of it: {has}."
    );
    Some(Ok(Finding::new(UNCONFIGURED_CA, detail).value(Placeholder::CaCert, given)))
}

fn shown(file: &CaFile) -> String {
    file.path.path().display().to_string()
}
