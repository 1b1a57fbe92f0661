//! Promises about calls of plans that were interrupted because a process ended.

use identity::Digest;

use super::Engine;
use super::fixtures::{ONE, OTHER, at, uuid};
use super::plans::{items, moves, plan, planned, three_letters};
use crate::plans::{ItemChange, ItemState};
use crate::{CallItem, Fence, LedgerError, OpenCall, PlanState};

/// A call that was left open is counted once for each plan with its persons, when it is sent again.
pub async fn an_interrupted_call_is_counted_when_it_is_sent_again(engine: &impl Engine) {
    three_letters(engine).await;
    let (id, _) = planned(engine).await;
    assert!(moves(engine, id, PlanState::Planning, PlanState::Running).await);
    let all = items(engine, id, None).await;
    assert!(!engine.has_items_under_way(ONE).await.expect("asked"), "none is released");
    let released = ItemChange::to(all[0].letter, ItemState::Released, "");
    engine.change_plan_items(id, None, &[released]).await.expect("released");
    assert!(engine.has_items_under_way(ONE).await.expect("asked"));
    assert!(
        !engine.has_items_under_way(OTHER).await.expect("asked"),
        "those of another connection do not count"
    );
    let lasts = std::time::Duration::from_secs(10);
    let lease = engine.lease(ONE, uuid(1), at(20), lasts).await.expect("asked").expect("free");
    let fence = Fence { token: lease.token };
    let of = vec![CallItem { anchor: Digest([9; 16]), affiliate: Some(1), fields: Vec::new() }];
    let call = |id| OpenCall { id, operation: "edit".to_owned(), started_at: at(21), items: of.clone() };
    let note = async |fence, id, person| engine.note_interrupted(ONE, fence, &call(id), &[person]).await;
    note(fence, 1, Digest([8; 16])).await.expect("noted");
    assert_eq!(engine.interrupted_calls(ONE).await.expect("read"), [], "no plan is about that person");
    note(fence, 2, all[1].person).await.expect("noted");
    assert_eq!(engine.interrupted_calls(ONE).await.expect("read"), [], "nothing of that person is under way");
    for _ in 0..2 {
        note(fence, 3, all[0].person).await.expect("noted");
    }
    assert_eq!(engine.interrupted_calls(ONE).await.expect("read"), [call(3)]);
    assert_eq!(plan(engine, id).await.repeated_calls, 0);
    let late = Fence { token: fence.token - 1 };
    assert!(matches!(note(late, 4, all[0].person).await, Err(LedgerError::Fenced)));
    assert!(matches!(engine.note_repeated(ONE, late, &[3]).await, Err(LedgerError::Fenced)));
    for _ in 0..2 {
        engine.note_repeated(ONE, fence, &[3, 5]).await.expect("counted");
    }
    assert_eq!(plan(engine, id).await.repeated_calls, 1, "once");
    assert_eq!(engine.interrupted_calls(ONE).await.expect("read"), []);
}

/// Once its plan has the results of the dead letters that were under way, an interrupted call is not counted as repeated, even if a later
/// call is about the same person.
pub async fn an_interrupted_call_does_not_count_after_the_results(engine: &impl Engine) {
    three_letters(engine).await;
    let (id, _) = planned(engine).await;
    assert!(moves(engine, id, PlanState::Planning, PlanState::Running).await);
    let all = items(engine, id, None).await;
    let becomes = async |place: usize, state| {
        let change = ItemChange::to(all[place].letter, state, "");
        engine.change_plan_items(id, None, &[change]).await.expect("changed");
    };
    becomes(0, ItemState::Released).await;
    becomes(1, ItemState::Released).await;
    let lasts = std::time::Duration::from_secs(10);
    let lease = engine.lease(ONE, uuid(1), at(20), lasts).await.expect("asked").expect("free");
    let fence = Fence { token: lease.token };
    for (call, place) in [(1, 0), (2, 1)] {
        let open = OpenCall { id: call, operation: "edit".to_owned(), started_at: at(21), items: Vec::new() };
        engine.note_interrupted(ONE, fence, &open, &[all[place].person]).await.expect("noted");
    }
    becomes(0, ItemState::Delivered).await;
    // Another item of the plan is under way, but that of the first call is not.
    becomes(2, ItemState::Released).await;
    let remembered = engine.interrupted_calls(ONE).await.expect("read");
    assert_eq!(remembered.iter().map(|call| call.id).collect::<Vec<_>>(), [2]);
    engine.note_repeated(ONE, fence, &[1, 2]).await.expect("counted");
    assert_eq!(plan(engine, id).await.repeated_calls, 1);
    becomes(0, ItemState::Released).await;
    engine.note_repeated(ONE, fence, &[1]).await.expect("counted");
    assert_eq!(plan(engine, id).await.repeated_calls, 1, "it was forgotten");
}
