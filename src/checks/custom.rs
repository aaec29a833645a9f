//! The generic check behind the user's own files: one typed question, never a command line.
//!
//! What it asks is in the file's `probe`; what it finds when the claim does not hold is the probe's one finding.

use std::net::{IpAddr, SocketAddr};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use url::Url;

use super::proxy::{self, Taken};
use super::{AnyCheck, AnyEvidence, Check, Facts, Judgement, Known, config, environment};
use crate::catalog::{CheckDoc, Claim, ExpectedBody, ExpectedFile, Probe, ProbeWay, ServiceState};
use crate::contract::url::ControlPlane;
use crate::host::{
    ConnectQuestion, Content, Exchange, FetchQuestion, Host, HostPath, JournalQuestion, LogEntry,
    Race, ReadQuestion, Seen, Service, ServiceQuestion, Unseen,
};
use crate::model::{CheckId, Code, Finding, excerpt};

/// How many entries of a log a probe reads.
const LOG_LINES: u32 = 500;

/// The check that a file of the user's own describes, if it has a probe.
pub fn check(doc: &CheckDoc) -> Option<Box<dyn AnyCheck>> {
    let probe = doc.probe.clone()?;
    Some(Box::new(Custom {
        id: doc.id.clone(),
        needs: doc.needs.to_vec(),
        probe,
    }))
}

struct Custom {
    id: CheckId,
    needs: Vec<CheckId>,
    probe: Probe,
}

/// What was seen of the probe's object.
enum Evidence {
    Race(Seen<Race>),
    Addresses(Seen<Vec<IpAddr>>),
    /// An answer, and by which way.
    Answer(Seen<Exchange>, String),
    /// The service is told a way that leads to nobody, or one that is not known.
    NoWay(Taken),
    File(Seen<Content>),
    Service(Seen<Service>),
    Log(Seen<Vec<LogEntry>>, DateTime<Utc>),
}

/// What comes of comparing a claim with what was seen.
enum Comparison {
    Holds(String),
    DoesNotHold(String),
    Undecided(String),
}

impl AnyCheck for Custom {
    fn id(&self) -> CheckId {
        self.id.clone()
    }

    fn codes(&self) -> Vec<Code> {
        vec![self.probe.finding.clone()]
    }

    fn collects_after(&self) -> Option<Vec<CheckId>> {
        // The configuration may name the proxy.
        let config = CheckId::from_static(config::Probe::ID);
        let goes_as_the_service = matches!(
            self.probe.claim,
            Claim::Http {
                way: ProbeWay::OfService,
                ..
            }
        );
        goes_as_the_service.then(|| self.needs.iter().cloned().chain([config]).collect())
    }

    fn collect<'a>(&'a self, host: &'a dyn Host, known: &'a Known) -> BoxFuture<'a, AnyEvidence> {
        Box::pin(async move {
            let evidence = collect(&self.probe.claim, host, known).await;
            Box::new(evidence) as AnyEvidence
        })
    }

    fn judge(&self, evidence: AnyEvidence, _: &Known, _: &mut Facts) -> Judgement {
        let Ok(evidence) = evidence.downcast::<Evidence>() else {
            return Judgement::unknown("the evidence is another check's: a defect of the doctor");
        };
        match compare(&self.probe.claim, &evidence) {
            Comparison::Holds(seen) => Judgement::pass().note(self.probe.claim.kind(), seen),
            Comparison::DoesNotHold(detail) => {
                Finding::new(self.probe.finding.clone(), detail).into()
            }
            Comparison::Undecided(reason) => Judgement::unknown(reason),
        }
    }
}

async fn collect(claim: &Claim, host: &dyn Host, known: &Known) -> Evidence {
    match claim {
        Claim::Tcp { host: name, port } => Evidence::Race(race(host, name, *port).await),
        Claim::Dns { name } => Evidence::Addresses(host.lookup(name.clone()).await),
        Claim::Http { url, way, .. } => {
            let (via, how) = match way_to(url, *way, host, known).await {
                Taken::Directly(why) => (None, format!("directly ({why})")),
                Taken::Through(via, how) => (Some(*via), format!("through the proxy {how}")),
                no_way @ (Taken::Nowhere(_) | Taken::Unknown(_)) => return Evidence::NoWay(no_way),
            };
            let url = url.to_string();
            Evidence::Answer(host.fetch(FetchQuestion { url, via }).await, how)
        }
        Claim::File { path, .. } => {
            let question = ReadQuestion::new(HostPath::host(path));
            Evidence::File(host.read(question).await)
        }
        Claim::Service { name, .. } => {
            let name = name.clone();
            Evidence::Service(host.service(ServiceQuestion { name }).await)
        }
        Claim::Log { unit, .. } => {
            let question = match unit {
                Some(unit) => JournalQuestion {
                    unit: unit.clone(),
                    lines: LOG_LINES,
                },
                None => JournalQuestion::agent(host.system(()).await.os),
            };
            Evidence::Log(host.journal(question).await, host.now(()).await)
        }
    }
}

