//! Edits: the meaning of "not changed", the items and fields that a refusal concerns, and the holder of a taken address.

use std::collections::BTreeMap;

use identity::Map;
use identity::answer::{Answer, Cause};
use serde_json::{Value, json};
use worker::deliver::{CallRequest, Edit};

use super::refersion::{Delivered, Reply, anchor, deliver_with, edit, shown, texts};

const UNNAMED: &str = "Value exceed the char limit";

fn edited(n: u8, fields: &[(&str, &str)]) -> Answer {
    Answer::Edited { id: n.into(), email: None, fields: texts(fields) }
}

fn refused_fields(answer: &Answer) -> BTreeMap<String, Cause> {
    match answer {
        Answer::Refused { causes, .. } => {
            causes.iter().map(|(field, cause)| (field.to_string(), cause.clone())).collect()
        }
        other => panic!("not a refusal: {other:?}"),
    }
}

fn ids(body: &Value) -> Vec<u64> {
    body["affiliates"].as_array().expect("a batch").iter().filter_map(|item| item["id"].as_u64()).collect()
}

/// Refersion sometimes skips a valid item. While the refused field is searched for, that must not count as a refusal.
#[tokio::test]
async fn a_part_that_refersion_skips_is_retried_before_a_field_counts_as_refused() {
    let answers = |number: usize, _: &str, _: &Value| match number {
        // The whole edit is refused, then its first half is skipped once.
        0 => Reply::refusal(UNNAMED),
        1 => Reply::batch(&[], &[1]),
        2 => Reply::batch(&[1], &[]),
        _ => Reply::refusal(UNNAMED),
    };
    let fields = [("city", "Bern"), ("phone", "far too long")];
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &fields)]), answers).await;
    let known = delivered.known();
    assert_eq!(known[0], &edited(1, &[("city", "Bern")]));
    assert_eq!(refused_fields(known[1]).keys().collect::<Vec<_>>(), ["phone"]);
    assert_eq!(delivered.requests[1].1, delivered.requests[2].1, "the same part, once more");
}

#[tokio::test]
async fn only_the_bad_items_of_a_refused_batch_are_refused() {
    let answers = |_, _: &str, body: &Value| {
        let ids = ids(body);
        if ids.iter().any(|id| [7, 30].contains(id)) {
            return Reply::refusal("x is not a allowed value for field country");
        }
        Reply::batch(&ids, &[])
    };
    let items = (1..=50).map(|n| edit(n, &[("country", "x")])).collect();
    let Delivered { outcomes, requests } = deliver_with(CallRequest::Edit(items), answers).await;
    let mut bad: Vec<u64> = Vec::new();
    for outcome in &outcomes {
        let [(whose, answer)] = outcome.answers.as_slice() else { panic!("one answer each: {outcome:?}") };
        match answer {
            Answer::Edited { .. } => {}
            other => {
                assert_eq!(refused_fields(other).keys().collect::<Vec<_>>(), ["country"]);
                bad.push(whose.0[0].into());
            }
        }
    }
    assert_eq!((outcomes.len(), bad), (50, vec![7, 30]));
    // Two paths of a binary tree over 50, with the halves beside them.
    assert!(requests.len() <= 1 + 2 * 2 * 6, "{} calls", requests.len());
}

#[tokio::test]
async fn only_the_bad_fields_of_a_refused_affiliate_are_refused_and_the_others_are_sent() {
    let answers = |_, _: &str, body: &Value| match body["affiliates"][0].get("zip") {
        Some(_) => Reply::refusal(UNNAMED),
        None => Reply::batch(&[1], &[]),
    };
    let fields =
        [("city", "Bern"), ("company", "Acme"), ("phone", "1"), ("state", "BE"), ("zip", "too long")];
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &fields)]), answers).await;
    let known = delivered.known();
    assert_eq!(known[0], &edited(1, &fields[..4]));
    let refused = refused_fields(known[1]);
    assert_eq!(refused.keys().collect::<Vec<_>>(), ["zip"]);
    assert_eq!(refused["zip"].message, UNNAMED, "the reason is Refersion's own");
}

#[tokio::test]
async fn a_refusal_that_names_a_field_needs_no_search_and_its_message_omits_the_value() {
    let answers = |_, _: &str, _: &Value| Reply::refusal("Narnia is not a allowed value for field country");
    let fields = [("city", "Bern"), ("country", "Narnia")];
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &fields)]), answers).await;
    assert_eq!(delivered.operations(), ["edit"]);
    let refused = refused_fields(delivered.known()[0]);
    assert_eq!(refused["country"].message, "… is not a allowed value for field country");
}

#[tokio::test]
async fn the_failure_message_of_a_batch_contains_no_values_of_its_affiliates() {
    let answers = |_, _: &str, body: &Value| Reply::Refuses(500, body.clone());
    let items = vec![edit(1, &[("city", "Narnia")]), edit(2, &[("city", "Bern")])];
    let delivered = deliver_with(CallRequest::Edit(items), answers).await;
    assert_eq!(delivered.operations(), ["edit"]);
    for outcome in &delivered.outcomes {
        let message = &outcome.failed.as_ref().expect("it failed").cause.message;
        assert!(!message.is_empty() && !message.contains("Narnia") && !message.contains("Bern"), "{message}");
    }
}

fn email_change() -> Edit {
    Edit { email: Some((anchor(9), "new@x.test".to_owned())), ..edit(1, &[]) }
}

#[tokio::test]
async fn a_taken_address_is_attributed_to_the_affiliate_that_has_it() {
    let answers = |_, path: &str, _: &Value| match path {
        "edit" => Reply::refusal("The email you have entered is taken by another Affiliate."),
        "search" => {
            Reply::Success(json!({ "total": 1, "results": [{ "id": "abc", "email": "new@x.test" }] }))
        }
        _ => Reply::Success(shown(5, "new@x.test", "Cy", "ACTIVE")),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![email_change()]), answers).await;
    assert_eq!(delivered.operations(), ["edit", "search", "get"]);
    let [(whose, Answer::Found(found))] = delivered.outcomes[0].answers.as_slice() else { panic!("found") };
    assert_eq!((*whose, found.id), (anchor(9), 5));
}

#[tokio::test]
async fn an_address_that_the_affiliate_already_has_counts_as_sent() {
    let answers = |_, path: &str, _: &Value| match path {
        "edit" => Reply::refusal("The email you have entered is taken by another Affiliate."),
        "search" => {
            Reply::Success(json!({ "total": 1, "results": [{ "id": "abc", "email": "new@x.test" }] }))
        }
        _ => Reply::Success(shown(1, "new@x.test", "Ann", "ACTIVE")),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![email_change()]), answers).await;
    let sent = Answer::Edited { id: 1, email: Some(anchor(9)), fields: Map::new() };
    assert_eq!(delivered.known(), [&sent]);
}
