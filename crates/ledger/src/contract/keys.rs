//! Promises about keys: API keys and their week of grace, the master key, and its rotation.

use std::sync::Arc;

use connections::store::OLD_KEY_VALID;
use connections::{Conflict, MasterKey, OsRandomness, keys};
use jiff::SignedDuration;

use super::Engine;
use super::accounts::{conflict, owner};
use super::fixtures::{api_key, at, connection, key, master, new_connection};

/// Both keys are valid for a week, then only the new one; calls use the newest.
pub async fn a_replaced_key_is_valid_for_a_week(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    engine.rotate_key(id, key(2), at(10)).await.expect("rotated");
    let week = at(10) + OLD_KEY_VALID;
    let moment = SignedDuration::from_micros(1);
    assert_eq!(owner(engine, 1, week - moment).await, Some(id));
    assert_eq!(owner(engine, 1, week).await, None);
    assert_eq!(owner(engine, 2, week).await, Some(id));
    let newest = engine.credentials(id).await.expect("read");
    assert_eq!(newest.digest, key(2).digest);
    engine.rotate_key(id, newest, at(20)).await.expect("the same key again");
    assert_eq!(owner(engine, 2, week).await, Some(id));
    engine.rotate_key(id, key(1), at(30)).await.expect("back to the first");
    assert_eq!(owner(engine, 1, week).await, Some(id));
    assert_eq!(owner(engine, 2, week).await, Some(id), "now this one has its week");
    assert_eq!(owner(engine, 2, at(30) + OLD_KEY_VALID).await, None);
}

/// An expired key, or a key of a removed connection, may be used for another connection.
pub async fn an_expired_or_removed_key_is_free(engine: &impl Engine) {
    let first = connection(engine, "one", 1).await.id;
    engine.rotate_key(first, key(2), at(0)).await.expect("rotated");
    assert_eq!(conflict(engine.add(new_connection("two", 1)).await), Conflict::KeyTaken);
    let mut later = new_connection("two", 1);
    later.created_at = at(0) + OLD_KEY_VALID;
    let second = engine.add(later.clone()).await.expect("added").id;
    assert_eq!(owner(engine, 1, later.created_at).await, Some(second));
    super::fixtures::remove(engine, first).await;
    connection(engine, "three", 2).await;
}

/// A ledger can be opened only with the master key that it was created with.
pub async fn another_master_key_is_refused(engine: &impl Engine) {
    let unlock = async |master| keys::unlock(master, engine, Arc::new(OsRandomness)).await;
    assert_eq!(unlock(master()).await.expect("an empty ledger takes any").current(), 1);
    let other = unlock(MasterKey::generate(&OsRandomness)).await;
    assert!(matches!(other, Err(keys::UnlockError::OtherMasterKey)), "{other:?}");
    unlock(master()).await.expect("the right one still opens it");
}

/// After a rotation every key is sealed again, opens as before, and the next process seals with the new number.
pub async fn rotation_keeps_every_key_readable(engine: &impl Engine) {
    let old = keys::unlock(master(), engine, Arc::new(OsRandomness)).await.expect("unlocked");
    let id = connection(engine, "shop", 1).await.id;
    engine.rotate_key(id, key(2), at(1)).await.expect("rotated");
    let before = engine.sealed_keys().await.expect("read");
    let (new, sealed) = keys::rotate(&old, engine, engine).await.expect("rotated");
    assert_eq!((new.current(), sealed.api_keys), (2, 2));
    let after = engine.sealed_keys().await.expect("read");
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| { before.digest == after.digest && before.sealed != after.sealed })
    );
    let kept = engine.credentials(id).await.expect("read");
    assert!(old.open_key(&kept).expect("a process that runs on") == api_key(2));
    let next = keys::unlock(master(), engine, Arc::new(OsRandomness)).await.expect("unlocked");
    assert_eq!(next.current(), 2);
    let stale = engine.set_key_number(1, 2).await;
    assert_eq!(conflict(stale), Conflict::KeyNumberChanged);
}
