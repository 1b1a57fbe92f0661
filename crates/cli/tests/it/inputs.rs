//! The same thousand events, sent through each way in, make the same affiliates.
//!
//! Each way has a service and a simulated Refersion of its own. A further way is a function that sends events, and a line in
//! [`INPUTS`]. Every event states its time, and deletes go out when everything before has come to rest, so that the affiliates do
//! not depend on which of two events came first.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Map, Value, json};

use crate::world::{KEY, World};

/// The thousand, and the persons that they are about. The last of them are deleted.
const EVENTS: usize = 1_000;
const PERSONS: usize = 120;
const DELETED: usize = 15;
/// Events of one request where a request takes several.
const BATCH: usize = 100;
/// Requests that are under way at once.
const SENDERS: usize = 8;

/// A way in.
struct Input {
    name: &'static str,
    send: fn(&World, &[Value]),
    /// Senders without a secret are not trusted with deletes; those are then sent to the direct destination.
    takes_deletes: bool,
}

const INPUTS: [Input; 6] = [
    Input { name: "direct destination", send: directly, takes_deletes: true },
    Input { name: "webhooks, in arrays", send: in_arrays, takes_deletes: true },
    Input { name: "file of events", send: from_a_file, takes_deletes: true },
    Input { name: "standard input", send: from_standard_input, takes_deletes: true },
    Input { name: "client library, one by one", send: by_identify, takes_deletes: false },
    Input { name: "client library, in batches", send: in_batches, takes_deletes: false },
];

fn directly(world: &World, events: &[Value]) {
    send_concurrently(events, |event| {
        world.accept(event);
    });
}

fn in_arrays(world: &World, events: &[Value]) {
    let arrays: Vec<&[Value]> = events.chunks(BATCH).collect();
    send_concurrently(&arrays, |array| {
        let (status, answer) = world.post(KEY, &json!(array).to_string());
        assert_eq!(status, 202, "{answer}");
    });
}

fn from_a_file(world: &World, events: &[Value]) {
    let path = world.folder.path().join("events.ndjson");
    std::fs::write(&path, lines(events)).unwrap();
    let sent = world.cli(&["send", "--connection", "shop", path.to_str().unwrap()]);
    assert_eq!(sent.code, Some(0), "{}{}", sent.stdout, sent.stderr);
}

fn from_standard_input(world: &World, events: &[Value]) {
    let sent = world.cli_with(&["send", "--connection", "shop", "-"], &lines(events), &[]);
    assert_eq!(sent.code, Some(0), "{}{}", sent.stdout, sent.stderr);
}

fn by_identify(world: &World, events: &[Value]) {
    send_concurrently(events, |event| {
        let mut event = event.clone();
        event.as_object_mut().unwrap().remove("type");
        succeeds(world.post_to("/v1/identify", KEY, &event.to_string()));
    });
}

fn in_batches(world: &World, events: &[Value]) {
    let batches: Vec<&[Value]> = events.chunks(BATCH).collect();
    send_concurrently(&batches, |batch| {
        succeeds(world.post_to("/v1/batch", KEY, &json!({ "batch": batch }).to_string()))
    });
}

fn succeeds((status, answer): (u16, Value)) {
    assert_eq!((status, &answer["success"]), (200, &json!(true)), "{answer}");
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// Sends all of them, several at once.
fn send_concurrently<T: Sync>(things: &[T], send: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for share in things.chunks(things.len().div_ceil(SENDERS)) {
            let send = &send;
            scope.spawn(move || share.iter().for_each(send));
        }
    });
}

/// A thousand events; the deletes stand last.
fn events(seed: u64) -> Vec<Value> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut events: Vec<Value> = (0..PERSONS).map(|person| sign_up(person, person, &mut rng)).collect();
    while events.len() < EVENTS - DELETED {
        let (number, person) = (events.len(), rng.random_range(0..PERSONS));
        events.push(match rng.random_range(0..4) {
            0 => sign_up(person, number, &mut rng),
            1 => engage(person, number, &mut rng),
            2 => later(person, number, &mut rng),
            _ => visit(person, number),
        });
    }
    events.extend((0..DELETED).map(delete));
    events
}

fn event(number: usize, who: Value, traits: Value) -> Value {
    let mut event = json!({
        "type": "identify",
        "messageId": format!("way-{number}"),
        "timestamp": format!("2026-02-01T{:02}:{:02}:{:02}Z", number / 3600, number / 60 % 60, number % 60),
        "traits": traits,
    });
    event.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
    event
}

