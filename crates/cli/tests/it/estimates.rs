//! The estimate of a plan, against the calls that its run makes.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::world::World;

/// A worker that gives up at once.
const GIVE_UP_AT_ONCE: [(&str, &str); 5] = [
    ("RETRY__MAX_ATTEMPTS", "1"),
    ("RETRY__MAX_ELAPSED", "1ms"),
    ("RETRY__INITIAL", "10ms"),
    ("RETRY__MAX_INTERVAL", "10ms"),
    ("BREAKER__FAILURES", "1000000"),
];

/// Calls that a plan may make. The worker also lists affiliates, independently of plans.
const COUNTED: [&str; 5] =
    ["affiliate/new", "affiliate/edit", "affiliate/status_change", "affiliate/search", "affiliate/get"];

fn send(world: &World, lines: &[Value]) {
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let sent = world.cli_with(&["send", "--connection", "shop", "-"], &text.join("\n"), &[]);
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
}

/// An identify of a person. Each event of a person sets another trait, so that none supersedes another.
fn event(person: usize, nth: usize, round: usize) -> Value {
    let mut traits = json!({ "email": format!("p{person}@example.org"), "name": "Ann Smith" });
    match nth {
        0 => traits["address"] = json!({ "city": format!("Rome {round}") }),
        1 => traits["company"] = json!(format!("Company {round}")),
        _ => traits["phone"] = json!(format!("+49 30 {round}{person:04}")),
    }
    json!({
        "type": "identify", "userId": format!("p{person}"), "messageId": format!("p{person} {nth} {round}"),
        "traits": traits,
    })
}

fn open(world: &World) -> u64 {
    world.json(&["dead-letters", "list", "state:open", "--limit", "1"])["count"].as_u64().unwrap()
}

fn calls(world: &World) -> u64 {
    let by_operation = world.refersion_page("calls")["by_operation"].clone();
    let of = |operation: &&str| by_operation[*operation].as_object().cloned().unwrap_or_default();
    COUNTED.iter().flat_map(of).map(|(_, count)| count.as_u64().unwrap()).sum()
}

/// Some persons are affiliates, others are not, and some of those were deleted; each then has one to three events that die.
fn dead_letters(world: &World, rng: &mut StdRng) -> u64 {
    let persons = rng.random_range(5..40);
    let affiliates: Vec<usize> = (0..persons).filter(|_| rng.random_bool(0.6)).collect();
    send(world, &affiliates.iter().map(|person| event(*person, 0, 0)).collect::<Vec<_>>());
    world
        .until("the affiliates to be there", || (world.affiliates().len() == affiliates.len()).then_some(()));
    world.settled();
    for person in affiliates.iter().filter(|_| rng.random_bool(0.1)) {
        world.json(&["forget", &format!("p{person}"), "--wait"]);
    }
    world.faults("503=100%");
    let mut lines: Vec<Value> = Vec::new();
    for person in 0..persons {
        let events = rng.random_range(1..=3);
        lines.extend((0..events).map(|nth| event(person, nth, 1)));
    }
    send(world, &lines);
    let all = lines.len() as u64;
    world.until("all of them to die", || (open(world) == all).then_some(()));
    world.faults("");
    all
}

#[test]
#[expect(clippy::disallowed_methods, reason = "who runs the test may name a seed")]
fn a_run_without_refusals_stays_within_its_estimate() {
    let seed: u64 = std::env::var("SEED").ok().map_or_else(rand::random, |seed| seed.parse().unwrap());
    eprintln!("seed {seed}: SEED={seed} repeats it");
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..2 {
        let world = World::started(&GIVE_UP_AT_ONCE);
        let all = dead_letters(&world, &mut rng);
        let plan = world.json(&["dead-letters", "plan", "state:open"]);
        let estimate = &plan["frame"]["estimate"];
        assert_eq!(estimate["events"], all, "seed {seed}: {plan}");
        let before = calls(&world);
        let ended = world.cli(&["dead-letters", "run", &plan["id"].to_string(), "--json"]);
        assert_eq!(ended.code, Some(0), "seed {seed}: {} {}", ended.stdout, ended.stderr);
        world.settled();
        let used = calls(&world) - before;
        let kinds = ["creates", "edits", "status_changes", "searches"];
        let fewest: u64 = kinds.iter().map(|kind| estimate[*kind].as_u64().unwrap()).sum();
        let most = estimate["most_calls"].as_u64().unwrap();
        eprintln!("{all} events: {used} calls, of {fewest} to {most}");
        assert!((fewest..=most).contains(&used), "seed {seed}: {used} calls, estimated {estimate}");
    }
}
