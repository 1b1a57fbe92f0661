//! Live events and audience syncs, from the endpoint to the calls: neither holds up the other.

use serde_json::{Value, json};

use crate::world::{KEY, World};

/// Events of the crowd, which are creates, one call each: at the rate below they take 8 seconds.
const CROWD: usize = 200;

fn world() -> World {
    let mut world = World::new(&[]);
    world.serve();
    world.add("shop", KEY, &["--rate", "25"]);
    world
}

fn sign_up(user: &str, is_bulk: bool) -> Value {
    let mut event = json!({
        "type": "identify", "messageId": format!("sign-up {user}"), "userId": user,
        "traits": {
            "email": format!("{user}@example.org"), "firstName": "Ann", "lastName": "Lee",
            "address": { "city": "Springfield", "state": "CA", "country": "US" }
        },
    });
    if is_bulk {
        event["context"] =
            json!({ "personas": { "computation_class": "audience", "computation_key": "vip" } });
    }
    event
}

/// How many of a crowd were created after a person who came when all of them had been accepted.
fn created_after(world: &World, crowd_is_bulk: bool) -> usize {
    let crowd: Vec<Value> =
        (0..CROWD).map(|number| sign_up(&format!("crowd{number}"), crowd_is_bulk)).collect();
    let (status, answer) = world.post(KEY, &json!(crowd).to_string());
    assert_eq!((status, &answer["accepted"]), (202, &json!(CROWD)), "{answer}");
    world.accept(&sign_up("late", !crowd_is_bulk));
    world.until("all to be created", || (world.affiliates().len() == CROWD + 1).then_some(()));
    let affiliates = world.affiliates();
    let id = |affiliate: &Value| affiliate["id"].as_u64().unwrap();
    let late = affiliates.iter().find(|it| it["email"] == "late@example.org").map(id).unwrap();
    affiliates.iter().filter(|affiliate| id(affiliate) > late).count()
}

#[test]
fn a_live_event_does_not_wait_for_an_audience_that_is_synced() {
    let after = created_after(&world(), true);
    assert!(after > CROWD / 2, "only {after} of {CROWD} were created after it");
}

#[test]
fn an_audience_does_not_wait_for_the_end_of_live_events() {
    let after = created_after(&world(), false);
    assert!(after > CROWD / 4, "only {after} of {CROWD} were created after it");
}
