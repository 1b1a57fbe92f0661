//! New events are refused before a disk or the ledger is full, and are taken in again when there is room.

use std::path::Path;

use serde_json::{Value, json};

use crate::world::{KEY, World};

/// A key of an account that Refersion does not know: its events are accepted all the same.
const OTHER_KEY: &str = "pub_77aa01.sec_99bb02cc03dd";

fn identify(name: &str, filler: usize) -> Value {
    json!({
        "type": "identify", "messageId": format!("m-{name}"), "userId": name, "context": { "page": "x".repeat(filler) },
        "traits": { "email": format!("{name}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
    })
}

/// Posts different events until one gets this status. Returns how many were accepted.
fn post_until(world: &World, key: &str, filler: usize, wanted: u16) -> usize {
    let accepted = std::cell::Cell::new(0);
    world.until(&format!("an answer of {wanted}"), || {
        let name = format!("{}-{wanted}-{}", &key[4..8], accepted.get());
        let (status, _) = world.post(key, &identify(&name, filler).to_string());
        accepted.set(accepted.get() + usize::from(status == 202));
        (status == wanted).then_some(())
    });
    accepted.get()
}

#[test]
fn a_nearly_full_disk_refuses_new_events_and_all_reports_give_the_reason() {
    let world = World::started(&[("DISK__MIN_FREE", "1000000GiB")]);
    post_until(&world, KEY, 0, 503);
    let (status, body) = world.health("/readyz");
    assert_eq!(status, 503);
    assert!(body.contains("disk.min_free"), "{body}");
    assert_eq!(world.json(&["status"])["ledger"]["refused_for"], "disk_full");
    let metrics = world.health("/metrics").1;
    assert!(metrics.contains(r#"new_events_refused{connection="all",reason="disk_full"} 1"#), "{metrics}");
    let check = world.cli(&["check"]);
    assert!(check.code == Some(1) && check.stdout.contains("disk.min_free"), "{}", check.stdout);
}

#[test]
fn a_full_ledger_refuses_new_events_until_it_has_space_again() {
    let world = World::started(&[("LEDGER__MAX_BYTES", "3MiB")]);
    world.json(&["connections", "pause", "shop"]);
    let accepted = post_until(&world, KEY, 100_000, 503);
    assert!(accepted >= 10, "the limit is not reached before: {accepted}");
    assert!(world.health("/readyz").1.contains("ledger.max_bytes"));
    world.until("what was accepted to be absorbed", || {
        (world.json(&["status"])["queue"]["live"] == 0).then_some(())
    });
    assert_eq!(world.json(&["status"])["ledger"]["refused_for"], "ledger_full");
    // Delivered events need their payload no more, and the file's free pages count as free.
    world.json(&["connections", "resume", "shop"]);
    world.until("room", || (world.health("/readyz").0 == 200).then_some(()));
    assert_eq!(world.post(KEY, &identify("late", 0).to_string()).0, 202);
    world.event_in("late", "created");
    assert_eq!(world.affiliates().len(), accepted + 1, "nothing that was accepted is lost");
}

#[test]
fn too_many_dead_letters_stop_only_their_own_connection() {
    let world = World::started(&[("LEDGER__MAX_DEAD_LETTERS", "2")]);
    world.add("other", OTHER_KEY, &[]);
    for number in 0..2 {
        // The reader accepts this as an address; Refersion does not.
        let mut event = identify(&format!("wilhelmina{number}"), 0);
        event["traits"]["email"] = json!(format!("wilhelmina{number}@-x.org"));
        world.accept(&event);
    }
    post_until(&world, KEY, 0, 503);
    assert_eq!(world.post(OTHER_KEY, &identify("bob", 0).to_string()).0, 202, "the others go on");
    assert_eq!(world.health("/readyz").0, 200);
    let delete = json!({ "type": "delete", "userId": "stranger" });
    world.accept(&delete);
    let shop = |status: &Value| {
        let rows = status["connections"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == "shop").unwrap()["refused_for"].clone()
    };
    assert_eq!(shop(&world.json(&["status"])), "dead_letters");
    let discarded = world.json(&["dead-letters", "discard", "--all", "--connection", "shop"]);
    assert_eq!(discarded.as_array().unwrap().len(), 2);
    assert_eq!(discarded[0]["state"], "discarded");
    post_until(&world, KEY, 0, 202);
    assert_eq!(shop(&world.json(&["status"])), Value::Null);
}

#[test]
fn only_the_digest_of_a_very_long_message_id_is_stored() {
    let world = World::started(&[]);
    let id = "endless".repeat(60_000);
    let mut event = identify("ann", 0);
    event["messageId"] = json!(id);
    let accepted = world.accept(&event);
    assert_eq!(world.event_in("ann", "created")["event_id"], accepted.as_str());
    world.until("the ledger to hold nothing of it", || {
        move_log(&world.folder.path().join("data").join("ledger.db"));
        world.files_with(&["endlessendless"]).is_empty().then_some(())
    });
    let bytes = world.json(&["status"])["ledger"]["bytes"].as_u64().unwrap();
    assert!(bytes < 1 << 20, "{bytes}");
}

/// Moves the write-ahead log into the file, as the program does now and then: old pages stay in it until then.
fn move_log(ledger: &Path) {
    let database = sqlite::rusqlite::Connection::open(ledger).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}
