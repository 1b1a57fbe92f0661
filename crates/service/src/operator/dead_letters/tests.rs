//! Tests of replays that are killed, stopped, or fail in the middle.

use std::sync::Arc;
use std::time::Duration;

use ledger::plans::{Frame, ItemState, NewItem};
use ledger::{Act, AuditFilter, AuditResult, DeadLetterState, PlanFilter, PlanId, PlanState};
use queue::{Envelope, PublishError, Queue};
use tokio::sync::Notify;

use super::{Row, Verb, act, carry_out};
use crate::engines::Engines;
use crate::failure::Failure;
use crate::operator::harness::Harness;
use crate::operator::harness::watched::Publishing;
use crate::operator::plans::{Runner, cancel};

/// Enough for several pages.
const LETTERS: u32 = 150;

/// Longer than a process that makes a plan may be silent.
const SILENT: Duration = Duration::from_secs(600);

async fn replay(harness: &Harness, engines: &Engines) -> (Result<Option<PlanId>, Failure>, Vec<Row>) {
    let selection = harness.selection("state:open").await;
    let act: Act = act(engines, "cli:ann", &selection, None);
    let mut rows = Vec::new();
    let done = carry_out(engines, &selection, Verb::Replay, &act, &mut |row| rows.push(row)).await;
    (done, rows)
}

/// How many dead letters the audit says were replayed, and how many of these could not.
async fn audited(harness: &Harness) -> (u64, u64) {
    let actions = Some(vec![Verb::Replay.action().to_owned()]);
    let filter = AuditFilter { actions, limit: 1_000, ..AuditFilter::default() };
    let lines = harness.engines.operators.audit_lines(&filter).await.unwrap();
    let sum =
        |result| lines.iter().filter(|it| it.entry.result == result).filter_map(|it| it.entry.number).sum();
    (sum(AuditResult::Done), sum(AuditResult::Failed))
}

fn pass(queue: &Arc<dyn Queue>, envelopes: Vec<Envelope>) -> Publishing {
    let queue = Arc::clone(queue);
    Box::pin(async move { queue.publish(&envelopes).await })
}

/// Replays, and is killed at the publishing of this number: before it, or after it.
async fn killed_at(harness: &Harness, publishing: usize, after: bool) {
    let reached = Arc::new(Notify::new());
    let there = Arc::clone(&reached);
    let engines = harness.watched(move |nth, queue, envelopes| {
        if nth < publishing {
            return pass(&queue, envelopes);
        }
        let there = Arc::clone(&there);
        Box::pin(async move {
            if after {
                queue.publish(&envelopes).await?;
            }
            there.notify_one();
            std::future::pending().await
        })
    });
    tokio::select! {
        _ = replay(harness, &engines) => panic!("it came to its end"),
        () = reached.notified() => {}
    }
}

#[tokio::test]
async fn a_killed_replay_is_ended_by_a_worker_and_leaves_no_dead_letter_behind() {
    for (publishing, after) in [(1, false), (1, true), (3, false), (3, true)] {
        let harness = Harness::with_dead_letters(LETTERS).await;
        killed_at(&harness, publishing, after).await;
        let replaying = harness.events_in(DeadLetterState::Replaying).await;
        assert!(!replaying.is_empty() && replaying.len() < LETTERS as usize, "{}", replaying.len());
        assert_eq!(audited(&harness).await, (replaying.len() as u64, 0), "what is marked is in the audit");
        let plan = harness.plans().await.remove(0);
        Runner::new(&harness.engines).step(&harness.engines).await.unwrap();
        assert_eq!(harness.plan(plan.id).await.state, PlanState::Planning, "it may be alive");

        harness.later(SILENT);
        Runner::new(&harness.engines).step(&harness.engines).await.unwrap();
        let ended = harness.plan(plan.id).await;
        assert_eq!(ended.state, PlanState::Cancelled);
        assert_eq!(ended.count(ItemState::Released), replaying.len() as u64, "{:?}", ended.counts);
        assert_eq!(harness.queued().await, replaying, "killed at {publishing}, after it: {after}");
        assert_eq!(harness.events_in(DeadLetterState::Replaying).await, replaying);
        let filter = AuditFilter {
            actions: Some(vec!["plan_cancelled".to_owned()]),
            limit: 9,
            ..AuditFilter::default()
        };
        let line = &harness.engines.operators.audit_lines(&filter).await.unwrap()[0].entry;
        assert_eq!(line.actor, "worker");
        let (again, _) = replay(&harness, &harness.engines).await;
        assert!(again.unwrap().is_some(), "the others are free");
        assert_eq!(harness.queued().await.len(), LETTERS as usize);
    }
}

