//! Edits and status changes: batches that may succeed in part.

use std::collections::BTreeMap;

use refersion::{AffiliateId, Class, Edit, Field, MAX_BATCH, Signal, Status};
use serde_json::json;

use crate::support::{FakeApi, answer, city_edit, lost};

#[tokio::test]
async fn an_edit_names_fields_and_custom_fields_as_the_api_does() {
    let api = FakeApi::new([answer(200, r#"{"ids_changed":[7],"ids_not_changed":[8]}"#)]);
    let custom = Edit {
        id: AffiliateId(8),
        fields: BTreeMap::new(),
        custom_fields: [(22, "true".to_owned()), (1234, String::new())].into(),
    };
    let batch = api.client().edit(&[city_edit(7), custom]).await.unwrap();

    let body = json!({ "affiliates": [
        { "id": 7, "city": "Bern" },
        { "id": 8, "custom_fields": [{ "22": "true" }, { "1234": "" }] },
    ]});
    assert_eq!(api.calls(), [("/v2/affiliate/edit", body)]);
    assert_eq!(batch.changed, [AffiliateId(7)].into());
    assert_eq!(batch.not_changed, [AffiliateId(8)].into());
}

#[tokio::test]
async fn an_affiliate_that_the_answer_omits_counts_as_not_changed() {
    let api = FakeApi::new([answer(200, r#"{"ids_changed":[1]}"#)]);
    let ids = [1, 2].map(AffiliateId);
    let batch = api.client().change_status(&ids, Status::Disabled).await.unwrap();
    assert_eq!(
        api.calls(),
        [("/v2/affiliate/status_change", json!({ "ids": [1, 2], "status": "DISABLED" }))]
    );
    assert_eq!(batch.not_changed, [AffiliateId(2)].into());
}

#[tokio::test]
async fn a_batch_that_is_too_long_or_empty_makes_no_call() {
    let api = FakeApi::new([]);
    let too_many: Vec<Edit> = (0..=MAX_BATCH as u64).map(city_edit).collect();
    assert_eq!(api.client().edit(&too_many).await.unwrap_err().class, Class::TooMany);
    assert!(api.client().edit(&[]).await.unwrap().changed.is_empty());
    let pending = api.client().change_status(&[AffiliateId(1)], Status::Pending).await;
    assert_eq!(pending.unwrap_err().class, Class::Request);
    assert!(api.calls().is_empty());
}

#[tokio::test]
async fn the_outcome_of_a_lost_or_unreadable_batch_is_unknown() {
    for reply in [lost(), answer(200, "<html>"), answer(200, "{}"), answer(500, ""), answer(504, "<html>")] {
        let api = FakeApi::new([reply]);
        let failure = api.client().edit(&[city_edit(1), city_edit(2)]).await.unwrap_err();
        assert_eq!(failure.class, Class::NoAnswer);
        assert_eq!(api.signals(), [Signal::Failure]);
    }
}

#[tokio::test]
async fn an_unknown_affiliate_is_not_changed_by_itself_and_refused_in_a_batch() {
    let not_found = || answer(422, r#"{"errors":["Affiliate not found."]}"#);
    let api = FakeApi::new([not_found(), not_found()]);
    let batch = api.client().edit(&[city_edit(1)]).await.unwrap();
    assert_eq!(batch.not_changed, [AffiliateId(1)].into());
    let failure = api.client().edit(&[city_edit(1), city_edit(2)]).await.unwrap_err();
    assert_eq!(failure.class, Class::Refused { field: None });
}

#[tokio::test]
async fn the_text_of_a_refusal_decides_its_class() {
    for (text, class) in [
        ("The email you have entered is taken by another Affiliate.", Class::EmailTaken),
        ("ZZ is not a allowed value for field country", Class::Refused { field: Some(Field::Country) }),
        ("Your account plan does not support this feature (error 1).", Class::Request),
        ("something new", Class::Refused { field: None }),
    ] {
        let api = FakeApi::new([answer(422, &json!({ "errors": [text] }).to_string())]);
        let failure = api.client().edit(&[city_edit(1), city_edit(2)]).await.unwrap_err();
        assert_eq!(failure.class, class, "{text}");
        assert_eq!(failure.message, text);
        assert_eq!(api.signals(), [Signal::Rejected]);
    }
}
