//! `ids_not_changed`: the affiliate is gone, is as wanted, or a value is not taken. What the list means is learned.

use std::collections::BTreeMap;

use identity::answer::Answer;
use serde_json::{Value, json};
use worker::deliver::CallRequest;

use super::refersion::{Reply, deliver_with, edit, shown, texts};

fn edited(n: u8, fields: &[(&str, &str)]) -> Answer {
    Answer::Edited { id: n.into(), email: None, fields: texts(fields) }
}

fn items(body: &Value) -> Vec<Value> {
    body["affiliates"].as_array().cloned().unwrap_or_default()
}

fn ids(body: &Value) -> Vec<u64> {
    items(body).iter().filter_map(|item| item["id"].as_u64()).collect()
}

/// An account that counts rows: an item that changes nothing is not changed. Each affiliate is Ann Lee and holds `held`.
fn counts_rows(held: &[(&str, &str)]) -> impl FnMut(usize, &'static str, &Value) -> Reply + Send + use<> {
    let mut held: BTreeMap<String, String> =
        held.iter().map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect();
    held.insert("first_name".to_owned(), "Ann".to_owned());
    move |_, path, body| {
        if path == "get" {
            let id = u8::try_from(body["id"].as_u64().expect("an id")).expect("a small one");
            return Reply::Success(shown(id, "ann@x.test", "Ann", "ACTIVE"));
        }
        let is_new = |item: &Value| {
            let fields = item.as_object().expect("an item").iter().filter(|(field, _)| *field != "id");
            fields.into_iter().any(|(field, text)| held.get(field).map(String::as_str) != text.as_str())
        };
        let (changed, not): (Vec<Value>, Vec<Value>) = items(body).into_iter().partition(is_new);
        let id = |item: &Value| item["id"].as_u64().expect("an id");
        Reply::batch(&changed.iter().map(id).collect::<Vec<_>>(), &not.iter().map(id).collect::<Vec<_>>())
    }
}

#[tokio::test]
async fn values_that_are_shown_as_wanted_count_as_sent() {
    let answers = |_, path: &str, _: &Value| match path {
        "edit" => Reply::batch(&[], &[1]),
        _ => Reply::Success(shown(1, "ann@x.test", "Ann", "ACTIVE")),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &[("first_name", "Ann")])]), answers).await;
    assert_eq!(delivered.operations(), ["edit", "edit", "get"]);
    assert_eq!(delivered.known(), [&edited(1, &[("first_name", "Ann")])]);
}

#[tokio::test]
async fn what_is_not_found_is_gone() {
    let answers = |_, path: &str, _: &Value| match path {
        "edit" => Reply::batch(&[], &[1]),
        _ => Reply::refusal("Affiliate not found."),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &[("city", "Bern")])]), answers).await;
    assert_eq!(delivered.operations(), ["edit", "edit", "get"]);
    assert_eq!(delivered.known(), [&Answer::Gone { id: 1 }]);
}

/// Refersion leaves healthy items out now and then.
#[tokio::test]
async fn what_was_not_changed_is_tried_once_more_and_all_of_it_together() {
    let answers = |number, _: &str, _: &Value| match number {
        0 => Reply::batch(&[1], &[2, 3]),
        _ => Reply::batch(&[2, 3], &[]),
    };
    let delivered =
        deliver_with(CallRequest::Edit((1..=3).map(|n| edit(n, &[("city", "Bern")])).collect()), answers)
            .await;
    assert_eq!(delivered.operations(), ["edit", "edit"]);
    assert_eq!(ids(&delivered.asked[1].1), [2, 3]);
    for outcome in &delivered.outcomes {
        let n = outcome.anchor.0[0];
        assert_eq!(outcome.answers.last().map(|(_, answer)| answer), Some(&edited(n, &[("city", "Bern")])));
    }
}

/// Four affiliates hold the sent values; none of them can be read back. One lookup shows what the list means.
#[tokio::test]
async fn if_nothing_is_to_be_changed_everything_counts_as_sent_after_one_lookup() {
    let fields =
        [("city", "Bern"), ("phone", "17"), ("zip", "3000"), ("address1", "Gasse 1"), ("state", "BE")];
    let all = (1..=4).map(|n| edit(n, &fields)).collect();
    let delivered = deliver_with(CallRequest::Edit(all), counts_rows(&fields)).await;
    for outcome in &delivered.outcomes {
        assert_eq!(outcome.answers, [(outcome.anchor, edited(outcome.anchor.0[0], &fields))]);
        assert!(outcome.failed.is_none());
    }
    // The batch twice, one look for each, and the question, which is put twice.
    assert_eq!(delivered.asked.len(), 2 + 4 + 2);
    let question = json!({ "affiliates": [{ "id": 1, "first_name": "Ann" }] });
    let asked = delivered.asked.iter().filter(|(_, body)| *body == question);
    assert_eq!(asked.count(), 2, "it is sent what it shows");
}

/// Where the list means that something was not taken, the values are tried one by one.
#[tokio::test]
async fn where_the_list_means_a_refusal_the_refused_value_is_found() {
    let answers = |_, path: &str, body: &Value| match path {
        "get" => Reply::Success(shown(1, "ann@x.test", "Ann", "ACTIVE")),
        _ if items(body)[0].get("zip").is_some() => Reply::batch(&[], &[1]),
        _ => Reply::batch(&[1], &[]),
    };
    let delivered =
        deliver_with(CallRequest::Edit(vec![edit(1, &[("city", "Bern"), ("zip", "?")])]), answers).await;
    let known = delivered.known();
    assert!(known.contains(&&edited(1, &[("city", "Bern")])));
    let Some(Answer::Refused { causes, .. }) = known.last() else { panic!("a refusal: {known:?}") };
    assert_eq!(causes.keys().collect::<Vec<_>>(), ["zip"]);
}

/// What can be seen not to be there was not taken, whatever the list means.
#[tokio::test]
async fn a_custom_field_whose_value_is_nowhere_to_be_seen_was_not_taken() {
    let fields = [("city", "Bern"), ("custom:7", "gold")];
    let mut rows = counts_rows(&[("city", "Bern")]);
    let answers = move |number, path: &'static str, body: &Value| match items(body).first() {
        Some(item) if item.get("custom_fields").is_some() => Reply::batch(&[], &[1]),
        _ => rows(number, path, body),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &fields)]), answers).await;
    let known = delivered.known();
    assert!(known.contains(&&edited(1, &[("city", "Bern")])), "{known:?}");
    let Some(Answer::Refused { causes, .. }) = known.last() else { panic!("a refusal: {known:?}") };
    assert_eq!(causes.keys().collect::<Vec<_>>(), ["custom:7"]);
}
