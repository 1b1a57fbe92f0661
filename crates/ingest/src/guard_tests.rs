//! The answers to keys while the store is available, and while it is not.

use async_trait::async_trait;

use super::*;
use crate::KeysUnavailable;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[derive(Clone, Copy)]
enum StoreState {
    Answers(Option<i64>),
    /// The store has no key at all.
    Empty,
    Down,
    Hangs,
}

struct Store {
    state: Mutex<StoreState>,
    asked: Mutex<u32>,
}

#[async_trait]
impl Keys for Store {
    async fn connection_for(&self, _: &str) -> Result<Option<i64>, KeysUnavailable> {
        *self.asked.lock() += 1;
        let state = *self.state.lock();
        match state {
            StoreState::Answers(connection) => Ok(connection),
            StoreState::Empty => Ok(None),
            StoreState::Down => Err(KeysUnavailable::new("planted")),
            StoreState::Hangs => std::future::pending().await,
        }
    }

    async fn connection_for_write_key(&self, key: &str) -> Result<Option<i64>, KeysUnavailable> {
        self.connection_for(key).await
    }

    async fn any(&self) -> Result<bool, KeysUnavailable> {
        let state = *self.state.lock();
        match state {
            StoreState::Answers(_) => Ok(true),
            StoreState::Empty => Ok(false),
            StoreState::Down => Err(KeysUnavailable::new("planted")),
            StoreState::Hangs => std::future::pending().await,
        }
    }
}

struct Harness {
    store: Arc<Store>,
    guard: Guard,
}

impl Harness {
    fn new(state: StoreState) -> Self {
        let store = Arc::new(Store { state: Mutex::new(state), asked: Mutex::new(0) });
        Self { guard: Guard::new(store.clone(), 3), store }
    }

    fn set(&self, state: StoreState) {
        *self.store.state.lock() = state;
    }

    fn asked(&self) -> u32 {
        *self.store.asked.lock()
    }

    async fn ask(&self, key: &str) -> Result<i64, Refused> {
        self.guard.connection_for(ADDRESS, Key::Api(key)).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_known_key_is_accepted_from_the_cache_for_a_while_and_then_looked_up_again() {
    let harness = Harness::new(StoreState::Answers(Some(7)));
    for _ in 0..10 {
        assert_eq!(harness.ask("p.s").await.unwrap(), 7);
    }
    assert_eq!(harness.asked(), 1);
    tokio::time::advance(FRESH).await;
    harness.set(StoreState::Answers(None));
    assert!(matches!(harness.ask("p.s").await, Err(Refused::UnknownKey)), "a removed key stops working");
    assert_eq!(harness.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn known_keys_are_accepted_while_the_store_is_down_and_no_key_counts_as_unknown() {
    for failure in [StoreState::Down, StoreState::Hangs] {
        let harness = Harness::new(StoreState::Answers(Some(7)));
        harness.ask("p.s").await.unwrap();
        harness.set(failure);
        for _ in 0..5 {
            tokio::time::advance(FRESH * 100).await;
            assert_eq!(harness.ask("p.s").await.unwrap(), 7);
        }
        assert!(matches!(harness.ask("other.key").await, Err(Refused::KeysUnavailable)));
        harness.set(StoreState::Answers(Some(8)));
        assert_eq!(harness.ask("other.key").await.unwrap(), 8);
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_repeats_the_lookup_and_the_others_do_not_wait_for_it() {
    let harness = Arc::new(Harness::new(StoreState::Answers(Some(7))));
    harness.ask("p.s").await.unwrap();
    tokio::time::advance(FRESH).await;
    harness.set(StoreState::Hangs);
    let one = tokio::spawn({
        let harness = Arc::clone(&harness);
        async move { harness.ask("p.s").await }
    });
    tokio::task::yield_now().await;
    let before = Instant::now();
    assert_eq!(harness.ask("p.s").await.unwrap(), 7);
    assert_eq!(Instant::now(), before);
    assert_eq!(one.await.unwrap().unwrap(), 7);
    assert_eq!(harness.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_that_is_added_later_is_accepted_soon() {
    let harness = Harness::new(StoreState::Answers(None));
    for _ in 0..10 {
        assert!(matches!(harness.ask("p.s").await, Err(Refused::UnknownKey)));
    }
    assert_eq!(harness.asked(), 1);
    harness.set(StoreState::Answers(Some(7)));
    tokio::time::advance(WRONG).await;
    assert_eq!(harness.ask("p.s").await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_new_valid_key_is_accepted_after_any_wrong_keys_of_its_client() {
    let harness = Harness::new(StoreState::Answers(None));
    for number in 0..3 {
        assert!(matches!(harness.ask(&format!("wrong.{number}")).await, Err(Refused::UnknownKey)));
    }
    for number in 3..100 {
        let refused = harness.ask(&format!("wrong.{number}")).await;
        assert!(matches!(refused, Err(Refused::TooManyKeys { .. })), "{refused:?}");
    }
    assert!(matches!(harness.ask("wrong.0").await, Err(Refused::UnknownKey)), "counted already");
    harness.set(StoreState::Answers(Some(7)));
    assert_eq!(harness.ask("good.key").await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_store_without_keys_refuses_no_key_as_wrong() {
    let harness = Harness::new(StoreState::Empty);
    assert!(matches!(harness.ask("p.s").await, Err(Refused::NotSetUp)));
    assert!(matches!(harness.guard.without_key().await, Refused::NotSetUp));
    harness.set(StoreState::Answers(Some(7)));
    assert_eq!(harness.ask("p.s").await.unwrap(), 7, "from the next request on");
    assert!(matches!(harness.guard.without_key().await, Refused::NoKey));
    tokio::time::advance(FRESH).await;
    harness.set(StoreState::Empty);
    assert!(matches!(harness.ask("p.s").await, Err(Refused::NotSetUp)), "the last connection was removed");
    for failure in [StoreState::Down, StoreState::Hangs] {
        harness.set(failure);
        tokio::time::advance(FRESH).await;
        assert!(matches!(harness.guard.without_key().await, Refused::KeysUnavailable));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cached_write_key_is_accepted_while_the_store_is_down_and_is_no_api_key() {
    let harness = Harness::new(StoreState::Answers(Some(7)));
    assert_eq!(harness.guard.connection_for(ADDRESS, Key::Write("same")).await.unwrap(), 7);
    harness.set(StoreState::Down);
    tokio::time::advance(FRESH * 100).await;
    assert_eq!(harness.guard.connection_for(ADDRESS, Key::Write("same")).await.unwrap(), 7);
    assert!(matches!(harness.ask("same").await, Err(Refused::KeysUnavailable)));
}
