//! A job of launchd, as [`crate::host::LaunchdJob`] reads it: what is loaded comes from `launchctl`, what is not from its definition.

use std::collections::BTreeMap;

use super::launchctl::{self, NO_SUCH_SERVICE, Printed};
use super::property_list::{self, LIMIT, Written};
use super::{Programs, yes_or_no};
use crate::host::live::files::Root;
use crate::host::{DAEMONS, NOT_LOADED, Seen, Service, Unseen};

type Properties = BTreeMap<String, String>;

/// What launchctl tells of a job itself, and the property that it becomes.
const TOLD: [(&str, &str); 9] = [
    ("pid", "PID"),
    ("runs", "Runs"),
    ("last exit code", "LastExitCode"),
    ("last exit reason", "LastExitReason"),
    ("last terminating signal", "LastTerminatingSignal"),
    ("minimum runtime", "MinimumRuntime"),
    ("username", "User"),
    ("group", "Group"),
    ("program", "Program"),
];

/// Whether a file may be read, or what launchd would say.
pub(super) struct Definition {
    path: String,
    seen: Seen<Written>,
}

/// A label goes to a program as an argument, and into the name of a file.
pub(super) fn check_label(label: &str) -> Seen<()> {
    let fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !label.is_empty() && !label.starts_with(['-', '.']) && label.chars().all(fit) {
        true => Ok(()),
        false => Err(Unseen::malformed(format!("`{label}` is no label of a job"))),
    }
}

/// Where a job's definition is that launchd loads by itself.
pub(super) fn usual_path(label: &str) -> String {
    format!("{DAEMONS}{label}.plist")
}

/// Reads a definition as launchd does: it takes none that somebody else than root could have written.
pub(super) fn read(root: &Root, label: &str, path: &str) -> Definition {
    let seen = || {
        let found = root.find_host(path)?;
        let bytes = found.read(LIMIT)?;
        let stat = found.into_stat();
        if stat.uid != 0 || stat.mode & 0o022 != 0 {
            return Err(Unseen::malformed(format!(
                "launchd takes no definition that others than root can write (owner {}, mode {:o})",
                stat.uid, stat.mode
            )));
        }
        property_list::definition(&bytes, label)
    };
    Definition {
        path: path.to_owned(),
        seen: seen(),
    }
}

/// What a definition alone says of a job: that of another host, on which nothing runs.
pub(super) fn written(definition: Definition) -> Seen<Service> {
    let mut properties = Properties::new();
    properties.insert("FragmentPath".into(), definition.path);
    match definition.seen {
        Err(Unseen::Absent) => return Err(Unseen::Absent),
        Err(Unseen::Malformed { why }) => {
            properties.insert("DefinitionError".into(), why);
        }
        Err(unseen) => return Err(unseen),
        Ok(written) => {
            properties.insert("Disabled".into(), yes_or_no(written.disabled));
            add_written(&mut properties, &written);
        }
    }
    properties.insert("JobState".into(), "unknown".into());
    Ok(Service {
        properties,
        supplied: false,
    })
}

/// Asks launchd for a job, and puts together what it says and what the definition does.
pub(super) async fn service(
    programs: &impl Programs,
    label: &str,
    read: impl AsyncFnOnce(String) -> Seen<Definition>,
) -> Seen<Service> {
    check_label(label)?;
    let target = format!("system/{label}");
    let said = programs.ask("launchctl", &["print", &target]).await?;
    let printed = match said.code {
        Some(0) => Some(launchctl::job(&said.out)),
        Some(NO_SUCH_SERVICE) => None,
        _ if said.complaint().contains("Could not find service") => None,
        _ => return Err(said.refused("launchctl")),
    };
    let told = printed.as_ref().and_then(|it| it.own.get("path"));
    let path = told.cloned().unwrap_or_else(|| usual_path(label));
    let definition = read(path).await?;
    if printed.is_none() && definition.seen == Err(Unseen::Absent) {
        return Err(Unseen::Absent);
    }
    let disabled = programs
        .ask("launchctl", &["print-disabled", "system"])
        .await;
    let overridden = match &disabled {
        Ok(said) if said.is_well() => launchctl::is_disabled(&said.out, label),
        _ => None,
    };
    Ok(Service {
        properties: properties(printed, definition, overridden),
        supplied: false,
    })
}

