//! On which interface an address is one that is none elsewhere: the number by which the system knows the interface of a zone.

use crate::host::{Host, HostPath, ReadQuestion, Seen, Unseen};
use crate::model::Os;

/// The number of an interface; a zone may be one itself.
pub(super) async fn scope(host: &dyn Host, os: Os, zone: &str) -> Seen<u32> {
    if let Ok(number) = zone.parse() {
        return Ok(number);
    }
    if os != Os::Linux {
        return Err(Unseen::unsupported("interfaces are looked up by name on Linux alone"));
    }
    let path = HostPath::host("/proc/net/if_inet6");
    let interfaces = host.read(ReadQuestion::new(path)).await?.text;
    number_of(&interfaces, zone).ok_or(Unseen::Absent)
}

/// The number of an interface in the kernel's list of IPv6 addresses: the address, the number in hexadecimal, …, the name.
fn number_of(interfaces: &str, name: &str) -> Option<u32> {
    let words = interfaces.lines().map(|line| line.split_ascii_whitespace());
    let mut words = words.filter(|words| words.clone().next_back() == Some(name));
    u32::from_str_radix(words.next()?.nth(1)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_has_the_number_that_the_kernel_lists() {
        let list = "00000000000000000000000000000001 01 80 10 80       lo\n\
                    fe800000000000000000000000000007 0a 40 20 80    zone0\n";
        assert_eq!(number_of(list, "lo"), Some(1));
        assert_eq!(number_of(list, "zone0"), Some(10));
        for none in ["zone", "80", ""] {
            assert_eq!(number_of(list, none), None, "{none}");
        }
    }
}
