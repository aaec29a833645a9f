//! An embedded nameserver: UDP and TCP on the same loopback port, with an answer of any kind for each name.
//!
//! Knows A and AAAA; every other type is NODATA. A name that it was told nothing of does not exist.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::server::next;

/// How long a TCP client may take for a question.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer may be kept: not at all, so that a fault shows at once.
const TTL: u32 = 0;

/// What is answered for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameAnswer {
    /// These addresses: those of the type that is asked for.
    Addresses(Vec<IpAddr>),
    /// The name exists, and has no address.
    NoData,
    /// The name does not exist.
    NotFound,
    /// SERVFAIL.
    ServerFailure,
    /// REFUSED.
    Refused,
    /// Nothing.
    Silence,
}

type Names = Arc<Mutex<HashMap<String, NameAnswer>>>;

/// A running nameserver; it ends with this value.
#[derive(Debug)]
pub struct Nameserver {
    address: SocketAddr,
    names: Names,
    _running: DropGuard,
}

impl Nameserver {
    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port is free for both UDP and TCP.
    pub async fn start(names: impl IntoIterator<Item = (String, NameAnswer)>) -> io::Result<Self> {
        Self::start_on((Ipv4Addr::LOCALHOST, 0).into(), names).await
    }

    /// Starts one on this address; port 0 is any that is free.
    ///
    /// # Errors
    /// When the port is not free for both UDP and TCP.
    pub async fn start_on(
        listen: SocketAddr,
        names: impl IntoIterator<Item = (String, NameAnswer)>,
    ) -> io::Result<Self> {
        let (udp, tcp) = sockets(listen).await?;
        let address = udp.local_addr()?;
        let names: Names = Arc::new(Mutex::new(
            names
                .into_iter()
                .map(|(name, answer)| (plain(&name), answer))
                .collect(),
        ));
        let running = CancellationToken::new();
        tokio::spawn(
            running
                .clone()
                .run_until_cancelled_owned(serve_udp(udp, Arc::clone(&names))),
        );
        tokio::spawn(
            running
                .clone()
                .run_until_cancelled_owned(serve_tcp(tcp, Arc::clone(&names))),
        );
        Ok(Self {
            address,
            names,
            _running: running.drop_guard(),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers for a name from now on.
    pub fn set(&self, name: &str, answer: NameAnswer) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(plain(name), answer);
    }
}

/// A UDP and a TCP socket with the same port. UDP's is chosen freely; where TCP's is taken, another one is tried.
async fn sockets(listen: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = None;
    for _ in 0..16 {
        let udp = UdpSocket::bind(listen).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

/// Names are compared without their final dot and in lower case.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

async fn serve_udp(socket: UdpSocket, names: Names) {
    let mut buffer = [0u8; 1232];
    loop {
        // Windows reports an earlier answer's unreachable port here; the next question is what matters.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(reply) = answer(&buffer[..length], &names) {
            let _unsent = socket.send_to(&reply, peer).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, names: Names) {
    loop {
        let stream = next(&listener).await;
        tokio::spawn(timeout(PATIENCE, converse(stream, Arc::clone(&names))));
    }
}

/// Questions and answers, each with its length in two bytes before it (RFC 1035, section 4.2.2).
async fn converse(mut stream: TcpStream, names: Names) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await?;
        let Some(reply) = answer(&question, &names) else {
            continue;
        };
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_u16(length).await?;
        stream.write_all(&reply).await?;
    }
}

/// The answer to one question; `None` for silence, and for what is no question.
fn answer(question: &[u8], names: &Names) -> Option<Vec<u8>> {
    let request = Message::from_vec(question).ok()?;
    if request.metadata.message_type != MessageType::Query {
        return None;
    }
    let mut reply = Message::response(request.metadata.id, request.metadata.op_code);
    reply.metadata.recursion_desired = request.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    reply.add_queries(request.queries.iter().cloned());
    let (OpCode::Query, [query]) = (request.metadata.op_code, request.queries.as_slice()) else {
        reply.metadata.response_code = ResponseCode::NotImp;
        return reply.to_vec().ok();
    };
    let asked = plain(&query.name().to_ascii());
    let told = names
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&asked)
        .cloned()
        .unwrap_or(NameAnswer::NotFound);
    reply.metadata.response_code = match told {
        NameAnswer::Silence => return None,
        NameAnswer::NotFound => ResponseCode::NXDomain,
        NameAnswer::ServerFailure => ResponseCode::ServFail,
        NameAnswer::Refused => ResponseCode::Refused,
        NameAnswer::NoData => ResponseCode::NoError,
        NameAnswer::Addresses(addresses) => {
            let name = Name::from_str(&query.name().to_ascii()).ok()?;
            reply.add_answers(records(&name, query.query_type(), &addresses));
            ResponseCode::NoError
        }
    };
    reply.to_vec().ok()
}

fn records(name: &Name, asked: RecordType, addresses: &[IpAddr]) -> Vec<Record> {
    addresses
        .iter()
        .filter_map(|address| match (asked, address) {
            (RecordType::A, IpAddr::V4(v4)) => Some(RData::A(A(*v4))),
            (RecordType::AAAA, IpAddr::V6(v6)) => Some(RData::AAAA(AAAA(*v6))),
            _ => None,
        })
        .map(|data| Record::from_rdata(name.clone(), TTL, data))
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use hickory_proto::op::Query;

    use super::*;

    fn question(name: &str, record: RecordType) -> Vec<u8> {
        let mut message = Message::query();
        message.add_query(Query::query(Name::from_str(name).unwrap(), record));
        message.to_vec().unwrap()
    }

    async fn ask(server: &Nameserver, name: &str, record: RecordType) -> Option<Message> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let question = question(name, record);
        socket.send_to(&question, server.address()).await.unwrap();
        let mut buffer = [0; 1500];
        let wait = Duration::from_millis(300);
        let (length, _) = timeout(wait, socket.recv_from(&mut buffer))
            .await
            .ok()?
            .unwrap();
        Some(Message::from_vec(&buffer[..length]).unwrap())
    }

    async fn server() -> Nameserver {
        let both = vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        Nameserver::start([
            ("both.test".to_owned(), NameAnswer::Addresses(both)),
            ("empty.test".to_owned(), NameAnswer::NoData),
            ("ill.test".to_owned(), NameAnswer::ServerFailure),
            ("closed.test".to_owned(), NameAnswer::Refused),
            ("silent.test".to_owned(), NameAnswer::Silence),
        ])
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn every_kind_of_answer() {
        let server = server().await;
        for (name, record, code, answers) in [
            ("both.test.", RecordType::A, ResponseCode::NoError, 1),
            ("BOTH.test.", RecordType::AAAA, ResponseCode::NoError, 1),
            ("both.test.", RecordType::MX, ResponseCode::NoError, 0),
            ("empty.test.", RecordType::A, ResponseCode::NoError, 0),
            ("ill.test.", RecordType::A, ResponseCode::ServFail, 0),
            ("closed.test.", RecordType::A, ResponseCode::Refused, 0),
            ("other.test.", RecordType::A, ResponseCode::NXDomain, 0),
        ] {
            let reply = ask(&server, name, record).await.unwrap();
            let got = (reply.metadata.response_code, reply.answers.len());
            assert_eq!(got, (code, answers), "{name}");
        }
        assert_eq!(ask(&server, "silent.test.", RecordType::A).await, None);
        server.set("silent.test", NameAnswer::NoData);
        assert!(ask(&server, "silent.test.", RecordType::A).await.is_some());
    }

    #[tokio::test]
    async fn the_same_over_tcp() {
        let server = server().await;
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let question = question("both.test.", RecordType::A);
        stream.write_u16(question.len() as u16).await.unwrap();
        stream.write_all(&question).await.unwrap();
        let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(Message::from_vec(&reply).unwrap().answers.len(), 1);
    }

    #[tokio::test]
    async fn noise_is_passed_over() {
        let server = server().await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for noise in [&b""[..], b"\0", &[0xff; 512]] {
            socket.send_to(noise, server.address()).await.unwrap();
        }
        assert!(ask(&server, "both.test.", RecordType::A).await.is_some());
    }
}
