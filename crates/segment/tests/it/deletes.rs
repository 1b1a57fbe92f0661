//! Deletes, in the four forms that Segment has published and in unusual ones.

use serde_json::json;

use crate::{delete, read};

/// Source: segment.com/docs/connections/destinations/catalog/refersion.
fn segments_example() -> serde_json::Value {
    json!({
        "type": "delete", "channel": "server", "messageId": "delete-022bb90c-bbac-11e4-8dfc-aa07a5b093db",
        "projectId": "abcd123", "userId": "5678", "context": [], "integrations": [], "email": "peter@example.com",
        "receivedAt": "2019-02-19T23:58:54.387Z", "sentAt": "2019-02-19T21:58:54.387Z",
        "originalTimestamp": "2019-02-19T23:58:54.387Z", "timestamp": "2019-02-19T23:58:54.387Z"
    })
}

#[test]
fn the_delete_of_segments_page_names_user_and_address() {
    let delete = delete(&segments_example());
    assert_eq!(delete.user.as_deref(), Some("5678"));
    assert_eq!(delete.anonymous, None);
    assert_eq!(delete.addresses.into_iter().collect::<Vec<_>>(), ["peter@example.com"]);
}

#[test]
fn all_four_published_forms_are_read() {
    let times = "2020-05-09T23:54:49.209Z";
    let go = "2020-05-09 23:54:49.209808489 +0000 UTC m=+70366.297045";
    for form in [
        segments_example(),
        json!({"type": "delete", "userId": "u", "timestamp": times}),
        json!({"type": "delete", "messageId": "delete-1", "userId": "u", "channel": "server", "context": [],
               "integrations": [], "projectId": "p", "receivedAt": times, "sentAt": times, "timestamp": times,
               "originalTimestamp": times}),
        json!({"type": "delete", "messageId": "delete-reg-1::job-1-p", "userId": "u", "channel": "server",
               "context": null, "integrations": null, "projectId": "p", "receivedAt": times, "sentAt": times,
               "timestamp": times, "originalTimestamp": go}),
    ] {
        let event = read(&form).unwrap();
        assert!(!event.bulk);
        assert!(delete(&form).user.is_some(), "{form}");
    }
}

#[test]
fn the_time_of_a_delete_is_its_arrival() {
    for time in ["1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "nonsense"] {
        let delete = delete(&json!({"type": "delete", "userId": "u", "timestamp": time}));
        assert_eq!(delete.time.to_string(), "2026-03-01T12:00:00.123456Z");
    }
}

#[test]
fn a_delete_names_every_address_that_it_contains() {
    let delete = delete(&json!({
        "type": "delete", "userId": "User@x.example", "anonymousId": "x", "email": "A@x.example",
        "traits": {"email": "b@x.example"}, "context": {"traits": {"EMAIL": "c@x.example "}},
        "properties": {"email": "a@x.example"}
    }));
    let addresses: Vec<_> = delete.addresses.into_iter().collect();
    assert_eq!(addresses, ["a@x.example", "b@x.example", "c@x.example", "user@x.example"]);
    assert_eq!(delete.anonymous.as_deref(), Some("x"));
}

#[test]
fn a_delete_is_never_skipped_and_never_bulk() {
    let event = json!({"type": "delete", "userId": "u", "integrations": {"Refersion": false, "All": false},
                       "context": {"personas": {}}});
    assert!(!read(&event).unwrap().bulk);
    assert_eq!(delete(&event).user.as_deref(), Some("u"));
}
