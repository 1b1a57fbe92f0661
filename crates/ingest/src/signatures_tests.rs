//! How often the store is asked for shared secrets, and the answers that are used while it is unavailable.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hyper::header::HeaderValue;

use super::*;

/// A store with the secret `Jefe` for connection 1.
#[derive(Default)]
struct Store {
    asked: AtomicUsize,
    is_away: AtomicBool,
    is_removed: AtomicBool,
}

#[async_trait]
impl SharedSecrets for Store {
    async fn of(&self, connection: i64) -> Result<Vec<SharedSecret>, KeysUnavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            return Err(KeysUnavailable::new("planted"));
        }
        let has_one = connection == 1 && !self.is_removed.load(Ordering::SeqCst);
        Ok(if has_one { vec![SharedSecret::parse("Jefe").unwrap()] } else { Vec::new() })
    }
}

fn signatures() -> (Arc<Store>, Signatures) {
    let store = Arc::new(Store::default());
    (Arc::clone(&store), Signatures::new(store))
}

/// RFC 2202, test case 2.
const TEXT: &[u8] = b"what do ya want for nothing?";

fn signed() -> HeaderMap {
    let value = HeaderValue::from_static("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    HeaderMap::from_iter([(hyper::header::HeaderName::from_static("x-signature"), value)])
}

#[tokio::test(start_paused = true)]
async fn the_store_is_read_once_in_ten_seconds_and_its_answer_is_used_during_an_outage() {
    let (store, signatures) = signatures();
    for _ in 0..100 {
        let claim = signatures.claim(1, &signed()).await.unwrap();
        assert!(claim.check(TEXT).is_ok() && claim.check(b"other").is_err());
        assert!(matches!(signatures.claim(1, &HeaderMap::new()).await, Err(Refused::NoSignature)));
        assert!(matches!(signatures.claim(2, &HeaderMap::new()).await, Ok(Claim::Unsigned)));
    }
    assert_eq!(store.asked.load(Ordering::SeqCst), 2, "once for each connection");
    store.is_away.store(true, Ordering::SeqCst);
    tokio::time::advance(FRESH * 1000).await;
    assert!(matches!(signatures.claim(1, &HeaderMap::new()).await, Err(Refused::NoSignature)));
    assert!(signatures.claim(1, &signed()).await.unwrap().check(TEXT).is_ok());
    assert!(matches!(signatures.claim(2, &HeaderMap::new()).await, Ok(Claim::Unsigned)));
    assert!(matches!(signatures.claim(3, &signed()).await, Err(Refused::KeysUnavailable)));
    store.is_away.store(false, Ordering::SeqCst);
    store.is_removed.store(true, Ordering::SeqCst);
    tokio::time::advance(FRESH).await;
    assert!(matches!(signatures.claim(1, &HeaderMap::new()).await, Ok(Claim::Unsigned)));
}

#[tokio::test]
async fn an_array_is_signed_by_its_first_element_or_as_a_whole() {
    let (_, signatures) = signatures();
    let claim = signatures.claim(1, &signed()).await.unwrap();
    assert!(claim.check_array(b"whole", Some(TEXT)).is_ok());
    assert!(claim.check_array(TEXT, Some(b"first")).is_ok());
    assert!(claim.check_array(TEXT, None).is_ok());
    assert!(claim.check_array(b"whole", Some(b"first")).is_err());
    assert!(claim.check_array(b"[]", None).is_err());
}
