//! Affiliates that existed before: walked through, verified, and kept current by Refersion's webhooks.

use refersion::webhook::sign;
use serde_json::{Value, json};

use crate::world::{KEY, World};

const WEBHOOK_SECRET: &str = "whsec_5f1e9c";

/// Affiliates that the merchant has before the connection is added: more than fit on two pages.
const BEFORE: usize = 230;

fn new_affiliate(nth: usize) -> Value {
    json!({
        "first_name": "Ann", "last_name": "Lee", "email": format!("ann{nth}@before.test"), "status": "ACTIVE",
        "password": "Very-Secret-9", "send_welcome": "FALSE",
    })
}

/// A merchant's account with affiliates, and a service that does not know of them.
fn world(affiliates: usize, new_connections: &str) -> World {
    let mut world = World::new(&[("ADOPT__NEW_CONNECTIONS", new_connections)]);
    for nth in 0..affiliates {
        world.refersion("affiliate/new", &new_affiliate(nth));
    }
    // Slow enough for a kill in the middle of a walk.
    world.faults("latency=150ms");
    world.serve();
    world.add("shop", KEY, &["--rate", "1000", "--custom-field", "vip=7"]);
    world
}

fn identify(email: &str, traits: &Value) -> Value {
    let mut traits = traits.clone();
    traits["email"] = json!(email);
    json!({ "type": "identify", "messageId": format!("{email} {traits}"), "traits": traits })
}

fn calls(world: &World, operation: &str) -> u64 {
    let calls = world.refersion_page("calls");
    calls["by_operation"][operation].as_object().map_or(0, |by| by.values().filter_map(Value::as_u64).sum())
}

#[test]
fn a_walk_survives_a_kill_and_persons_without_an_affiliate_need_no_call() {
    let mut world = world(BEFORE, "walk");
    world.until("two pages to be read", || (calls(&world, "affiliate/list") >= 2).then_some(()));
    world.service.take().unwrap().signal("-KILL");
    let shown = world.json(&["connections", "show", "shop"])["adoption"].clone();
    assert_eq!(shown["state"], "walking", "{shown}");
    assert!(
        shown["waits_for"].as_str().unwrap().contains("worker") || shown["waits_for"].is_null(),
        "{shown}"
    );
    let followed = world.cli(&["connections", "adopt", "shop", "--no-wait"]).stdout;
    assert!(followed.contains("under way already, and no further one is requested"), "{followed}");
    world.json(&["connections", "pause", "shop"]);
    let paused = world.json(&["connections", "show", "shop"])["adoption"].clone();
    assert_eq!(
        (&paused["eta_seconds"], &paused["waits_for"], &paused["another_requested"]),
        (&Value::Null, &json!("the connection is paused (operator)"), &json!(false)),
        "nobody makes calls, so the remaining time is unknown: {paused}"
    );
    world.json(&["connections", "resume", "shop"]);
    world.serve();
    let adopted = world.json(&["connections", "adopt", "shop"]);
    assert_eq!(
        (&adopted["state"], &adopted["affiliates"]),
        (&json!("complete"), &json!(BEFORE)),
        "{adopted}"
    );
    let audit = world.json(&["audit"]).to_string();
    assert!(!audit.contains("adoption_asked_for"), "the walk after `add` was followed: {audit}");
    world.faults("latency=1ms");

    for nth in 0..20 {
        world.accept(&identify(&format!("stranger{nth}@x.test"), &json!({ "vip": true })));
    }
    world.accept(&identify("ann3@before.test", &json!({ "vip": true })));
    world.settled();
    world.event_in("stranger7@x.test", "remembered");
    let event = world.event_in("ann3@before.test", "updated");
    let ann = world.affiliates().into_iter().find(|it| it["email"] == "ann3@before.test").unwrap();
    assert_eq!(
        (&ann["custom_fields"]["7"], &event["affiliate_code"]),
        (&json!("true"), &ann["code"]),
        "{event}"
    );
    assert_eq!((calls(&world, "affiliate/search"), calls(&world, "affiliate/get")), (0, 1));
}

