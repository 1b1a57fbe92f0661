//! Counts wrong keys by address, so that nobody can go through keys at the speed of the network.
//!
//! Different keys are counted: a customer whose setting is wrong sends the same wrong key a thousand times a minute,
//! perhaps through the proxy through which everybody comes, and must not lock others out.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use crate::guard::KeyDigest;

/// For how long wrong keys are counted together.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are remembered; beyond, who was longest quiet is forgotten.
const ADDRESSES: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// The wrong keys of each address.
pub(crate) struct Failures {
    limit: usize,
    by_address: LruCache<IpAddr, Window>,
}

struct Window {
    ends_at: Instant,
    keys: HashSet<KeyDigest>,
}

impl Failures {
    /// `limit`: different wrong keys that one address may try in a minute.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, by_address: LruCache::new(ADDRESSES) }
    }

    /// Whether this address may try this key now; if not, after which time.
    pub(crate) fn check(&mut self, address: IpAddr, key: &KeyDigest, now: Instant) -> Result<(), Duration> {
        match self.by_address.get(&network(address)) {
            Some(window)
                if now < window.ends_at && window.keys.len() >= self.limit && !window.keys.contains(key) =>
            {
                Err(window.ends_at - now)
            }
            _ => Ok(()),
        }
    }

    /// Counts a wrong key.
    pub(crate) fn count(&mut self, address: IpAddr, key: KeyDigest, now: Instant) {
        let fresh = || Window { ends_at: now + WINDOW, keys: HashSet::new() };
        let window = self.by_address.get_or_insert_mut(network(address), fresh);
        if now >= window.ends_at {
            *window = fresh();
        }
        if window.keys.len() < self.limit && window.keys.insert(key) && window.keys.len() == self.limit {
            tracing::warn!(keys = self.limit, "an address has tried too many wrong keys in a minute");
        }
    }
}

/// What one party controls: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> KeyDigest {
        [number; 32]
    }

    #[test]
    fn an_address_that_tries_many_keys_has_to_wait_for_the_next_minute() {
        let (mut failures, start) = (Failures::new(3), Instant::now());
        let address = IpAddr::from([192, 0, 2, 1]);
        for number in 0..3 {
            assert!(failures.check(address, &key(number), start).is_ok());
            failures.count(address, key(number), start);
        }
        assert_eq!(failures.check(address, &key(9), start + WINDOW / 2), Err(WINDOW / 2));
        assert!(failures.check(IpAddr::from([192, 0, 2, 2]), &key(9), start).is_ok());
        assert!(failures.check(address, &key(9), start + WINDOW).is_ok());
        failures.count(address, key(9), start + WINDOW);
        assert!(failures.check(address, &key(10), start + WINDOW).is_ok());
    }

    #[test]
    fn the_same_wrong_key_counts_once_and_is_not_stopped() {
        let (mut failures, now) = (Failures::new(2), Instant::now());
        let address = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..100 {
            failures.count(address, key(1), now);
        }
        assert!(failures.check(address, &key(2), now).is_ok());
        failures.count(address, key(2), now);
        assert!(failures.check(address, &key(1), now).is_ok());
        assert!(failures.check(address, &key(3), now).is_err());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_a_mapped_ipv4_address_as_itself() {
        let (mut failures, now) = (Failures::new(1), Instant::now());
        failures.count("2001:db8::1".parse().unwrap(), key(1), now);
        assert!(failures.check("2001:db8::ffff:2".parse().unwrap(), &key(2), now).is_err());
        failures.count("::ffff:192.0.2.1".parse().unwrap(), key(1), now);
        assert!(failures.check("192.0.2.1".parse().unwrap(), &key(2), now).is_err());
        assert!(failures.check("192.0.2.2".parse().unwrap(), &key(2), now).is_ok());
    }
}
