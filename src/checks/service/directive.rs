//! A directive of the unit that restricts the service, and where it is set: in the unit file, or in which drop-in.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::model::excerpt;
use crate::host::{Host, Service};

/// A directive, as systemd merged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    /// Its name: `PrivateNetwork`.
    pub(super) name: &'static str,
    value: String,
}

impl Directive {
    /// The directive of this name, if the unit sets it.
    pub(super) fn of(service: &Service, name: &'static str) -> Option<Self> {
        let value = service.properties.get(name)?.clone();
        Some(Self { name, value })
    }

    /// Whether what it names may be missing (`-` before it).
    pub(super) fn is_optional(&self) -> bool {
        self.value.trim_start_matches('+').starts_with('-')
    }

    /// One of the values of a directive that is a list.
    pub(super) fn with(name: &'static str, value: &str) -> Self {
        Self {
            name,
            value: value.to_owned(),
        }
    }
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, excerpt(&self.value))
    }
}

/// Which file sets which directive of `[Service]` last.
#[derive(Debug, Default)]
pub(super) struct Origins {
    files: BTreeMap<String, PathBuf>,
    dynamic: bool,
    /// Files of the slice that set filters of addresses.
    slice: Option<String>,
}

impl Origins {
    /// Asks of the unit file and its drop-ins, in the order in which they count.
    pub(super) async fn read(host: &dyn Host, service: &Service) -> Self {
        let mut origins = Self {
            files: BTreeMap::new(),
            dynamic: service.is_on("DynamicUser"),
            slice: service.get("SliceFilters").map(str::to_owned),
        };
        let fragment = service.get("FragmentPath").map(str::to_owned);
        let files = fragment.into_iter().chain(service.list("DropInPaths"));
        origins.files = host.assignments(files.map(PathBuf::from).collect()).await;
        origins
    }

    /// Where a directive is set, for people; nothing where that was not seen.
    pub(super) fn of(&self, directive: &Directive) -> Option<String> {
        match self.files.get(directive.name) {
            Some(path) => Some(format!("set in {}", path.display())),
            None if self.dynamic && directive.name.starts_with("Protect") => {
                Some("implied by DynamicUser=yes".to_owned())
            }
            None if directive.name.starts_with("IPAddress") => {
                let files = self.slice.as_ref()?;
                Some(format!("set for its slice in {files}"))
            }
            None => None,
        }
    }

    /// The directive with its origin: `` `PrivateNetwork=yes` (set in /etc/…/10.conf) ``.
    pub(super) fn name(&self, directive: &Directive) -> String {
        match self.of(directive) {
            Some(origin) => format!("`{directive}` ({origin})"),
            None => format!("`{directive}`"),
        }
    }
}
