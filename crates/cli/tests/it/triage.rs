//! Dead letters as an operator understands, groups and closes them.

use serde_json::{Value, json};

use crate::world::{KEY, World};

#[test]
fn a_dead_letter_is_shown_with_its_person_and_later_events() {
    let world = World::started(&[]);
    // The reader accepts this as an address; Refersion does not.
    let dies = r#"{"type": "identify", "userId": "ann", "traits": { "email": "ann@-x.org", "name": "Ann Smith",
        "address": { "city": "Rome" }, "points": 12345678901234567890123, "score": 1.10 }}"#;
    assert_eq!(world.post(KEY, dies).0, 202);
    let dead = world.event_in("ann", "dead");
    let later =
        world.accept(&json!({ "type": "identify", "userId": "ann", "traits": { "name": "Ann Smithers" } }));
    world.until("the later event to be absorbed", || {
        (world.json(&["events", "find", "ann"]).as_array()?.len() == 2).then_some(())
    });
    let id = dead["dead_letter_id"].to_string();
    let shown = world.json(&["dead-letters", "show", &id]);
    assert_eq!((&shown["later_count"], &shown["later_events"][0]["event_id"]), (&json!(1), &json!(later)));
    assert_eq!(shown["mend"], "data");
    let traits = shown["person"][0]["identifiers"].to_string();
    assert!(traits.contains("Smithers"), "the person as it is now: {traits}");
    let text = world.cli(&["dead-letters", "show", &id, "--json"]).stdout;
    assert!(
        text.contains("12345678901234567890123") && text.contains("1.10"),
        "numbers as they came: {text}"
    );
    let text = world.cli(&["dead-letters", "show", &id]).stdout;
    assert!(text.contains("failed calls") && text.contains("the person now"), "{text}");

    let why = world.json(&["why", "ann"]);
    let waits = why[0]["waits"].as_array().unwrap();
    assert!(waits.iter().any(|wait| wait["what"] == "dead_letter" && wait["about"] == id.as_str()), "{why}");
    assert!(world.cli(&["why", "ann"]).stdout.contains("dead letter"));
    world.json(&["connections", "pause", "shop"]);
    let why = world.json(&["why", "ann", "--connection", "shop"]);
    assert!(why[0]["held_up"][0].as_str().unwrap().contains("paused for operator"), "{why}");
    assert_eq!(world.json(&["why", "nobody"]), json!([]));
}

#[test]
fn why_names_the_data_without_which_no_affiliate_is_created() {
    let world = World::started(&[]);
    world.accept(&json!({ "type": "identify", "userId": "ann", "traits": { "email": "ann@example.org" } }));
    world.settled();
    let waits = world.json(&["why", "ann"])[0]["waits"].clone();
    let person = waits.as_array().unwrap().iter().find(|wait| wait["what"] == "person");
    let missing = "the missing first_name, last_name, address, which a create requires";
    assert_eq!(person.map(|wait| &wait["waits_for"]), Some(&json!(missing)), "{waits}");
}

