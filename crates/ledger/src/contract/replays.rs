//! Promises about plans that are being made, and about dead letters that are marked for a replay in one step.

use super::Engine;
use super::fixtures::{ONE, OTHER, assert_audited, at, counts, dead_letter, letters};
use super::plans::{items, moves, plan, planned, three_letters};
use crate::plans::{Candidate, Frame, ItemChange, ItemState, NewItem, PlanChange, Progress};
use crate::{
    Act, DeadLetterFilter, DeadLetterState, DeadLetterView, LedgerError, PlanFilter, PlanId, PlanState,
};

fn act() -> Act {
    let (actor, selector) = ("cli:ann".to_owned(), "state:open".to_owned());
    Act { at: at(12), actor, selector, reason: Some("Refersion is back".to_owned()) }
}

async fn made(engine: &impl Engine) -> PlanId {
    engine.create_plan(&Frame::default(), at(10), at(1_000)).await.expect("made")
}

async fn candidates(engine: &impl Engine) -> Vec<Candidate> {
    let all = DeadLetterFilter { limit: 1_000, ..DeadLetterFilter::default() };
    engine.plan_candidates(&all).await.expect("listed")
}

async fn releasing(engine: &impl Engine) -> Vec<NewItem> {
    candidates(engine).await.into_iter().map(|it| NewItem::releasing(it, at(12))).collect()
}

async fn replaying(engine: &impl Engine) -> Vec<DeadLetterView> {
    let all = letters(engine).await;
    all.into_iter().filter(|it| it.state == DeadLetterState::Replaying).collect()
}

/// If the process is killed afterwards, a runner has everything to continue, and the audit has its lines.
pub async fn a_page_is_marked_reserved_and_audited_together(engine: &impl Engine) {
    three_letters(engine).await;
    dead_letter(engine, OTHER, 4, 5).await;
    let (id, all) = (made(engine).await, releasing(engine).await);
    let marked = engine.mark_plan_items(id, &all, &act(), at(2_000)).await.expect("marked");
    let wanted = all.iter().map(|item| item.candidate.letter).collect();
    assert_eq!((marked.letters, marked.reserved.len()), (wanted, 0));
    assert_eq!(replaying(engine).await.len(), 4);
    assert_eq!(counts(engine, ONE).await.dead_letters, 0, "none is open");
    let under_way = items(engine, id, Some(ItemState::Releasing)).await;
    assert!(under_way.iter().all(|item| item.released_at == Some(at(12))), "{under_way:?}");
    let now = plan(engine, id).await;
    assert_eq!((now.under_way(), now.expires_at), (4, at(2_000)));
    assert_audited(
        engine,
        &[
            (ONE, "dead_letters_replayed", "3 dead letters of `state:open`: Refersion is back"),
            (OTHER, "dead_letters_replayed", "1 dead letter of `state:open`: Refersion is back"),
        ],
    )
    .await;
    let again = engine.mark_plan_items(id, &all[..1], &act(), at(2_000)).await.expect("marked");
    assert_eq!(again.letters.len(), 1, "one that is marked already may be published again");
}

/// Dead letters that another plan has reserved, or that have ended meanwhile, are not marked.
pub async fn only_free_dead_letters_that_can_be_replayed_are_marked(engine: &impl Engine) {
    three_letters(engine).await;
    let all = releasing(engine).await;
    let other = made(engine).await;
    let first = NewItem::planned(all[0].candidate.clone());
    assert!(engine.add_plan_items(other, &[first], at(1_000)).await.expect("added").is_empty());
    let gone = all[1].candidate.letter;
    engine.discard(&[gone], &act(), None).await.expect("discarded");
    let id = made(engine).await;
    let marked = engine.mark_plan_items(id, &all, &act(), at(1_000)).await.expect("marked");
    assert_eq!(marked.letters, [all[2].candidate.letter].into());
    assert_eq!(marked.reserved, [(all[0].candidate.letter, other)]);
    assert_eq!(replaying(engine).await.len(), 1);
    let mut left_out = items(engine, id, Some(ItemState::LeftOut)).await;
    left_out.sort_by_key(|item| item.letter != gone);
    let reasons: Vec<&str> = left_out.iter().map(|item| item.reason.as_str()).collect();
    assert_eq!(reasons, ["ended meanwhile", &format!("reserved by plan {other}")]);
    let now = plan(engine, id).await;
    assert_eq!((now.count(ItemState::LeftOut), now.under_way()), (2, 1));
}

