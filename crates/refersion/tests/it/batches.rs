//! Edits and status changes, which go in batches and succeed in parts.

use std::collections::BTreeMap;

use refersion::{AffiliateId, Class, Edit, Field, MAX_BATCH, Status, Verdict};
use serde_json::json;

use crate::support::{Stage, answer, lost, moved};

#[tokio::test]
async fn an_edit_names_fields_and_custom_fields_as_the_api_does() {
    let stage = Stage::new([answer(200, r#"{"ids_changed":[7],"ids_not_changed":[8]}"#)]);
    let custom = Edit {
        id: AffiliateId(8),
        fields: BTreeMap::new(),
        custom_fields: [(22, "true".to_owned()), (1234, String::new())].into(),
    };
    let batch = stage.client().edit(&[moved(7), custom]).await.unwrap();

    let body = json!({ "affiliates": [
        { "id": 7, "city": "Bern" },
        { "id": 8, "custom_fields": [{ "22": "true" }, { "1234": "" }] },
    ]});
    assert_eq!(stage.calls(), [("/v2/affiliate/edit", body)]);
    assert_eq!(batch.changed, [AffiliateId(7)].into());
    assert_eq!(batch.not_changed, [AffiliateId(8)].into());
}

#[tokio::test]
async fn an_affiliate_that_the_answer_forgets_counts_as_not_changed() {
    let stage = Stage::new([answer(200, r#"{"ids_changed":[1]}"#)]);
    let ids = [1, 2].map(AffiliateId);
    let batch = stage.client().change_status(&ids, Status::Disabled).await.unwrap();
    assert_eq!(
        stage.calls(),
        [("/v2/affiliate/status_change", json!({ "ids": [1, 2], "status": "DISABLED" }))]
    );
    assert_eq!(batch.not_changed, [AffiliateId(2)].into());
}

#[tokio::test]
async fn a_batch_that_is_too_long_or_empty_makes_no_call() {
    let stage = Stage::new([]);
    let too_many: Vec<Edit> = (0..=MAX_BATCH as u64).map(moved).collect();
    assert_eq!(stage.client().edit(&too_many).await.unwrap_err().class, Class::TooMany);
    assert!(stage.client().edit(&[]).await.unwrap().changed.is_empty());
    let pending = stage.client().change_status(&[AffiliateId(1)], Status::Pending).await;
    assert_eq!(pending.unwrap_err().class, Class::Request);
    assert!(stage.calls().is_empty());
}

#[tokio::test]
async fn the_outcome_of_a_lost_or_unreadable_batch_is_not_known() {
    for reply in [lost(), answer(200, "<html>"), answer(200, "{}"), answer(500, ""), answer(504, "<html>")] {
        let stage = Stage::new([reply]);
        let failure = stage.client().edit(&[moved(1), moved(2)]).await.unwrap_err();
        assert_eq!(failure.class, Class::NoAnswer);
        assert_eq!(stage.verdicts(), [Verdict::Unwell]);
    }
}

#[tokio::test]
async fn one_unknown_affiliate_alone_is_not_changed_but_spoils_a_batch() {
    let not_found = || answer(422, r#"{"errors":["Affiliate not found."]}"#);
    let stage = Stage::new([not_found(), not_found()]);
    let batch = stage.client().edit(&[moved(1)]).await.unwrap();
    assert_eq!(batch.not_changed, [AffiliateId(1)].into());
    let failure = stage.client().edit(&[moved(1), moved(2)]).await.unwrap_err();
    assert_eq!(failure.class, Class::Refused { field: None });
}

#[tokio::test]
async fn the_words_of_a_refusal_decide_its_class() {
    for (text, class) in [
        ("The email you have entered is taken by another Affiliate.", Class::EmailTaken),
        ("ZZ is not a allowed value for field country", Class::Refused { field: Some(Field::Country) }),
        ("Your account plan does not support this feature (error 1).", Class::Request),
        ("something new", Class::Refused { field: None }),
    ] {
        let stage = Stage::new([answer(422, &json!({ "errors": [text] }).to_string())]);
        let failure = stage.client().edit(&[moved(1), moved(2)]).await.unwrap_err();
        assert_eq!(failure.class, class, "{text}");
        assert_eq!(failure.message, text);
        assert_eq!(stage.verdicts(), [Verdict::OtherwiseAnswered]);
    }
}
