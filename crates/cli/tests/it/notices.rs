//! Log lines that an operator sees without looking for them, and lines that commands do not print.

use serde_json::json;

use crate::program::run;
use crate::world::{KEY, SECRET, World};

fn log(world: &World) -> String {
    std::fs::read_to_string(world.folder.path().join("service.log")).unwrap_or_default()
}

/// Waits for the line of the log that contains this text.
fn line(world: &World, text: &str) -> String {
    world.until(text, || log(world).lines().find(|line| line.contains(text)).map(str::to_owned))
}

#[test]
fn dead_letters_are_logged_once_for_each_cause_with_ids_and_without_names() {
    let mut world = World::new(&[]);
    world.serve();
    // Refersion has no such field.
    world.add("shop", KEY, &["--rate", "1000", "--custom-field", "vip=8"]);
    for name in ["wilhelmina", "gwendolyn"] {
        world.accept(&json!({
            "type": "identify", "userId": name,
            "traits": {
                "email": format!("{name}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" },
                "vip": true,
            },
        }));
        world.event_in(name, "dead");
    }
    let text = line(&world, "events ended as dead letters");
    let event = world.json(&["dead-letters", "list"])[1]["event_id"].as_str().unwrap().to_owned();
    for part in ["WARN", "shop", "refused", "custom:8", &event] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let lines = log(&world).lines().filter(|line| line.contains("events ended as dead letters")).count();
    assert_eq!(lines, 1, "one in a minute for each cause");
    assert!(!text.contains("wilhelmina") && !text.contains("example.org"), "{text}");
}

#[test]
fn a_known_public_key_with_another_secret_is_logged_with_its_connection() {
    let world = World::started(&[]);
    let (public, _) = KEY.split_once('.').unwrap();
    let identify = include_str!("data/identify.json");
    assert_eq!(world.post(&format!("{public}.sec_another"), identify).0, 401);
    let text = line(&world, "public key of this connection");
    assert!(text.contains("WARN") && text.contains("shop"), "{text}");
    assert_eq!(world.post("pub_nobody.sec_another", identify).0, 401);
    let lines = log(&world).lines().filter(|line| line.contains("public key of this connection")).count();
    assert_eq!(lines, 1, "a key that nobody has is no customer's mistake");
    assert!(!log(&world).contains("sec_another") && !log(&world).contains(SECRET));
}

#[test]
fn a_short_command_logs_only_warnings() {
    let folder = tempfile::TempDir::new().unwrap();
    let url = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    let (queue, ledger) = (url("queue.db"), url("ledger.db"));
    let variables = [
        ("REFERSION_DESTINATION__QUEUE__URL", queue.as_str()),
        ("REFERSION_DESTINATION__LEDGER__URL", &ledger),
    ];
    let ended = run(&["migrate"], &variables);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("INFO") && ended.stderr.contains("WARN"), "{}", ended.stderr);
    let loud = [&variables[..], &[("REFERSION_DESTINATION__LOG__LEVEL", "debug")]].concat();
    assert!(run(&["status"], &loud).code == Some(0));
}

#[test]
fn lists_state_how_many_rows_there_are() {
    let world = World::started(&[]);
    for number in 0..3 {
        world.accept(&json!({ "type": "identify", "userId": "ann", "traits": { "plan": number } }));
    }
    world.until("three events", || {
        (world.json(&["events", "find", "ann"]).as_array().unwrap().len() == 3).then_some(())
    });
    let two = world.cli(&["events", "find", "ann", "--limit", "2"]).stdout;
    assert!(two.ends_with("2 of 3 events shown; --limit shows more\n"), "{two}");
    assert!(world.cli(&["events", "find", "ann"]).stdout.ends_with("3 events\n"));
    assert!(world.cli(&["connections", "list"]).stdout.ends_with("1 connection\n"));
}

#[test]
fn tables_fit_the_requested_columns() {
    let world = World::started(&[]);
    world.accept(&json!({ "type": "identify", "messageId": "m".repeat(60), "userId": "ann", "traits": {} }));
    world.until("the event", || world.json(&["events", "find", "ann"]).get(0).cloned());
    let narrow = &["events", "find", "ann"][..];
    for (columns, arguments, fits) in
        [("80", narrow, true), ("60", &["events", "find", "ann", "--wide"], false)]
    {
        let shown = world.cli_with(arguments, "", &[("COLUMNS", columns)]).stdout;
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert_eq!(widest <= columns.parse().unwrap(), fits, "{shown}");
    }
}