#[tokio::test]
async fn a_killed_replay_that_an_operator_cancels_leaves_no_dead_letter_behind() {
    let harness = Harness::with_dead_letters(LETTERS).await;
    killed_at(&harness, 2, false).await;
    let id = harness.plans().await[0].id;
    cancel(&harness.engines, "cli:bob", id, None).await.unwrap();
    Runner::new(&harness.engines).step(&harness.engines).await.unwrap();
    assert_eq!(harness.queued().await, harness.events_in(DeadLetterState::Replaying).await);
    assert!(!harness.queued().await.is_empty());
}

#[tokio::test]
async fn cancelling_a_replay_stops_it_after_the_page_under_way() {
    let harness = Harness::with_dead_letters(LETTERS).await;
    let others = harness.engines.clone();
    let engines = harness.watched(move |nth, queue, envelopes| {
        let others = others.clone();
        Box::pin(async move {
            if nth == 2 {
                let plans = others.plans.plans(&PlanFilter::default(), others.now()).await.unwrap();
                cancel(&others, "cli:bob", plans[0].id, None).await.unwrap();
            }
            queue.publish(&envelopes).await
        })
    });
    let (done, rows) = replay(&harness, &engines).await;
    let failure = done.unwrap_err();
    assert_eq!(failure.code, "plan_state");
    assert!(failure.message.contains("cancelled by cli:bob"), "{}", failure.message);
    let replaying = harness.events_in(DeadLetterState::Replaying).await;
    assert_eq!(rows.len(), replaying.len(), "two pages");
    assert!(replaying.len() < LETTERS as usize / 2, "{}", replaying.len());
    assert_eq!(harness.queued().await, replaying);
    assert_eq!(audited(&harness).await.0, replaying.len() as u64);
    assert_eq!(harness.plans().await[0].state, PlanState::Cancelled);
}

#[tokio::test]
async fn dead_letters_that_the_queue_refuses_are_reopened_and_audited() {
    let harness = Harness::with_dead_letters(LETTERS).await;
    let engines = harness.watched(|nth, queue, envelopes| match nth {
        1 => pass(&queue, envelopes),
        _ => Box::pin(async { Err(PublishError::Full) }),
    });
    let (done, rows) = replay(&harness, &engines).await;
    let plan = done.unwrap().expect("some were replayed");
    let replayed = rows.iter().filter(|row| row.reason.is_none()).count();
    assert_eq!((rows.len(), replayed), (LETTERS as usize, harness.queued().await.len()));
    assert_eq!(harness.events_in(DeadLetterState::Replaying).await, harness.queued().await);
    let (marked, failed) = audited(&harness).await;
    assert_eq!(marked - failed, replayed as u64);
    let plan = harness.plan(plan).await;
    assert_eq!((plan.state, plan.under_way()), (PlanState::Running, replayed as u64));
}

#[tokio::test]
async fn a_replay_of_nothing_makes_no_plan() {
    let harness = Harness::with_dead_letters(3).await;
    let (done, _) = replay(&harness, &harness.engines).await;
    assert!(done.unwrap().is_some());
    for selector in ["state:discarded", "state:resolved"] {
        let selection = harness.selection(selector).await;
        let act = act(&harness.engines, "cli:ann", &selection, None);
        let done = carry_out(&harness.engines, &selection, Verb::Replay, &act, &mut |_| {}).await;
        assert_eq!(done.unwrap(), None);
    }
    harness.die(harness.connection, 2).await;
    let (now, plans) = (harness.engines.now(), &harness.engines.plans);
    let other = plans.create_plan(&Frame::default(), now, now).await.unwrap();
    let open = harness.selection("state:open").await.filter;
    let candidates = plans.plan_candidates(&open).await.unwrap();
    let items: Vec<NewItem> = candidates.into_iter().map(NewItem::planned).collect();
    plans.add_plan_items(other, &items, now).await.unwrap();
    let (done, rows) = replay(&harness, &harness.engines).await;
    assert_eq!((done.unwrap(), rows.len()), (None, 2), "they are reserved");
    assert_eq!(harness.plans().await.len(), 2, "the first one, and that which has reserved");
}
