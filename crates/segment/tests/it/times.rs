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
fn a_retry_has_the_time_of_the_first_attempt() {
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

#[test]
fn a_zero_time_counts_as_missing() {
    let sent = "2026-01-01T10:00:00Z";
    for zero in [
        json!("1970-01-01T00:00:00.000Z"),
        json!("1970-01-01T01:00:00+01:00"),
        json!("0001-01-01T00:00:00Z"),
        json!("0000-00-00 00:00:00"),
        json!("1900-01-00"),
        json!("1999-12-31T23:59:59.999999Z"),
        json!(0),
        json!(-62_135_596_800_i64),
        json!(946_684_799),
        json!(12.5),
    ] {
        check(json!({"timestamp": zero, "originalTimestamp": zero, "sentAt": sent}), sent);
        check(json!({"timestamp": sent, "receivedAt": zero}), sent);
        let all = json!({"timestamp": zero, "originalTimestamp": zero, "sentAt": zero, "receivedAt": zero});
        check(all, NOW);
    }
    check(json!({"timestamp": "2000-01-01T00:00:00Z", "sentAt": sent}), "2000-01-01T00:00:00Z");
}

#[test]
fn segments_receipt_is_read_if_it_is_a_time() {
    let at_segment =
        |received| identify(&json!({"type": "identify", "userId": "u", "receivedAt": received})).at_segment;
    assert_eq!(at_segment(json!("2026-01-01T10:00:00.5Z")).unwrap().to_string(), "2026-01-01T10:00:00.5Z");
    for none in [json!(null), json!(""), json!(0), json!("1970-01-01T00:00:00Z"), json!([])] {
        assert_eq!(at_segment(none), None);
    }
}