#[test]
fn dead_letters_are_grouped_by_where_they_can_be_corrected() {
    let mut world = World::new(&[]);
    world.serve();
    // Refersion has no such field.
    world.add("shop", KEY, &["--rate", "1000", "--custom-field", "vip=8"]);
    let identify = |user: &str, email: &str, context: serde_json::Value| {
        json!({
            "type": "identify", "userId": user, "context": context,
            "traits": { "email": email, "name": "Ann Smith", "address": { "city": "Rome" }, "vip": true },
        })
    };
    let audience = json!({ "personas": { "computation_class": "audience", "computation_key": "vip" } });
    world.accept(&identify("ann", "ann@example.org", audience));
    world.event_in("ann", "dead");
    // The reader accepts these as addresses; Refersion does not.
    for user in ["bob", "cyd"] {
        world.accept(&identify(user, &format!("{user}@-x.org"), json!({})));
        world.event_in(user, "dead");
    }
    let groups = world.json(&["dead-letters", "groups"]);
    assert_eq!((&groups["selector"], &groups["dead_letters"]), (&json!("state:open"), &json!(3)), "{groups}");
    let data = groups["groups"].as_array().unwrap().iter().find(|group| group["mend"] == "data").unwrap();
    assert_eq!((&data["field"], &data["count"], &data["people"]), (&json!("email"), &json!(2), &json!(2)));
    assert_eq!(
        data["hours"].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).sum::<u64>(),
        2
    );
    let settings = world.json(&["dead-letters", "groups", "mend:settings", "field:custom:8"]);
    assert_eq!((&settings["count"], &settings["groups"][0]["count"]), (&json!(1), &json!(1)), "{settings}");
    let shown = world.cli(&["dead-letters", "groups"]).stdout;
    assert!(shown.contains("(mend:settings)") && shown.ends_with("2 groups, 3 dead letters\n"), "{shown}");

    let key = data["group"].as_str().unwrap();
    world.json(&["dead-letters", "note", key, "seen"]);
    let renoted = world.json(&["dead-letters", "note", key, "the shop corrects its form"]);
    assert_eq!(renoted["replaced"], "seen", "what another operator wrote is not lost silently");
    let noted = world.json(&["dead-letters", "groups", &format!("group:{key}")]);
    assert_eq!(noted["groups"][0]["note"], "the shop corrects its form");
    assert_eq!(world.cli(&["dead-letters", "note", "g0", "nothing"]).code, Some(1));
    assert_eq!(world.json(&["dead-letters", "list", &format!("group:{key}")])["count"], 2);
    assert_eq!(world.json(&["dead-letters", "list", "audience:vip", "mend:settings"])["count"], 1);
    let by_age = world.cli(&["dead-letters", "groups", "age:<1d"]);
    assert!(
        by_age.code == Some(2) && by_age.stderr.contains("groups cannot be selected by `age:<1d`"),
        "{}",
        by_age.stderr
    );

    world.json(&["dead-letters", "discard", &format!("group:{key}"), "--reason", "a test shop"]);
    let left = world.json(&["dead-letters", "groups"]);
    assert_eq!(left["dead_letters"], 1, "{left}");
    let discarded = world.json(&["dead-letters", "groups", "state:discarded"]);
    assert_eq!((&discarded["dead_letters"], &discarded["groups"][0]["people"]), (&json!(2), &json!(0)));
    let audit = world.json(&["audit"]).to_string();
    assert!(audit.contains("dead_letters_discarded") && audit.contains("a test shop"), "{audit}");
    let restored = world.json(&["dead-letters", "restore", &format!("group:{key}")]);
    assert_eq!(
        (&restored["done"], &restored["selector"]),
        (&json!(2), &json!(format!("group:{key} state:discarded")))
    );
    assert_eq!(world.json(&["dead-letters", "groups"])["dead_letters"], 3);
    world.json(&["dead-letters", "discard", "mend:data", "--for-good"]);
    let refused = world.cli(&["dead-letters", "restore", "mend:data"]);
    assert!(refused.code == Some(1) && refused.stdout.contains("no longer kept"), "{}", refused.stdout);
}

/// The waiting event may be older than the events that `why` looks at.
#[test]
fn why_reports_that_it_has_not_read_every_event() {
    let world = World::started(&[]);
    let event =
        |number: usize| json!({ "type": "identify", "userId": "ann", "traits": { "number": number } });
    world.accept(&event(0));
    world.until("the first event", || world.json(&["events", "find", "ann"]).as_array()?.first().map(drop));
    assert_eq!(world.json(&["why", "ann"])[0]["complete"], true);
    let events: Vec<Value> = (1..=1_000).map(event).collect();
    for some in events.chunks(100) {
        assert_eq!(world.post(KEY, &json!(some).to_string()).0, 202);
    }
    assert_eq!(world.json(&["why", "ann"])[0]["complete"], false);
    assert!(world.cli(&["why", "ann"]).stdout.contains("not every event was checked"));
}
