//! The trust anchors that the agent uses: those of the system, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` of its
//! service put in their place.
//!
//! The agent is a Go program, and this looks where Go looks: the first bundle file that can be read, and every file of
//! the certificate directories; each of the two variables replaces only its own half. The doctor's own environment does not count.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::files::Root;
use super::{pem, threads};
use crate::host::{Anchors, AnchorsQuestion, Seen, Unseen};

/// Bundles of the distributions, in Go's order.
const FILES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Directories of certificates, in Go's order.
const DIRS: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

/// The most that is read of one file, and how many files of one directory.
const FILE_LIMIT: u64 = 8 << 20;
const DIR_LIMIT: usize = 4096;

/// The anchors of a system.
pub(super) struct Store {
    /// Where they are from, in words.
    source: String,
    /// Each once.
    pub(super) anchors: Vec<CertificateDer<'static>>,
}

/// What the service's variables say: `SSL_CERT_FILE` and `SSL_CERT_DIR`.
type Named = (Option<PathBuf>, Option<String>);

/// A store, once somebody has read it; the others wait for it.
type Slot = Arc<OnceLock<Arc<Store>>>;

/// The stores that were read already: it is hundreds of files, and the judge and every strict connection want the same.
#[derive(Clone, Default)]
pub(super) struct Stores(Arc<Mutex<HashMap<Named, Slot>>>);

impl Stores {
    /// All anchors, as the service finds them; read when they are first asked for.
    pub(super) fn load(&self, root: &Root, file: Option<PathBuf>, dir: Option<&str>) -> Arc<Store> {
        let named = (file.clone(), dir.map(str::to_owned));
        let slot = {
            let mut stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(stores.entry(named).or_default())
        };
        Arc::clone(slot.get_or_init(|| Arc::new(load(root, file, dir))))
    }

    /// Begins to read the system's own, for whoever asks soon; nobody waits for it.
    pub(super) fn warm(&self, root: &Root) {
        let (stores, root) = (self.clone(), root.clone());
        let read = move || drop(stores.load(&root, None, None));
        // Without a thread for it, the first who asks reads them.
        let _unstarted = threads::run(read);
    }

    /// Those whose subject was asked for.
    pub(super) fn matching(&self, root: &Root, question: &AnchorsQuestion) -> Seen<Anchors> {
        matching(
            &self.load(root, question.file.clone(), question.dir.as_deref()),
            question,
        )
    }
}

/// The anchors of this machine, for a process with these two variables.
pub(crate) fn system_anchors(
    file: Option<PathBuf>,
    dir: Option<&str>,
) -> Vec<CertificateDer<'static>> {
    load(&Root::new(None), file, dir).anchors
}

/// All anchors, as the service finds them.
fn load(root: &Root, file: Option<PathBuf>, dir: Option<&str>) -> Store {
    let mut store = Collected::default();
    if cfg!(target_os = "linux") || file.is_some() || dir.is_some() || root.is_foreign() {
        store.files(root, file);
        store.directories(root, dir);
    } else {
        store.platform();
    }
    Store {
        source: if store.sources.is_empty() {
            "no CA certificates found on this host".into()
        } else {
            store.sources.join(", ")
        },
        anchors: store.anchors,
    }
}

fn matching(store: &Store, question: &AnchorsQuestion) -> Seen<Anchors> {
    let names: HashSet<Vec<u8>> = question
        .names
        .iter()
        .map(|name| STANDARD.decode(name))
        .collect::<Result<_, _>>()
        .map_err(|_| Unseen::malformed("a name in the question is not base64"))?;
    // A name that is nowhere in an anchor is not its subject: few have to be taken apart.
    let finders: Vec<Finder<'_>> = names.iter().map(Finder::new).collect();
    let may_match = |anchor: &[u8]| finders.iter().any(|finder| finder.find(anchor).is_some());
    let matching = store
        .anchors
        .iter()
        .filter(|anchor| may_match(anchor))
        .filter(|anchor| subject(anchor).is_some_and(|subject| names.contains(subject)))
        .map(|anchor| pem::certificate(anchor))
        .collect();
    Ok(Anchors {
        source: store.source.clone(),
        total: store.anchors.len(),
        matching,
    })
}

fn subject<'a>(anchor: &'a CertificateDer<'_>) -> Option<&'a [u8]> {
    let (_, certificate) = X509Certificate::from_der(anchor).ok()?;
    Some(certificate.tbs_certificate.subject.as_raw())
}

#[derive(Default)]
struct Collected {
    sources: Vec<String>,
    anchors: Vec<CertificateDer<'static>>,
    /// Those of them, in base64.
    seen: HashSet<Vec<u8>>,
    /// Files of directories that were read, by device and number.
    files: HashSet<(u64, u64)>,
}