fn properties(
    printed: Option<Printed>,
    definition: Definition,
    overridden: Option<bool>,
) -> Properties {
    let mut properties = Properties::new();
    properties.insert("FragmentPath".into(), definition.path);
    let mut disabled = false;
    match &definition.seen {
        Ok(written) => {
            disabled = written.disabled;
            add_written(&mut properties, written);
        }
        // It was loaded from a file that is gone since.
        Err(unseen) => {
            properties.insert("DefinitionError".into(), unseen.to_string());
        }
    }
    properties.insert("Disabled".into(), yes_or_no(overridden.unwrap_or(disabled)));
    match printed {
        None => {
            properties.insert("JobState".into(), NOT_LOADED.into());
        }
        Some(printed) => add_printed(&mut properties, printed, definition.seen.as_ref().ok()),
    }
    properties
}

fn add_written(properties: &mut Properties, written: &Written) {
    if let Some(program) = &written.program {
        properties.insert("Program".into(), program.clone());
    }
    properties.insert("ProgramArguments".into(), in_words(&written.arguments));
    if !written.variables.is_empty() {
        let words: Vec<String> = written
            .variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        properties.insert("Environment".into(), in_words(&words));
    }
    for (name, value) in &written.keys {
        properties.insert((*name).into(), value.clone());
    }
}

fn add_printed(properties: &mut Properties, printed: Printed, written: Option<&Written>) {
    let state = printed.own.get("state").map_or("unknown", String::as_str);
    properties.insert("JobState".into(), state.to_owned());
    for (name, property) in TOLD {
        if let Some(value) = printed.own.get(name) {
            properties.insert(property.into(), value.clone());
        }
    }
    if !printed.properties.is_empty() {
        let has = |name: &str| printed.properties.iter().any(|it| it == name);
        properties.insert("RunAtLoad".into(), yes_or_no(has("runatload")));
        // Under which conditions, the definition alone says.
        if !has("keepalive") || !properties.contains_key("KeepAlive") {
            properties.insert("KeepAlive".into(), yes_or_no(has("keepalive")));
        }
    }
    if let Some(written) = written {
        let changed = changed(&printed, written);
        if !changed.is_empty() {
            properties.insert("DefinitionChanged".into(), changed.join(" "));
        }
    }
    if !printed.arguments.is_empty() {
        properties.insert("ProgramArguments".into(), in_words(&printed.arguments));
    }
    let words: Vec<String> = printed
        .variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    properties.insert("Environment".into(), in_words(&words));
}

/// Keys of the definition that say something else than what was loaded: launchd reads it again only when it is loaded again.
fn changed(printed: &Printed, written: &Written) -> Vec<&'static str> {
    let mut changed = Vec::new();
    if !printed.arguments.is_empty()
        && !written.arguments.is_empty()
        && printed.arguments != written.arguments
    {
        changed.push("ProgramArguments");
    }
    let loaded = |(name, value): &(String, String)| printed.variables.get(name) == Some(value);
    if !printed.variables.is_empty() && !written.variables.iter().all(loaded) {
        changed.push("EnvironmentVariables");
    }
    let user = written
        .keys
        .iter()
        .find(|(name, _)| *name == "User")
        .map(|(_, user)| user);
    if printed
        .own
        .get("username")
        .is_some_and(|loaded| user.is_some_and(|it| it != loaded))
    {
        changed.push("UserName");
    }
    changed
}

