//! Ports that do not even come to a handshake.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::AlertDescription;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::lab::behaviour::Port;

/// How long a connection is kept at most.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a connection that the server ended is still listened to, so that its last words arrive.
const LINGER: Duration = Duration::from_secs(2);
/// How long a connection to our own full backlog may take before it counts as swallowed.
const SWALLOWED: Duration = Duration::from_millis(50);

/// Sockets that must stay open for a port to behave as it does.
#[derive(Debug)]
pub(in crate::lab) enum Held {
    /// None: a task holds them.
    Nothing,
    /// These.
    Sockets {
        _listener: Socket,
        _queued: Vec<TcpStream>,
    },
}

/// A port that refuses: bound, so that nobody else gets it, and nobody listens.
pub(in crate::lab) fn closed(listen: SocketAddr) -> io::Result<(SocketAddr, Held)> {
    let socket = bound(listen)?;
    let address = local(&socket)?;
    Ok((
        address,
        Held::Sockets {
            _listener: socket,
            _queued: Vec::new(),
        },
    ))
}

/// A port that answers nothing: its queue of connections is as short as can be, full, and never emptied.
pub(super) async fn swallowing(listen: SocketAddr) -> io::Result<(SocketAddr, Held)> {
    let socket = bound(listen)?;
    socket.listen(0)?;
    let address = local(&socket)?;
    let mut queued = Vec::new();
    while let Ok(connected) = timeout(SWALLOWED, TcpStream::connect(address)).await {
        queued.push(connected?);
        if queued.len() > 64 {
            return Err(io::Error::other(
                "the system keeps more connections waiting than it was told to",
            ));
        }
    }
    Ok((
        address,
        Held::Sockets {
            _listener: socket,
            _queued: queued,
        },
    ))
}

fn bound(listen: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM, None)?;
    socket.bind(&listen.into())?;
    Ok(socket)
}

fn local(socket: &Socket) -> io::Result<SocketAddr> {
    socket
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::other("a TCP socket without an address"))
}

/// Accepts, and does to each connection what `port` says.
pub(super) async fn misbehave(listener: TcpListener, port: Port, running: CancellationToken) {
    loop {
        let stream = next(&listener).await;
        let answering = timeout(PATIENCE, answer(stream, port.clone()));
        tokio::spawn(running.clone().run_until_cancelled_owned(answering));
    }
}

/// The next connection. Where the system has none to give (too many open files), it is asked again a little later.
pub(in crate::lab) async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // What it writes last must not wait until the peer has confirmed what it wrote before.
                let _slower = stream.set_nodelay(true);
                return stream;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn answer(mut stream: TcpStream, port: Port) -> io::Result<()> {
    match port {
        Port::Reset => {
            // Closing a socket that lingers for no time is a reset.
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            Ok(())
        }
        Port::Banner(line) => {
            stream.write_all(line.as_bytes()).await?;
            farewell(stream).await
        }
        Port::HangUp => {
            first_words(&mut stream).await?;
            farewell(stream).await
        }
        Port::Alert(alert) => {
            first_words(&mut stream).await?;
            stream.write_all(&alert_record(alert)).await?;
            farewell(stream).await
        }
        Port::Silent => {
            drain(&mut stream).await;
            Ok(())
        }
        Port::Tls | Port::PlainHttp | Port::Closed | Port::Swallowing => Ok(()),
    }
}

/// A fatal alert as a TLS record (RFC 8446, sections 5.1 and 6).
fn alert_record(alert: AlertDescription) -> [u8; 7] {
    const ALERT: u8 = 21;
    const FATAL: u8 = 2;
    [ALERT, 3, 3, 0, 2, FATAL, u8::from(alert)]
}

/// Reads one TLS record, or what there is of something else: whoever speaks first has spoken.
async fn first_words(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let length = u16::from_be_bytes([head[3], head[4]]).min(1 << 14);
    let mut body = vec![0; usize::from(length)];
    stream.read_exact(&mut body).await?;
    Ok(())
}

/// Ends a connection in an orderly way, and listens on for a while: closing with unread bytes would be a reset that may
/// overtake the last words.
pub(super) async fn farewell(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let _silent = timeout(LINGER, drain(&mut stream)).await;
    Ok(())
}

/// Reads until the peer ends.
async fn drain(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}
