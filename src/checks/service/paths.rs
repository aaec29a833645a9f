//! What the unit's sandbox makes of a path of the host: the same, read-only, not there, or another (systemd.exec(5),
//! "Sandboxing" and "Paths"). Pure.

use std::path::{Path, PathBuf};

use super::directive::Directive;
use crate::contract::paths::join;
use crate::host::Service;

/// What a path of the host is for the service.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// The same.
    Same,
    /// Not there, or not to be opened by anybody.
    Hidden(&'a Directive),
    /// What the host has at this other path.
    Elsewhere(PathBuf, &'a Directive),
    /// In an image, which nobody looks into here.
    InImage(&'a Directive),
}

/// The sandbox, as far as files go.
#[derive(Debug, Default)]
pub(super) struct Paths {
    root: Option<(PathBuf, Directive)>,
    image: Option<Directive>,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    at: PathBuf,
    effect: Effect,
    by: Directive,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Effect {
    /// Nothing at or below it can be opened.
    Inaccessible,
    /// Something empty lies over it.
    Empty,
    /// What the host has there lies over it.
    From(PathBuf),
    ReadOnly,
    Writable,
}

/// `ProtectSystem=` (systemd.exec(5)): what is read-only, and with `strict` what is not.
const PROTECT_SYSTEM: [&str; 3] = ["/usr", "/boot", "/efi"];
const NOT_STRICT: [&str; 6] = ["/proc", "/sys", "/dev", "/home", "/root", "/run/user"];
/// `ProtectHome=`.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];
/// Directories that the unit's own directories are in; these stay writable.
const OWN: [(&str, &str); 5] = [
    ("ConfigurationDirectory", "/etc"),
    ("StateDirectory", "/var/lib"),
    ("CacheDirectory", "/var/cache"),
    ("LogsDirectory", "/var/log"),
    ("RuntimeDirectory", "/run"),
];

impl Paths {
    /// Reads the unit.
    pub(super) fn of(service: &Service) -> Self {
        if service.is_privileged() {
            return Self::default();
        }
        let mut paths = Self {
            root: Directive::of(service, "RootDirectory")
                .and_then(|by| Some((service.get("RootDirectory")?.into(), by)))
                .filter(|(root, _): &(PathBuf, _)| root != Path::new("/")),
            image: Directive::of(service, "RootImage").filter(|_| service.get("RootImage").is_some()),
            rules: Vec::new(),
        };
        paths.protect_system(service);
        paths.protect_home(service);
        if service.is_on("PrivateTmp") || service.get("PrivateTmp") == Some("disconnected") {
            paths.all(&["/tmp", "/var/tmp"], &Effect::Empty, service, "PrivateTmp");
        }
        for (name, effect) in [
            ("InaccessiblePaths", Effect::Inaccessible),
            ("ReadOnlyPaths", Effect::ReadOnly),
            ("ReadWritePaths", Effect::Writable),
        ] {
            for path in service.list(name) {
                paths.rule(plain(&path), effect.clone(), Directive::with(name, &path));
            }
        }
        for mount in service.list("TemporaryFileSystem") {
            let (path, options) = mount.split_once(':').unwrap_or((&mount, ""));
            let by = Directive::with("TemporaryFileSystem", &mount);
            if options.split(',').any(|option| option == "ro") {
                paths.rule(path, Effect::ReadOnly, by.clone());
            }
            paths.rule(path, Effect::Empty, by);
        }
        paths.bind(service, "BindPaths", &Effect::Writable);
        paths.bind(service, "BindReadOnlyPaths", &Effect::ReadOnly);
        for (name, parent) in OWN {
            for own in service.list(name) {
                let own_name = own.split(':').next().unwrap_or_default();
                let by = Directive::with(name, &own);
                paths.rule(format!("{parent}/{own_name}"), Effect::Writable, by);
            }
        }
        paths
    }

    fn rule(&mut self, at: impl Into<PathBuf>, effect: Effect, by: Directive) {
        let at = at.into();
        self.rules.push(Rule { at, effect, by });
    }

    fn all(&mut self, at: &[&str], effect: &Effect, service: &Service, name: &'static str) {
        if let Some(by) = Directive::of(service, name) {
            for at in at {
                self.rule(at, effect.clone(), by.clone());
            }
        }
    }

    fn protect_system(&mut self, service: &Service) {
        let name = "ProtectSystem";
        match service.get(name) {
            Some("strict") => {
                self.all(&["/"], &Effect::ReadOnly, service, name);
                self.all(&NOT_STRICT, &Effect::Writable, service, name);
            }
            Some("full") => {
                self.all(&PROTECT_SYSTEM, &Effect::ReadOnly, service, name);
                self.all(&["/etc"], &Effect::ReadOnly, service, name);
            }
            _ if service.is_on(name) => self.all(&PROTECT_SYSTEM, &Effect::ReadOnly, service, name),
            _ => {}
        }
    }

    fn protect_home(&mut self, service: &Service) {
        let name = "ProtectHome";
        match service.get(name) {
            Some("read-only") => self.all(&HOMES, &Effect::ReadOnly, service, name),
            Some("tmpfs") => self.all(&HOMES, &Effect::Empty, service, name),
            _ if service.is_on(name) => self.all(&HOMES, &Effect::Inaccessible, service, name),
            _ => {}
        }
    }

    fn bind(&mut self, service: &Service, name: &'static str, access: &Effect) {
        for mount in service.list(name) {
            let mut parts = plain(&mount).split(':');
            let source = parts.next().unwrap_or_default();
            let target = parts.next().unwrap_or(source);
            let by = Directive::with(name, &mount);
            self.rule(target, access.clone(), by.clone());
            self.rule(target, Effect::From(source.into()), by);
        }
    }

    /// Whether the unit says anything about files at all.
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_none() && self.image.is_none() && self.rules.is_empty()
    }

    /// Paths of the host that have to be there for the service to start, and what names them.
    pub(super) fn required(&self) -> Vec<(&Path, &Directive)> {
        const OPTIONAL: [&str; 3] = ["ProtectSystem", "ProtectHome", "PrivateTmp"];
        let names_a_path = |by: &Directive| {
            let made = OWN.iter().any(|(name, _)| *name == by.name) || by.name == "TemporaryFileSystem";
            !made && !OPTIONAL.contains(&by.name) && !by.is_optional()
        };
        let rules = self.rules.iter().filter(|rule| names_a_path(&rule.by));
        let paths = rules.filter_map(|rule| match &rule.effect {
            // Of a bind mount the source has to be there.
            Effect::From(source) => Some((source.as_path(), &rule.by)),
            _ if rule.by.name.starts_with("Bind") => None,
            _ => Some((rule.at.as_path(), &rule.by)),
        });
        paths.collect()
    }

    /// What a path of the host is for the service.
    pub(super) fn place(&self, path: &Path) -> Place<'_> {
        let above = |rule: &&Rule| path.starts_with(&rule.at);
        let inaccessible = |rule: &&Rule| rule.effect == Effect::Inaccessible;
        if let Some(rule) = self.rules.iter().filter(above).find(inaccessible) {
            return Place::Hidden(&rule.by);
        }
        let content = self
            .rules
            .iter()
            .filter(above)
            .filter(|rule| matches!(rule.effect, Effect::Empty | Effect::From(_)))
            // Of two at one place a bind mount counts; it comes later in the list.
            .max_by_key(|rule| rule.at.as_os_str().len());
        match content {
            Some(Rule { at, effect: Effect::From(source), by }) => {
                let below = path.strip_prefix(at).unwrap_or(path);
                match source == at {
                    true => Place::Same,
                    // `join("")` would leave a slash behind.
                    false if below.as_os_str().is_empty() => Place::Elsewhere(source.clone(), by),
                    false => Place::Elsewhere(join(source, below), by),
                }
            }
            Some(rule) => Place::Hidden(&rule.by),
            None => self.in_root(path),
        }
    }

    fn in_root(&self, path: &Path) -> Place<'_> {
        match (&self.image, &self.root) {
            (Some(by), _) => Place::InImage(by),
            (_, Some((root, by))) => {
                Place::Elsewhere(join(root, path.strip_prefix("/").unwrap_or(path)), by)
            }
            (None, None) => Place::Same,
        }
    }

    /// What makes a path read-only for the service, if something does.
    pub(super) fn read_only(&self, path: &Path) -> Option<&Directive> {
        let access = |rule: &&Rule| matches!(rule.effect, Effect::ReadOnly | Effect::Writable);
        self.rules
            .iter()
            .filter(|rule| path.starts_with(&rule.at))
            .filter(access)
            // The most particular counts; of two at one place the stricter.
            .max_by_key(|rule| (rule.at.as_os_str().len(), rule.effect == Effect::ReadOnly))
            .filter(|rule| rule.effect == Effect::ReadOnly)
            .map(|rule| &rule.by)
    }
}

