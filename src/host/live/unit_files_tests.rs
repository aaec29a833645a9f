//! Unit files as distributions and administrators write them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

const NAME: &str = "nexplane-agent.service";
const UNIT: &str = "[Unit]\nDescription=x\n[Service]\n# comment\nUser=nexplane\n\
    ExecStart=/usr/local/bin/nexplane-agent run \\\n  --config /etc/x.yaml\n\
    Environment=A=b \"C=d e\"\nEnvironmentFile=-/etc/default/agent\n[Install]\nWantedBy=multi-user.target\n";

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, path: &str, text: &str) -> Self {
        let path = self.place(path);
        fs::write(path, text).unwrap();
        self
    }

    fn linked(self, path: &str, target: &str) -> Self {
        symlink(target, self.place(path)).unwrap();
        self
    }

    fn place(&self, path: &str) -> PathBuf {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn service(&self) -> Service {
        service(&Root::new(Some(self.0.path().to_owned())), NAME).unwrap()
    }
}

fn in_etc(name: &str) -> String {
    format!("etc/systemd/system/{name}")
}

#[test]
fn a_unit_is_told_as_systemctl_would() {
    let tree = Tree::new()
        .with("usr/lib/systemd/system/nexplane-agent.service", UNIT)
        .with(
            &in_etc("nexplane-agent.service.d/20-b.conf"),
            "[Service]\nUser=other\nEnvironment=\nEnvironment=E=f\n",
        )
        .with(
            &in_etc("service.d/10-a.conf"),
            "[Service]\nUser=first\nRestart=always\n",
        )
        .with(
            "run/systemd/system/nexplane-.service.d/20-b.conf",
            "[Service]\nUser=hidden\n",
        );
    let service = tree.service();
    let get = |name| service.get(name);
    assert_eq!(get("LoadState"), Some("loaded"));
    assert_eq!(get("UnitFileState"), Some("disabled"));
    assert_eq!(
        get("FragmentPath"),
        Some("/usr/lib/systemd/system/nexplane-agent.service")
    );
    assert_eq!(
        get("DropInPaths"),
        Some(
            "/etc/systemd/system/service.d/10-a.conf /etc/systemd/system/nexplane-agent.service.d/20-b.conf"
        )
    );
    assert_eq!(get("User"), Some("other"));
    assert_eq!(get("Restart"), Some("always"));
    assert_eq!(get("ActiveState"), None);
    assert_eq!(service.environment(), [("E".into(), "f".into())]);
    assert_eq!(service.option("--config"), Some("/etc/x.yaml".into()));
    let files = service.environment_files();
    assert!(files[0].optional && files[0].path == Path::new("/etc/default/agent"));
}

#[test]
fn enabled_is_a_link_in_a_targets_directory() {
    let tree = Tree::new().with(&in_etc(NAME), UNIT).linked(
        &in_etc("multi-user.target.wants/nexplane-agent.service"),
        "/etc/systemd/system/nexplane-agent.service",
    );
    assert_eq!(tree.service().get("UnitFileState"), Some("enabled"));
    let no_install = UNIT.replace("[Install]\nWantedBy=multi-user.target\n", "");
    let tree = Tree::new().with(&in_etc(NAME), &no_install);
    assert_eq!(tree.service().get("UnitFileState"), Some("static"));
}

#[test]
fn a_mask_is_a_link_to_nothing_or_an_empty_file() {
    let vendor = "lib/systemd/system/nexplane-agent.service";
    for tree in [
        Tree::new()
            .with(vendor, UNIT)
            .linked(&in_etc(NAME), "/dev/null"),
        Tree::new().with(vendor, UNIT).with(&in_etc(NAME), ""),
    ] {
        let service = tree.service();
        assert_eq!(service.get("LoadState"), Some("masked"));
        assert_eq!(service.get("UnitFileState"), Some("masked"));
    }
}

#[test]
fn what_is_not_there_or_starts_nothing_is_told_apart() {
    assert_eq!(Tree::new().service().get("LoadState"), Some("not-found"));
    for text in [
        "[Service]\nUser=x\n",
        "[Unit]\nDescription=x\n",
        "[Service]\nExecStart=./agent run\n",
        "[Service]\nExecStart=/a\nExecStart=\n",
    ] {
        let tree = Tree::new().with(&in_etc(NAME), text);
        assert_eq!(
            tree.service().get("LoadState"),
            Some("bad-setting"),
            "{text}"
        );
    }
}

