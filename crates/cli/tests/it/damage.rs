//! Damaged files: nothing is accepted while they are damaged, and readable events are delivered.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::world::{KEY, World};

/// Events that are accepted before the damage.
const EVENTS: usize = 150;
/// The size of SQLite's pages.
const PAGE: u64 = 4096;

fn identify(number: usize) -> Value {
    json!({
        "type": "identify", "messageId": format!("m-{number}"), "userId": format!("u{number}"),
        "traits": {
            "email": format!("u{number}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" },
            "about": "x".repeat(400),
        },
    })
}

fn data(world: &World, name: &str) -> PathBuf {
    world.folder.path().join("data").join(name)
}

/// Writes garbage over every page of this number and its multiples.
fn damage(path: &PathBuf, every: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let pages = file.metadata().unwrap().len() / PAGE;
    let garbage: Vec<u8> = (0..PAGE).map(|place| u8::try_from(place * 31 % 251).unwrap()).collect();
    for page in (every..pages).step_by(usize::try_from(every).unwrap()) {
        file.write_all_at(&garbage, page * PAGE).unwrap();
    }
}

/// Moves everything out of the log, because the damage would not affect it there.
fn checkpoint_log(path: &PathBuf) {
    let database = sqlite::rusqlite::Connection::open(path).unwrap();
    let moved = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    assert_eq!(moved.unwrap(), 0);
}

/// A world whose queue holds [`EVENTS`] events, without a service.
fn with_a_full_queue() -> World {
    let mut world = World::new(&[]);
    world.run("ingest");
    world.add("shop", KEY, &["--rate", "1000"]);
    for number in 0..EVENTS {
        world.accept(&identify(number));
    }
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
    world
}

#[test]
fn readable_events_of_a_damaged_queue_are_delivered_and_the_others_counted() {
    let mut world = with_a_full_queue();
    checkpoint_log(&data(&world, "queue.db"));
    damage(&data(&world, "queue.db"), 7);
    let refused = world.cli(&["status", "--json"]);
    assert_eq!(refused.error()["code"], "queue_damaged", "{}", refused.stderr);
    let checked = world.cli(&["check"]);
    assert_eq!(checked.code, Some(1), "{}", checked.stdout);
    assert!(checked.stdout.contains("queue.db is damaged"), "{}", checked.stdout);
    world.serve();
    let status = world.settled();
    let rescue = &status["queue"]["rescues"][0];
    let (rescued, unreadable) = (rescue["rescued"].as_u64().unwrap(), rescue["unreadable"].as_u64().unwrap());
    assert!(rescued > EVENTS as u64 / 2, "{status}");
    assert!(rescued + unreadable >= EVENTS as u64, "{status}");
    assert_eq!(world.affiliates().len() as u64, rescued);
    assert!(PathBuf::from(rescue["file"].as_str().unwrap()).exists());
    world.accept(&identify(EVENTS));
}

#[test]
fn a_damaged_ledger_accepts_nothing_until_it_is_restored() {
    let mut world = with_a_full_queue();
    checkpoint_log(&data(&world, "ledger.db"));
    let backup = std::fs::read(data(&world, "ledger.db")).unwrap();
    damage(&data(&world, "ledger.db"), 1);
    world.serve();
    let (status, answer) = world.post(KEY, &identify(1).to_string());
    assert_eq!(status, 503, "{answer}");
    let (status, body) = world.health("/readyz");
    assert_eq!(status, 503);
    assert!(body.contains("ledger.db is damaged") && body.contains("docs/sqlite.md"), "{body}");
    assert_eq!(world.cli(&["status", "--json"]).error()["code"], "ledger_damaged");
    assert_eq!(world.cli(&["check"]).code, Some(1));
    std::fs::write(data(&world, "ledger.db"), backup).unwrap();
    world.settled();
    assert_eq!(world.affiliates().len(), EVENTS);
    world.accept(&identify(1));
}

#[test]
fn a_ledger_that_is_damaged_in_use_accepts_nothing_more() {
    let mut world = World::started(&[("SQLITE__CHECK_EVERY", "1s")]);
    for number in 0..50 {
        world.accept(&identify(number));
    }
    world.settled();
    checkpoint_log(&data(&world, "ledger.db"));
    damage(&data(&world, "ledger.db"), 1);
    world.until("a 503", || (world.post(KEY, &identify(1).to_string()).0 == 503).then_some(()));
    world.until("/readyz to say so", || {
        let (status, body) = world.health("/readyz");
        (status == 503 && body.contains("docs/sqlite.md")).then_some(())
    });
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
}
