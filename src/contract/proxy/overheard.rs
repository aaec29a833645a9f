//! What a proxy's answer began with, for where the rest of it is no HTTP: a refusal is a refusal, however badly it is put.

/// Status and words of the status line that an answer begins with, if it does (RFC 9112, section 4).
pub(super) fn status_line(answer: &[u8]) -> Option<(u16, String)> {
    let rest = answer.strip_prefix(b"HTTP/1.")?;
    let [minor, b' ', a, b, c, end, ..] = *rest else {
        return None;
    };
    let digits = [minor, a, b, c].iter().all(u8::is_ascii_digit);
    if !digits || !matches!(end, b' ' | b'\r' | b'\n') {
        return None;
    }
    let status = [a, b, c]
        .iter()
        .fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    let line = rest[5..].split(|byte| matches!(byte, b'\r' | b'\n')).next();
    let reason = String::from_utf8_lossy(line.unwrap_or_default());
    (100..=599)
        .contains(&status)
        .then(|| (status, reason.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_one_or_none() {
        let line = |status, reason: &str| Some((status, reason.to_owned()));
        for (bytes, told) in [
            (
                &b"HTTP/1.1 407 Who are you\r\nX"[..],
                line(407, "Who are you"),
            ),
            (b"HTTP/1.0 403\r\n", line(403, "")),
            (b"HTTP/1.1 502 \n", line(502, "")),
            (b"HTTP/1.1 503 cut sho", line(503, "cut sho")),
            (b"HTTP/1.1 40", None),
            (b"HTTP/1.1 4070 x\r\n", None),
            (b"HTTP/1.1 999 x\r\n", None),
            (b"HTTP/2 407 x\r\n", None),
            (b"HTTP/1.x 407 x\r\n", None),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", None),
            (b"", None),
        ] {
            assert_eq!(
                status_line(bytes),
                told,
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}
