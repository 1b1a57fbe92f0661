//! Promises about write keys.

use connections::store::OLD_KEY_VALID;
use connections::{ConnectionId, StoreError};
use jiff::Timestamp;

use super::Engine;
use super::fixtures::{at, connection};

async fn owner(engine: &impl Engine, key: &str, now: Timestamp) -> Option<ConnectionId> {
    engine.by_write_key(key, now).await.expect("read")
}

/// A connection is found by its write key, and not by any other text.
pub async fn a_connection_is_found_by_its_write_key(engine: &impl Engine) {
    let [shop, other] = [connection(engine, "shop", 1).await, connection(engine, "other", 2).await];
    assert_eq!(owner(engine, &shop.write_key, at(1)).await, Some(shop.id));
    assert_eq!(owner(engine, &other.write_key, at(1)).await, Some(other.id));
    for wrong in ["", "nobody's", &shop.write_key.to_uppercase(), &format!("{} ", shop.write_key)] {
        assert_eq!(owner(engine, wrong, at(1)).await, None, "{wrong}");
    }
    super::fixtures::remove(engine, shop.id).await;
    assert_eq!(owner(engine, &shop.write_key, at(1)).await, None);
}

/// Pages that were loaded before a rotation can go on sending for a week.
pub async fn a_replaced_write_key_is_valid_for_a_week(engine: &impl Engine) {
    let shop = connection(engine, "shop", 1).await;
    let old = shop.write_key.as_str();
    engine.rotate_write_key(shop.id, "second", at(10)).await.expect("rotated");
    let kept = engine.by_id(shop.id).await.expect("read").expect("there");
    assert_eq!(kept.write_key, "second");
    let end = at(10) + OLD_KEY_VALID;
    let just_before = end - jiff::SignedDuration::from_micros(1);
    assert_eq!(owner(engine, old, just_before).await, Some(shop.id));
    assert_eq!(owner(engine, old, end).await, None);
    engine.rotate_write_key(shop.id, "third", at(20)).await.expect("rotated");
    for key in [old, "second", "third"] {
        assert_eq!(owner(engine, key, just_before).await, Some(shop.id), "{key}");
    }
    assert_eq!((owner(engine, old, end).await, owner(engine, "second", end).await), (None, Some(shop.id)));
    super::fixtures::remove(engine, shop.id).await;
    assert_eq!(owner(engine, "second", at(21)).await, None);
    let nobody = engine.rotate_write_key(shop.id, "fourth", at(30)).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
}
