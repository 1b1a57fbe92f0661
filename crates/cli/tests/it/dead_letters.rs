//! Dead letters: events that were given up, until an operator replays them.

use serde_json::json;

use crate::world::{KEY, World};

#[test]
fn given_up_events_are_listed_and_a_replay_delivers_them() {
    let settings = [
        ("RETRY__MAX_ATTEMPTS", "1"),
        ("RETRY__MAX_ELAPSED", "1ms"),
        ("RETRY__INITIAL", "10ms"),
        ("RETRY__MAX_INTERVAL", "10ms"),
        ("BREAKER__FAILURES", "1000"),
    ];
    let world = World::started(&settings);
    world.faults("500=100%");
    let event = world.accept(&json!({
        "type": "identify", "messageId": "m-1", "userId": "ann", "timestamp": "2024-01-02T03:04:05Z",
        "traits": { "email": "ann@example.org", "name": "Ann Smith", "address": { "city": "Rome" } },
    }));
    let dead = world.event_in("ann", "dead");
    assert_eq!(dead["event_id"], event.as_str());
    assert!(!dead["attempts"].as_array().unwrap().is_empty(), "{dead}");
    assert_eq!(dead["attempts"][0]["http_status"], 500);

    let letters = world.json(&["dead-letters", "list", "--state", "open"]);
    let letter = &letters[0];
    assert_eq!((&letter["event_id"], &letter["message_id"]), (&dead["event_id"], &json!("m-1")));
    assert!(letter["attempts"].as_u64().unwrap() >= 1 && letter["died_at"].is_string(), "{letter}");
    let id = letter["id"].to_string();
    let shown = world.json(&["dead-letters", "show", &id]);
    assert_eq!(shown["payload"]["userId"], "ann");
    let narrow = world.cli_with(&["dead-letters", "show", &id], "", &[("COLUMNS", "60")]).stdout;
    assert!(narrow.contains("\"name\": \"Ann Smith\"") && narrow.contains("\"city\": \"Rome\""), "{narrow}");
    assert_eq!(shown["calls"][0]["http_status"], 500, "{shown}");
    assert_eq!((&shown["later_count"], &shown["person"][0]["connection"]), (&json!(0), &json!("shop")));
    assert_eq!(world.json(&["dead-letters", "list", "--class", "gone"]), json!([]));
    let nonsense = world.cli(&["dead-letters", "list", "--class", "nonsense"]);
    assert!(nonsense.code == Some(2) && nonsense.stderr.contains("too_large"), "{}", nonsense.stderr);

    selectors_are_read_and_repeated(&world, &id);
    world.faults("");
    let replayed = world.json(&["dead-letters", "replay", "class:unavailable,no_answer", "connection:shop"]);
    let selector = "class:unavailable,no_answer connection:shop state:open";
    assert_eq!((&replayed["selector"], &replayed["count"]), (&json!(selector), &json!(1)), "{replayed}");
    let row = &replayed["dead_letters"][0];
    assert_eq!((&row["id"], &row["state"]), (&letter["id"], &json!("replaying")));
    world.until("the letter to be resolved", || {
        (world.json(&["dead-letters", "list"])[0]["state"] == "resolved").then_some(())
    });
    // A 500 does not show the effect: the create may have made the affiliate, which an edit then completes.
    let shown = world.json(&["events", "find", "ann"])[0].clone();
    assert!(shown["state"] == "created" || shown["state"] == "updated", "{shown}");
    assert_eq!(shown["event_id"], dead["event_id"], "the same event");
    assert_eq!(world.affiliates().len(), 1);
    let again = world.cli(&["dead-letters", "replay", &id, "--json"]);
    assert_eq!(again.code, Some(1), "it is settled");
    let nothing = world.cli(&["dead-letters", "replay", "4711", "--json"]);
    assert_eq!((nothing.code, nothing.error()["code"].clone()), (Some(1), json!("no_such_dead_letter")));
    assert!(nothing.error()["message"].as_str().unwrap().contains("4711"), "{}", nothing.stderr);
    for command in ["replay", "discard"] {
        let some = world.cli(&["dead-letters", command, &id, "99999"]);
        assert!(some.stdout.contains("99999") && some.stdout.contains("there is no such"), "{}", some.stdout);
        assert!(some.stdout.contains("0 ") && some.stdout.contains("2 left as they are"), "{}", some.stdout);
    }
}

