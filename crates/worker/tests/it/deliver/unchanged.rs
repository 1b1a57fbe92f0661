//! `ids_not_changed`: the affiliate is gone, has the values already, or a value is not accepted. The meaning of the list is
//! learned.

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

/// An account that reports an item as not changed if no value changes. Each affiliate is Ann Lee and has the values `held`.
fn reporting_unchanged_items(
    held: &[(&str, &str)],
) -> impl FnMut(usize, &'static str, &Value) -> Reply + Send + use<> {
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
async fn values_that_a_lookup_shows_count_as_sent() {
    let answers = |_, path: &str, _: &Value| match path {
        "edit" => Reply::batch(&[], &[1]),
        _ => Reply::Success(shown(1, "ann@x.test", "Ann", "ACTIVE")),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &[("first_name", "Ann")])]), answers).await;
    assert_eq!(delivered.operations(), ["edit", "edit", "get"]);
    assert_eq!(delivered.known(), [&edited(1, &[("first_name", "Ann")])]);
}

#[tokio::test]
async fn an_affiliate_that_is_not_found_is_gone() {
    let answers = |_, path: &str, _: &Value| match path {
        "edit" => Reply::batch(&[], &[1]),
        _ => Reply::refusal("Affiliate not found."),
    };
    let delivered = deliver_with(CallRequest::Edit(vec![edit(1, &[("city", "Bern")])]), answers).await;
    assert_eq!(delivered.operations(), ["edit", "edit", "get"]);
    assert_eq!(delivered.known(), [&Answer::Gone { id: 1 }]);
}

/// Refersion sometimes skips valid items.
#[tokio::test]
async fn unchanged_items_are_retried_once_in_one_batch() {
    let answers = |number, _: &str, _: &Value| match number {
        0 => Reply::batch(&[1], &[2, 3]),
        _ => Reply::batch(&[2, 3], &[]),
    };
    let delivered =
        deliver_with(CallRequest::Edit((1..=3).map(|n| edit(n, &[("city", "Bern")])).collect()), answers)
            .await;
    assert_eq!(delivered.operations(), ["edit", "edit"]);
    assert_eq!(ids(&delivered.requests[1].1), [2, 3]);
    for outcome in &delivered.outcomes {
        let n = outcome.anchor.0[0];
        assert_eq!(outcome.answers.last().map(|(_, answer)| answer), Some(&edited(n, &[("city", "Bern")])));
    }
}

/// Four affiliates have the sent values already; none of these can be read back. Probes with one affiliate show what the
/// list means.
#[tokio::test]
async fn unchanged_values_count_as_sent_after_one_lookup_of_each_affiliate() {
    let fields =
        [("city", "Bern"), ("phone", "17"), ("zip", "3000"), ("address1", "Gasse 1"), ("state", "BE")];
    let all = (1..=4).map(|n| edit(n, &fields)).collect();
    let delivered = deliver_with(CallRequest::Edit(all), reporting_unchanged_items(&fields)).await;
    for outcome in &delivered.outcomes {
        assert_eq!(outcome.answers, [(outcome.anchor, edited(outcome.anchor.0[0], &fields))]);
        assert!(outcome.failed.is_none());
    }
    // The batch twice, one lookup for each affiliate, and two probes of the list's meaning.
    assert_eq!(delivered.requests.len(), 2 + 4 + 2);
    let question = json!({ "affiliates": [{ "id": 1, "first_name": "Ann" }] });
    let requests = delivered.requests.iter().filter(|(_, body)| *body == question);
    assert_eq!(requests.count(), 2, "it is sent what it shows");
}

/// If the list means that a value was not accepted, the values are tried one by one.
#[tokio::test]
async fn a_refused_value_is_found_if_not_changed_means_a_refusal() {
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

/// A value that is visibly missing was not accepted, whatever the list means.
#[tokio::test]
async fn a_custom_field_that_a_lookup_does_not_show_is_refused() {
    let fields = [("city", "Bern"), ("custom:7", "gold")];
    let mut rows = reporting_unchanged_items(&[("city", "Bern")]);
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
