//! DER to PEM, for evidence that a person can give to `openssl x509`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::host::Pem;

/// A certificate in PEM: 64 characters a line, as RFC 7468 says.
pub(super) fn certificate(der: &[u8]) -> Pem {
    let body = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    Pem(text)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for length in [0, 1, 47, 48, 49, 1000] {
            let der = vec![7u8; length];
            let text = certificate(&der).0;
            assert!(text.lines().all(|line| line.len() <= 64));
            let read = CertificateDer::from_pem_slice(text.as_bytes());
            assert_eq!(read.ok().map(|read| read.to_vec()), Some(der));
        }
    }
}