/// Lists and acts repeat the selector and the number of dead letters; mistakes change nothing.
fn selectors_are_read_and_repeated(world: &World, id: &str) {
    let listed = world.json(&["dead-letters", "list", "state:open status:500", "age:<1d", "connection:shop"]);
    assert_eq!((&listed["count"], &listed["dead_letters"][0]["id"].to_string()), (&json!(1), &id.to_owned()));
    let selector = listed["selector"].as_str().unwrap();
    assert!(selector.starts_with("state:open status:500 died:>=20"), "relative times are frozen: {selector}");
    assert_eq!(world.json(&["dead-letters", "list", selector])["count"], 1, "what is printed can be used");
    assert_eq!(world.json(&["dead-letters", "list", "audience:vip"])["count"], 0);
    let shown = world.cli(&["dead-letters", "list", "state:open"]).stdout;
    assert!(shown.starts_with("selector: state:open\n") && shown.ends_with("1 dead letter\n"), "{shown}");
    let all = world.cli(&["dead-letters", "list"]).stdout;
    assert!(
        all.starts_with("selector: none, so every dead letter\n") && all.ends_with("1 dead letter\n"),
        "{all}"
    );
    assert!(world.cli(&["dead-letters", "list", "--after", id]).stdout.contains("1 dead letter"));

    let wrong = world.cli(&["dead-letters", "discard", "state:open", "statu:422", "--json"]);
    assert_eq!((wrong.code, wrong.error()["code"].clone()), (Some(2), json!("selector")));
    assert!(wrong.error()["message"].as_str().unwrap().contains("`statu:422`"), "{}", wrong.stderr);
    let empty = world.cli(&["dead-letters", "discard", "--json"]);
    assert_eq!((empty.code, empty.error()["code"].clone()), (Some(2), json!("empty_selector")));
    let unknown = world.cli(&["dead-letters", "discard", "connection:none", "--json"]);
    assert_eq!(unknown.error()["code"], "no_such_connection");
    let nothing = world.json(&["dead-letters", "discard", "class:gone"]);
    assert_eq!((&nothing["count"], &nothing["selector"]), (&json!(0), &json!("class:gone state:open")));
}

#[test]
fn the_last_attempt_is_shown_with_the_dead_letter_and_the_affiliate() {
    let mut world = World::new(&[("RETRY__INITIAL", "200ms"), ("BREAKER__FAILURES", "1000")]);
    world.serve();
    // Refersion has no such field.
    world.add("shop", KEY, &["--rate", "1000", "--custom-field", "vip=8"]);
    let identify = |vip: serde_json::Value| {
        json!({
            "type": "identify", "userId": "ann",
            "traits": {
                "email": "ann@example.org", "name": "Ann Smith", "address": { "city": "Rome" }, "vip": vip,
            },
        })
    };
    world.accept(&identify(json!(null)));
    let created = world.event_in("ann", "created");
    world.faults("500=100%");
    world.accept(&identify(json!(true)));
    world.until("a call that fails", || {
        let events = world.json(&["events", "find", "ann"]);
        (events[0]["attempts"][0]["http_status"] == 500).then_some(())
    });
    world.faults("");
    let dead = world.event_in("ann", "dead");
    let attempts = dead["attempts"].as_array().unwrap();
    let decided = attempts.last().unwrap();
    assert!(attempts.len() > 1, "those that failed before are kept too: {dead}");
    assert_eq!(decided["class"], "refused", "{dead}");
    assert_ne!(decided["http_status"], 500, "{dead}");
    assert_eq!(decided["operation"], "edit", "{dead}");
    assert_eq!(dead["affiliate_id"], created["affiliate_id"], "{dead}");
    let letter = world.json(&["dead-letters", "list"])[0].clone();
    assert_eq!((&dead["dead_letter_id"], &dead["cause"]), (&letter["id"], &letter["cause"]), "{dead}");
    let shown = world.cli(&["events", "find", "ann"]).stdout;
    assert!(shown.contains(&format!("dead letter {}", letter["id"])), "{shown}");
}

