//! Promises about audiences and their counts of persons.

use std::collections::BTreeMap;

use identity::audiences::{Counted, MemberCounts};

use super::Engine;
use super::fixtures::{
    ONE, OTHER, at, connection, dead_letter, event, holder, letter, outcome, record, save, saves,
};
use crate::audiences::MAX_AUDIENCES;
use crate::{AudienceCounts, Changes, Counting, NamedAudience, Save, State};

fn named(key: &str) -> NamedAudience {
    NamedAudience { key: key.to_owned(), name: key.to_uppercase(), ..NamedAudience::default() }
}

async fn add_audiences(engine: &impl Engine, connection: i64, keys: &[&str]) {
    let named: Vec<NamedAudience> = keys.iter().map(|key| named(key)).collect();
    engine.record_audiences(connection, &named, at(0)).await.expect("met");
}

async fn counts(engine: &impl Engine, connection: i64) -> Vec<AudienceCounts> {
    engine.audience_counts(Some(connection)).await.expect("counted")
}

async fn id_of(engine: &impl Engine, connection: i64, key: &str) -> u64 {
    let all = counts(engine, connection).await;
    all.iter().find(|it| it.audience.named.key == key).expect("it was met").audience.id
}

/// New information about an audience is added to the known information.
pub async fn an_audience_is_added_once(engine: &impl Engine) {
    add_audiences(engine, ONE, &["vip", "other"]).await;
    let stated = NamedAudience {
        class: Some("audience".to_owned()),
        space: Some("spa_1".to_owned()),
        segment_id: Some("aud_1".to_owned()),
        name: "Vip".to_owned(),
        ..named("vip")
    };
    engine.record_audiences(ONE, std::slice::from_ref(&stated), at(9)).await.expect("met");
    add_audiences(engine, ONE, &["vip"]).await;
    let all = counts(engine, ONE).await;
    let names: Vec<&str> = all.iter().map(|it| it.audience.named.name.as_str()).collect();
    assert_eq!(names, ["OTHER", "VIP"]);
    assert_eq!(all[1].audience.named, NamedAudience { name: "VIP".to_owned(), ..stated });
    assert_eq!((all[1].audience.first_seen, all[1].changed_at, all[1].members), (at(0), None, 0));
    assert_eq!(counts(engine, OTHER).await, []);
}

/// After the last audience that was read come the next ones of all connections.
pub async fn new_audiences_are_listed_after_those_read_before(engine: &impl Engine) {
    add_audiences(engine, ONE, &["a"]).await;
    add_audiences(engine, OTHER, &["a", "b"]).await;
    let read = async |after, most| engine.audiences_after(after, most).await.expect("read");
    let all = read(0, 10).await;
    let keys: Vec<_> = all.iter().map(|it| (it.connection, it.named.key.as_str())).collect();
    assert_eq!(keys, [(ONE, "a"), (OTHER, "a"), (OTHER, "b")]);
    assert_eq!(read(all[0].id, 1).await, all[1..2]);
    assert_eq!(read(all[2].id, 10).await, []);
}

/// A source that invents names does not fill the ledger.
pub async fn audiences_have_a_limit(engine: &impl Engine) {
    let many: Vec<NamedAudience> = (0..MAX_AUDIENCES - 1).map(|nth| named(&format!("a{nth}"))).collect();
    engine.record_audiences(ONE, &many, at(0)).await.expect("met");
    assert!(!engine.counting(ONE).await.expect("read").beyond);
    add_audiences(engine, ONE, &["last", "beyond", "a0"]).await;
    assert!(engine.counting(ONE).await.expect("read").beyond);
    let all = counts(engine, ONE).await;
    assert_eq!(all.len(), MAX_AUDIENCES);
    assert!(all.iter().any(|it| it.audience.named.key == "last"));
}

/// Every new audience begins a walk through all graphs; a late walk for an older audience changes nothing.
pub async fn graphs_are_counted_again_for_a_new_audience(engine: &impl Engine) {
    let counting = async || engine.counting(ONE).await.expect("read");
    assert_eq!(counting().await, Counting::default());
    add_audiences(engine, ONE, &["a"]).await;
    let first = id_of(engine, ONE, "a").await;
    assert_eq!(counting().await, Counting { newest: first, position: Some(0), beyond: false });
    engine.set_counting(ONE, first, Some(7)).await.expect("set");
    add_audiences(engine, ONE, &["a"]).await;
    assert_eq!(counting().await.position, Some(7), "it was known");
    add_audiences(engine, ONE, &["b"]).await;
    let second = id_of(engine, ONE, "b").await;
    engine.set_counting(ONE, first, None).await.expect("passed over");
    assert_eq!(counting().await, Counting { newest: second, position: Some(0), beyond: false });
    engine.set_counting(ONE, second, None).await.expect("set");
    assert_eq!(counting().await.position, None);
}

fn counted(audience: u64, members: u32) -> Counted {
    let mut counted = Counted::default();
    counted.add(audience, &MemberCounts { members, delivered: 1, ..MemberCounts::default() });
    counted
}

