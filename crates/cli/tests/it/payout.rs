//! Payout fields that are held back, as an operator sees and confirms them.

use serde_json::{Value, json};

use crate::world::{KEY, World};

const VICTIM_PAYOUT: &str = "mine@pay.test";
const ATTACKER_PAYOUT: &str = "evil@pay.test";

fn identify(user: &str, payout: &str) -> Value {
    json!({
        "type": "identify", "messageId": format!("{user} {payout}"), "userId": user,
        "traits": {
            "email": "ann@shop.test", "firstName": "Ann", "lastName": "Lee", "payout": payout,
            "address": { "city": "Rome", "country": "Italy" },
        },
    })
}

fn taken_over() -> World {
    let mut world = World::new(&[]);
    world.serve();
    world.add("shop", KEY, &["--rate", "1000", "--paypal-trait", "payout"]);
    for (user, payout) in [("ann", VICTIM_PAYOUT), ("eve", ATTACKER_PAYOUT)] {
        world.accept(&identify(user, payout));
        world.settled();
    }
    world
}

fn paid(world: &World) -> String {
    world.affiliates()[0]["paypal_email"].as_str().unwrap().to_owned()
}

const CONFIRM: [&str; 5] = ["profiles", "confirm-payout", "ann@shop.test", "--connection", "shop"];

#[test]
fn a_payout_stated_after_a_takeover_is_held_back_until_an_operator_confirms_it() {
    let world = taken_over();
    assert_eq!(paid(&world), VICTIM_PAYOUT);
    let status = world.json(&["status"]);
    assert_eq!((&status["held_back"], &status["connections"][0]["held_back"]), (&json!(1), &json!(1)));
    let shown = world.cli(&["profiles", "show", "ann@shop.test"]).stdout;
    assert!(shown.contains("is held back since") && shown.contains(&CONFIRM.join(" ")), "{shown}");

    let asked = world.cli(&CONFIRM);
    assert_eq!(asked.code, Some(2), "{}", asked.stderr);
    assert!(asked.stderr.contains("--yes") && !asked.stderr.contains(ATTACKER_PAYOUT), "{}", asked.stderr);
    assert_eq!(world.json(&["status"])["held_back"], 1, "nothing was changed");

    let confirmed = world.json(&[&CONFIRM[..], &["--yes"]].concat());
    assert_eq!(confirmed["affiliate_id"], world.affiliates()[0]["id"]);
    world.until("the payout to be sent", || (paid(&world) == ATTACKER_PAYOUT).then_some(()));
    assert_eq!(world.settled()["held_back"], 0);
    let again = world.cli(&[&CONFIRM[..], &["--yes"]].concat());
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    assert!(again.stderr.contains("no payout field is held back"), "{}", again.stderr);
}

#[test]
fn a_hold_is_logged_and_audited_only_with_ids() {
    let world = taken_over();
    world.json(&[&CONFIRM[..], &["--yes"]].concat());
    world.settled();
    let log = std::fs::read_to_string(world.folder.path().join("service.log")).unwrap();
    assert!(log.contains("the payout field is held back"), "{log}");
    assert!(!log.contains(ATTACKER_PAYOUT) && !log.contains("ann@shop.test"), "{log}");
    let file = world.folder.path().join("data").join("ledger.db");
    let ledger = sqlite::rusqlite::Connection::open(file).unwrap();
    let mut query = ledger.prepare("SELECT actor, action, subject FROM audit ORDER BY rowid").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let rows: Vec<(String, String, String)> = rows.map(Result::unwrap).collect();
    let affiliate = format!("affiliate {}", world.affiliates()[0]["id"]);
    let line = |actor: &str, action: &str| (actor.to_owned(), action.to_owned(), affiliate.clone());
    assert!(rows.contains(&line("worker", "payout_held")), "{rows:?}");
    let by_user = |(actor, action, _): &&(String, String, String)| {
        actor.starts_with("cli:") && action == "payout_confirmed"
    };
    assert!(rows.iter().any(|row| by_user(&row)), "{rows:?}");
}
