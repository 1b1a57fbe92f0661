//! The parts of a header that are trusted, and the proxies that may send it.

use hyper::header::HeaderValue;
use proptest::prelude::*;

use super::*;

const PROXY: &str = "10.0.0.1";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn from(peer: &str, lines: &[(&str, &str)]) -> IpAddr {
    client(address(peer), &headers(lines), &"10.0.0.0/8,2001:db8:aa::/48".parse().unwrap()).address
}

#[test]
fn a_header_is_ignored_from_anybody_but_a_trusted_proxy() {
    for name in ["x-forwarded-for", "forwarded"] {
        let value = if name == "forwarded" { "for=192.0.2.1" } else { "192.0.2.1" };
        assert_eq!(from("203.0.113.9", &[(name, value)]), address("203.0.113.9"));
        assert_eq!(from(PROXY, &[(name, value)]), address("192.0.2.1"));
        let untrusted = client(address(PROXY), &headers(&[(name, value)]), &Networks::default()).address;
        assert_eq!(untrusted, address(PROXY));
    }
}

#[test]
fn the_rightmost_address_that_is_not_trusted_is_the_client() {
    for (value, client) in [
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.7", "192.0.2.1"),
        ("10.0.0.9,10.0.0.7", "10.0.0.9"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, unknown", PROXY),
        ("6.6.6.6, unknown, 10.0.0.7", "10.0.0.7"),
        ("", PROXY),
    ] {
        assert_eq!(from(PROXY, &[("x-forwarded-for", value)]), address(client), "{value:?}");
    }
    let lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1, 10.0.0.7")];
    assert_eq!(from(PROXY, &lines), address("192.0.2.1"), "lines are read as one list");
}

#[test]
fn forwarded_is_read_with_its_quotes_ports_and_other_pairs() {
    for (value, client) in [
        ("for=192.0.2.1", "192.0.2.1"),
        ("for=6.6.6.6, For=\"192.0.2.1:80\";proto=https;by=10.0.0.1", "192.0.2.1"),
        ("proto=http; for=\"[2001:db8::7]:4711\"", "2001:db8::7"),
        ("for=192.0.2.1;host=\"a,b;for=6.6.6.6\"", "192.0.2.1"),
        ("for=6.6.6.6, for=_hidden", PROXY),
        ("for=6.6.6.6, proto=https", PROXY),
        // The client's quotation mark would swallow what the proxy has appended.
        ("for=\"6.6.6.6, for=192.0.2.1", PROXY),
        ("for=\"6.6.6.6, for=\"[2001:db8::7]:4711\"", PROXY),
        ("for=\"6.6.6.6\\\", for=192.0.2.1", PROXY),
    ] {
        assert_eq!(from(PROXY, &[("forwarded", value)]), address(client), "{value:?}");
    }
}

#[test]
fn two_contradicting_headers_give_no_client() {
    let both = |forwarded| from(PROXY, &[("x-forwarded-for", "192.0.2.1"), ("forwarded", forwarded)]);
    assert_eq!(both("for=6.6.6.6"), address(PROXY));
    assert_eq!(both("for=192.0.2.1"), address("192.0.2.1"));
}

#[test]
fn only_a_proxy_without_a_forwarded_address_is_no_client() {
    let counts = |peer, lines: &[(&str, &str)]| {
        client(address(peer), &headers(lines), &"10.0.0.0/8".parse().unwrap()).counts
    };
    for (lines, is_client) in [
        (&[][..], false),
        (&[("x-forwarded-for", "unknown")], false),
        (&[("x-forwarded-for", "192.0.2.1")], true),
        (&[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")], true),
        (&[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=6.6.6.6")], true),
        (&[("x-forwarded-for", "192.0.2.1"), ("forwarded", "nonsense")], true),
    ] {
        assert_eq!(counts(PROXY, lines), is_client, "{lines:?}");
        assert!(counts("203.0.113.9", lines), "{lines:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_and_headers_of_untrusted_peers_are_ignored(
        lines in proptest::collection::vec(("x-forwarded-for|forwarded", "[ -~\u{80}-\u{ff}]{0,60}"), 0..4),
        peer: std::net::Ipv4Addr,
    ) {
        let mut all = HeaderMap::new();
        for (name, value) in &lines {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                all.append(name.parse::<HeaderName>().unwrap(), value);
            }
        }
        let proxies: Networks = "10.0.0.0/8".parse().unwrap();
        let peer = IpAddr::V4(peer);
        let found = client(peer, &all, &proxies).address;
        prop_assert!(proxies.contains(peer) || found == peer);
        prop_assert!(client(address(PROXY), &all, &Networks::default()).address == address(PROXY));
    }

    #[test]
    fn forged_headers_do_not_override_the_address_of_the_proxy(
        forged in "[ -~]{0,60}",
        real: std::net::Ipv6Addr,
        v4: std::net::Ipv4Addr,
        proxies_behind in 0_usize..3,
    ) {
        for real in [IpAddr::V6(real).to_canonical(), IpAddr::V4(v4)] {
            let trusted: Networks = "10.0.0.0/8".parse().unwrap();
            prop_assume!(!trusted.contains(real));
            let behind = ", 10.0.0.5".repeat(proxies_behind);
            let value = format!("{forged}, {real}{behind}");
            prop_assert_eq!(from(PROXY, &[("x-forwarded-for", &value)]), real);
            let node = if real.is_ipv6() { format!("\"[{real}]\"") } else { real.to_string() };
            let behind = ", for=10.0.0.5".repeat(proxies_behind);
            let found = from(PROXY, &[("forwarded", &format!("{forged}, for={node}{behind}"))]);
            // A forged line that cannot be read only makes its client count as the proxy.
            prop_assert!(found == real || found == address(PROXY), "{found}");
        }
    }
}