impl Collected {
    fn files(&mut self, root: &Root, named: Option<PathBuf>) {
        let variable = named.is_some();
        let candidates = match named {
            Some(file) => vec![file],
            None => FILES.iter().map(PathBuf::from).collect(),
        };
        for path in candidates {
            let read = root
                .find_host(&path)
                .and_then(|found| found.read(FILE_LIMIT));
            match read {
                Ok(text) => {
                    self.add(&text);
                    self.sources.push(path.display().to_string());
                    return;
                }
                Err(unseen) if variable => self
                    .sources
                    .push(format!("{} (SSL_CERT_FILE: {unseen})", path.display())),
                Err(_) => {}
            }
        }
    }

    fn directories(&mut self, root: &Root, named: Option<&str>) {
        let candidates: Vec<PathBuf> = match named {
            Some(dirs) => std::env::split_paths(dirs).collect(),
            None => DIRS.iter().map(PathBuf::from).collect(),
        };
        for dir in candidates {
            let names = root
                .find_host(&dir)
                .and_then(|found| found.entries(DIR_LIMIT));
            match names {
                Ok(names) => {
                    for name in names {
                        // The links by which OpenSSL finds a certificate lead to files that have names of their own.
                        if let Ok(found) = root.find_followed(&dir.join(name))
                            && self.files.insert(found.identity())
                        {
                            self.add(&found.read(FILE_LIMIT).unwrap_or_default());
                        }
                    }
                    self.sources.push(dir.display().to_string());
                }
                Err(unseen) if named.is_some() => self
                    .sources
                    .push(format!("{} (SSL_CERT_DIR: {unseen})", dir.display())),
                Err(_) => {}
            }
        }
    }

    /// The store of Windows or macOS.
    fn platform(&mut self) {
        let loaded = rustls_native_certs::load_native_certs();
        for anchor in loaded.certs {
            let body = STANDARD.encode(&anchor).into_bytes();
            self.keep(anchor, body);
        }
        self.sources.push("the system's certificate store".into());
    }

    /// Whatever is a certificate in a PEM text; Go passes over the rest, too.
    fn add(&mut self, text: &[u8]) {
        // Nearly every one is in the bundle and once more in the directory, and is decoded once.
        if let Some(bodies) = plain_bodies(text) {
            let fresh = bodies.into_iter().filter(|body| !self.seen.contains(body));
            let decoded: Option<Vec<_>> = fresh
                .map(|body| Some((STANDARD.decode(&body).ok()?, body)))
                .collect();
            if let Some(decoded) = decoded {
                for (anchor, body) in decoded {
                    self.keep(anchor.into(), body);
                }
                return;
            }
        }
        for anchor in CertificateDer::pem_slice_iter(text).filter_map(Result::ok) {
            let body = STANDARD.encode(&anchor).into_bytes();
            self.keep(anchor, body);
        }
    }

    fn keep(&mut self, anchor: CertificateDer<'static>, body: Vec<u8>) {
        if self.seen.insert(body) {
            self.anchors.push(anchor);
        }
    }
}

