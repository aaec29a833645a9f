//! Reads the probe of a check of the user's own.

use std::collections::BTreeMap;

use url::Url;

use super::fields::{self, Field};
use super::nearest::{list, or_one_of};
use super::probe::{Claim, ExpectedBody, ExpectedFile, Pattern, Probe, ProbeWay, ServiceState};
use super::problem::{At, Place, Reporter, quoted};
use super::raw::{RawCheck, RawProbe};
use super::yaml::{Kind, Node};
use crate::model::{Code, parse_duration};

/// The kinds of probes.
pub(super) const KINDS: [&str; 6] = ["tcp", "dns", "http", "file", "service", "log"];

/// The parameters of a kind; the first two keys are every probe's.
fn keys(kind: &str) -> &'static [&'static str] {
    match kind {
        "tcp" => &["kind", "finding", "host", "port"],
        "dns" => &["kind", "finding", "name"],
        "http" => &[
            "kind",
            "finding",
            "url",
            "expect_status",
            "expect_json",
            "contains",
            "proxy",
        ],
        "file" => &["kind", "finding", "path", "exists", "contains"],
        "service" => &["kind", "finding", "name", "state"],
        _ => &["kind", "finding", "pattern", "unit", "within"],
    }
}

/// Everything that a probe may be told, whatever its kind.
#[derive(Default)]
struct Parameters {
    place: Place,
    finding: Field<String>,
    host: Field<String>,
    name: Field<String>,
    url: Field<String>,
    path: Field<String>,
    contains: Field<String>,
    state: Field<String>,
    pattern: Field<String>,
    unit: Field<String>,
    within: Field<String>,
    port: Field<u16>,
    expect_status: Field<u16>,
    exists: Field<bool>,
    proxy: Field<bool>,
    expect_json: Field<BTreeMap<String, serde_json::Value>>,
}

/// Reads the probe of a check. `None` when something is wrong with it; it has been told then.
pub(super) fn probe(raw: &RawProbe, check: &RawCheck, report: &mut Reporter<'_>) -> Option<Probe> {
    let kind = kind(&raw.0, report)?;
    let parameters = parameters(&raw.0, &kind, report);
    let finding = finding(&parameters, check, report);
    let claim = match kind.as_str() {
        "tcp" => tcp(&parameters, report),
        "dns" => dns(&parameters, report),
        "http" => http(&parameters, report),
        "file" => file(&parameters, report),
        "service" => service(&parameters, report),
        _ => log(&parameters, report),
    };
    Some(Probe {
        claim: claim?,
        finding: finding?,
    })
}

fn kind(node: &Node, report: &mut Reporter<'_>) -> Option<String> {
    let Kind::Map(entries) = &node.kind else {
        fields::wrong(node, "`probe` is a mapping", report);
        return None;
    };
    let Some(entry) = entries.iter().find(|entry| entry.key == "kind") else {
        let message = format!("`probe` has no `kind`: one of {}", list(KINDS));
        report.at(node.place, message);
        return None;
    };
    let field = fields::text(&entry.value, "kind", report);
    let kind = field.get()?;
    if KINDS.contains(&kind.value.as_str()) {
        return Some(kind.value.clone());
    }
    report.at(
        kind.place,
        format!(
            "there is no kind of probe {}{}",
            quoted(&kind.value),
            or_one_of(&kind.value, KINDS)
        ),
    );
    None
}

fn parameters(node: &Node, kind: &str, report: &mut Reporter<'_>) -> Parameters {
    let mut read = Parameters {
        place: node.place,
        ..Parameters::default()
    };
    let owner = format!("a `{kind}` probe");
    fields::each(node, &owner, keys(kind), report, |key, value, report| {
        let text = match key {
            "finding" => &mut read.finding,
            "host" => &mut read.host,
            "name" => &mut read.name,
            "url" => &mut read.url,
            "path" => &mut read.path,
            "contains" => &mut read.contains,
            "state" => &mut read.state,
            "pattern" => &mut read.pattern,
            "unit" => &mut read.unit,
            "within" => &mut read.within,
            "port" => {
                read.port = fields::whole(value, key, 1..=u16::MAX, report);
                return;
            }
            "expect_status" => {
                read.expect_status = fields::whole(value, key, 100..=599, report);
                return;
            }
            "exists" => {
                read.exists = fields::truth(value, key, report);
                return;
            }
            "proxy" => {
                read.proxy = fields::truth(value, key, report);
                return;
            }
            "expect_json" => {
                read.expect_json = members(value, report);
                return;
            }
            // `kind`, which has been read.
            _ => return,
        };
        *text = fields::text(value, key, report);
    });
    read
}

