#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

const SOON: Duration = Duration::from_millis(400);

/// An answer of a server of stratum 2 whose clock stands at 2026-11-23 20:50:00.5, to the question `asked`.
fn answer(asked: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; HEADER];
    packet[0] = 4 << 3 | SERVER;
    packet[1] = 2;
    packet[4..8].copy_from_slice(&[0, 0, 0x80, 0]); // half a second of delay
    packet[8..12].copy_from_slice(&[0, 1, 0, 0]); // a second of dispersion
    packet[12..16].copy_from_slice(&[192, 0, 2, 1]);
    packet[24..32].copy_from_slice(&asked[40..48]);
    let at: DateTime<Utc> = "2026-11-23T20:50:00Z".parse().unwrap();
    let seconds = u32::try_from(at.timestamp() + UNIX_EPOCH).unwrap();
    for field in [32, 40] {
        packet[field..field + 4].copy_from_slice(&seconds.to_be_bytes());
        packet[field + 4..field + 8].copy_from_slice(&[0x80, 0, 0, 0]);
    }
    packet
}

/// Asks a server that does `with` to each question.
async fn asked(timeout: Duration, with: impl Fn(&[u8], usize) -> Vec<Vec<u8>>) -> Seen<NtpReply> {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let serve = async {
        let mut buffer = [0; 1024];
        for count in 0.. {
            let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
            for packet in with(&buffer[..length], count) {
                socket.send_to(&packet, peer).await.unwrap();
            }
        }
    };
    let question = NtpQuestion {
        server: Ipv4Addr::LOCALHOST.into(),
    };
    tokio::select! {
        seen = ask(timeout, port, &question) => seen,
        () = serve => unreachable!("it serves for ever"),
    }
}

#[tokio::test]
async fn an_answer_is_read_whole() {
    let seen = asked(PATIENCE, |question, _| vec![answer(question)])
        .await
        .unwrap();
    assert_eq!((seen.leap, seen.stratum), (Leap::None, 2));
    assert_eq!(seen.reference, "192.0.2.1");
    assert_eq!(
        (seen.root_delay_ms, seen.root_dispersion_ms),
        (500.0, 1000.0)
    );
    let told = "2026-11-23T20:50:00.5Z".parse().unwrap();
    assert_eq!((seen.received, seen.transmitted), (Some(told), Some(told)));
    assert!(seen.sent_at <= seen.received_at);
}

#[tokio::test]
async fn the_question_tells_nothing_of_this_host() {
    let seen = asked(PATIENCE, |question, _| {
        assert_eq!(question.len(), HEADER);
        assert_eq!(question[0], 0b00_100_011);
        assert_eq!(question[1..40], [0; 39]);
        vec![answer(question)]
    });
    assert!(seen.await.is_ok());
}

#[tokio::test]
async fn what_is_no_answer_is_passed_over() {
    let seen = asked(PATIENCE, |question, _| {
        let mut forged = answer(question);
        forged[24] ^= 1;
        let mut peer = answer(question);
        peer[0] = 4 << 3 | 1;
        let mut future = answer(question);
        future[0] = 5 << 3 | SERVER;
        vec![
            Vec::new(),
            vec![0xff; 20],
            forged,
            peer,
            future,
            answer(question),
        ]
    });
    assert_eq!(seen.await.unwrap().stratum, 2);
}

#[tokio::test]
async fn a_lost_question_is_asked_again() {
    let seen = asked(PATIENCE, |question, count| match count {
        0 => Vec::new(),
        _ => vec![answer(question)],
    });
    assert!(seen.await.is_ok());
}

#[tokio::test]
#[cfg_attr(windows, ignore = "no word of a closed port comes back for a datagram")]
async fn silence_noise_and_a_closed_port_are_told_apart() {
    let silent = asked(SOON, |_, _| Vec::new()).await;
    assert_eq!(silent, Err(Unseen::TimedOut { after_ms: 400 }));
    let noisy = asked(SOON, |_, _| vec![vec![7; 9]]).await;
    assert!(matches!(noisy, Err(Unseen::Malformed { .. })), "{noisy:?}");
    let flooded = asked(PATIENCE, |_, _| vec![vec![7; 9]; NOISE]).await;
    assert!(
        matches!(flooded, Err(Unseen::Malformed { .. })),
        "{flooded:?}"
    );
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let server = Ipv4Addr::LOCALHOST.into();
    let closed = ask(PATIENCE, port, &NtpQuestion { server }).await;
    assert_eq!(closed, Err(Unseen::Refused));
}

#[test]
fn what_a_server_says_of_itself() {
    let read = |change: fn(&mut Vec<u8>)| {
        let mut packet = answer(&[0; HEADER]);
        change(&mut packet);
        read(&packet, [0; 8], DateTime::UNIX_EPOCH, TimeDelta::MAX).unwrap()
    };
    assert_eq!(read(|p| p[0] |= 0xc0).leap, Leap::Unsynchronized);
    let kiss = read(|p| {
        p[1] = 0;
        p[12..16].copy_from_slice(b"RATE");
        p[32..].fill(0);
    });
    assert_eq!((kiss.stratum, kiss.reference.as_str()), (0, "RATE"));
    assert_eq!((kiss.received, kiss.transmitted), (None, None));
    let hostile = read(|p| {
        p[1] = 1;
        p[12..16].copy_from_slice(b"\x1b[2J");
    });
    assert_eq!(hostile.reference, "?[2J");
}

#[test]
fn the_second_era_follows_the_first() {
    let at = |seconds, fraction| moment(seconds, fraction).map(|at| at.to_rfc3339());
    assert_eq!(at(0, 0), None);
    assert_eq!(at(0, 1).unwrap(), "2036-02-07T06:28:16+00:00");
    assert_eq!(at(u32::MAX, 0).unwrap(), "2036-02-07T06:28:15+00:00");
    assert_eq!(
        at(1 << 31, 1 << 31).unwrap(),
        "1968-01-20T03:14:08.500+00:00"
    );
}
