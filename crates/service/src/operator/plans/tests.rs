//! How plans are run and made while others act, the ledger fails, or much is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use connections::ConnectionId;
use identity::Digest;
use ledger::plans::{Frame, ItemFilter, ItemState, NewItem, PlanChange, PlanItem, RunOptions};
use ledger::{AuditFilter, DeadLetterFilter, DeadLetterState, LedgerError, PlanId, PlanState};
use parking_lot::Mutex;
use repair::Patch;
use uuid::Uuid;

use super::{PlanRequest, Runner, cancel, make};
use crate::operator::dead_letters::{Verb, act, carry_out};
use crate::operator::harness::Harness;
use crate::operator::harness::watched::Asked;

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
    limit: 10_000,
};

/// A plan of all dead letters that runs at a rate. Each `letters` of a connection are of one person, and the last one of them has the
/// weight of an edit.
async fn running(harness: &Harness, letters: usize, rate: Option<f64>) -> PlanId {
    let plans = &harness.engines.plans;
    let now = harness.engines.now();
    let id = plans.create_plan(&Frame::default(), now, now).await.unwrap();
    let mut candidates = plans.plan_candidates(&ALL).await.unwrap();
    candidates.sort_by_key(|candidate| candidate.letter);
    let mut seen: BTreeMap<ConnectionId, usize> = BTreeMap::new();
    let mut items = Vec::new();
    for mut candidate in candidates {
        let nth = seen.entry(candidate.connection).or_default();
        candidate.person = Digest(((*nth / letters) as u128).to_be_bytes());
        *nth += 1;
        let weight = if nth.is_multiple_of(letters) { 20 } else { 0 };
        items.push(NewItem { weight, ..NewItem::planned(candidate) });
    }
    plans.add_plan_items(id, &items, now).await.unwrap();
    let connections = seen.into_iter().map(|(connection, letters)| (connection, letters as u64)).collect();
    let run = PlanChange {
        frame: Some(Frame { connections, ..Frame::default() }),
        options: Some(RunOptions { rate, ..RunOptions::default() }),
        ..PlanChange::to(&[PlanState::Planning], PlanState::Running)
    };
    assert!(plans.change_plan(id, &run).await.unwrap());
    id
}

async fn released(harness: &Harness, plan: PlanId) -> Vec<PlanItem> {
    let state = Some(ItemState::Released);
    let filter = ItemFilter { plan, state, limit: 10_000, ..ItemFilter::default() };
    harness.engines.plans.plan_items(&filter).await.unwrap()
}

