//! The status of a bad night, at the widths of a small and of a usual terminal.

use ledger::{Registrations, SweepClock};

use super::super::Queue;
use super::super::left_out::LeftOut;
use super::super::notes::Unmapped;
use super::super::registration::Registration;
use super::*;
use crate::commands::retention::RetentionState;
use crate::commands::snapshots::{at, shown};
use crate::commands::status::notifications::Notifications;
use service::arrivals::Summary;

fn process(role: &'static str, beat: i64, alive: bool, connections: &[&str]) -> Process {
    Process {
        role,
        host: "worker-5f6d8c7b9-x2x4z.eu-central-1.compute.internal".to_owned(),
        pid: 4711,
        version: "0.1.0".to_owned(),
        started_at: at(-86_400),
        last_heartbeat: at(beat),
        ended_at: None,
        alive,
        connections: connections.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn connection(name: &str, paused_for: Option<&'static str>) -> Row {
    Row {
        name: name.to_owned(),
        state: if paused_for.is_some() { "paused" } else { "active" },
        paused_for,
        paused_because: paused_for.map(|_| "the offer does not exist".to_owned()),
        pause_hint: paused_for.map(|_| {
            format!(
                "correct its settings with `connections set {name}`; the pause ends by itself when a call is accepted, or at \
                 once with `connections resume {name}`"
            )
        }),
        suspension_hints: [(1234, format!("remove it with `connections set {name} --no-custom-field vip`"))].into(),
        refused_for: None,
        refused_because: None,
        asked_to_wait_until: None,
        suspended_fields: [(1234, "it does not exist".to_owned())].into(),
        suspended_since: [(1234, at(-3_600))].into(),
        due: 4_321,
        rate: 4.75,
        rate_ceiling: 5.0,
        pending: 5_012,
        dirty: 4_400,
        waiting: 17,
        held_back: 1,
        not_cleared: std::collections::BTreeMap::new(),
        left_out: LeftOut::default(),
        shared_identifiers: Vec::new(),
        adoption: None,
        dead_letters: 401,
        dead_letters_by_class: [("refused".to_owned(), 390), ("too_large".to_owned(), 11)].into(),
        unmapped_traits: vec![Unmapped { name: "favoriteColor".to_owned(), events: 7_000 }],
        unmapped_beyond: 0,
    }
}

fn status_with_problems() -> Status {
    let config = service::config::load(None, []).unwrap().config;
    Status {
        notifications: Notifications::default(),
        queue: Queue {
            live: 12_345,
            bulk: 40_000,
            oldest: Some(at(-7_300)),
            missing: missing(),
            untaken_since: Some(at(-7_000)),
            rescues: Vec::new(),
        },
        pending: 5_012,
        dirty: 4_400,
        waiting: 17,
        held_back: 1,
        not_cleared: std::collections::BTreeMap::new(),
        dead_letters: 401,
        ledger: Ledger {
            bytes: 300 << 20,
            max_bytes: Some(10 << 30),
            disk_free_bytes: Some(5 << 30),
            refused_for: None,
            refused_because: None,
        },
        connections: vec![
            connection("shop", None),
            connection("shop-in-another-country", Some("configuration")),
        ],
        processes: vec![
            process("ingest", -1, true, &[]),
            process("worker", -2, true, &["shop", "shop-in-another-country"]),
            process("worker", -9_000, false, &[]),
        ],
        oldest_pending: Some(at(-500)),
        problems: vec![
            "no worker is running, so no event is delivered: start `serve` or `worker`".to_owned(),
        ],
        registration: Registration::open(Registrations {
            registered: 2,
            refused: 3,
            limited: 40,
            unavailable: 0,
        }),
        outcomes: std::collections::BTreeMap::new(),
        retention: RetentionState::of(SweepClock { now: at(0), swept: None }, &config),
    }
}

fn missing() -> Option<Summary> {
    Some(Summary { events: 40, since: at(-3_600), until: at(-3_590), found_at: at(-60) })
}

#[test]
fn a_status_fits_a_terminal_of_80_and_of_120_columns() {
    for width in [80, 120] {
        let text = shown(width, |output| show(&status_with_problems(), at(0), output));
        insta::assert_snapshot!(format!("status_at_{width}"), text);
    }
}
