//! Arrays of events and signatures, as Segment's Webhooks destinations send them.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::scaled;
use crate::world::{KEY, World};

/// The secret that Segment and this installation share.
const SHARED: &str = "wh_5f1e9c blank inside";

fn identify(user: &str) -> Value {
    json!({
        "type": "identify", "messageId": format!("m-{user}"), "userId": user,
        "traits": { "email": format!("{user}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
    })
}

fn sign(secret: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An array of all kinds of events ends as it should, also when it comes twice.
fn a_mixed_array_ends_item_by_item(world: &World) {
    let track = json!({ "type": "track", "messageId": "m-t", "userId": "tom", "event": "Seen" });
    let nameless = json!({ "userId": "nobody-in-particular" });
    let array = json!([identify("ann"), track, 7, nameless, identify("bob"), ["deep"]]).to_string();
    for _ in 0..2 {
        let (status, answer) = world.post(KEY, &array);
        assert_eq!((status, &answer["accepted"]), (202, &json!(6)), "{answer}");
    }
    world.settled();
    assert_eq!(world.affiliates().len(), 2);
    world.event_in("tom", "skipped");
    for user in ["ann", "bob"] {
        world.event_in(&format!("{user}@example.org"), "created");
    }
    let letters = world.json(&["dead-letters", "list"]);
    let letters = letters.as_array().unwrap();
    assert!(letters.len() >= 3 && letters.iter().all(|it| it["class"] == "unreadable"), "{letters:?}");
    let ids: Vec<_> = letters.iter().map(|it| it["id"].to_string()).collect();
    let payloads: Vec<_> =
        ids.iter().map(|id| world.json(&["dead-letters", "show", id])["payload"].clone()).collect();
    for payload in [json!(7), nameless.clone(), json!(["deep"])] {
        assert!(payloads.contains(&payload), "{payload} is not in {payloads:?}");
    }
}

#[test]
fn a_mixed_array_ends_item_by_item_on_sqlite() {
    a_mixed_array_ends_item_by_item(&World::started(&[]));
}

#[test]
fn a_mixed_array_ends_item_by_item_on_rabbitmq_and_postgres() {
    let mut world = scaled::world();
    world.serve();
    world.add("shop", KEY, &["--rate", "1000"]);
    a_mixed_array_ends_item_by_item(&world);
}

#[test]
fn with_a_shared_secret_only_signed_requests_are_accepted_also_after_its_key_was_rotated() {
    let mut world = World::started(&[]);
    let set = ["connections", "set", "shop", "--shared-secret-stdin", "--json"];
    let ended = world.cli_with(&set, &format!("{SHARED}\n"), &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let event = identify("ann").to_string();
    // The endpoint uses the known state of a connection for ten seconds.
    world.until("unsigned events to be refused", || (world.post(KEY, &event).0 == 403).then_some(()));
    let right = sign(SHARED, &event);
    assert_eq!(world.post_signed(KEY, &event, &right).0, 202);
    assert_eq!(world.post_signed(KEY, &event, &sign("other", &event)).0, 403);
    let array = format!("[{event},{}]", identify("bob"));
    assert_eq!(world.post_signed(KEY, &array, &right).0, 202, "an array is signed by its first element");

    let shown = world.until("refused signatures to be reported", || {
        let shown = world.json(&["connections", "show", "shop"]);
        (shown["refused_signatures"]["wrong"] == 1).then_some(shown)
    });
    assert!(shown["refused_signatures"]["missing"].as_u64().unwrap() >= 1, "{shown}");
    assert_eq!(
        (&shown["has_shared_secret"], &shown["old_shared_secret_valid_until"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(world.json(&["connections", "list"])[0]["has_shared_secret"], true);
    let rotated = world.json(&["secrets", "rotate"]);
    assert_eq!((&rotated["resealed"], &rotated["resealed_shared_secrets"]), (&json!(1), &json!(1)));
    world.service = None;
    world.serve();
    assert_eq!(world.post_signed(KEY, &event, &right).0, 202);
    assert_eq!(world.post(KEY, &event).0, 403);
    assert_eq!(world.files_with(&[SHARED, "wh_5f1e9c"]), [""; 0]);

    assert_eq!(world.json(&["connections", "set", "shop", "--no-shared-secret"])["has_shared_secret"], false);
    world.until("unsigned events to be accepted", || (world.post(KEY, &event).0 == 202).then_some(()));
    for (options, input) in
        [(&["--shared-secret-stdin", "--no-shared-secret"][..], "x"), (&["--shared-secret-stdin"], " ")]
    {
        let ended = world.cli_with(&[&["connections", "set", "shop"], options].concat(), input, &[]);
        assert_eq!(ended.code, Some(2), "{options:?}: {}", ended.stderr);
    }
}
