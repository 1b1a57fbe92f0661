//! Promises about graphs: found by digest, written only as they were read.

use identity::graph::TraitValue;
use identity::stamp::{Moment, Stamp};

use super::Engine;
use super::fixtures::{ONE, OTHER, digest, event, found, graph, holder, holding, record, save, saves};
use crate::{Changes, LedgerError, READ_BYTES, Row};

/// A graph is returned once, as it was written, even if several of its digests are requested.
pub async fn a_graph_is_found_once_by_all_its_digests(engine: &impl Engine) {
    record(engine, saves(ONE, vec![save(None, &[1, 2]), save(None, &[3])])).await;
    let rows = holding(engine, ONE, &[1, 2, 2, 9]).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].graph, graph(&[1, 2]));
    assert_eq!(engine.graphs(&[rows[0].row.id, -1]).await.expect("read").len(), 1);
}

/// Connections do not see each other's graphs, even if a digest is the same.
pub async fn equal_digests_of_two_connections_are_separate(engine: &impl Engine) {
    record(engine, saves(ONE, vec![save(None, &[1])])).await;
    record(engine, saves(OTHER, vec![save(None, &[1, 2])])).await;
    assert_eq!(holder(engine, ONE, 1).await.graph, graph(&[1]));
    assert_eq!(holder(engine, OTHER, 1).await.graph, graph(&[1, 2]));
    assert!(holding(engine, ONE, &[2]).await.is_empty());
}

/// If two processes read the same version, the second one to write has to read again.
pub async fn a_graph_that_has_changed_is_not_overwritten(engine: &impl Engine) {
    record(engine, saves(ONE, vec![save(None, &[1])])).await;
    let read = holder(engine, ONE, 1).await;
    let seen = Some(read.row);
    record(engine, saves(ONE, vec![save(seen, &[1, 2])])).await;
    let late = engine.record(saves(ONE, vec![save(seen, &[1, 3])])).await;
    assert!(matches!(late, Err(LedgerError::Conflict)), "{late:?}");
    let now = holder(engine, ONE, 1).await;
    assert_eq!(now.graph, graph(&[1, 2]));
    assert!(now.row.version > read.row.version);
    assert_eq!(now.row.id, read.row.id);
}

/// If two processes create a graph for the same new identifier, only one succeeds.
pub async fn a_digest_belongs_to_one_graph(engine: &impl Engine) {
    record(engine, saves(ONE, vec![save(None, &[1])])).await;
    let second = engine.record(saves(ONE, vec![save(None, &[2, 1])])).await;
    assert!(matches!(second, Err(LedgerError::Conflict)), "{second:?}");
    assert!(holding(engine, ONE, &[2]).await.is_empty());
}

/// Graphs are merged only if they have not changed since they were read; their digests then lead to the merged graph.
pub async fn merged_graphs_hand_over_their_digests(engine: &impl Engine) {
    record(engine, saves(ONE, vec![save(None, &[1]), save(None, &[2])])).await;
    let (left, right) = (holder(engine, ONE, 1).await, holder(engine, ONE, 2).await);
    let merged = |dissolved| {
        let mut kept = save(Some(left.row), &[1, 2]);
        kept.new_digests.retain(|digest| !left.graph.identifiers.contains_key(digest));
        Changes { dissolved: vec![dissolved], ..saves(ONE, vec![kept]) }
    };
    let stale = Row { version: right.row.version + 1, ..right.row };
    let stale = engine.record(merged(stale)).await;
    assert!(matches!(stale, Err(LedgerError::Conflict)), "{stale:?}");
    record(engine, merged(right.row)).await;
    assert_eq!(holder(engine, ONE, 2).await.row.id, left.row.id);
    assert!(engine.graphs(&[right.row.id]).await.expect("read").is_empty());
    record(engine, saves(ONE, vec![save(None, &[3])])).await;
    assert_ne!(holder(engine, ONE, 3).await.row.id, right.row.id, "ids are not given again");
}

