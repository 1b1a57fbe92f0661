//! Nothing accepted is lost, however the service ends.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::{self, World};

const PEOPLE: usize = 60;

fn identify(number: usize) -> Value {
    json!({
        "type": "identify", "messageId": format!("m-{number}"), "userId": format!("u{number}"),
        "traits": { "email": format!("u{number}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
    })
}

fn assert_all_created(world: &World) {
    world.settled();
    let emails: BTreeSet<String> =
        world.affiliates().iter().map(|it| it["email"].as_str().unwrap().to_owned()).collect();
    assert_eq!((emails.len(), world.affiliates().len()), (PEOPLE, PEOPLE));
    let status = world.json(&["status"]);
    let ends: u64 = status["outcomes"].as_object().unwrap().values().map(|it| it.as_u64().unwrap()).sum();
    assert_eq!(ends, PEOPLE as u64, "{status}");
}

#[test]
fn a_service_that_is_killed_in_the_middle_continues_after_a_restart() {
    let mut world = World::started(&[("RETRY__INITIAL", "50ms")]);
    world.faults("latency=20ms..60ms,drop-after=10%");
    for number in 0..PEOPLE {
        world.accept(&identify(number));
    }
    world.service.take().unwrap().signal("-KILL");
    world.serve();
    world.until("some calls", || (world.affiliates().len() > PEOPLE / 4).then_some(()));
    world.service.take().unwrap().signal("-KILL");
    world.serve();
    assert_all_created(&world);
}

#[test]
fn sigterm_finishes_work_under_way_and_keeps_the_rest() {
    let mut world = World::started(&[]);
    world.faults("latency=100ms..300ms");
    for number in 0..PEOPLE {
        world.accept(&identify(number));
    }
    world.until("some calls", || (!world.affiliates().is_empty()).then_some(()));
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
    world.faults("");
    world.serve();
    assert_all_created(&world);
    let (status, metrics) = world.health("/metrics");
    assert_eq!(status, 200);
    for line in ["queue_events{lane=\"live\"} 0", "events_pending 0", "loop_up{loop=\"door\"} 1"] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert!(!metrics.contains("example.org"));
    assert_eq!(world.health("/readyz").0, 200);
}

#[test]
fn the_roles_work_in_processes_of_their_own() {
    let mut world = World::new(&[]);
    world.run("ingest");
    world.add("shop", world::KEY, &["--rate", "1000"]);
    for number in 0..PEOPLE {
        world.accept(&identify(number));
    }
    assert_eq!(world.json(&["status"])["queue"]["live"], PEOPLE);
    let worker = world.beside("worker");
    assert!(worker.announced["segment"].is_null());
    assert_all_created(&world);
    assert_eq!(worker.signal("-TERM"), Some(0));
}
