//! A broker that throws accepted events away is found out, and the policy that makes it do so is named.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::postgres;
use testbed::rabbitmq::Broker;

use crate::world::{KEY, World};

/// 32 bytes in base64.
const MASTER_KEY: &str = "dGhlIGtleSBvZiBhIHRlc3QgaXMgbm8gc2VjcmV0ISE=";

/// Events are missing after a minute, and the process looks every 15 s; the rest is for a busy machine.
const FOUND_WITHIN: Duration = Duration::from_secs(150);

const EVENTS: u64 = 40;

fn identify(number: u64) -> Value {
    json!({
        "type": "identify", "messageId": format!("m-{number}"), "userId": format!("u{number}"),
        "traits": {
            "email": format!("u{number}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" },
        },
    })
}

/// Looks for longer than other tests do.
fn until<T>(world: &World, what: &str, look: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + FOUND_WITHIN;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited in vain for {what}; {}", world.json(&["status"]));
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn missing(world: &World) -> Value {
    world.json(&["status"])["queue"]["missing"].clone()
}

#[test]
fn events_that_the_broker_drops_are_reported_with_their_time_until_confirmed() {
    let broker = Broker::start_with_management().unwrap();
    let mut world = World::new(&[
        ("QUEUE__URL", &broker.url()),
        ("QUEUE__MANAGEMENT_URL", &broker.management_url()),
        ("LEDGER__URL", &postgres::fresh_database().unwrap()),
        ("SECRETS__KEY", MASTER_KEY),
    ]);
    world.run("ingest");
    world.add("shop", KEY, &["--rate", "1000"]);
    let of = |checks: &Value, name: &str| {
        let all = checks["checks"].as_array().unwrap().iter();
        all.filter(|check| check["name"] == name).cloned().collect::<Vec<_>>()
    };
    let well = world.json(&["check"]);
    assert_eq!(of(&well, "queue, policies")[0]["verdict"], "ok", "{well}");

    broker.control(&["set_policy", "short", "^segment", r#"{"message-ttl":100}"#]).unwrap();
    broker.control(&["set_operator_policy", "idle", "^segment\\.bulk", r#"{"expires":3600000}"#]).unwrap();
    let ended = until(&world, "the policies", || {
        let ended = world.cli(&["check", "--json"]);
        (ended.stdout.contains("`short`") && ended.stdout.contains("`idle`")).then_some(ended)
    });
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let found = of(&serde_json::from_str(&ended.stdout).unwrap(), "queue, policies");
    let reasons: Vec<_> = found.iter().map(|it| it["found"].as_str().unwrap().to_owned()).collect();
    assert!(
        reasons.iter().any(|it| it.contains("policy `short`") && it.contains("message-ttl = 100")),
        "{reasons:?}"
    );
    assert!(
        reasons.iter().any(|it| it.contains("operator policy `idle`") && it.contains("expires")),
        "{reasons:?}"
    );
    assert!(found[0]["mend"].as_str().unwrap().contains("rabbitmqctl clear_"), "{found:?}");
    assert!(!ended.stdout.contains("guest:guest"), "{}", ended.stdout);

    for number in 0..EVENTS {
        world.accept(&identify(number));
    }
    until(&world, "nothing to be left", || (world.json(&["status"])["queue"]["live"] == 0).then_some(()));
    broker.control(&["clear_policy", "short"]).unwrap();
    broker.control(&["clear_operator_policy", "idle"]).unwrap();
    let worker = world.beside("worker");
    let found = until(&world, "the gap", || Some(missing(&world)).filter(|it| !it.is_null()));
    assert_eq!(found["events"], EVENTS, "{found}");
    let time = |name: &str| found[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let span = time("until").duration_since(time("since"));
    assert!(span.as_secs() < 60 && !span.is_negative(), "{found}");
    let output = world.cli(&["status"]).stdout;
    assert!(output.contains("40 accepted events never arrived, published between"), "{output}");
    let ready =
        until(&world, "/readyz", || Some(world.health("/readyz")).filter(|(status, _)| *status == 503));
    assert!(ready.1.contains("40 accepted events never arrived"), "{ready:?}");
    assert!(world.health("/metrics").1.contains("events_missing 40"), "{}", world.health("/metrics").1);
    let log = std::fs::read_to_string(world.folder.path().join("service.log")).unwrap();
    assert!(log.lines().any(|line| line.contains("WARN") && line.contains("never arrived")), "{log}");
    let shown = world.json(&["missing", "show"]);
    assert_eq!(shown["missing"]["events"], EVENTS, "{shown}");

    // Later events arrive, and are not reported as missing.
    world.accept(&identify(EVENTS));
    world.event_in("u40", "created");
    assert_eq!(missing(&world)["events"], EVENTS);
    assert_eq!(world.json(&["missing", "confirm"]), json!({ "confirmed": EVENTS }));
    assert_eq!(missing(&world), Value::Null);
    until(&world, "/readyz to be well", || (world.health("/readyz").0 == 200).then_some(()));
    assert_eq!(worker.signal("-TERM"), Some(0));
}
