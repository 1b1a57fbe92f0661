//! The parts of an event that a repair keeps, and the changes that it refuses.

use repair::{RepairError, Rules};
use segment::Refusal;

use crate::{edited, patched, received_at};

const EVENT: &str = r#"{ "type":"identify", "userId":"u-1", "messageId":"m-1", "timestamp":"2026-03-01T10:00:00Z",
    "traits":{"email":"ann@exmaple", "id":123456789012345678901, "rate":1.10, "note":"\ud83d \u00e9"} }"#;

#[test]
fn a_patch_changes_only_the_named_values_and_keeps_the_rest_as_written() {
    let repaired =
        patched(EVENT, r#"[{"op":"replace","path":"/traits/email","value":"ann@example.org"}]"#).unwrap();
    let expected = r#"{"type":"identify","userId":"u-1","messageId":"m-1","timestamp":"2026-03-01T10:00:00Z","traits":{"email":"ann@example.org","id":123456789012345678901,"rate":1.10,"note":"\ud83d \u00e9"}}"#;
    assert_eq!(repaired.payload, expected);
    let changes = serde_json::to_string(&repaired.changes).unwrap();
    let expected = r#"[{"path":"/traits/email","before":"ann@exmaple","after":"ann@example.org"}]"#;
    assert_eq!(changes, expected);
}

#[test]
fn numbers_of_a_patch_are_taken_as_they_are_written() {
    let repaired =
        patched(EVENT, r#"[{"op":"add","path":"/traits/n","value":0.10000000000000000001}]"#).unwrap();
    assert!(repaired.payload.contains(r#""n":0.10000000000000000001"#), "{}", repaired.payload);
}

#[test]
fn ids_times_and_the_type_are_refused_by_name() {
    for (patch, field) in [
        (r#"[{"op":"replace","path":"/userId","value":"u-2"}]"#, "userId"),
        (r#"[{"op":"remove","path":"/messageId"}]"#, "messageId"),
        (r#"[{"op":"replace","path":"/timestamp","value":"2026-03-01T11:00:00Z"}]"#, "timestamp"),
        (r#"[{"op":"add","path":"/originalTimestamp","value":"2026-03-01T11:00:00Z"}]"#, "originalTimestamp"),
        (r#"[{"op":"add","path":"/anonymous_id","value":"a"}]"#, "anonymousId"),
        (r#"[{"op":"add","path":"/user_id","value":"u-2"}]"#, "userId"),
        (r#"[{"op":"add","path":"/receivedAt","value":null}]"#, "receivedAt"),
        (r#"[{"op":"add","path":"/SentAt","value":1}]"#, "sentAt"),
        (r#"[{"op":"replace","path":"/type","value":"delete"}]"#, "type"),
        (r#"[{"op":"move","from":"/userId","path":"/traits/userId"}]"#, "userId"),
        (r#"[{"op":"replace","path":"","value":{"type":"identify","userId":"u-1"}}]"#, "messageId"),
    ] {
        match patched(EVENT, patch) {
            Err(RepairError::Locked(name)) => assert_eq!(name, field, "{patch}"),
            other => panic!("{patch}: {other:?}"),
        }
    }
}

#[test]
fn an_edited_text_is_validated_as_the_worker_reads_it() {
    assert!(edited(EVENT, &EVENT.replace("ann@exmaple", "ann@example.org")).is_ok());
    assert!(matches!(edited(EVENT, EVENT), Err(RepairError::Unchanged)));
    assert!(matches!(edited(EVENT, &repair::pretty(EVENT)), Err(RepairError::Unchanged)));
    assert!(matches!(edited(EVENT, "{"), Err(RepairError::NotJson)));
    assert!(matches!(edited(EVENT, "[]"), Err(RepairError::NotJson)));
    assert!(matches!(edited("[1]", EVENT), Err(RepairError::NotAnEvent)));
    let anonymous = r#"{"type":"identify","traits":{"email":"x@example.org"}}"#;
    let nobody = edited(anonymous, &anonymous.replace('@', " at "));
    assert!(matches!(nobody, Err(RepairError::Refused(Refusal::IdentifyNamesNobody))), "{nobody:?}");
}

#[test]
fn a_value_that_would_kill_the_event_is_refused() {
    let long = "x".repeat(1_001);
    let set = |key: &str| format!(r#"[{{"op":"add","path":"/traits/{key}","value":"{long}"}}]"#);
    let company = patched(EVENT, &set("company"));
    assert!(matches!(&company, Err(RepairError::TooLong(key)) if key == "company"), "{company:?}");
    assert!(patched(EVENT, &set("unmapped")).is_ok());
    let rules = Rules { sent: ["plan".to_owned()].into(), ..Rules::default() };
    let patch = repair::Patch::parse(&set("Plan")).unwrap();
    let mapped = repair::patch(EVENT, &patch, received_at(), &rules);
    assert!(matches!(&mapped, Err(RepairError::TooLong(key)) if key == "plan"), "{mapped:?}");
}

#[test]
fn an_email_that_is_not_an_address_is_refused_if_the_repair_wrote_it() {
    let set = |value: &str| format!(r#"[{{"op":"add","path":"/traits/email","value":{value}}}]"#);
    let usable = EVENT.replace("ann@exmaple", "ann@example.org");
    for value in [r#""not an email""#, "5", r#"["ann@example.org"]"#] {
        for event in [EVENT, &usable] {
            let refused = patched(event, &set(value)).unwrap_err();
            assert!(matches!(refused, RepairError::NotAnAddress), "{value}: {refused:?}");
            assert!(refused.to_string().contains("still invalid: the value of `email`"), "{refused}");
        }
    }
    assert!(patched(&usable, r#"[{"op":"remove","path":"/traits/email"}]"#).is_ok());
    let other = patched(EVENT, r#"[{"op":"add","path":"/traits/city","value":"Rome"}]"#);
    assert!(other.is_ok(), "the event had the email before: {other:?}");
}

#[test]
fn an_event_without_an_id_keeps_the_key_that_it_had() {
    let event = r#"{"type":"identify","userId":"u-1","traits":{"phone":"1"}}"#;
    let key = |payload: &str| segment::read(payload.as_bytes(), received_at()).unwrap().message_key;
    let patch = |value| format!(r#"[{{"op":"replace","path":"/traits/phone","value":"{value}"}}]"#);
    let first = patched(event, &patch("2")).unwrap();
    assert_eq!(key(&first.payload), key(event));
    assert_eq!(first.changes.len(), 1, "{:?}", first.changes);
    let second = patched(&first.payload, &patch("3")).unwrap();
    assert_eq!(key(&second.payload), key(event));
}

#[test]
fn errors_and_debug_output_show_nothing_of_the_event() {
    let repaired = patched(EVENT, r#"[{"op":"replace","path":"/traits/email","value":"ann@example.org"}]"#);
    assert!(!format!("{:?}", repaired.unwrap()).contains("exmaple"));
    let failed = patched(EVENT, r#"[{"op":"test","path":"/traits/email","value":"other"}]"#);
    assert_eq!(
        failed.unwrap_err().to_string(),
        "operation 1 of the patch is a test that found another value"
    );
}
