//! Which of two pairs works, when a crash came between them: the control plane is asked.

use rustls::AlertDescription;

use super::super::heartbeat::{HeartbeatError, Purpose, heartbeat};
use super::super::identity::Identity;
use super::super::lock::Lock;
use super::super::setting::Setting;
use super::{RotateError, directory};
use crate::contract::api;
use crate::contract::client::CallError;

/// Ends a rotation that a crash left undecided: of the pending pair and the one in place, the control plane says which works.
///
/// To be called before the identity is loaded by whoever is going to work with it, and again when its heartbeat is refused.
/// Without a pending pair it does nothing.
///
/// # Errors
/// When a file cannot be read or written, or nobody could be asked: then both pairs stay, and it can be tried again.
pub async fn settle(setting: &Setting, hostname: &str) -> Result<(), RotateError> {
    if !setting.files.has_pending_pair() {
        return Ok(());
    }
    let _lock = Lock::take(directory(setting)).await?;
    settle_locked(setting, hostname).await
}

/// The same for one who has the lock.
pub(in crate::agent) async fn settle_locked(
    setting: &Setting,
    hostname: &str,
) -> Result<(), RotateError> {
    let files = &setting.files;
    if !files.has_pending_pair() {
        return Ok(());
    }
    let Some(pending) = files.pending_pair()? else {
        // Not written by a rotation, or damaged since.
        return Ok(files.discard_pending()?);
    };
    // The new one first: if it made its heartbeat before the crash, the old one is dead.
    let why = match Standing::of(setting, &pending, hostname, Purpose::SignOfLife).await? {
        Standing::Known => return Ok(files.promote_pair()?),
        Standing::Undecided(why) => return Err(why.into()),
        Standing::Refused(why) => why,
    };
    let Ok(old) = files.load() else {
        return Err(why.into());
    };
    match Standing::of(setting, &old, hostname, Purpose::Diagnosis).await? {
        Standing::Known => Ok(files.discard_pending()?),
        // Neither works: whoever uses what is in place will be told so. Nothing is thrown away.
        Standing::Refused(_) => Ok(()),
        Standing::Undecided(why) => Err(why.into()),
    }
}

/// What the control plane makes of an identity.
pub(in crate::agent) enum Standing {
    /// It knows it. That its time is over is for a rotation to mend.
    Known,
    /// It does not, and will not.
    Refused(HeartbeatError),
    /// Nobody could be asked, or the answer says nothing of the identity.
    Undecided(HeartbeatError),
}

impl Standing {
    /// Asks with a heartbeat.
    pub(in crate::agent) async fn of(
        setting: &Setting,
        identity: &Identity,
        hostname: &str,
        purpose: Purpose,
    ) -> Result<Self, RotateError> {
        let client = setting
            .client(Some(identity.for_tls()))
            .map_err(RotateError::Setting)?;
        let beat = heartbeat(&client, identity, hostname, purpose).await;
        Ok(match beat {
            Ok(_) => Self::Known,
            Err(HeartbeatError::Refused {
                status: 403,
                detail,
            }) if detail == api::CERTIFICATE_EXPIRED => Self::Known,
            Err(why) => match &why {
                HeartbeatError::Refused {
                    status: 401 | 403, ..
                } => Self::Refused(why),
                HeartbeatError::Call(CallError::Alert(alert)) if is_of_the_certificate(*alert) => {
                    Self::Refused(why)
                }
                _ => Self::Undecided(why),
            },
        })
    }
}

/// Whether an alert can come of the client's certificate alone, and so before anything was asked.
const fn is_of_the_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
            | AlertDescription::DecryptError
    )
}
