//! A pooler in front of the ledger: a suitable one goes unnoticed, and an unsuitable one is named.

use serde_json::Value;
use testbed::pgbouncer::{PoolMode, Pooler};
use testbed::postgres::Server;

use crate::world::{KEY, World};

const IDENTIFY: &str = include_str!("data/identify.json");

/// 32 bytes in base64.
const MASTER_KEY: &str = "dGhlIGtleSBvZiBhIHRlc3QgaXMgbm8gc2VjcmV0ISE=";

#[test]
fn everything_works_behind_a_pooler_in_session_mode() {
    let server = Server::start(&[]).unwrap();
    let pooler = Pooler::start(&server, PoolMode::Session, "default_pool_size = 40").unwrap();
    let url = pooler.url(&server.fresh_database().unwrap());
    let world = World::started(&[("LEDGER__URL", &url), ("SECRETS__KEY", MASTER_KEY)]);
    assert_eq!(world.post(KEY, IDENTIFY).0, 202);
    world.event_in("peter@example.com", "created");
    assert_eq!(world.json(&["check"])["ok"], true);
}

#[test]
fn check_and_a_start_explain_why_a_pooler_in_transaction_mode_cannot_work() {
    let server = Server::start(&[]).unwrap();
    let pooler = Pooler::start(&server, PoolMode::Transaction, "").unwrap();
    let url = pooler.url(&server.fresh_database().unwrap());
    let world = World::new(&[("LEDGER__URL", &url), ("SECRETS__KEY", MASTER_KEY)]);
    let ended = world.cli(&["serve", "--json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("use pool_mode = session"), "{}", ended.stderr);
    let ended = world.cli(&["check", "--json"]);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let ledger = found["checks"].as_array().unwrap().iter().find(|check| check["name"] == "ledger").unwrap();
    assert_eq!((ended.code, &ledger["verdict"]), (Some(1), &Value::from("bad")), "{found}");
    assert!(ledger["found"].as_str().unwrap().contains("use pool_mode = session"), "{ledger}");
}
