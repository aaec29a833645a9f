#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// Asks a peer that does `serve`; what goes through an open tunnel is echoed by the peer.
async fn ask<F: Future<Output = ()> + Send + 'static>(
    url: &str,
    serve: impl FnOnce(DuplexStream) -> F,
) -> Result<Connection, NoTunnel> {
    let proxy = Proxy::parse(url).unwrap();
    let (ours, theirs) = duplex(64 << 10);
    let serving = tokio::spawn(serve(theirs));
    let opened = open(Box::new(ours), &proxy, "nexplane.corp", 8000).await;
    if opened.is_err() {
        serving.await.unwrap();
    }
    opened
}

/// Reads a request up to its blank line.
async fn head(stream: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn answers(url: &str, answer: &'static [u8]) -> Result<Connection, NoTunnel> {
    ask(url, async move |mut stream| {
        head(&mut stream).await;
        stream.write_all(answer).await.unwrap();
    })
    .await
}

/// Answers a SOCKS5 client: the method, the login's status, the reply, as far as it asks for them.
async fn socks_answers(
    url: &str,
    method: u8,
    login: Option<u8>,
    reply: Option<u8>,
) -> Result<Connection, NoTunnel> {
    ask(url, async move |mut stream| {
        let (_version, methods) = (stream.read_u8().await, stream.read_u8().await.unwrap());
        stream
            .read_exact(&mut vec![0; usize::from(methods)])
            .await
            .unwrap();
        stream.write_all(&[5, method]).await.unwrap();
        if let Some(login) = login {
            assert_eq!(stream.read_u8().await.unwrap(), 1);
            for wanted in ["user", "p@ss"] {
                let length = stream.read_u8().await.unwrap();
                let mut told = vec![0; usize::from(length)];
                stream.read_exact(&mut told).await.unwrap();
                assert_eq!(told, wanted.as_bytes());
            }
            stream.write_all(&[1, login]).await.unwrap();
        }
        if let Some(reply) = reply {
            let mut request = [0; 4 + 1 + 13 + 2];
            stream.read_exact(&mut request).await.unwrap();
            // The name goes to the proxy: address type 3, with either scheme.
            assert_eq!(&request[..5], &[5, 1, 0, 3, 13]);
            assert_eq!(&request[5..18], b"nexplane.corp");
            assert_eq!(&request[18..], &8000u16.to_be_bytes());
            let bound = [5, reply, 0, 1, 127, 0, 0, 1, 0, 0];
            stream.write_all(&bound).await.unwrap();
        }
    })
    .await
}

const LOGIN: &str = "socks5://user:p%40ss@p:1";

fn error(opened: Result<Connection, NoTunnel>) -> NoTunnel {
    match opened {
        Ok(_) => panic!("a tunnel"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn connect_says_host_port_and_credentials_and_nothing_is_lost() {
    let opened = ask("http://user:p%40ss@p:1", async |mut stream| {
        let head = head(&mut stream).await.to_lowercase();
        assert!(head.starts_with("connect nexplane.corp:8000 http/1.1\r\n"));
        assert!(head.contains("host: nexplane.corp:8000\r\n"), "{head}");
        assert!(head.contains("proxy-authorization: basic dxnlcjpwqhnz\r\n"));
        // An old version, a header too many, and the first bytes of the tunnel in the same packet.
        let answer = b"HTTP/1.0 200 Connection established\r\nX: y\r\n\r\nhello";
        stream.write_all(answer).await.unwrap();
        let mut said = [0; 2];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"hi");
    })
    .await;
    let mut tunnel = opened.unwrap_or_else(|error| panic!("{error}"));
    let mut heard = [0; 5];
    tunnel.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
    tunnel.write_all(b"hi").await.unwrap();
}

#[tokio::test]
async fn an_address_of_ipv6_is_bracketed() {
    let proxy = Proxy::parse("p:1").unwrap();
    let (ours, mut theirs) = duplex(4096);
    let asking = open(Box::new(ours), &proxy, "2001:db8::5", 8000);
    let seeing = async {
        let head = head(&mut theirs).await;
        drop(theirs);
        head
    };
    let (opened, head) = tokio::join!(asking, seeing);
    assert_eq!(error(opened), NoTunnel::Closed);
    assert!(head.starts_with("CONNECT [2001:db8::5]:8000 "), "{head}");
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
}

#[tokio::test]
async fn a_refusal_is_kept_as_data() {
    let page = b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\
        Set-Cookie: secret\r\nContent-Length: 5\r\n\r\nworld";
    let NoTunnel::Refused(refusal) = error(answers("p:1", page).await) else {
        panic!("refused");
    };
    assert_eq!(
        (refusal.status, refusal.reason.as_str()),
        (407, "Who are you")
    );
    assert_eq!(refusal.body, "world");
    let names: Vec<_> = refusal.headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        ["proxy-authenticate", "proxy-authenticate", "content-length"]
    );
    // A page that never ends is cut short, and the status counts; another success than 200 is none.
    let NoTunnel::Refused(refusal) = error(
        ask("p:1", async |mut stream| {
            head(&mut stream).await;
            let endless = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 99999\r\n\r\n";
            stream.write_all(endless).await.unwrap();
            while stream.write_all(&[b'x'; 1000]).await.is_ok() {}
        })
        .await,
    ) else {
        panic!("refused");
    };
    assert_eq!((refusal.status, refusal.body.len()), (403, BODY_LIMIT));
    let other = error(answers("p:1", b"HTTP/1.1 204 No Content\r\n\r\n").await);
    assert!(matches!(other, NoTunnel::Refused(refusal) if refusal.status == 204));
}

#[tokio::test]
async fn the_status_counts_whatever_follows_it() {
    let long = format!("HTTP/1.1 407 Who\r\nX: {}\r\n\r\n", "x".repeat(HEAD_LIMIT));
    let many = format!(
        "HTTP/1.1 502 Bad\r\n{}\r\n",
        "X: y\r\n".repeat(FIELDS_LIMIT + 1)
    );
    for (answer, status) in [
        (long.as_str(), 407),
        (many.as_str(), 502),
        ("HTTP/1.1 407 Who\r\nno header at all\r\n\r\n", 407),
        ("HTTP/1.1 403 No\r\nX\u{1}: y\r\n\r\n", 403),
        ("HTTP/1.1 403 No\r\nX: breaks o", 403),
    ] {
        let answer = answer.to_owned();
        let asked = ask("p:1", async move |mut stream| {
            head(&mut stream).await;
            // Nobody reads the whole of what is too much.
            let _cut_short = stream.write_all(answer.as_bytes()).await;
        });
        let NoTunnel::Refused(refusal) = error(asked.await) else {
            panic!("{status} is none");
        };
        assert_eq!((refusal.status, refusal.headers.len()), (status, 0));
    }
    let open = error(answers("p:1", b"HTTP/1.1 200 OK\r\nno header at all\r\n\r\n").await);
    assert!(matches!(open, NoTunnel::NotAProxy(why) if why.contains("HTTP 200")));
}

#[tokio::test]
async fn what_is_no_proxy_is_said() {
    for (url, bytes) in [
        ("p:1", &b"SSH-2.0-OpenSSH_9.2p1\r\n"[..]),
        ("p:1", b"\x15\x03\x01\x00\x02\x02\x46"),
        ("p:1", b"\x05\xff"),
    ] {
        let error = error(answers(url, bytes).await);
        assert!(matches!(error, NoTunnel::NotAProxy(_)), "{error:?}");
    }
    assert_eq!(error(answers("p:1", b"").await), NoTunnel::Closed);
    let error = error(
        ask("socks5h://p:1", async |mut stream| {
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .unwrap();
        })
        .await,
    );
    assert!(matches!(error, NoTunnel::NotAProxy(_)), "{error:?}");
}

#[tokio::test]
async fn socks_is_spoken_with_and_without_a_login() {
    for url in ["socks5://p:1", "socks5h://p:1", LOGIN] {
        let opened = socks_answers(url, 0, None, Some(0)).await;
        assert!(opened.is_ok(), "{url}");
    }
    assert!(socks_answers(LOGIN, 2, Some(0), Some(0)).await.is_ok());
    for (url, method, login, reply, wanted) in [
        ("socks5://p:1", 0xff, None, None, NoTunnel::LoginWanted),
        ("socks5://p:1", 2, None, None, NoTunnel::LoginWanted),
        (LOGIN, 0xff, None, None, NoTunnel::LoginWanted),
        (LOGIN, 2, Some(1), None, NoTunnel::LoginRefused),
        (
            LOGIN,
            2,
            Some(0),
            Some(2),
            NoTunnel::Socks(SocksReply::NotAllowed),
        ),
        (
            "socks5h://p:1",
            0,
            None,
            Some(5),
            NoTunnel::Socks(SocksReply::ConnectionRefused),
        ),
    ] {
        let told = error(socks_answers(url, method, login, reply).await);
        assert_eq!(told, wanted, "{url}");
    }
    let long = format!("socks5://u:{}@p:1", "x".repeat(300));
    let error = error(ask(&long, async |stream| drop(stream)).await);
    assert!(matches!(error, NoTunnel::CannotAsk(_)), "{error:?}");
}
