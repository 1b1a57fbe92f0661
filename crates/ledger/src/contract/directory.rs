//! Promises about the directory of affiliates.

use connections::ConnectionId;
use identity::Digest;
use identity::graph::Status;
use jiff::Timestamp;
use std::time::Duration;
use uuid::Uuid;

use super::Engine;
use super::fixtures::{at, connection};
use crate::directory::MAX_DRIFT;
use crate::{Drift, Fence, FinishedWalk, LedgerError, ListedAffiliate, Page, Walk, WalkRequest};

fn address(number: u8) -> Digest {
    Digest([number; 16])
}

fn affiliate(number: u8) -> ListedAffiliate {
    let (code, address) = (format!("c{number}"), Some(address(number)));
    ListedAffiliate { code, address, id: None, status: Some(Status::Active) }
}

fn request(second: i64) -> WalkRequest {
    WalkRequest { asked_at: at(second), verify: false, repair: false, max_calls: None }
}

async fn fence(engine: &impl Engine, id: ConnectionId) -> Fence {
    let lease = engine.lease(id, Uuid::from_u128(7), at(0), Duration::from_secs(3_600)).await;
    Fence { token: lease.expect("a ledger").expect("nobody has it").token }
}

fn page(walk: &Walk, asked_at: Timestamp, affiliates: Vec<ListedAffiliate>) -> Page {
    let walk = Walk { calls: walk.calls + 1, page: walk.page + 1, ..walk.clone() };
    Page { walk, asked_at, affiliates, drift: Vec::new() }
}

async fn codes(engine: &impl Engine, id: ConnectionId, numbers: &[u8]) -> Vec<(u8, String)> {
    let addresses: Vec<Digest> = numbers.iter().copied().map(address).collect();
    let known = engine.look_up(id, &addresses).await.expect("read");
    assert_eq!(known.looked_up, addresses.into_iter().collect());
    known.listed.iter().map(|(address, it)| (address.0[0], it.code.to_string())).collect()
}

/// A walk counts each affiliate once in a pass, and once as new; its stored progress survives a crash.
pub async fn a_walk_continues_after_a_crash(engine: &impl Engine) {
    let [shop, other] = [connection(engine, "shop", 1).await.id, connection(engine, "other", 2).await.id];
    let fence = fence(engine, shop).await;
    engine.request_walk(shop, request(1)).await.expect("asked");
    assert_eq!(engine.directory(shop).await.expect("read").requested, Some(request(1)));
    let walk = Walk::begin(request(1), at(2));
    engine.save_walk(shop, fence, &walk).await.expect("begun");
    let walk = page(&walk, at(3), vec![affiliate(1), affiliate(2), affiliate(2)]);
    let walk = engine.note_page(shop, fence, &walk).await.expect("noted");
    assert_eq!((walk.seen, walk.fresh, walk.page), (2, 2, 2));
    let walk = engine.note_page(shop, fence, &page(&walk, at(4), vec![affiliate(2), affiliate(3)])).await;
    let walk = walk.expect("noted");
    assert_eq!((walk.seen, walk.fresh), (3, 3));
    let state = engine.directory(shop).await.expect("read");
    assert_eq!((state.requested, state.walk.as_ref(), state.complete_since), (None, Some(&walk), None));
    let second = Walk { pass: 2, pass_started_at: at(5), page: 1, seen: 0, fresh: 0, ..walk };
    engine.save_walk(shop, fence, &second).await.expect("saved");
    let second = engine.note_page(shop, fence, &page(&second, at(6), (1..=4).map(affiliate).collect())).await;
    let second = second.expect("noted");
    assert_eq!((second.seen, second.fresh), (4, 1), "one of them is new to the walk");
    assert_eq!(codes(engine, shop, &[1, 4, 9]).await, [(1, "c1".to_owned()), (4, "c4".to_owned())]);
    assert!(codes(engine, other, &[1]).await.is_empty());
}

/// A request that comes between the decision for a walk and its beginning is not answered by this walk.
pub async fn a_request_made_before_the_walk_begins_is_kept(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let fence = fence(engine, id).await;
    engine.request_walk(id, request(1)).await.expect("asked");
    let walk = Walk::begin(request(1), at(3));
    engine.request_walk(id, request(2)).await.expect("asked");
    engine.save_walk(id, fence, &walk).await.expect("begun");
    let state = engine.directory(id).await.expect("read");
    assert_eq!((state.requested, state.walk), (Some(request(2)), Some(walk)));
    engine.save_walk(id, fence, &Walk::begin(request(2), at(4))).await.expect("begun");
    assert_eq!(engine.directory(id).await.expect("read").requested, None);
}

