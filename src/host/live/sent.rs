//! How far what was sent on a connection has arrived: the kernel's own table of sockets (proc(5), `/proc/net/tcp`).
//!
//! Linux only; elsewhere there is no such file, and nothing is told.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, SocketAddr};

use crate::host::Sent;

/// The most that is read of the table, so that a host with very many connections does not hold up the diagnosis.
const LIMIT: u64 = 4 << 20;

/// What the table says of the connection from `local` to `remote`; nothing if it is not there. May block.
pub(super) fn of(local: SocketAddr, remote: SocketAddr) -> Option<Sent> {
    let table = match local {
        SocketAddr::V4(_) => "/proc/net/tcp",
        SocketAddr::V6(_) => "/proc/net/tcp6",
    };
    find(File::open(table).ok()?.take(LIMIT), local, remote)
}

fn find(table: impl io::Read, local: SocketAddr, remote: SocketAddr) -> Option<Sent> {
    let ends = format!("{} {} ", hex(local), hex(remote));
    let lines = BufReader::new(table).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.contains(&ends))?;
    let (_, rest) = line.split_once(&ends)?;
    // State, queues (to send and received), timer, retransmissions: all hexadecimal.
    let mut fields = rest.split_whitespace().skip(1);
    let (to_send, _) = fields.next()?.split_once(':')?;
    let retransmissions = fields.nth(1)?;
    Some(Sent {
        unacknowledged: u64::from_str_radix(to_send, 16).ok()?,
        retransmissions: u32::from_str_radix(retransmissions, 16).ok()?,
    })
}

/// As the table has it: words of the address as the machine reads them, and the port.
fn hex(address: SocketAddr) -> String {
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let mut text = String::new();
    for word in octets.as_chunks::<4>().0 {
        text.push_str(&format!("{:08X}", u32::from_ne_bytes(*word)));
    }
    format!("{text}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_line_of_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
           0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0\n\
           1: 0201630A:C350 0202630A:1F40 01 000000F5:00000000 01:00000019 00000003     0        0 2 4 0\n";
        let (local, remote) = (
            "10.99.1.2:50000".parse().unwrap(),
            "10.99.2.2:8000".parse().unwrap(),
        );
        let sent = find(table.as_bytes(), local, remote).unwrap();
        assert_eq!((sent.unacknowledged, sent.retransmissions), (245, 3));
        assert_eq!(find(table.as_bytes(), remote, local), None);
        assert_eq!(find(&b"garbage \xff\n"[..], local, remote), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn connections_of_this_host_are_found() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = std::net::TcpListener::bind(any) else {
                continue; // A host without IPv6.
            };
            let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
            assert_eq!(of(local, remote).unwrap().unacknowledged, 0);
        }
    }
}
