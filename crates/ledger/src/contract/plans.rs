//! Promises about plans of replays.

use std::collections::BTreeMap;

use identity::Digest;
use uuid::Uuid;

use super::Engine;
use super::fixtures::{
    ONE, OTHER, assert_audited, at, connection, dead_letter, letters, outcome, outcomes, record, uuid,
};
use crate::plans::{
    Candidate, Frame, ItemChange, ItemFilter, ItemState, NewItem, PlanChange, PlanItem, Progress, RunOptions,
};
use crate::{
    Act, Changes, DeadLetterFilter, DeadLetterState, LedgerError, Plan, PlanFilter, PlanId, PlanState, State,
};

const ALL: DeadLetterFilter = DeadLetterFilter {
    connections: None,
    states: None,
    classes: None,
    ids: None,
    http_statuses: None,
    fields: None,
    audiences: None,
    groups: None,
    menders: None,
    repaired: None,
    text: None,
    died_from: None,
    died_before: None,
    after: None,
    limit: 1_000,
};

fn frame() -> Frame {
    Frame { selector: "state:open".to_owned(), connections: [(ONE, 3)].into(), ..Frame::default() }
}

fn new(candidates: Vec<Candidate>) -> Vec<NewItem> {
    candidates.into_iter().map(NewItem::planned).collect()
}

/// A plan of all dead letters, and the number of dead letters that other plans have reserved.
pub(super) async fn planned(engine: &impl Engine) -> (PlanId, usize) {
    let plan = engine.create_plan(&frame(), at(10), at(1_000)).await.expect("made");
    let candidates = engine.plan_candidates(&ALL).await.expect("listed");
    let reserved = engine.add_plan_items(plan, &new(candidates), at(1_000)).await.expect("added");
    (plan, reserved.len())
}

pub(super) async fn plan(engine: &impl Engine, id: PlanId) -> Plan {
    engine.plans(&PlanFilter::one(id), at(20)).await.expect("read").remove(0)
}

pub(super) async fn items(engine: &impl Engine, plan: PlanId, state: Option<ItemState>) -> Vec<PlanItem> {
    let filter = ItemFilter { plan, state, limit: 1_000, ..ItemFilter::default() };
    engine.plan_items(&filter).await.expect("read")
}

pub(super) async fn moves(engine: &impl Engine, plan: PlanId, from: PlanState, to: PlanState) -> bool {
    engine.change_plan(plan, &PlanChange::to(&[from], to)).await.expect("changed")
}

pub(super) async fn three_letters(engine: &impl Engine) {
    for number in 1..=3 {
        dead_letter(engine, ONE, number, 5).await;
    }
}

/// At most one unfinished plan reserves a dead letter; a finished plan releases its reservations.
pub async fn a_dead_letter_is_reserved_by_one_plan(engine: &impl Engine) {
    three_letters(engine).await;
    let candidates = engine.plan_candidates(&ALL).await.expect("listed");
    let listed: Vec<i64> = letters(engine).await.iter().map(|letter| letter.id).collect();
    assert_eq!(candidates.iter().map(|it| it.letter).collect::<Vec<_>>(), listed, "newest first");
    let (first, reserved) = planned(engine).await;
    assert_eq!(reserved, 0);
    let again = engine.add_plan_items(first, &new(candidates), at(1_000)).await.expect("added again");
    assert!(again.is_empty(), "they are its own");
    let held = engine.plan_candidates(&ALL).await.expect("listed");
    assert!(held.iter().all(|it| it.held_by == Some(first)), "{held:?}");
    let (second, reserved) = planned(engine).await;
    assert_eq!(reserved, 3);
    let left_out = items(engine, second, Some(ItemState::LeftOut)).await;
    assert_eq!(left_out.len(), 3);
    assert_eq!(left_out[0].reason, format!("reserved by plan {first}"));
    assert_eq!(plan(engine, first).await.count(ItemState::Planned), 3);
    assert!(moves(engine, first, PlanState::Planning, PlanState::Cancelled).await);
    let free = engine.plan_candidates(&ALL).await.expect("listed");
    assert!(free.iter().all(|it| it.held_by.is_none()), "{free:?}");
    let (third, reserved) = planned(engine).await;
    assert_eq!(reserved, 0, "the first plan let go of them");
    assert_eq!(items(engine, third, None).await.len(), 3);
}

