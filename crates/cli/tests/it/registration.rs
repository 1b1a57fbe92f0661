//! `ingest.registration`: a key that is pasted into Segment is the whole setup.

use serde_json::{Value, json};

use crate::scaled;
use crate::world::{KEY, SECRET, World, post_to};

fn identify(user: &str) -> String {
    json!({
        "type": "identify", "messageId": format!("m-{user}"), "userId": user,
        "traits": { "email": format!("{user}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
    })
    .to_string()
}

/// The same world, in which new connections deliver to its simulator.
fn open(mut world: World) -> World {
    let url = format!("http://{}", world.simulator.address("listening"));
    world.set("REFERSION__URL", &url);
    world.set("INGEST__REGISTRATION", "open");
    world
}

fn names(world: &World) -> Vec<Value> {
    world.json(&["connections", "list"]).as_array().unwrap().iter().map(|it| it["name"].clone()).collect()
}

fn is_in_audit(world: &World, action: &str) -> bool {
    let lines = world.json(&["audit"]);
    lines.as_array().unwrap().iter().any(|line| line["actor"] == "ingest" && line["action"] == action)
}

#[test]
fn a_new_key_is_verified_and_becomes_a_connection_that_delivers() {
    let mut world = open(World::new(&[]));
    world.serve();
    world.until("readiness without a connection", || (world.health("/readyz").0 == 200).then_some(()));
    assert_eq!(world.post("pub_8f1c2e.sec_wrong", &identify("ann")).0, 401);
    assert_eq!(world.post("no key", &identify("ann")).0, 401);
    assert_eq!(world.json(&["connections", "list"]), json!([]));
    assert_eq!(world.post(KEY, &identify("ann")).0, 202);
    assert_eq!(names(&world), ["segment-8f1c2e"]);
    world.event_in("ann@example.org", "created");
    assert_eq!(world.affiliates().len(), 1);

    assert!(is_in_audit(&world, "connection_registered"));
    let counted = world.until("the counts", || {
        let counts = world.json(&["status"])["registration"].clone();
        (counts["registered"] == 1).then_some(counts)
    });
    assert_eq!((&counted["is_open"], &counted["refused"]), (&json!(true), &json!(1)));
    let check = world.cli(&["check"]).stdout;
    assert!(check.contains("registration") && check.contains("1 new API keys were registered"), "{check}");
    assert!(world.health("/metrics").1.contains("ingest_registrations_total{result=\"refused\"} 1"));
    assert_eq!(world.files_with(&[SECRET]), [""; 0]);
}

#[test]
fn a_new_secret_of_a_known_public_key_replaces_the_old_one() {
    let mut world = open(World::new(&[]));
    world.serve();
    world.add("shop", "pub_8f1c2e.sec_from_last_year", &["--rate", "1000"]);
    assert_eq!(world.post(KEY, &identify("ann")).0, 202);
    assert_eq!(names(&world), ["shop"]);
    assert_eq!(world.json(&["connections", "check", "shop"])["ok"], true);
    assert_eq!(world.post("pub_8f1c2e.sec_from_last_year", &identify("bob")).0, 202, "for 7 days more");
    world.event_in("bob@example.org", "created");
    assert!(is_in_audit(&world, "key_replaced"));
}

#[test]
fn a_wrong_secret_of_a_known_public_key_is_logged_with_its_connection() {
    let mut world = open(World::new(&[("LOG__LEVEL", "warn")]));
    world.serve();
    world.add("shop", KEY, &["--rate", "1000"]);
    assert_eq!(world.post("pub_8f1c2e.sec_wrong", &identify("ann")).0, 401);
    let line = world.until("the warning", || {
        world
            .log()
            .lines()
            .find(|line| line.contains("another secret key was answered 401"))
            .map(str::to_owned)
    });
    assert!(line.contains("shop") && line.contains("connections rotate-key"), "{line}");
    assert!(!line.contains("sec_wrong"), "{line}");
}

#[test]
fn no_key_is_called_wrong_while_refersion_is_away_and_closed_registration_adds_none() {
    let mut world = World::new(&[("INGEST__REGISTRATION", "open"), ("REFERSION__URL", "http://127.0.0.1:1")]);
    world.serve();
    assert_eq!(world.post(KEY, &identify("ann")).0, 503);
    world.until("the address and the cause", || {
        world.log().contains("http://127.0.0.1:1 does not answer, reached directly").then_some(())
    });
    world.service = None;
    let mut closed = World::started(&[]);
    assert_eq!(closed.post("pub_x.sec_x", &identify("ann")).0, 401);
    closed.service = None;
    closed.set("INGEST__REGISTRATION", "open");
    closed.set("REFERSION__URL", "http://192.0.2.1");
    let refused = closed.cli(&["config", "show"]);
    assert!(refused.code != Some(0) && refused.stderr.contains("clear text"), "{}", refused.stderr);
}

#[test]
fn two_processes_that_verify_the_same_new_key_at_once_create_one_connection() {
    let mut world = open(scaled::world());
    world.run("ingest");
    let second = world.beside("ingest");
    let addresses = [world.service.as_ref().unwrap().address("segment"), second.address("segment")];
    std::thread::scope(|scope| {
        let post = |number: usize| {
            let address = &addresses[number % 2];
            // On a busy machine a verification may outlast the deadline of the request that began it.
            let accepted = move || {
                (post_to(address, "/segment", KEY, &identify(&format!("user{number}")), "").0 == 202)
                    .then_some(())
            };
            scope.spawn({
                let world = &world;
                move || world.until("an answer 202", accepted)
            })
        };
        let posts: Vec<_> = (0..10).map(post).collect();
        posts.into_iter().for_each(|post| post.join().unwrap());
    });
    assert_eq!(names(&world), ["segment-8f1c2e"]);
}
