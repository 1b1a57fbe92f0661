//! Properties of repairs, over events and patches of any shape.

use proptest::prelude::*;
use repair::{Patch, RepairError, Rules};
use serde_json::{Value, json};

use crate::{patched, received_at};

const LOCKED: [&str; 6] = ["userId", "anonymousId", "messageId", "timestamp", "receivedAt", "sentAt"];

fn value() -> impl Strategy<Value = Value> {
    let single = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from)
    ];
    single.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab~/]{1,2}", inner, 0..3).prop_map(|it| json!(it)),
        ]
    })
}

fn event() -> impl Strategy<Value = Value> {
    let id = prop::option::of("[a-z]{1,3}");
    (id.clone(), id.clone(), id, value(), value()).prop_map(|(user, anonymous, message, one, two)| {
        let mut event = json!({"type": "identify", "traits": {"email": "a@b.c", "a": one}, "b": two});
        for (key, id) in [("userId", user), ("anonymousId", anonymous), ("messageId", message)] {
            event.as_object_mut().unwrap().extend(id.map(|id| (key.to_owned(), id.into())));
        }
        event
    })
}

fn path() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "",
        "/traits",
        "/traits/a",
        "/traits/a/0",
        "/traits/a/a",
        "/traits/email",
        "/b",
        "/b/-",
        "/b/a",
        "/userId",
        "/user_id",
        "/anonymousId",
        "/messageId",
        "/timestamp",
        "/receivedAt",
        "/sentAt",
        "/type",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => "(/[ab~01-]{0,2}){0,3}"]
}

fn patch() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test"]);
    let operation = (op, path(), path(), value());
    let one = operation
        .prop_map(|(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}));
    prop::collection::vec(one, 1..4).prop_map(Value::from)
}

fn parsed(payload: &str) -> Value {
    serde_json::from_str(payload).unwrap()
}

/// The patch that reverses the changes.
fn undo(changes: &[repair::Change]) -> String {
    let operation = |change: &repair::Change| match (&change.before, &change.after) {
        (Some(before), None) => format!(r#"{{"op":"add","path":{},"value":{before}}}"#, json!(change.path)),
        (None, _) => format!(r#"{{"op":"remove","path":{}}}"#, json!(change.path)),
        (Some(before), _) => format!(r#"{{"op":"replace","path":{},"value":{before}}}"#, json!(change.path)),
    };
    format!("[{}]", changes.iter().map(operation).collect::<Vec<_>>().join(","))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// No patch changes ids, times and the message key.
    #[test]
    fn no_patch_changes_a_locked_field(event in event(), patch in patch()) {
        let before = event.to_string();
        if let Ok(repaired) = patched(&before, &patch.to_string()) {
            let after = parsed(&repaired.payload);
            for field in LOCKED {
                let is_added_key = field == "messageId" && event.get(field).is_none();
                prop_assert!(is_added_key || event.get(field) == after.get(field), "{field}: {}", repaired.payload);
            }
            let read = |json: &str| segment::read(json.as_bytes(), received_at()).unwrap();
            let (one, two) = (read(&before), read(&repaired.payload));
            prop_assert_eq!(one.message_key, two.message_key);
        }
    }

    /// All operations are applied or none: nothing is returned if the last one fails, whatever the others did.
    #[test]
    fn an_operation_that_fails_makes_the_whole_patch_fail(event in event(), patch in patch()) {
        let before = event.to_string();
        let mut failing = patch.clone();
        failing.as_array_mut().unwrap().push(json!({"op": "test", "path": "/type", "value": "none"}));
        prop_assert!(patched(&before, &failing.to_string()).is_err());
    }

    /// The diff is complete: reversing it restores the former version.
    #[test]
    fn a_diff_leads_back(event in event(), patch in patch()) {
        let before = event.to_string();
        if let Ok(repaired) = patched(&before, &patch.to_string()) {
            let back = Patch::parse(&undo(&repaired.changes)).unwrap();
            let back = repair::patch(&repaired.payload, &back, received_at(), &Rules::default()).unwrap();
            let mut restored = parsed(&back.payload);
            if event.get("messageId").is_none() {
                restored.as_object_mut().unwrap().remove("messageId");
            }
            prop_assert_eq!(restored, event);
        }
    }

    /// Numbers that a patch adds, or does not touch, stay as they are written.
    #[test]
    fn numbers_are_exact(kept in "-?[1-9][0-9]{0,40}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", new in "-?[1-9][0-9]{0,40}") {
        let event = format!(r#"{{"type":"identify","userId":"u","messageId":"m","traits":{{"kept":{kept}}}}}"#);
        let repaired = patched(&event, &format!(r#"[{{"op":"add","path":"/traits/new","value":{new}}}]"#)).unwrap();
        let expected = format!(r#"{{"type":"identify","userId":"u","messageId":"m","traits":{{"kept":{kept},"new":{new}}}}}"#);
        prop_assert_eq!(repaired.payload, expected);
    }

    /// The text for an editor is the same event.
    #[test]
    fn a_text_for_an_editor_is_the_same_event(event in event()) {
        let before = event.to_string();
        let pretty = repair::pretty(&before);
        prop_assert_eq!(parsed(&pretty), event);
        let unchanged = matches!(crate::edited(&before, &pretty), Err(RepairError::Unchanged));
        prop_assert!(unchanged);
    }

    #[test]
    fn any_texts_do_no_harm(payload in ".{0,40}", patch in ".{0,40}") {
        drop(patched(&payload, &patch));
        drop(crate::edited(&payload, &patch));
        drop(repair::diff(&payload, &patch));
    }
}
