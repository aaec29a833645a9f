//! Addresses that stand for addresses: of the same family and class, and with the same prefixes in common, so that what lies in
//! a network still lies in it.
//!
//! Bit by bit: whether one is flipped hangs on a secret and on the bits before it. The first bits, which make the class, stay.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ring::hmac::{Key, sign};

/// The address that stands for this one.
pub(super) fn stand_in(address: IpAddr, secret: &Key) -> IpAddr {
    match address {
        IpAddr::V4(address) => v4(address, secret).into(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => v4(mapped, secret).to_ipv6_mapped().into(),
            None => v6(address, secret).into(),
        },
    }
}

/// The network that stands for this one: its address has no bits beyond the prefix.
pub(super) fn network(address: IpAddr, prefix: u8, secret: &Key) -> IpAddr {
    match stand_in(address, secret) {
        IpAddr::V4(address) => {
            let mask = u32::MAX
                .checked_shl(32 - u32::from(prefix.min(32)))
                .unwrap_or(0);
            Ipv4Addr::from(u32::from(address) & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(prefix.min(128)))
                .unwrap_or(0);
            Ipv6Addr::from(u128::from(address) & mask).into()
        }
    }
}

fn v4(address: Ipv4Addr, secret: &Key) -> Ipv4Addr {
    let kept = match address.octets() {
        // Nobody's: this host, loopback, multicast, broadcast.
        [0 | 127 | 224..=255, ..] => 32,
        [10, ..] => 8,
        [100, ..] => 10,
        [172, ..] => 12,
        [169 | 192 | 198 | 203, ..] => 16,
        _ => 8,
    };
    let bits = flipped(u128::from(u32::from(address)) << 96, kept, 32, secret);
    Ipv4Addr::from((bits >> 96) as u32)
}

fn v6(address: Ipv6Addr, secret: &Key) -> Ipv6Addr {
    let kept = match address.segments() {
        // Unspecified, loopback, multicast.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] | [0xff00..=0xffff, ..] => 128,
        [0xfe80..=0xfebf, ..] => 64,
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => 96,
        [0x2001, ..] => 32,
        [0xfc00..=0xfdff, ..] => 8,
        _ => 16,
    };
    Ipv6Addr::from(flipped(u128::from(address), kept, 128, secret))
}

/// Flips the bits from `kept` to `width`, counted from the first.
fn flipped(bits: u128, kept: u32, width: u32, secret: &Key) -> u128 {
    (kept..width).fold(bits, |result, at| {
        let before = if at == 0 { 0 } else { bits >> (128 - at) };
        let mut message = before.to_be_bytes().to_vec();
        message.push(at as u8);
        message.push(width as u8);
        let flip = u128::from(sign(secret, &message).as_ref()[0] & 1);
        result ^ (flip << (127 - at))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use ring::hmac::HMAC_SHA256;

    use super::*;

    fn key() -> Key {
        Key::new(HMAC_SHA256, b"of a test")
    }

    fn of(text: &str) -> IpAddr {
        stand_in(text.parse().unwrap(), &key())
    }

    #[test]
    fn family_class_and_common_prefixes_stay() {
        for same in [
            "127.0.0.53",
            "::1",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
        ] {
            assert_eq!(of(same).to_string(), same);
        }
        for (text, network) in [
            ("10.20.30.40", "10.0.0.0/8"),
            ("172.17.0.1", "172.16.0.0/12"),
            ("192.168.7.9", "192.168.0.0/16"),
            ("169.254.1.2", "169.254.0.0/16"),
            ("100.64.3.4", "100.64.0.0/10"),
            ("fd12:3456::1", "fc00::/7"),
            ("fe80::1234", "fe80::/64"),
            ("2001:db8::8", "2001:db8::/32"),
            ("::ffff:10.1.2.3", "::ffff:10.0.0.0/104"),
        ] {
            let network: ipnet::IpNet = network.parse().unwrap();
            assert!(network.contains(&of(text)), "{text} -> {}", of(text));
            assert_ne!(of(text).to_string(), text);
        }
        let (one, other) = (of("81.2.69.142"), of("81.2.69.160"));
        let (IpAddr::V4(one), IpAddr::V4(other)) = (one, other) else {
            unreachable!()
        };
        let common = (u32::from(one) ^ u32::from(other)).leading_zeros();
        assert_eq!(common, (142_u8 ^ 160).leading_zeros() + 24);
        let net = network("81.2.69.128".parse().unwrap(), 25, &key());
        let net = ipnet::IpNet::new(net, 25).unwrap();
        assert_eq!(net, net.trunc());
        assert!(net.contains(&IpAddr::from(one)) && net.contains(&IpAddr::from(other)));
    }

    proptest::proptest! {
        #[test]
        fn no_two_addresses_become_one(a: u32, b: u32) {
            let of = |bits| stand_in(Ipv4Addr::from(bits).into(), &key());
            proptest::prop_assert_eq!(a == b, of(a) == of(b));
        }
    }
}
