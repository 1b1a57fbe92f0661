//! Promises about due graphs, and about the walk through all graphs.

use identity::graph::Lane::{Bulk, Live};
use identity::plan::StepKind::{Create, Edit};

use super::Engine;
use super::fixtures::{ONE, OTHER, at, connection, digest, holder, record, save, saves, work};
use crate::{Save, Want, Work};

fn due(number: u64, work: Option<Work>) -> Save {
    Save { work, dirty: u32::from(work.is_some()), ..save(None, &[number]) }
}

/// For each lane and step the oldest due graphs come first, without graphs before their time, excepted ones, and those beyond the limit.
pub async fn due_graphs_come_oldest_first_within_limits(engine: &impl Engine) {
    let batch = vec![
        due(1, work(Live, Edit, 30)),
        due(2, work(Live, Edit, 10)),
        due(3, work(Live, Edit, 20)),
        due(4, work(Live, Edit, 101)),
        due(5, work(Bulk, Edit, 1)),
        due(6, work(Live, Create, 2)),
        due(7, None),
    ];
    record(engine, saves(ONE, batch)).await;
    record(engine, saves(OTHER, vec![due(8, work(Live, Edit, 0))])).await;
    let excepted = holder(engine, ONE, 2).await.row.id;
    let limits = [((Live, Edit), 2), ((Bulk, Edit), 5)].into();
    let want = Want { limits, except: vec![excepted] };
    let mut rows = engine.due(ONE, at(100), &want).await.expect("read");
    rows.sort_by_key(|row| row.lane);
    let numbers: Vec<_> = rows.iter().flat_map(|due| due.graph.graph.identifiers.keys().copied()).collect();
    assert_eq!(numbers, [digest(3), digest(1), digest(5)]);
    assert_eq!((rows[0].step, rows[0].due_at), (Edit, at(20)));
    let counted = engine.counts(Some(ONE), at(100)).await.expect("counted");
    assert_eq!(counted.due, 5);
}

/// No retry waits as long, so a clock that was wrong wrote the due time: such a graph is due at once.
pub async fn work_due_too_far_ahead_is_due_now(engine: &impl Engine) {
    let days = |days: i64| days * 86_400;
    let batch = vec![
        due(1, work(Live, Edit, days(100))),
        due(2, work(Live, Edit, days(1))),
        due(3, work(Live, Edit, 10)),
        due(4, work(Live, Edit, days(90))),
    ];
    record(engine, saves(ONE, batch)).await;
    for (limit, expected) in [(10, vec![digest(3), digest(4), digest(1)]), (2, vec![digest(3), digest(4)])] {
        let want = Want { limits: [((Live, Edit), limit)].into(), ..Want::default() };
        let rows = engine.due(ONE, at(100), &want).await.expect("read");
        let found: Vec<_> = rows.iter().flat_map(|due| due.graph.graph.identifiers.keys().copied()).collect();
        assert_eq!(found, expected);
    }
}

/// The next due time is the earliest of all lanes and steps; graphs without work have none.
pub async fn the_next_due_time_is_the_earliest_of_all(engine: &impl Engine) {
    assert_eq!(engine.next_due(ONE).await.expect("read"), None);
    record(
        engine,
        saves(ONE, vec![due(1, work(Live, Edit, 30)), due(2, work(Bulk, Create, 20)), due(3, None)]),
    )
    .await;
    assert_eq!(engine.next_due(ONE).await.expect("read"), Some(at(20)));
    for number in [1, 2] {
        let row = holder(engine, ONE, number).await.row;
        record(engine, saves(ONE, vec![save(Some(row), &[number])])).await;
    }
    assert_eq!(engine.next_due(ONE).await.expect("read"), None);
}

/// A walk in steps sees every graph of its connection once, in the order of ids.
pub async fn graphs_are_walked_in_order(engine: &impl Engine) {
    record(engine, saves(ONE, (0..7).map(|number| save(None, &[number])).collect())).await;
    record(engine, saves(OTHER, vec![save(None, &[50])])).await;
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let rows = engine.walk(ONE, after, 3).await.expect("walked");
        let Some(last) = rows.last() else { break };
        assert!(rows.len() <= 3);
        after = last.row.id;
        seen.extend(rows.into_iter().map(|row| row.row.id));
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|a, b| a < b));
}

/// Changed settings are applied to all graphs; a walk is done once its position is set to done, until the settings change again.
pub async fn a_walk_starts_again_for_newer_settings(engine: &impl Engine) {
    assert_eq!(engine.walk_position(ONE).await.expect("read"), None, "no connection, no walk");
    let added = connection(engine, "main", 1).await;
    let position = async || engine.walk_position(added.id).await.expect("read");
    assert_eq!(position().await, Some((1, 0)));
    engine.set_walk_position(added.id, 1, Some(40)).await.expect("written");
    assert_eq!(position().await, Some((1, 40)));
    engine.set_settings(added.id, 1, &added.settings).await.expect("changed");
    assert_eq!(position().await, Some((2, 0)), "what was seen under the old settings is to be seen again");
    engine.set_walk_position(added.id, 2, None).await.expect("written");
    engine
        .set_walk_position(added.id, 1, Some(41))
        .await
        .expect("a late word of the old walk is passed over");
    assert_eq!(position().await, None);
    engine.set_settings(added.id, 2, &added.settings).await.expect("changed");
    assert_eq!(position().await, Some((3, 0)));
}
