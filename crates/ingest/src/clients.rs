//! Counts requests under way by client, so that one client behind a proxy takes no more than its share.
//!
//! Clients that connect directly are bounded by their connections; behind a proxy only the requests distinguish them.

use std::collections::HashMap;
use std::net::IpAddr;

use listener::party;
use parking_lot::{Mutex, MutexGuard};

use crate::refused::Refused;

/// The requests under way of every client.
pub(crate) struct Clients {
    limit: usize,
    under_way: Mutex<HashMap<IpAddr, usize>>,
}

/// One request under way.
pub(crate) struct UnderWay<'a> {
    clients: &'a Clients,
    client: IpAddr,
}

impl Clients {
    /// `limit`: requests of one client at the same time.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, under_way: Mutex::default() }
    }

    /// Counts a request of `client` until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// [`Refused::TooManyRequests`] if the client has used up its share.
    pub(crate) fn begin(&self, client: IpAddr) -> Result<UnderWay<'_>, Refused> {
        let client = party(client);
        let mut under_way = self.lock();
        let count = under_way.entry(client).or_default();
        if *count >= self.limit {
            return Err(Refused::TooManyRequests);
        }
        *count += 1;
        Ok(UnderWay { clients: self, client })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.under_way.lock()
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut under_way = self.clients.lock();
        if let Some(count) = under_way.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_its_share_and_leaves_no_state_behind() {
        let clients = Clients::new(2);
        let [one, other]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let held: Vec<_> = (0..2).map(|_| clients.begin(one).unwrap()).collect();
        assert!(matches!(clients.begin(one), Err(Refused::TooManyRequests)));
        assert!(clients.begin(other).is_ok());
        drop(held);
        assert!(clients.begin(one).is_ok());
        assert!(clients.lock().is_empty());
    }
}