/// The code that says that the claim does not hold: the one that is named, or the only one that there is.
fn finding(read: &Parameters, check: &RawCheck, report: &mut Reporter<'_>) -> Option<Code> {
    let findings = check.findings.get().map(|at| at.value.as_slice())?;
    let codes = || findings.iter().map(|finding| finding.code.value.as_str());
    match (&read.finding, findings) {
        (Field::Is(at), _) => {
            if codes().any(|code| code == at.value) {
                return Code::new(at.value.clone()).ok();
            }
            let message = format!(
                "this check has no finding {}{}",
                quoted(&at.value),
                or_one_of(&at.value, codes().collect::<Vec<_>>())
            );
            report.at(at.place, message);
            None
        }
        (Field::Absent, [only]) => Code::new(only.code.value.clone()).ok(),
        (Field::Absent, [_, ..]) => {
            let message = format!(
                "`probe` has no `finding`: which of {} is it when the probe fails?",
                list(codes())
            );
            report.at(read.place, message);
            None
        }
        (Field::Wrong | Field::Absent, _) => None,
    }
}

fn tcp(read: &Parameters, report: &mut Reporter<'_>) -> Option<Claim> {
    let host = read
        .host
        .required("host", "a `tcp` probe", read.place, report);
    let host = host.and_then(|host| network_name(host, "host", report));
    let port = read
        .port
        .required("port", "a `tcp` probe", read.place, report);
    Some(Claim::Tcp {
        host: host?,
        port: port?.value,
    })
}

fn dns(read: &Parameters, report: &mut Reporter<'_>) -> Option<Claim> {
    let name = read
        .name
        .required("name", "a `dns` probe", read.place, report)?;
    network_name(name, "name", report).map(|name| Claim::Dns { name })
}

/// A host name or an address: no URL, no blanks.
fn network_name(at: &At<String>, key: &str, report: &mut Reporter<'_>) -> Option<String> {
    let fits = at.value.len() <= 253
        && at
            .value
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'));
    if !fits {
        report.at(
            at.place,
            format!(
                "`{key}` is a host name or an address, without scheme, port or path, not {}",
                quoted(&at.value)
            ),
        );
    }
    fits.then(|| at.value.clone())
}

fn http(read: &Parameters, report: &mut Reporter<'_>) -> Option<Claim> {
    let url = read
        .url
        .required("url", "an `http` probe", read.place, report);
    let url = url.and_then(|url| self::url(url, report));
    let expect_body = match (read.expect_json.get(), read.contains.get()) {
        (Some(_), Some(contains)) => {
            let message = "either `contains` or `expect_json`: one says all about the body";
            report.at(contains.place, message);
            return None;
        }
        (Some(json), None) => ExpectedBody::Json(json.value.clone()),
        (None, Some(contains)) => ExpectedBody::Contains(contains.value.clone()),
        (None, None) => ExpectedBody::Any,
    };
    Some(Claim::Http {
        url: url?,
        expect_status: read.expect_status.get().map(|at| at.value),
        expect_body,
        way: match read.proxy.get().map(|at| at.value) {
            Some(false) => ProbeWay::Direct,
            Some(true) | None => ProbeWay::OfService,
        },
    })
}

fn url(at: &At<String>, report: &mut Reporter<'_>) -> Option<Url> {
    let wrong = match Url::parse(&at.value) {
        Err(error) => format!("`url` is no URL: {error}"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            "`url` begins with `http://` or `https://`".to_owned()
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "`url` holds credentials: a check's file is no place for them".to_owned()
        }
        Ok(url) => return Some(url),
    };
    report.at(at.place, wrong);
    None
}

