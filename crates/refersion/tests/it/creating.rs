//! Creates: the request, and the meaning of each answer.

use refersion::{AffiliateCode, AffiliateId, Class, Field, Signal, password};
use serde_json::json;

use crate::support::{FakeApi, answer, lost, new_affiliate};

const CREATED: &str = r#"{"id":"a3y7","link":"https://site.refersion.com/c/a3y7",
    "message":"The affiliate 37569297 has been created with the status of PENDING."}"#;
const ERROR_WITHOUT_FIELD: &str = r#"{"errors":["Value exceed the char limit"]}"#;

#[tokio::test]
async fn a_create_sends_the_documented_fields_and_no_others() {
    let api = FakeApi::new([answer(200, CREATED)]);
    let created = api.client().create(&new_affiliate()).await.unwrap();

    assert_eq!(created.code, AffiliateCode("a3y7".into()));
    assert_eq!(created.id, Some(AffiliateId(37_569_297)));
    let (path, mut body) = api.calls().remove(0);
    assert_eq!(path, "/v2/affiliate/new");
    let password = body.as_object_mut().unwrap().remove("password").unwrap();
    assert!(password::acceptable(password.as_str().unwrap(), "ann@x.com"));
    let expected = json!({
        "first_name": "Ann", "last_name": "Lee", "email": "ann@x.com", "status": "PENDING", "send_welcome": "FALSE",
        "offer": "1234", "unique_merchant_id": "97980cfea0067",
    });
    assert_eq!(body, expected);
    assert_eq!(api.signals(), [Signal::Success]);
}

#[tokio::test]
async fn a_refusal_that_names_no_field_is_retried_once_without_the_merchants_id() {
    let not_allowed = r#"{"errors":["x-1 is not a allowed value for field unique_merchant_id"]}"#;
    let taken = r#"{"errors":["The unique_merchant_id is taken by another Affiliate."]}"#;
    for refusal in [
        answer(204, ""),
        answer(422, ERROR_WITHOUT_FIELD),
        answer(422, not_allowed),
        answer(422, taken),
        answer(422, "<html>"),
    ] {
        let api = FakeApi::new([refusal, answer(200, CREATED)]);
        api.client().create(&new_affiliate()).await.unwrap();
        let calls = api.calls();
        assert_eq!(calls.len(), 2);
        assert!(calls[1].1.get("unique_merchant_id").is_none());
        assert_eq!(calls[1].1["email"], "ann@x.com");
        assert_eq!(api.signals().len(), 2, "each attempt passes the gate");
    }
}

#[tokio::test]
async fn a_second_refusal_is_returned() {
    let api = FakeApi::new([answer(204, ""), answer(422, r#"{"errors":["The Phone is wrong"]}"#)]);
    let failure = api.client().create(&new_affiliate()).await.unwrap_err();
    assert_eq!(failure.class, Class::Refused { field: Some(Field::Phone) });
}

#[tokio::test]
async fn a_create_is_sent_once_if_the_cause_is_named_or_the_outcome_is_unknown() {
    let taken = r#"{"errors":["The First Name field is required.","The email you have entered is taken by another Affiliate."]}"#;
    for (reply, class) in [
        (answer(422, taken), Class::EmailTaken),
        (
            answer(422, r#"{"errors":["ZZ is not a allowed value for field country"]}"#),
            refused(Field::Country),
        ),
        (answer(200, "<html>maintenance</html>"), Class::NoAnswer),
        (answer(200, r#"{"ok":true}"#), Class::NoAnswer),
        (answer(503, ""), Class::NoAnswer),
        (answer(401, r#"{"error":"Invalid API credentials (error 2)."}"#), Class::Credentials),
        (lost(), Class::NoAnswer),
    ] {
        let api = FakeApi::new([reply]);
        let failure = api.client().create(&new_affiliate()).await.unwrap_err();
        assert_eq!(failure.class, class);
        assert_eq!(api.calls().len(), 1);
    }
}

#[tokio::test]
async fn a_gate_that_closes_between_two_attempts_ends_the_call() {
    let api = FakeApi::new([answer(204, "")]);
    api.close_after(1);
    let failure = api.client().create(&new_affiliate()).await.unwrap_err();
    assert_eq!((failure.class, api.calls().len()), (Class::Closed, 1));
}

#[tokio::test]
async fn a_cancelled_call_reports_to_the_gate() {
    let api = FakeApi::new([]);
    let client = api.client();
    let new = new_affiliate();
    let mut call = Box::pin(client.create(&new));
    tokio::select! {
        biased;
        _ = &mut call => panic!("nobody answers"),
        () = tokio::task::yield_now() => {}
    }
    drop(call);
    assert_eq!(api.signals(), [Signal::Failure]);
}

#[tokio::test]
async fn messages_and_debug_output_are_short_and_without_secrets() {
    let page = format!("<html>sec_1 {}</html>", "x ".repeat(9_000));
    let api = FakeApi::new([answer(502, &page)]);
    let failure = api.client().create(&new_affiliate()).await.unwrap_err();
    assert!(failure.message.len() <= 500 && !failure.message.contains("sec_1"), "{}", failure.message);
    assert!(!format!("{failure:?} {failure} {:?}", new_affiliate()).contains("ann@x.com"));
}

fn refused(field: Field) -> Class {
    Class::Refused { field: Some(field) }
}