/// The base64 between the lines of a PEM text with nothing but certificates and comments, as programs write it; `None` where
/// it is anything else, which the library knows how to read.
fn plain_bodies(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    let ends = memchr_iter(b'\n', text).chain([text.len()]);
    let mut start = 0;
    for end in ends {
        let line = &text[start..end];
        start = end + 1;
        match (&mut open, line) {
            (None, b"-----BEGIN CERTIFICATE-----") => open = Some(Vec::with_capacity(2048)),
            (Some(_), b"-----END CERTIFICATE-----") => bodies.extend(open.take()),
            (None, line) if memchr(b'-', line).is_none() => {}
            (Some(body), line) if memchr(b'-', line).is_none() => body.extend_from_slice(line),
            _ => return None,
        }
    }
    open.is_none().then_some(bodies)
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn ca(name: &str) -> (String, String) {
        let mut params = rcgen::CertificateParams::default();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let name = STANDARD.encode(subject(certificate.der()).unwrap());
        (certificate.pem(), name)
    }

    fn host() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc/ssl/certs")).unwrap();
        fs::create_dir_all(dir.path().join("usr/share/ca")).unwrap();
        let root = Root::new(Some(dir.path().to_owned()));
        (dir, root)
    }

    fn ask(file: Option<&str>, dir: Option<&str>, names: &[&String]) -> AnchorsQuestion {
        AnchorsQuestion {
            file: file.map(PathBuf::from),
            dir: dir.map(str::to_owned),
            names: names.iter().map(|name| (*name).clone()).collect(),
        }
    }

    #[test]
    fn bundle_and_directory_count_each_anchor_once() {
        let (dir, root) = host();
        let ((one, one_name), (two, _), (three, three_name)) = (ca("one"), ca("two"), ca("three"));
        let at = |path: &str| dir.path().join(path);
        fs::write(
            at("etc/ssl/certs/ca-certificates.crt"),
            format!("{one}{two}"),
        )
        .unwrap();
        fs::write(at("usr/share/ca/three.crt"), &three).unwrap();
        symlink("/usr/share/ca/three.crt", at("etc/ssl/certs/three.pem")).unwrap();
        fs::write(at("etc/ssl/certs/README"), "not a certificate").unwrap();
        let anchors = Stores::default()
            .matching(&root, &ask(None, None, &[&one_name, &three_name]))
            .unwrap();
        assert_eq!(anchors.total, 3);
        let texts: Vec<String> = anchors
            .matching
            .iter()
            .map(|p| p.0.replace('\r', ""))
            .collect();
        assert_eq!(texts, [one.replace('\r', ""), three.replace('\r', "")]);
        assert_eq!(
            anchors.source,
            "/etc/ssl/certs/ca-certificates.crt, /etc/ssl/certs"
        );
    }

    #[test]
    fn each_variable_of_the_service_replaces_its_half() {
        let (dir, root) = host();
        let ((one, _), (two, _), (three, _)) = (ca("one"), ca("two"), ca("three"));
        let at = |path: &str| dir.path().join(path);
        fs::create_dir(at("extra")).unwrap();
        fs::write(at("etc/ssl/certs/one.pem"), &one).unwrap();
        fs::write(at("extra/two.pem"), &two).unwrap();
        fs::write(at("mine.pem"), &three).unwrap();
        let total = |file, dir| {
            Stores::default()
                .matching(&root, &ask(file, dir, &[]))
                .unwrap()
        };
        assert_eq!(total(Some("/mine.pem"), None).total, 2);
        assert_eq!(total(Some("/mine.pem"), Some("/extra:/nowhere")).total, 2);
        assert_eq!(total(None, Some("/nowhere")).total, 0);
        let gone = total(Some("/gone.pem"), Some("/extra"));
        assert_eq!(gone.source, "/gone.pem (SSL_CERT_FILE: not there), /extra");
    }

    #[test]
    fn on_this_machine_links_are_followed_and_a_file_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let (one, name) = ca("one");
        fs::write(dir.path().join("one.pem"), one).unwrap();
        fs::create_dir(dir.path().join("links")).unwrap();
        symlink("../one.pem", dir.path().join("links/0a1b2c3d.0")).unwrap();
        symlink("0a1b2c3d.0", dir.path().join("links/one.pem")).unwrap();
        symlink("nowhere", dir.path().join("links/gone.pem")).unwrap();
        symlink("/dev/zero", dir.path().join("links/endless.pem")).unwrap();
        let links = dir.path().join("links").display().to_string();
        let question = ask(Some("/nonexistent"), Some(&links), &[&name]);
        let stores = Stores::default();
        let anchors = stores.matching(&Root::new(None), &question).unwrap();
        assert_eq!((anchors.total, anchors.matching.len()), (1, 1));
        // What was read once is not read again.
        fs::remove_file(dir.path().join("one.pem")).unwrap();
        let again = stores.matching(&Root::new(None), &question).unwrap();
        assert_eq!(again, anchors);
    }

    #[test]
    fn a_pem_text_is_read_however_it_is_written() {
        let ((one, _), (two, _)) = (ca("one"), ca("two"));
        let (one, two) = (one.replace('\r', ""), two.replace('\r', ""));
        let read = |text: &str| {
            let mut store = Collected::default();
            store.add(text.as_bytes());
            store.anchors
        };
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let cut = &one[..one.len() - 40];
        for (text, expected) in [
            (format!("# a comment\n\n{one}\n{two}{one}"), 2),
            (format!("{one}{two}").replace('\n', "\r\n"), 2),
            (format!("{one}{key}{two}"), 2),
            (
                one.replace("-----BEGIN", "Bag Attributes: a-b\n-----BEGIN"),
                1,
            ),
            (format!("{}{two}", one.replace("MII", "MI!")), 1),
            (format!("{cut}\n{two}"), 1),
            (two.trim_end().to_owned(), 1),
            (
                "-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n".into(),
                0,
            ),
        ] {
            let mut by_library: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
                .filter_map(Result::ok)
                .collect();
            let mut seen = HashSet::new();
            by_library.retain(|anchor| seen.insert(anchor.to_vec()));
            let read = read(&text);
            assert_eq!(read, by_library, "{text}");
            assert_eq!(read.len(), expected, "{text}");
        }
    }

    #[test]
    fn a_host_without_anchors_says_so() {
        let (dir, root) = host();
        fs::remove_dir(dir.path().join("etc/ssl/certs")).unwrap();
        let anchors = Stores::default()
            .matching(&root, &ask(None, None, &[]))
            .unwrap();
        assert_eq!((anchors.total, anchors.matching.len()), (0, 0));
        assert_eq!(anchors.source, "no CA certificates found on this host");
    }
}
