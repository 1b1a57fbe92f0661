//! The main job, through the real program: Segment's two example events, and their results as an operator sees them.

use serde_json::json;

use crate::world::{KEY, SECRET, World};

const IDENTIFY: &str = include_str!("data/identify.json");
const DELETE: &str = include_str!("data/delete.json");

/// The person's data in the identify, in the spellings in which it may be kept.
const PERSONAL: [&str; 6] =
    ["Peter", "Gibbons", "peter@example.com", "6th St", "San Francisco", "test-user-t0zpx"];

#[test]
fn the_two_events_of_segments_page_create_and_disable_an_affiliate() {
    let world = World::started(&[]);
    assert_eq!(world.post(KEY, IDENTIFY).0, 202);
    let event = world.event_in("peter@example.com", "created");
    let affiliates = world.affiliates();
    assert_eq!(affiliates.len(), 1);
    let affiliate = &affiliates[0];
    for (field, value) in [
        ("email", "peter@example.com"),
        ("first_name", "Peter"),
        ("last_name", "Gibbons"),
        ("address1", "6th St"),
        ("city", "San Francisco"),
        ("state", "CA"),
        ("zip", "94103"),
        ("country", "US"),
        ("status", "PENDING"),
    ] {
        assert_eq!(affiliate[field], value, "{field}");
    }
    assert_eq!(event["affiliate_id"], affiliate["id"]);
    assert_eq!(event["affiliate_code"], affiliate["code"]);
    assert_eq!((&event["type"], &event["connection"]), (&json!("identify"), &json!("shop")));
    assert_eq!((&event["attempts"], &event["waiting_for"]), (&json!([]), &json!(null)));
    for name in ["test-user-t0zpx", "test-message-txsmji", " Peter@Example.com "] {
        assert_eq!(world.json(&["events", "find", name])[0]["event_id"], event["event_id"], "{name}");
    }

    assert_eq!(world.post(KEY, DELETE).0, 202);
    world.event_in("5678", "deleted");
    assert_eq!(world.affiliates()[0]["status"], "DISABLED");
    world.until("erasure of every file", || world.files_with(&PERSONAL).is_empty().then_some(()));
    assert_eq!(world.files_with(&[SECRET]), [""; 0]);
    world.settled();
}

#[test]
fn a_profile_and_an_export_show_stored_and_delivered_values() {
    let world = World::started(&[]);
    assert_eq!(world.post(KEY, IDENTIFY).0, 202);
    world.event_in("peter@example.com", "created");
    let profile = &world.json(&["profiles", "show", "peter@example.com"])[0];
    assert_eq!(profile["connection"], "shop");
    assert_eq!(profile["affiliates"][0]["delivered"]["country"], "US");
    assert_eq!(profile["persons"][0]["differs"], json!([]));
    assert_eq!(profile["identifiers"].as_array().unwrap().len(), 2);
    assert!(!profile["identifiers"].to_string().contains("peter@"), "names are for the export");
    let table = world.cli(&["profiles", "show", "test-user-t0zpx"]).stdout;
    assert!(table.contains("Gibbons") && table.contains("affiliates"), "{table}");
    let id = world.affiliates()[0]["id"].to_string();
    for shown in [
        format!("person peter@example.com: affiliate {id}"),
        "test-user-t0zpx".to_owned(),
        "to be sent  nothing".to_owned(),
        "events name both".to_owned(),
    ] {
        assert!(table.contains(&shown), "{shown} is not in\n{table}");
    }
    assert!(!table.contains("ROOT") && !table.contains("DIGEST"), "{table}");

    let export: serde_json::Value =
        serde_json::from_str(&world.cli(&["export", "test-user-t0zpx"]).stdout).unwrap();
    let known = &world.json(&["events", "find", "test-message-txsmji"])[0]["event_id"];
    assert_eq!(
        &export["events"][0]["event_id"], known,
        "found by its message id, which is not kept in clear"
    );
    assert_eq!(export["events"][0]["message_id"], json!(null));
    let names = export["profiles"][0]["identifiers"].to_string();
    assert!(names.contains("peter@example.com") && names.contains("test-user-t0zpx"), "{names}");
    assert_eq!(world.json(&["profiles", "show", "nobody"]), json!([]));
    assert_eq!(world.json(&["status"])["connections"][0]["unmapped_traits"][0]["events"], 1);
}

#[test]
fn a_trait_mapped_later_is_delivered_for_earlier_events() {
    let world = World::started(&[]);
    assert_eq!(world.post(KEY, IDENTIFY).0, 202);
    world.event_in("peter@example.com", "created");
    let set = world.json(&["connections", "set", "shop", "--custom-field", "Plan=7"]);
    assert_eq!(set["settings"]["custom_fields"], json!({ "Plan": 7 }));
    let field = || world.affiliates()[0]["custom_fields"]["7"].as_str().map(ToOwned::to_owned);
    assert_eq!(world.until("the custom field", field), "premium");
    let unmapped = &world.json(&["status"])["connections"][0]["unmapped_traits"];
    assert_eq!(unmapped, &json!([{ "trait": "logins", "events": 1 }]), "a field takes the plan now");
}

#[test]
fn forget_has_the_effect_of_a_delete() {
    let world = World::started(&[]);
    assert_eq!(world.post(KEY, IDENTIFY).0, 202);
    world.event_in("peter@example.com", "created");
    let forgotten = world.json(&["forget", "peter@example.com", "--wait"]);
    assert_eq!((&forgotten[0]["state"], &forgotten[0]["connection"]), (&json!("deleted"), &json!("shop")));
    assert_eq!(world.affiliates()[0]["status"], "DISABLED");
    let message = forgotten[0]["message_id"].as_str().unwrap();
    assert_eq!(world.json(&["events", "find", message])[0]["event_id"], forgotten[0]["event_id"]);
    world.until("erasure of every file", || world.files_with(&PERSONAL).is_empty().then_some(()));
}

#[test]
fn an_event_that_is_not_absorbed_yet_is_found_in_the_queue() {
    let mut world = World::started(&[]);
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
    let unknown = world.cli(&["forget", "ann@example.org", "--json"]);
    assert_eq!((unknown.code, unknown.error()["code"].clone()), (Some(2), json!("unknown_person")));
    assert_eq!(world.json(&["status"])["queue"]["live"], 0, "nothing was done");
    let forgotten = world.json(&["forget", "ann@example.org", "--yes"]);
    assert_eq!(forgotten[0]["state"], "pending");
    let event = &world.json(&["events", "find", "ann@example.org"])[0];
    assert_eq!((&event["state"], &event["waiting_for"]), (&json!("pending"), &json!("to be absorbed")));
    assert_eq!(world.json(&["status"])["queue"]["live"], 1);
    let export: serde_json::Value =
        serde_json::from_str(&world.cli(&["export", "ann@example.org"]).stdout).unwrap();
    assert_eq!(export["events"][0]["payload"]["type"], "delete");
    let wait = world.cli(&["forget", "bob@example.org", "--yes", "--wait", "--timeout", "0"]);
    assert_eq!(wait.code, Some(1), "nobody carries it out");
    world.serve();
    world.event_in("ann@example.org", "deleted");
}
