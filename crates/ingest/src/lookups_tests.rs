//! The number of questions to the store, in all and at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;

/// A store that answers when it gets permits.
struct Gated {
    gate: Semaphore,
    asked: AtomicUsize,
}

#[async_trait]
impl Keys for Gated {
    async fn connection_for(&self, api_key: &str) -> Result<Option<i64>, KeysUnavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        Ok((api_key == "right").then_some(7))
    }

    async fn connection_for_write_key(&self, _: &str) -> Result<Option<i64>, KeysUnavailable> {
        Ok(None)
    }

    async fn any(&self) -> Result<bool, KeysUnavailable> {
        Ok(true)
    }
}

fn gated() -> (Arc<Gated>, Arc<Lookups>) {
    let store = Arc::new(Gated { gate: Semaphore::new(0), asked: AtomicUsize::new(0) });
    (Arc::clone(&store), Arc::new(Lookups::new(store)))
}

fn find(
    lookups: &Arc<Lookups>,
    digest: u8,
    key: &'static str,
    is_suspect: bool,
) -> tokio::task::JoinHandle<Found> {
    let lookups = Arc::clone(lookups);
    tokio::spawn(async move { lookups.find([digest; 32], Key::Api(key), is_suspect).await })
}

#[tokio::test]
async fn requests_with_the_same_key_share_a_lookup_even_if_the_first_is_cancelled() {
    let (store, lookups) = gated();
    let first = find(&lookups, 1, "right", false);
    tokio::task::yield_now().await;
    let others: Vec<_> = (0..10).map(|_| find(&lookups, 1, "right", false)).collect();
    tokio::task::yield_now().await;
    assert_eq!(store.asked.load(Ordering::SeqCst), 1);
    first.abort();
    assert!(first.await.is_err());
    store.gate.add_permits(1);
    for other in others {
        assert_eq!(other.await.unwrap().unwrap(), Owner::Connection(7));
    }
    assert_eq!(store.asked.load(Ordering::SeqCst), 2);
    assert!(lookups.lock().is_empty());
}

#[tokio::test]
async fn clients_with_wrong_keys_wait_for_one_another_and_delay_no_other_client() {
    let (store, lookups) = gated();
    let flood: Vec<_> = (0..100).map(|number| find(&lookups, number, "wrong", true)).collect();
    tokio::task::yield_now().await;
    assert_eq!(store.asked.load(Ordering::SeqCst), SUSPECT_AT_ONCE);
    let honest = find(&lookups, 200, "right", false);
    tokio::task::yield_now().await;
    assert_eq!(store.asked.load(Ordering::SeqCst), SUSPECT_AT_ONCE + 1);
    store.gate.add_permits(101);
    assert_eq!(honest.await.unwrap().unwrap(), Owner::Connection(7));
    for lookup in flood {
        assert_eq!(lookup.await.unwrap().unwrap(), Owner::Nobody);
    }
    assert!(lookups.lock().is_empty());
}
