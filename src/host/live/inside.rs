//! A running process's network, files and environment, as `/proc` shows them (proc(5)). Linux; needs its owner or root.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::files::Root;
use super::proxy::Proxies;
use super::scrub::Scrubber;
use crate::host::{Inside, InsideNetwork, InsidePath, InsideQuestion, Seen, Unseen};

/// The most that is read of a process's environment or of its list of interfaces.
const LIMIT: u64 = 1 << 20;

/// Looks at a process. What one part of it may not be seen says so itself; nothing is seen of a process that is gone.
pub(super) fn look(
    question: &InsideQuestion,
    scrubber: &Scrubber,
    proxies: &Proxies,
) -> Seen<Inside> {
    let proc = PathBuf::from(format!("/proc/{}", question.pid));
    fs::metadata(&proc).map_err(|error| Unseen::from_io(&error))?;
    let root = Root::new(Some(proc.join("root")));
    Ok(Inside {
        network: network(&proc),
        environment: environment(&proc, &question.variables, scrubber, proxies),
        paths: question
            .paths
            .iter()
            .map(|path| compare(&root, path))
            .collect(),
    })
}

fn network(proc: &Path) -> Seen<InsideNetwork> {
    let namespace = |path: PathBuf| fs::metadata(path).map_err(|error| Unseen::from_io(&error));
    let theirs = namespace(proc.join("ns/net"))?;
    let ours = namespace("/proc/self/ns/net".into())?;
    let table = bounded(&proc.join("net/dev"))?;
    // Two lines of headings, then one for each interface: its name, a colon, numbers.
    let names = table
        .split(|byte| *byte == b'\n')
        .skip(2)
        .filter_map(|line| {
            let name = line.split(|byte| *byte == b':').next()?.trim_ascii();
            (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
        });
    Ok(InsideNetwork {
        own: (theirs.dev(), theirs.ino()) != (ours.dev(), ours.ino()),
        interfaces: names.collect(),
    })
}

fn environment(
    proc: &Path,
    names: &[String],
    scrubber: &Scrubber,
    proxies: &Proxies,
) -> Seen<BTreeMap<String, String>> {
    let block = bounded(&proc.join("environ"))?;
    let mut variables = BTreeMap::new();
    for assignment in block.split(|byte| *byte == 0) {
        let assignment = String::from_utf8_lossy(assignment);
        if let Some((name, value)) = assignment.split_once('=')
            && names.iter().any(|wanted| wanted == name)
        {
            proxies.remember_of_process(name, value);
            variables.insert(name.to_owned(), scrubber.variable(name, value));
        }
    }
    Ok(variables)
}

fn compare(root: &Root, path: &Path) -> Seen<InsidePath> {
    let theirs = root.find_host(path)?;
    let same = match Root::new(None).find_host(path) {
        Ok(ours) => ours.identity() == theirs.identity(),
        Err(Unseen::Absent) => false,
        Err(unseen) => return Err(unseen),
    };
    Ok(InsidePath {
        same,
        read_only: theirs.room()?.read_only,
    })
}

fn bounded(path: &Path) -> Seen<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(path)?
            .take(LIMIT + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| Unseen::from_io(&error))?;
    if bytes.len() as u64 > LIMIT {
        return Err(Unseen::TooLarge { limit: LIMIT });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::process::{Command, Stdio};

    use super::*;

    fn question(pid: u32) -> InsideQuestion {
        InsideQuestion {
            pid,
            variables: vec!["HTTPS_PROXY".into(), "NO_PROXY".into()],
            paths: vec!["/etc".into(), "/no/such/file".into()],
        }
    }

    #[test]
    fn a_process_like_this_one_sees_what_this_one_sees() {
        // `cat` has been executed once it answers: only then its environment is its own.
        let mut child = Command::new("cat")
            .env("HTTPS_PROXY", "http://user:secret@proxy:3128")
            .env("UNASKED", "value")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        io::Write::write_all(&mut pipe, b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let inside = look(
            &question(child.id()),
            &Scrubber::new([]),
            &Proxies::default(),
        )
        .unwrap();
        drop(pipe);
        child.wait().unwrap();
        let network = inside.network.unwrap();
        assert!(
            !network.own && network.interfaces.contains(&"lo".to_owned()),
            "{network:?}"
        );
        let environment = inside.environment.unwrap();
        assert_eq!(environment.keys().collect::<Vec<_>>(), ["HTTPS_PROXY"]);
        assert_eq!(environment["HTTPS_PROXY"], "http://…@proxy:3128");
        assert!(inside.paths[0].as_ref().unwrap().same);
        assert_eq!(inside.paths[1], Err(Unseen::Absent));
    }

    #[test]
    fn a_process_that_is_gone_is_absent() {
        // Above the largest number that a process can have (`PID_MAX_LIMIT`).
        assert_eq!(
            look(&question(1 << 23), &Scrubber::new([]), &Proxies::default()),
            Err(Unseen::Absent)
        );
    }
}