#[test]
fn a_sandbox_is_merged_from_all_of_its_files() {
    let tree = Tree::new()
        .with("etc/hostname", "web-server-01\n")
        .with(
            &in_etc(NAME),
            "[Unit]\nJoinsNamespaceOf=a.service\n[Service]\nExecStart=/usr/bin/agent --config %E/%p/config.yaml\n\
             DynamicUser=yes\nReadOnlyPaths=/a\nIPAddressDeny=any\nCapabilityBoundingSet=CAP_KILL\n\
             EnvironmentFile=%E/default/%N\nRestrictAddressFamilies=AF_UNIX\nSupplementaryGroups=adm\n",
        )
        .with(
            "etc/systemd/system.control/nexplane-agent.service.d/50-IPAddressAllow.conf",
            "[Service]\nIPAddressAllow=10.0.0.0/8\n",
        )
        .with(
            &in_etc("nexplane-.service.d/60.conf"),
            "[Service]\nReadOnlyDirectories=\nReadOnlyDirectories=/b\nReadOnlyPaths=/c\nCapabilityBoundingSet=\n\
             RestrictAddressFamilies=AF_INET\nSupplementaryGroups=\n",
        );
    let service = tree.service();
    for (name, expected) in [
        ("JoinsNamespaceOf", Some("a.service")),
        ("ReadOnlyPaths", Some("/b /c")),
        ("IPAddressDeny", Some("any")),
        ("IPAddressAllow", Some("10.0.0.0/8")),
        ("ProtectSystem", Some("strict")),
        ("ProtectHome", Some("read-only")),
        ("RestrictAddressFamilies", Some("AF_INET AF_UNIX")),
        ("SupplementaryGroups", None),
        ("CapabilityBoundingSet", None),
    ] {
        assert_eq!(service.get(name), expected, "{name}");
    }
    assert_eq!(service.user(), Some("nexplane-agent"));
    assert_eq!(service.powers(true), crate::host::Powers::None);
    assert_eq!(
        service.option("--config"),
        Some("/etc/nexplane-agent/config.yaml".into())
    );
    let file = &service.environment_files()[0];
    assert_eq!(file.path, Path::new("/etc/default/nexplane-agent"));
}

#[test]
fn the_last_file_that_assigns_a_directive_is_told_and_no_value() {
    let drop_in = in_etc("nexplane-agent.service.d/10-a.conf");
    let tree = Tree::new()
        .with(
            &in_etc(NAME),
            "[Service]\nUser=a\nSetCredential=id:secret\n[Install]\nAlias=x\n",
        )
        .with(&drop_in, "[Service]\nUser=b\n");
    let root = Root::new(Some(tree.0.path().to_owned()));
    let files = [in_etc(NAME), drop_in, "/none.conf".into()].map(|path| Path::new("/").join(path));
    let found = assignments(&root, &files);
    assert_eq!(found.len(), 2);
    assert_eq!(found["User"], files[1]);
    assert_eq!(found["SetCredential"], files[0]);
}

#[test]
fn the_filters_of_all_slices_come_to_the_unit_s_own() {
    let tree = Tree::new()
        .with(
            &in_etc("-.slice.d/1.conf"),
            "[Slice]\nIPAddressAllow=localhost\n",
        )
        .with(
            &in_etc("corp-agents.slice"),
            "[Slice]\nIPAddressDeny=10.0.0.0/8\n",
        )
        .with(
            &in_etc("corp.slice.d/1.conf"),
            "[Slice]\nIPAddressDeny=any\n",
        )
        .with(
            &in_etc("corp-agents.slice.d/1.conf"),
            "[Slice]\nIPAddressDeny=\nIPAddressDeny=11.0.0.0/8\n",
        );
    let root = Root::new(Some(tree.0.path().to_owned()));
    let mut properties = pairs([
        ("Slice", "corp-agents.slice"),
        ("IPAddressDeny", "12.0.0.0/8"),
    ]);
    add_slice_filters(&root, &mut properties);
    assert_eq!(properties["IPAddressDeny"], "12.0.0.0/8 11.0.0.0/8 any");
    assert_eq!(properties["IPAddressAllow"], "localhost");
    assert_eq!(
        properties["SliceFilters"],
        "/etc/systemd/system/-.slice.d/1.conf"
    );
    let mut plain = BTreeMap::new();
    add_slice_filters(
        &Root::new(Some(Tree::new().0.path().to_owned())),
        &mut plain,
    );
    assert!(plain.is_empty());
    // What is there and cannot be read is not taken for nothing.
    let too_large = "#".repeat(1 << 20);
    let tree = Tree::new().with(&in_etc("system.slice.d/1.conf"), &too_large);
    let mut unread = BTreeMap::new();
    add_slice_filters(&Root::new(Some(tree.0.path().to_owned())), &mut unread);
    assert!(unread["SliceFiltersUnseen"].starts_with("system.slice: "));
}
