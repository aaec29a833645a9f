//! Where the time went, in the report's schema.

use schemars::JsonSchema;
use serde::Serialize;

use super::texts;
use crate::model;

/// One question that was asked, and how long its answer took.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Timing {
    layer: Layer,
    /// What was asked, in a few words.
    what: String,
    /// What came of it, in a few words; empty where that says nothing more.
    reply: String,
    /// Whether there was no answer, or none of use.
    failed: bool,
    /// When it was asked, in milliseconds since the diagnosis began; null where a recording does not say.
    began_ms: Option<f64>,
    duration_ms: f64,
    /// The checks that wanted to know.
    checks: Vec<String>,
}

/// To whom a question was put. `http` includes a call's own connection; `command` is a program of the host; `local` the
/// machine itself.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Layer {
    Dns,
    Tcp,
    Proxy,
    Tls,
    Http,
    Ntp,
    Command,
    Local,
}

impl From<&model::Timing> for Timing {
    fn from(timing: &model::Timing) -> Self {
        let (failed, reply) = match &timing.reply {
            model::Reply::Given(reply) => (false, reply),
            model::Reply::Failed(why) => (true, why),
        };
        Self {
            layer: match timing.layer {
                model::Layer::Dns => Layer::Dns,
                model::Layer::Tcp => Layer::Tcp,
                model::Layer::Proxy => Layer::Proxy,
                model::Layer::Tls => Layer::Tls,
                model::Layer::Http => Layer::Http,
                model::Layer::Ntp => Layer::Ntp,
                model::Layer::Command => Layer::Command,
                model::Layer::Local => Layer::Local,
            },
            what: timing.what.clone(),
            reply: reply.clone(),
            failed,
            began_ms: timing.began.map(micros),
            duration_ms: micros(timing.took),
            checks: texts(&timing.checks),
        }
    }
}

/// Milliseconds, to the microsecond: most answers take less than one.
fn micros(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