/// The way to a URL: that of the agent's service, unless the file says otherwise.
async fn way_to(url: &Url, way: ProbeWay, host: &dyn Host, known: &Known) -> Taken {
    if way == ProbeWay::Direct {
        return Taken::Directly("`proxy: false`".to_owned());
    }
    if url.scheme() != "https" {
        let why = "the agent speaks HTTPS alone, and has no way of its own for http://";
        return Taken::Directly(why.to_owned());
    }
    let Ok(server) = ControlPlane::parse(&url.origin().ascii_serialization()) else {
        return Taken::Directly("no proxy can be asked for such a host".to_owned());
    };
    // The same rules as for the control plane, with another one in its place.
    let mut told = config::told(known);
    told.control_plane = Some(server);
    let environment = environment::of_agent(host, known).await;
    proxy::way(&told, &environment).taken()
}

async fn race(host: &dyn Host, name: &str, port: u16) -> Seen<Race> {
    let addresses = match name.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => host.lookup(name.to_owned()).await?,
    };
    let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, port));
    let question = ConnectQuestion {
        addresses: addresses.collect(),
    };
    Ok(host.connect(question).await)
}

fn compare(claim: &Claim, evidence: &Evidence) -> Comparison {
    match (claim, evidence) {
        (Claim::Tcp { host, port }, Evidence::Race(race)) => tcp(host, *port, race),
        (Claim::Dns { name }, Evidence::Addresses(seen)) => match seen {
            Ok(addresses) if !addresses.is_empty() => holds(format!("{name} has {addresses:?}")),
            Ok(_) | Err(Unseen::Absent) => fails(format!("{name} has no address.")),
            Err(unseen) => undecided(name, unseen),
        },
        (
            Claim::Http {
                url,
                expect_status,
                expect_body,
                ..
            },
            Evidence::Answer(seen, how),
        ) => match seen {
            Ok(answer) => http(url.as_str(), *expect_status, expect_body, answer, how),
            Err(unseen @ (Unseen::Unsupported { .. } | Unseen::NotRecorded)) => {
                undecided(url.as_str(), unseen)
            }
            Err(unseen) => fails(format!("{url}, asked {how}, gave no answer: {unseen}.")),
        },
        (Claim::Http { url, .. }, Evidence::NoWay(taken)) => match taken {
            Taken::Nowhere(why) => fails(format!("{url} was not asked as the agent would: {why}.")),
            Taken::Directly(why) | Taken::Through(_, why) | Taken::Unknown(why) => {
                Comparison::Undecided(format!("the way to {url} is not known: {why}"))
            }
        },
        (Claim::File { path, expect }, Evidence::File(seen)) => file(path, expect, seen),
        (Claim::Service { name, state }, Evidence::Service(seen)) => match seen {
            Ok(service) => service_state(name, *state, service),
            Err(unseen) => undecided(name, unseen),
        },
        (
            Claim::Log {
                pattern, within, ..
            },
            Evidence::Log(seen, now),
        ) => match seen {
            Ok(entries) => {
                let since = within
                    .and_then(|within| TimeDelta::from_std(within).ok())
                    .map(|within| *now - within);
                let recent = |entry: &&LogEntry| match (since, entry.time) {
                    (Some(since), Some(time)) => time >= since,
                    _ => true,
                };
                let mut matching = entries.iter().filter(recent);
                match matching.find(|entry| pattern.matches(&entry.message)) {
                    Some(entry) => holds(excerpt(&entry.message)),
                    None => fails(format!("No log line matches `{}`.", pattern.as_str())),
                }
            }
            Err(unseen) => undecided("the log", unseen),
        },
        _ => {
            Comparison::Undecided("the evidence is another probe's: a defect of the doctor".into())
        }
    }
}

