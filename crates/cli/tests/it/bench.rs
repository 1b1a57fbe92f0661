//! The benchmark measures its workloads on both pairs of engines. These tests make no promise about speed.

use serde_json::Value;
use testbed::{postgres, rabbitmq};

use crate::program::run;

const MEMBERS: u64 = 200;

/// 32 bytes in base64.
const MASTER_KEY: &str = "dGhlIGtleSBvZiBhIHRlc3QgaXMgbm8gc2VjcmV0ISE=";

/// Runs a workload, and checks what holds for all of them.
fn workload(arguments: &[&str], variables: &[(&str, &str)]) -> Value {
    let ended = run(&[&["bench"], arguments, &["--json"]].concat(), variables);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {} {}", ended.stdout, ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["workload"], arguments[0]);
    assert_eq!((&report["lost_events"], &report["wrong_affiliates"]), (&0.into(), &0.into()), "{report}");
    let setup = &report["setup"];
    assert!(setup["machine"]["cores"].as_u64() >= Some(1), "{report}");
    for engine in setup["engines"].as_array().unwrap() {
        assert!(
            engine["version"].as_str().unwrap().starts_with(|first: char| first.is_ascii_digit()),
            "{report}"
        );
        assert!(engine["durability"].as_str().unwrap().len() > 10, "{report}");
    }
    report
}

/// The figures of one row: the calls, the minimum number of calls, and the events.
fn counts(row: &Value) -> (u64, u64, u64) {
    let count = |name: &str| row[name].as_u64().unwrap_or_else(|| panic!("no {name} in {row}"));
    (count("calls"), count("least_calls"), count("events"))
}

/// CPU time and memory of the worker are known on Linux.
fn worker_was_measured(row: &Value) {
    let processes = row["processes"].as_array().unwrap();
    let worker = processes.iter().find(|usage| usage["role"] == "worker");
    assert!(
        cfg!(not(target_os = "linux")) || worker.unwrap()["peak_memory_bytes"].as_u64() > Some(1 << 20),
        "{row}"
    );
}

/// Runs all workloads but `sync`, each with few members.
fn all(variables: &[(&str, &str)]) {
    syncs(variables);
    live(variables);
    failures(variables);
}

/// Workloads that are syncs of another kind.
fn syncs(variables: &[(&str, &str)]) {
    let strangers = workload(&["strangers", "--members", "120", "--affiliates", "0.5"], variables);
    let (calls, least, events) = counts(&strangers["strangers"]);
    assert_eq!((least, events), (2, 120));
    assert!(calls >= least, "{strangers}");
    worker_was_measured(&strangers["strangers"]);

    let two = workload(&["two-identifiers", "--members", "120"], variables);
    for (row, events) in [("two_identifiers", 240), ("one_identifier", 120)] {
        let (calls, least, all) = counts(&two[row]);
        assert_eq!((least, all), (3, events));
        assert!((3..=events).contains(&calls), "{two}");
    }

    let delta = workload(&["delta", "--members", "120", "--changes", "0.1"], variables);
    let (calls, least, events) = counts(&delta["delta"]);
    assert_eq!((least, events), (1, 12));
    assert!((1..=12).contains(&calls), "{delta}");

    let storm = workload(&["create-storm", "--members", "60"], variables);
    let (calls, least, events) = counts(&storm["create_storm"]);
    assert_eq!((least, events), (62, 60));
    assert!(calls >= least, "{storm}");
}

/// Workloads with live identifies.
fn live(variables: &[(&str, &str)]) {
    let live = workload(&["live", "--members", "5"], variables);
    assert_eq!(counts(&live["live"]), (5, 5, 5), "{live}");
    assert_eq!(live["live"]["delivery"]["samples"], 5, "{live}");

    let beside = workload(&["live-during-bulk", "--members", "200", "--live", "20"], variables);
    let row = &beside["live_during_bulk"];
    let (sent_live, (_, _, events)) = (row["delivery"]["samples"].as_u64().unwrap(), counts(row));
    assert!((1..=20).contains(&sent_live) && events == 200 + sent_live, "{beside}");
}

/// Workloads in which Refersion fails.
fn failures(variables: &[(&str, &str)]) {
    let outage = workload(&["outage", "--members", "120", "--lasts", "0"], variables);
    let (calls, least, events) = counts(&outage["catch_up"]);
    assert_eq!((least, events), (3, 120));
    assert!(calls >= least, "{outage}");

    let replay = workload(&["replay", "--members", "120"], variables);
    let (calls, least, events) = counts(&replay["replay"]);
    assert_eq!((least, events), (3, 120));
    assert!(calls >= least && replay["outcomes"]["dead"].is_null(), "{replay}");
}

