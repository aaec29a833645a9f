//! How a command of the agent says that it failed: the log's line, the finding, the runbook's remedy, the next step.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::agent::{Advice, Places, advice};
use crate::catalog::Values;
use crate::contract::paths::AgentPaths;
use crate::contract::url::ControlPlane;
use crate::model::{Code, Os, Placeholder, printable};

/// Says it on standard error, with what the runbook says to do, and ends in 1.
pub(super) fn tell(line: &str, code: Option<&Code>, values: &Values) -> io::Result<ExitCode> {
    let advised = code.and_then(|code| Some((code, advice(code, values)?)));
    tell_with(line, advised.as_ref().map(|(code, advice)| (*code, advice)))
}

/// The same with this advice.
pub(super) fn tell_with(line: &str, advised: Option<(&Code, &Advice)>) -> io::Result<ExitCode> {
    let mut err = io::stderr().lock();
    writeln!(err, "{}", printable(line))?;
    let Some((code, advice)) = advised else {
        return Ok(ExitCode::FAILURE);
    };
    writeln!(err, "\n{}: {}", code, advice.title)?;
    writeln!(err, "{}", advice.remedy.text)?;
    for step in &advice.remedy.steps {
        writeln!(err, "  {}", step.text)?;
        if let Some(command) = &step.command {
            writeln!(err, "    {command}")?;
        }
    }
    if let Some(section) = &advice.remedy.runbook {
        writeln!(err, "Runbook: {section}")?;
    }
    Ok(ExitCode::FAILURE)
}

/// What the remedies may name.
pub(super) fn values(
    places: &Places,
    control_plane: Option<&ControlPlane>,
    ca_cert: Option<&Path>,
) -> Values {
    let paths = AgentPaths::of(Os::current());
    let shown = |path: &Path| path.display().to_string();
    let mut values = Values::new()
        .with(Placeholder::Unit, paths.service)
        .with(Placeholder::Binary, shown(&places.binary))
        .with(Placeholder::ConfigDir, shown(&places.config_dir))
        .with(Placeholder::ConfigPath, shown(&places.config()))
        .with(Placeholder::CertPath, shown(&places.cert()))
        .with(Placeholder::KeyPath, shown(&places.key()));
    if let Some(plane) = control_plane {
        values.set(Placeholder::ControlPlane, plane.to_string());
        values.set(Placeholder::Host, plane.host());
        values.set(Placeholder::Port, plane.port().to_string());
    }
    if let Some(ca_cert) = ca_cert {
        values.set(Placeholder::CaCert, shown(ca_cert));
    }
    values
}
