//! Creating affiliates: what is sent, and what each answer means.

use refersion::{AffiliateCode, AffiliateId, Class, Field, Verdict, password};
use serde_json::json;

use crate::support::{Stage, ann, answer, lost};

const CREATED: &str = r#"{"id":"a3y7","link":"https://site.refersion.com/c/a3y7",
    "message":"The affiliate 37569297 has been created with the status of PENDING."}"#;
const VAGUE: &str = r#"{"errors":["Value exceed the char limit"]}"#;

#[tokio::test]
async fn a_create_says_what_the_documentation_asks_for_and_nothing_else() {
    let stage = Stage::new([answer(200, CREATED)]);
    let created = stage.client().create(&ann()).await.unwrap();

    assert_eq!(created.code, AffiliateCode("a3y7".into()));
    assert_eq!(created.id, Some(AffiliateId(37_569_297)));
    let (path, mut body) = stage.calls().remove(0);
    assert_eq!(path, "/v2/affiliate/new");
    let password = body.as_object_mut().unwrap().remove("password").unwrap();
    assert!(password::acceptable(password.as_str().unwrap(), "ann@x.com"));
    let expected = json!({
        "first_name": "Ann", "last_name": "Lee", "email": "ann@x.com", "status": "PENDING", "send_welcome": "FALSE",
        "offer": "1234", "unique_merchant_id": "97980cfea0067",
    });
    assert_eq!(body, expected);
    assert_eq!(stage.verdicts(), [Verdict::Fine]);
}

#[tokio::test]
async fn a_refusal_that_blames_nothing_is_tried_once_without_the_merchants_id() {
    let blame = r#"{"errors":["x-1 is not a allowed value for field unique_merchant_id"]}"#;
    let taken = r#"{"errors":["The unique_merchant_id is taken by another Affiliate."]}"#;
    for refusal in
        [answer(204, ""), answer(422, VAGUE), answer(422, blame), answer(422, taken), answer(422, "<html>")]
    {
        let stage = Stage::new([refusal, answer(200, CREATED)]);
        stage.client().create(&ann()).await.unwrap();
        let calls = stage.calls();
        assert_eq!(calls.len(), 2);
        assert!(calls[1].1.get("unique_merchant_id").is_none());
        assert_eq!(calls[1].1["email"], "ann@x.com");
        assert_eq!(stage.verdicts().len(), 2, "each try passes the gate");
    }
}

#[tokio::test]
async fn a_second_refusal_is_the_answer() {
    let stage = Stage::new([answer(204, ""), answer(422, r#"{"errors":["The Phone is wrong"]}"#)]);
    let failure = stage.client().create(&ann()).await.unwrap_err();
    assert_eq!(failure.class, Class::Refused { field: Some(Field::Phone) });
}

#[tokio::test]
async fn nothing_is_tried_twice_when_the_cause_is_known_or_nothing_is_known() {
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
        let stage = Stage::new([reply]);
        let failure = stage.client().create(&ann()).await.unwrap_err();
        assert_eq!(failure.class, class);
        assert_eq!(stage.calls().len(), 1);
    }
}

#[tokio::test]
async fn a_gate_that_shuts_between_two_tries_ends_the_call() {
    let stage = Stage::new([answer(204, "")]);
    stage.shut_after(1);
    let failure = stage.client().create(&ann()).await.unwrap_err();
    assert_eq!((failure.class, stage.calls().len()), (Class::Closed, 1));
}

#[tokio::test]
async fn a_call_that_is_given_up_still_reports_to_the_gate() {
    let stage = Stage::new([]);
    let client = stage.client();
    let new = ann();
    let mut call = Box::pin(client.create(&new));
    tokio::select! {
        biased;
        _ = &mut call => panic!("nobody answers"),
        () = tokio::task::yield_now() => {}
    }
    drop(call);
    assert_eq!(stage.verdicts(), [Verdict::Unwell]);
}

#[tokio::test]
async fn no_message_and_no_debug_output_repeats_a_secret_or_is_long() {
    let page = format!("<html>sec_1 {}</html>", "x ".repeat(9_000));
    let stage = Stage::new([answer(502, &page)]);
    let failure = stage.client().create(&ann()).await.unwrap_err();
    assert!(failure.message.len() <= 500 && !failure.message.contains("sec_1"), "{}", failure.message);
    assert!(!format!("{failure:?} {failure} {:?}", ann()).contains("ann@x.com"));
}

fn refused(field: Field) -> Class {
    Class::Refused { field: Some(field) }
}
