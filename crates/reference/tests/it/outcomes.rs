//! Every accepted event has exactly one outcome.

use reference::{OutcomeFault, check_outcomes};
use serde_json::json;

#[test]
fn one_outcome_for_each_event_has_no_fault() {
    let found = json!([{"event_id": "1", "state": "created"}, {"event_id": "2", "state": "dead"}]);
    assert_eq!(check_outcomes(["1", "2"], &found), []);
}

#[test]
fn lost_duplicated_open_and_unknown_events_are_reported() {
    let row = |id: &str, state: &str| json!({"event_id": id, "state": state});
    let found = json!([row("2", "created"), row("2", "updated"), row("3", "pending"), row("4", "created")]);
    let faults = [
        OutcomeFault::Lost("1".into()),
        OutcomeFault::Several("2".into(), 2),
        OutcomeFault::Open("3".into(), "pending".into()),
        OutcomeFault::Unknown("4".into()),
    ];
    assert_eq!(check_outcomes(["1", "2", "3"], &found), faults);
}
