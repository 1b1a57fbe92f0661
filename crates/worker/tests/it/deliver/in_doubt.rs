//! Values that may have taken effect are unknown, so a value that flips back is sent again.

use identity::answer::Answer;
use serde_json::Value;
use worker::deliver::{CallRequest, Edit, unknown};

use super::refersion::{Reply, deliver_with, disable, edit, shown};

fn unknown_fields(fields: &[&str]) -> Answer {
    let fields = fields.iter().map(|field| (*field).into()).collect();
    Answer::EditUnknown { id: 1, email: false, fields }
}

#[tokio::test]
async fn an_edit_without_an_answer_leaves_its_fields_unknown() {
    let fields = [("city", "Bern"), ("custom:101", "true")];
    let delivered =
        deliver_with(CallRequest::Edit(vec![edit(1, &fields)]), |_, _, _: &Value| Reply::Lost).await;
    assert_eq!(delivered.known(), [&unknown_fields(&["city", "custom:101"])]);
    assert_eq!(delivered.class(), Some("no_answer"));
}

/// A scrub sets an address that belongs to nobody, so without an answer the address is unknown too.
#[tokio::test]
async fn a_scrub_without_an_answer_leaves_the_address_unknown() {
    let scrub = Edit { scrub: true, ..edit(1, &[("city", "")]) };
    let delivered = deliver_with(CallRequest::Edit(vec![scrub]), |_, _, _: &Value| Reply::Lost).await;
    let unknown = Answer::EditUnknown { id: 1, email: true, fields: vec!["city".into()] };
    assert_eq!(delivered.known(), [&unknown]);
}

/// "Not changed" may be wrong, and only a lookup could show that.
#[tokio::test]
async fn an_edit_whose_lookup_fails_leaves_its_fields_unknown() {
    let answers = |_, path: &str, _: &Value| match path {
        "edit" => Reply::batch(&[], &[1]),
        _ => Reply::Throttles(7),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &[("city", "Bern")])]), answers).await;
    assert_eq!(delivered.known(), [&unknown_fields(&["city"])]);
    assert_eq!(delivered.class(), Some("throttled"));
}

#[tokio::test]
async fn an_edit_whose_second_try_fails_leaves_its_fields_unknown() {
    let answers = |number, path: &str, _: &Value| match (number, path) {
        (0, _) => Reply::batch(&[], &[1]),
        (_, "get") => Reply::Success(shown(1, "ann@x.test", "Ann", "ACTIVE")),
        _ => Reply::Throttles(7),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &[("city", "Bern")])]), answers).await;
    assert_eq!(delivered.known(), [&unknown_fields(&["city"])]);
}

/// Parts were sent before the search for the bad field failed.
#[tokio::test]
async fn a_search_for_the_bad_field_that_fails_leaves_the_fields_unknown() {
    let answers = |number, _: &str, _: &Value| match number {
        0 => Reply::refusal("Value exceed the char limit"),
        1 => Reply::batch(&[1], &[]),
        _ => Reply::Throttles(7),
    };
    let fields = [("city", "Bern"), ("custom:101", "true")];
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &fields)]), answers).await;
    assert_eq!(delivered.known(), [&unknown_fields(&["city", "custom:101"])]);
    assert_eq!(delivered.class(), Some("throttled"));
}

#[tokio::test]
async fn a_status_change_whose_lookup_fails_leaves_the_status_unknown() {
    let answers = |_, path: &str, _: &Value| match path {
        "status_change" => Reply::batch(&[], &[1]),
        _ => Reply::Throttles(7),
    };
    let delivered = deliver_with(disable(&[1]), answers).await;
    assert_eq!(delivered.known(), [&Answer::StatusUnknown { id: 1 }]);
}

/// A throttled call had no effect.
#[tokio::test]
async fn a_throttled_edit_changes_no_known_values() {
    let request = CallRequest::Edit(vec![edit(1, &[("city", "Bern")])]);
    let delivered = deliver_with(request, |_, _, _: &Value| Reply::Throttles(7)).await;
    assert_eq!(delivered.known(), Vec::<&Answer>::new());
    assert_eq!(delivered.class(), Some("throttled"));
}

/// The form in which the ledger records a call, for the lease holder that has to settle it.
#[test]
fn an_open_scrub_names_the_address() {
    let scrub = CallRequest::Edit(vec![Edit { scrub: true, ..edit(1, &[]) }]);
    let email = Answer::EditUnknown { id: 1, email: true, fields: Vec::new() };
    assert_eq!(unknown(scrub.operation(), &scrub.written()[0]), Some(email));
}