/// A graph that is split is dissolved, and each of its digests leads to the new graph that contains it.
pub async fn a_split_graph_hands_over_its_digests(engine: &impl Engine) {
    record(engine, saves(ONE, vec![save(None, &[1, 2, 3])])).await;
    let whole = holder(engine, ONE, 1).await;
    let parts = |row| Changes {
        dissolved: vec![row],
        ..saves(ONE, vec![save(None, &[1]), save(None, &[2, 4]), save(None, &[3])])
    };
    let stale = engine.record(parts(Row { version: whole.row.version + 1, ..whole.row })).await;
    assert!(matches!(stale, Err(LedgerError::Conflict)), "{stale:?}");
    record(engine, parts(whole.row)).await;
    assert_eq!(holding(engine, ONE, &[1, 2, 3, 4]).await.len(), 3);
    assert_eq!(holder(engine, ONE, 2).await.graph, graph(&[2, 4]));
    assert!(engine.graphs(&[whole.row.id]).await.expect("read").is_empty());
    let late = engine.record(saves(ONE, vec![save(Some(whole.row), &[1])])).await;
    assert!(matches!(late, Err(LedgerError::Conflict)), "{late:?}");
}

/// If changes conflict, none of them are written, not even those before the conflict.
pub async fn a_conflict_leaves_nothing_behind(engine: &impl Engine) {
    record(engine, saves(ONE, vec![save(None, &[1])])).await;
    let mut changes = saves(ONE, vec![save(None, &[7]), save(None, &[1])]);
    changes.events.push(event(1, &[7]));
    assert!(matches!(engine.record(changes).await, Err(LedgerError::Conflict)));
    assert!(holding(engine, ONE, &[7]).await.is_empty());
    assert!(found(engine, 7).await.is_empty());
    assert_eq!(super::fixtures::counts(engine, ONE).await.pending, 0);
}

/// A graph cannot be written or dissolved under another connection.
pub async fn a_graph_of_another_connection_cannot_be_written(engine: &impl Engine) {
    record(engine, saves(ONE, vec![save(None, &[1])])).await;
    let row = holder(engine, ONE, 1).await.row;
    let foreign = engine.record(saves(OTHER, vec![save(Some(row), &[5])])).await;
    assert!(matches!(foreign, Err(LedgerError::Conflict)), "{foreign:?}");
    let dissolve = Changes { connection: OTHER, dissolved: vec![row], ..Changes::default() };
    assert!(matches!(engine.record(dissolve).await, Err(LedgerError::Conflict)));
    assert_eq!(holder(engine, ONE, 1).await.row, row);
}

/// Many graphs are written in one transaction and read back complete; counts follow every save.
pub async fn many_graphs_are_written_together(engine: &impl Engine) {
    let numbers: Vec<u64> = (0..500).collect();
    let dirty = |row: Option<Row>, number: u64, dirty| {
        let mut save = save(row, &[number]);
        (save.dirty, save.waiting) = (dirty, 2);
        save
    };
    record(engine, saves(ONE, numbers.iter().map(|number| dirty(None, *number, 1)).collect())).await;
    let rows = holding(engine, ONE, &numbers).await;
    assert_eq!(rows.len(), 500);
    let counted = super::fixtures::counts(engine, ONE).await;
    assert_eq!((counted.dirty, counted.waiting), (500, 1_000));
    assert!(rows.iter().all(|row| (row.row.dirty, row.row.waiting) == (1, 2)), "as they were written");
    let again = rows.iter().zip(&numbers).map(|(row, number)| dirty(Some(row.row), *number, 3));
    record(engine, saves(ONE, again.take(100).collect())).await;
    assert_eq!(super::fixtures::counts(engine, ONE).await.dirty, 700);
}

/// The amount of data that is read at once is limited, but one graph is always read, even if it is larger.
pub async fn large_graphs_are_read_up_to_a_size_limit(engine: &impl Engine) {
    let large = |digest| {
        let mut save = save(None, &[digest]);
        let text = "x".repeat(READ_BYTES / 2 + 1).into();
        let stamp = Stamp { time: Moment(1), received: None, key: "m".into(), revision: 0 };
        let stated = TraitValue::new(Some(text), stamp);
        save.graph
            .identifiers
            .iter_mut()
            .for_each(|(_, it)| it.traits.extend([("custom.a".into(), stated.clone())]));
        save
    };
    record(engine, saves(ONE, vec![large(1), large(2), save(None, &[3])])).await;
    let gathered = engine.gather(ONE, &[digest(1), digest(2), digest(3)], &[]).await.expect("read");
    assert!(gathered.partial && gathered.graphs.len() == 1, "{} graphs", gathered.graphs.len());
    let gathered = engine.gather(ONE, &[digest(2), digest(3)], &[]).await.expect("read");
    assert!(!gathered.partial && gathered.graphs.len() == 2);
    let mut after = 0;
    for graphs in [1, 2, 0] {
        let walked = engine.walk(ONE, after, 10).await.expect("read");
        assert_eq!(walked.len(), graphs);
        after = walked.last().map_or(after, |read| read.row.id);
    }
}
