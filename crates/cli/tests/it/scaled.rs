//! The same program on RabbitMQ and Postgres: it starts in any order, reports problems, and continues by itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::postgres::{self, Server};
use testbed::rabbitmq::{self, Broker};

use crate::program::run;
use crate::world::{KEY, SECRET, World};

const IDENTIFY: &str = include_str!("data/identify.json");
const DELETE: &str = include_str!("data/delete.json");

/// 32 bytes in base64, as every process of an installation is given them.
const MASTER_KEY: &str = "dGhlIGtleSBvZiBhIHRlc3QgaXMgbm8gc2VjcmV0ISE=";

/// The time within which `/readyz` has to know.
const REPORTED_WITHIN: Duration = Duration::from_secs(5);

/// A lease lasts 15 s, and a worker that has none asks for it every 2 s; the rest is for a busy machine.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(20);

/// A name that no other queue of a shared broker begins with.
fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A world on these engines, without a service.
fn world_on(queue: &str, ledger: &str) -> World {
    World::new(&[
        ("QUEUE__URL", queue),
        ("QUEUE__PREFIX", &prefix()),
        ("LEDGER__URL", ledger),
        ("SECRETS__KEY", MASTER_KEY),
    ])
}

/// A world on a broker and a database that tests share.
pub(crate) fn world() -> World {
    world_on(&rabbitmq::shared_url().unwrap(), &postgres::fresh_database().unwrap())
}

