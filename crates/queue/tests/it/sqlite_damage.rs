//! Damaged pages: the queue accepts nothing while they are there, and every message on intact pages is delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use queue::contract::envelope;
use queue::sqlite::{Settings, SqliteQueue};
use queue::{Consume as _, Envelope, Item, Lane, Observe as _, Publish as _, PublishError};
use serde_json::value::RawValue;

use crate::rigs::SqliteRig;

/// The size of SQLite's pages.
const PAGE: usize = 4096;
/// Messages in a file under test.
const MESSAGES: u32 = 120;

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }
}

/// The text that fills the body of a message, and that occurs nowhere else.
fn token(number: u32) -> String {
    format!("<{number:05}>")
}

/// An envelope whose payload is its token, again and again: from a hundred bytes to five pages.
fn marked(number: u32, dice: &mut Dice) -> Envelope {
    let lane = if dice.below(4) == 0 { Lane::Bulk } else { Lane::Live };
    let bytes = if dice.below(5) == 0 { dice.below(5 * PAGE) } else { 100 };
    let text = token(number).repeat(bytes / 7 + 1);
    Envelope { payload: RawValue::from_string(format!("\"{text}\"")).unwrap(), ..envelope(number, lane) }
}

/// A closed file with messages of one envelope each, and an empty log.
async fn filled(rig: &SqliteRig, dice: &mut Dice) {
    let queue = rig.engine().await;
    for number in 0..MESSAGES {
        queue.publish(&[marked(number, dice)]).await.unwrap();
    }
    // Some messages are removed, so that there are free pages.
    let taken = queue.take(10, Duration::ZERO).await.unwrap();
    queue.acknowledge(&taken).await.unwrap();
    assert!(queue.database().truncate_log(Duration::ZERO).await.unwrap());
}

/// The pages that each message occupies.
fn pages_of(file: &[u8]) -> BTreeMap<u32, BTreeSet<usize>> {
    let mut pages: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
    for place in
        (0..file.len().saturating_sub(7)).filter(|place| file[*place] == b'<' && file[place + 6] == b'>')
    {
        let number = std::str::from_utf8(&file[place + 1..place + 6]).ok().and_then(|text| text.parse().ok());
        if let Some(number) = number {
            // Its bookkeeping is stored before the token, on the same page or the one before.
            pages.entry(number).or_default().extend([place.saturating_sub(400) / PAGE, (place + 50) / PAGE]);
        }
    }
    pages
}

