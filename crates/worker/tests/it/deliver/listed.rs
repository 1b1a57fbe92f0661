//! Searches for affiliates of which the directory has a code.

use identity::answer::Answer;
use serde_json::{Value, json};
use worker::deliver::{CallRequest, Search};

use super::refersion::{Reply, anchor, deliver_with, shown};

fn listed() -> CallRequest {
    let (anchor, email) = (anchor(1), "ann@x.test".to_owned());
    CallRequest::Search(Search { anchor, email, code: Some("a3y7".into()) })
}

#[tokio::test]
async fn a_listed_affiliate_is_found_by_one_call() {
    let answers = |_, _: &str, _: &Value| Reply::Success(shown(7, "Ann@x.test", "Ann", "ACTIVE"));
    let delivered = deliver_with(listed(), answers).await;
    assert_eq!(delivered.operations(), ["get"]);
    assert!(matches!(delivered.known()[..], [Answer::Found(found)] if found.id == 7));
}

/// The affiliate was deleted in Refersion, or has another address now: the address decides.
#[tokio::test]
async fn an_outdated_code_leads_to_a_search() {
    for is_gone in [true, false] {
        let answers = move |_, path: &str, body: &Value| match path {
            "get" if body["affiliate_code"] == "b4z8" => {
                Reply::Success(shown(8, "ann@x.test", "Ann", "ACTIVE"))
            }
            "get" if is_gone => Reply::refusal("Affiliate not found."),
            "get" => Reply::Success(shown(7, "bo@x.test", "Bo", "ACTIVE")),
            _ => Reply::Success(json!({ "total": 1, "results": [{ "id": "b4z8", "email": "ann@x.test" }] })),
        };
        let delivered = deliver_with(listed(), answers).await;
        assert_eq!(delivered.operations(), ["get", "search", "get"]);
        assert!(matches!(delivered.known()[..], [Answer::Found(found)] if found.id == 8));
    }
}
