//! Determines the client of a request.
//!
//! A proxy appends the address that it was called from, so the last entries are its own, and the client may have written
//! everything before them. Only the entries of trusted proxies are followed, from the right, up to the first address that
//! is not trusted. A header from any other sender is ignored.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::HeaderMap;
use hyper::header::{FORWARDED, HeaderName};

use crate::Networks;

/// The header that most proxies write. Source: <https://developer.mozilla.org/docs/Web/HTTP/Headers/X-Forwarded-For>.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address of the client; that of the nearest proxy if the headers reveal no more.
    pub address: IpAddr,
    /// Whether the request counts for one client. That of a proxy that names no client does not: many clients are behind
    /// it.
    pub counts: bool,
}

/// The client of a request that came from `peer`: behind trusted proxies, the rightmost address in `X-Forwarded-For` or
/// `Forwarded` that is not trusted; otherwise `peer`.
///
/// An entry that is no address ends the search at the trusted proxy that wrote it. If both headers are there and do not
/// agree, one of them may come from the client, so the proxy counts as the client: all such requests together have the share
/// of one, and a client gains nothing by a header of its own.
#[must_use]
pub fn client(peer: IpAddr, headers: &HeaderMap, proxies: &Networks) -> Client {
    let peer = peer.to_canonical();
    if !proxies.contains(peer) {
        return Client { address: peer, counts: true };
    }
    let x_forwarded_for =
        headers.contains_key(X_FORWARDED_FOR).then(|| walk(peer, x_forwarded_for(headers), proxies));
    let forwarded = headers.contains_key(FORWARDED).then(|| walk(peer, forwarded(headers), proxies));
    match (x_forwarded_for, forwarded) {
        (Some(one), Some(other)) if one != other => Client { address: peer, counts: true },
        (one, other) => {
            let address = one.or(other).unwrap_or(peer);
            Client { address, counts: !proxies.contains(address) }
        }
    }
}

/// Follows hops from the nearest on, up to the first that is not trusted.
fn walk(peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>, proxies: &Networks) -> IpAddr {
    let mut nearest = peer;
    for hop in hops {
        match hop {
            Some(address) if proxies.contains(address) => nearest = address,
            Some(address) => return address,
            None => return nearest,
        }
    }
    nearest
}

/// The hops of `X-Forwarded-For`, the nearest first; `None` for an entry that is no address.
fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    lines.flat_map(|line| {
        // A header line that is not text counts as one entry that is no address.
        let entries = line.to_str().unwrap_or("?").rsplit(',').map(str::trim);
        entries.filter(|entry| !entry.is_empty()).map(node)
    })
}

/// The hops of `Forwarded` (RFC 7239), the nearest first; `None` for an entry without an address.
fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(FORWARDED).iter().rev();
    lines.flat_map(|line| {
        // In a malformed line it is unknown which quotation marks are the proxy's.
        let entries = line.to_str().ok().and_then(|line| split(line, ','));
        let hops = entries.map(|entries| entries.into_iter().rev().map(hop).collect());
        hops.unwrap_or_else(|| vec![None])
    })
}

/// The address in one entry, such as `for="[2001:db8::1]:4711";proto=https`.
fn hop(entry: &str) -> Option<IpAddr> {
    let pairs = split(entry, ';')?;
    let mut named = pairs.iter().filter_map(|pair| pair.split_once('='));
    let (_, value) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    quoted.map_or_else(|| node(value), |value| node(&value.replace('\\', "")))
}

/// Splits at a separator outside quoted text; `None` if a quotation mark is not closed.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut begin) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == separator && !quoted => {
                parts.push(&text[begin..at]);
                begin = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    (!quoted).then_some(parts)
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        return (port.is_empty() || port.starts_with(':')).then(|| IpAddr::V6(address).to_canonical());
    }
    let with_port = || text.split_once(':').and_then(|(address, _)| address.parse::<Ipv4Addr>().ok());
    let address = text.parse::<IpAddr>().ok().or_else(|| with_port().map(IpAddr::V4))?;
    Some(address.to_canonical())
}

#[cfg(test)]
#[path = "forwarded_tests.rs"]
mod tests;
