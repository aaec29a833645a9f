//! What a control plane knows: tokens, registrations, change requests; and the rules by which that changes.
//!
//! No HTTP here, and no sockets: each call is a method, each refusal a value. One lock holds all of it, so that a token is used up
//! by exactly one enrollment, whatever the concurrency.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use self::tasks::Assigned;
use super::ca::{AgentRequest, Authority};
use super::clock::Clock;
use super::{LabError, random};
use crate::contract::api::{
    self, ChangeRequest, EnrollRequest, Enrolled, Heartbeat, HeartbeatRequest, TokenReport,
    TokenState,
};
use crate::model::Secret;

/// A refusal: HTTP status and detail, as the contract has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The detail.
    pub detail: String,
}

impl Refusal {
    fn new(status: u16, detail: &str) -> Self {
        Self {
            status,
            detail: detail.to_owned(),
        }
    }
}

impl From<LabError> for Refusal {
    fn from(error: LabError) -> Self {
        Self::new(500, &error.to_string())
    }
}

/// A registered agent, as the user interface shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agent {
    /// `agt_…`.
    pub id: String,
    /// The hostname that it enrolled with.
    pub hostname: String,
    /// Go's name of its operating system.
    pub os: String,
    /// Go's name of its architecture.
    pub arch: String,
    /// Its version, as last told.
    pub agent_version: String,
    /// When it enrolled.
    pub registered_at: DateTime<Utc>,
    /// Its last sign of life.
    pub last_seen: Option<DateTime<Utc>>,
}

/// A certificate that was issued.
#[derive(Debug, Clone)]
struct Issued {
    der: Vec<u8>,
    public_key: Vec<u8>,
    not_after: DateTime<Utc>,
    answer: Enrolled,
}

struct Registration {
    agent: Agent,
    /// Those that still count, oldest first.
    certificates: Vec<Issued>,
}

struct Token {
    expires_at: DateTime<Utc>,
    used: Option<Used>,
}

struct Used {
    at: DateTime<Utc>,
    hostname: String,
    agent_id: String,
    public_key: Vec<u8>,
    answer: Enrolled,
}

#[derive(Default)]
struct Inner {
    tokens: HashMap<String, Token>,
    registrations: BTreeMap<String, Registration>,
    change_requests: BTreeMap<String, ChangeRequest>,
    tasks: BTreeMap<String, Assigned>,
    api_tokens: HashSet<String>,
}