/// The process that makes a plan cannot add or mark anything once an operator has cancelled the plan.
pub async fn a_plan_that_is_not_being_made_takes_no_items(engine: &impl Engine) {
    three_letters(engine).await;
    for state in [PlanState::Cancelled, PlanState::Ready, PlanState::Running] {
        let id = made(engine).await;
        assert!(moves(engine, id, PlanState::Planning, state).await);
        let all = releasing(engine).await;
        let added = engine.add_plan_items(id, &all, at(2_000)).await;
        assert!(matches!(added, Err(LedgerError::Fenced)), "{added:?}");
        let nothing = engine.add_plan_items(id, &[], at(2_000)).await;
        assert!(matches!(nothing, Err(LedgerError::Fenced)), "{nothing:?}");
        let marked = engine.mark_plan_items(id, &all, &act(), at(2_000)).await;
        assert!(matches!(marked, Err(LedgerError::Fenced)), "{marked:?}");
        assert!(items(engine, id, None).await.is_empty());
        assert!(replaying(engine).await.is_empty());
        assert!(engine.audit(None, 10).await.expect("read").is_empty());
        assert_eq!((plan(engine, id).await.expires_at, plan(engine, id).await.counts), (at(1_000), vec![]));
    }
    assert!(candidates(engine).await.iter().all(|it| it.held_by.is_none()), "nothing is reserved");
}

/// Each page extends the time for making a plan; once the plan is ready, it gets a longer time for being run.
pub async fn a_plan_expires_later_with_each_page_and_when_it_is_ready(engine: &impl Engine) {
    three_letters(engine).await;
    let (id, _) = planned(engine).await;
    let expires_at = async || plan(engine, id).await.expires_at;
    engine.add_plan_items(id, &[], at(1_100)).await.expect("renewed");
    assert_eq!(expires_at().await, at(1_100));
    let ready = PlanChange {
        expires_at: Some(at(9_000)),
        ..PlanChange::to(&[PlanState::Planning], PlanState::Ready)
    };
    assert!(engine.change_plan(id, &ready).await.expect("changed"));
    assert_eq!(expires_at().await, at(9_000));
    assert!(moves(engine, id, PlanState::Ready, PlanState::Running).await);
    assert_eq!(expires_at().await, at(9_000));
}

/// A plan that is not running but has items under way is processed until these have their results, regardless of the number of newer plans.
pub async fn plans_with_items_under_way_are_found_among_many_plans(engine: &impl Engine) {
    three_letters(engine).await;
    let (id, _) = planned(engine).await;
    let at_work = async || {
        let plans = engine.plans_at_work(at(20)).await.expect("read");
        plans.into_iter().map(|plan| (plan.id, plan.under_way())).collect::<Vec<_>>()
    };
    let letter = items(engine, id, None).await[0].letter;
    let change = async |state| {
        engine.change_plan_items(id, None, &[ItemChange::to(letter, state, "")]).await.expect("changed");
    };
    change(ItemState::Releasing).await;
    assert!(at_work().await.is_empty(), "the process that makes it may be alive");
    assert!(moves(engine, id, PlanState::Planning, PlanState::Cancelled).await);
    for _ in 0..150 {
        let newer = made(engine).await;
        assert!(moves(engine, newer, PlanState::Planning, PlanState::Cancelled).await);
    }
    assert_eq!(at_work().await, [(id, 1)]);
    change(ItemState::Released).await;
    assert_eq!(at_work().await, [(id, 1)]);
    let running = made(engine).await;
    assert!(moves(engine, running, PlanState::Planning, PlanState::Running).await);
    assert_eq!(at_work().await, [(running, 0), (id, 1)], "newest first");
    change(ItemState::Delivered).await;
    assert_eq!(at_work().await, [(running, 0)]);
}

/// Each plan is on exactly one page; plans that ended recently are found, regardless of their age.
pub async fn plans_are_read_by_pages_and_by_their_ends(engine: &impl Engine) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, made(engine).await);
    }
    let read = async |filter: &PlanFilter| {
        let plans = engine.plans(filter, at(20)).await.expect("read");
        plans.into_iter().map(|plan| plan.id).collect::<Vec<_>>()
    };
    let mut filter = PlanFilter { limit: 2, ..PlanFilter::default() };
    let mut paged = Vec::new();
    loop {
        let page = read(&filter).await;
        paged.extend_from_slice(&page);
        filter.after = page.last().copied();
        if page.len() < 2 {
            break;
        }
    }
    assert_eq!(paged, ids, "newest first");
    let ended_at = |seconds, nanos| at(seconds) + jiff::SignedDuration::new(0, nanos);
    for (id, ended_at) in [(ids[4], ended_at(15, 500_000_000)), (ids[0], ended_at(14, 900_000_000))] {
        let progress = Progress { ended_at: Some(ended_at), ..Progress::default() };
        let change = PlanChange {
            progress: Some(progress),
            ..PlanChange::to(&[PlanState::Planning], PlanState::Done)
        };
        assert!(engine.change_plan(id, &change).await.expect("changed"));
    }
    let ended = |since| PlanFilter { ended_since: Some(since), ..PlanFilter::in_states(&[PlanState::Done]) };
    assert_eq!(read(&ended(at(15))).await, [ids[4]]);
    assert_eq!(read(&ended(at(14))).await, [ids[0], ids[4]]);
    assert!(read(&ended(at(16))).await.is_empty());
}
