//! One question to one nameserver, over UDP and, where the answer is too long for that, TCP.
//!
//! Nothing stands between the question and the answer: no cache, no search list, no hosts file, no names that are
//! answered without asking. hickory's own sockets are not connected; these are, because only a connected socket
//! hears that nothing listens on the nameserver's port.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioRuntimeProvider, TokioTime,
};
use hickory_resolver::net::xfer::DnsHandle;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{DnsRequestOptions, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{self, Name, RData};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use super::deadline::{Deadline, millis};
use super::tcp;
use crate::host::{DnsQuestion, DnsReply, RecordType, Seen, Unseen};

/// A lost datagram is sent again twice within the limit.
const TRIES: u32 = 3;

/// Asks, and waits no longer than the limit.
pub(super) async fn ask(deadline: Deadline, port: u16, question: &DnsQuestion) -> Seen<DnsReply> {
    let began = Instant::now();
    let query = Query::query(name(&question.name)?, record_type(question.record));
    let pool = pool(deadline.remaining(), question.server, port)?;
    let mut options = DnsRequestOptions::default();
    options.retry_interval = deadline.remaining() / TRIES;
    let answer = deadline.run(pool.lookup(query, options).next()).await?;
    let took = began.elapsed();
    match answer {
        Some(Ok(response)) => Ok(reply(&response, took)),
        Some(Err(NetError::Dns(DnsError::NoRecordsFound(none)))) => {
            Ok(empty(none.response_code, took))
        }
        Some(Err(NetError::Dns(DnsError::ResponseCode(code)))) => Ok(empty(code, took)),
        Some(Err(error)) => Err(unseen(deadline, &error)),
        None => Err(Unseen::failed("no answer and no error: a defect")),
    }
}

fn name(text: &str) -> Seen<Name> {
    let malformed =
        |error| Unseen::malformed(format!("`{text}` is no name that DNS knows: {error}"));
    let mut name = Name::from_utf8(text).map_err(malformed)?;
    name.set_fqdn(true);
    Ok(name)
}

fn record_type(record: RecordType) -> rr::RecordType {
    match record {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
    }
}

fn pool(time: Duration, server: IpAddr, port: u16) -> Seen<NameServerPool<Connected>> {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = port;
        connection
    });
    let mut options = ResolverOpts::default();
    options.timeout = time;
    options.num_concurrent_reqs = 1;
    let tls = TlsConfig::new().map_err(Unseen::failed)?;
    Ok(NameServerPool::from_config(
        [NameServerConfig::new(server, true, connections.into())],
        Arc::new(PoolContext::new(options, tls)),
        Connected::default(),
    ))
}

fn reply(response: &Message, took: Duration) -> DnsReply {
    let mut reply = empty(response.metadata.response_code, took);
    for record in &response.answers {
        match &record.data {
            RData::A(address) => reply.addresses.push(address.0.into()),
            RData::AAAA(address) => reply.addresses.push(address.0.into()),
            RData::CNAME(alias) => {
                let alias = alias.0.to_string();
                reply.aliases.push(alias.trim_end_matches('.').to_owned());
            }
            _ => {}
        }
    }
    reply
}

fn empty(code: ResponseCode, took: Duration) -> DnsReply {
    DnsReply {
        code: code_name(code),
        addresses: Vec::new(),
        aliases: Vec::new(),
        duration_ms: millis(took),
    }
}

/// The code as IANA writes it; one without a name of its own by its number.
fn code_name(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        ResponseCode::NotAuth => "NOTAUTH".into(),
        ResponseCode::BADVERS => "BADVERS".into(),
        other => format!("RCODE{}", u16::from(other)),
    }
}

fn unseen(deadline: Deadline, error: &NetError) -> Unseen {
    match error {
        NetError::Timeout => deadline.timed_out(),
        NetError::Io(error) => tcp::unseen(error, deadline),
        NetError::Proto(_) | NetError::Truncated | NetError::ForeignClassRecord { .. } => {
            Unseen::malformed(format!("the answer is not valid: {error}"))
        }
        other => Unseen::failed(other),
    }
}

/// tokio's runtime with connected sockets.
#[derive(Clone, Default)]
struct Connected(TokioRuntimeProvider);

impl RuntimeProvider for Connected {
    type Handle = <TokioRuntimeProvider as RuntimeProvider>::Handle;
    type Timer = TokioTime;
    type Udp = ConnectedSocket;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        self.0.connect_tcp(server, local, timeout)
    }

    fn bind_udp(
        &self,
        local: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Udp>>>> {
        Box::pin(async move {
            let socket = UdpSocket::bind(local).await?;
            socket.connect(server).await?;
            Ok(ConnectedSocket { socket, server })
        })
    }
}

/// A socket that hears only its nameserver, and the errors on the way to it.
struct ConnectedSocket {
    socket: UdpSocket,
    server: SocketAddr,
}

impl DnsUdpSocket for ConnectedSocket {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buf = ReadBuf::new(buf);
        ready!(self.socket.poll_recv(cx, &mut buf))?;
        Poll::Ready(Ok((buf.filled().len(), self.server)))
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        _target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_send(cx, buf)
    }
}