/// An item is stored as the caller made it, unless another plan has reserved its dead letter.
pub async fn items_are_stored_as_the_caller_made_them(engine: &impl Engine) {
    three_letters(engine).await;
    let mut seen = new(engine.plan_candidates(&ALL).await.expect("listed"));
    let person = Digest([9; 16]);
    (seen[0].candidate.person, seen[0].weight) = (person, 20);
    (seen[1].state, seen[1].reason) = (ItemState::LeftOut, "superseded".to_owned());
    let first = engine.create_plan(&frame(), at(10), at(1_000)).await.expect("made");
    assert!(engine.add_plan_items(first, &seen, at(1_000)).await.expect("added").is_empty());
    let mut planned = items(engine, first, Some(ItemState::Planned)).await;
    planned.sort_by_key(|item| item.person != person);
    assert_eq!(planned.iter().map(|it| it.weight).collect::<Vec<_>>(), [20, 0]);
    assert_eq!((planned[0].letter, planned[0].person), (seen[0].candidate.letter, person));
    let left_out = items(engine, first, Some(ItemState::LeftOut)).await;
    assert_eq!((left_out[0].letter, left_out[0].reason.as_str()), (seen[1].candidate.letter, "superseded"));
    let counted = plan(engine, first).await;
    assert_eq!((counted.count(ItemState::Planned), counted.count(ItemState::LeftOut)), (2, 1));
    let second = engine.create_plan(&frame(), at(10), at(1_000)).await.expect("made");
    assert_eq!(engine.add_plan_items(second, &seen, at(1_000)).await.expect("added").len(), 2);
    let reserved = items(engine, second, Some(ItemState::LeftOut)).await;
    let by_first = |it: &&PlanItem| it.reason == format!("reserved by plan {first}");
    assert_eq!((reserved.len(), reserved.iter().filter(by_first).count()), (3, 2), "{reserved:?}");
}

/// A dead letter that a plan leaves out can be replayed by another one, also if it is left out later.
pub async fn a_dead_letter_that_is_left_out_is_free(engine: &impl Engine) {
    three_letters(engine).await;
    let (first, _) = planned(engine).await;
    let letter = items(engine, first, None).await[0].letter;
    let leave_out = [ItemChange::to(letter, ItemState::LeftOut, "discarded")];
    engine.change_plan_items(first, None, &leave_out).await.expect("changed");
    let held = engine.plan_candidates(&ALL).await.expect("listed");
    let free: Vec<i64> = held.iter().filter(|it| it.held_by.is_none()).map(|it| it.letter).collect();
    assert_eq!(free, [letter]);
    assert_eq!(planned(engine).await.1, 2, "the other two stay reserved");
}

/// Items are returned in the order of persons, within the filter, and their results are counted.
pub async fn items_are_counted_by_their_results(engine: &impl Engine) {
    three_letters(engine).await;
    let (id, _) = planned(engine).await;
    let all = items(engine, id, None).await;
    let person = |number: u8| Some(Digest([number; 16]));
    let change = |place: usize, number: u8| ItemChange {
        person: person(number),
        weight: Some(20),
        ..ItemChange::to(all[place].letter, ItemState::Planned, "")
    };
    engine.change_plan_items(id, None, &[change(0, 3), change(1, 1), change(2, 2)]).await.expect("changed");
    let in_order: Vec<i64> =
        items(engine, id, Some(ItemState::Planned)).await.iter().map(|it| it.letter).collect();
    assert_eq!(in_order, [all[1].letter, all[2].letter, all[0].letter]);
    let up_to = ItemFilter {
        plan: id,
        state: Some(ItemState::Planned),
        until: person(2),
        limit: 9,
        ..ItemFilter::default()
    };
    assert_eq!(engine.plan_items(&up_to).await.expect("read").len(), 2);
    let next =
        ItemFilter { connection: Some(ONE), after: Some((ONE, Digest([1; 16]), all[1].letter)), ..up_to };
    assert_eq!(engine.plan_items(&next).await.expect("read")[0].letter, all[2].letter);

    let ends = [
        ItemChange {
            ended_at: Some(at(30)),
            ..ItemChange::to(all[0].letter, ItemState::Delivered, "updated")
        },
        ItemChange::to(all[1].letter, ItemState::NewCause, "g1"),
    ];
    engine.change_plan_items(id, None, &ends).await.expect("changed");
    let counted = plan(engine, id).await;
    assert_eq!((counted.tally().delivered, counted.tally().failed), (1, 1));
    assert_eq!(counted.count(ItemState::Planned), 1);
    assert!(counted.counts.iter().any(|it| it.reason == "g1" && it.count == 1), "{:?}", counted.counts);
    let delivered = &items(engine, id, Some(ItemState::Delivered)).await[0];
    assert_eq!((delivered.ended_at, delivered.weight, delivered.person), (Some(at(30)), 20, Digest([3; 16])));
}