/// The counts of a graph are stored with it and counted in the same transaction, or not at all.
pub async fn a_graph_is_counted_as_it_is_written(engine: &impl Engine) {
    add_audiences(engine, ONE, &["a"]).await;
    let audience = id_of(engine, ONE, "a").await;
    let count = |row, now: Counted, before: Counted, digests: &[u64]| {
        let mut changes = saves(ONE, vec![Save { counted: now.clone(), ..save(row, digests) }]);
        changes.count(&before, &now);
        Changes { now: at(5), ..changes }
    };
    record(engine, count(None, counted(audience, 2), Counted::default(), &[1])).await;
    record(engine, count(None, counted(audience, 300), Counted::default(), &[2])).await;
    let read = holder(engine, ONE, 1).await;
    assert_eq!(read.counted, counted(audience, 2));
    let walked = engine.walk(ONE, 0, 10).await.expect("walked");
    assert_eq!(walked[1].counted, counted(audience, 300));
    let figures = async || {
        let all = counts(engine, ONE).await;
        (all[0].members, all[0].delivered, all[0].changed_at)
    };
    assert_eq!(figures().await, (302, 2, Some(at(5))));
    record(engine, count(Some(read.row), Counted::default(), counted(audience, 2), &[])).await;
    assert_eq!(figures().await, (300, 1, Some(at(5))));
    assert!(holder(engine, ONE, 1).await.counted.is_empty());
    let late = count(Some(read.row), counted(audience, 9), Counted::default(), &[]);
    engine.record(late).await.expect_err("it has moved");
    assert_eq!(figures().await, (300, 1, Some(at(5))));
    // Appended rows are counted once, also after they were summed up.
    engine.counts(None, at(6)).await.expect("counted");
    assert_eq!(figures().await, (300, 1, Some(at(5))));
}

/// Counts equal a scan of the graphs after any history.
pub async fn counts_of_audiences_equal_a_scan(engine: &impl Engine) {
    add_audiences(engine, ONE, &["a", "b", "c"]).await;
    let ids = [id_of(engine, ONE, "a").await, id_of(engine, ONE, "b").await, id_of(engine, ONE, "c").await];
    let mut state = 88_172_645_463_325_252_u64;
    let mut dice = |sides: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % sides
    };
    for round in 0..60 {
        let number = dice(12);
        let before = engine.gather(ONE, &[super::fixtures::digest(number)], &[]).await.expect("gathered");
        let before = before.graphs.into_iter().next();
        let mut now = Counted::default();
        for id in ids {
            let figures = std::array::from_fn(|_| u32::try_from(dice(3)).unwrap_or(0));
            now.add(id, &MemberCounts::of(figures));
        }
        let new: &[u64] = if before.is_none() { &[number] } else { &[] };
        let row = before.as_ref().map(|read| read.row);
        let mut changes = saves(ONE, vec![Save { counted: now.clone(), ..save(row, new) }]);
        changes.count(&before.map(|read| read.counted).unwrap_or_default(), &now);
        record(engine, changes).await;
        if round % 20 == 7 {
            engine.counts(None, at(6)).await.expect("counted, and summed up");
        }
    }
    let mut scanned: BTreeMap<u64, MemberCounts> = BTreeMap::new();
    let mut all = Counted::default();
    for graph in engine.walk(ONE, 0, 100).await.expect("walked") {
        all.add_all(&graph.counted);
    }
    scanned.extend(all.iter().map(|(id, counts)| (id, *counts)));
    for it in counts(engine, ONE).await {
        let counts = scanned.get(&it.audience.id).copied().unwrap_or_default();
        let figures = [it.members, it.left, it.affiliates, it.held, it.delivered, it.waiting, it.refused];
        assert_eq!(figures, counts.figures().map(u64::from), "{}", it.audience.named.name);
    }
}

/// The reasons for rejected members of an audience come from its open dead letters.
pub async fn rejections_of_an_audience_have_reasons(engine: &impl Engine) {
    dead_letter(engine, ONE, 1, 5).await;
    for number in [2, 3] {
        let payload = r#"{"context":{"personas":{"computation_key":"vip"}}}"#;
        let changes = Changes {
            connection: ONE,
            events: vec![crate::NewEvent { payload: payload.into(), ..event(number, &[1]) }],
            outcomes: vec![outcome(number, 1, State::Dead, 5)],
            dead_letters: vec![letter(number, 5)],
            ..Changes::default()
        };
        record(engine, changes).await;
    }
    let rejections = engine.rejections(ONE).await.expect("read");
    assert_eq!(rejections.len(), 1);
    let it = &rejections[0];
    assert_eq!((it.name.as_str(), it.class.as_str(), it.letters), ("vip", "refused", 2));
    assert_eq!((it.field.as_deref(), it.cause.as_str()), (Some("phone"), "cause 3"));
    assert_eq!(engine.rejections(OTHER).await.expect("read"), []);
}

/// A removed connection has no audiences left, and new ones are not stored.
pub async fn audiences_are_removed_with_their_connection(engine: &impl Engine) {
    let shop = connection(engine, "shop", 1).await;
    add_audiences(engine, shop.id, &["a"]).await;
    let audience = id_of(engine, shop.id, "a").await;
    let mut changes = saves(shop.id, vec![Save { counted: counted(audience, 1), ..save(None, &[1]) }]);
    changes.count(&Counted::default(), &counted(audience, 1));
    record(engine, changes).await;
    super::fixtures::remove(engine, shop.id).await;
    add_audiences(engine, shop.id, &["b"]).await;
    assert_eq!(counts(engine, shop.id).await, []);
    assert_eq!(engine.counting(shop.id).await.expect("read"), Counting::default());
}