#[test]
fn a_delete_erases_a_dead_letter_and_no_replay_restores_it() {
    let world = World::started(&[]);
    // The reader accepts this as an address; Refersion does not.
    world.accept(&json!({
        "type": "identify", "messageId": "m-1", "userId": "wilhelmina",
        "traits": { "email": "wilhelmina@-x.org", "name": "Wilhelmina Smith", "address": { "city": "Rome" } },
    }));
    let dead = world.event_in("wilhelmina", "dead");
    assert_eq!(dead["reason"], "refused");
    let listed = world.cli(&["dead-letters", "list"]).stdout;
    assert!(listed.ends_with("1 dead letter\n"), "{listed}");
    let letter = world.json(&["dead-letters", "list"])[0].clone();
    assert_eq!((&letter["class"], &letter["field"]), (&json!("refused"), &json!("email")));
    world.json(&["forget", "wilhelmina", "--wait"]);
    world.until("erasure of every file", || world.files_with(&["ilhelmina"]).is_empty().then_some(()));
    assert_eq!(world.json(&["dead-letters", "list"])[0]["state"], "discarded");
    let id = letter["id"].to_string();
    assert_eq!(world.cli(&["dead-letters", "replay", &id]).code, Some(1));
    assert_eq!(world.json(&["dead-letters", "show", &id])["payload"], json!(null));
}

#[test]
fn a_delete_erases_a_dead_letter_that_is_in_no_profile() {
    let world = World::started(&[]);
    let email = "wilhelmina0@example.org";
    // An event that is too long to be kept ends outside the graph.
    world.accept(&json!({
        "type": "identify", "userId": "wilhelmina", "timestamp": "2024-01-02T03:04:05Z",
        "traits": { "email": email, "city": "Gwilhelm ".repeat(200) },
    }));
    world.until("the letter of what is too long", || {
        let letters = world.json(&["dead-letters", "list"]);
        (letters.as_array()?.last()?["class"] == "too_large").then_some(())
    });
    let letter = world.json(&["dead-letters", "list"])[0].clone();
    let id = letter["id"].to_string();
    assert_eq!(world.json(&["dead-letters", "show", &id])["payload"]["traits"]["email"], email);

    world.json(&["forget", email, "--wait"]);
    assert_eq!(world.json(&["dead-letters", "show", &id])["payload"], json!(null));
    assert_eq!(world.json(&["dead-letters", "show", &id])["state"], "discarded");
    world.until("erasure of every file", || world.files_with(&[email]).is_empty().then_some(()));
}

#[test]
fn a_shared_identifier_is_shown_and_a_delete_that_names_it_is_carried_out() {
    let world = World::started(&[]);
    let identify = |number: usize| {
        json!({
            "type": "identify", "userId": "front-desk", "timestamp": "2024-01-02T03:04:05Z",
            "traits": { "email": format!("wilhelmina{number}@example.org"), "city": "Gwilhelm" },
        })
    };
    for number in 0..=110 {
        world.accept(&identify(number));
    }
    let shared = world.until("the userId to be shown as shared", || {
        let status = world.json(&["status"]);
        let all_absorbed = status["queue"]["live"] == 0;
        all_absorbed
            .then(|| status["connections"][0]["shared_identifiers"][0].clone())
            .filter(|it| it.is_object())
    });
    assert_eq!((&shared["place"], &shared["identifier"]), (&json!("userId"), &json!("front-desk")));
    assert_eq!((&shared["linked"], &shared["events"]), (&json!(101), &json!(10)));
    assert!(world.cli(&["status"]).stdout.contains("front-desk"));
    let profile = world.json(&["profiles", "show", "front-desk"])[0].clone();
    assert_eq!(profile["identifiers"][0]["shared_by"], 101);
    assert!(world.cli(&["profiles", "show", "front-desk"]).stdout.contains("is shared"));
    assert_eq!(world.json(&["dead-letters", "list"]), json!([]));

    // A delete is also carried out if it names more identifiers than one person may have.
    world.accept(&json!({
        "type": "identify", "userId": "ann",
        "traits": { "email": "ann@example.org", "name": "Ann Smith", "address": { "city": "Rome" } },
    }));
    world.event_in("ann", "created");
    world.accept(&json!({ "type": "delete", "userId": "ann", "email": "wilhelmina0@example.org" }));
    world.event_in("ann", "deleted");
    let ann = |it: &serde_json::Value| it["email"] == "ann@example.org" && it["status"] == "DISABLED";
    assert!(world.affiliates().iter().any(ann));
    world.until("erasure", || world.files_with(&["wilhelmina0@"]).is_empty().then_some(()));
}
