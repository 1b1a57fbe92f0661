//! What the door says about a key, while the store answers and while it does not.

use async_trait::async_trait;

use super::*;
use crate::KeysUnavailable;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[derive(Clone, Copy)]
enum Mood {
    Answers(Option<i64>),
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
        *self.asked.lock().unwrap() += 1;
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Answers(connection) => Ok(connection),
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
        *self.store.mood.lock().unwrap() = mood;
    }

    fn asked(&self) -> u32 {
        *self.store.asked.lock().unwrap()
    }

    async fn ask(&self, key: &str) -> Result<i64, Refused> {
        self.guard.connection_for(ADDRESS, key).await
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
async fn who_tries_too_many_keys_is_stopped_but_known_keys_from_there_are_not() {
    let scene = Scene::new(Mood::Answers(Some(7)));
    scene.ask("good.key").await.unwrap();
    scene.set(Mood::Answers(None));
    for number in 0..3 {
        assert!(matches!(scene.ask(&format!("wrong.{number}")).await, Err(Refused::UnknownKey)));
    }
    assert!(matches!(scene.ask("wrong.3").await, Err(Refused::TooManyKeys { .. })));
    assert_eq!(scene.asked(), 4, "the fourth wrong key was not even looked up");
    assert_eq!(scene.ask("good.key").await.unwrap(), 7);
}
