//! Counts wrong keys by client, so that guessing keys is slow and gets noticed.
//!
//! Different keys are counted: if a customer's setting is wrong, the same wrong key comes a thousand times a minute, and
//! each of these requests gets the answer that the key is wrong. A right key is never counted and never refused, whatever
//! other keys its client has sent.

use std::collections::HashSet;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use listener::party;
use lru::LruCache;
use tokio::time::Instant;

use crate::guard::KeyDigest;

/// The time for which the wrong keys of a client are counted together.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// Clients that are remembered; beyond that, the one that was quiet for longest is forgotten.
pub(crate) const CLIENTS: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// The wrong keys of each client.
pub(crate) struct Failures {
    limit: usize,
    by_client: LruCache<IpAddr, Window>,
}

struct Window {
    ends_at: Instant,
    keys: HashSet<KeyDigest>,
}

impl Failures {
    /// `limit`: different wrong keys that one client may try in a minute.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, by_client: LruCache::new(CLIENTS) }
    }

    /// Whether this client has used up its wrong keys.
    pub(crate) fn is_over(&mut self, client: IpAddr, now: Instant) -> bool {
        let window = self.by_client.get(&party(client));
        window.is_some_and(|window| now < window.ends_at && window.keys.len() >= self.limit)
    }

    /// Counts a wrong key.
    ///
    /// # Errors
    ///
    /// The time until the client may try other keys, if it has used up its wrong keys and this is not one of them.
    pub(crate) fn count(&mut self, client: IpAddr, key: KeyDigest, now: Instant) -> Result<(), Duration> {
        let fresh = || Window { ends_at: now + WINDOW, keys: HashSet::new() };
        let client = party(client);
        let window = self.by_client.get_or_insert_mut(client, fresh);
        if now >= window.ends_at {
            *window = fresh();
        }
        if window.keys.contains(&key) {
            return Ok(());
        }
        if window.keys.len() >= self.limit {
            return Err(window.ends_at - now);
        }
        window.keys.insert(key);
        if window.keys.len() == self.limit {
            // An operator has to see which client guesses keys: this is the only address that is ever logged.
            tracing::warn!(%client, keys = self.limit, "a client has tried too many wrong keys in a minute");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> KeyDigest {
        [number; 32]
    }

    #[test]
    fn a_client_that_tries_many_keys_has_to_wait_for_the_next_minute() {
        let (mut failures, start) = (Failures::new(3), Instant::now());
        let client = IpAddr::from([192, 0, 2, 1]);
        for number in 0..3 {
            assert!(!failures.is_over(client, start));
            assert_eq!(failures.count(client, key(number), start), Ok(()));
        }
        assert!(failures.is_over(client, start + WINDOW / 2));
        assert_eq!(failures.count(client, key(9), start + WINDOW / 2), Err(WINDOW / 2));
        assert_eq!(failures.count(IpAddr::from([192, 0, 2, 2]), key(9), start), Ok(()));
        assert!(!failures.is_over(client, start + WINDOW));
        assert_eq!(failures.count(client, key(9), start + WINDOW), Ok(()));
        assert_eq!(failures.count(client, key(10), start + WINDOW), Ok(()));
    }

    #[test]
    fn the_same_wrong_key_counts_once_and_is_not_stopped() {
        let (mut failures, now) = (Failures::new(2), Instant::now());
        let client = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..100 {
            assert_eq!(failures.count(client, key(1), now), Ok(()));
        }
        assert_eq!(failures.count(client, key(2), now), Ok(()));
        assert_eq!(failures.count(client, key(1), now), Ok(()));
        assert!(failures.count(client, key(3), now).is_err());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_a_mapped_ipv4_address_as_itself() {
        let (mut failures, now) = (Failures::new(1), Instant::now());
        let mut count = |address: &str, number| failures.count(address.parse().unwrap(), key(number), now);
        assert!(count("2001:db8::1", 1).is_ok() && count("2001:db8::ffff:2", 2).is_err());
        assert!(count("::ffff:192.0.2.1", 1).is_ok() && count("192.0.2.1", 2).is_err());
        assert!(count("192.0.2.2", 2).is_ok());
    }
}
