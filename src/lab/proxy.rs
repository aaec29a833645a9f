//! An embedded proxy on loopback: HTTP CONNECT or SOCKS5, which lets nobody in, everybody, or whoever knows the password.
//!
//! It knows one name, the control plane's, and leads nowhere else.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::server::{Held, closed, next};
use crate::contract::proxy::Credentials;
use crate::model::Secret;

/// How long a connection is kept at most.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most that is read of a request for a tunnel.
const REQUEST: usize = 8 << 10;

/// How the proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP CONNECT.
    Connect,
    /// SOCKS5.
    Socks5,
}

/// Whom it lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Everybody.
    Open,
    /// Whoever shows the right user and password.
    Locked,
    /// Nobody: its rules forbid it.
    Forbidden,
    /// Nobody: its port is closed.
    Closed,
}

/// What opens a locked door.
pub(super) fn credentials() -> Credentials {
    Credentials {
        user: Secret::new("agent"),
        password: Secret::new("lab-p@ss"),
    }
}

/// A running proxy; it ends with this value.
#[derive(Debug)]
pub struct ProxyServer {
    address: SocketAddr,
    _held: Held,
    _running: DropGuard,
}

impl ProxyServer {
    /// Starts one on a free port of `listen`, which leads to the control plane at `onward` by the name `name`.
    ///
    /// # Errors
    /// When a socket cannot be opened.
    pub async fn start(
        protocol: Protocol,
        door: Door,
        listen: SocketAddr,
        name: &str,
        onward: SocketAddr,
    ) -> io::Result<Self> {
        let running = CancellationToken::new();
        let (address, held) = match door {
            Door::Closed => closed(listen)?,
            Door::Open | Door::Locked | Door::Forbidden => {
                let listener = TcpListener::bind(listen).await?;
                let address = listener.local_addr()?;
                let proxy = Proxy {
                    protocol,
                    door,
                    target: format!("{name}:{}", onward.port()),
                    onward,
                };
                tokio::spawn(
                    running
                        .clone()
                        .run_until_cancelled_owned(proxy.serve(listener, running.clone())),
                );
                (address, Held::Nothing)
            }
        };
        Ok(Self {
            address,
            _held: held,
            _running: running.drop_guard(),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

#[derive(Debug, Clone)]
struct Proxy {
    protocol: Protocol,
    door: Door,
    /// The only host and port that it leads to.
    target: String,
    onward: SocketAddr,
}

impl Proxy {
    async fn serve(self, listener: TcpListener, running: CancellationToken) {
        loop {
            let stream = next(&listener).await;
            let proxy = self.clone();
            let serving = timeout(PATIENCE, async move {
                match proxy.protocol {
                    Protocol::Connect => proxy.connect(stream).await,
                    Protocol::Socks5 => proxy.socks(stream).await,
                }
            });
            tokio::spawn(running.clone().run_until_cancelled_owned(serving));
        }
    }

    async fn connect(self, mut stream: TcpStream) -> io::Result<()> {
        let head = head(&mut stream).await?;
        let mut lines = head.lines();
        let target = lines
            .next()
            .and_then(|line| line.strip_prefix("CONNECT ")?.strip_suffix(" HTTP/1.1"));
        let shown = lines
            .filter_map(|line| line.split_once(": Basic "))
            .any(|(name, basic)| {
                name.eq_ignore_ascii_case("proxy-authorization")
                    && basic == credentials().basic().expose()
            });
        let status = match (target, self.door) {
            (None, _) => "400 Bad Request",
            (_, Door::Forbidden) => "403 Forbidden",
            (_, Door::Locked) if !shown => {
                "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"lab\""
            }
            (Some(target), _) if target != self.target => "502 Bad Gateway",
            (Some(_), _) => match TcpStream::connect(self.onward).await {
                Ok(onward) => {
                    let opened = b"HTTP/1.1 200 Connection established\r\n\r\n";
                    stream.write_all(opened).await?;
                    return pass(stream, onward).await;
                }
                Err(_) => "502 Bad Gateway",
            },
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }

    /// RFC 1928, with the user and password of RFC 1929.
    async fn socks(self, mut stream: TcpStream) -> io::Result<()> {
        const VERSION: u8 = 5;
        const NO_LOGIN: u8 = 0;
        const PASSWORD: u8 = 2;
        const NONE_OF_THESE: u8 = 0xff;
        let _version = stream.read_u8().await?;
        let methods = text(&mut stream).await?;
        let method = match self.door {
            Door::Locked => PASSWORD,
            Door::Open | Door::Forbidden | Door::Closed => NO_LOGIN,
        };
        if !methods.contains(&method) {
            stream.write_all(&[VERSION, NONE_OF_THESE]).await?;
            return stream.shutdown().await;
        }
        stream.write_all(&[VERSION, method]).await?;
        if method == PASSWORD {
            let _version = stream.read_u8().await?;
            let (user, password) = (text(&mut stream).await?, text(&mut stream).await?);
            let right = credentials();
            let welcome = user == right.user.expose().as_bytes()
                && password == right.password.expose().as_bytes();
            stream.write_all(&[1, u8::from(!welcome)]).await?;
            if !welcome {
                return stream.shutdown().await;
            }
        }
        let asked = asked(&mut stream).await?;
        const GRANTED: u8 = 0;
        const NOT_ALLOWED: u8 = 2;
        const HOST_UNREACHABLE: u8 = 4;
        const REFUSED: u8 = 5;
        let (reply, onward) = match self.door {
            Door::Forbidden | Door::Closed => (NOT_ALLOWED, None),
            _ if asked != self.target => (HOST_UNREACHABLE, None),
            _ => match TcpStream::connect(self.onward).await {
                Ok(onward) => (GRANTED, Some(onward)),
                Err(_) => (REFUSED, None),
            },
        };
        stream
            .write_all(&[VERSION, reply, 0, 1, 0, 0, 0, 0, 0, 0])
            .await?;
        match onward {
            Some(onward) => pass(stream, onward).await,
            None => stream.shutdown().await,
        }
    }
}

/// Host and port that a SOCKS5 client asks for.
async fn asked(stream: &mut TcpStream) -> io::Result<String> {
    const IPV4: u8 = 1;
    const NAME: u8 = 3;
    const IPV6: u8 = 4;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let host = match head[3] {
        IPV4 => Ipv4Addr::from(stream.read_u32().await?).to_string(),
        NAME => String::from_utf8_lossy(&text(stream).await?).into_owned(),
        IPV6 => format!("[{}]", Ipv6Addr::from(stream.read_u128().await?)),
        _ => return Err(io::Error::other("no type of address that SOCKS5 has")),
    };
    let port = stream.read_u16().await?;
    Ok(format!("{host}:{port}"))
}

/// Bytes with their number before them.
async fn text(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u8().await?;
    let mut text = vec![0; usize::from(length)];
    stream.read_exact(&mut text).await?;
    Ok(text)
}

/// An HTTP request up to its blank line.
async fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == REQUEST {
            return Err(io::Error::other("the request is too long"));
        }
        head.push(stream.read_u8().await?);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

async fn pass(mut stream: TcpStream, mut onward: TcpStream) -> io::Result<()> {
    copy_bidirectional(&mut stream, &mut onward).await?;
    Ok(())
}
