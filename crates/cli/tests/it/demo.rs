//! The demo as a newcomer plays it, in a smaller form.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Deserializer, Value, json};
use tempfile::TempDir;

use crate::program::{program, run};

/// How long a demo may take to open before a test gives up on it.
const TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The demo with its temporary files in `folder`.
fn demo(folder: &Path, arguments: &[&str]) -> Child {
    program(&[&["demo", "--json"], arguments].concat())
        .env("TMPDIR", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn interrupt(process: &Child) {
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
}

fn entries(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path()).unwrap().count()
}

#[test]
fn a_small_demo_proves_its_promises_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let ended = demo(folder.path(), &["--members", "200", "--seed", "7"]).wait_with_output().unwrap();
    let output = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{output}");
    let played: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(played["broken_promises"], json!([]));
    let report = &played["report"];
    assert_eq!(report["proof"]["differences"], 0);
    let ended: u64 =
        report["outcomes"].as_object().unwrap().values().flat_map(counts).filter_map(Value::as_u64).sum();
    assert_eq!(Some(ended), report["accepted"].as_u64());
    assert!(ended > 400, "an event for each member, and for each entry into the audience: {ended}");
    assert_eq!(entries(&folder), 0);
}

fn counts(reasons: &Value) -> impl Iterator<Item = &Value> {
    reasons.as_object().unwrap().values()
}

#[test]
fn a_demo_with_tables_ends_with_further_commands_to_try() {
    let folder = TempDir::new().unwrap();
    let temporary = folder.path().to_str().unwrap();
    let ended = run(&["demo", "--members", "50", "--seed", "7"], &[("TMPDIR", temporary)]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for heading in ["Events by outcome", "Latency", "What to try next"] {
        assert!(ended.stdout.contains(heading), "{heading} is not in\n{}", ended.stdout);
    }
    assert!(ended.stderr.contains("demo with 50 members, seed 7"), "{}", ended.stderr);
}

#[test]
fn a_demo_that_stays_can_be_inspected_with_other_commands() {
    let folder = TempDir::new().unwrap();
    let mut process = demo(folder.path(), &["--members", "50", "--keep"]);
    let mut output = Deserializer::from_reader(process.stdout.take().unwrap()).into_iter::<Value>();
    let report = output.next().unwrap().unwrap();
    assert_eq!(report["broken_promises"], json!([]));
    let environment = output.next().unwrap().unwrap()["environment"].clone();
    let variables: Vec<(&str, &str)> = environment
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let status = run(&["status", "--json"], &variables);
    assert_eq!(status.code, Some(0), "{}", status.stderr);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!((&status["pending"], &status["connections"][0]["name"]), (&json!(0), &json!("demo")));
    let found = run(&["events", "find", "peter@example.com", "--json"], &variables).stdout;
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 2, "the two events of Segment's page: {found}");
    interrupt(&process);
    assert_eq!(process.wait().unwrap().code(), Some(0));
    assert_eq!(entries(&folder), 1, "the files stay");
}

#[test]
fn an_interrupted_demo_reports_that_and_cleans_up() {
    let folder = TempDir::new().unwrap();
    let process = demo(folder.path(), &["--members", "20000"]);
    let end = Instant::now() + TIMEOUT;
    while entries(&folder) == 0 {
        assert!(Instant::now() < end, "the demo did not begin");
        std::thread::sleep(POLL_INTERVAL);
    }
    interrupt(&process);
    let ended = process.wait_with_output().unwrap();
    let output = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{output}");
    let error: Value = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"));
    assert_eq!(error["code"], "interrupted");
    assert_eq!(entries(&folder), 0);
}
