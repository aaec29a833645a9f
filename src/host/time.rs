//! Questions and answers about time: what keeps the host's clock, and what time servers say.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the system says of time synchronisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSync {
    /// Whether a service that synchronises is switched on (`NTP=` of `timedatectl show`).
    pub enabled: Option<bool>,
    /// Whether the clock is synchronised now (`NTPSynchronized=`).
    pub synchronized: Option<bool>,
    /// Everything that was told, under the names that `timedatectl show` has where it has them.
    pub properties: BTreeMap<String, String>,
    /// The unit that keeps the time, if one is switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper: Option<String>,
    /// The time servers that it is told to follow, in the order of its configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<TimeServer>,
    /// Whether the lab supplied this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub supplied: bool,
}

/// A time server that a configuration names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeServer {
    /// Its name or address.
    pub name: String,
    /// The file that names it.
    pub named_in: String,
}

/// One question to one time server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NtpQuestion {
    /// Its address; the port is the host's affair (123, but in the lab).
    pub server: IpAddr,
}

/// What a time server answered (RFC 5905, section 7.3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NtpReply {
    /// What it says of itself.
    pub leap: Leap,
    /// Its distance from a clock of reference; 0 in a kiss-of-death, 16 while it is not synchronised.
    pub stratum: u8,
    /// What it is synchronised to, or the code of its kiss-of-death (`RATE`, `DENY`, …).
    pub reference: String,
    /// Round trip from it to the clock of reference, in milliseconds.
    pub root_delay_ms: f64,
    /// How far it may have drifted from that, in milliseconds.
    pub root_dispersion_ms: f64,
    /// The host's clock when the question was sent.
    pub sent_at: DateTime<Utc>,
    /// The server's when it came.
    pub received: Option<DateTime<Utc>>,
    /// The server's when it answered.
    pub transmitted: Option<DateTime<Utc>>,
    /// The host's clock when the answer came; a clock that is set meanwhile does not matter.
    pub received_at: DateTime<Utc>,
}

/// What a time server says of the last minute of the day (RFC 5905, figure 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leap {
    /// Nothing.
    None,
    /// It has 61 seconds.
    Added,
    /// It has 59 seconds.
    Removed,
    /// The server is not synchronised itself.
    Unsynchronized,
}
