//! What keeps the time: `timed`, which `systemsetup` switches, and the server that it is told to follow. Pure, but for what asks.

use std::collections::BTreeMap;

use super::launchctl;
use super::{Programs, yes_or_no};
use crate::host::{Seen, TimeServer, TimeSync, Unseen};

/// The job that keeps the time.
const TIMED: &str = "com.apple.timed";
/// Where `systemsetup` keeps the server's name.
pub(super) const SERVERS: &str = "/etc/ntp.conf";
/// The most time servers that are told.
const MOST: usize = 16;

/// Asks `systemsetup`; it answers root alone, and anybody else is told by launchd whether `timed` may run, and by the file which
/// server it is told to follow.
pub(super) async fn sync(programs: &impl Programs, ntp_conf: Seen<String>) -> Seen<TimeSync> {
    let asked = programs.ask("systemsetup", &["-getusingnetworktime"]).await;
    let told = asked.as_ref().ok().and_then(|said| is_on(&said.out));
    let (enabled, teller) = match told {
        Some(on) => (on, "systemsetup"),
        None => {
            let said = programs
                .ask("launchctl", &["print-disabled", "system"])
                .await?;
            if !said.is_well() {
                return Err(Unseen::unsupported(
                    "systemsetup tells root alone whether the network's time is used; run the doctor as root",
                ));
            }
            (
                launchctl::is_disabled(&said.out, TIMED) != Some(true),
                "launchctl",
            )
        }
    };
    let servers = servers(&ntp_conf.unwrap_or_default());
    Ok(TimeSync {
        enabled: Some(enabled),
        // Nothing tells whether `timed` has a source; the servers are asked themselves.
        synchronized: None,
        properties: BTreeMap::from([
            ("NTP".to_owned(), yes_or_no(enabled)),
            ("TimedTeller".to_owned(), teller.to_owned()),
        ]),
        keeper: enabled.then(|| "timed".to_owned()),
        servers: servers.into_iter().take(MOST).collect(),
        supplied: false,
    })
}

/// `Network Time: On`.
fn is_on(text: &str) -> Option<bool> {
    let mut lines = text.lines().map(str::trim);
    match lines
        .find_map(|line| line.strip_prefix("Network Time:"))?
        .trim()
    {
        "On" => Some(true),
        "Off" => Some(false),
        _ => None,
    }
}

/// `server time.apple.com` (ntp.conf(5)).
fn servers(text: &str) -> Vec<TimeServer> {
    let names = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("server" | "pool")).then(|| words.next())?
    });
    names
        .map(|name| TimeServer {
            name: name.to_owned(),
            named_in: SERVERS.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::super::told::Told;
    use super::*;

    const ASKED: &str = "systemsetup -getusingnetworktime";
    const LISTED: &str = "launchctl print-disabled system";
    const NO_RIGHT: &str = "You need administrator access to run this tool... exiting!\n";

    async fn told(told: &[(&str, i32, &str, &str)]) -> Seen<TimeSync> {
        sync(
            &Told(told),
            Ok("# x\nserver time.apple.com\nserver\ndriftfile /x\n".into()),
        )
        .await
    }

    #[tokio::test]
    async fn root_is_told_and_anybody_else_asks_launchd() {
        let off = told(&[(ASKED, 0, "Network Time: Off\n", "")])
            .await
            .unwrap();
        assert_eq!((off.enabled, off.keeper), (Some(false), None));
        let on = told(&[(ASKED, 0, "Network Time: On\n", "")]).await.unwrap();
        assert_eq!(
            (on.enabled, on.keeper.as_deref()),
            (Some(true), Some("timed"))
        );
        assert_eq!(
            (on.servers.len(), on.servers[0].name.as_str()),
            (1, "time.apple.com")
        );
        let listed = "disabled services = {\n\t\"com.apple.timed\" => disabled\n}\n";
        let off = told(&[(ASKED, 0, NO_RIGHT, ""), (LISTED, 0, listed, "")])
            .await
            .unwrap();
        assert_eq!((off.enabled, off.synchronized), (Some(false), None));
        let on = told(&[
            (ASKED, 0, NO_RIGHT, ""),
            (LISTED, 0, "disabled services = {\n}\n", ""),
        ])
        .await
        .unwrap();
        assert_eq!(on.enabled, Some(true));
        assert!(told(&[(ASKED, 0, NO_RIGHT, "")]).await.is_err());
    }
}
