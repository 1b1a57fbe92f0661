//! Promises about replaced keys.

use connections::store::OLD_KEY_VALID;
use connections::{ApiKey, ReplacedUntil, SharedSecret};
use jiff::SignedDuration;

use super::Engine;
use super::fixtures::{at, connection, vault};

/// The expiry of the last replaced key of each kind is returned until it has passed.
pub async fn the_expiry_of_replaced_keys_is_returned(engine: &impl Engine) {
    let [shop, other] = [connection(engine, "shop", 1).await.id, connection(engine, "other", 2).await.id];
    assert_eq!(engine.replaced_until(shop, at(0)).await.expect("read"), ReplacedUntil::default());
    engine.rotate_write_key(shop, "second", at(10)).await.expect("rotated");
    engine.rotate_write_key(shop, "third", at(20)).await.expect("rotated");
    let key = ApiKey::parse("pub_new.sec_new").expect("a key");
    engine.rotate_key(shop, vault().seal_key(&key), at(30)).await.expect("rotated");
    for (text, second) in [("one", 40), ("two", 50)] {
        let secret = vault().seal_secret(shop, &SharedSecret::parse(text).expect("a secret"));
        engine.set_shared_secret(secret, at(second)).await.expect("set");
    }
    let week_after = |second| Some(at(second) + OLD_KEY_VALID);
    let all =
        ReplacedUntil { api_key: week_after(30), write_key: week_after(20), shared_secret: week_after(50) };
    assert_eq!(engine.replaced_until(shop, at(60)).await.expect("read"), all);
    assert_eq!(engine.replaced_until(other, at(60)).await.expect("read"), ReplacedUntil::default());
    let later = at(30) + OLD_KEY_VALID;
    let rest = ReplacedUntil { shared_secret: week_after(50), ..ReplacedUntil::default() };
    assert_eq!(engine.replaced_until(shop, later).await.expect("read"), rest);
    let just_before = later - SignedDuration::from_micros(1);
    let rest = ReplacedUntil { api_key: week_after(30), ..rest };
    assert_eq!(engine.replaced_until(shop, just_before).await.expect("read"), rest);
}
