//! `nexplane-doctor lab serve`: says where the control plane is, and logs what it is asked until it is ended.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::super::args::{Common, Format};
use super::super::exit::{Exit, Failure};
use super::super::{diagnose, output};
use crate::lab::standing::{self, Standing};
use crate::model::{Code, Secret};

/// The first line on standard output.
#[derive(Serialize)]
struct Ready<'a> {
    control_plane: &'a str,
    ca_cert: String,
    tokens: Vec<&'a str>,
    api_token: &'a str,
    change_request: &'a str,
}

pub(super) fn run(
    listen: SocketAddr,
    directory: Option<&Path>,
    faults: &[Code],
    certificates_for: Option<Duration>,
    format: Format,
    common: &Common,
) -> Result<Exit, Failure> {
    let plan = standing::plan(faults).map_err(Failure::usage)?;
    let certificates_for = certificates_for
        .map(chrono::TimeDelta::from_std)
        .transpose()
        .map_err(Failure::usage)?;
    let runtime = diagnose::runtime()?;
    let ended = runtime.block_on(async {
        let interrupted = diagnose::interruption();
        let mut standing = Standing::start(listen, directory, plan, certificates_for)
            .await
            .map_err(|error| Failure::usage(format_args!("cannot serve on {listen}: {error}")))?;
        output::print(&ready(&standing, format)?)?;
        loop {
            tokio::select! {
                () = interrupted.cancelled() => return Ok(Exit::Healthy),
                request = standing.next_request() => match request {
                    Some(request) if common.quiet == 0 => output::tell(&line(&request)),
                    Some(_) => {}
                    // A port that answers nothing has nothing to log.
                    None => {
                        interrupted.cancelled().await;
                        return Ok(Exit::Healthy);
                    }
                },
            }
        }
    });
    runtime.shutdown_background();
    ended
}

fn line(request: &crate::lab::RequestLine) -> String {
    let who = request.agent_id.as_deref().unwrap_or("-");
    let path = crate::model::printable(&request.path);
    format!("{} {path} {} {who}", request.method, request.status)
}

fn ready(standing: &Standing, format: Format) -> Result<String, Failure> {
    let tokens: Vec<&str> = standing.tokens.iter().map(Secret::expose).collect();
    let ca_cert = standing.ca_cert.display().to_string();
    let ready = Ready {
        control_plane: &standing.control_plane,
        ca_cert,
        tokens,
        api_token: standing.api_token.expose(),
        change_request: &standing.change_request,
    };
    if format == Format::Json {
        return Ok(serde_json::to_string(&ready)? + "\n");
    }
    let tokens = ready.tokens.join("\n                ");
    Ok(format!(
        "control plane   {url}\nCA file         {ca}\ntokens          {tokens}\nAPI token       {api}\nchange request  {change_request}\n\n\
         Try it:\n  nexplane-doctor --control-plane {url} --ca-cert {ca}\n\nCtrl-C ends it. What it is asked follows:\n",
        url = ready.control_plane,
        ca = ready.ca_cert,
        api = ready.api_token,
        change_request = ready.change_request,
    ))
}
