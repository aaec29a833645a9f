//! From sources to a catalogue, or to everything that is wrong with them.

use super::check::CheckDoc;
use super::names::Names;
use super::problem::{At, Problem, Reporter, Source, quoted};
use super::raw::{self, RawCheck};
use super::validate::{self, Link, Links, Owner};
use super::{Catalog, graph, overlay, yaml};
use crate::model::{CheckId, Code};

/// A source that could be read as YAML.
struct File<'a> {
    /// Its position among the sources.
    number: usize,
    report: Reporter<'a>,
    raw: RawCheck,
    links: Links,
}

impl Catalog {
    /// Reads the doctor's own checks, in the order in which a person should fix things.
    ///
    /// # Errors
    /// Every problem of every source, in the order of sources and lines.
    pub fn load(sources: &[Source<'_>]) -> Result<Self, Vec<Problem>> {
        let nothing = Self {
            checks: Vec::new(),
            order: Vec::new(),
        };
        nothing.extend(sources, Owner::Doctor)
    }

    /// Adds the user's own files: one for a check that exists replaces texts, one with a new id is a check with a probe.
    ///
    /// # Errors
    /// Every problem of every source, in the order of sources and lines.
    pub fn overlay(&self, sources: &[Source<'_>]) -> Result<Self, Vec<Problem>> {
        self.extend(sources, Owner::User)
    }

    fn extend(&self, sources: &[Source<'_>], owner: Owner) -> Result<Self, Vec<Problem>> {
        let (mut files, mut problems) = read(sources);
        no_id_twice(&mut files);
        let names = Names::of(&self.checks, files.iter().map(|file| &file.raw));
        let mut checks = self.checks.clone();
        for file in &mut files {
            let existing = file.raw.id.get().and_then(|id| {
                let known = self.checks.iter();
                known.clone().position(|check| check.id == *id.value)
            });
            if let Some(position) = existing {
                overlay::apply(&mut checks[position], &file.raw, &names, &mut file.report);
            } else {
                let File {
                    report, raw, links, ..
                } = file;
                checks.extend(validate::check(raw, owner, &names, links, report));
            }
        }
        no_circle(
            &mut files,
            |links| &links.checks,
            CheckId::as_str,
            "needs and uses",
        );
        no_circle(
            &mut files,
            |links| &links.codes,
            Code::as_str,
            "is explained by",
        );
        problems.extend(
            files
                .into_iter()
                .map(|file| (file.number, file.report.into_problems())),
        );
        if problems.iter().all(|(_, of_file)| of_file.is_empty()) {
            let order = order(&checks);
            return Ok(Self { checks, order });
        }
        problems.sort_by_key(|(number, _)| *number);
        Err(problems
            .into_iter()
            .flat_map(|(_, of_file)| of_file)
            .collect())
    }
}

/// The problems of one source, by its position.
type OfFile = (usize, Vec<Problem>);

/// Reads the sources as YAML; the problems of those that are none come apart.
fn read<'a>(sources: &[Source<'a>]) -> (Vec<File<'a>>, Vec<OfFile>) {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let mut report = Reporter::new(*source);
        match yaml::read(yaml::CHECK, &mut report) {
            Some(node) if matches!(node.kind, yaml::Kind::Map(_)) => {
                let raw = raw::check(&node, &mut report);
                files.push(File {
                    number,
                    report,
                    raw,
                    links: Links::default(),
                });
            }
            Some(node) => {
                super::fields::wrong(&node, "a check is a mapping", &mut report);
                problems.push((number, report.into_problems()));
            }
            None => problems.push((number, report.into_problems())),
        }
    }
    (files, problems)
}

/// Two files with one id: which of them should count?
fn no_id_twice(files: &mut [File<'_>]) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for file in files {
        let Some(At { value, place }) = file.raw.id.get() else {
            continue;
        };
        if let Some((_, first)) = seen.iter().find(|(id, _)| id == value) {
            let message = format!("the check {} is in {first} already", quoted(value));
            file.report.at(*place, message);
        } else {
            let name = file.report.source().name.to_owned();
            seen.push((value.clone(), name));
        }
    }
}

