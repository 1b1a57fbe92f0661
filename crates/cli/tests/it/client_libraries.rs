//! Segment's Tracking API on a real `serve`: the results of events, and the keys that it accepts.

use serde_json::{Value, json};

use crate::world::{KEY, World};

fn identify(user: &str) -> Value {
    json!({
        "type": "identify", "messageId": format!("m-{user}"), "userId": user,
        "traits": { "email": format!("{user}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
    })
}

fn write_key(world: &World) -> String {
    world.json(&["connections", "show", "shop"])["write_key"].as_str().unwrap().to_owned()
}

#[test]
fn each_event_of_a_batch_has_one_outcome() {
    let world = World::started(&[]);
    let off = json!({ "All": false });
    let batch = json!({
        "writeKey": write_key(&world),
        "sentAt": "2026-01-01T00:00:00Z",
        "context": { "library": { "name": "test" } },
        "batch": [
            identify("ann"),
            { "type": "track", "userId": "bob", "event": "Bought", "messageId": "m-track" },
            { "type": "identify", "userId": "cid", "integrations": off, "messageId": "m-off" },
            { "type": "identify", "traits": { "plan": "pro" }, "messageId": "m-nobody" },
            { "type": "delete", "userId": "ann", "messageId": "m-delete" },
            { "userId": "dan", "messageId": "m-typeless" },
        ],
    });
    let (status, answer) = world.send("/v1/batch", "", &batch);
    assert_eq!((status, answer), (200, json!({ "success": true })));
    world.event_in("m-ann", "created");
    assert_eq!(world.event_in("m-track", "skipped")["reason"], "event_type_not_supported");
    assert_eq!(world.event_in("m-off", "skipped")["reason"], "integrations_say_no");
    for message in ["m-nobody", "m-delete", "m-typeless"] {
        assert_eq!(world.event_in(message, "skipped")["reason"], "unreadable");
    }
    let delete = json!({ "batch": [{ "type": "delete", "userId": "ann", "messageId": "m-delete-by-key" }] });
    assert_eq!(world.post_to("/v1/batch", KEY, &delete.to_string()).0, 200);
    world.event_in("m-delete-by-key", "dead");
    assert_ne!(world.affiliates()[0]["status"], "DISABLED", "a delete is not applied");
    let letters = world.json(&["dead-letters", "list"]);
    assert!(letters.to_string().contains("forget"), "{letters}");
    assert_eq!(
        world.files_with(&[&write_key(&world)]).iter().filter(|it| it.contains("queue.db")).count(),
        0
    );
}

#[test]
fn the_rotated_and_the_previous_write_key_open_only_the_tracking_api() {
    let world = World::started(&[]);
    let old = write_key(&world);
    let rotated = world.json(&["connections", "rotate-write-key", "shop"]);
    let new = rotated["write_key"].as_str().unwrap();
    assert_ne!(new, old);
    assert!(rotated["old_write_key_valid_until"].is_string(), "{rotated}");
    assert!(
        rotated["old_api_key_valid_until"].is_null() && rotated["refused_signatures"].is_null(),
        "{rotated}"
    );
    for key in [old.as_str(), new, KEY] {
        let batch = json!({ "batch": [identify("ann")] });
        assert_eq!(world.post_to("/v1/batch", key, &batch.to_string()).0, 200, "{key}");
    }
    assert_eq!(world.post_to("/v1/batch", "unknown", r#"{"batch":[]}"#).0, 401);
    assert_eq!(world.post(new, &identify("ann").to_string()).0, 401);
    let nobody = world.cli(&["connections", "rotate-write-key", "nobody", "--json"]);
    assert_eq!((nobody.code, nobody.error()["code"].clone()), (Some(1), json!("no_such_connection")));
}

#[test]
fn show_prints_the_addresses_to_paste() {
    let world = World::new(&[("INGEST__PUBLIC_URL", "https://segment.example.com/")]);
    world.add("shop", KEY, &[]);
    let urls = world.json(&["connections", "show", "shop"])["urls"].clone();
    assert_eq!(
        urls,
        json!({
            "segment": "https://segment.example.com/segment",
            "libraries": "https://segment.example.com",
            "browsers": "https://segment.example.com/v1",
            "webhooks": "https://segment.example.com/refersion/",
        })
    );
}
