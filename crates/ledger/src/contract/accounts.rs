//! Promises about connections.

use std::collections::BTreeMap;

use connections::{Conflict, PausedFor, Settings, State, StoreError};
use jiff::Timestamp;

use super::Engine;
use super::fixtures::{
    api_key, at, connection, counts, dead_letter, event, events, found, holding, key, letters,
    new_connection, outcome, outcomes, record, save, saves, vault,
};
use crate::{Changes, LedgerError};

pub(super) async fn owner(engine: &impl Engine, number: u32, now: Timestamp) -> Option<i64> {
    engine.by_key_digest(&key(number).digest, now).await.expect("read")
}

pub(super) fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Conflict {
    match result {
        Err(StoreError::Conflict(conflict)) => conflict,
        other => panic!("a conflict was expected: {other:?}"),
    }
}

/// A wait that Refersion asked for outlasts pauses that end by themselves, and ends when an operator resumes the connection.
pub async fn a_requested_wait_ends_when_an_operator_resumes(engine: &impl Engine) {
    let shop = connection(engine, "shop", 1).await;
    let asked = async || engine.by_id(shop.id).await.expect("read").expect("there").asked_to_wait_until;
    assert_eq!(asked().await, None);
    engine.save_asked_to_wait(shop.id, at(60)).await.expect("saved");
    engine.pause(shop.id, PausedFor::Breaker, "unwell", at(1)).await.expect("paused");
    engine.resume(shop.id, Some(PausedFor::Breaker)).await.expect("resumed");
    assert_eq!(asked().await, Some(at(60)));
    engine.resume(shop.id, None).await.expect("resumed");
    assert_eq!(asked().await, None);
    assert!(matches!(engine.save_asked_to_wait(-1, at(60)).await, Err(StoreError::NotFound)));
}

/// A numeric id is known with its code, in its connection alone, until the connection is removed.
pub async fn codes_are_found_by_numeric_id(engine: &impl Engine) {
    let [shop, other] = [connection(engine, "shop", 1).await.id, connection(engine, "other", 2).await.id];
    let affiliates = vec![(77, "abc".to_owned()), (78, "abd".to_owned()), (77, "abc".to_owned())];
    record(engine, Changes { connection: shop, affiliates, ..Changes::default() }).await;
    let codes = async |of, ids: &[u64]| engine.affiliate_codes(of, ids).await.expect("read");
    let both = BTreeMap::from([(77, "abc".to_owned()), (78, "abd".to_owned())]);
    assert_eq!(codes(shop, &[79, 78, 77]).await, both);
    assert_eq!(codes(shop, &[]).await.len() + codes(other, &[77, 78]).await.len(), 0);
    super::fixtures::remove(engine, shop).await;
    assert!(codes(shop, &[77]).await.is_empty());
}

/// A new connection is active, and is found unchanged by its name, its id and its key.
pub async fn a_connection_is_found_by_name_id_and_key(engine: &impl Engine) {
    let mut new = new_connection("shop", 1);
    new.settings.custom_fields.insert("vip".to_owned(), 7);
    let added = engine.add(new.clone()).await.expect("added");
    assert_eq!((added.settings_version, added.state), (1, State::Active));
    assert_eq!((&added.name, &added.settings, &added.write_key), (&new.name, &new.settings, &new.write_key));
    assert_eq!((added.created_at, added.paused_since, added.learned_rate), (at(0), None, None));
    assert_eq!(engine.by_name(&new.name).await.expect("read").as_ref(), Some(&added));
    assert_eq!(engine.by_id(added.id).await.expect("read").as_ref(), Some(&added));
    assert_eq!(owner(engine, 1, at(1)).await, Some(added.id));
    assert_eq!(owner(engine, 2, at(1)).await, None);
    let kept = engine.credentials(added.id).await.expect("read");
    assert_eq!(kept, new.key);
    assert!(vault().open_key(&kept).expect("its own vault") == api_key(1));
    connection(engine, "a-shop", 2).await;
    let names: Vec<String> =
        engine.list().await.expect("read").iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["a-shop", "shop"]);
}

/// A store is empty only while it has no connections; paused ones count.
pub async fn a_store_is_empty_while_it_has_no_connection(engine: &impl Engine) {
    assert!(engine.is_empty().await.expect("read"));
    let shop = connection(engine, "shop", 1).await;
    engine.pause(shop.id, PausedFor::Operator, "an operator paused it", at(1)).await.expect("paused");
    assert!(!engine.is_empty().await.expect("read"));
    super::fixtures::remove(engine, shop.id).await;
    assert!(engine.is_empty().await.expect("read"));
}

/// A name or a key belongs to one connection at most; a failed attempt changes nothing.
pub async fn names_and_keys_are_unique(engine: &impl Engine) {
    let first = connection(engine, "one", 1).await;
    assert_eq!(conflict(engine.add(new_connection("one", 2)).await), Conflict::NameTaken);
    assert_eq!(conflict(engine.add(new_connection("two", 1)).await), Conflict::KeyTaken);
    assert_eq!(engine.list().await.expect("read"), [first]);
    let second = connection(engine, "two", 2).await;
    assert_eq!(conflict(engine.rotate_key(second.id, key(1), at(1)).await), Conflict::KeyTaken);
    assert_eq!(owner(engine, 2, at(2)).await, Some(second.id));
}

/// A change of settings is refused as a conflict if somebody else has changed them meanwhile.
pub async fn settings_change_only_from_the_version_that_was_seen(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let changed = Settings { rate_per_second: 2.5, ..Settings::default() };
    assert_eq!(engine.set_settings(id, 1, &changed).await.expect("changed"), 2);
    let late = engine.set_settings(id, 1, &Settings::default()).await;
    assert_eq!(conflict(late), Conflict::SettingsChanged);
    let now = engine.by_id(id).await.expect("read").expect("there");
    assert_eq!((now.settings_version, now.settings), (2, changed));
    let nobody = engine.set_settings(-1, 1, &Settings::default()).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
}