/// A code or a field name with a character that an engine cannot store does not stop a walk.
pub async fn a_name_may_hold_any_character(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let fence = fence(engine, id).await;
    let code = "c\0d".to_owned();
    let odd = ListedAffiliate { code: code.clone(), ..affiliate(1) };
    let (address, fields, found_at) = (Some(address(1)), vec!["email".to_owned()], at(1));
    let drift = Drift { code: code.clone(), address, fields, found_at };
    let verify = WalkRequest { verify: true, ..request(0) };
    let first = page(&Walk::begin(verify, at(0)), at(1), vec![odd.clone(), affiliate(2)]);
    let walk = engine.note_page(id, fence, &Page { drift: vec![drift.clone()], ..first }).await;
    let walk = walk.expect("noted");
    assert_eq!((walk.seen, walk.fresh), (2, 2));
    let again = engine.note_page(id, fence, &page(&walk, at(2), vec![odd.clone()])).await.expect("noted");
    assert_eq!(again.seen, 2, "it is known again");
    engine.note_affiliates(id, &[odd], at(3)).await.expect("noted");
    let found = engine.addresses_of(id, std::slice::from_ref(&code)).await.expect("read");
    assert_eq!(found, [(code, Digest([1; 16]))].into());
    engine.note_drift(id, &drift).await.expect("noted");
    assert_eq!(engine.drift(id, 10).await.expect("read").len(), 1);
    let of = engine.drift_of(id, std::slice::from_ref(&drift.code)).await.expect("read");
    assert_eq!(of, [(drift.code.clone(), drift.fields.clone())].into());
    engine.note_drift(id, &Drift { fields: Vec::new(), ..drift }).await.expect("noted");
    assert!(engine.drift(id, 10).await.expect("read").is_empty());
    engine.note_custom_fields(id, &[(1, "a\0b".to_owned())].into()).await.expect("noted");
}

/// A complete walk removes affiliates that it did not meet, a walk that its limit ended does not; only a complete walk
/// makes the directory complete.
pub async fn a_complete_walk_lists_every_affiliate(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let fence = fence(engine, id).await;
    for (nth, complete) in [(0, true), (1, false), (2, true)] {
        let begin = 10 * nth + 10;
        let walk = Walk::begin(request(begin), at(begin));
        engine.save_walk(id, fence, &walk).await.expect("begun");
        let met = if nth == 0 { vec![affiliate(1), affiliate(2)] } else { vec![affiliate(2)] };
        let walk = engine.note_page(id, fence, &page(&walk, at(begin + 1), met)).await.expect("noted");
        let finished = FinishedWalk::of(walk, at(begin + 2), complete, None);
        engine.end_walk(id, fence, &finished).await.expect("ended");
        let state = engine.directory(id).await.expect("read");
        assert_eq!((state.walk, state.finished), (None, Some(finished)));
        let since = if nth == 2 { at(30) } else { at(10) };
        assert_eq!(state.complete_since, Some(since));
        assert_eq!(codes(engine, id, &[1]).await.len(), usize::from(nth < 2));
    }
    let known = engine.look_up(id, &[]).await.expect("read");
    assert_eq!(known.complete_since, Some(at(30).into()));
}

/// A clock that was wrong during a walk changes neither the counts of the next one nor what is removed.
pub async fn a_wrong_clock_does_not_change_a_walk(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let fence = fence(engine, id).await;
    engine.note_affiliates(id, &[affiliate(3)], at(20)).await.expect("noted");
    for begin in [5_000, 100] {
        let mut walk = Walk::begin(request(begin), at(begin));
        engine.save_walk(id, fence, &walk).await.expect("begun");
        for _ in 0..2 {
            // The clock goes back after the beginning, and the page is read twice.
            let read = page(&walk, at(50), vec![affiliate(1), affiliate(2)]);
            walk = engine.note_page(id, fence, &read).await.expect("noted");
            assert_eq!((walk.seen, walk.fresh), (2, 2), "{begin}");
        }
        let finished = FinishedWalk::of(walk, at(begin + 1), true, None);
        engine.end_walk(id, fence, &finished).await.expect("ended");
        assert_eq!(codes(engine, id, &[1, 2, 3]).await.len(), 2, "only the one that was not met is removed");
    }
}

/// If a page shows a code twice, its first row counts.
pub async fn the_first_row_of_a_code_counts(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let fence = fence(engine, id).await;
    let second = ListedAffiliate { address: Some(address(9)), ..affiliate(1) };
    let read = page(&Walk::begin(request(0), at(0)), at(1), vec![affiliate(1), second]);
    assert_eq!(engine.note_page(id, fence, &read).await.expect("noted").seen, 1);
    assert_eq!(codes(engine, id, &[1, 9]).await, [(1, "c1".to_owned())]);
}

/// Data from a webhook is merged with the data from a walk: fields that the webhook does not state stay. If an address
/// passed from one affiliate to another, the one that was seen last counts.
pub async fn data_of_webhooks_is_merged_with_a_walk(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    engine.note_affiliates(id, &[affiliate(1)], at(5)).await.expect("noted");
    let bare = ListedAffiliate { address: None, status: None, id: Some(7), ..affiliate(1) };
    engine.note_affiliates(id, &[bare], at(6)).await.expect("noted");
    assert_eq!(codes(engine, id, &[1]).await, [(1, "c1".to_owned())]);
    let taken_over = ListedAffiliate { code: "new".to_owned(), ..affiliate(1) };
    engine.note_affiliates(id, &[taken_over], at(7)).await.expect("noted");
    assert_eq!(codes(engine, id, &[1]).await, [(1, "new".to_owned())]);
}

