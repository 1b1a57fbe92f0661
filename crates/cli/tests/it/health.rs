//! Workers: an installation in which events wait and no process delivers them is unhealthy, and all reports say so.

use std::process::Command;

use serde_json::{Value, json};

use crate::world::{KEY, World};

/// A process that is silent for longer counts as gone.
const SILENT_AFTER: (&str, &str) = ("HEALTH__STALE_AFTER", "5s");

fn identify(name: &str) -> Value {
    json!({
        "type": "identify", "userId": name,
        "traits": { "email": format!("{name}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
    })
}

fn problems(world: &World) -> String {
    world.json(&["status"])["problems"].to_string()
}

#[test]
fn undelivered_events_are_reported_by_status_check_and_readyz() {
    let mut world = World::new(&[SILENT_AFTER]);
    world.run("ingest");
    world.add("shop", KEY, &["--rate", "1000"]);
    world.accept(&identify("ann"));
    assert!(
        problems(&world).contains("1 event waits in the queue, and no worker is running"),
        "{}",
        problems(&world)
    );
    let check = world.cli(&["check"]);
    assert_eq!(check.code, Some(1), "{}", check.stdout);
    assert!(check.stdout.contains("no worker is running"), "{}", check.stdout);
    world.until("/readyz to fail", || {
        let (status, ready) = world.health("/readyz");
        (status == 503 && ready.contains("no worker is running")).then_some(())
    });
    let status = world.json(&["status"]);
    assert!(status["queue"]["oldest"].is_string(), "{status}");

    let worker = world.beside("worker");
    world.event_in("ann", "created");
    world.until("/readyz to recover", || (world.health("/readyz").0 == 200).then_some(()));
    assert_eq!(world.cli(&["check"]).code, Some(0));
    let status = world.until("the worker to report its connection", || {
        let status = world.json(&["status"]);
        let worker =
            status["processes"].as_array().unwrap().iter().find(|it| it["role"] == "worker").cloned();
        worker.is_some_and(|it| it["connections"] == json!(["shop"])).then_some(status)
    });
    assert_eq!(status["problems"], json!([]), "{status}");
    let ingest = status["processes"].as_array().unwrap().iter().find(|it| it["role"] == "ingest").unwrap();
    assert!(ingest["alive"] == true && ingest["version"] == env!("CARGO_PKG_VERSION"), "{ingest}");
    for word in ["host", "pid", "last_heartbeat", "started_at"] {
        assert!(!ingest[word].is_null(), "{word}: {ingest}");
    }

    assert_eq!(worker.signal("-TERM"), Some(0));
    let ended = world.json(&["status"]);
    let worker = ended["processes"].as_array().unwrap().iter().find(|it| it["role"] == "worker").unwrap();
    assert!(worker["alive"] == false && worker["ended_at"].is_string(), "{worker}");
    // Nothing waits, and no process would deliver it.
    world.until("the problem", || problems(&world).contains("no worker is running").then_some(()));
    let shown = world.cli(&["status"]).stdout;
    assert!(shown.contains("ended") && shown.contains("runs"), "{shown}");
}

#[test]
fn an_installation_without_any_process_is_unhealthy() {
    let mut world = World::new(&[SILENT_AFTER]);
    world.run("ingest");
    world.add("shop", KEY, &[]);
    world.accept(&identify("ann"));
    world.service.take().unwrap().signal("-KILL");
    let status = world.until("the process to be silent", || {
        let status = world.json(&["status"]);
        (status["processes"][0]["alive"] == false).then_some(status)
    });
    assert_eq!(status["processes"][0]["ended_at"], Value::Null, "it was killed");
    assert!(status["problems"].to_string().contains("no worker is running"), "{status}");
    assert_eq!(world.cli(&["check"]).code, Some(1));
}

#[test]
fn a_file_that_cannot_be_written_makes_readyz_and_check_fail() {
    for name in ["queue.db", "ledger.db"] {
        let world = World::started(&[]);
        world.until("readiness", || (world.health("/readyz").0 == 200).then_some(()));
        let path = world.folder.path().join("data").join(name);
        let locking = sqlite::rusqlite::Connection::open(&path).unwrap();
        locking.execute_batch("BEGIN IMMEDIATE").unwrap();
        world.until("/readyz to fail", || {
            let (status, ready) = world.health("/readyz");
            (status == 503 && ready.contains("it cannot be written")).then_some(())
        });
        let check = world.cli(&["check"]);
        assert_eq!(check.code, Some(1), "{}", check.stdout);
        assert!(check.stdout.contains("writing") && check.stdout.contains("BAD"), "{}", check.stdout);
        locking.execute_batch("ROLLBACK").unwrap();
        world.until("readiness again", || (world.health("/readyz").0 == 200).then_some(()));
    }
}

/// Another program, such as a backup, may hold a file for longer than any wait of a start.
#[test]
fn a_process_that_starts_while_a_file_is_locked_waits_for_it() {
    for (name, reason) in [("queue.db", "to be started again"), ("ledger.db", "locked")] {
        let mut world = World::started(&[]);
        world.until("readiness", || (world.health("/readyz").0 == 200).then_some(()));
        world.service = None;
        let path = world.folder.path().join("data").join(name);
        let locking = sqlite::rusqlite::Connection::open(&path).unwrap();
        locking.execute_batch("BEGIN IMMEDIATE").unwrap();
        world.serve();
        world.until("/readyz to say why it waits", || {
            let (status, ready) = world.health("/readyz");
            (status == 503 && ready.contains(reason)).then_some(())
        });
        locking.execute_batch("ROLLBACK").unwrap();
        world.until("readiness again", || (world.health("/readyz").0 == 200).then_some(()));
    }
}

#[test]
fn a_stopped_process_is_shown_as_silent() {
    let world = World::started(&[SILENT_AFTER]);
    world.until("the first report", || {
        (world.json(&["status"])["processes"][0]["alive"] == true).then_some(())
    });
    let pid = world.json(&["status"])["processes"][0]["pid"].to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    world.until("its silence", || (world.json(&["status"])["processes"][0]["alive"] == false).then_some(()));
    assert!(world.cli(&["status"]).stdout.contains("silent"));
    assert!(Command::new("kill").args(["-CONT", &pid]).status().unwrap().success());
}
