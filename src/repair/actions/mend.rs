//! What is surely miswritten in the configuration, written right.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::action::{Description, Proposal, Safety, Site};
use super::super::edit::{Mended, Misspelt, mend_keys, mend_url, misspelt};
use super::super::look;
use super::configuration::{Configuration, EditConfiguration};
use crate::catalog::Repair;
use crate::contract::config::{self, ConfigProblem, Key, set_value};
use crate::contract::url::ControlPlane;
use crate::model::{Code, ReportedFinding, Target, excerpt};

const INVALID: Code = Code::from_static("config.invalid");
const UNKNOWN_KEY: Code = Code::from_static("config.unknown_key");

/// Misspelt keys.
pub(super) fn keys<'a>(
    site: &'a Site<'a>,
    _findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        let look = look::again(site, &["config"]).await;
        let configuration = match Configuration::read(site, &look.known).await {
            Ok(configuration) => configuration,
            Err(why) => return Proposal::Person(why),
        };
        let keys = misspelt(&configuration.text);
        if keys.is_empty() {
            return Proposal::Person(
                "which key is meant, or whether any, is not certain".to_owned(),
            );
        }
        match mend_keys(&configuration.text, &keys) {
            Ok(mended) => Proposal::Actions(vec![Box::new(rename(configuration, keys, &mended))]),
            Err(why) => Proposal::Person(why.to_string()),
        }
    }
    .boxed()
}

fn rename(configuration: Configuration, keys: Vec<Misspelt>, mended: &str) -> EditConfiguration {
    let shown = configuration.path.display();
    let change = |key: &Misspelt| {
        let written = excerpt(&key.written);
        format!(
            "{shown}, line {}: `{written}` becomes `{}`",
            key.line, key.meant
        )
    };
    let changes = keys.iter().map(change).collect();
    let description = Description {
        repair: Repair::MendKey,
        codes: settled(&configuration.text, mended),
        title: format!("Spell {} in {shown} as the agent reads it", names(&keys)),
        why: "Nobody reads a key by another name, so what it says is not in force.".to_owned(),
        changes,
        undo: Some(format!("{shown} is put back as it was")),
        safety: Safety::Safe,
        needs_root: true,
        ask: None,
    };
    EditConfiguration {
        path: configuration.path,
        before: configuration.text,
        edit: Box::new(move |text| match misspelt(text) {
            now if now.is_empty() => Ok(text.to_owned()),
            now => mend_keys(text, &now),
        }),
        description,
    }
}

fn names(keys: &[Misspelt]) -> String {
    let names: Vec<String> = keys.iter().map(|key| format!("`{}`", key.meant)).collect();
    names.join(", ")
}

/// The findings of which nothing is left in the new text: with others of their kind, a person still has to do.
fn settled(before: &str, after: &str) -> Vec<Code> {
    let has = |text: &str, code: &Code| {
        let problems = config::parse(text, None).problems;
        problems.iter().any(|problem| match problem {
            ConfigProblem::UnknownKey { .. } => *code == UNKNOWN_KEY,
            ConfigProblem::Syntax { .. } => false,
            _ => *code == INVALID,
        })
    };
    let codes = [INVALID, UNKNOWN_KEY];
    let codes = codes.into_iter();
    codes
        .filter(|code| has(before, code) && !has(after, code))
        .collect()
}

/// The control plane's URL.
pub(super) fn url<'a>(
    site: &'a Site<'a>,
    findings: &'a [&'a ReportedFinding],
) -> BoxFuture<'a, Proposal> {
    async move {
        let look = look::again(site, &["config"]).await;
        let configuration = match Configuration::read(site, &look.known).await {
            Ok(configuration) => configuration,
            Err(why) => return Proposal::Person(why),
        };
        match meant(site, &configuration.text).await {
            Ok(plane) => {
                let action = write(configuration, &plane, look::codes(findings));
                Proposal::Actions(vec![Box::new(action)])
            }
            Err(why) => Proposal::Person(why),
        }
    }
    .boxed()
}

/// What the URL was meant to be.
async fn meant(site: &Site<'_>, text: &str) -> Result<ControlPlane, String> {
    let written = config::parse(text, None).config.control_plane;
    let written = written.ok_or("the configuration names no control plane")?;
    let planes = match mend_url(&written) {
        Some(Mended::Surely(plane)) => return editable(text, plane),
        Some(Mended::WhereItAnswers(planes)) => planes,
        None if ControlPlane::parse(&written).is_ok() => {
            return Err("it is the URL given with --control-plane that cannot be used".to_owned());
        }
        None => return Err("what is meant is not certain".to_owned()),
    };
    let shown: Vec<String> = planes.iter().map(ToString::to_string).collect();
    for plane in planes {
        if answers(site, &plane).await {
            return editable(text, plane);
        }
    }
    Err(format!(
        "{} may be meant, and no control plane answers there",
        shown.join(" or ")
    ))
}

fn editable(text: &str, plane: ControlPlane) -> Result<ControlPlane, String> {
    set_value(text, Key::ControlPlane, &plane.to_string()).map_err(|why| why.to_string())?;
    Ok(plane)
}

/// Whether a control plane answers there, on the way that the agent would take.
async fn answers(site: &Site<'_>, plane: &ControlPlane) -> bool {
    let target = Target {
        control_plane: Some(plane.to_string()),
        ..Target::clone(&site.doctor.target)
    };
    let look = look::as_if(site.doctor, target, &["health"], |host| host).await;
    look.is_well("health")
}

fn write(
    configuration: Configuration,
    plane: &ControlPlane,
    codes: Vec<Code>,
) -> EditConfiguration {
    let shown = configuration.path.display();
    let plane = plane.to_string();
    let description = Description {
        repair: Repair::MendUrl,
        codes,
        title: format!("Set `control_plane` in {shown} to {plane}"),
        why: "That is what was meant; as it is written, the agent cannot call it.".to_owned(),
        changes: vec![format!("{shown}: the value of `control_plane`")],
        undo: Some(format!("{shown} is put back as it was")),
        safety: Safety::Safe,
        needs_root: true,
        ask: None,
    };
    EditConfiguration {
        path: configuration.path,
        before: configuration.text,
        edit: Box::new(move |text| set_value(text, Key::ControlPlane, &plane)),
        description,
    }
}
