//! Limits the number of verifications in a minute.

use std::net::IpAddr;
use std::time::Duration;

use listener::party;
use lru::LruCache;
use tokio::time::Instant;

use super::RegistrationLimits;
use crate::failures::{CLIENTS, WINDOW};

/// The verifications of this minute.
pub(super) struct Limit {
    limits: RegistrationLimits,
    by_client: LruCache<IpAddr, Window>,
    all: Window,
}

#[derive(Clone, Copy)]
struct Window {
    ends_at: Instant,
    count: usize,
}

impl Window {
    fn new(now: Instant) -> Self {
        Self { ends_at: now + WINDOW, count: 0 }
    }

    /// The time until there is room; `None` if there is room now.
    fn wait(&mut self, limit: usize, now: Instant) -> Option<Duration> {
        if now >= self.ends_at {
            *self = Self::new(now);
        }
        (self.count >= limit).then(|| self.ends_at - now)
    }
}

impl Limit {
    pub(super) fn new(limits: RegistrationLimits) -> Self {
        Self { limits, by_client: LruCache::new(CLIENTS), all: Window::new(Instant::now()) }
    }

    /// Counts a verification for `client`.
    ///
    /// # Errors
    ///
    /// The time until another one is possible; then nothing is counted.
    pub(super) fn take(&mut self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let own = self.by_client.get_or_insert_mut(party(client), || Window::new(now));
        let wait = own.wait(self.limits.by_client, now).max(self.all.wait(self.limits.altogether, now));
        if let Some(wait) = wait {
            return Err(wait);
        }
        own.count += 1;
        self.all.count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_a_client_and_of_all_clients_are_reset_after_a_minute() {
        let mut limit = Limit::new(RegistrationLimits { by_client: 2, altogether: 3 });
        let start = Instant::now();
        let mut take = |address: &str, at| limit.take(address.parse().unwrap(), at);
        assert!(take("192.0.2.1", start).is_ok() && take("192.0.2.1", start).is_ok());
        assert!(take("192.0.2.1", start).is_err());
        assert!(take("2001:db8::1", start).is_ok());
        let half = start + WINDOW / 2;
        assert!(take("192.0.2.2", half).is_err_and(|wait| wait <= WINDOW));
        let later = start + 2 * WINDOW;
        assert!(take("192.0.2.1", later).is_ok() && take("2001:db8::2", later).is_ok());
    }
}
