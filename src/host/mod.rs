//! The door: everything that the doctor learns of a machine or a network comes through [`Host`].
//!
//! A question is plain data, an answer is plain data, so that what was asked and answered can be written down
//! ([`Recorder`]) and played back ([`Recorded`]). Nothing above this room opens a file, a socket or a process,
//! or reads the time. Collecting never fails: what could not be seen is an [`Unseen`], which says how.
//!
//! Secrets never come through: a private key is its public half, a token its shape.

mod end;
mod inside;
mod launchd_job;
pub mod live;
mod meter;
mod network;
mod network_settings;
mod overlay;
mod permission;
mod recorded;
mod recorder;
mod security;
mod seen;
mod system;
mod time;
mod timed;
mod tunnel;
mod unit;
mod unit_text;
mod windows_service;

pub use end::End;
pub use inside::{Inside, InsideNetwork, InsidePath, InsideQuestion};
pub use launchd_job::{DAEMONS, JobState, LaunchdJob, NOT_LOADED};
pub use meter::Meter;
pub use network::{
    Anchors, AnchorsQuestion, ApiAnswer, ApiCall, ApiQuestion, ApiReply, Attempt, ConnectQuestion,
    Details, DnsQuestion, DnsReply, Ending, Exchange, FetchQuestion, Handshake, HandshakeQuestion,
    HealthQuestion, Hung, Offer, Pem, Race, RecordType, Sent, Trial,
};
pub use network_settings::{DomainServers, NetworkSettings, SystemProxy, WinHttpProxy};
pub use overlay::Overlay;
pub use permission::{Acl, Powers};
pub use recorded::{ASKS, Misfit, RawEntry, Recorded, Troubles, is_answer, question_in_words};
pub use recorder::{Entry, Recorder, Recording};
pub use security::{Ace, Admission, Security};
pub use seen::{FROM_A_ROUTER, Seen, Unseen};
pub use system::{
    Account, Base, Content, EnvironmentQuestion, FileSystem, FileVariablesQuestion, Group,
    HostPath, JournalQuestion, KeyFacts, Kind, LogEntry, Process, ReadQuestion, Service,
    ServiceQuestion, Stat, System,
};
pub use time::{Leap, NtpQuestion, NtpReply, TimeServer, TimeSync};
pub use tunnel::{Login, ProxySetting, SocksAbout, Tunnel, TunnelEnding, TunnelQuestion, Via};
pub use unit::{EnvironmentFile, environment_file};
pub use unit_text::{UnitLine, unit_lines};
pub use windows_service::{Activity, StartType, WindowsService};

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::contract::token::TokenShape;

/// Declares the door once: the trait, and for each question the name under which its answers are recorded.
///
/// `recorder.rs` and `recorded.rs` implement the trait from the same list, so that no question can be asked
/// that is not recorded.
macro_rules! questions {
    ($each:ident) => {
        $each! {
            /// The machine itself: name, system, who the doctor runs as.
            system: () => System;
            /// The host's clock, when the run began.
            now: () => DateTime<Utc>;
            /// Variables of the doctor's own environment, by name; passwords in URLs are left out.
            environment: EnvironmentQuestion => BTreeMap<String, String>;
            /// What stands at a path, symbolic links followed, with the directories on the way to it.
            stat: HostPath => Seen<Stat>;
            /// A text file, up to a bound.
            read: ReadQuestion => Seen<Content>;
            /// Variables that a file of `EnvironmentFile=` sets, by name; those that were not asked for are left out.
            file_variables: FileVariablesQuestion => Seen<BTreeMap<String, String>>;
            /// The public half of the private key in a file.
            private_key: HostPath => Seen<KeyFacts>;
            /// The file system that holds a path, or would.
            file_system: HostPath => Seen<FileSystem>;
            /// Where a program is, in the search path.
            find_program: String => Seen<PathBuf>;
            /// A user of the host and the groups that it is in.
            account: String => Seen<Account>;
            /// A group of the host, by name or number.
            group: String => Seen<Group>;
            /// What a running process of a service sees of this machine, where that may be looked at.
            inside: InsideQuestion => Seen<Inside>;
            /// Running processes with a name.
            processes: String => Seen<Vec<Process>>;
            /// What the service manager knows of a service.
            service: ServiceQuestion => Seen<Service>;
            /// Directives that unit files and drop-ins assign, each with the last file that does. No values: they may be secret.
            assignments: Vec<PathBuf> => BTreeMap<String, PathBuf>;
            /// The last entries of a service's log, oldest first.
            journal: JournalQuestion => Seen<Vec<LogEntry>>;
            /// What the system says of time synchronisation.
            time_sync: () => Seen<TimeSync>;
            /// What the network is told of names and proxies, on a system that keeps no such files.
            network_settings: () => Seen<NetworkSettings>;
            /// One NTP question to one time server.
            ntp: NtpQuestion => Seen<NtpReply>;
            /// One DNS question to one nameserver.
            dns: DnsQuestion => Seen<DnsReply>;
            /// A name's addresses as the system's own resolver gives them.
            lookup: String => Seen<Vec<IpAddr>>;
            /// TCP to an endpoint, its addresses raced as RFC 8305 says. The winner is kept for the handshake,
            /// and so is the first of the other family.
            connect: ConnectQuestion => Race;
            /// A tunnel to the control plane, asked of the proxy on the connection that `connect` kept. It is kept for the handshake.
            tunnel: TunnelQuestion => Seen<Tunnel>;
            /// A TLS handshake on a connection that `connect` or `tunnel` kept, with a verifier that accepts any chain and records it.
            handshake: HandshakeQuestion => Seen<Handshake>;
            /// `GET /health` on the connection that `handshake` kept.
            health: HealthQuestion => Seen<Exchange>;
            /// A `GET` of any URL, on a connection of its own and with strict verification.
            fetch: FetchQuestion => Seen<Exchange>;
            /// Trust anchors of the system that may matter for a chain.
            anchors: AnchorsQuestion => Seen<Anchors>;
            /// A call to the control plane over a connection of its own, with a strict verifier.
            api: ApiQuestion => ApiAnswer;
            /// The shape of the enrollment token that was given, if one was.
            token: () => Option<TokenShape>;
        }
    };
}
pub(crate) use questions;

macro_rules! declare_host {
    ($( $(#[$doc:meta])* $name:ident: $question:ty => $answer:ty; )*) => {
        /// A machine with its network, as the doctor sees it. Every answer comes within the host's own time limit for one probe.
        pub trait Host: Send + Sync {
            $(
                $(#[$doc])*
                fn $name(&self, question: $question) -> BoxFuture<'_, $answer>;
            )*
        }
    };
}
questions!(declare_host);

macro_rules! share {
    ($( $(#[$doc:meta])* $name:ident: $question:ty => $answer:ty; )*) => {
        impl<H: Host + ?Sized> Host for Arc<H> {
            $(
                fn $name(&self, question: $question) -> BoxFuture<'_, $answer> {
                    (**self).$name(question)
                }
            )*
        }
    };
}
questions!(share);
