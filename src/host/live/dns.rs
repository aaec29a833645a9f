//! One question to one nameserver, over UDP and, where the answer is too long for that, TCP.
//!
//! Nothing stands between the question and the answer: no cache, no search list, no hosts file, no names that are
//! answered without asking. hickory's own sockets are not connected; these are, because only a connected socket
//! hears that nothing listens on the nameserver's port.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hickory_resolver::config::{ConnectionConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioRuntimeProvider, TokioTime,
};
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::proto::op::{DnsRequestOptions, DnsResponse, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{self, Name, RData};
use hickory_resolver::{ConnectionProvider, PoolContext, TlsConfig};
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;

use super::deadline::{Deadline, millis};
use super::tcp;
use crate::host::{DnsQuestion, DnsReply, RecordType, Seen, Unseen};

/// A lost datagram is sent again twice within the limit, and within the grace of those that others have come before.
const TRIES: u32 = 3;
const RETRY: Duration = Duration::from_millis(350);

/// Asks, and waits no longer than the limit.
pub(super) async fn ask(deadline: Deadline, port: u16, question: &DnsQuestion) -> Seen<DnsReply> {
    let began = Instant::now();
    let query = Query::query(name(&question.name)?, record_type(question.record));
    let nameserver = Nameserver::new(deadline, question.server, port)?;
    let mut response = nameserver.ask(ConnectionConfig::udp(), &query).await?;
    if response.metadata.truncation {
        response = nameserver.ask(ConnectionConfig::tcp(), &query).await?;
    }
    Ok(reply(&response, began.elapsed()))
}

/// A nameserver and the limit within which it has to answer. The library's pool of nameservers is passed by: it does not
/// tell a refusal from other failures.
struct Nameserver {
    address: IpAddr,
    port: u16,
    deadline: Deadline,
    context: PoolContext,
    /// Holds the tasks that carry the messages: they end with it.
    runtime: Connected,
}

impl Nameserver {
    fn new(deadline: Deadline, address: IpAddr, port: u16) -> Seen<Self> {
        let mut options = ResolverOpts::default();
        options.timeout = deadline.remaining();
        let tls = TlsConfig::new().map_err(Unseen::failed)?;
        Ok(Self {
            address,
            port,
            deadline,
            context: PoolContext::new(options, tls),
            runtime: Connected::default(),
        })
    }

    async fn ask(&self, mut connection: ConnectionConfig, query: &Query) -> Seen<DnsResponse> {
        connection.port = self.port;
        let mut options = DnsRequestOptions::default();
        options.retry_interval = RETRY.min(self.deadline.remaining() / TRIES);
        let answer = async {
            let connecting =
                self.runtime
                    .new_connection(self.address, &connection, &self.context)?;
            let answers = connecting.await?.lookup(query.clone(), options);
            answers.first_answer().await
        };
        let answered = self.deadline.run(answer).await?;
        answered.map_err(|error| unseen(self.deadline, &error))
    }
}

fn name(text: &str) -> Seen<Name> {
    let malformed =
        |error| Unseen::malformed(format!("`{text}` is no name that DNS knows: {error}"));
    // Internationalised names are converted; in ASCII, what is no host name (an underscore) may be in DNS all the same.
    let name = match text.is_ascii() {
        true => Name::from_ascii(text),
        false => Name::from_utf8(text),
    };
    let mut name = name.map_err(malformed)?;
    name.set_fqdn(true);
    Ok(name)
}

fn record_type(record: RecordType) -> rr::RecordType {
    match record {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
    }
}

fn reply(response: &Message, took: Duration) -> DnsReply {
    let mut reply = DnsReply {
        code: code_name(response.metadata.response_code),
        addresses: Vec::new(),
        aliases: Vec::new(),
        duration_ms: millis(took),
    };
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
        NetError::Proto(_) => Unseen::malformed(format!("the answer is not valid: {error}")),
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

impl ConnectedSocket {
    /// The error that the socket holds; that it would block, if there is none.
    fn pending_error(&self) -> io::Result<()> {
        self.socket.try_io(Interest::ERROR, || {
            let error = self.socket.take_error()?;
            Err(error.unwrap_or_else(|| io::ErrorKind::WouldBlock.into()))
        })
    }
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

    /// Waits for errors too: the operating system does not call a socket readable that has only those.
    fn recv_from<'s, 'b, 'f>(
        &'s self,
        buf: &'b mut [u8],
    ) -> Pin<Box<dyn Future<Output = io::Result<(usize, SocketAddr)>> + Send + 'f>>
    where
        's: 'f,
        'b: 'f,
        Self: 'f,
    {
        let would_block = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        Box::pin(async move {
            loop {
                self.socket
                    .ready(Interest::READABLE | Interest::ERROR)
                    .await?;
                match self.socket.try_recv(buf) {
                    Err(error) if would_block(&error) => {}
                    received => return Ok((received?, self.server)),
                }
                match self.pending_error() {
                    Err(error) if would_block(&error) => {}
                    failed => failed?,
                }
            }
        })
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

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