/// A path without what may stand before it: `-` may be missing, `+` is below `RootDirectory=`.
fn plain(path: &str) -> &str {
    path.trim_start_matches(['-', '+'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::properties;

    fn paths(pairs: &[(&str, &str)]) -> Paths {
        Paths::of(&Service {
            properties: properties(pairs),
            supplied: false,
        })
    }

    const CERT: &str = "/etc/nexplane-agent/client.crt";

    fn read_only(pairs: &[(&str, &str)], path: &str) -> bool {
        paths(pairs).read_only(Path::new(path)).is_some()
    }

    #[test]
    fn what_is_read_only_goes_by_the_nearest_directive() {
        for (pairs, path, expected) in [
            (&[][..], CERT, false),
            (&[("ProtectSystem", "no")], CERT, false),
            (&[("ProtectSystem", "yes")], CERT, false),
            (&[("ProtectSystem", "yes")], "/usr/lib/x", true),
            (&[("ProtectSystem", "full")], CERT, true),
            (&[("ProtectSystem", "full")], "/var/lib/x", false),
            (&[("ProtectSystem", "strict")], "/var/lib/x", true),
            (&[("ProtectSystem", "strict")], "/home/x", false),
            (&[("ProtectHome", "read-only")], "/home/x", true),
            (&[("ProtectSystem", "strict"), ("ReadWritePaths", "-/etc/nexplane-agent")], CERT, false),
            (&[("ProtectSystem", "strict"), ("ConfigurationDirectory", "nexplane-agent")], CERT, false),
            (&[("ProtectSystem", "strict"), ("StateDirectory", "nexplane-agent")], CERT, true),
            (&[("ReadOnlyPaths", "/etc"), ("ReadWritePaths", "/etc")], CERT, true),
            (&[("ReadOnlyPaths", "/etc/nexplane")], CERT, false),
            (&[("ProtectSystem", "strict"), ("BindPaths", "/etc/nexplane-agent")], CERT, false),
            (&[("BindReadOnlyPaths", "/etc/nexplane-agent:/etc/nexplane-agent:rbind")], CERT, true),
            (&[("ProtectSystem", "strict"), ("ExecStart", "+/a")], CERT, false),
        ] {
            assert_eq!(read_only(pairs, path), expected, "{pairs:?} {path}");
        }
    }

    #[test]
    fn what_is_hidden_or_elsewhere_names_its_directive() {
        let place = |pairs: &[(&str, &str)], path: &str| match paths(pairs).place(Path::new(path)) {
            Place::Same => "same".to_owned(),
            Place::Hidden(by) => format!("hidden by {by}"),
            Place::Elsewhere(path, by) => format!("{} by {by}", path.display()),
            Place::InImage(by) => format!("in the image of {by}"),
        };
        for (pairs, path, expected) in [
            (&[("ProtectSystem", "strict")][..], CERT, "same"),
            (&[("ProtectHome", "yes")], "/root/ca.crt", "hidden by ProtectHome=yes"),
            (&[("ProtectHome", "tmpfs")], "/home/a/ca.crt", "hidden by ProtectHome=tmpfs"),
            (&[("PrivateTmp", "yes")], "/tmp/ca.crt", "hidden by PrivateTmp=yes"),
            (
                &[("InaccessiblePaths", "-/etc/nexplane-agent"), ("BindPaths", CERT)],
                CERT,
                "hidden by InaccessiblePaths=-/etc/nexplane-agent",
            ),
            (&[("TemporaryFileSystem", "/etc:ro")], CERT, "hidden by TemporaryFileSystem=/etc:ro"),
            (
                &[("TemporaryFileSystem", "/etc:ro"), ("BindReadOnlyPaths", "/etc/nexplane-agent")],
                CERT,
                "same",
            ),
            (
                &[("BindPaths", "/srv/agent:/etc/nexplane-agent:rbind")],
                CERT,
                "/srv/agent/client.crt by BindPaths=/srv/agent:/etc/nexplane-agent:rbind",
            ),
            (
                &[("RootDirectory", "/srv/root")],
                CERT,
                "/srv/root/etc/nexplane-agent/client.crt by RootDirectory=/srv/root",
            ),
            (&[("RootImage", "/srv/x.raw")], CERT, "in the image of RootImage=/srv/x.raw"),
        ] {
            assert_eq!(place(pairs, path), expected, "{pairs:?}");
        }
        assert!(paths(&[("ProtectSystem", "no"), ("PrivateTmp", "no")]).is_empty());
    }
}