/// A control plane's state.
pub struct State {
    authority: Arc<Authority>,
    clock: Clock,
    grace: TimeDelta,
    /// How long a client certificate lives.
    lifetime: TimeDelta,
    inner: Mutex<Inner>,
    polls: AtomicU64,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl State {
    /// Nothing registered yet.
    pub fn new(authority: Arc<Authority>, clock: Clock) -> Self {
        Self {
            authority,
            clock,
            grace: TimeDelta::days(api::ROTATION_GRACE_DAYS),
            lifetime: TimeDelta::days(api::CERTIFICATE_DAYS),
            inner: Mutex::default(),
            polls: AtomicU64::new(0),
        }
    }

    /// With client certificates that live for so long.
    #[must_use]
    pub const fn certificates_for(mut self, lifetime: TimeDelta) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The CA.
    pub const fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// The clock that the rules go by.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How often anybody asked for tasks.
    pub fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    pub(super) fn count_poll(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a token that lives for `lifetime`.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new_token(&self, lifetime: TimeDelta) -> Result<(Secret, DateTime<Utc>), LabError> {
        let token = random::token()?;
        let expires_at = self.clock.now() + lifetime;
        let used = None;
        self.lock()
            .tokens
            .insert(token.clone(), Token { expires_at, used });
        Ok((Secret::new(token), expires_at))
    }

    /// Makes a token for the user interface's calls.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new_api_token(&self) -> Result<Secret, LabError> {
        let token = random::api_token()?;
        self.lock().api_tokens.insert(token.clone());
        Ok(Secret::new(token))
    }

    /// Whether this is a token for the user interface's calls.
    pub fn knows_api_token(&self, token: &str) -> bool {
        self.lock().api_tokens.contains(token)
    }

    /// Enrolls an agent: uses the token up, or refuses and leaves it.
    ///
    /// # Errors
    /// The refusal.
    pub fn enroll(&self, request: &EnrollRequest) -> Result<Enrolled, Refusal> {
        let csr = AgentRequest::read(&request.csr)
            .map_err(|why| Refusal::new(422, &format!("csr is refused: {why}")))?;
        let now = self.clock.now();
        let mut inner = self.lock();
        let Inner {
            tokens,
            registrations,
            ..
        } = &mut *inner;
        let token = tokens
            .get_mut(request.token.expose())
            .ok_or_else(|| Refusal::new(401, api::TOKEN_INVALID))?;
        if let Some(used) = &token.used {
            // A lost answer is asked for once more, with the same key.
            return if used.public_key == csr.public_key()
                && registrations.contains_key(&used.agent_id)
            {
                Ok(used.answer.clone())
            } else {
                Err(Refusal::new(409, api::TOKEN_USED))
            };
        }
        if now >= token.expires_at {
            return Err(Refusal::new(410, api::TOKEN_EXPIRED));
        }
        let agent_id = random::agent_id()?;
        let issued = self.issue(&csr, &agent_id, now)?;
        let answer = issued.answer.clone();
        token.used = Some(Used {
            at: now,
            hostname: request.hostname.clone(),
            agent_id: agent_id.clone(),
            public_key: issued.public_key.clone(),
            answer: answer.clone(),
        });
        let agent = Agent {
            id: agent_id.clone(),
            hostname: request.hostname.clone(),
            os: request.os.clone(),
            arch: request.arch.clone(),
            agent_version: request.agent_version.clone(),
            registered_at: now,
            last_seen: None,
        };
        let certificates = vec![issued];
        registrations.insert(
            agent_id,
            Registration {
                agent,
                certificates,
            },
        );
        Ok(answer)
    }

    fn issue(
        &self,
        csr: &AgentRequest,
        agent_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Issued, LabError> {
        let (certificate, not_after) =
            self.authority
                .sign_agent(csr, agent_id, now, self.lifetime)?;
        Ok(Issued {
            der: certificate.der().to_vec(),
            public_key: csr.public_key(),
            not_after,
            answer: Enrolled {
                agent_id: agent_id.to_owned(),
                certificate: certificate.pem(),
                ca_chain: self.authority.agents_chain_pem(),
                not_after,
            },
        })
    }

    /// A heartbeat over a connection with the client certificate `der`.
    ///
    /// # Errors
    /// The refusal.
    pub fn heartbeat(
        &self,
        der: Option<&[u8]>,
        request: &HeartbeatRequest,
    ) -> Result<Heartbeat, Refusal> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let (registration, position) = inner.by_certificate(der)?;
        if registration.agent.id != request.agent_id {
            return Err(Refusal::new(403, api::AGENT_REVOKED));
        }
        if now > registration.certificates[position].not_after {
            return Err(Refusal::new(403, api::CERTIFICATE_EXPIRED));
        }
        if !request.diagnosis {
            registration.agent.last_seen = Some(now);
            request
                .agent_version
                .clone_into(&mut registration.agent.agent_version);
            // The new certificate works: its predecessors have had their time.
            registration.certificates.drain(..position);
        }
        let registered_as = registration.agent.hostname.clone();
        let pending_tasks = inner.pending(&registered_as).count() as u64;
        Ok(Heartbeat {
            status: "ok".to_owned(),
            registered_as,
            server_time: now,
            pending_tasks,
        })
    }

    /// A new certificate for the holder of `der`, which may have expired a little while ago.
    ///
    /// # Errors
    /// The refusal.
    pub fn rotate(&self, der: Option<&[u8]>, csr: &str) -> Result<Enrolled, Refusal> {
        let now = self.clock.now();
        let csr = AgentRequest::read(csr)
            .map_err(|why| Refusal::new(422, &format!("csr is refused: {why}")));
        let mut inner = self.lock();
        let (registration, position) = inner.by_certificate(der)?;
        if now > registration.certificates[position].not_after + self.grace {
            return Err(Refusal::new(403, api::EXPIRED_TOO_LONG));
        }
        let csr = csr?;
        let key = csr.public_key();
        let later = &registration.certificates[position + 1..];
        if let Some(issued) = later.iter().find(|issued| issued.public_key == key) {
            return Ok(issued.answer.clone());
        }
        let issued = self.issue(&csr, &registration.agent.id, now)?;
        let answer = issued.answer.clone();
        registration.certificates.push(issued);
        Ok(answer)
    }

    /// What became of a token; uses nothing up.
    ///
    /// # Errors
    /// When it is none.
    pub fn inspect(&self, token: &Secret) -> Result<TokenReport, Refusal> {
        let now = self.clock.now();
        let inner = self.lock();
        let token = inner
            .tokens
            .get(token.expose())
            .ok_or_else(|| Refusal::new(401, api::TOKEN_INVALID))?;
        Ok(TokenReport {
            state: match &token.used {
                Some(_) => TokenState::Used,
                None if now >= token.expires_at => TokenState::Expired,
                None => TokenState::Unused,
            },
            used_by_hostname: token.used.as_ref().map(|used| used.hostname.clone()),
            used_at: token.used.as_ref().map(|used| used.at),
            expires_at: token.expires_at,
        })
    }

    /// Revokes a registration.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn revoke(&self, agent_id: &str) -> Result<Agent, Refusal> {
        self.lock()
            .registrations
            .remove(agent_id)
            .map(|registration| registration.agent)
            .ok_or_else(|| Refusal::new(404, api::AGENT_NOT_FOUND))
    }

    /// A registered agent.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn agent(&self, agent_id: &str) -> Result<Agent, Refusal> {
        self.lock()
            .registrations
            .get(agent_id)
            .map(|registration| registration.agent.clone())
            .ok_or_else(|| Refusal::new(404, api::AGENT_NOT_FOUND))
    }

    /// All registered agents, by id.
    pub fn agents(&self) -> Vec<Agent> {
        let inner = self.lock();
        let agents = inner.registrations.values();
        agents
            .map(|registration| registration.agent.clone())
            .collect()
    }

    /// Adds a change request, or replaces it.
    pub fn put_change_request(&self, request: ChangeRequest) {
        self.lock()
            .change_requests
            .insert(request.id.clone(), request);
    }

    /// A change request.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn change_request(&self, id: &str) -> Result<ChangeRequest, Refusal> {
        self.lock()
            .change_requests
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::new(404, api::CHANGE_REQUEST_NOT_FOUND))
    }
}

impl Inner {
    /// The registration that a client certificate belongs to, and which of its certificates it is.
    fn by_certificate(
        &mut self,
        der: Option<&[u8]>,
    ) -> Result<(&mut Registration, usize), Refusal> {
        let der = der.ok_or_else(|| Refusal::new(401, api::CERTIFICATE_REQUIRED))?;
        self.registrations
            .values_mut()
            .find_map(|registration| {
                let certificates = &registration.certificates;
                let position = certificates.iter().position(|issued| issued.der == der)?;
                Some((registration, position))
            })
            .ok_or_else(|| Refusal::new(403, api::AGENT_REVOKED))
    }
}

mod tasks;
#[cfg(test)]
mod tests;