/// A weaker reason for a pause neither replaces nor ends a stronger one; an operator ends any pause.
pub async fn the_stronger_reason_for_a_pause_is_kept(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let pause = async |reason, second| engine.pause(id, reason, "a cause", at(second)).await.expect("paused");
    let paused = async || engine.by_id(id).await.expect("read").expect("there");
    assert_eq!(pause(PausedFor::Breaker, 1).await, State::Paused(PausedFor::Breaker));
    assert_eq!(pause(PausedFor::Credentials, 2).await, State::Paused(PausedFor::Credentials));
    assert_eq!(pause(PausedFor::Credentials, 3).await, State::Paused(PausedFor::Credentials));
    assert_eq!(paused().await.paused_since, Some(at(2)));
    assert_eq!(paused().await.paused_because.as_deref(), Some("a cause"));
    assert_eq!(pause(PausedFor::Configuration, 4).await, State::Paused(PausedFor::Credentials));
    assert!(!engine.resume(id, Some(PausedFor::Breaker)).await.expect("answered"));
    assert_eq!(paused().await.state, State::Paused(PausedFor::Credentials));
    assert!(engine.resume(id, Some(PausedFor::Credentials)).await.expect("answered"));
    let active = paused().await;
    assert_eq!((active.state, active.paused_since, active.paused_because), (State::Active, None, None));
    assert_eq!(pause(PausedFor::Operator, 5).await, State::Paused(PausedFor::Operator));
    assert!(engine.resume(id, None).await.expect("answered"));
    assert!(engine.resume(id, None).await.expect("an active connection is active"));
    assert!(matches!(engine.resume(-1, None).await, Err(StoreError::NotFound)));
}

/// A cause from before a change of the settings, or before a resume, does not pause the connection.
pub async fn a_pause_for_outdated_settings_changes_nothing(engine: &impl Engine) {
    let first = connection(engine, "shop", 1).await;
    let id = first.id;
    let configuration = PausedFor::Configuration;
    let pause =
        async |seen| engine.pause_in(id, seen, configuration, "a field", at(1)).await.expect("answered");
    assert_eq!(pause(first.epoch()).await, State::Paused(configuration));
    let changed = Settings { rate_per_second: 2.5, ..Settings::default() };
    engine.set_settings(id, 1, &changed).await.expect("changed");
    assert!(engine.resume(id, None).await.expect("answered"));
    assert_eq!(pause(first.epoch()).await, State::Active);
    let resumed = engine.by_id(id).await.expect("read").expect("there");
    assert_eq!((resumed.state, resumed.resumes), (State::Active, 1));
    assert_eq!(pause(resumed.epoch()).await, State::Paused(configuration));
    assert!(engine.resume(id, None).await.expect("answered"));
    assert_eq!(
        pause(resumed.epoch()).await,
        State::Active,
        "the settings are the same, and the resume is newer"
    );
    let nobody = engine.pause_in(-1, resumed.epoch(), configuration, "", at(1)).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
}

/// Removing a connection removes all of its data, and none of other connections; its id is not used again.
pub async fn a_removed_connection_leaves_nothing(engine: &impl Engine) {
    let (gone, stays) = (connection(engine, "one", 1).await.id, connection(engine, "two", 2).await.id);
    for (id, number) in [(gone, 1), (stays, 2)] {
        record(engine, saves(id, vec![save(None, &[1])])).await;
        record(engine, events(id, vec![event(number, &[5])])).await;
        dead_letter(engine, id, number + 10, 5).await;
        let ended = outcomes(id, vec![outcome(number + 20, 1, crate::State::Updated, 5)]);
        record(engine, Changes { events: vec![event(number + 20, &[6])], ..ended }).await;
    }
    super::fixtures::remove(engine, gone).await;
    assert!(matches!(engine.remove(gone).await, Err(StoreError::NotFound)));
    assert!(matches!(engine.credentials(gone).await, Err(StoreError::NotFound)));
    assert_eq!(owner(engine, 1, at(1)).await, None);
    assert!(holding(engine, gone, &[1]).await.is_empty());
    assert_eq!(holding(engine, stays, &[1]).await.len(), 1);
    for digest in [5, 6] {
        assert_eq!(
            found(engine, digest).await.iter().map(|view| view.connection).collect::<Vec<_>>(),
            [stays]
        );
    }
    assert_eq!(letters(engine).await.iter().map(|letter| letter.connection).collect::<Vec<_>>(), [stays]);
    let groups = engine.groups(at(5)).await.expect("grouped");
    assert_eq!(groups.iter().map(|group| group.connection).collect::<Vec<_>>(), [stays]);
    assert_eq!((counts(engine, gone).await.pending, counts(engine, stays).await.pending), (0, 1));
    assert!(counts(engine, gone).await.outcomes.is_empty());
    let late = engine.record(saves(gone, vec![save(None, &[9])])).await;
    assert!(
        matches!(late, Err(LedgerError::Conflict)),
        "what was read before is not recorded after: {late:?}"
    );
    super::fixtures::remove(engine, stays).await;
    let new = connection(engine, "three", 1).await.id;
    assert!(new != gone && new != stays);
}

/// The learned rate is kept across restarts of the worker.
pub async fn a_learned_rate_is_stored(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    engine.save_learned_rate(id, 3.25).await.expect("saved");
    assert_eq!(engine.by_id(id).await.expect("read").expect("there").learned_rate, Some(3.25));
    assert!(matches!(engine.save_learned_rate(-1, 1.0).await, Err(StoreError::NotFound)));
}
