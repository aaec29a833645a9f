//! What the proxy said to the request for a tunnel.

use std::net::SocketAddr;
use std::time::Duration;

use super::{DENIED, Judgement, Known, Through, UNREACHABLE, config};
use crate::host::{Login, SocksAbout, Tunnel, TunnelEnding};
use crate::model::{Case, Finding, excerpt, spoken_duration};

/// Judges how asking for a tunnel ended.
pub(super) fn judge(
    through: &Through,
    address: SocketAddr,
    tunnel: &Tunnel,
    known: &Known,
) -> Judgement {
    let told = config::told(known);
    let target = told
        .control_plane
        .map_or_else(String::new, |control_plane| control_plane.authority());
    let said = Said {
        through,
        tunnel,
        target,
        insecure: told.insecure,
    };
    match said.finding() {
        Ok(finding) => finding.saw("address", address.to_string()).into(),
        Err(judgement) => judgement.note("connected to", address.to_string()),
    }
}

struct Said<'a> {
    through: &'a Through,
    tunnel: &'a Tunnel,
    target: String,
    /// The agent verifies nobody.
    insecure: bool,
}

impl Said<'_> {
    fn finding(&self) -> Result<Finding, Judgement> {
        let (proxy, target) = (&self.through.proxy, &self.target);
        let denied = |case, detail: String| Ok(Finding::new(DENIED, detail).case(case));
        let unreachable =
            |case, detail: String| Ok(Finding::new(UNREACHABLE, detail).case(case));
        match &self.tunnel.ending {
            TunnelEnding::Open => Err(Judgement::pass()),
            TunnelEnding::Refused {
                status,
                reason,
                headers,
                body,
            } => self.refused(*status, reason, &Headers(headers), body),
            TunnelEnding::LoginWanted | TunnelEnding::LoginRefused => self.login(),
            TunnelEnding::Socks { reply, about } => {
                let (case, meaning) = match about {
                    SocksAbout::Proxy => (Case::Rules, "Its rules forbid it"),
                    SocksAbout::Onward => (
                        Case::Onward,
                        "That is about the way from the proxy to the control plane, which the proxy cannot reach",
                    ),
                };
                let detail = format!(
                    "The proxy {proxy} opens no tunnel to {target}: {reply}. {meaning}."
                );
                denied(case, detail).map(|finding| finding.saw("SOCKS reply", reply))
            }
            TunnelEnding::Closed | TunnelEnding::Reset => {
                let how = match self.tunnel.ending {
                    TunnelEnding::Reset => "resets the connection",
                    _ => "hangs up",
                };
                denied(Case::Rules, format!(
                    "The proxy {proxy} {how} when it is asked for a tunnel to {target}, without a word: its rules do not let \
                     this host in, or it is another kind of proxy than the URL says."
                ))
            }
            TunnelEnding::TimedOut { .. } => unreachable(Case::Onward, format!(
                "The proxy {proxy} accepts the connection and does not answer within {} when it is asked for a tunnel to \
                 {target}: it hangs, or waits in vain for the control plane itself.",
                spoken_duration(known_wait(self.tunnel))
            )),
            TunnelEnding::NotAProxy { why } => unreachable(Case::Stranger, format!(
                "What listens at {proxy} is no such proxy: {}. The port or the scheme of the URL is another service's.",
                excerpt(why)
            )),
            TunnelEnding::Tls { why } if self.insecure => Err(Judgement::unknown(format!(
                "the agent speaks TLS to the proxy {proxy} and verifies nobody (`insecure_skip_verify: true`), and the doctor sends \
                 nothing to a proxy that it cannot verify: {}",
                excerpt(why)
            ))),
            TunnelEnding::Tls { why } => unreachable(Case::Untrusted, format!(
                "The agent speaks TLS to the proxy {proxy}, and gets no connection that it accepts: {}. Nothing was sent to it.",
                excerpt(why)
            )),
            TunnelEnding::CannotAsk { why } => Err(Judgement::unknown(format!(
                "the proxy {proxy} could not be asked for a tunnel: {}",
                excerpt(why)
            ))),
        }
    }

    fn refused(
        &self,
        status: u16,
        reason: &str,
        headers: &Headers<'_>,
        body: &str,
    ) -> Result<Finding, Judgement> {
        // tinyproxy says 401 to a wrong password.
        let about_login = status == 407 || (status == 401 && self.tunnel.credentials != Login::None);
        if about_login && self.tunnel.credentials == Login::Unreadable {
            return Err(self.undecided());
        }
        let (case, meaning) = match status {
            _ if about_login => self.authentication(headers),
            401 | 403 | 405 => (
                Some(Case::Rules),
                "Its rules forbid this host, the control plane's name or its port (many proxies allow CONNECT to port 443 alone)."
                    .to_owned(),
            ),
            502..=504 => (
                Some(Case::Onward),
                "That usually means that the proxy itself cannot reach or resolve the control plane.".to_owned(),
            ),
            200..=299 => (
                Some(Case::Stranger),
                "The agent takes 200 alone for an open tunnel.".to_owned(),
            ),
            400 | 404 | 501 => (
                Some(Case::Stranger),
                "It does not know CONNECT: it may be no proxy but a web server, or one that has CONNECT switched off."
                    .to_owned(),
            ),
            _ => (None, "What it says is below.".to_owned()),
        };
        let said = match reason.is_empty() {
            true => status.to_string(),
            false => format!("{status} {}", excerpt(reason)),
        };
        let detail = format!(
            "The proxy {} answers CONNECT {} with HTTP {said}. {meaning}",
            self.through.proxy, self.target
        );
        let mut finding = Finding::new(DENIED, detail).saw("HTTP status", said);
        finding.case = case;
        for name in ["proxy-authenticate", "via", "server", "x-squid-error"] {
            for value in headers.all(name) {
                finding = finding.saw(name, excerpt(value));
            }
        }
        if let Some(page) = page(body) {
            finding = finding.saw("page", page);
        }
        Ok(finding)
    }

    /// What a 407 wants.
    fn authentication(&self, headers: &Headers<'_>) -> (Option<Case>, String) {
        let offered: Vec<&str> = headers
            .all("proxy-authenticate")
            .filter_map(|value| value.split_whitespace().next())
            .collect();
        let basic = offered
            .iter()
            .any(|scheme| scheme.eq_ignore_ascii_case("basic"));
        let wanted = match self.tunnel.credentials {
            Login::Given => "It does not accept the user and password of the proxy's URL.",
            Login::None | Login::Unreadable => {
                "It wants a user and a password, and the proxy's URL has none."
            }
        };
        if offered.is_empty() || basic {
            return (Some(Case::Login), wanted.to_owned());
        }
        let offered = excerpt(&offered.join(", "));
        let why = format!("{wanted} It offers {offered} alone, and the agent knows only Basic.");
        (Some(Case::OtherLogin), why)
    }

    /// A SOCKS5 proxy that wants to know who asks.
    fn login(&self) -> Result<Finding, Judgement> {
        let Said {
            through, target, ..
        } = self;
        let why = match (&self.tunnel.ending, self.tunnel.credentials) {
            (TunnelEnding::LoginRefused, _) => {
                "it does not accept the user and password of the proxy's URL"
            }
            (_, Login::Given) => "it takes none of the ways to log in that the agent knows",
            (_, Login::None) => "it wants a login, and the proxy's URL has no user and password",
            (_, Login::Unreadable) => return Err(self.undecided()),
        };
        let detail = format!(
            "The proxy {} opens no tunnel to {target}: {why}.",
            through.proxy
        );
        let case = match (&self.tunnel.ending, self.tunnel.credentials) {
            (TunnelEnding::LoginWanted, Login::Given) => Case::OtherLogin,
            _ => Case::Login,
        };
        Ok(Finding::new(DENIED, detail)
            .saw("SOCKS login", why)
            .case(case))
    }

    fn undecided(&self) -> Judgement {
        Judgement::unknown(format!(
            "the proxy {} wants user and password, and those that are set for the agent could not be read again",
            self.through.proxy
        ))
    }
}

fn known_wait(tunnel: &Tunnel) -> Duration {
    match tunnel.ending {
        TunnelEnding::TimedOut { after_ms } if after_ms > 0 => Duration::from_millis(after_ms),
        _ => Duration::try_from_secs_f64(tunnel.duration_ms / 1e3).unwrap_or_default(),
    }
}

struct Headers<'a>(&'a [(String, String)]);

impl<'a> Headers<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        let headers = self.0.iter().filter(move |(key, _)| key == name);
        headers.map(|(_, value)| value.as_str())
    }
}

/// A page in a line: its title, or its first words.
fn page(body: &str) -> Option<String> {
    let lower = body.to_ascii_lowercase();
    let title = || {
        let start = lower.find("<title>")? + "<title>".len();
        let end = start + lower.get(start..)?.find("</title>")?;
        body.get(start..end)
    };
    Some(excerpt(title().unwrap_or(body))).filter(|page| !page.is_empty())
}
