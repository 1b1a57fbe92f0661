//! Requests of Segment's client libraries, and the events that are made of them.

use jiff::Timestamp;
use proptest::prelude::*;
use segment::tracking::{Call, MAX_EVENT_BYTES, MAX_EVENTS, Tracking, TrackingRefusal, readable};
use segment::{Body, Refusal};
use serde_json::{Value, json};

const IDENTIFY: Call = Call::Single("identify");

fn received_at() -> Timestamp {
    "2026-03-01T12:00:00.123456Z".parse().expect("this is a time")
}

fn written(body: &[u8], call: Call) -> Result<Vec<String>, TrackingRefusal> {
    Tracking::parse(&readable(body))?.events(call, received_at())?.collect()
}

#[track_caller]
fn events(body: &Value, call: Call) -> Vec<Value> {
    let written = written(body.to_string().as_bytes(), call).expect("a good request");
    written.iter().map(|event| serde_json::from_str(event).expect("an event is JSON")).collect()
}

#[track_caller]
fn one(item: &Value) -> Value {
    events(&json!({ "batch": [item] }), Call::Batch).remove(0)
}

fn skips(event: &Value) -> bool {
    match segment::read(event.to_string().as_bytes(), received_at()).expect("an event").body {
        Body::Identify(identify) => identify.skip,
        Body::Delete(_) => panic!("no event here is a delete"),
    }
}

#[test]
fn the_path_gives_the_type_of_an_event_without_one() {
    let typed = |event: Value, call| events(&event, call)[0]["type"].clone();
    assert_eq!(typed(json!({"userId": "u"}), IDENTIFY), "identify");
    assert_eq!(typed(json!({"userId": "u", "type": null, "action": "x"}), Call::Single("page")), "page");
    assert_eq!(typed(json!({"userId": "u", "type": "identify"}), Call::Single("track")), "identify");
    assert_eq!(one(&json!({"userId": "u"})).get("type"), None, "in a batch, an item states its type itself");
}

