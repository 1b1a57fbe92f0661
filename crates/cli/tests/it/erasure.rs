//! Deleted means deleted: every name of a person was planted, and nothing of it is left in any table, file or log.

use serde_json::json;
use testbed::{postgres, rabbitmq};

use crate::world::{KEY, World};

/// The text that every name of the person contains.
const PLANTED: &str = "ann.planted";

const MASTER_KEY: &str = "dGhlIGtleSBvZiBhIHRlc3QgaXMgbm8gc2VjcmV0ISE=";

/// Counts the rows of every table that contain a text, as text or as bytes.
const SEARCH: &str = "DO $$
DECLARE hits bigint := 0; found bigint; name text;
BEGIN
    FOR name IN SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'r'
        AND relnamespace = current_schema()::regnamespace
    LOOP
        EXECUTE format('SELECT COUNT(*) FROM %s t WHERE position($1 IN t::text) > 0
            OR position(encode(convert_to($1, ''UTF8''), ''hex'') IN t::text) > 0', name)
            INTO found USING 'ann.planted';
        hits := hits + found;
        IF found > 0 THEN RAISE NOTICE '% has %', name, found; END IF;
    END LOOP;
    CREATE TEMP TABLE hits AS SELECT hits AS number;
END $$; SELECT number FROM hits;";

/// Sends every kind of statement about the person, one of which becomes a dead letter, then deletes them.
fn send_and_delete_person(world: &World) {
    let accept = |message: &str, traits: serde_json::Value| {
        world.accept(&json!({
            "type": "identify", "messageId": format!("msg-{PLANTED}@example.com-{message}"),
            "userId": format!("user-{PLANTED}"), "anonymousId": format!("anonymous-{PLANTED}"),
            "context": { "page": PLANTED }, "traits": traits,
        }))
    };
    let email = format!("{PLANTED}@example.com");
    accept("1", json!({ "email": email, "name": format!("{PLANTED} Smith"), "address": { "city": "Rome" } }));
    world.event_in(&email, "created");
    accept("2", json!({ "email": format!("{PLANTED}@-x.org"), "plan": PLANTED }));
    accept("3", json!({ "email": format!("second.{PLANTED}@example.com"), "company": PLANTED }));
    world.settled();
    world.accept(&json!({
        "type": "delete", "messageId": format!("delete-{PLANTED}"), "userId": format!("user-{PLANTED}"),
        "email": email,
    }));
    world.event_in(&format!("delete-{PLANTED}"), "deleted");
    world.settled();
}

#[test]
fn no_file_or_log_holds_a_trace_of_a_deleted_person() {
    let world = World::started(&[]);
    send_and_delete_person(&world);
    world.until("erasure of every file", || world.files_with(&[PLANTED]).is_empty().then_some(()));
    assert_eq!(
        world.json(&["events", "find", &format!("msg-{PLANTED}@example.com-1")])[0]["type"],
        "identify"
    );
}

#[test]
fn no_table_of_postgres_holds_a_trace_of_a_deleted_person() {
    let (database, broker) = (postgres::fresh_database().unwrap(), rabbitmq::shared_url().unwrap());
    let prefix = format!("forgotten-{}", std::process::id());
    let mut world = World::new(&[
        ("QUEUE__URL", &broker),
        ("QUEUE__PREFIX", &prefix),
        ("LEDGER__URL", &database),
        ("SECRETS__KEY", MASTER_KEY),
    ]);
    world.serve();
    world.add("shop", KEY, &["--rate", "1000"]);
    send_and_delete_person(&world);
    let hits = postgres::psql(&database, SEARCH).unwrap();
    assert_eq!(hits.split_whitespace().last(), Some("0"), "{hits}");
    assert_eq!(world.files_with(&[PLANTED]), [""; 0]);
}
