//! What an installation puts on the host: program, configuration, the service's definition, a CA file; then the identity.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::super::enroll::{self, EnrollError};
use super::super::files::{self, Readers, cleared, replace, sync_directory};
use super::super::platform;
use super::super::service::{definition_text, shows};
use super::super::setting::Setting;
use super::super::surroundings::{Places, Surroundings};
use super::super::trust;
use super::InstallOptions;
use super::error::{FileError, InstallError};
use crate::contract::config::{AgentConfig, Verification};
use crate::contract::proxy::Rules;
use crate::contract::token::TokenShape;
use crate::contract::url::ControlPlane;
use crate::model::Secret;

/// What shall be on the host, validated.
#[derive(Debug)]
pub(super) struct Wanted {
    /// What the agent will work with. Its CA file is the user's until the copy is in place, whose content is the same.
    pub(super) setting: Setting,
    /// What the user should know, a sentence each.
    pub(super) notes: Vec<String>,
    /// How large the program is, in bytes; nothing, if it is in place.
    pub(super) program_size: u64,
    config: String,
    unit: String,
    /// A CA file that the service could not read where it is.
    ca_copy: Option<Vec<u8>>,
}

impl Wanted {
    pub(super) fn of(
        options: &InstallOptions,
        around: &Surroundings,
    ) -> Result<Self, InstallError> {
        let places = &around.places;
        let plane = ControlPlane::parse(&options.control_plane)?;
        if let Some(problem) = TokenShape::of(&options.token).problem {
            return Err(InstallError::Token(problem));
        }
        let mut notes = Vec::new();
        if options.verification == Verification::Off {
            notes.push(
                "TLS verification is switched off: whoever is on the way can pretend to be the control plane. \
                 Not for production; --ca-cert FILE trusts a private CA."
                    .to_owned(),
            );
        }
        let ca_cert = options
            .ca_cert
            .as_deref()
            .map(std::path::absolute)
            .transpose()
            .map_err(|error| FileError::new("find", Path::new("--ca-cert"), error))?;
        let ca_copy = match &ca_cert {
            Some(path) if !shows(path) => Some(read_ca(path)?),
            _ => None,
        };
        if let Some(path) = &ca_cert {
            trust::of_file(path)?;
        }
        let mut config = AgentConfig {
            control_plane: Some(plane.to_string()),
            poll_interval: options.poll_interval,
            log_level: options.log_level,
            cert_path: Some(places.cert()),
            key_path: Some(places.key()),
            ca_cert,
            verification: options.verification,
            proxy: proxy(around, &plane, &mut notes),
        };
        let setting = Setting::of(config.clone(), &places.config(), &around.environment)
            .map_err(InstallError::Setting)?;
        if ca_copy.is_some() {
            notes.push(format!(
                "The service cannot read the CA file where it is: {} is a copy of it.",
                places.ca_cert().display()
            ));
            config.ca_cert = Some(places.ca_cert());
        }
        let unwritable = |error: serde_yaml::Error| InstallError::Setting(error.to_string());
        let size = fs::metadata(&around.program).map(|it| it.len());
        Ok(Self {
            setting,
            notes,
            program_size: match is_same_program(around) {
                true => 0,
                false => size.map_err(|error| FileError::new("read", &around.program, error))?,
            },
            config: config.render().map_err(unwritable)?,
            unit: definition_text(&places.binary, &places.config())?,
            ca_copy,
        })
    }

    /// The files that are written beside the identity.
    pub(super) fn files(&self, places: &Places) -> Vec<PathBuf> {
        let mut files = vec![
            places.config(),
            places.definition.clone(),
            places.binary.clone(),
        ];
        if self.ca_copy.is_some() {
            files.push(places.ca_cert());
        }
        files
    }

    /// Whether all of it is on the host already.
    pub(super) fn is_in_place(&self, around: &Surroundings) -> bool {
        let places = &around.places;
        let holds = |path: &Path, text: &[u8]| {
            files::read(path, files::MOST).is_ok_and(|there| there == text)
        };
        holds(&places.config(), self.config.as_bytes())
            && holds(&places.definition, self.unit.as_bytes())
            && self
                .ca_copy
                .as_ref()
                .is_none_or(|ca| holds(&places.ca_cert(), ca))
            && (is_same_program(around) || same_content(&around.program, &places.binary))
    }