/// An item shows the current state of its dead letter and its event.
pub async fn items_show_the_state_of_their_dead_letters(engine: &impl Engine) {
    three_letters(engine).await;
    let (id, _) = planned(engine).await;
    let ids: BTreeMap<Uuid, i64> = letters(engine).await.iter().map(|it| (it.event, it.id)).collect();
    let reopened = vec![uuid(1), uuid(2)];
    record(engine, Changes { connection: ONE, reopened, ..Changes::default() }).await;
    let mut ended = outcomes(ONE, vec![outcome(2, 2, State::Updated, 40)]);
    ended.resolved.push(uuid(2));
    record(engine, ended).await;
    let all = items(engine, id, None).await;
    let now = |number: u128| {
        let item = all.iter().find(|item| item.letter == ids[&uuid(number)]).expect("an item");
        item.now.clone().expect("its letter")
    };
    assert_eq!((now(1).state, now(1).event), (DeadLetterState::Replaying, State::Pending));
    assert_eq!((now(2).state, now(2).event), (DeadLetterState::Resolved, State::Updated));
    assert_eq!(now(2).ended_at, Some(at(40)));
    assert_eq!((now(3).state, now(3).event, now(3).died_at), (DeadLetterState::Open, State::Dead, at(5)));
}

/// One process runs a plan; a process that has lost the lease changes nothing any more.
pub async fn a_plan_has_one_runner(engine: &impl Engine) {
    three_letters(engine).await;
    let (id, _) = planned(engine).await;
    let lasts = std::time::Duration::from_secs(15);
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let lease = async |holder, second| engine.lease_plan(id, holder, at(second), lasts).await.expect("asked");
    assert_eq!(lease(one, 0).await, Some(1));
    assert_eq!(lease(one, 5).await, Some(1), "renewed");
    assert_eq!(lease(other, 6).await, None);
    assert_eq!(lease(other, 21).await, Some(2));
    let letter = items(engine, id, None).await[0].letter;
    let change = [ItemChange::to(letter, ItemState::Releasing, "")];
    let late = engine.change_plan_items(id, Some(1), &change).await;
    assert!(matches!(late, Err(LedgerError::Fenced)), "{late:?}");
    engine.change_plan_items(id, Some(2), &change).await.expect("changed");
    assert_eq!(plan(engine, id).await.under_way(), 1);
    let stop = PlanChange { token: Some(1), ..PlanChange::to(&[PlanState::Planning], PlanState::Done) };
    assert!(!engine.change_plan(id, &stop).await.expect("asked"));
    assert_eq!(engine.lease_plan(4_711, one, at(0), lasts).await.expect("asked"), None);
}

