//! The agent's calls, over one connection that is kept for as long as it works and shows the identity that is on disk.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::handed_out::first_of;
use super::lines::Unfit;
use crate::agent::Setting;
use crate::agent::heartbeat::{HeartbeatError, Purpose, heartbeat};
use crate::agent::identity::Identity;
use crate::agent::rotate::{RotateError, rotate_cert, settle};
use crate::contract::api::{Heartbeat, Task, TaskResult};
use crate::contract::client::{Answer, ApiClient, CallError};

/// Why a call did not work.
#[derive(Debug)]
pub(super) enum Failed {
    /// It was made, and not answered as it should.
    Call(HeartbeatError),
    /// There is nothing to make it with.
    Unfit(Unfit),
}

/// What a running agent asks of its control plane.
pub(super) trait Calls {
    /// A sign of life.
    async fn heartbeat(&mut self) -> Result<Heartbeat, Failed>;
    /// Is there work?
    async fn tasks(&mut self) -> Result<Vec<Task>, Failed>;
    /// What became of it.
    async fn finish(&mut self, id: &str, result: &TaskResult) -> Result<(), Failed>;
    /// Is it time for a new certificate?
    fn is_rotation_due(&mut self) -> bool;
    /// Asks for one, and uses it from then on.
    async fn rotate(&mut self) -> Result<(), RotateError>;
    /// The agent's id, once it is known.
    fn agent_id(&self) -> Option<&str>;
}

/// A way to the control plane that is open.
struct Open {
    client: ApiClient,
    identity: Identity,
}

/// The real calls.
pub(super) struct Link {
    setting: Arc<Setting>,
    hostname: String,
    now: fn() -> DateTime<Utc>,
    open: Option<Open>,
}

impl Link {
    /// Sets up a way to the control plane; nothing is sent yet.
    pub(super) fn new(
        setting: Arc<Setting>,
        hostname: String,
        now: fn() -> DateTime<Utc>,
    ) -> Result<Self, Unfit> {
        let mut link = Self {
            setting,
            hostname,
            now,
            open: None,
        };
        link.open()?;
        Ok(link)
    }

    /// What is open, or else what identity and CA file give now: somebody may have mended them.
    fn open(&mut self) -> Result<&Open, Unfit> {
        if self.open.is_none() {
            let identity = self.setting.files.load().map_err(Unfit::Identity)?;
            let client = self.setting.lasting_client(identity.for_tls());
            let client = client.map_err(Unfit::Client)?;
            self.open = Some(Open { client, identity });
        }
        match &self.open {
            Some(open) => Ok(open),
            None => Err(Unfit::Client("no way to the control plane".to_owned())),
        }
    }

    /// Whether the identity on disk is another one by now: somebody has rotated it, or enrolled again; or a rotation that was
    /// cut short has to be brought to its end first.
    async fn is_outdated(&self) -> bool {
        // Where that cannot be decided now, it is tried again with the next refusal.
        let _undecided = settle(&self.setting, &self.hostname).await;
        let (Some(open), Ok(there)) = (&self.open, self.setting.files.load()) else {
            return false;
        };
        open.identity.tls.0.first() != there.tls.0.first()
    }

    /// Makes a call; once more, and at once, where the connection had ended unseen or the identity was changed meanwhile.
    async fn call<T>(
        &mut self,
        mut make: impl AsyncFnMut(&Open, &str) -> Result<T, HeartbeatError>,
    ) -> Result<T, Failed> {
        let reused = self.open.is_some();
        let hostname = self.hostname.clone();
        let open = self.open().map_err(Failed::Unfit)?;
        let error = match make(open, &hostname).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let again = match &error {
            HeartbeatError::Call(error) => reused && has_ended(error),
            HeartbeatError::Refused {
                status: 401 | 403, ..
            } => self.is_outdated().await,
            _ => false,
        };
        // Whatever it was: the next call begins with what is on disk then.
        self.open = None;
        if !again {
            return Err(Failed::Call(error));
        }
        let open = self.open().map_err(Failed::Unfit)?;
        let made = make(open, &hostname).await;
        if made.is_err() {
            self.open = None;
        }
        made.map_err(Failed::Call)
    }
}

/// Whether a connection that was kept was no longer there: that says nothing of the control plane.
fn has_ended(error: &CallError) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    match error {
        CallError::Closed => true,
        CallError::Io { kind, .. } => {
            matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset)
        }
        _ => false,
    }
}

/// What an answer that is not as it should be says.
fn refusal(answer: &Answer) -> HeartbeatError {
    let status = answer.status;
    match answer.detail() {
        Some(detail) => HeartbeatError::Refused { status, detail },
        None => HeartbeatError::Answer { status },
    }
}

impl Calls for Link {
    async fn heartbeat(&mut self) -> Result<Heartbeat, Failed> {
        self.call(async |open, hostname| {
            heartbeat(&open.client, &open.identity, hostname, Purpose::SignOfLife).await
        })
        .await
    }

    async fn tasks(&mut self) -> Result<Vec<Task>, Failed> {
        self.call(async |open, _| {
            let answer = open.client.tasks().await?;
            match (answer.status, first_of(&answer)) {
                (204, _) => Ok(Vec::new()),
                (200, Some(tasks)) => Ok(tasks),
                _ => Err(refusal(&answer)),
            }
        })
        .await
    }

    async fn finish(&mut self, id: &str, result: &TaskResult) -> Result<(), Failed> {
        self.call(async |open, _| {
            let answer = open.client.task_result(id, result).await?;
            match answer.status {
                200..=299 => Ok(()),
                _ => Err(refusal(&answer)),
            }
        })
        .await
    }

    fn is_rotation_due(&mut self) -> bool {
        let now = (self.now)();
        // An expired one that was refused has to be looked at again: it is a reason to rotate.
        self.open()
            .is_ok_and(|open| now >= rotation_at(&open.identity))
    }

    async fn rotate(&mut self) -> Result<(), RotateError> {
        let rotated = rotate_cert(&self.setting, &self.hostname, (self.now)()).await;
        // What is on disk counts, whichever it is by now.
        self.open = None;
        rotated.map(drop)
    }

    fn agent_id(&self) -> Option<&str> {
        Some(self.open.as_ref()?.identity.agent_id.as_str())
    }
}

/// When two thirds of the certificate's life are over.
fn rotation_at(identity: &Identity) -> DateTime<Utc> {
    let life = identity.not_after - identity.not_before;
    identity.not_before + life / 3 * 2
}