/// Writes garbage over some places of a file, and returns which pages it hit.
fn damage(path: &Path, dice: &mut Dice, places: usize) -> BTreeSet<usize> {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
    let mut hit = BTreeSet::new();
    for _ in 0..places {
        let garbage: Vec<u8> =
            (0..1 + dice.below(PAGE)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        let begin = dice.below(length - garbage.len());
        file.write_all_at(&garbage, begin as u64).unwrap();
        hit.extend(begin / PAGE..=(begin + garbage.len() - 1) / PAGE);
    }
    hit
}

fn number_of(envelope: &Envelope) -> u32 {
    u32::try_from(envelope.event_id.as_u128()).unwrap()
}

/// Takes and acknowledges everything; returns the numbers of readable events, and the number of unreadable ones.
async fn deliver_all(queue: &SqliteQueue) -> (BTreeSet<u32>, usize) {
    let (mut delivered, mut unreadable) = (BTreeSet::new(), 0);
    loop {
        let batch = queue.take(100, Duration::ZERO).await.unwrap();
        if batch.is_empty() {
            return (delivered, unreadable);
        }
        for item in &batch.items {
            match item {
                Item::Readable(envelope) => drop(delivered.insert(number_of(envelope))),
                Item::Unreadable { .. } => unreadable += 1,
            }
        }
        queue.acknowledge(&batch).await.unwrap();
    }
}

async fn reopened(rig: &SqliteRig) -> SqliteQueue {
    SqliteQueue::open_repaired(&rig.path(), Settings::default(), rig.clock.clock()).await.unwrap()
}

fn names(rig: &SqliteRig) -> Vec<String> {
    let entries = std::fs::read_dir(rig.folder.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn every_message_on_intact_pages_survives_any_damage() {
    for seed in 0..30 {
        let (rig, mut dice) = (SqliteRig::file(), Dice(seed));
        filled(&rig, &mut dice).await;
        let pages = pages_of(&std::fs::read(rig.path()).unwrap());
        let places = 1 + dice.below(6);
        let hit = damage(&rig.path(), &mut dice, places);
        let queue = reopened(&rig).await;
        let (delivered, unreadable) = deliver_all(&queue).await;
        let lost: Vec<_> = pages
            .iter()
            .filter(|(number, pages)| pages.is_disjoint(&hit) && !delivered.contains(number))
            .collect();
        assert!(lost.is_empty(), "seed {seed}: pages {hit:?} were damaged, and {lost:?} got lost");
        let rescues = queue.rescues().await.unwrap();
        for rescue in &rescues {
            assert!(Path::new(&rescue.file).exists(), "seed {seed}: the damaged file is kept");
            let all = delivered.len() + unreadable + usize::try_from(rescue.unreadable).unwrap();
            assert!(all >= pages.len().min(100), "seed {seed}: {all} of {} are accounted for", pages.len());
        }
        assert!(
            rescues.len() == 1 || delivered.len() + unreadable >= pages.len(),
            "seed {seed}: lost unseen"
        );
        queue.publish(&[envelope(1000, Lane::Live)]).await.unwrap();
        assert_eq!(deliver_all(&queue).await, ([1000].into(), 0), "seed {seed}");
    }
}

#[tokio::test]
async fn a_damaged_file_accepts_nothing_and_is_repaired_in_use() {
    for seed in 100..110 {
        let (rig, mut dice) = (SqliteRig::file(), Dice(seed));
        filled(&rig, &mut dice).await;
        let queue = rig.engine().await;
        let beside = rig.engine().await;
        let pages = pages_of(&std::fs::read(rig.path()).unwrap());
        let hit = damage(&rig.path(), &mut dice, 4);
        // A check of the file finds it, if no statement did.
        if let Ok(sqlite::Soundness::Damaged(why)) = sqlite::check(&rig.path(), Duration::from_secs(60)) {
            queue.database().note_damage(why.clone());
            beside.database().note_damage(why);
            let refused = queue.publish(&[envelope(1000, Lane::Live)]).await;
            assert!(matches!(refused, Err(PublishError::Unavailable { .. })), "seed {seed}: {refused:?}");
        }
        drop(beside);
        queue.repair().await.unwrap();
        let (delivered, _) = deliver_all(&queue).await;
        let lost: Vec<_> = pages
            .iter()
            .filter(|(number, pages)| pages.is_disjoint(&hit) && !delivered.contains(number))
            .collect();
        assert!(lost.is_empty(), "seed {seed}: pages {hit:?} were damaged, and {lost:?} got lost");
        queue.publish(&[envelope(1000, Lane::Live)]).await.unwrap();
    }
}

#[tokio::test]
async fn damage_found_by_a_statement_stops_the_queue_at_once() {
    let (rig, mut dice) = (SqliteRig::file(), Dice(7));
    filled(&rig, &mut dice).await;
    let queue = rig.engine().await;
    let file = std::fs::File::options().write(true).open(rig.path()).unwrap();
    let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
    file.write_all_at(&vec![0xAA; length - PAGE], PAGE as u64).unwrap();
    let took = queue.take(1000, Duration::ZERO).await;
    assert!(took.is_err());
    assert!(queue.database().damage().is_some());
    assert!(queue.publish(&[envelope(1000, Lane::Live)]).await.is_err());
    let rescues = queue.repair().await.unwrap();
    assert_eq!(rescues[0].rescued, 0);
    assert!(queue.database().damage().is_none());
    queue.publish(&[envelope(1000, Lane::Live)]).await.unwrap();
}

#[tokio::test]
async fn a_damaged_log_loses_only_its_damaged_frames() {
    for seed in 200..210 {
        let (rig, mut dice) = (SqliteRig::file(), Dice(seed));
        let crashed = SqliteRig::file();
        let queue = rig.engine().await;
        for number in 0..MESSAGES {
            queue.publish(&[envelope(number, Lane::Live)]).await.unwrap();
        }
        // As after a crash: nothing has been moved out of the log.
        let log = sqlite::beside(&crashed.path(), "-wal");
        std::fs::copy(sqlite::beside(&rig.path(), "-wal"), &log).unwrap();
        std::fs::copy(rig.path(), crashed.path()).unwrap();
        let hit = damage(&log, &mut dice, 1);
        let queue = reopened(&crashed).await;
        let (delivered, _) = deliver_all(&queue).await;
        let missing = MESSAGES as usize - delivered.len();
        assert!(missing <= 3 * 20 * hit.len(), "seed {seed}: {hit:?} were damaged, and {missing} got lost");
    }
}

#[tokio::test]
async fn the_next_start_finishes_an_interrupted_rescue() {
    let (rig, mut dice) = (SqliteRig::file(), Dice(3));
    filled(&rig, &mut dice).await;
    std::fs::rename(rig.path(), rig.folder.path().join("queue.db.rescuing-17")).unwrap();
    let queue = reopened(&rig).await;
    assert!(names(&rig).contains(&"queue.db.damaged-17".to_owned()), "{:?}", names(&rig));
    let (delivered, unreadable) = deliver_all(&queue).await;
    assert!(delivered.len() > 100 && unreadable == 0, "{} {unreadable}", delivered.len());
    assert_eq!(queue.rescues().await.unwrap()[0].unreadable, 0);
}

#[tokio::test]
async fn a_batch_taken_before_a_rescue_acknowledges_no_other_events() {
    let (rig, mut dice) = (SqliteRig::file(), Dice(4));
    filled(&rig, &mut dice).await;
    let (queue, other) = (rig.engine().await, rig.engine().await);
    let before = queue.take(5, Duration::ZERO).await.unwrap();
    queue.database().note_damage("planted".to_owned());
    // A check finds nothing; when SQLite complains again, the file counts as damaged.
    assert_eq!(queue.repair().await.unwrap(), []);
    queue.database().note_damage("planted".to_owned());
    assert_eq!(queue.repair().await.unwrap().len(), 1);
    let after = other.take(5, Duration::ZERO).await.unwrap();
    assert!(!after.is_empty());
    assert!(queue.acknowledge(&before).await.is_err(), "those messages are not held by it any more");
    other.acknowledge(&after).await.unwrap();
}
