//! What the system's own resolver says of a name, wherever it has it from.

use std::net::IpAddr;
use std::path::Path;

use super::deadline::Deadline;
use super::files::Root;
use super::{commands, system};
use crate::host::{Seen, Unseen};

/// The C library that is built into a static program knows DNS and the hosts file alone, none of the other sources of
/// `/etc/nsswitch.conf`: the host's own library is asked, by the program that comes with it. Where there is none, there is no other
/// library either.
const ASKS_GETENT: bool = cfg!(target_env = "musl");

/// The addresses of a name.
pub(super) async fn lookup(deadline: Deadline, name: &str) -> Seen<Vec<IpAddr>> {
    if ASKS_GETENT {
        let find = deadline.blocking(|| commands::find(&Root::new(None), "getent"));
        if let Ok(getent) = find.await? {
            return by_getent(deadline, &getent, name).await;
        }
    }
    let asked = name.to_owned();
    deadline.blocking(move || system::lookup(&asked)).await?
}

async fn by_getent(deadline: Deadline, getent: &Path, name: &str) -> Seen<Vec<IpAddr>> {
    let told = commands::run(deadline, getent, &["ahosts", "--", name]).await?;
    let addresses = addresses(&String::from_utf8_lossy(&told.stdout));
    match addresses.is_empty() {
        true => Err(Unseen::failed(format!(
            "getent knows no address ({})",
            told.status
        ))),
        false => Ok(addresses),
    }
}

/// Each once: `getent ahosts` has a line for each type of socket.
fn addresses(told: &str) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for line in told.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        // With the interface, where it is of one link.
        let address = first.split('%').next().unwrap_or_default().parse();
        if let Ok(address) = address
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
    addresses
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use super::*;

    #[test]
    fn each_address_once_in_the_order_of_the_host() {
        let told = "2001:db8::7    STREAM cp.example.com\n2001:db8::7    DGRAM\n\
                    192.0.2.7      STREAM\nfe80::1%eth0    RAW\n\nnot an address\n";
        let expected =
            ["2001:db8::7", "192.0.2.7", "fe80::1"].map(|it| it.parse::<IpAddr>().unwrap());
        assert_eq!(addresses(told), expected);
        assert!(addresses("").is_empty());
    }

    #[tokio::test]
    async fn the_host_s_program_says_the_same_as_its_library() {
        let deadline = || Deadline::after(Duration::from_secs(10));
        let getent = commands::find(&Root::new(None), "getent").unwrap();
        let told = by_getent(deadline(), &getent, "localhost").await.unwrap();
        assert!(told.iter().all(IpAddr::is_loopback), "{told:?}");
        for nobody in ["no-such-name.invalid", "--help"] {
            let told = by_getent(deadline(), &getent, nobody).await;
            assert!(told.is_err(), "{told:?}");
        }
    }
}