    pub(super) fn write(&self, around: &Surroundings) -> Result<(), InstallError> {
        let places = &around.places;
        if !is_same_program(around) {
            platform::make_program_directory(&places.binary)
                .and_then(|()| copy_program(&around.program, &places.binary))
                .map_err(|error| FileError::new("write", &places.binary, error))?;
        }
        let config = places.config();
        for (path, content, readers) in [
            // It may hold a proxy's password.
            (&config, self.config.as_bytes(), Readers::OwnerOnly),
            (&places.definition, self.unit.as_bytes(), Readers::Everybody),
        ] {
            replace(path, content, readers)
                .map_err(|error| FileError::new("write", path, error))?;
        }
        if let Some(ca) = &self.ca_copy {
            let path = places.ca_cert();
            replace(&path, ca, Readers::Everybody)
                .map_err(|error| FileError::new("write", &path, error))?;
        }
        Ok(())
    }
}

/// Uses the token up.
pub(super) async fn enroll(
    setting: &Setting,
    around: &Surroundings,
    token: &Secret,
) -> Result<(), InstallError> {
    let client = setting.client(None).map_err(InstallError::Setting)?;
    match enroll::enroll(&client, &setting.files, token, &around.host).await {
        Ok(_) => Ok(()),
        Err(EnrollError::Identity(error)) => Err(error.into()),
        Err(error) => Err(InstallError::Enrollment {
            error,
            plane: setting.plane.clone(),
        }),
    }
}

/// The proxy that this shell goes through: the service has another environment, and has to be told.
fn proxy(around: &Surroundings, plane: &ControlPlane, notes: &mut Vec<String>) -> Option<Secret> {
    let there = Setting::read(&around.places.config(), &around.environment).ok();
    if let Some(proxy) = there.and_then(|setting| setting.config.proxy) {
        return Some(proxy);
    }
    let rules = Rules::of(|name| around.environment.get(name).map(String::as_str));
    let (variable, url) = rules.https_proxy.as_ref()?;
    if rules.exempts(&plane.host(), plane.port()).is_some() {
        return None;
    }
    notes.push(format!(
        "The proxy of {variable} is written into the configuration: the service does not have this shell's environment."
    ));
    Some(url.clone())
}

fn read_ca(path: &Path) -> Result<Vec<u8>, InstallError> {
    match files::read(path, files::MOST) {
        Ok(content) => Ok(content),
        // What is wrong with it is said by whoever reads its certificates.
        Err(_) => Ok(trust::of_file(path).map(|_| Vec::new())?),
    }
}

/// Whether the program that is installed is the one that runs.
fn is_same_program(around: &Surroundings) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    real(&around.program).is_some() && real(&around.program) == real(&around.places.binary)
}

fn same_content(one: &Path, other: &Path) -> bool {
    use io::{BufRead, BufReader};
    let compare = || -> io::Result<bool> {
        let (ours, there) = (fs::metadata(one)?, fs::metadata(other)?);
        // A pipe is not opened: it may hold a reader up for ever.
        if !there.is_file() || ours.len() != there.len() {
            return Ok(false);
        }
        let (one, other) = (File::open(one)?, File::open(other)?);
        let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
        loop {
            let (a, b) = (one.fill_buf()?, other.fill_buf()?);
            let length = a.len().min(b.len());
            if length == 0 || a[..length] != b[..length] {
                return Ok(a.is_empty() && b.is_empty());
            }
            one.consume(length);
            other.consume(length);
        }
    };
    compare().unwrap_or(false)
}

/// Puts the program in place in one step: one that runs goes on with the old one's content.
fn copy_program(from: &Path, to: &Path) -> io::Result<()> {
    let temporary = cleared(to)?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o755);
    let mut into = options.open(&temporary)?;
    io::copy(&mut File::open(from)?, &mut into)?;
    #[cfg(unix)]
    into.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    into.sync_all()?;
    drop(into);
    platform::make_way(to)?;
    fs::rename(&temporary, to)?;
    sync_directory(to)
}