fn holds(seen: String) -> Comparison {
    Comparison::Holds(seen)
}

fn fails(detail: String) -> Comparison {
    Comparison::DoesNotHold(detail)
}

fn undecided(what: &str, unseen: &Unseen) -> Comparison {
    Comparison::Undecided(format!("{what} could not be looked at: {unseen}"))
}

fn tcp(host: &str, port: u16, race: &Seen<Race>) -> Comparison {
    match race {
        Ok(Race {
            winner: Some(address),
            ..
        }) => holds(format!("{address} is open, connected to directly")),
        Ok(race) => {
            let tried = race.attempts.iter().map(|attempt| match &attempt.outcome {
                Ok(()) => attempt.address.to_string(),
                Err(unseen) => format!("{}: {unseen}", attempt.address),
            });
            let tried: Vec<String> = tried.collect();
            fails(format!(
                "Port {port} of {host} does not open, connected to directly: {}.",
                tried.join("; ")
            ))
        }
        Err(Unseen::Absent) => fails(format!("{host} has no address.")),
        Err(unseen) => undecided(host, unseen),
    }
}

fn http(
    url: &str,
    status: Option<u16>,
    body: &ExpectedBody,
    answer: &Exchange,
    how: &str,
) -> Comparison {
    let as_expected = match status {
        Some(status) => answer.status == status,
        None => (200..300).contains(&answer.status),
    };
    if !as_expected {
        let wanted = status.map_or("200 to 299".to_owned(), |status| status.to_string());
        return fails(format!(
            "{url}, asked {how}, answered {} instead of {wanted}.",
            answer.status
        ));
    }
    let holds_body = match body {
        ExpectedBody::Any => true,
        ExpectedBody::Contains(text) => answer.body.contains(text),
        ExpectedBody::Json(members) => {
            let document: Option<serde_json::Value> = serde_json::from_str(&answer.body).ok();
            document.is_some_and(|document| {
                let mut members = members.iter();
                members.all(|(key, value)| document.get(key) == Some(value))
            })
        }
    };
    match holds_body {
        true => holds(format!("{url}, asked {how}, answered {}", answer.status)),
        false => fails(format!(
            "{url}, asked {how}, answered {}, and not as expected: {}",
            answer.status,
            excerpt(&answer.body)
        )),
    }
}

fn file(path: &str, expect: &ExpectedFile, seen: &Seen<Content>) -> Comparison {
    match (expect, seen) {
        // Too large or no text: it is there all the same.
        (ExpectedFile::Present, Ok(_) | Err(Unseen::TooLarge { .. })) => {
            holds(format!("{path} is there"))
        }
        (ExpectedFile::Present | ExpectedFile::Contains(_), Err(Unseen::Absent)) => {
            fails(format!("{path} is not there."))
        }
        (ExpectedFile::Absent, Err(Unseen::Absent)) => holds(format!("{path} is not there")),
        (ExpectedFile::Absent, Ok(_) | Err(Unseen::TooLarge { .. })) => {
            fails(format!("{path} is there."))
        }
        (ExpectedFile::Contains(text), Ok(content)) => match content.text.contains(text) {
            true => holds(format!("{path} holds what it should")),
            false => fails(format!("{path} does not hold `{text}`.")),
        },
        (_, Err(unseen)) => undecided(path, unseen),
    }
}

fn service_state(name: &str, state: ServiceState, service: &Service) -> Comparison {
    let property = match state {
        ServiceState::Running | ServiceState::Stopped => "ActiveState",
        ServiceState::Enabled | ServiceState::Disabled => "UnitFileState",
    };
    if service.get("LoadState") == Some("not-found") {
        return fails(format!("There is no service {name}."));
    }
    let Some(value) = service.get(property) else {
        return Comparison::Undecided(format!("{property} of {name} is not known here"));
    };
    let is_so = match state {
        ServiceState::Running => matches!(value, "active" | "reloading"),
        ServiceState::Stopped => matches!(value, "inactive" | "failed"),
        ServiceState::Enabled => value.starts_with("enabled"),
        ServiceState::Disabled => value == "disabled",
    };
    match is_so {
        true => holds(format!("{name} is {value}")),
        false => fails(format!("{name} is {value} instead of {}.", state.as_str())),
    }
}

#[cfg(test)]
mod tests;