/// Runs `sync`, and checks what holds on every machine.
fn bench(variables: &[(&str, &str)]) {
    let members = MEMBERS.to_string();
    let folder = tempfile::TempDir::new().unwrap();
    let picture = folder.path().join("sync.svg");
    let plot = picture.display().to_string();
    let report = workload(&["sync", "--members", &members, "--workers", "2", "--plot", &plot], variables);
    assert!(std::fs::read_to_string(picture).unwrap().contains("<polyline"));
    assert!(report["from_door"]["answers"]["samples"].as_u64() >= Some(MEMBERS), "{report}");
    worker_was_measured(&report["from_queue"]);
    assert_eq!(report["plain"]["calls"], MEMBERS, "{report}");
    let (calls, least) = (&report["from_queue"]["calls"], &report["from_queue"]["least_calls"]);
    assert_eq!(*least, MEMBERS.div_ceil(50));
    // All events are in the queue when the workers start, so all batches but the last ones of each take are full. On files
    // the start of the second worker may return the events of the first one to the queue; they are then redelivered one by one.
    assert!((4..=MEMBERS / 8).contains(&calls.as_u64().unwrap()), "{report}");
}

#[test]
fn the_benchmark_runs_on_temporary_files() {
    bench(&[]);
}

#[test]
fn every_workload_counts_its_calls_and_loses_nothing_on_files() {
    all(&[]);
}

/// Runs benchmarks on a private database and private queues.
fn on_servers(name: &str, run: impl Fn(&[(&str, &str)])) {
    let (queue, ledger) = (rabbitmq::shared_url().unwrap(), postgres::fresh_database().unwrap());
    let prefix = format!("{name}-{}", std::process::id());
    run(&[
        ("REFERSION_DESTINATION__QUEUE__URL", queue.as_str()),
        ("REFERSION_DESTINATION__QUEUE__PREFIX", &prefix),
        ("REFERSION_DESTINATION__LEDGER__URL", &ledger),
        ("REFERSION_DESTINATION__SECRETS__KEY", MASTER_KEY),
    ]);
}

#[test]
fn the_benchmark_runs_on_servers_and_leaves_them_empty() {
    on_servers("bench", |variables| {
        bench(variables);
        // It refuses engines that are not empty, so a second run shows that the first left them empty.
        bench(variables);
    });
}

#[test]
fn every_workload_counts_its_calls_and_loses_nothing_on_servers() {
    on_servers("workloads", all);
}

/// Every operation affects the expected number of dead letters.
fn dead_letters(variables: &[(&str, &str)]) {
    let ended = run(&["bench", "dead-letters", "--letters", "120", "--json"], variables);
    assert_eq!(ended.code, Some(0), "{} {}", ended.stdout, ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let operations = report["acts"].as_array().unwrap();
    let letters = |name: &str| {
        let operation = operations
            .iter()
            .find(|row| row["act"] == name)
            .unwrap_or_else(|| panic!("no {name} in {report}"));
        assert!(
            operation["seconds"].as_f64() > Some(0.0) && operation["longest_lock_ms"].as_f64() >= Some(0.0),
            "{operation}"
        );
        operation["letters"].as_u64().unwrap()
    };
    let of_all =
        ["groups", "plan all", "cancel", "discard", "restore", "expiry of all", "removal of the connection"];
    for operation in of_all {
        assert_eq!(letters(operation), 120, "{operation}: {report}");
    }
    for operation in ["patch of a third", "plan of a third", "expiry of a class", "payloads of discarded"] {
        assert_eq!(letters(operation), 40, "{operation}: {report}");
    }
}

#[test]
fn operations_on_dead_letters_are_measured_on_files_and_on_servers() {
    dead_letters(&[]);
    on_servers("letters", dead_letters);
}

#[test]
fn accepting_is_measured_one_by_one_and_in_batches() {
    let ended =
        run(&["bench", "ingest", "--events", "400", "--batch", "50", "--connections", "4", "--json"], &[]);
    assert_eq!(ended.code, Some(0), "{} {}", ended.stdout, ended.stderr);
    let rows: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&rows[0]["path"], &rows[1]["path"]), (&"/segment".into(), &"/v1/batch".into()), "{rows}");
    for row in rows.as_array().unwrap() {
        assert!(row["events_per_second"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["p50_ms"].as_f64().unwrap() <= row["p99_ms"].as_f64().unwrap(), "{row}");
    }
}