#[test]
fn webhooks_name_custom_fields_bind_waiting_persons_and_find_drift_that_verify_repairs() {
    let world = world(1, "wait");
    world.faults("latency=1ms");
    let empty = world.cli_with(&["connections", "set-webhook-secret", "shop"], "\n", &[]);
    assert!(
        empty.code == Some(2) && empty.stderr.contains("(set-webhook-secret) cannot be used: it is empty")
    );
    assert!(!empty.stderr.contains("Segment"), "{}", empty.stderr);
    for options in [&["--known"][..], &["--no-wait"]] {
        let shown = world.cli(&[&["connections", "verify", "shop"], options].concat());
        assert!(shown.stdout.contains("no comparison has been made yet"), "{}", shown.stdout);
    }
    let secret = world.cli_with(&["connections", "set-webhook-secret", "shop"], WEBHOOK_SECRET, &[]);
    assert_eq!(secret.code, Some(0), "{}", secret.stderr);
    assert!(!secret.stdout.contains(WEBHOOK_SECRET) && world.files_with(&[WEBHOOK_SECRET]).is_empty());
    let id = world.json(&["connections", "show", "shop"])["id"].to_string();
    let hook = |signature: &str, body: &Value| {
        let head =
            format!("Refersion-Topic: AFFILIATE_DETAILS_CHANGE\r\nRefersion-Signature: {signature}\r\n");
        world.send(&format!("/refersion/{id}"), &head, body)
    };
    let signed = |body: &Value| hook(&sign(WEBHOOK_SECRET, body.to_string().as_bytes()), body);

    // A person waits; then the merchant adds them in the dashboard, and a webhook reports it.
    world.accept(&identify("late@x.test", &json!({ "vip": true })));
    world.event_in("late@x.test", "remembered");
    let mut late = new_affiliate(0);
    late["email"] = json!("late@x.test");
    let made = world.refersion("affiliate/new", &late);
    let late = world.affiliates().into_iter().find(|it| it["email"] == "late@x.test").unwrap();
    assert_eq!(made["id"], late["code"]);
    let body = |vip: &str| {
        json!({
            "id": late["id"], "code": late["code"], "status": "ACTIVE", "email": "late@x.test", "first_name": "Ann",
            "custom_fields": [{ "id": 7, "name": "Plan", "value": vip }],
        })
    };
    for forged in ["", "AAAA", &sign("other", body("").to_string().as_bytes())] {
        assert_eq!(hook(forged, &body("")).0, 403);
    }
    assert_eq!(signed(&json!({ "id": 5, "total": "9.99" })).0, 200, "a conversion is not needed");
    for _ in 0..2 {
        assert_eq!(signed(&body("")).0, 200);
    }
    world.event_in("late@x.test", "updated");
    let fields = &world.json(&["connections", "show", "shop"])["webhooks"]["custom_fields"];
    assert_eq!(fields["7"], "Plan");

    // The merchant changes a sent value: a walk finds it, and repairs it.
    let edit = json!({ "affiliates": [{ "id": late["id"], "custom_fields": [{ "7": "no" }] }] });
    world.refersion("affiliate/edit", &edit);
    let found = world.json(&["connections", "verify", "shop"]);
    assert_eq!(found["drift"][0]["fields"], json!(["custom:7"]), "{found}");
    assert_eq!(
        (&found["drift"][0]["email"], &found["compared"]),
        (&json!("l***@x.test"), &json!(1)),
        "{found}"
    );
    let repaired = world.cli(&["connections", "verify", "shop", "--repair"]).stdout;
    assert!(repaired.contains("1 differed, and the differing values are sent again"), "{repaired}");
    world.settled();
    let repaired = || world.affiliates().iter().any(|it| it["custom_fields"]["7"] == "true");
    world.until("the repair to be sent", || repaired().then_some(()));
    let found = world.json(&["connections", "verify", "shop"]);
    assert_eq!(found["drift"], json!([]), "{found}");
    let known = world.cli(&["connections", "verify", "shop", "--known"]).stdout;
    assert!(known.contains("1 affiliate compared; none is known to differ now"), "{known}");
}