fn members(node: &Node, report: &mut Reporter<'_>) -> Field<BTreeMap<String, serde_json::Value>> {
    let Kind::Map(entries) = &node.kind else {
        fields::wrong(node, "`expect_json` is a mapping", report);
        return Field::Wrong;
    };
    let mut members = BTreeMap::new();
    for entry in entries {
        let value = match &entry.value.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(value) => (*value).into(),
            Kind::Text(text) => text.as_str().into(),
            Kind::Number(digits) => number(digits),
            Kind::List(_) | Kind::Map(_) | Kind::Refused => {
                let wanted = "a member of `expect_json` is a text, a number, true, false or null";
                fields::wrong(&entry.value, wanted, report);
                continue;
            }
        };
        members.insert(entry.key.clone(), value);
    }
    Field::Is(At {
        value: members,
        place: node.place,
    })
}

fn number(digits: &str) -> serde_json::Value {
    match (digits.parse::<i64>(), digits.parse::<f64>()) {
        (Ok(whole), _) => whole.into(),
        (_, Ok(fraction)) => fraction.into(),
        _ => digits.into(),
    }
}

fn file(read: &Parameters, report: &mut Reporter<'_>) -> Option<Claim> {
    let path = read
        .path
        .required("path", "a `file` probe", read.place, report);
    let path = path.and_then(|path| absolute(path, report));
    let expect = match (read.exists.get().map(|at| at.value), read.contains.get()) {
        (Some(false), Some(contains)) => {
            let message = "`contains` of a file that is not to exist: leave one of the two out";
            report.at(contains.place, message);
            return None;
        }
        (Some(false), None) => ExpectedFile::Absent,
        (_, Some(contains)) => ExpectedFile::Contains(contains.value.clone()),
        (_, None) => ExpectedFile::Present,
    };
    Some(Claim::File {
        path: path?,
        expect,
    })
}

/// A path from the root, of whichever system the check is for.
fn absolute(at: &At<String>, report: &mut Reporter<'_>) -> Option<String> {
    let windows = matches!(at.value.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic());
    let fits = at.value.starts_with('/') || windows;
    if !fits {
        report.at(
            at.place,
            format!("`path` begins at the root, not {}", quoted(&at.value)),
        );
    }
    fits.then(|| at.value.clone())
}

fn service(read: &Parameters, report: &mut Reporter<'_>) -> Option<Claim> {
    let name = read
        .name
        .required("name", "a `service` probe", read.place, report);
    let name = name.and_then(|name| service_name(name, "name", report));
    let state = read
        .state
        .required("state", "a `service` probe", read.place, report);
    let state = state.and_then(|at| {
        let known = ServiceState::ALL;
        let found = known.into_iter().find(|state| state.as_str() == at.value);
        if found.is_none() {
            let names = known.map(ServiceState::as_str);
            let message = format!(
                "there is no state {}{}",
                quoted(&at.value),
                or_one_of(&at.value, names)
            );
            report.at(at.place, message);
        }
        found
    });
    Some(Claim::Service {
        name: name?,
        state: state?,
    })
}

/// A service's name: it is handed to the service manager, and must not be an option or a path there.
fn service_name(at: &At<String>, key: &str, report: &mut Reporter<'_>) -> Option<String> {
    let fits = at.value.len() <= 255
        && !at.value.starts_with('-')
        && at
            .value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | ':' | '$'));
    if !fits {
        report.at(
            at.place,
            format!(
                "`{key}` is a service's name, without blanks or paths, not {}",
                quoted(&at.value)
            ),
        );
    }
    fits.then(|| at.value.clone())
}

fn log(read: &Parameters, report: &mut Reporter<'_>) -> Option<Claim> {
    let pattern = read
        .pattern
        .required("pattern", "a `log` probe", read.place, report);
    let pattern = pattern.and_then(|at| {
        Pattern::new(&at.value)
            .map_err(|error| {
                // The library draws the pattern over several lines; the last one says what is wrong.
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default();
                let reason = last.trim().trim_start_matches("error: ");
                report.at(
                    at.place,
                    format!("`pattern` is no regular expression: {reason}"),
                );
            })
            .ok()
    });
    let within = read.within.get().map(|at| {
        parse_duration(&at.value)
            .map_err(|error| report.at(at.place, error))
            .ok()
    });
    let unit = read
        .unit
        .get()
        .map(|unit| service_name(unit, "unit", report));
    Some(Claim::Log {
        pattern: pattern?,
        unit: optional(unit)?,
        within: optional(within)?,
    })
}

/// `None` for what was there and of no use.
fn optional<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests;
