//! Questions to nameservers on loopback that answer what they are told to.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hickory_resolver::proto::op::MessageType;
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::rdata::{A, CNAME};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A nameserver on loopback that makes its answers of the questions.
async fn nameserver(answer: impl Fn(&mut Message) + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buf = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buf).await {
            let bytes = respond(&buf[..length], &answer);
            socket.send_to(&bytes, from).await.unwrap();
        }
    });
    address
}

fn respond(question: &[u8], answer: &impl Fn(&mut Message)) -> Vec<u8> {
    let mut message = Message::from_vec(question).unwrap();
    message.metadata.message_type = MessageType::Response;
    answer(&mut message);
    message.to_vec().unwrap()
}

async fn ask_within(millis: u64, server: SocketAddr) -> Seen<DnsReply> {
    let question = DnsQuestion {
        server: server.ip(),
        name: "nexplane.test".into(),
        record: RecordType::A,
    };
    let deadline = Deadline::after(Duration::from_millis(millis));
    ask(deadline, server.port(), &question).await
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(Name::from_utf8(owner).unwrap(), 60, data)
}

fn address(message: &mut Message) {
    let data = RData::A(A::new(192, 0, 2, 7));
    message.add_answer(record("nexplane.test.", data));
}

#[tokio::test]
async fn addresses_and_aliases_are_kept() {
    let server = nameserver(|message| {
        let target = Name::from_utf8("host.test.").unwrap();
        message.add_answer(record("nexplane.test.", RData::CNAME(CNAME(target))));
        message.add_answer(record("host.test.", RData::A(A::new(192, 0, 2, 7))));
    })
    .await;
    let reply = ask_within(5000, server).await.unwrap();
    assert_eq!(reply.code, "NOERROR");
    assert_eq!(reply.aliases, ["host.test"]);
    assert_eq!(reply.addresses, ["192.0.2.7".parse::<IpAddr>().unwrap()]);
}

#[tokio::test]
async fn every_code_is_an_answer() {
    for (code, name) in [
        (ResponseCode::NoError, "NOERROR"),
        (ResponseCode::NXDomain, "NXDOMAIN"),
        (ResponseCode::ServFail, "SERVFAIL"),
        (ResponseCode::Refused, "REFUSED"),
        (ResponseCode::FormErr, "FORMERR"),
        (ResponseCode::NotImp, "NOTIMP"),
    ] {
        let server = nameserver(move |message| message.metadata.response_code = code).await;
        let reply = ask_within(5000, server).await.unwrap();
        assert_eq!((reply.code.as_str(), reply.addresses.len()), (name, 0));
    }
}

#[tokio::test]
#[cfg_attr(windows, ignore = "no word of a closed port comes back for a datagram")]
async fn silence_a_closed_port_and_noise_are_told_apart() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let seen = ask_within(300, address).await;
    assert_eq!(seen, Err(Unseen::TimedOut { after_ms: 300 }));
    drop(silent);
    assert_eq!(ask_within(5000, address).await, Err(Unseen::Refused));
    let noisy = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = noisy.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buf = [0; 1500];
        let (_, from) = noisy.recv_from(&mut buf).await.unwrap();
        let mut noise = vec![255; 64];
        noise[..2].copy_from_slice(&buf[..2]);
        noisy.send_to(&noise, from).await.unwrap();
    });
    assert!(matches!(
        ask_within(5000, address).await,
        Err(Unseen::Malformed { .. })
    ));
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let server = nameserver(|message| message.metadata.truncation = true).await;
    let listener = TcpListener::bind(server).await.unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut question = vec![0; length.into()];
        stream.read_exact(&mut question).await.unwrap();
        let bytes = respond(&question, &address);
        let length = u16::try_from(bytes.len()).unwrap();
        stream.write_u16(length).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    });
    let reply = ask_within(5000, server).await.unwrap();
    assert_eq!(reply.addresses.len(), 1);
}

#[tokio::test]
async fn a_name_that_is_none_is_not_asked_for() {
    let question = DnsQuestion {
        server: IpAddr::from([127, 0, 0, 1]),
        name: "a..b".into(),
        record: RecordType::Aaaa,
    };
    let seen = ask(Deadline::after(Duration::from_secs(1)), 9, &question).await;
    assert!(matches!(seen, Err(Unseen::Malformed { .. })));
}