#[test]
fn values_are_kept_as_written() {
    let item = r#"{"type":"identify","userId":"u","traits":{"n":123456789012345678901234567890.10,"x":1e400,"t":"\u00e4"}}"#;
    for (body, call) in [(item.to_owned(), IDENTIFY), (format!(r#"{{"batch":[{item}]}}"#), Call::Batch)] {
        let event = written(body.as_bytes(), call).expect("a good request").remove(0);
        assert!(
            event.contains(r#""traits":{"n":123456789012345678901234567890.10,"x":1e400,"t":"\u00e4"}"#),
            "{event}"
        );
    }
}

#[test]
fn the_key_is_read_from_the_body_and_written_into_no_event() {
    let body = json!({"writeKey": " wk ", "batch": [{"type": "identify", "userId": "u", "write_key": "wk"}]})
        .to_string();
    assert_eq!(Tracking::parse(body.as_bytes()).expect("a request").write_key(), Some("wk"));
    assert!(!written(body.as_bytes(), Call::Batch).expect("a request")[0].contains("wk"));
    assert!(Tracking::parse(b"{\"writeKey\":7}").expect("a request").write_key().is_none());
}

#[test]
fn context_and_integrations_of_a_batch_are_in_each_item_and_the_item_wins() {
    let body = json!({
        "context": {"ip": "1.2.3.4", "locale": "de"}, "integrations": {"All": true, "Refersion": false},
        "batch": [
            {"type": "identify", "userId": "a"},
            {"type": "identify", "userId": "b", "context": {"ip": "5.6.7.8"}, "integrations": {"Refersion": {}}},
            {"type": "identify", "userId": "c", "context": null, "integrations": []},
            {"type": "identify", "userId": "d", "context": "text"},
        ],
    });
    let events = events(&body, Call::Batch);
    let contexts: Vec<&Value> = events.iter().map(|event| &event["context"]).collect();
    let shared = json!({"ip": "1.2.3.4", "locale": "de"});
    assert_eq!(contexts, [&shared, &json!({"ip": "5.6.7.8", "locale": "de"}), &shared, &json!("text")]);
    assert_eq!(events.iter().map(skips).collect::<Vec<_>>(), [true, false, true, true]);
    assert_eq!(events[1]["integrations"], json!({"All": true, "Refersion": {}}));
}

/// Segment's own rule, in every form that occurs.
#[test]
fn integrations_decide_by_the_exact_name_before_all() {
    for (integrations, is_on) in [
        (json!({}), true),
        (json!(null), true),
        (json!([]), true),
        (json!({"All": true}), true),
        (json!({"All": false}), false),
        (json!({"all": false}), false),
        (json!({"All": "false"}), true),
        (json!({"All": false, "Refersion": true}), true),
        (json!({"All": false, "Refersion": {}}), true),
        (json!({"All": false, "Refersion": null}), true),
        (json!({"All": false, "refersion": true}), false),
        (json!({"Refersion": false}), false),
        (json!({"All": true, "Refersion": false}), false),
        (json!({"Refersion": "no"}), true),
    ] {
        let event = one(&json!({"type": "identify", "userId": "u", "integrations": integrations}));
        assert_eq!(!skips(&event), is_on, "{integrations}");
    }
}

#[test]
fn times_are_corrected_by_the_senders_clock_as_segment_does() {
    let of = |item: Value| {
        let event = one(&item);
        (event["timestamp"].clone(), event["originalTimestamp"].clone(), event["receivedAt"].clone())
    };
    let received = json!("2026-03-01T12:00:00.123456Z");
    let corrected =
        of(json!({"type": "identify", "timestamp": "2020-01-01T00:00:00Z", "sentAt": "2020-01-01T00:01:00Z",
        "receivedAt": "1999-01-01T00:00:00Z"}));
    assert_eq!(
        corrected,
        (json!("2026-03-01T11:59:00.123456Z"), json!("2020-01-01T00:00:00Z"), received.clone())
    );
    let unsent = of(json!({"type": "identify", "timestamp": "2020-01-01T00:00:00Z"}));
    assert_eq!(unsent, (json!("2020-01-01T00:00:00Z"), Value::Null, received.clone()));
    let unreadable = of(json!({"type": "identify", "timestamp": "soon", "sentAt": "2020-01-01T00:01:00Z"}));
    assert_eq!(unreadable, (received.clone(), json!("soon"), received.clone()));
    let timeless = of(json!({"type": "identify", "timestamp": 5, "sentAt": {}}));
    assert_eq!(timeless, (json!(5), Value::Null, received));
}

#[test]
fn the_time_of_a_batch_is_that_of_each_item_without_its_own() {
    let item = |sent: Value| json!({"type": "identify", "timestamp": "2020-01-01T00:00:00Z", "sentAt": sent});
    let body = json!({"sentAt": "2020-01-01T00:00:10Z", "batch": [item(Value::Null), item(json!("2020-01-01T00:00:20Z"))]});
    let times: Vec<Value> =
        events(&body, Call::Batch).iter().map(|event| event["timestamp"].clone()).collect();
    assert_eq!(times, ["2026-03-01T11:59:50.123456Z", "2026-03-01T11:59:40.123456Z"]);
}

/// The write key is on every page: a reader of a page must not be able to erase people.
#[test]
fn a_delete_is_refused_by_the_reader_in_any_spelling() {
    for item in [
        json!({"type": "delete", "userId": "u"}),
        json!({"Type": " Delete ", "userId": "u"}),
        json!({"action": "DELETE", "userId": "u"}),
        json!({"type": "", "action": "delete", "userId": "u"}),
        json!({"TYPE": "delete", "type": null, "action": "identify", "userId": "u"}),
    ] {
        let event = one(&item).to_string();
        let read = segment::read(event.as_bytes(), received_at());
        assert!(matches!(read, Err(Refusal::UntrustedDelete)), "{item}: {read:?}");
    }
    let escaped = br#"{"batch":[{"ty\u0070e":"del\u0065te","userId":"u"}]}"#;
    let event = written(escaped, Call::Batch).expect("a request").remove(0);
    assert!(
        matches!(segment::read(event.as_bytes(), received_at()), Err(Refusal::UntrustedDelete)),
        "{event}"
    );
}

#[test]
fn invalid_requests_are_refused_with_a_code() {
    let code = |body: &[u8], call| written(body, call).expect_err("no request").code();
    for body in [&b""[..], b"{", br#"{"batch":[{"traits":{"n":NaN}}]}"#, b"\xff", b"{}{}"] {
        assert_eq!(code(body, Call::Batch), "invalid_json");
    }
    for body in [&b"[]"[..], b"7", b"null"] {
        assert_eq!(code(body, Call::Batch), "not_an_object");
    }
    for body in [&b"{}"[..], br#"{"batch":{}}"#, br#"{"batch":null}"#] {
        assert_eq!(code(body, Call::Batch), "no_batch");
    }
    assert!(written(br#"{"batch":[]}"#, Call::Batch).expect("an empty batch").is_empty());
}

#[test]
fn limits_are_those_of_segment_with_some_slack() {
    let batch = |count: usize, size: usize| {
        let item = format!(r#"{{"type":"identify","userId":"{}"}}"#, "x".repeat(size));
        format!(r#"{{"batch":[{}]}}"#, vec![item; count].join(","))
    };
    let result = |body: String| {
        written(body.as_bytes(), Call::Batch).map(|events| events.len()).map_err(|it| it.code())
    };
    assert_eq!(result(batch(MAX_EVENTS, 1)), Ok(MAX_EVENTS));
    assert_eq!(result(batch(MAX_EVENTS + 1, 1)), Err("too_many_events"));
    assert_eq!(result(batch(2, 32 * 1024)), Ok(2));
    assert_eq!(result(batch(1, MAX_EVENT_BYTES)), Err("event_too_large"));
    let single = format!(r#"{{"userId":"{}"}}"#, "x".repeat(MAX_EVENT_BYTES));
    assert_eq!(written(single.as_bytes(), IDENTIFY).expect_err("too large").code(), "event_too_large");
    let amplified =
        json!({"context": {"a": "x".repeat(100_000)}, "batch": vec![json!({"type": "identify"}); 100]});
    assert_eq!(result(amplified.to_string()), Err("batch_too_large"));
}

/// The size is checked before anything is merged: a million repeated members in each of 2,500 items would keep a core busy
/// for seconds.
#[test]
fn shared_members_are_counted_without_repetitions_before_they_are_merged() {
    let body = |members: &[String], items: usize| {
        let shared = members.join(",");
        let items = vec![r#"{"type":"identify","context":{"own":1}}"#; items].join(",");
        format!(r#"{{"context":{{{shared}}},"integrations":{{{shared}}},"batch":[{items}]}}"#)
    };
    let repeated: Vec<String> = (0..60_000).map(|number| format!(r#""k":{number}"#)).collect();
    let body_of_repeated = body(&repeated, MAX_EVENTS);
    let request = Tracking::parse(body_of_repeated.as_bytes()).expect("a request");
    let first = request.events(Call::Batch, received_at()).expect("it is small").next();
    let first: Value = serde_json::from_str(&first.expect("an event").expect("a good one")).expect("JSON");
    assert_eq!(first["context"], json!({"own": 1, "k": 59_999}), "of a repeated member the last counts");

    let different: Vec<String> = (0..1_000).map(|number| format!(r#""k{number}":{number}"#)).collect();
    let body_of_different = body(&different, MAX_EVENTS);
    let request = Tracking::parse(body_of_different.as_bytes()).expect("a request");
    let refused = request.events(Call::Batch, received_at()).err().expect("refused before the first event");
    assert_eq!(refused.code(), "batch_too_large");
    assert!(written(body(&different, 100).as_bytes(), Call::Batch).is_ok());
}

#[test]
fn items_that_are_no_events_are_passed_on_to_the_reader() {
    let body = r#"{"batch":[1,"x",null,[],{"type":"identify"},{"type":"identify","traits":{"a":"\ud83d"}}]}"#;
    let events = written(body.as_bytes(), Call::Batch).expect("a request");
    assert_eq!(events[..4], ["1", "\"x\"", "null", "[]"]);
    assert!(events[5].contains("\\ufffd"));
}

/// Checks that any body results in JSON events that are no deletes, or in a refusal.
fn check(body: &[u8]) {
    for call in [Call::Batch, IDENTIFY] {
        let Ok(events) = written(body, call) else { continue };
        for event in events {
            serde_json::from_str::<&serde_json::value::RawValue>(&event).expect("an event is JSON");
            let read = segment::read(event.as_bytes(), received_at());
            assert!(!read.is_ok_and(|event| matches!(event.body, Body::Delete(_))), "{event}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_become_events_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }

    #[test]
    fn any_members_become_events_or_are_refused(
        members in prop::collection::vec(("(type|Type|action|batch|context|integrations|sentAt|timestamp|receivedAt|a)",
            "(null|1e999|\"delete\"|\" DELETE\"|\"identify\"|\"2020-01-01\"|\\[\\]|\\{\"Refersion\":false\\}|\\{\"All\":0,\"a\":\"\\\\ud800\"\\})"), 0..8)
    ) {
        let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let item = format!("{{{}}}", members.join(","));
        check(item.as_bytes());
        check(format!("{{\"batch\":[{item},{item}],{}", &item[1..]).replace(",}", "}").as_bytes());
    }
}
