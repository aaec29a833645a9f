//! The repairs of the catalogue: for each, how to find out what it would do on this host.

mod ca;
mod configuration;
mod enroll;
mod identity;
mod install;
mod launchd;
mod mend;
mod permissions;
mod proxy;
mod rotate;
pub(super) mod service;
mod settle;
mod time;

use super::action::Propose;
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
        Repair::RotateCertificate => |site, found| rotate::propose(site, found),
        Repair::SettleIdentity => |site, found| settle::propose(site, found),
        Repair::ReEnroll => |site, found| enroll::propose(site, found),
        Repair::ReinstallWithCa => |site, found| ca::propose(site, found),
        Repair::RepairPermissions => {
            |site, found| permissions::propose(permissions::Of::Agent, site, found)
        }
        Repair::MendUrl => |site, found| mend::url(site, found),
        Repair::MendKey => |site, found| mend::keys(site, found),
        Repair::ClearProxy => |site, found| proxy::propose(site, found),
        Repair::Install => |site, found| install::propose(site, found),
    }
}
