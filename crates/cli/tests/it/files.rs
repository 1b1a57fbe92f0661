//! An empty ledger, or files that do not belong together: events are answered 503, never 401, and all reports give the reason.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::running::Running;
use crate::world::{KEY, World};

const IDENTIFY: &str = include_str!("data/identify.json");

fn data(world: &World, name: &str) -> PathBuf {
    world.folder.path().join("data").join(name)
}

/// Removes a file, with the files that SQLite may have left beside it.
fn move_file_away(world: &World, name: &str) {
    let away = world.folder.path().join("away");
    std::fs::create_dir_all(&away).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("{name}{suffix}");
        if data(world, &name).exists() {
            std::fs::rename(data(world, &name), away.join(&name)).unwrap();
        }
    }
}

fn move_file_back(world: &World, name: &str) {
    for suffix in ["-wal", "-shm", ""] {
        let from = world.folder.path().join("away").join(format!("{name}{suffix}"));
        if from.exists() {
            std::fs::rename(from, data(world, &format!("{name}{suffix}"))).unwrap();
        }
    }
}

fn readiness(world: &World) -> (u16, Value) {
    let (status, body) = world.health("/readyz");
    (status, serde_json::from_str(&body).unwrap())
}

#[test]
fn without_a_connection_every_event_is_503_and_readyz_status_and_check_give_the_reason() {
    let mut world = World::new(&[]);
    world.serve();
    for key in [KEY, "pub_x.sec_x", "no key at all", ""] {
        let (status, answer) = world.post(key, IDENTIFY);
        assert_eq!(status, 503, "{key:?}: {answer}");
    }
    let reported = world.until("the reason", || {
        let (status, ready) = readiness(&world);
        (status == 503 && ready["troubles"][0]["name"] == "connections").then_some(ready)
    });
    assert!(reported["troubles"][0]["why"].as_str().unwrap().contains("connections add"), "{reported}");
    assert!(world.json(&["status"])["problems"][0].as_str().unwrap().contains("connections add"));
    assert!(world.cli(&["status"]).stdout.contains("every event is answered 503"));
    assert!(world.cli(&["check"]).stdout.contains("every event is answered 503"));

    world.add("shop", KEY, &[]);
    assert_eq!(world.post(KEY, IDENTIFY).0, 202, "at once");
    assert_eq!(world.post("pub_x.sec_x", IDENTIFY).0, 401);
    assert_eq!(world.post("no key at all", IDENTIFY).0, 401);
    world.until("readiness", || (world.health("/readyz").0 == 200).then_some(()));
    assert_eq!(world.json(&["status"])["problems"], json!([]));
}

#[test]
fn a_worker_needs_no_connection_to_be_ready() {
    let mut world = World::new(&[]);
    world.run("worker");
    world.until("readiness", || (world.health("/readyz").0 == 200).then_some(()));
}

#[test]
fn a_file_that_is_missing_beside_others_is_waited_for() {
    for name in ["ledger.db", "queue.db", "master.key"] {
        let mut world = World::started(&[]);
        assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
        move_file_away(&world, name);
        world.serve();
        for key in [KEY, "pub_x.sec_x"] {
            assert_eq!(world.post(key, IDENTIFY).0, 503, "without {name}");
        }
        let (status, ready) = readiness(&world);
        assert_eq!((status, &ready["troubles"][0]["name"]), (503, &json!("files")), "{ready}");
        let why = ready["troubles"][0]["why"].as_str().unwrap();
        assert!(why.contains(data(&world, name).to_str().unwrap()) && why.contains("restore "), "{why}");
        assert_eq!(world.health("/healthz").0, 200);
        assert!(!data(&world, name).exists(), "nothing is made in its place");

        let status = world.cli(&["status", "--json"]);
        assert!(status.error()["message"].as_str().unwrap().contains("is missing"), "{}", status.stderr);
        let check = world.cli(&["check"]);
        assert_eq!(check.code, Some(1));
        assert!(check.stdout.contains("BAD") && check.stdout.contains(name), "{}", check.stdout);
        assert!(!data(&world, name).exists(), "nor by a command");

        move_file_back(&world, name);
        world.until("the start", || (world.post(KEY, IDENTIFY).0 == 202).then_some(()));
        world.event_in("peter@example.com", "created");
    }
}

#[test]
fn a_process_that_waits_for_a_file_ends_at_sigterm() {
    let mut world = World::started(&[]);
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
    move_file_away(&world, "ledger.db");
    world.serve();
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
}

#[test]
fn an_operator_may_create_a_missing_file() {
    let world = World::new(&[]);
    world.add("shop", KEY, &[]);
    move_file_away(&world, "queue.db");
    assert_eq!(world.cli(&["migrate", "--json"]).error()["code"], "missing_file");
    assert_eq!(world.json(&["migrate", "--create-missing"])["queue"], "current");
    assert_eq!(world.json(&["connections", "list"])[0]["name"], "shop");
}

#[test]
fn the_log_names_the_folder_of_a_relative_path() {
    let world = World::new(&[]);
    let folder = world.folder.path().canonicalize().unwrap();
    let log = folder.join("relative.log");
    let address = |name: &str| (format!("REFERSION_DESTINATION__{name}__LISTEN"), "127.0.0.1:0".to_owned());
    let service =
        Running::start_in(&folder, &["serve"], &[address("INGEST"), address("HEALTH"), address("API")], &log);
    assert_eq!(service.signal("-TERM"), Some(0));
    let text = std::fs::read_to_string(&log).unwrap();
    for file in ["queue.db", "ledger.db", "master.key"] {
        let whole = folder.join("data").join(file);
        assert!(text.contains(whole.to_str().unwrap()), "{} is not in\n{text}", whole.display());
    }
}

#[test]
fn a_data_directory_that_was_deleted_or_replaced_under_a_running_service_accepts_nothing() {
    for leaves_a_copy in [false, true] {
        let mut world = World::started(&[]);
        assert_eq!(world.post(KEY, IDENTIFY).0, 202);
        world.settled();
        let (folder, aside) = (world.folder.path().join("data"), world.folder.path().join("aside"));
        std::fs::rename(&folder, &aside).unwrap();
        if leaves_a_copy {
            let copied = std::process::Command::new("cp").arg("-a").args([&aside, &folder]).status();
            assert!(copied.unwrap().success());
        }
        assert_eq!(world.post(KEY, IDENTIFY).0, 503, "the first one after it");
        let (status, ready) = readiness(&world);
        assert_eq!(status, 503, "{ready}");
        assert!(ready.to_string().contains("was deleted or replaced"), "{ready}");
        if leaves_a_copy {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        std::fs::rename(&aside, &folder).unwrap();
        assert_eq!(world.post(KEY, IDENTIFY).0, 202, "the right files are back");
        world.until("readiness", || (world.health("/readyz").0 == 200).then_some(()));
        assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
    }
}

#[test]
fn a_ledger_that_was_replaced_under_a_running_service_accepts_nothing() {
    let world = World::started(&[]);
    let (ledger, copy) = (data(&world, "ledger.db"), data(&world, "copy.db"));
    std::fs::copy(&ledger, &copy).unwrap();
    std::fs::rename(&copy, &ledger).unwrap();
    assert_eq!(world.post(KEY, IDENTIFY).0, 503);
}
