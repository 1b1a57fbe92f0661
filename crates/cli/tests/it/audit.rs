//! Acts of the command line are recorded for good.

use serde_json::json;

use crate::world::World;

#[test]
fn acts_of_the_command_line_are_audited_with_the_user_of_the_system() {
    let world = World::started(&[]);
    world.accept(&json!({ "type": "identify", "userId": "ann", "traits": {
        "email": "ann@-x.org", "name": "Ann Smith", "address": { "city": "Rome" } } }));
    world.event_in("ann", "dead");
    let group = world.json(&["dead-letters", "groups"])["groups"][0]["group"].clone();
    let group = group.as_str().unwrap();
    let file = world.folder.path().join("events.jsonl");
    std::fs::write(&file, "{\"type\":\"identify\",\"userId\":\"bob\"}\n").unwrap();
    let acts: [(&str, &[&str]); 21] = [
        ("connection_set", &["connections", "set", "shop", "--rate", "999"]),
        ("connection_paused", &["connections", "pause", "shop"]),
        ("connection_resumed", &["connections", "resume", "shop"]),
        ("adoption_asked_for", &["connections", "adopt", "shop", "--no-wait"]),
        ("verification_asked_for", &["connections", "verify", "shop", "--no-wait"]),
        ("repair_asked_for", &["connections", "verify", "shop", "--repair", "--no-wait"]),
        ("webhook_secret_removed", &["connections", "set-webhook-secret", "shop", "--none"]),
        ("write_key_rotated", &["connections", "rotate-write-key", "shop"]),
        ("group_noted", &["dead-letters", "note", group, "seen"]),
        ("dead_letters_discarded", &["dead-letters", "discard", "state:open", "--reason", "a test"]),
        ("dead_letters_restored", &["dead-letters", "restore", "class:refused"]),
        ("dead_letters_discarded", &["dead-letters", "discard", "class:gone"]),
        ("dead_letters_replayed", &["dead-letters", "replay", "class:refused"]),
        ("person_exported", &["export", "ann"]),
        ("file_sent", &["send", "--connection", "shop", file.to_str().unwrap()]),
        ("person_forgotten", &["forget", "ann"]),
        ("missing_confirmed", &["missing", "confirm"]),
        ("clock_confirmed", &["retention", "confirm"]),
        ("encryption_key_rotated", &["secrets", "rotate"]),
        ("operator_added", &["operators", "add", "eve", "--role", "viewer"]),
        ("operator_revoked", &["operators", "revoke", "eve"]),
    ];
    for (action, arguments) in acts {
        world.json(arguments);
        let lines = world.json(&["audit", "list", &format!("action:{action}"), "age:<1h"]);
        let line = &lines[0];
        assert!(line["actor"].as_str().unwrap_or_default().starts_with("cli:"), "{action}: {lines}");
        assert_eq!(line["result"], "done", "{line}");
    }
    let failed = world.cli(&["operators", "revoke", "eve"]);
    assert_eq!(failed.code, Some(1));
    assert_eq!(world.json(&["audit", "list", "result:failed"])[0]["action"], "operator_revoked");
    for (action, arguments) in [
        ("plan_run", ["dead-letters", "run", "99"]),
        ("plan_cancelled", ["dead-letters", "cancel", "99"]),
        ("plan_made", ["dead-letters", "plan", "class:gone"]),
        ("dead_letters_replayed", ["dead-letters", "replay", ""]),
        ("dead_letters_repaired", ["dead-letters", "edit", "99"]),
        ("group_noted", ["dead-letters", "note", "g0"]),
    ] {
        let more: &[&str] = if action == "group_noted" { &["seen"] } else { &[] };
        let failed = world.cli(&[&arguments[..], more].concat());
        assert_ne!(failed.code, Some(0), "{action}");
        let line = &world.json(&["audit", "list", "result:failed"])[0];
        assert_eq!(line["action"], action, "{}: {line}", failed.stderr);
    }
    world.json(&["connections", "remove", "shop", "--yes"]);
    let all = world.json(&["audit"]).to_string();
    assert!(all.contains("connection_added") && all.contains("connection_removed"), "{all}");
    assert!(!["Ann", "ann@"].iter().any(|it| all.contains(it)), "{all}");
    let csv = world.cli(&["audit", "list", "action:group_noted", "result:done", "--csv"]).stdout;
    assert!(csv.starts_with("id,at,connection,") && csv.lines().count() == 2, "{csv}");
    let ndjson = world.cli(&["audit", "list", "--ndjson"]).stdout;
    assert!(
        ndjson.lines().count() > 17 && ndjson.lines().all(|line| line.starts_with("{\"id\":")),
        "{ndjson}"
    );
    the_ledger_refuses_to_change_the_audit(&world);
}

fn the_ledger_refuses_to_change_the_audit(world: &World) {
    let ledger = sqlite::rusqlite::Connection::open(world.folder.path().join("data/ledger.db")).unwrap();
    for statement in ["DELETE FROM audit", "UPDATE audit SET actor = 'nobody'"] {
        let error = ledger.execute(statement, []).unwrap_err().to_string();
        assert!(error.contains("append only"), "{error}");
    }
}
