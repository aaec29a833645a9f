//! The control plane's URL, as it was surely meant.

use crate::contract::url::{ControlPlane, PortSource, UrlProblem, is_stranger};

/// The port that a control plane listens on where nobody chose another.
const USUAL_PORT: u16 = 8000;

/// What a URL may have been meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::repair) enum Mended {
    /// This, whoever answers there: only its dress was wrong.
    Surely(ControlPlane),
    /// The first of these where a control plane answers.
    WhereItAnswers(Vec<ControlPlane>),
}

/// What a URL that the agent cannot use was meant to be; `None` where a person has to say, or where it can be used.
///
/// Blanks and quotation marks around it, a missing or misspelt `https`, and what follows the host and port are its dress, and the
/// agent knows the right one. `http` may stand for another port, and a host without a port for the usual one as well as for https's
/// own: there the network decides. A host or a port that is none, a name and a password, and blanks inside are nobody's to guess.
pub(in crate::repair) fn mend_url(text: &str) -> Option<Mended> {
    ControlPlane::parse(text).err()?;
    let mut text = text.to_owned();
    let mut surely = true;
    // Each round takes one kind of problem away; there are fewer kinds than this.
    for _ in 0..8 {
        text = match ControlPlane::parse(&text) {
            Ok(plane) => return Some(told_apart(&plane, surely)),
            Err(UrlProblem::Http) => {
                surely = false;
                format!("https://{}", text.split_once("://")?.1)
            }
            Err(problem) => undressed(&text, &problem)?,
        };
    }
    None
}

/// Which port is meant, where the URL names none, the network says.
fn told_apart(plane: &ControlPlane, surely: bool) -> Mended {
    match plane.port_source() {
        PortSource::Given if surely => Mended::Surely(plane.clone()),
        PortSource::Given => Mended::WhereItAnswers(vec![plane.clone()]),
        PortSource::Default => {
            let usual = ControlPlane::parse(&format!("{plane}:{USUAL_PORT}"));
            Mended::WhereItAnswers(usual.into_iter().chain([plane.clone()]).collect())
        }
    }
}

/// The text without this problem, if that is only dress.
fn undressed(text: &str, problem: &UrlProblem) -> Option<String> {
    let mended = match problem {
        UrlProblem::Blanks { .. } | UrlProblem::Quotes => text.trim_matches(is_stranger).to_owned(),
        UrlProblem::NoScheme => format!("https://{}", after_scheme(text)?),
        UrlProblem::OtherScheme { scheme } if strsim::levenshtein(scheme, "https") <= 1 => {
            format!("https://{}", text.split_once("://")?.1)
        }
        UrlProblem::Path { .. } | UrlProblem::Trailer { .. } => {
            let rest = text.split_once("://")?.1;
            let end = rest.find(['/', '?', '#'])?;
            format!("https://{}", &rest[..end])
        }
        _ => return None,
    };
    (mended != text).then_some(mended)
}

/// What follows a scheme that is written badly: `https:host`, `https:/host`, `//host`.
fn after_scheme(text: &str) -> Option<&str> {
    let is_scheme = text
        .get(..6)
        .is_some_and(|it| it.eq_ignore_ascii_case("https:"));
    let rest = if is_scheme { &text[6..] } else { text };
    // In `https:8000` there is no host, or one that is called https.
    let only_port = is_scheme && rest.bytes().all(|byte| byte.is_ascii_digit());
    (!only_port).then(|| rest.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(text: &str) -> (&'static str, Vec<String>) {
        match mend_url(text) {
            None => ("a person", Vec::new()),
            Some(Mended::Surely(plane)) => ("surely", vec![plane.to_string()]),
            Some(Mended::WhereItAnswers(planes)) => {
                let planes = planes.iter().map(ToString::to_string);
                ("where it answers", planes.collect())
            }
        }
    }

    #[test]
    fn dress_is_mended_surely() {
        for text in [
            "cp.corp:8000",
            " https://cp.corp:8000",
            "https://cp.corp:8000\u{200b}",
            "\"https://cp.corp:8000\"",
            "“https://cp.corp:8000/health”",
            "https:cp.corp:8000",
            "https:/cp.corp:8000",
            "//cp.corp:8000/",
            "htps://cp.corp:8000",
            "https://cp.corp:8000/health",
            "https://cp.corp:8000/agent/enroll?x=y#z",
            "https://cp.corp:8000?x",
            "cp.corp:8000/health",
        ] {
            let wanted = ("surely", vec!["https://cp.corp:8000".to_owned()]);
            assert_eq!(mended(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn what_hangs_on_the_port_is_for_the_network_to_say() {
        let with_port = ("where it answers", vec!["https://cp.corp:8000".to_owned()]);
        assert_eq!(mended("http://cp.corp:8000"), with_port);
        assert_eq!(mended("'http://cp.corp:8000/'"), with_port);
        let either = ["https://cp.corp:8000", "https://cp.corp"].map(str::to_owned);
        for text in ["cp.corp", "http://cp.corp", "https://cp.corp/health"] {
            assert_eq!(
                mended(text),
                ("where it answers", either.to_vec()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_nobody_can_know_is_for_a_person() {
        for text in [
            "",
            "https://",
            "https://cp corp:8000",
            "https://admin:hunter2@cp.corp:8000",
            "https://cp..corp:8000",
            "https://<host>:8000",
            "https://cp.corp:99999",
            "ftp://cp.corp:8000",
            "https:8000",
            // Nothing is wrong with it.
            "https://cp.corp:8000",
        ] {
            assert_eq!(mended(text), ("a person", Vec::new()), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_mended_can_be_used_and_names_the_same_host(
            text in r#"["' ]?(https?:?/{0,2})?[a-z]{1,3}(\.[a-z]{1,3})?(:[0-9]{1,5})?(/[a-z]{0,6})?[?#]?["' ]?|\PC{0,30}"#
        ) {
            let planes = match mend_url(&text) {
                None => Vec::new(),
                Some(Mended::Surely(plane)) => vec![plane],
                Some(Mended::WhereItAnswers(planes)) => planes,
            };
            for plane in planes {
                proptest::prop_assert!(ControlPlane::parse(&plane.to_string()).is_ok());
                proptest::prop_assert_eq!(mend_url(&plane.to_string()), None);
                let host = plane.host();
                proptest::prop_assert!(!host.is_ascii() || !text.is_ascii() || text.to_ascii_lowercase().contains(&host));
            }
        }
    }
}