#[tokio::test]
async fn no_more_calls_start_than_the_rate_allows_for_any_order_of_connections() {
    const RATE: f64 = 10.0;
    let harness = Harness::with_dead_letters(9).await;
    for name in ["other", "third", "fourth"] {
        let connection = harness.add_connection(name).await;
        harness.die(connection, 3).await;
    }
    let id = running(&harness, 3, Some(RATE)).await;
    let (mut runner, begun) = (Runner::new(&harness.engines), Instant::now());
    let mut releases: BTreeSet<(ConnectionId, Digest)> = BTreeSet::new();
    let mut calls = 0_u32;
    while releases.len() < 6 {
        runner.step(&harness.engines).await.unwrap();
        let now: Vec<_> = released(&harness, id).await.iter().map(|it| (it.connection, it.person)).collect();
        let new: BTreeSet<_> = now.iter().copied().filter(|it| !releases.contains(it)).collect();
        // The persons of one connection that are released together share a call.
        calls += new.iter().map(|(connection, _)| connection).collect::<BTreeSet<_>>().len() as u32;
        let allowed = begun.elapsed().as_secs_f64() * RATE;
        assert!(f64::from(calls) <= allowed, "{calls} calls, {allowed} allowed");
        releases.extend(new);
        for person in &releases {
            assert_eq!(now.iter().filter(|it| *it == person).count(), 3, "all events of a person go at once");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_error_adds_no_call_to_those_that_the_rate_allows() {
    let harness = Harness::with_dead_letters(6).await;
    let id = running(&harness, 1, Some(0.001)).await;
    let fails = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&fails);
    let engines = harness.asking(move |asked| {
        let fails = now.load(Ordering::Relaxed) && matches!(asked, Asked::Read(_));
        Box::pin(
            async move { if fails { Err(LedgerError::Broken("it is away".to_owned())) } else { Ok(()) } },
        )
    });
    let mut runner = Runner::new(&engines);
    for look in 0..8 {
        fails.store(look % 2 == 1, Ordering::Relaxed);
        runner.step(&engines).await.unwrap();
    }
    assert_eq!(harness.plan(id).await.count(ItemState::Planned), 6);
}

/// A one-step replay with all of its dead letters under way.
async fn replayed(harness: &Harness) -> PlanId {
    let selection = harness.selection("state:open").await;
    let act = act(&harness.engines, "cli:ann", &selection, None);
    carry_out(&harness.engines, &selection, Verb::Replay, &act, &mut |_| {}).await.unwrap().unwrap()
}

async fn resolve_all(harness: &Harness) {
    let ids: Vec<i64> = harness.letters().await.iter().map(|letter| letter.id).collect();
    let (replaying, resolved) = (DeadLetterState::Replaying, DeadLetterState::Resolved);
    harness.engines.ledger.move_dead_letters(&ids, replaying, resolved).await.unwrap();
}

#[tokio::test]
async fn a_large_plan_is_read_in_pieces_to_its_end() {
    let harness = Harness::with_dead_letters(2_500).await;
    let id = replayed(&harness).await;
    let mut runner = Runner::new(&harness.engines);
    runner.step(&harness.engines).await.unwrap();
    resolve_all(&harness).await;
    let mut delivered = Vec::new();
    while harness.plan(id).await.state == PlanState::Running {
        runner.step(&harness.engines).await.unwrap();
        delivered.push(harness.plan(id).await.count(ItemState::Delivered));
        assert!(delivered.len() < 10, "{delivered:?}");
    }
    assert_eq!(delivered[..2], [500, 2_500], "the second look began where the first one ended");
    assert_eq!(harness.plan(id).await.state, PlanState::Done);
}

#[tokio::test]
async fn a_lease_is_renewed_while_a_large_plan_is_read() {
    let harness = Arc::new(Harness::with_dead_letters(2_500).await);
    let id = replayed(&harness).await;
    let watched = Arc::clone(&harness);
    let engines = harness.asking(move |asked| {
        let harness = Arc::clone(&watched);
        Box::pin(async move {
            if matches!(asked, Asked::Read(_)) {
                // A page takes three seconds, by every clock.
                harness.later(Duration::from_secs(3));
                tokio::time::pause();
                tokio::time::advance(Duration::from_secs(3)).await;
                tokio::time::resume();
            }
            Ok(())
        })
    });
    Runner::new(&engines).step(&engines).await.unwrap();
    let (other, lasts) = (Uuid::from_u128(9), Duration::from_secs(10));
    let taken = harness.engines.plans.lease_plan(id, other, harness.engines.now(), lasts).await.unwrap();
    assert_eq!(taken, None, "the lease has not lapsed");
}

#[tokio::test]
async fn releases_begin_with_short_transactions() {
    let harness = Harness::with_dead_letters(400).await;
    running(&harness, 1, None).await;
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let engines = harness.asking(move |asked| {
        if let Asked::Change(items @ 1..) = asked {
            seen.lock().push(items);
        }
        Box::pin(async { Ok(()) })
    });
    Runner::new(&engines).step(&engines).await.unwrap();
    let sizes = sizes.lock().clone();
    // Nothing is known of the ledger at first; from then on a page is at most twice the page before, also if less was left for that one.
    let mut most = 25;
    for size in &sizes {
        assert!(*size <= most, "they grow as the ledger bears it: {sizes:?}");
        most *= 2;
    }
    assert!(sizes.iter().sum::<usize>() > 2 * 200, "{sizes:?}");
}

fn request(filter: DeadLetterFilter) -> PlanRequest {
    let (selector, actor) = ("state:open".to_owned(), "ann".to_owned());
    PlanRequest { filter, selector, left_of: None, actor, reason: None, patch: None }
}

#[tokio::test]
async fn the_remainder_of_a_plan_is_planned_once_it_has_finished() {
    // More than one page.
    let harness = Harness::with_dead_letters(60).await;
    let first = make(&harness.engines, &[], request(ALL), &mut |_| {}).await.unwrap().plan;
    let id = first.id;
    let left = || PlanRequest { left_of: Some(id), ..request(ALL) };
    let mut from = first.state;
    for state in [PlanState::Ready, PlanState::Running, PlanState::Paused, PlanState::Stopped] {
        harness.engines.plans.change_plan(id, &PlanChange::to(&[from], state)).await.unwrap();
        from = state;
        let refused = make(&harness.engines, &[], left(), &mut |_| {}).await.unwrap_err();
        assert_eq!(refused.code, "plan_state");
        assert!(refused.message.contains(state.word()), "{}", refused.message);
        assert!(refused.hint.contains(&format!("dead-letters cancel {id}")), "{}", refused.hint);
    }
    assert_eq!(harness.plans().await.len(), 1, "nothing was begun");
    cancel(&harness.engines, "ann", id, None).await.unwrap();
    let second = make(&harness.engines, &[], left(), &mut |_| {}).await.unwrap().plan;
    assert_eq!(second.frame.connections, first.frame.connections);
    assert_eq!(second.frame.digest, first.frame.digest, "the digest of a set is the same in any order");
    assert!(second.counts.iter().all(|it| !it.reason.contains("reserved")), "{:?}", second.counts);
}

fn patch() -> Option<Patch> {
    Some(Patch::parse(r#"[{ "op": "replace", "path": "/traits/city", "value": "Bergen" }]"#).unwrap())
}

#[tokio::test]
async fn a_plan_changes_no_event_that_another_plan_reserves_first() {
    let harness = Harness::with_dead_letters(4).await;
    let ids: Vec<i64> = harness.letters().await.iter().map(|letter| letter.id).collect();
    let (plans, now) = (Arc::clone(&harness.engines.plans), harness.engines.now());
    let other = plans.create_plan(&Frame::default(), now, now).await.unwrap();
    let engines = harness.asking(move |asked| {
        let plans = Arc::clone(&plans);
        Box::pin(async move {
            if matches!(asked, Asked::Add(_)) {
                let two = DeadLetterFilter { limit: 2, ..ALL };
                let items = plans.plan_candidates(&two).await?.into_iter().map(NewItem::planned);
                plans.add_plan_items(other, &items.collect::<Vec<_>>(), now).await?;
            }
            Ok(())
        })
    });
    let made =
        make(&engines, &[], PlanRequest { patch: patch(), ..request(ALL) }, &mut |_| {}).await.unwrap().plan;
    assert_eq!(made.frame.patched.map(|it| it.changed), Some(2));
    let repaired = harness.engines.repairs.newest_revisions(&ids).await.unwrap();
    assert_eq!(repaired.keys().copied().collect::<BTreeSet<_>>(), ids[2..].iter().copied().collect());
    let reserved = format!("reserved by plan {other}");
    let held: u64 = made.counts.iter().filter(|it| it.reason == reserved).map(|it| it.count).sum();
    assert_eq!((held, made.counts.iter().map(|it| it.count).sum::<u64>()), (2, 4));
    assert_eq!(made.count(ItemState::Planned), 2, "{:?}", made.counts);
}

#[tokio::test]
async fn a_plan_being_made_shows_its_connections_and_can_be_cancelled() {
    let harness = Harness::with_dead_letters(100).await;
    let engines = harness.engines.clone();
    let only = harness.connection;
    let asking = harness.asking(move |asked| {
        let engines = engines.clone();
        Box::pin(async move {
            if let Asked::Add(id) = asked {
                let plan = super::plan(&engines, id).await.unwrap();
                assert_eq!(plan.frame.connections, [(only, 0)].into(), "who may see no others sees it");
                if plan.count(ItemState::Planned) > 0 {
                    cancel(&engines, "bob", id, None).await.unwrap();
                }
            }
            Ok(())
        })
    });
    let filter = DeadLetterFilter { connections: Some(vec![only]), ..ALL };
    let stopped = PlanRequest { patch: patch(), ..request(filter) };
    let failure = make(&asking, &[], stopped, &mut |_| {}).await.unwrap_err();
    assert_eq!(failure.code, "plan_state");
    assert!(failure.message.contains("cancelled by bob"), "{}", failure.message);
    let ids: Vec<i64> = harness.letters().await.iter().map(|letter| letter.id).collect();
    let repaired = harness.engines.repairs.newest_revisions(&ids).await.unwrap();
    assert!(!repaired.is_empty() && repaired.len() < 50, "the page under way: {}", repaired.len());
    let filter = AuditFilter { connections: Some(vec![only]), limit: 100, ..AuditFilter::default() };
    let lines = harness.engines.operators.audit_lines(&filter).await.unwrap();
    let cancelled = lines.iter().find(|line| line.entry.action == "plan_cancelled");
    assert!(cancelled.is_some_and(|line| line.entry.subject.contains("unfinished plan")), "{lines:?}");
}