/// Words as systemd quotes them, for the one who reads those.
fn in_words(words: &[String]) -> String {
    let quoted = |word: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:=,%".contains(c);
        match !word.is_empty() && word.chars().all(plain) {
            true => word.clone(),
            false => format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\"")),
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::super::launchctl::tests::RUNNING;
    use super::super::told::Told;
    use super::*;

    const LABEL: &str = "ai.nexplane.agent";
    const PRINT: &str = "launchctl print system/ai.nexplane.agent";
    const DISABLED: &str = "launchctl print-disabled system";
    const GONE: &str =
        "Bad request.\nCould not find service \"ai.nexplane.agent\" in domain for system\n";

    fn agent(arguments: &[&str]) -> Written {
        Written {
            arguments: arguments.iter().map(|it| (*it).to_owned()).collect(),
            keys: vec![
                ("KeepAlive", "SuccessfulExit=no".to_owned()),
                ("RunAtLoad", "yes".to_owned()),
            ],
            ..Written::default()
        }
    }

    async fn asked(told: &[(&str, i32, &str, &str)], seen: Seen<Written>) -> Seen<Service> {
        service(&Told(told), LABEL, async |path| {
            Ok(Definition { path, seen })
        })
        .await
    }

    #[tokio::test]
    async fn what_is_loaded_counts_and_what_the_file_says_otherwise_is_told() {
        let told = [(PRINT, 0, RUNNING, ""), (DISABLED, 0, "", "")];
        let written = agent(&[
            "/usr/local/bin/nexplane-agent",
            "run",
            "--config",
            "/x y.yaml",
        ]);
        let service = asked(&told, Ok(written)).await.unwrap();
        assert_eq!(
            service.option("--config").as_deref(),
            Some("/Library/Application Support/agent/config.yaml")
        );
        for (name, value) in [
            ("JobState", "running"),
            ("PID", "4711"),
            ("Runs", "2"),
            ("LastTerminatingSignal", "Killed: 9"),
            ("KeepAlive", "SuccessfulExit=no"),
            ("RunAtLoad", "yes"),
            ("Disabled", "no"),
            ("DefinitionChanged", "ProgramArguments"),
            (
                "FragmentPath",
                "/Library/LaunchDaemons/ai.nexplane.agent.plist",
            ),
        ] {
            assert_eq!(service.get(name), Some(value), "{name}");
        }
        let proxy = service
            .environment()
            .into_iter()
            .find(|(name, _)| name == "HTTPS_PROXY");
        assert_eq!(proxy.unwrap().1, "http://proxy.example.com:3128");
    }

    #[tokio::test]
    async fn what_is_not_loaded_is_known_by_its_definition() {
        let disabled = "disabled services = {\n\t\"ai.nexplane.agent\" => disabled\n}\n";
        let told = [(PRINT, 113, "", GONE), (DISABLED, 0, disabled, "")];
        let service = asked(&told, Ok(agent(&["/a", "run"]))).await.unwrap();
        assert_eq!(
            (service.get("JobState"), service.get("Disabled")),
            (Some(NOT_LOADED), Some("yes"))
        );
        assert_eq!(service.binary(), Some("/a".into()));
        let broken = Err(Unseen::malformed("it has no Label"));
        let service = asked(&told, broken).await.unwrap();
        assert_eq!(service.get("DefinitionError"), Some("it has no Label"));
        assert_eq!(asked(&told, Err(Unseen::Absent)).await, Err(Unseen::Absent));
    }

    #[tokio::test]
    async fn a_launchctl_that_does_not_answer_is_no_absence() {
        let told = [(
            PRINT,
            1,
            "",
            "Could not print domain: 1: Operation not permitted\n",
        )];
        let unseen = asked(&told, Err(Unseen::Absent)).await.unwrap_err();
        assert!(
            unseen.to_string().contains("Operation not permitted"),
            "{unseen}"
        );
        // Disabled or not: that nobody tells leaves the rest.
        let told = [(PRINT, 0, RUNNING, "")];
        assert!(asked(&told, Ok(agent(&[]))).await.is_ok());
        for label in ["", "-x", "a b", "a/b", "..", "x;y"] {
            assert!(check_label(label).is_err(), "{label}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_definition_that_others_can_write_is_not_taken() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.plist");
        std::fs::write(&path, "x").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let root = Root::new(Some(dir.path().to_owned()));
        let service = written(read(&root, LABEL, "/a.plist")).unwrap();
        assert!(service.get("DefinitionError").unwrap().contains("mode 666"));
        assert_eq!(written(read(&root, LABEL, "/b.plist")), Err(Unseen::Absent));
    }

    #[test]
    fn words_are_read_as_they_were() {
        let words = ["a", "", "b c", "d\"e\\f", "ä"].map(str::to_owned);
        let service = Service {
            properties: [
                ("JobState".to_owned(), "running".to_owned()),
                ("ProgramArguments".to_owned(), in_words(&words)),
            ]
            .into(),
            supplied: false,
        };
        assert_eq!(service.argv(), words);
    }
}