fn email(person: usize) -> String {
    format!("person{person}@example.org")
}

/// All that an affiliate needs, spelled as one of several sources does.
fn sign_up(person: usize, number: usize, rng: &mut StdRng) -> Value {
    let [first, last, zip] = [
        ["firstName", "lastName", "postalCode"],
        ["first_name", "last_name", "postal_code"],
        ["FIRST NAME", "Last Name", "zip"],
    ][rng.random_range(0..3)];
    let mut address = Map::new();
    address.insert("street".to_owned(), json!(format!("{} High Street", rng.random_range(1..99))));
    address.insert("city".to_owned(), json!("Springfield"));
    address.insert(zip.to_owned(), json!("12345"));
    address.insert("country".to_owned(), json!(["US", "USA", "United States"][rng.random_range(0..3)]));
    let written = if rng.random_bool(0.2) { email(person).to_uppercase() } else { email(person) };
    let mut traits = Map::new();
    traits.insert(first.to_owned(), json!(["Ann", "Bob", "Zoë"][rng.random_range(0..3)]));
    traits.insert(last.to_owned(), json!(format!("Person {person}")));
    traits.insert("email".to_owned(), json!(written));
    traits.insert("address".to_owned(), Value::Object(address));
    let who = json!({ "userId": format!("user{person}"), "anonymousId": format!("browser{person}") });
    event(number, who, Value::Object(traits))
}

/// An audience, by one of the person's identifiers.
fn engage(person: usize, number: usize, rng: &mut StdRng) -> Value {
    let mut traits = json!({ "vip_members": rng.random_bool(0.5) });
    let who = match rng.random_range(0..3) {
        0 => json!({ "userId": format!("user{person}") }),
        1 => json!({ "anonymousId": format!("browser{person}") }),
        _ => {
            traits["email"] = json!(email(person));
            json!({})
        }
    };
    let mut event = event(number, who, traits);
    event["context"] =
        json!({ "personas": { "computation_class": "audience", "computation_key": "vip_members" } });
    event["integrations"] = json!({ "All": false, "Refersion": true });
    event
}

fn later(person: usize, number: usize, rng: &mut StdRng) -> Value {
    let traits = json!({ "company": format!("Company {}", rng.random_range(0..9)), "phone": "555-0100" });
    let mut event = event(number, json!({ "userId": format!("user{person}") }), traits);
    if rng.random_bool(0.1) {
        event["integrations"] = json!({ "All": true, "Refersion": false });
    }
    event
}

fn visit(person: usize, number: usize) -> Value {
    event(number, json!({ "anonymousId": format!("browser{person}") }), json!({ "referrer": "newsletter" }))
}

fn delete(person: usize) -> Value {
    json!({ "type": "delete", "messageId": format!("delete-{person}"), "userId": format!("user{person}") })
}

/// The affiliates in Refersion, without values that differ from one Refersion to the next.
fn affiliates(input: &Input, events: &[Value]) -> Vec<Value> {
    let mut world = World::new(&[("LOG__LEVEL", "warn")]);
    world.serve();
    world.add("shop", KEY, &["--rate", "1000", "--custom-field", "vip_members=7"]);
    let (identifies, deletes) = events.split_at(EVENTS - DELETED);
    (input.send)(&world, identifies);
    world.settled();
    let send = if input.takes_deletes { input.send } else { directly };
    send(&world, deletes);
    world.settled();
    let mut affiliates = world.affiliates();
    for affiliate in &mut affiliates {
        for own in ["id", "code", "affiliate_code"] {
            affiliate.as_object_mut().unwrap().remove(own);
        }
    }
    affiliates.sort_by_key(ToString::to_string);
    affiliates
}

#[test]
fn the_same_thousand_events_produce_the_same_affiliates_through_each_input() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let events = events(seed);
    assert_eq!(events.len(), EVENTS);
    let first = affiliates(&INPUTS[0], &events);
    assert_eq!(first.len(), PERSONS);
    let disabled = first.iter().filter(|affiliate| affiliate["status"] == "DISABLED").count();
    assert_eq!(disabled, DELETED);
    for input in &INPUTS[1..] {
        let others = affiliates(input, &events);
        let differ = first.iter().zip(&others).find(|(one, other)| one != other);
        assert!(differ.is_none() && others.len() == first.len(), "{}, seed {seed}: {differ:#?}", input.name);
    }
}
