//! The time of an identify.

use serde_json::json;

use crate::identify;

const NOW: &str = "2026-03-01T12:00:00.123456Z";

#[track_caller]
fn check(mut times: serde_json::Value, expected: &str) {
    times["type"] = json!("identify");
    times["userId"] = json!("u");
    assert_eq!(identify(&times).time.to_string(), expected, "{times}");
}

#[test]
fn the_first_valid_time_is_used() {
    let (a, b, c, d) =
        ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z", "2020-01-03T00:00:00Z", "2020-01-04T00:00:00Z");
    check(json!({"timestamp": a, "originalTimestamp": b, "sentAt": c, "receivedAt": d}), a);
    check(json!({"timestamp": "", "originalTimestamp": b, "sentAt": c, "receivedAt": d}), b);
    check(json!({"timestamp": null, "originalTimestamp": "x", "sent_at": c, "receivedAt": d}), c);
    check(json!({"received_at": d}), d);
    check(json!({}), NOW);
}

#[test]
fn a_retry_is_as_old_as_the_first_try() {
    check(
        json!({"timestamp": "2026-03-01T11:30:00Z", "receivedAt": "2026-03-01T09:00:00Z"}),
        "2026-03-01T09:00:00Z",
    );
}

#[test]
fn a_time_in_the_future_counts_as_the_time_of_receipt() {
    check(json!({"timestamp": "2099-01-01T00:00:00Z"}), NOW);
    check(json!({"timestamp": "2099-01-01T00:00:00Z", "receivedAt": "2098-01-01T00:00:00Z"}), NOW);
}

#[test]
fn times_are_truncated_to_the_microsecond() {
    check(json!({"timestamp": "2018-09-05T23:05:25.862826965Z"}), "2018-09-05T23:05:25.862826Z");
    check(json!({"timestamp": 1_556_806_480_519_u64}), "2019-05-02T14:14:40.519Z");
}
