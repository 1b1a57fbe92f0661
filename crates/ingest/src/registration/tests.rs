//! How often keys are verified, and the answers afterwards.

use std::sync::atomic::AtomicUsize;

use super::*;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const LIMITS: RegistrationLimits = RegistrationLimits { by_client: 3, altogether: 100 };

/// A registrar that knows the secret `right`, fails at `away`, panics at `panic`, and answers when it gets permits.
struct FakeRegistrar {
    gate: Semaphore,
    asked: AtomicUsize,
}

#[async_trait]
impl Registrar for FakeRegistrar {
    async fn register(&self, api_key: &str) -> Result<Registration, KeysUnavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        match api_key.split_once('.').unwrap().1 {
            "right" => Ok(Registration::Connection(7)),
            "away" => Err(KeysUnavailable::new("planted")),
            "panic" => panic!("planted"),
            _ => Ok(Registration::Refused),
        }
    }
}

fn registrations(permits: usize) -> (Arc<FakeRegistrar>, Arc<Registrations>) {
    let registrar = Arc::new(FakeRegistrar { gate: Semaphore::new(permits), asked: AtomicUsize::new(0) });
    (Arc::clone(&registrar), Registrations::new(registrar, LIMITS))
}

async fn register(registrations: &Arc<Registrations>, number: u8, secret: &str) -> Result<i64, Refused> {
    registrations.register(ADDRESS, [number; 32], &format!("pub.{secret}")).await
}

#[tokio::test]
async fn requests_with_the_same_key_share_one_verification_even_if_the_first_is_cancelled() {
    let (registrar, registrations) = registrations(0);
    let ask = || {
        let registrations = Arc::clone(&registrations);
        tokio::spawn(async move { register(&registrations, 1, "right").await })
    };
    let first = ask();
    tokio::task::yield_now().await;
    let others: Vec<_> = (0..100).map(|_| ask()).collect();
    tokio::task::yield_now().await;
    first.abort();
    registrar.gate.add_permits(1);
    for other in others {
        assert_eq!(other.await.unwrap().unwrap(), 7);
    }
    assert_eq!(registrar.asked.load(Ordering::SeqCst), 1);
    assert_eq!(registrations.figures(), RegistrationFigures { registered: 1, ..Default::default() });
    assert!(registrations.memory().pending.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_refused_for_some_minutes_without_a_verification() {
    let (registrar, registrations) = registrations(100);
    for _ in 0..10 {
        assert!(matches!(register(&registrations, 1, "wrong").await, Err(Refused::UnknownKey)));
    }
    assert_eq!(registrar.asked.load(Ordering::SeqCst), 1);
    tokio::time::advance(REFUSED_FOR).await;
    assert!(matches!(register(&registrations, 1, "wrong").await, Err(Refused::UnknownKey)));
    assert_eq!(registrar.asked.load(Ordering::SeqCst), 2);
    assert_eq!(registrations.figures().refused, 2);
}

#[tokio::test(start_paused = true)]
async fn an_unverified_key_is_tried_again_soon_and_does_not_count_as_wrong() {
    let (registrar, registrations) = registrations(100);
    for secret in ["away", "panic"] {
        let asked = registrar.asked.load(Ordering::SeqCst);
        for _ in 0..10 {
            assert!(matches!(register(&registrations, 1, secret).await, Err(Refused::KeysUnavailable)));
            if secret == "panic" {
                break;
            }
        }
        assert_eq!(registrar.asked.load(Ordering::SeqCst), asked + 1, "{secret}");
        tokio::time::advance(UNANSWERED_FOR).await;
    }
    assert_eq!(register(&registrations, 1, "right").await.unwrap(), 7);
    assert!(registrations.memory().pending.is_empty());
}

#[tokio::test(start_paused = true)]
async fn keys_beyond_the_limit_are_not_verified_and_do_not_count_as_wrong() {
    let (registrar, registrations) = registrations(100);
    for number in 0..3 {
        assert!(matches!(register(&registrations, number, "wrong").await, Err(Refused::UnknownKey)));
    }
    let limited = register(&registrations, 9, "right").await;
    assert!(matches!(limited, Err(Refused::TooManyVerifications { .. })), "{limited:?}");
    assert!(matches!(register(&registrations, 1, "wrong").await, Err(Refused::UnknownKey)));
    assert_eq!((registrar.asked.load(Ordering::SeqCst), registrations.figures().limited), (3, 1));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(register(&registrations, 9, "right").await.unwrap(), 7);
}

#[tokio::test]
async fn malformed_keys_are_refused_without_a_verification() {
    let (registrar, registrations) = registrations(100);
    for text in ["", "no dot", ".x", "x."] {
        assert!(matches!(registrations.register(ADDRESS, [0; 32], text).await, Err(Refused::UnknownKey)));
    }
    assert_eq!(registrar.asked.load(Ordering::SeqCst), 0);
}
