//! The repairs of the catalogue: for each, how to find out what it would do on this host.

pub(super) mod service;
mod time;

use futures_util::FutureExt as _;

use super::action::{Proposal, Propose};
use crate::catalog::Repair;

/// How to find out what a repair would do.
pub(super) fn propose(repair: Repair) -> Propose {
    match repair {
        Repair::StartService => |site, found| service::propose(Repair::StartService, site, found),
        Repair::RestartService => {
            |site, found| service::propose(Repair::RestartService, site, found)
        }
        Repair::EnableService => |site, found| service::propose(Repair::EnableService, site, found),
        Repair::ResetFailed => |site, found| service::propose(Repair::ResetFailed, site, found),
        Repair::UnmaskService => |site, found| service::propose(Repair::UnmaskService, site, found),
        Repair::SyncTime => |site, found| time::propose(site, found),
        Repair::RotateCertificate
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
