//! What the unit files under another root say of a service: whether it is there, masked, enabled, and how it would start.
//!
//! The answer has the names of `systemctl show`, as far as files can tell; what only a running systemd knows
//! (`ActiveState` and its like) is missing. See systemd.unit(5).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::conf_files::{DropIns, is_mask};
use super::files::Root;
use super::system;
use super::unit_merge::{self, Specifiers};
use crate::host::{Seen, Service, UnitLine, Unseen, unit_lines};

/// Where unit files and drop-ins are (systemd.unit(5)); the first that has one wins.
const DIRS: [&str; 12] = [
    // What `systemctl set-property` wrote.
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// The largest unit file that is read, and the most entries of a directory.
pub(super) const FILE_LIMIT: u64 = 256 << 10;
const DIR_LIMIT: usize = 4096;

/// Directives of a service of which the last assignment counts.
const SINGLE: [&str; 14] = [
    "User",
    "Group",
    "Type",
    "Restart",
    "DynamicUser",
    "NetworkNamespacePath",
    "PrivateNetwork",
    "PrivateTmp",
    "PrivateUsers",
    "ProtectHome",
    "ProtectSystem",
    "RootDirectory",
    "RootImage",
    "Slice",
];

/// Directives of which all assignments count together, with the names that they had before systemd 231.
const LISTS: [(&str, &str); 19] = [
    ("BindPaths", ""),
    ("BindReadOnlyPaths", ""),
    ("CacheDirectory", ""),
    ("ConfigurationDirectory", ""),
    ("IPAddressAllow", ""),
    ("IPAddressDeny", ""),
    ("InaccessiblePaths", "InaccessibleDirectories"),
    ("JoinsNamespaceOf", ""),
    ("LogsDirectory", ""),
    ("PassEnvironment", ""),
    ("ReadOnlyPaths", "ReadOnlyDirectories"),
    ("ReadWritePaths", "ReadWriteDirectories"),
    ("RestrictNetworkInterfaces", ""),
    ("RuntimeDirectory", ""),
    ("StateDirectory", ""),
    ("SupplementaryGroups", ""),
    ("SystemCallFilter", ""),
    ("TemporaryFileSystem", ""),
    ("UnsetEnvironment", ""),
];

/// Directives whose empty assignment is a value of its own.
const CAPABILITIES: [&str; 2] = ["CapabilityBoundingSet", "AmbientCapabilities"];

/// Reads a service's unit file and its drop-ins.
pub(super) fn service(root: &Root, name: &str) -> Seen<Service> {
    if !name.ends_with(".service") || name.contains('/') {
        return Err(Unseen::malformed(format!("`{name}` is no service's name")));
    }
    let mut properties = match fragment(root, name)? {
        Fragment::Missing => pairs([("LoadState", "not-found")]),
        Fragment::Masked { path, state } => pairs([
            ("LoadState", "masked"),
            ("UnitFileState", state),
            ("FragmentPath", &path.to_string_lossy()),
        ]),
        Fragment::File { path, text } => loaded(root, name, &path, &text)?,
    };
    properties.insert("Id".into(), name.into());
    Ok(Service {
        properties,
        supplied: false,
    })
}

/// The directives of `[Unit]` and `[Service]` that files assign, each with the last file that does. What cannot be read
/// assigns nothing: where a directive is set is then not told.
pub(super) fn assignments(root: &Root, files: &[PathBuf]) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for path in files.iter().take(DIR_LIMIT) {
        let mut section = String::new();
        for line in unit_lines(&root.read_text(path, FILE_LIMIT).unwrap_or_default()) {
            match line {
                UnitLine::Section(name) => section = name,
                UnitLine::Assignment { name, .. } if section == "Service" || section == "Unit" => {
                    found.insert(name, path.clone());
                }
                UnitLine::Assignment { .. } => {}
            }
        }
    }
    found
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The unit file itself.
enum Fragment {
    Missing,
    Masked { path: PathBuf, state: &'static str },
    File { path: PathBuf, text: String },
}

fn fragment(root: &Root, name: &str) -> Seen<Fragment> {
    for dir in DIRS {
        let path = Path::new(dir).join(name);
        let state = if dir.starts_with("/run") {
            "masked-runtime"
        } else {
            "masked"
        };
        if is_mask(root, &path) {
            return Ok(Fragment::Masked { path, state });
        }
        match root.read_text(&path, FILE_LIMIT) {
            Ok(text) if text.is_empty() => return Ok(Fragment::Masked { path, state }),
            Ok(text) => return Ok(Fragment::File { path, text }),
            Err(Unseen::Absent) => {}
            Err(unseen) => return Err(unseen),
        }
    }
    Ok(Fragment::Missing)
}

fn loaded(root: &Root, name: &str, path: &Path, text: &str) -> Seen<BTreeMap<String, String>> {
    let mut unit = Unit::default();
    unit.read(text);
    let drop_ins = drop_ins(root, name)?;
    for drop_in in &drop_ins {
        unit.read(&root.read_text(drop_in, FILE_LIMIT)?);
    }
    let mut properties = unit.properties();
    let hostname = system::hostname(root);
    let machine_id = root
        .read_text("/etc/machine-id", FILE_LIMIT)
        .unwrap_or_default();
    let specifiers = Specifiers {
        unit: name,
        hostname: &hostname,
        machine_id: machine_id.trim(),
    };
    for value in properties.values_mut() {
        *value = specifiers.expand(value);
    }
    let shown: Vec<_> = drop_ins.iter().map(|path| path.to_string_lossy()).collect();
    properties.extend(pairs([
        ("LoadState", unit.load_state()),
        ("FragmentPath", &path.to_string_lossy()),
        ("DropInPaths", &shown.join(" ")),
        ("UnitFileState", unit_file_state(root, name, &unit)),
    ]));
    Ok(properties)
}

/// The drop-ins of a unit, in the order in which they count: by file name; of two with one name the more particular.
fn drop_ins(root: &Root, name: &str) -> Seen<Vec<PathBuf>> {
    let mut found = DropIns::new(root);
    for set in drop_in_sets(name) {
        for dir in DIRS.map(|dir| Path::new(dir).join(&set)) {
            found.add(&dir)?;
        }
    }
    Ok(found.in_order())
}

/// `a-b.service.d`, `a-.service.d`, `service.d`.
fn drop_in_sets(name: &str) -> Vec<String> {
    let (stem, kind) = name.rsplit_once('.').unwrap_or((name, "service"));
    let mut sets = vec![format!("{name}.d")];
    let prefixes = stem.match_indices('-').map(|(at, _)| &stem[..=at]);
    let prefixes = prefixes.filter(|prefix| *prefix != "-");
    sets.extend(prefixes.rev().map(|prefix| format!("{prefix}.{kind}.d")));
    sets.push(format!("{kind}.d"));
    sets
}

/// Adds the filters of addresses that the service's slice and those above it set: systemd puts the lists of all of them
/// together (systemd.resource-control(5)), and shows each unit's own alone. What may set some and could not be read is told
/// in `SliceFiltersUnseen`.
pub(super) fn add_slice_filters(root: &Root, properties: &mut BTreeMap<String, String>) {
    // No unit's name is longer (systemd.unit(5)).
    let slice = properties
        .get("Slice")
        .filter(|slice| !slice.is_empty() && slice.len() <= 255);
    let slice = slice.map_or("system.slice", String::as_str).to_owned();
    for name in slices(&slice) {
        let mut unseen = |unseen: Unseen| {
            if unseen != Unseen::Absent {
                properties.insert("SliceFiltersUnseen".into(), format!("{name}: {unseen}"));
            }
        };
        let mut files = match fragment(root, &name) {
            Ok(Fragment::File { path, .. }) => vec![path],
            Ok(_) => Vec::new(),
            Err(error) => {
                unseen(error);
                Vec::new()
            }
        };
        match drop_ins(root, &name) {
            Ok(more) => files.extend(more),
            Err(error) => unseen(error),
        }
        let mut unit = Unit::default();
        for path in &files {
            match root.read_text(path, FILE_LIMIT) {
                Ok(text) => unit.read(&text),
                Err(error) => unseen(error),
            }
        }
        for key in ["IPAddressAllow", "IPAddressDeny"] {
            for value in unit.all(key) {
                let own = properties.entry(key.to_owned()).or_default();
                *own = format!("{own} {value}").trim().to_owned();
                let shown: Vec<_> = files.iter().map(|path| path.to_string_lossy()).collect();
                properties.insert("SliceFilters".into(), shown.join(" "));
            }
        }
    }
}

/// `a-b.slice` is in `a.slice`, which is in `-.slice`.
fn slices(slice: &str) -> Vec<String> {
    let stem = slice.trim_end_matches(".slice");
    let ends = stem.match_indices('-').map(|(at, _)| at);
    let mut names = vec![slice.to_owned()];
    let parents = ends
        .filter(|at| *at > 0)
        .map(|at| format!("{}.slice", &stem[..at]));
    names.extend(parents.collect::<Vec<_>>().into_iter().rev());
    names.push("-.slice".to_owned());
    names.dedup();
    names
}

/// Whether something wants the service at boot.
fn unit_file_state(root: &Root, name: &str, unit: &Unit) -> &'static str {
    if is_wanted(root, "/etc/systemd/system", name) {
        "enabled"
    } else if is_wanted(root, "/run/systemd/system", name) {
        "enabled-runtime"
    } else if unit.has_install {
        "disabled"
    } else {
        "static"
    }
}

fn is_wanted(root: &Root, dir: &str, name: &str) -> bool {
    let entries = root.find_host(dir).and_then(|dir| dir.entries(DIR_LIMIT));
    entries.unwrap_or_default().iter().any(|entry| {
        let wants = Path::new(entry)
            .extension()
            .is_some_and(|e| e == "wants" || e == "requires" || e == "upholds");
        wants
            && root
                .link_target(&Path::new(dir).join(entry).join(name))
                .is_ok()
    })
}

/// The assignments of a unit file and its drop-ins.
#[derive(Default)]
struct Unit {
    has_service: bool,
    has_install: bool,
    /// Of `[Service]`: every value in order; an empty one takes back those before it.
    values: BTreeMap<String, Vec<String>>,
}

impl Unit {
    fn read(&mut self, text: &str) {
        let mut section = String::new();
        for line in unit_lines(text) {
            match line {
                UnitLine::Section(name) => {
                    self.has_service |= name == "Service";
                    section = name;
                }
                UnitLine::Assignment { name, value } => self.assign(&section, &name, &value),
            }
        }
    }

    fn assign(&mut self, section: &str, key: &str, value: &str) {
        let renamed = LISTS.iter().find(|(_, old)| *old == key);
        let key = renamed.map_or(key, |(name, _)| name);
        match section {
            "Service" if value.is_empty() && !CAPABILITIES.contains(&key) => {
                self.values.remove(key);
            }
            "Service" => self.push(key, value),
            "Slice" if value.is_empty() => {
                self.values.remove(key);
            }
            "Slice" => self.push(key, value),
            "Unit" if key == "JoinsNamespaceOf" => self.push(key, value),
            "Install" => self.has_install = true,
            _ => {}
        }
    }

    fn push(&mut self, key: &str, value: &str) {
        let values = self.values.entry(key.to_owned()).or_default();
        values.push(value.to_owned());
    }

    fn all(&self, key: &str) -> &[String] {
        self.values.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    fn last(&self, key: &str) -> Option<&str> {
        self.all(key).last().map(String::as_str)
    }

    /// Under the names that `systemctl show` has. A command is as written, an environment as one line.
    fn properties(&self) -> BTreeMap<String, String> {
        let files: Vec<String> = self.all("EnvironmentFile").iter().map(shown_file).collect();
        let mut properties = pairs([
            ("Environment", &self.all("Environment").join(" ")),
            ("EnvironmentFiles", &files.join("\n")),
            ("ExecStart", &self.all("ExecStart").join("\n")),
        ]);
        for key in SINGLE {
            if let Some(value) = self.last(key) {
                properties.insert(key.into(), value.into());
            }
        }
        for (key, _) in LISTS.iter().filter(|(key, _)| !self.all(key).is_empty()) {
            properties.insert((*key).to_owned(), self.all(key).join(" "));
        }
        let families = unit_merge::families(self.all("RestrictAddressFamilies"));
        properties
            .extend(families.map(|families| ("RestrictAddressFamilies".to_owned(), families)));
        let [bounding, ambient] = CAPABILITIES;
        properties.insert(
            bounding.into(),
            unit_merge::bounding_set(self.all(bounding)),
        );
        properties.insert(ambient.into(), unit_merge::ambient_set(self.all(ambient)));
        // It is always printed, and tells that the others would have been.
        properties
            .entry("ProtectSystem".into())
            .or_insert_with(|| "no".into());
        unit_merge::dynamic_user(&mut properties);
        properties
    }

    /// `bad-setting` where systemd plainly refuses: a service with nothing to start.
    fn load_state(&self) -> &'static str {
        let starts = self.all("ExecStart").iter().any(|line| is_command(line));
        let oneshot = self.last("Type") == Some("oneshot")
            && (!self.all("ExecStop").is_empty() || self.last("SuccessAction").is_some());
        if self.has_service && (starts || oneshot) {
            "loaded"
        } else {
            "bad-setting"
        }
    }
}

/// A program by its whole path, or by a name that is searched for.
fn is_command(line: &str) -> bool {
    let line = line.trim_start_matches(['-', '@', ':', '+', '!']);
    let program = line.trim_start_matches(['"', '\'']);
    program.starts_with(['/', '%'])
        || program
            .split(char::is_whitespace)
            .next()
            .is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

/// `-/path` as `systemctl show` has it.
fn shown_file(written: &String) -> String {
    match written.strip_prefix('-') {
        Some(path) => format!("{path} (ignore_errors=yes)"),
        None => format!("{written} (ignore_errors=no)"),
    }
}

#[cfg(all(test, unix))]
#[path = "unit_files_tests.rs"]
mod tests;
