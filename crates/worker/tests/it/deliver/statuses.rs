//! Status changes: the meaning of "not changed".

use identity::answer::Answer;
use identity::graph::Status;
use serde_json::Value;

use super::refersion::{Reply, deliver_with, disable, shown};

fn is_disabled(id: u64) -> Answer {
    Answer::StatusIs { id, status: Status::Disabled }
}

#[tokio::test]
async fn a_status_that_was_set_before_counts_as_set() {
    let answers = |_, path: &str, body: &Value| match (path, body["id"].as_u64()) {
        ("status_change", _) => Reply::batch(&[1], &[2, 3]),
        (_, Some(2)) => Reply::Success(shown(2, "bo@x.test", "Bo", "DISABLED")),
        _ => Reply::refusal("Affiliate not found."),
    };
    let delivered = deliver_with(disable(&[1, 2, 3]), answers).await;
    assert_eq!(delivered.operations(), ["status_change", "get", "get"]);
    let known: Vec<&Answer> =
        delivered.outcomes.iter().flat_map(|outcome| &outcome.answers).map(|(_, answer)| answer).collect();
    assert_eq!(known, [&is_disabled(1), &is_disabled(2), &Answer::Gone { id: 3 }]);
}

#[tokio::test]
async fn an_unchanged_status_is_retried_once() {
    let answers = |number, path: &str, _: &Value| match (number, path) {
        (0, _) => Reply::batch(&[], &[1]),
        (_, "get") => Reply::Success(shown(1, "ann@x.test", "Ann", "ACTIVE")),
        _ => Reply::batch(&[1], &[]),
    };
    let delivered = deliver_with(disable(&[1]), answers).await;
    assert_eq!(delivered.operations(), ["status_change", "get", "status_change"]);
    assert_eq!(delivered.known(), [&is_disabled(1)]);
}

/// A delete is not given up: the status is not known, and the change is tried again later.
#[tokio::test]
async fn a_status_that_stays_unchanged_after_a_retry_fails_and_is_unknown() {
    for status in ["ACTIVE", "ARCHIVED"] {
        let answers = |_, path: &str, _: &Value| match path {
            "get" => Reply::Success(shown(1, "ann@x.test", "Ann", status)),
            _ => Reply::batch(&[], &[1]),
        };
        let delivered = deliver_with(disable(&[1]), answers).await;
        assert_eq!(delivered.operations(), ["status_change", "get", "status_change"]);
        assert_eq!(delivered.known(), [&Answer::StatusUnknown { id: 1 }]);
        assert_eq!(delivered.class(), Some("refused"));
    }
}

#[tokio::test]
async fn a_refused_batch_of_status_changes_is_split_until_the_bad_one_is_alone() {
    let answers = |_, _: &str, body: &Value| {
        let ids: Vec<u64> = body["ids"].as_array().expect("ids").iter().filter_map(Value::as_u64).collect();
        if ids.contains(&3) { Reply::refusal("Affiliate not allowed") } else { Reply::batch(&ids, &[]) }
    };
    let delivered = deliver_with(disable(&[1, 2, 3, 4]), answers).await;
    let failed: Vec<u8> = delivered
        .outcomes
        .iter()
        .filter(|outcome| outcome.failed.is_some())
        .map(|outcome| outcome.anchor.0[0])
        .collect();
    assert_eq!((delivered.outcomes.len(), failed), (4, vec![3]));
}
