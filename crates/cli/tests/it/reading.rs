//! Commands that only read or change data create nothing: in a wrong folder they refuse, and name the path.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{postgres, rabbitmq};

use crate::program::{Ended, program};
use crate::world::{KEY, World};

/// Every command that needs an installation.
const COMMANDS: &[&[&str]] = &[
    &["status"],
    &["events", "find", "ann@example.org"],
    &["profiles", "show", "ann@example.org"],
    &["profiles", "confirm-payout", "ann@example.org", "--connection", "shop", "--yes"],
    &["dead-letters", "list"],
    &["dead-letters", "show", "1"],
    &["dead-letters", "replay", "1"],
    &["dead-letters", "discard", "1"],
    &["export", "ann@example.org"],
    &["forget", "ann@example.org"],
    &["connections", "list"],
    &["connections", "show", "shop"],
    &["connections", "check", "shop"],
    &["connections", "pause", "shop"],
    &["connections", "resume", "shop"],
    &["connections", "set", "shop", "--rate", "5"],
    &["connections", "remove", "shop", "--yes"],
    &["retention", "show"],
    &["secrets", "rotate"],
];

fn ended(mut command: Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn run_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = program(&[arguments, &["--json"]].concat());
    command.current_dir(folder).envs(variables.iter().copied());
    ended(command)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_command_in_a_wrong_folder_creates_nothing_and_names_the_path() {
    let folder = TempDir::new().unwrap();
    let ledger = folder.path().canonicalize().unwrap().join("data").join("ledger.db");
    for arguments in COMMANDS {
        let ended = run_in(folder.path(), arguments, &[]);
        assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.stderr);
        let error = ended.error();
        assert_eq!(error["code"], "no_installation", "{arguments:?}: {error}");
        assert!(error["message"].as_str().unwrap().contains(ledger.to_str().unwrap()), "{error}");
        assert_eq!(names(folder.path()), [""; 0], "{arguments:?}");
    }
    let check = run_in(folder.path(), &["check"], &[]);
    assert_eq!(check.code, Some(1), "{}", check.stdout);
    assert!(check.stdout.contains(ledger.to_str().unwrap()), "{}", check.stdout);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn an_empty_file_is_no_ledger() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    for name in ["ledger.db", "queue.db", "master.key"] {
        fs::write(data.join(name), "").unwrap();
    }
    let error = run_in(folder.path(), &["status"], &[]).error();
    assert_eq!(error["code"], "no_installation", "{error}");
    assert_eq!(fs::metadata(data.join("ledger.db")).unwrap().len(), 0, "nothing is made in it");
}

#[test]
fn an_unreadable_path_is_not_taken_for_missing() {
    for name in ["ledger.db", "queue.db", "master.key"] {
        let mut world = World::new(&[]);
        world.add("shop", KEY, &[]);
        let path = world.folder.path().join("data").join(name);
        let aside = world.folder.path().join("aside");
        fs::rename(&path, &aside).unwrap();
        // A link to itself: no user can look behind it, not even root.
        symlink(&path, &path).unwrap();
        for arguments in [&["status", "--json"][..], &["migrate", "--create-missing", "--json"]] {
            let ended = world.cli(arguments);
            let error = ended.error();
            assert_ne!(error["code"], "missing_file", "{error}");
            assert!(error["message"].as_str().unwrap().contains(path.to_str().unwrap()), "{error}");
        }
        let check = world.cli(&["check"]);
        assert_eq!(check.code, Some(1));
        assert!(check.stdout.contains(path.to_str().unwrap()), "{}", check.stdout);
        world.serve();
        let (status, ready) = world.health("/readyz");
        assert!(status == 503 && ready.contains("cannot be used"), "{ready}");
        assert_eq!(world.post(KEY, include_str!("data/identify.json")).0, 503);
        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
        world.until("the start", || (world.health("/readyz").0 == 200).then_some(()));
    }
}

#[test]
fn check_tries_to_write_in_the_folder_of_serve() {
    let folder = TempDir::new().unwrap();
    // No user can create a file in /proc, not even root.
    let url = "sqlite:///proc/not/here/ledger.db";
    let ended = run_in(folder.path(), &["check"], &[("REFERSION_DESTINATION__LEDGER__URL", url)]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let writing: Vec<_> =
        found["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "writing").collect();
    assert_eq!(writing.len(), 1, "{found}");
    assert_eq!(writing[0]["verdict"], "bad");
    assert!(writing[0]["found"].as_str().unwrap().contains("/proc cannot be written"), "{found}");

    let world = World::new(&[]);
    world.add("shop", KEY, &[]);
    let found = world.json(&["check"]);
    let writing = found["checks"].as_array().unwrap().iter().find(|check| check["name"] == "writing");
    assert_eq!(writing.unwrap()["verdict"], "ok", "{found}");
    assert_eq!(
        names(&world.folder.path().join("data")).iter().filter(|name| name.starts_with('.')).count(),
        0
    );
}

#[test]
fn a_command_creates_nothing_on_servers() {
    let (queue, ledger) = (rabbitmq::shared_url().unwrap(), postgres::fresh_database().unwrap());
    let prefix = format!("reading-{}", std::process::id());
    let world = World::new(&[
        ("QUEUE__URL", &queue),
        ("QUEUE__PREFIX", &prefix),
        ("LEDGER__URL", &ledger),
        ("SECRETS__KEY", "dGhlIGtleSBvZiBhIHRlc3QgaXMgbm8gc2VjcmV0ISE="),
    ]);
    let error = world.cli(&["status", "--json"]).error();
    assert_eq!(error["code"], "no_installation", "{error}");
    assert!(error["message"].as_str().unwrap().contains("empty database"), "{error}");
    let checks = world.json(&["check"])["checks"].clone();
    let of =
        |name: &str| checks.as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone();
    assert_eq!(of("ledger, schema")["verdict"], "note", "{checks}");
    assert!(of("queue")["found"].as_str().unwrap().contains(&prefix), "{checks}");
    assert_eq!(of("queue")["verdict"], "note", "{checks}");

    world.json(&["migrate"]);
    assert_eq!(world.json(&["status"])["connections"], json!([]));
    let other = ("REFERSION_DESTINATION__QUEUE__PREFIX", "reading-nowhere");
    let error = world.cli_with(&["status", "--json"], "", &[other]).error();
    assert_eq!(error["code"], "no_installation", "{error}");
    assert!(error["message"].as_str().unwrap().contains("reading-nowhere"), "{error}");
}