/// A plan changes only from an expected state; acts are recorded in the audit of each connection.
pub async fn acts_on_plans_are_audited(engine: &impl Engine) {
    let (id, _) = planned(engine).await;
    let act = Act {
        at: at(12),
        actor: "cli:ann".to_owned(),
        selector: "state:open".to_owned(),
        reason: Some("corrected".to_owned()),
    };
    let run = PlanChange {
        options: Some(RunOptions { rate: Some(5.0), canary: 10, ..RunOptions::default() }),
        frame: Some(Frame { connections: [(ONE, 3), (OTHER, 1)].into(), ..frame() }),
        act: Some((act, "plan_run")),
        ..PlanChange::to(&[PlanState::Planning, PlanState::Ready], PlanState::Running)
    };
    assert!(engine.change_plan(id, &run).await.expect("changed"));
    assert!(!engine.change_plan(id, &run).await.expect("looked"), "it runs already");
    let progress = Progress { started_at: Some(at(13)), ..Progress::default() };
    let note = PlanChange {
        progress: Some(progress.clone()),
        ..PlanChange::to(&[PlanState::Running], PlanState::Running)
    };
    assert!(engine.change_plan(id, &note).await.expect("changed"));
    let seen = plan(engine, id).await;
    assert_eq!((seen.state, seen.options.rate, seen.progress), (PlanState::Running, Some(5.0), progress));
    assert_audited(
        engine,
        &[
            (ONE, "plan_run", "3 dead letters of `state:open`: corrected"),
            (OTHER, "plan_run", "1 dead letter of `state:open`: corrected"),
        ],
    )
    .await;
}

/// A plan that is not run in time expires; finished plans are deleted like old dead letters, page by page.
pub async fn old_plans_are_dropped(engine: &impl Engine) {
    three_letters(engine).await;
    let (id, _) = planned(engine).await;
    let seen = engine.plans(&PlanFilter::in_states(&[PlanState::Planning]), at(1_001)).await.expect("read");
    assert_eq!((seen[0].id, seen[0].state), (id, PlanState::Planning), "it is left to a worker");
    assert!(moves(engine, id, PlanState::Planning, PlanState::Ready).await);
    let seen = engine.plans(&PlanFilter::in_states(&[PlanState::Ready]), at(1_001)).await.expect("read");
    assert_eq!((seen[0].id, seen[0].state), (id, PlanState::Expired));
    let looked = super::fixtures::expire(engine, at(0), at(11), 2).await;
    assert_eq!((looked.dead_letters, looked.plan_items), (2, 0));
    assert_eq!(items(engine, id, None).await.len(), 3, "it is not finished");
    assert!(moves(engine, id, PlanState::Ready, PlanState::Done).await);
    let mut dropped = 0;
    for _ in 0..4 {
        dropped += super::fixtures::expire(engine, at(0), at(11), 2).await.plan_items;
    }
    assert!(dropped >= 3, "{dropped}");
    assert!(engine.plans(&PlanFilter::one(id), at(20)).await.expect("read").is_empty());
    assert!(items(engine, id, None).await.is_empty());
}

/// Many small plans expire together: a sweep would otherwise delete one a minute.
pub async fn small_old_plans_are_dropped_together(engine: &impl Engine) {
    for _ in 0..5 {
        let plan = engine.create_plan(&frame(), at(10), at(1_000)).await.expect("made");
        assert!(moves(engine, plan, PlanState::Planning, PlanState::Cancelled).await);
    }
    assert_eq!(super::fixtures::expire(engine, at(0), at(11), 3).await.plan_items, 3);
    assert_eq!(engine.plans(&PlanFilter::default(), at(20)).await.expect("read").len(), 2);
    assert_eq!(super::fixtures::expire(engine, at(0), at(11), 3).await.plan_items, 2);
    assert!(engine.plans(&PlanFilter::default(), at(20)).await.expect("read").is_empty());
}

/// The items of a connection are removed with it, and are no longer counted.
pub async fn items_are_removed_with_their_connection(engine: &impl Engine) {
    let shop = connection(engine, "shop", 1).await.id;
    dead_letter(engine, shop, 1, 5).await;
    dead_letter(engine, OTHER, 2, 5).await;
    let (id, _) = planned(engine).await;
    super::fixtures::remove(engine, shop).await;
    let left = items(engine, id, None).await;
    assert_eq!((left.len(), left[0].connection), (1, OTHER));
    assert_eq!(plan(engine, id).await.count(ItemState::Planned), 1);
}
