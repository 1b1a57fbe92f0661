//! The fixed words that scripts rely on, before anything has happened.

use serde_json::{Value, json};

use crate::world::World;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn an_empty_installation_answers_every_question() {
    let world = World::new(&[]);
    world.json(&["migrate"]);
    for arguments in [
        &["events", "find", "ann@example.org"][..],
        &["profiles", "show", "ann@example.org"],
        &["connections", "list"],
        &["dead-letters", "list"],
        &["dead-letters", "replay", "--all"],
    ] {
        assert_eq!(world.json(arguments), json!([]), "{arguments:?}");
    }
    let status = world.json(&["status"]);
    assert_eq!(status["queue"], json!({ "bulk": 0, "live": 0, "missing": null, "rescues": [] }));
    for count in ["pending", "dirty", "waiting", "held_back", "dead_letters"] {
        assert_eq!(status[count], 0);
    }
    assert_eq!(status["connections"], json!([]));
    assert_eq!(world.json(&["migrate"]), json!({ "queue": "current", "ledger": "current" }));
    assert_eq!(
        world.json(&["secrets", "rotate"]),
        json!({ "key_number": 2, "resealed": 0, "resealed_shared_secrets": 0 })
    );
}

#[test]
fn json_rows_have_the_documented_names() {
    let world = World::started(&[]);
    world
        .accept(&json!({ "type": "identify", "messageId": "m", "userId": "ann", "traits": { "plan": "x" } }));
    let event = world.until("the event", || world.json(&["events", "find", "ann"]).get(0).cloned());
    assert_eq!(
        keys(&event),
        [
            "affiliate_code",
            "affiliate_id",
            "attempts",
            "connection",
            "event_id",
            "message_id",
            "reason",
            "received_at",
            "state",
            "type",
            "waiting_for"
        ]
    );
    let connection = &world.json(&["status"])["connections"][0];
    for name in ["name", "state", "paused_for", "due", "rate"] {
        assert!(connection.get(name).is_some(), "{name} is not in {connection}");
    }
    world.json(&["secrets", "rotate"]);
    world.json(&["connections", "check", "shop"]);
}

#[test]
fn tables_have_a_header_and_name_their_rows() {
    let world = World::started(&[]);
    let lines = |arguments: &[&str]| {
        let ended = world.cli(arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    assert!(lines(&["connections", "list"]).contains("shop"));
    assert!(lines(&["connections", "show", "shop"]).contains("address required"));
    assert!(lines(&["status"]).contains("CONNECTION"));
    assert_eq!(lines(&["events", "find", "ann"]), "no event found\n");
    assert_eq!(lines(&["dead-letters", "list"]), "selector: none, so every dead letter\nno dead letter\n");
}
