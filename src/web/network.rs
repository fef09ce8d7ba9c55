//! Which network a request came from: what limits are counted against.
//!
//! A network is one IPv4 address, or one /64 of IPv6: the smallest block that a provider gives to one
//! customer (RFC 6177), within which a customer draws as many addresses as they like. An IPv4 address
//! that is written within an IPv6 one (mapped, RFC 4291; translated, RFC 6052; 6to4, RFC 3056) is itself.
//!
//! Behind proxies the address stands in `X-Forwarded-For`, which each of them adds an entry to. Entries
//! are counted from our side, because whatever stands further left was written by whoever asked.
//! `Forwarded` (RFC 7239) is not read: two headers that may differ are one too many.

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Into how many networks entries fall that are no addresses. One would be a limit for everybody whom a
/// proxy does not name; as many as there are entries would be no limit where it names connections.
const UNNAMED_MAX: u16 = 64;

/// The network of a request: of the connection, or, behind trusted proxies, of what the outermost of
/// them saw. Where there are fewer entries than proxies, whoever asked came past some of them, and the
/// first entry is by one of ours.
pub fn of_request(request: &Request, trusted_proxies: u8) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    of(peer, request.headers(), trusted_proxies)
}

fn of(peer: Option<IpAddr>, headers: &HeaderMap, trusted_proxies: u8) -> String {
    if let Some(place) = usize::from(trusted_proxies).checked_sub(1) {
        // Bytes that are no text stand left of our entries at worst, and must not hide them.
        let lines = headers.get_all("x-forwarded-for").iter();
        let text = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect::<Vec<_>>().join(",");
        let entries: Vec<&str> = text.rsplit(',').map(bare).filter(|entry| !entry.is_empty()).collect();
        if let Some(entry) = entries.get(place).or(entries.last()) {
            return address(entry).map_or_else(|| unnamed(entry), of_address);
        }
    }
    peer.map_or_else(|| "unknown".to_owned(), of_address)
}

/// An entry without quotes and spaces.
fn bare(entry: &str) -> &str {
    entry.trim_matches(|letter: char| letter.is_whitespace() || letter == '"' || letter == '\'')
}

/// Reads `192.0.2.1`, `192.0.2.1:5534`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443` and each with
/// a zone (`%eth0`).
fn address(entry: &str) -> Option<IpAddr> {
    let host = match entry.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => entry,
    };
    let parse = |host: &str| {
        let host = host.split_once('%').map_or(host, |(host, _)| host);
        bare(host).parse::<IpAddr>().ok()
    };
    parse(host).or_else(|| parse(without_port(host)))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((before, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => before,
        Some(_) | None => host,
    }
}

/// One of a few networks for what is no address, whatever port stands behind it.
fn unnamed(entry: &str) -> String {
    let hash = Sha256::digest(without_port(entry).to_ascii_lowercase().as_bytes());
    format!("unnamed {}", u16::from_be_bytes([hash[0], hash[1]]) % UNNAMED_MAX)
}

fn of_address(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match within(address) {
            Some(address) => address.to_string(),
            None => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
    }
}

/// The IPv4 address that is written within an IPv6 one.
fn within(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(last(high, low)),
        [0x2002, high, low, ..] => Some(last(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    fn behind(trusted_proxies: u8, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).expect("a value"));
        }
        of(Some(PEER), &headers, trusted_proxies)
    }

    #[test]
    fn networks_are_read_from_every_form_of_an_entry() {
        for (entry, expect) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:5534", "192.0.2.1"),
            (" \"192.0.2.1:5534\" ", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::/64"),
            ("2001:db8:0:0:0:0:0:1:443", "2001:db8::/64"),
            ("[2001:db8::1]", "2001:db8::/64"),
            ("[2001:db8::1]:443", "2001:db8::/64"),
            ("\"[2001:db8::1]\"", "2001:db8::/64"),
            ("\"[2001:db8::1]:443\"", "2001:db8::/64"),
            ("2001:db8::ffff:1%eth0", "2001:db8::/64"),
            ("[fe80::1%25eth0]:80", "fe80::/64"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:5534", "192.0.2.1"),
            ("::ffff:c000:201", "192.0.2.1"),
            ("64:ff9b::192.0.2.1", "192.0.2.1"),
            ("2002:c000:201:7::9", "192.0.2.1"),
        ] {
            assert_eq!(behind(1, &[entry.as_bytes()]), expect, "{entry}");
        }
        assert_ne!(behind(1, &[b"2001:db8:0:1::1"]), behind(1, &[b"2001:db8:0:2::1"]));
    }

    #[test]
    fn networks_are_what_the_outermost_trusted_proxy_saw() {
        assert_eq!(behind(0, &[b"192.0.2.1"]), "10.0.0.1", "nobody is trusted");
        assert_eq!(behind(1, &[b"203.0.113.9, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(behind(1, &[b"203.0.113.9", b"192.0.2.1"]), "192.0.2.1", "on two lines");
        assert_eq!(behind(2, &[b"203.0.113.9, 192.0.2.1:80, 10.1.1.1"]), "192.0.2.1");
        assert_eq!(behind(1, &[b"192.0.2.1, "]), "192.0.2.1", "an empty entry is none");
        assert_eq!(behind(1, &[b"\xff\xfe, 192.0.2.1"]), "192.0.2.1", "bytes hide nothing");
        assert_eq!(behind(2, &[b"192.0.2.1"]), "192.0.2.1", "past one of two proxies");
        assert_eq!(behind(1, &[]), "10.0.0.1", "past every proxy");
        let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped());
        assert_eq!(of(Some(mapped), &HeaderMap::new(), 0), "192.0.2.1", "of the connection, too");
    }

    #[test]
    fn networks_without_a_name_are_some_and_neither_one_nor_one_a_connection() {
        let seen = |entry: String| behind(1, &[entry.as_bytes()]);
        let many: std::collections::BTreeSet<String> =
            (0..5_000).map(|number| seen(format!("_client{number}"))).collect();
        assert_eq!(many.len(), usize::from(UNNAMED_MAX));
        assert!(!many.contains("10.0.0.1"), "nor that of the proxy");
        for port in 1..100 {
            assert_eq!(seen(format!("unknown:{port}")), seen("Unknown".to_owned()));
        }
    }
}
