//! Connections: added, looked at, changed, paused and removed, without ever showing a secret.

use serde_json::{Value, json};

use crate::world::{KEY, SECRET, World};

fn identify(user: &str) -> Value {
    json!({
        "type": "identify", "messageId": format!("m-{user}"), "userId": user,
        "traits": { "email": format!("{user}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
    })
}

#[test]
fn a_connection_is_added_with_its_options_and_shown_without_its_secret() {
    let world = World::new(&[]);
    let options = [
        "--rate",
        "7.5",
        "--require-address",
        "false",
        "--new-affiliate-status",
        "ACTIVE",
        "--custom-field",
        "plan=7",
        "--custom-field",
        "vip=8",
    ];
    assert_eq!(world.add("shop", KEY, &options), "1");
    let shown = world.json(&["connections", "show", "shop"]);
    let settings = &shown["settings"];
    assert_eq!((&settings["rate_per_second"], &settings["require_address"]), (&json!(7.5), &json!(false)));
    assert_eq!(settings["new_affiliate_status"], "ACTIVE");
    assert_eq!(settings["custom_fields"], json!({ "plan": 7, "vip": 8 }));
    let listed = world.json(&["connections", "list"]);
    for (name, value) in listed[0].as_object().unwrap() {
        assert_eq!(value, &shown[name], "{name} is the same in a list");
    }
    let set = ["connections", "set", "shop", "--no-custom-field", "VIP", "--offer", "12"];
    let settings = world.json(&set)["settings"].clone();
    assert_eq!((&settings["custom_fields"], &settings["offer"]), (&json!({ "plan": 7 }), &json!("12")));
    for arguments in
        [&["connections", "list"][..], &["connections", "show", "shop"], &["status"], &["config", "show"]]
    {
        let shown = world.cli(arguments);
        assert!(!shown.stdout.contains(SECRET) && !shown.stderr.contains(SECRET), "{arguments:?}");
    }
    assert_eq!(world.files_with(&[SECRET]), [""; 0]);
}

#[test]
fn the_key_comes_from_the_environment_too_and_is_asked_for_nowhere_else() {
    let world = World::new(&[]);
    let add = ["connections", "add", "--name", "shop", "-q", "--json"];
    let missing = world.cli(&add);
    assert_eq!((missing.code, missing.error()["code"].clone()), (Some(2), json!("api_key")));
    let wrong = world.cli_with(&add, "", &[("REFERSION_DESTINATION_API_KEY", "sec_only_half")]);
    assert_eq!(wrong.code, Some(2));
    assert!(!wrong.stderr.contains("sec_only_half"), "{}", wrong.stderr);
    let added = world.cli_with(&add, "", &[("REFERSION_DESTINATION_API_KEY", KEY)]);
    assert_eq!((added.code, added.stdout.trim()), (Some(0), "1"));
    let taken = world.cli_with(&add, "", &[("REFERSION_DESTINATION_API_KEY", "pub_2.sec_2")]);
    assert_eq!((taken.code, taken.error()["code"].clone()), (Some(1), json!("name_taken")));
}

#[test]
fn connections_check_reports_the_cause() {
    let world = World::new(&[]);
    world.add("shop", KEY, &[]);
    assert_eq!(world.json(&["connections", "check", "shop"]), json!({ "connection": "shop", "ok": true }));
    world.add("wrong", "pub_8f1c2e.sec_other", &[]);
    let refused = world.cli(&["connections", "check", "wrong", "--json"]);
    assert_eq!((refused.code, refused.error()["code"].clone()), (Some(1), json!("credentials")));
    world.json(&["connections", "set", "shop", "--refersion-url", "http://127.0.0.1:1"]);
    let away = world.cli(&["connections", "check", "shop", "--json"]);
    assert_eq!((away.code, away.error()["code"].clone()), (Some(1), json!("unavailable")));
    let nobody = world.cli(&["connections", "check", "nobody", "--json"]);
    assert_eq!((nobody.code, nobody.error()["code"].clone()), (Some(1), json!("no_such_connection")));
    assert!(nobody.error()["hint"].as_str().unwrap().contains("connections list"));
}

#[test]
fn the_ingest_endpoint_accepts_the_rotated_and_the_previous_key_and_no_other() {
    let world = World::started(&[]);
    assert_eq!(world.post("pub_x.sec_x", &identify("ann").to_string()).0, 401);
    assert_eq!(world.post("no key at all", &identify("ann").to_string()).0, 401);
    let rotate = ["connections", "rotate-key", "shop", "--api-key-stdin", "--json"];
    assert_eq!(world.cli_with(&rotate, "pub_8f1c2e.sec_next", &[]).code, Some(0));
    for key in [KEY, "pub_8f1c2e.sec_next"] {
        assert_eq!(world.post(key, &identify("ann").to_string()).0, 202, "{key}");
    }
    // The simulator knows only the first key: the worker uses the new one, and is refused.
    let paused = world.until("a pause for credentials", || {
        let connection = world.json(&["connections", "show", "shop"]);
        (connection["paused_for"] == "credentials").then_some(connection)
    });
    assert_eq!(paused["state"], "paused");
    let waiting = world.json(&["events", "find", "ann@example.org"]);
    assert!(waiting[0]["waiting_for"].as_str().unwrap().contains("(paused for credentials"), "{waiting}");
    // The endpoint looks for connections every second; a paused connection does not make it unhealthy.
    world.until("a ready endpoint", || (world.health("/readyz").0 == 200).then_some(()));
    assert_eq!(world.cli_with(&rotate, KEY, &[]).code, Some(0));
    world.event_in("ann@example.org", "created");
    assert_eq!(world.json(&["status"])["connections"][0]["state"], "active");
}

#[test]
fn a_paused_connection_accepts_events_and_delivers_them_when_it_is_resumed() {
    let mut world = World::new(&[]);
    world.add("shop", KEY, &[]);
    // Before the worker starts: a running worker uses settings that it read up to a second ago.
    world.json(&["connections", "pause", "shop"]);
    world.serve();
    world.accept(&identify("ann"));
    let event = world.until("the event to be absorbed", || {
        let absorbed = world.json(&["status"])["queue"]["live"] == 0;
        absorbed.then(|| world.json(&["events", "find", "ann"])[0].clone())
    });
    assert_eq!(event["state"], "pending");
    assert!(event["waiting_for"].as_str().unwrap().contains("to be resumed (paused for operator"), "{event}");
    assert!(world.affiliates().is_empty());
    let status = &world.json(&["status"])["connections"][0];
    assert_eq!((&status["state"], &status["paused_for"]), (&json!("paused"), &json!("operator")));
    world.json(&["connections", "resume", "shop"]);
    world.event_in("ann", "created");
}

#[test]
fn a_removed_connection_is_gone_with_all_of_its_data() {
    let world = World::started(&[]);
    world.add("other", "pub_9.sec_9", &[]);
    world.accept(&identify("ann"));
    world.event_in("ann", "created");
    let asked = world.cli(&["connections", "remove", "shop", "--json"]);
    assert_eq!((asked.code, asked.error()["code"].clone()), (Some(2), json!("not_confirmed")));
    assert_eq!(world.json(&["connections", "remove", "shop", "--yes"])["removed"], true);
    assert_eq!(world.json(&["connections", "list"])[0]["name"], "other");
    assert_eq!(world.json(&["events", "find", "ann"]), json!([]));
    world.until("the key to be forgotten", || {
        (world.post(KEY, &identify("bob").to_string()).0 == 401).then_some(())
    });
    world.json(&["connections", "remove", "other", "--yes"]);
    world.until("an endpoint that knows no key", || {
        (world.post(KEY, &identify("bob").to_string()).0 == 503).then_some(())
    });
}

#[test]
fn keys_are_sent_in_clear_text_to_another_machine_only_on_request() {
    let world = World::new(&[]);
    let add = ["connections", "add", "--name", "shop", "--api-key-stdin", "-q", "--json"];
    let plain = ["--refersion-url", "http://simulator:4010"];
    let refused = world.cli_with(&[&add[..], &plain].concat(), KEY, &[]);
    assert_eq!((refused.code, refused.error()["code"].clone()), (Some(2), json!("insecure_url")));
    assert!(refused.error()["hint"].as_str().unwrap().contains("--insecure"), "{}", refused.stderr);
    let by_default = ("REFERSION_DESTINATION__REFERSION__URL", "http://api.example.com");
    assert_eq!(world.cli_with(&add, KEY, &[by_default]).error()["code"], "insecure_url");
    world.json(&["migrate"]);
    assert_eq!(world.json(&["connections", "list"]), json!([]));

    assert_eq!(
        world.cli_with(&[&add[..], &["--refersion-url", "http://127.0.0.1:1"]].concat(), KEY, &[]).code,
        Some(0)
    );
    let set = ["connections", "set", "shop"];
    assert_eq!(world.cli(&[&set[..], &plain, &["--json"]].concat()).error()["code"], "insecure_url");
    world.json(&[&set[..], &plain, &["--insecure"]].concat());
    let kept = world.json(&[&set[..], &["--rate", "2"]].concat());
    assert_eq!(
        kept["settings"]["refersion_url"], "http://simulator:4010",
        "an address that was accepted stays"
    );
}

#[test]
fn identifiers_are_blocked_and_traits_mapped_by_connection() {
    let world = World::started(&[]);
    let set =
        ["connections", "set", "shop", "--block-identifier", "Till-7", "--map", "firstName=users.first_name"];
    let settings = world.json(&set)["settings"].clone();
    assert_eq!(settings["blocked_identifiers"], json!(["Till-7"]));
    assert_eq!(settings["trait_map"], json!({ "first_name": "users.first_name" }));
    world.until("the settings to take effect", || {
        world.accept(&json!({ "type": "identify", "userId": "till-7", "traits": { "plan": "gold" } }));
        let status = world.json(&["status"]);
        (status["connections"][0]["blocked_identifiers"][0]["identifier"] == "till-7").then_some(())
    });
    world.accept(&json!({
        "type": "identify", "userId": "kim",
        "traits": { "users.first_name": "Kim", "lastName": "Kale", "email": "kim@example.org", "city": "Kiel", "tags": ["a"] },
    }));
    let event = world.event_in("kim", "created");
    assert_eq!(event["reason"], "left out: tags (nested)");
    assert_eq!(world.affiliates()[0]["first_name"], "Kim");
    let unblock = world.json(&[
        "connections",
        "set",
        "shop",
        "--unblock-identifier",
        "TILL-7",
        "--map",
        "first_name=off",
    ]);
    assert_eq!(unblock["settings"]["blocked_identifiers"], json!([]));
    assert_eq!(unblock["settings"]["trait_map"], json!({}));
}
