//! Scrubs: fields that Refersion refuses are left out and named, all others are overwritten.

use identity::answer::Answer;
use serde_json::{Value, json};
use worker::deliver::{CallRequest, Edit};

use super::refersion::{Delivered, Reply, deliver_with, edit, shown};

const FIELDS: [(&str, &str); 5] =
    [("city", ""), ("country", ""), ("first_name", ""), ("last_name", ""), ("paypal_email", "")];

fn scrub() -> Edit {
    Edit { scrub: true, ..edit(1, &FIELDS) }
}

/// The fields that were overwritten, and those that were not.
fn scrubbed(delivered: &Delivered) -> (Vec<String>, Vec<String>) {
    let known = delivered.known();
    let Some(Answer::Scrubbed { id: 1, fields, kept }) = known.last() else { panic!("a scrub: {known:?}") };
    let names = |keys: Vec<&identity::Text>| keys.into_iter().map(ToString::to_string).collect();
    (names(fields.keys().collect()), names(kept.keys().collect()))
}

#[tokio::test]
async fn a_scrub_replaces_personal_data_and_leaves_out_fields_that_refersion_never_clears() {
    let answers = |_, _: &str, _: &Value| Reply::batch(&[1], &[]);
    let delivered = deliver_with(CallRequest::Edit(vec![scrub()]), answers).await;
    let sent = json!({ "affiliates": [{
        "id": 1, "city": "", "first_name": "Deleted", "last_name": "Deleted", "email": "deleted-1@gone.test",
        "paypal_email": "deleted-1@gone.test",
    }] });
    assert_eq!(delivered.requests, [("edit", sent)]);
    let overwritten = ["city", "first_name", "last_name", "paypal_email"].map(str::to_owned).to_vec();
    assert_eq!(scrubbed(&delivered), (overwritten, vec!["country".to_owned()]));
}

#[tokio::test]
async fn refused_fields_are_left_out_one_by_one_and_the_rest_is_overwritten() {
    let answers = |_, _: &str, body: &Value| {
        let item = &body["affiliates"][0];
        if item.get("paypal_email").is_some() {
            return Reply::refusal("x is not a allowed value for field paypal_email");
        }
        if item["email"].is_string() {
            return Reply::refusal("The email you have entered is taken by another Affiliate.");
        }
        Reply::batch(&[1], &[])
    };
    let delivered = deliver_with(CallRequest::Edit(vec![scrub()]), answers).await;
    assert_eq!(delivered.operations(), ["edit", "edit", "edit"]);
    let overwritten = ["city", "first_name", "last_name"].map(str::to_owned).to_vec();
    let kept = ["country", "email", "paypal_email"].map(str::to_owned).to_vec();
    assert_eq!(scrubbed(&delivered), (overwritten, kept));
}

#[tokio::test]
async fn a_refusal_that_names_no_field_leaves_out_only_the_bad_one() {
    let answers = |_, _: &str, body: &Value| match body["affiliates"][0].get("city") {
        Some(_) => Reply::refusal("Value exceed the char limit"),
        None => Reply::batch(&[1], &[]),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![scrub()]), answers).await;
    let kept = ["city", "country"].map(str::to_owned).to_vec();
    assert_eq!(scrubbed(&delivered).1, kept);
}

/// The first scrub took effect and its answer was lost; the account reports an affiliate as not changed if no value
/// changes.
#[tokio::test]
async fn a_scrub_that_changes_nothing_is_done() {
    let nobody = json!({
        "id": 1, "offer_id": "1", "status": "DISABLED", "first_name": "Deleted", "last_name": "Deleted",
        "company_name": "", "email": "deleted-1@gone.test", "link": "https://x.test/c/abc", "custom_fields": [],
    });
    let answers = move |_, path: &str, _: &Value| match path {
        "get" => Reply::Success(nobody.clone()),
        _ => Reply::batch(&[], &[1]),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![scrub()]), answers).await;
    assert_eq!(scrubbed(&delivered).1, ["country"]);
}

#[tokio::test]
async fn a_scrub_that_cannot_be_sent_is_tried_again() {
    let answers = |number, path: &str, _: &Value| match (number, path) {
        (0, _) => Reply::refusal("x is not a allowed value for field city"),
        (_, "get") => Reply::Success(shown(1, "ann@x.test", "Ann", "DISABLED")),
        _ => Reply::Throttles(7),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![scrub()]), answers).await;
    assert_eq!(delivered.class(), Some("throttled"));
    assert!(delivered.known().is_empty());
}
