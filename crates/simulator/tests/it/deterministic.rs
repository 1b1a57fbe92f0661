//! The same seed and the same requests at the same times give the same replies.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use simulator::{Options, Reply, State, Status};

use crate::support::{Api, PUBLIC, SECRET, new};

const ALL_FAULTS: &str = "latency=1ms..90ms,slow=2%:12s,drop-before=2%,html=2%,403=1%,503=2%,429-after=2%:2s,429=2%,\
    500=2%,502=2%,504=2%,drop-after=2%,garbage=2%,partial=20%,down=2s@3s,limit=20..400";

/// Runs a history that depends on seed and steps only.
fn run(seed: u64, steps: &[u8]) -> (Vec<Reply>, State) {
    let mut api = Api::of(Options { seed, ..Options::default() });
    api.faults(ALL_FAULTS);
    let mut replies = Vec::new();
    for step in steps {
        api.now += Duration::from_millis(u64::from(*step));
        let email = format!("{}@x.com", step % 16);
        let id = api.simulator.find_by_email(PUBLIC, &email).map_or(1, |affiliate| affiliate.id);
        let (operation, body) = match step % 5 {
            0 | 1 => ("new", new(&email)),
            2 => (
                "edit",
                json!({ "affiliates": [{ "id": id, "company": step.to_string() }, { "id": 1, "zip": "1" }] }),
            ),
            3 => ("status_change", json!({ "ids": [id], "status": "DISABLED" })),
            _ => ("search", json!({ "keyword": email })),
        };
        let path = format!("/v2/affiliate/{operation}");
        replies.push(api.send(&path, (PUBLIC, SECRET), body.to_string().as_bytes()));
    }
    (replies, api.simulator.state())
}

proptest! {
    #[test]
    fn the_same_seed_gives_the_same_replies(seed: u64, steps: Vec<u8>) {
        prop_assert_eq!(run(seed, &steps), run(seed, &steps));
    }
}

#[test]
fn another_seed_gives_other_codes_and_faults() {
    let steps: Vec<u8> = (0..200).collect();
    assert_ne!(run(1, &steps).0, run(2, &steps).0);
}

#[test]
fn a_seed_gives_the_same_affiliate_in_every_version() {
    let mut api = Api::new();
    api.create("ann@x.com");
    let ann = api.affiliate("ann@x.com");
    assert_eq!(
        (ann.id, ann.code.as_str()),
        (30_188_464, "v3dpz"),
        "a change here invalidates the seeds of earlier reports"
    );
}

#[test]
fn every_account_has_the_numbered_affiliates_before_its_first_call() {
    let mut api = Api::of(Options { affiliates: 230, ..Options::default() });
    let page = json!({ "limit": "100", "page": "3" });
    let (status, listed) = api.call("list", &page);
    assert_eq!((status, &listed["total"]), (200, &json!(230)), "{listed}");
    let first = api.affiliate("affiliate1@example.org");
    assert_eq!((first.first_name.as_str(), first.last_name.as_str()), ("Ann", "Example1"));
    let statuses = [8, 9, 10].map(|number| api.affiliate(&format!("affiliate{number}@example.org")).status);
    assert_eq!(statuses, [Status::Active, Status::Pending, Status::Disabled]);
    assert!(
        api.simulator.find_by_email("another", "affiliate230@example.org").is_none(),
        "it is not open yet"
    );
}