/// A walk that compares replaces the drift of the affiliates that it compares; a complete one removes all other drift.
pub async fn a_comparison_replaces_earlier_drift(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let fence = fence(engine, id).await;
    let drift = |number: u8, second| {
        let (code, address) = (format!("c{number}"), Some(address(number)));
        Drift { code, address, fields: vec!["first_name".to_owned()], found_at: at(second) }
    };
    let begin = |second| Walk::begin(WalkRequest { verify: true, ..request(second) }, at(second));
    let first = Page {
        drift: vec![drift(1, 1), drift(2, 1)],
        ..page(&begin(0), at(1), (1..=3).map(affiliate).collect())
    };
    let walk = engine.note_page(id, fence, &first).await.expect("noted");
    assert_eq!(walk.drifted, 2);
    assert_eq!(engine.drift(id, 10).await.expect("read"), [drift(1, 1), drift(2, 1)]);
    assert_eq!(engine.drift(id, 1).await.expect("read"), [drift(1, 1)]);
    let second = Page {
        drift: vec![Drift { fields: Vec::new(), ..drift(1, 11) }, drift(3, 11)],
        ..page(&begin(10), at(11), vec![affiliate(1), affiliate(3)])
    };
    let walk = engine.note_page(id, fence, &second).await.expect("noted");
    assert_eq!(walk.drifted, 1);
    assert_eq!(engine.drift(id, 10).await.expect("read"), [drift(2, 1), drift(3, 11)]);
    let finished = FinishedWalk::of(walk, at(12), true, None);
    engine.end_walk(id, fence, &finished).await.expect("ended");
    assert_eq!(engine.drift(id, 10).await.expect("read"), [drift(3, 11)]);
    let kept = engine.directory(id).await.expect("read").finished.expect("it has ended");
    let verified = kept.verified.clone().expect("it compared");
    assert_eq!((verified.ended_at, verified.drifted, verified.complete), (at(12), 1, true));
    let next = FinishedWalk::of(Walk::begin(request(20), at(20)), at(21), true, Some(&kept));
    assert_eq!(next.verified, Some(verified), "a walk that compares nothing keeps it");
}

/// The amount of stored drift is limited, for walks and for webhooks; stored drift can still be replaced.
pub async fn drift_is_bounded(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let fence = fence(engine, id).await;
    let drift = |number: usize, field: &str| {
        let (code, fields) = (format!("c{number:05}"), vec![field.to_owned()]);
        Drift { code, address: None, fields, found_at: at(1) }
    };
    let walk = Walk::begin(WalkRequest { verify: true, ..request(0) }, at(0));
    let found: Vec<Drift> = (0..=MAX_DRIFT).map(|number| drift(number, "email")).collect();
    let walk = engine.note_page(id, fence, &Page { drift: found, ..page(&walk, at(1), Vec::new()) }).await;
    assert_eq!(walk.expect("noted").drifted, MAX_DRIFT as u64 + 1, "all are counted");
    let count = async || engine.drift(id, MAX_DRIFT + 10).await.expect("read").len();
    assert_eq!(count().await, MAX_DRIFT);
    engine.note_drift(id, &drift(MAX_DRIFT + 1, "email")).await.expect("noted");
    engine.note_drift(id, &drift(7, "status")).await.expect("noted");
    assert_eq!(count().await, MAX_DRIFT);
    assert_eq!(engine.drift(id, 8).await.expect("read")[7], drift(7, "status"));
}

/// A worker that has lost the lease writes nothing; a removed connection has no directory left, and accepts no new data.
pub async fn a_directory_belongs_to_its_connection(engine: &impl Engine) {
    let id = connection(engine, "shop", 1).await.id;
    let fence = fence(engine, id).await;
    let walk = Walk::begin(request(1), at(1));
    let old = Fence { token: fence.token - 1 };
    let lost = engine.save_walk(id, old, &walk).await;
    assert!(matches!(lost, Err(LedgerError::Fenced)), "{lost:?}");
    let lost = engine.note_page(id, old, &page(&walk, at(2), vec![affiliate(1)])).await;
    assert!(matches!(lost, Err(LedgerError::Fenced)), "{lost:?}");
    engine.note_page(id, fence, &page(&walk, at(2), vec![affiliate(1)])).await.expect("noted");
    super::fixtures::remove(engine, id).await;
    assert!(codes(engine, id, &[1]).await.is_empty());
    assert_eq!(engine.directory(id).await.expect("read"), crate::DirectoryState::default());
    assert!(engine.request_walk(id, request(3)).await.is_err());
    assert!(engine.note_affiliates(id, &[affiliate(1)], at(3)).await.is_err());
}
