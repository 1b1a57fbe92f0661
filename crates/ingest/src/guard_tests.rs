//! What is said about a key, while the store answers and while it does not.

use async_trait::async_trait;

use super::*;
use crate::KeysUnavailable;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[derive(Clone, Copy)]
enum Mood {
    Answers(Option<i64>),
    /// It has no key at all.
    Empty,
    Down,
    Hangs,
}

struct Store {
    mood: Mutex<Mood>,
    asked: Mutex<u32>,
}

#[async_trait]
impl Keys for Store {
    async fn connection_for(&self, _: &str) -> Result<Option<i64>, KeysUnavailable> {
        *self.asked.lock() += 1;
        let mood = *self.mood.lock();
        match mood {
            Mood::Answers(connection) => Ok(connection),
            Mood::Empty => Ok(None),
            Mood::Down => Err(KeysUnavailable::new("planted")),
            Mood::Hangs => std::future::pending().await,
        }
    }

    async fn connection_for_write_key(&self, key: &str) -> Result<Option<i64>, KeysUnavailable> {
        self.connection_for(key).await
    }

    async fn any(&self) -> Result<bool, KeysUnavailable> {
        let mood = *self.mood.lock();
        match mood {
            Mood::Answers(_) => Ok(true),
            Mood::Empty => Ok(false),
            Mood::Down => Err(KeysUnavailable::new("planted")),
            Mood::Hangs => std::future::pending().await,
        }
    }
}

struct Scene {
    store: Arc<Store>,
    guard: Guard,
}

impl Scene {
    fn new(mood: Mood) -> Self {
        let store = Arc::new(Store { mood: Mutex::new(mood), asked: Mutex::new(0) });
        Self { guard: Guard::new(store.clone(), 3), store }
    }

    fn set(&self, mood: Mood) {
        *self.store.mood.lock() = mood;
    }

    fn asked(&self) -> u32 {
        *self.store.asked.lock()
    }

    async fn ask(&self, key: &str) -> Result<i64, Refused> {
        self.guard.connection_for(ADDRESS, Key::Api(key)).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_known_key_is_taken_without_asking_for_a_while_and_then_asked_for_again() {
    let scene = Scene::new(Mood::Answers(Some(7)));
    for _ in 0..10 {
        assert_eq!(scene.ask("p.s").await.unwrap(), 7);
    }
    assert_eq!(scene.asked(), 1);
    tokio::time::advance(FRESH).await;
    scene.set(Mood::Answers(None));
    assert!(matches!(scene.ask("p.s").await, Err(Refused::UnknownKey)), "a removed key stops working");
    assert_eq!(scene.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn known_keys_are_taken_while_the_store_is_down_and_unknown_ones_are_not_called_unknown() {
    for trouble in [Mood::Down, Mood::Hangs] {
        let scene = Scene::new(Mood::Answers(Some(7)));
        scene.ask("p.s").await.unwrap();
        scene.set(trouble);
        for _ in 0..5 {
            tokio::time::advance(FRESH * 100).await;
            assert_eq!(scene.ask("p.s").await.unwrap(), 7);
        }
        assert!(matches!(scene.ask("other.key").await, Err(Refused::KeysUnavailable)));
        scene.set(Mood::Answers(Some(8)));
        assert_eq!(scene.ask("other.key").await.unwrap(), 8);
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_asks_again_and_the_others_do_not_wait_for_it() {
    let scene = Arc::new(Scene::new(Mood::Answers(Some(7))));
    scene.ask("p.s").await.unwrap();
    tokio::time::advance(FRESH).await;
    scene.set(Mood::Hangs);
    let one = tokio::spawn({
        let scene = Arc::clone(&scene);
        async move { scene.ask("p.s").await }
    });
    tokio::task::yield_now().await;
    let before = Instant::now();
    assert_eq!(scene.ask("p.s").await.unwrap(), 7);
    assert_eq!(Instant::now(), before);
    assert_eq!(one.await.unwrap().unwrap(), 7);
    assert_eq!(scene.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_added_after_it_was_wrong_opens_soon() {
    let scene = Scene::new(Mood::Answers(None));
    for _ in 0..10 {
        assert!(matches!(scene.ask("p.s").await, Err(Refused::UnknownKey)));
    }
    assert_eq!(scene.asked(), 1);
    scene.set(Mood::Answers(Some(7)));
    tokio::time::advance(WRONG).await;
    assert_eq!(scene.ask("p.s").await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_right_key_that_was_never_seen_is_taken_whatever_was_tried_from_its_client() {
    let scene = Scene::new(Mood::Answers(None));
    for number in 0..3 {
        assert!(matches!(scene.ask(&format!("wrong.{number}")).await, Err(Refused::UnknownKey)));
    }
    for number in 3..100 {
        let refused = scene.ask(&format!("wrong.{number}")).await;
        assert!(matches!(refused, Err(Refused::TooManyKeys { .. })), "{refused:?}");
    }
    assert!(matches!(scene.ask("wrong.0").await, Err(Refused::UnknownKey)), "counted already");
    scene.set(Mood::Answers(Some(7)));
    assert_eq!(scene.ask("good.key").await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_store_without_any_key_calls_none_wrong() {
    let scene = Scene::new(Mood::Empty);
    assert!(matches!(scene.ask("p.s").await, Err(Refused::NotSetUp)));
    assert!(matches!(scene.guard.without_key().await, Refused::NotSetUp));
    scene.set(Mood::Answers(Some(7)));
    assert_eq!(scene.ask("p.s").await.unwrap(), 7, "from the next request on");
    assert!(matches!(scene.guard.without_key().await, Refused::NoKey));
    tokio::time::advance(FRESH).await;
    scene.set(Mood::Empty);
    assert!(matches!(scene.ask("p.s").await, Err(Refused::NotSetUp)), "the last connection was removed");
    for trouble in [Mood::Down, Mood::Hangs] {
        scene.set(trouble);
        tokio::time::advance(FRESH).await;
        assert!(matches!(scene.guard.without_key().await, Refused::KeysUnavailable));
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_key_is_remembered_while_the_store_is_down_and_is_no_api_key() {
    let scene = Scene::new(Mood::Answers(Some(7)));
    assert_eq!(scene.guard.connection_for(ADDRESS, Key::Write("same")).await.unwrap(), 7);
    scene.set(Mood::Down);
    tokio::time::advance(FRESH * 100).await;
    assert_eq!(scene.guard.connection_for(ADDRESS, Key::Write("same")).await.unwrap(), 7);
    assert!(matches!(scene.ask("same").await, Err(Refused::KeysUnavailable)));
}
