//! The repairs of the catalogue: for each, how to find out what it would do on this host.

use futures_util::FutureExt as _;

use super::action::{Proposal, Propose};
use crate::catalog::Repair;

/// How to find out what a repair would do.
pub(super) fn propose(repair: Repair) -> Propose {
    match repair {
        Repair::StartService
        | Repair::RestartService
        | Repair::EnableService
        | Repair::ResetFailed
        | Repair::UnmaskService
        | Repair::SyncTime
        | Repair::RotateCertificate
        | Repair::ReEnroll
        | Repair::ReinstallWithCa
        | Repair::RepairPermissions
        | Repair::MendUrl
        | Repair::MendKey
        | Repair::ClearProxy => {
            |_, _| async { Proposal::Person("the doctor does not do this yet".to_owned()) }.boxed()
        }
    }
}