/// Tells every circle among the links of all files, once, where its first link was written.
fn no_circle<T: PartialEq + Clone>(
    files: &mut [File<'_>],
    links: impl Fn(&Links) -> &Vec<Link<T>>,
    name: impl Fn(&T) -> &str,
    verb: &str,
) {
    let mut nodes: Vec<T> = Vec::new();
    let mut edges: Vec<Vec<usize>> = Vec::new();
    let mut number = |node: &T, edges: &mut Vec<Vec<usize>>| {
        nodes
            .iter()
            .position(|known| known == node)
            .unwrap_or_else(|| {
                nodes.push(node.clone());
                edges.push(Vec::new());
                nodes.len() - 1
            })
    };
    for link in files.iter().flat_map(|file| links(&file.links)) {
        let (from, to) = (number(&link.from, &mut edges), number(&link.to, &mut edges));
        if !edges[from].contains(&to) {
            edges[from].push(to);
        }
    }
    for circle in graph::circles(&edges) {
        let first = &nodes[circle[0]];
        let next = &nodes[*circle.get(1).unwrap_or(&circle[0])];
        let way: Vec<&str> = circle.iter().map(|node| name(&nodes[*node])).collect();
        let message = format!(
            "a circle of what {verb} what: {} -> {}",
            way.join(" -> "),
            name(first)
        );
        for file in &mut *files {
            let mut of_file = links(&file.links).iter();
            if let Some(link) = of_file.find(|link| link.from == *first && link.to == *next) {
                file.report.at(link.place, &message);
                break;
            }
        }
    }
}

/// Positions of checks, each after all that it needs and uses.
pub(super) fn order(checks: &[CheckDoc]) -> Vec<usize> {
    graph::order(&edges(checks))
}

/// What each check comes after, by position.
fn edges(checks: &[CheckDoc]) -> Vec<Vec<usize>> {
    let position = |id: &CheckId| checks.iter().position(|check| check.id == *id);
    checks
        .iter()
        .map(|check| {
            let others = check.needs.iter().chain(check.uses.iter());
            others.filter_map(position).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::super::testing::{USERS, overlay, own, told};
    use super::*;

    #[test]
    fn a_check_of_the_user_s_comes_after_the_doctor_s_own() {
        let catalog = overlay(&[USERS]).unwrap();
        assert_eq!(catalog.checks().len(), own().checks().len() + 1);
        let check = catalog.checks().last().unwrap();
        assert_eq!(check.id, "ports");
        let by = &check.findings[0].explained_by;
        assert_eq!(by[0], "tcp.refused");
        assert!(by.iter().any(|code| *code == "dns.not_found"));
        assert!(
            !by.iter().any(|code| *code == "dns.pinned"),
            "a warning explains nothing"
        );
    }

    #[test]
    fn all_problems_of_all_files_come_at_once_in_order() {
        let broken = USERS.replace("error", "fatal").replace("[dns]", "[dsn]");
        let problems = overlay(&["id: [", &broken, "tilte: x"]).unwrap_err();
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            lines[0].starts_with("a.yaml:2:1: not YAML: "),
            "{}",
            lines[0]
        );
        assert_eq!(
            lines[1..3],
            [
                "b.yaml:5:9: there is no check `dsn`: did you mean `dns`?",
                "b.yaml:9:15: `severity` is `error` or `warning`, not `fatal`",
            ]
        );
        assert_eq!(
            lines[3..],
            [
                "c.yaml:1:1: a check has no key `tilte`: did you mean `title`?",
                "c.yaml:1:1: the check has no `id`",
                "c.yaml:1:1: the check has no `title`",
                "c.yaml:1:1: the check has no `summary`",
                "c.yaml:1:1: the check has no `findings`",
            ]
        );
    }

    #[test]
    fn an_id_is_one_file_s() {
        let problems = overlay(&[USERS, USERS]).unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "b.yaml:1:5: the check `ports` is in a.yaml already"
        );
    }

    #[test]
    fn circles_are_told_across_files() {
        let other = USERS.replace("ports", "rooms");
        let one = USERS
            .replace("needs: [dns]", "needs: [rooms]")
            .replace("[tcp.refused, dns.*]", "[rooms.*]");
        let two = other
            .replace("uses: [clock]", "uses: [ports]")
            .replace("[tcp.refused, dns.*]", "[ports.closed]");
        let problems = overlay(&[&one, &two]).unwrap_err();
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "a.yaml:5:9: a circle of what needs and uses what: ports -> rooms -> ports",
                "a.yaml:13:20: a circle of what is explained by what: ports.closed -> rooms.closed -> ports.closed",
            ]
        );
        assert_eq!(
            told(&USERS.replace("[dns]", "[ports]")),
            ["5:9 a circle of what needs and uses what: ports -> ports"]
        );
    }

    #[test]
    fn the_doctor_s_own_checks_have_no_probe() {
        let source = Source {
            name: "checks/ports.yaml",
            text: &USERS
                .replace("needs: [dns]\nuses: [clock]\n", "")
                .replace("[tcp.refused, dns.*]", "[]"),
        };
        let problems = Catalog::load(&[source]).unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "checks/ports.yaml:20:3: a check of the doctor's own has no `probe`: it is decided in Rust"
        );
    }
}