fn identify(name: &str) -> String {
    json!({
        "type": "identify", "messageId": format!("m-{name}"), "userId": name,
        "traits": { "email": format!("{name}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
    })
    .to_string()
}

/// Waits until `/readyz` has this state. Returns how long that took.
fn until_ready(world: &World, ready: bool, why: &str) -> Duration {
    let (began, wanted) = (Instant::now(), if ready { 200 } else { 503 });
    world.until(&format!("/readyz to answer {wanted} {why}"), || {
        let (status, body) = world.health("/readyz");
        (status == wanted && body.contains(why)).then_some(())
    });
    began.elapsed()
}

#[test]
fn the_two_events_of_segments_page_create_and_disable_an_affiliate_on_servers() {
    let mut world = world();
    world.serve();
    world.add("shop", KEY, &["--rate", "1000"]);
    assert_eq!(world.post(KEY, IDENTIFY).0, 202);
    world.event_in("peter@example.com", "created");
    let affiliate = &world.affiliates()[0];
    let fields = ["email", "country", "status"].map(|field| affiliate[field].as_str().unwrap().to_owned());
    assert_eq!(fields, ["peter@example.com", "US", "PENDING"]);
    assert_eq!(world.post(KEY, DELETE).0, 202);
    world.event_in("5678", "deleted");
    assert_eq!(world.affiliates()[0]["status"], "DISABLED");
    world.settled();
    until_ready(&world, true, "");
    assert_eq!(world.json(&["migrate"]), json!({ "queue": "current", "ledger": "current" }));
    assert_eq!(world.files_with(&[SECRET, MASTER_KEY, "guest:guest"]), [""; 0]);
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
}

#[test]
fn a_connection_moves_when_its_worker_is_killed() {
    let mut world = world();
    world.run("ingest");
    world.add("shop", KEY, &["--rate", "1000"]);
    let first = world.beside("worker");
    assert_eq!(world.post(KEY, &identify("ann")).0, 202);
    world.event_in("ann", "created");
    let second = world.beside("worker");
    first.signal("-KILL");
    let killed = Instant::now();
    assert_eq!(world.post(KEY, &identify("bob")).0, 202);
    world.event_in("bob", "created");
    let took = killed.elapsed();
    assert!(took < TAKEN_OVER_WITHIN, "{took:?}");
    world.settled();
    assert_eq!(second.signal("-TERM"), Some(0));
}

#[test]
fn a_ledger_outage_does_not_stop_the_ingest_endpoint() {
    let mut database = Server::start(&[]).unwrap();
    let url = database.fresh_database().unwrap();
    let mut world = world_on(&rabbitmq::shared_url().unwrap(), &url);
    world.serve();
    world.add("shop", KEY, &["--rate", "1000"]);
    assert_eq!(world.post(KEY, &identify("ann")).0, 202);
    world.event_in("ann", "created");

    database.kill().unwrap();
    assert!(until_ready(&world, false, r#""name":"ledger""#) < REPORTED_WITHIN);
    // Longer than a known key is accepted without asking again.
    let end = Instant::now() + Duration::from_secs(12);
    for number in 0.. {
        let (status, answer) = world.post(KEY, &identify(&format!("bob{number}")));
        assert_eq!(status, 202, "{answer}");
        let (status, answer) = world.post("pub_unknown.sec_unknown", IDENTIFY);
        assert_eq!(status, 503, "an unknown key may be a right one: {answer}");
        if Instant::now() > end {
            break;
        }
    }
    let failed = world.cli(&["status", "--json"]);
    assert_eq!((failed.code, failed.error()["code"].clone()), (Some(1), json!("ledger")));
    assert!(failed.error()["hint"].as_str().unwrap().contains("ledger.url"), "{}", failed.stderr);

    database.start_again().unwrap();
    until_ready(&world, true, "");
    world.event_in("bob0", "created");
    world.settled();
    assert_eq!(world.post("pub_unknown.sec_unknown", IDENTIFY).0, 401);
}

#[test]
fn services_start_in_any_order_and_an_ingest_endpoint_without_a_ledger_answers_503() {
    let (mut database, mut broker) = (Server::start(&[]).unwrap(), Broker::start().unwrap());
    let url = database.fresh_database().unwrap();
    database.kill().unwrap();
    broker.kill().unwrap();
    let mut world = world_on(&broker.url(), &url);
    world.serve();
    until_ready(&world, false, r#""name":"ledger""#);
    until_ready(&world, false, r#""name":"queue""#);
    assert_eq!(world.health("/healthz").0, 200);
    let began = Instant::now();
    assert_eq!(world.post(KEY, &identify("ann")).0, 503);
    assert!(began.elapsed() < REPORTED_WITHIN, "Segment would have given up");

    database.start_again().unwrap();
    world.until("the ledger", || (!world.health("/readyz").1.contains(r#""name":"ledger""#)).then_some(()));
    broker.start_again().unwrap();
    until_ready(&world, false, r#"[{"name":"connections""#);
    assert_eq!(
        world.post("pub_x.sec_x", IDENTIFY).0,
        503,
        "a database without connections may be the wrong one"
    );
    world.add("shop", KEY, &["--rate", "1000"]);
    until_ready(&world, true, "");
    assert_eq!(world.post(KEY, &identify("ann")).0, 202);
    world.event_in("ann", "created");

    broker.kill().unwrap();
    assert!(until_ready(&world, false, r#""name":"queue""#) < REPORTED_WITHIN);
    let began = Instant::now();
    assert_eq!(world.post(KEY, &identify("zoe")).0, 503);
    assert!(began.elapsed() < REPORTED_WITHIN, "Segment would have given up");
    broker.start_again().unwrap();
    until_ready(&world, true, "");
    assert_eq!(world.post(KEY, &identify("zoe")).0, 202);
    world.event_in("zoe", "created");

    database.kill().unwrap();
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0), "it ends in good order all the same");
    world.serve();
    assert_eq!(world.post(KEY, &identify("bob")).0, 503, "the connection of the key cannot be read");
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0), "while it waits for its ledger too");
    world.serve();
    database.start_again().unwrap();
    until_ready(&world, true, "");
    assert_eq!(world.post(KEY, &identify("bob")).0, 202);
    world.event_in("bob", "created");
}

#[test]
fn errors_about_urls_and_keys_contain_no_password() {
    let (queue, ledger) = (rabbitmq::shared_url().unwrap(), postgres::fresh_database().unwrap());
    let wrong_user = ledger.replace("//postgres@", "//nobody:hunter2@");
    let wrong_database = ledger.replacen("/refersion_test_", "/there_is_none_", 1);
    let wrong_password = queue.replace(":guest@", ":hunter2@");
    for (name, url, code, text) in [
        ("LEDGER__URL", wrong_user.as_str(), "ledger", "nobody"),
        ("LEDGER__URL", &wrong_database, "ledger", "does not exist"),
        ("LEDGER__URL", "postgres://u:hunter2@127.0.0.1:1/d", "ledger", "refused"),
        ("QUEUE__URL", &wrong_password, "queue", "refuses access"),
        ("QUEUE__URL", "amqp://u:hunter2@127.0.0.1:1/v", "queue", "unavailable"),
        ("QUEUE__URL", "amqp://u:hunter2@127.0.0.1:port/v", "queue", "number 1"),
    ] {
        let world = world_on(&queue, &ledger);
        world.json(&["migrate"]);
        let name = format!("REFERSION_DESTINATION__{name}");
        let ended = world.cli_with(&["status", "--json"], "", &[(&name, url)]);
        let error = ended.error();
        assert_eq!(error["code"], code, "{url}: {error}");
        assert!(error["message"].as_str().unwrap().contains(text), "{url}: {error}");
        assert!(!ended.stderr.contains("hunter2"), "{error}");
    }
    let world = world_on(&queue, &ledger);
    world.json(&["migrate"]);
    let other = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let ended = world.cli_with(&["serve", "--json"], "", &[("REFERSION_DESTINATION__SECRETS__KEY", other)]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("not the one that the ledger was created with"), "{}", ended.stderr);
}

#[test]
fn check_lists_the_parts_of_an_installation_and_how_to_correct_each_problem() {
    let (queue, ledger) = (rabbitmq::shared_url().unwrap(), postgres::fresh_database().unwrap());
    let world = world_on(&queue, &ledger);
    let fresh = world.json(&["check"]);
    assert_eq!(fresh["ok"], true, "{fresh}");
    let of = |checks: &Value, name: &str| {
        let found = checks["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).cloned();
        found.unwrap_or_else(|| panic!("no {name} in {checks}"))
    };
    assert_eq!(of(&fresh, "ledger, schema")["verdict"], "note", "an empty database: {fresh}");
    assert!(of(&fresh, "ledger")["found"].as_str().unwrap().starts_with("Postgres 1"), "{fresh}");
    world.add("shop", KEY, &[]);
    let used = world.json(&["check"]);
    assert_eq!(of(&used, "connection shop")["found"], "active");
    assert_eq!(of(&used, "ledger, schema")["verdict"], "ok", "{used}");
    assert_eq!(of(&used, "ledger, durability")["verdict"], "note", "tests do not wait for the disk: {used}");

    let other_arguments = ("REFERSION_DESTINATION__QUEUE__MAX_BYTES", "1MiB");
    let nowhere = ("REFERSION_DESTINATION__LEDGER__URL", "postgres://u:hunter2@127.0.0.1:1/d");
    let no_key = ("REFERSION_DESTINATION__SECRETS__KEY", "");
    let ended = world.cli_with(&["check", "--json"], "", &[other_arguments, nowhere, no_key]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(found["ok"], false);
    for (name, text) in
        [("queue", "x-max-length-bytes"), ("ledger", "refused"), ("master key", "needs a master key")]
    {
        let bad = of(&found, name);
        assert_eq!(bad["verdict"], "bad", "{bad}");
        assert!(bad["found"].as_str().unwrap().contains(text) && bad["mend"].is_string(), "{bad}");
    }
    let other_key = ("REFERSION_DESTINATION__SECRETS__KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let ended = world.cli_with(&["check"], "", &[other_key]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("correct the lines marked BAD"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("hunter2"));
}

#[test]
fn a_master_key_is_created_once_and_never_replaced() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("keys").join("master.key");
    let file = path.to_str().unwrap();
    let made = run(&["secrets", "create", file, "--json"], &[]);
    assert_eq!((made.code, made.stdout.contains("\"made\":true")), (Some(0), true), "{}", made.stderr);
    let text = std::fs::read_to_string(&path).unwrap();
    let again = run(&["secrets", "create", file, "--json"], &[]);
    assert_eq!((again.code, again.error()["code"].clone()), (Some(1), json!("master_key")));
    let kept = run(&["secrets", "create", file, "--if-missing", "--json"], &[]);
    assert_eq!((kept.code, kept.stdout.contains("\"made\":false")), (Some(0), true), "{}", kept.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert!(![&made, &again, &kept].iter().any(|ended| ended.stdout.contains(text.trim())));
    let nowhere =
        run(&["secrets", "create", "--json"], &[("REFERSION_DESTINATION__LEDGER__URL", "postgres://host/d")]);
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.stderr);
}

/// The operator's process holds nothing, and the broker reports nothing about messages that a worker has taken.
#[test]
fn status_reports_that_all_is_done_only_when_it_is() {
    const PEOPLE: u64 = 20;
    let mut world = world();
    world.run("ingest");
    world.add("shop", KEY, &["--rate", "1000"]);
    let workers = [world.beside("worker"), world.beside("worker")];
    for number in 0..PEOPLE {
        assert_eq!(world.post(KEY, &identify(&format!("ann{number}"))).0, 202);
    }
    let settled = world.settled();
    assert_eq!(
        settled["outcomes"]["created"], PEOPLE,
        "nothing was left when nothing was counted: {settled}"
    );
    for worker in workers {
        assert_eq!(worker.signal("-TERM"), Some(0));
    }
}
