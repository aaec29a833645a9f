use super::*;

/// What is read, in short: the proxy, or why there is none.
fn read_as(value: &str) -> String {
    match read(value) {
        Reading::Proxy(proxy) => proxy.to_string(),
        Reading::PassedOver => "passed over".to_owned(),
        Reading::Nobody(nobody) => format!("{nobody:?}"),
    }
}

#[test]
fn what_go_reads_and_what_it_does_not() {
    for (value, as_go) in [
        // As people write them.
        ("proxy.corp:3128", "http://proxy.corp:3128"),
        ("10.0.0.8:3128", "http://10.0.0.8:3128"),
        ("proxy.corp", "http://proxy.corp:80"),
        ("Proxy.Corp:3128", "http://proxy.corp:3128"),
        ("http://proxy.corp:3128/", "http://proxy.corp:3128"),
        ("HTTPS://proxy.corp", "https://proxy.corp:443"),
        ("http://proxy.corp:/x?y#z", "http://proxy.corp:80"),
        ("//proxy.corp:1", "NoHost"),
        ("socks5h://[2001:db8::1]", "socks5h://[2001:db8::1]:1080"),
        ("user:pw@proxy.corp:1", "http://proxy.corp:1"),
        ("http://u:p@ss@proxy.corp:1", "http://proxy.corp:1"),
        ("http://b\u{fc}ro.corp:1", "http://xn--bro-hoa.corp:1"),
        ("http://b%C3%BCro.corp:1", "http://xn--bro-hoa.corp:1"),
        ("socks://proxy.corp:1080", "UnknownScheme"),
        ("ftp://proxy.corp", "UnknownScheme"),
        // An address that is one in a zone alone, as RFC 6874 writes it; and as people do, which Go reads as an escape that is none.
        (
            "http://[fe80::1%25eth0]:3128",
            "http://[fe80::1%25eth0]:3128",
        ),
        ("[fe80::1%25eth0.100]", "http://[fe80::1%25eth0.100]:80"),
        (
            "socks5://u:p@[FE80::0:1%253]",
            "socks5://[fe80::1%253]:1080",
        ),
        ("http://[2001:db8::1%25eth0]:1", "http://[2001:db8::1]:1"),
        ("http://[fe80::1%eth0]:3128", "passed over"),
        ("[fe80::1%eth0]:3128", "passed over"),
        ("http://[fe80::1%25]:3128", "NoName"),
        ("http://[fe80::1%25..]:3128", "NoName"),
        ("http://[proxy%25eth0]:3128", "NoName"),
        // What the URL standard accepts, and Go does not: then the scheme is a name.
        ("http://u:p w@proxy.corp:1", "SchemeAsName(Http)"),
        ("http://u:p#w@proxy.corp:1", "SchemeAsName(Http)"),
        ("http://u:p/w@proxy.corp:1", "SchemeAsName(Http)"),
        ("http://u:p?w@proxy.corp:1", "SchemeAsName(Http)"),
        ("https://u:p^w@proxy.corp:1", "SchemeAsName(Https)"),
        ("http://u:\u{e9}@proxy.corp:1", "SchemeAsName(Http)"),
        ("http://proxy corp:1", "SchemeAsName(Http)"),
        ("http://proxy.corp:1 ", "SchemeAsName(Http)"),
        ("http://proxy.corp:x", "SchemeAsName(Http)"),
        ("http:/proxy.corp:1", "NoHost"),
        ("http://", "NoHost"),
        ("http://[::1", "SchemeAsName(Http)"),
        // Neither way a URL: no proxy, and not a word.
        ("http://u:p%w@proxy.corp:1", "passed over"),
        ("http://u:100%@proxy.corp:1", "passed over"),
        ("http://proxy.corp:1\n", "passed over"),
        ("http://proxy.corp:1#\n", "http://proxy.corp:1"),
        (" http://proxy.corp:1", "passed over"),
        ("10.0.0.8:31 28", "passed over"),
        ("http://proxy.corp:1/%zz", "passed over"),
        // No host, no port, no name.
        ("not a proxy", "NoHost"),
        ("u:p/w@proxy.corp:1", "NoHost"),
        (":3128", "NoHost"),
        ("http://proxy.corp:99999", "NoPort"),
        ("http://proxy.corp:0", "NoPort"),
        ("http://pro%41xy.corp:1", "SchemeAsName(Http)"),
        ("http://<proxy>:1", "NoName"),
        ("http:proxy.corp:1", "NoHost"),
    ] {
        assert_eq!(read_as(value), as_go, "{value:?}");
    }
}

#[test]
fn an_address_in_short_is_a_name_to_go() {
    assert_eq!(read_as("http://127.1:8080"), "http://127.1:8080");
    assert_eq!(read_as("http://0x7f000001:8080"), "http://0x7f000001:8080");
}

#[test]
fn what_is_written_is_not_repeated() {
    for value in [
        "http://u:hunter2 @p:1",
        "ftp://u:hunter2@p",
        "http://u:hunter2@<p>:1",
    ] {
        let read = format!("{:?}", read(value));
        assert!(!read.contains("hunter2"), "{read}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(value in r"([a-z0-9]{1,4}://)?[a-z0-9.:@/%?#\[\] …-]{0,24}|\PC{0,40}") {
        if let Reading::Proxy(proxy) = read(&value) {
            // What is shown of it is the same proxy again.
            let again = read(&proxy.to_string());
            proptest::prop_assert!(matches!(again, Reading::Proxy(again) if again.is_same(&proxy)), "{}", proxy);
        }
    }
}
