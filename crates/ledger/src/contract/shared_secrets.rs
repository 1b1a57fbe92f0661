//! Promises about shared secrets.

use std::sync::Arc;

use connections::shared_secret::MAX_VALID_SECRETS;
use connections::store::OLD_KEY_VALID;
use connections::{ConnectionId, OsRandomness, SealedSecret, SharedSecret, StoreError, keys};
use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::fixtures::{at, connection, master, vault};

fn secret(connection: ConnectionId, text: &str) -> SealedSecret {
    vault().seal_secret(connection, &SharedSecret::parse(text).expect("a secret"))
}

async fn valid(engine: &impl Engine, id: ConnectionId, now: Timestamp) -> Vec<String> {
    let sealed = engine.shared_secrets(id, now).await.expect("read");
    let open =
        |secret: &SealedSecret| vault().open_secret(secret).expect("its own vault").reveal().to_owned();
    sealed.iter().map(open).collect()
}

async fn set(engine: &impl Engine, id: ConnectionId, text: &str, second: i64) {
    engine.set_shared_secret(secret(id, text), at(second)).await.expect("set");
}

/// A connection has the secret that was set for it, no other connection has it, and a removed secret is invalid at once.
pub async fn a_shared_secret_is_kept_until_it_is_removed(engine: &impl Engine) {
    let [shop, other] = [connection(engine, "shop", 1).await.id, connection(engine, "other", 2).await.id];
    assert!(valid(engine, shop, at(0)).await.is_empty());
    set(engine, shop, "one", 0).await;
    set(engine, shop, "one", 1).await;
    assert_eq!(valid(engine, shop, at(1)).await, ["one"]);
    assert!(valid(engine, other, at(1)).await.is_empty());
    set(engine, other, "one", 2).await;
    assert_eq!(valid(engine, other, at(2)).await, ["one"], "two connections may have equal ones");
    set(engine, shop, "two", 2).await;
    assert!(engine.remove_shared_secrets(shop).await.expect("removed"));
    assert!(!engine.remove_shared_secrets(shop).await.expect("there was none"));
    assert!(valid(engine, shop, at(2)).await.is_empty());
    assert_eq!(valid(engine, other, at(2)).await, ["one"]);
    let nobody = engine.set_shared_secret(secret(-1, "one"), at(2)).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
}

/// Both are valid for a week, the newest first, then only the new one. The number of valid ones is limited.
pub async fn a_replaced_shared_secret_is_valid_for_a_week(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    set(engine, id, "one", 0).await;
    set(engine, id, "two", 10).await;
    let week = at(10) + OLD_KEY_VALID;
    assert_eq!(valid(engine, id, week - SignedDuration::from_micros(1)).await, ["two", "one"]);
    assert_eq!(valid(engine, id, week).await, ["two"]);
    set(engine, id, "one", 20).await;
    assert_eq!(valid(engine, id, week).await, ["one", "two"], "now the other one has its week");
    for second in 0..20 {
        set(engine, id, &format!("number {second}"), 30 + second).await;
    }
    let newest = valid(engine, id, at(60)).await;
    assert_eq!((newest[0].as_str(), newest.len()), ("number 19", MAX_VALID_SECRETS));
}

/// Secrets are removed with their connection.
pub async fn shared_secrets_are_removed_with_their_connection(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    set(engine, id, "one", 0).await;
    super::fixtures::remove(engine, id).await;
    assert!(engine.all_shared_secrets().await.expect("read").is_empty());
}

/// After a rotation of the encryption key every shared secret is sealed again and opens as before, replaced ones too.
pub async fn rotation_keeps_every_shared_secret_readable(engine: &impl Engine) {
    let old = keys::unlock(master(), engine, Arc::new(OsRandomness)).await.expect("unlocked");
    let id = connection(engine, "shop", 1).await.id;
    set(engine, id, "one", 0).await;
    set(engine, id, "two", 1).await;
    let before = engine.all_shared_secrets().await.expect("read");
    let (_, resealed) = keys::rotate(&old, engine, engine).await.expect("rotated");
    assert_eq!((resealed.api_keys, resealed.shared_secrets), (1, 2));
    let after = engine.all_shared_secrets().await.expect("read");
    let is_resealed = |(old, new): (&SealedSecret, &SealedSecret)| {
        (old.connection, old.digest) == (new.connection, new.digest) && old.sealed != new.sealed
    };
    assert_eq!((before.len(), before.iter().zip(&after).all(is_resealed)), (2, true));
    assert_eq!(valid(engine, id, at(2)).await, ["two", "one"]);
}
