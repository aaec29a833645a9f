//! The network's settings: nameservers of the adapters that are up, the proxy of WinHTTP; and the names of its errors.
#![expect(unsafe_code, reason = "WinHTTP tells its proxy through pointers alone")]

use std::io;

use windows_sys::Win32::Foundation::GlobalFree;
use windows_sys::Win32::Networking::WinHttp::{
    WINHTTP_ACCESS_TYPE_NAMED_PROXY, WINHTTP_PROXY_INFO, WinHttpGetDefaultProxyConfiguration,
};

use super::registry;
use super::text::given;
use crate::host::{NetworkSettings, Seen, Unseen, WinHttpProxy};

/// Where the machine's own domain and search list are.
const TCPIP: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
/// The most nameservers and search domains that are told.
const MOST: usize = 16;

/// What every service of this machine goes by.
pub(in crate::host::live) fn settings() -> Seen<NetworkSettings> {
    let adapters = ipconfig::get_adapters().map_err(Unseen::failed)?;
    let mut nameservers = Vec::new();
    let up = adapters
        .iter()
        .filter(|it| it.oper_status() == ipconfig::OperStatus::IfOperStatusUp);
    for server in up.flat_map(|adapter| adapter.dns_servers()) {
        // What an adapter has that was told of none: site-local addresses that nobody answers at.
        let placeholder = server.to_string().starts_with("fec0:0:0:ffff::");
        if !placeholder && !nameservers.contains(server) {
            nameservers.push(*server);
        }
    }
    nameservers.truncate(MOST);
    let of_registry = |name| registry::text(TCPIP, name).filter(|text| !text.is_empty());
    let search = of_registry("SearchList")
        .or_else(|| of_registry("Domain"))
        .or_else(|| of_registry("DhcpDomain"));
    let search = search.unwrap_or_default();
    Ok(NetworkSettings {
        nameservers,
        search: search
            .split([',', ' '])
            .filter(|it| !it.is_empty())
            .take(MOST)
            .map(str::to_owned)
            .collect(),
        winhttp_proxy: winhttp(),
    })
}

fn winhttp() -> Option<WinHttpProxy> {
    let mut told = WINHTTP_PROXY_INFO {
        dwAccessType: 0,
        lpszProxy: std::ptr::null_mut(),
        lpszProxyBypass: std::ptr::null_mut(),
    };
    // SAFETY: the structure outlives the call.
    if unsafe { WinHttpGetDefaultProxyConfiguration(&mut told) } == 0 {
        return None;
    }
    let (proxy, bypass) = (taken(told.lpszProxy), taken(told.lpszProxyBypass));
    let proxy = proxy.filter(|_| told.dwAccessType == WINHTTP_ACCESS_TYPE_NAMED_PROXY)?;
    Some(WinHttpProxy {
        proxy,
        bypass: bypass.unwrap_or_default(),
    })
}

/// A text that was allocated for this program.
fn taken(text: *mut u16) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the text ends in a zero.
    let told = unsafe { given(text) };
    // SAFETY: WinHTTP says that it is to be given back so; nobody uses it any more.
    unsafe { GlobalFree(text.cast()) };
    Some(told)
}

/// The name of a network error, as errno(3) has it, for the numbers of Winsock (winerror.h).
pub(in crate::host::live) fn network_error(error: &io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error()? {
        10061 => "ECONNREFUSED",
        10053 | 10054 => "ECONNRESET",
        10058 | 109 | 232 => "EPIPE",
        // The second: the time of ConnectEx is over.
        10060 | 121 => "ETIMEDOUT",
        10013 => "EACCES",
        10022 => "EINVAL",
        10065 | 1232 => "EHOSTUNREACH",
        10051 | 1231 => "ENETUNREACH",
        10050 => "ENETDOWN",
        10042 => "ENOPROTOOPT",
        10064 => "EHOSTDOWN",
        10049 => "EADDRNOTAVAIL",
        10047 => "EAFNOSUPPORT",
        // The remote computer, or something on the way, refused: ERROR_CONNECTION_REFUSED.
        1225 => "ECONNREFUSED",
        _ => "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_winsock_have_their_names() {
        for (number, name) in [
            (10061, Some("ECONNREFUSED")),
            (10065, Some("EHOSTUNREACH")),
            (10060, Some("ETIMEDOUT")),
            (2, Some("")),
        ] {
            assert_eq!(network_error(&io::Error::from_raw_os_error(number)), name);
        }
        assert_eq!(network_error(&io::Error::other("x")), None);
    }

    #[test]
    fn this_machine_tells_its_settings() {
        let told = settings();
        assert!(told.is_ok(), "{told:?}");
    }
}
