//! Creates: an id that only a lookup shows, an address that is taken, and creates with the required fields only.

use identity::answer::{Answer, Found};
use identity::graph::Status;
use serde_json::{Value, json};
use worker::deliver::{CallRequest, Create};

use super::refersion::{Reply, create, deliver_with, deliver_with_taken_ids, shown, texts};

const TAKEN: &str = "The email you have entered is taken by another Affiliate.";
const NAMES: [(&str, &str); 2] = [("first_name", "Ann"), ("last_name", "Lee")];

fn created(id: u64, fields: &[(&str, &str)]) -> Answer {
    Answer::Created { id, code: "abc".to_owned(), status: Status::Active, fields: texts(fields) }
}

fn create_answer() -> Reply {
    let message = "The affiliate 77 has been created with the status of ACTIVE.";
    Reply::Success(json!({ "id": "abc", "link": "https://x.test/c/abc", "message": message }))
}

fn create_answer_without_message() -> Reply {
    Reply::Success(json!({ "id": "abc", "link": "https://x.test/c/abc" }))
}

#[tokio::test]
async fn a_create_knows_its_id_from_the_message() {
    let delivered =
        deliver_with(CallRequest::Create(create(&NAMES)), |_, _, _: &Value| create_answer()).await;
    assert_eq!(delivered.operations(), ["new"]);
    assert_eq!(delivered.known(), [&created(77, &NAMES)]);
}

#[tokio::test]
async fn a_create_without_a_message_gets_its_id_from_a_lookup_by_code() {
    let answers = |_, path: &str, _: &Value| match path {
        "new" => create_answer_without_message(),
        _ => Reply::Success(shown(77, "ann@x.test", "Ann", "ACTIVE")),
    };
    let delivered = deliver_with(CallRequest::Create(create(&NAMES)), answers).await;
    assert_eq!(delivered.requests[1], ("get", json!({ "affiliate_code": "abc" })));
    assert_eq!(delivered.known(), [&created(77, &NAMES)]);
}

#[tokio::test]
async fn a_create_without_an_id_is_unknown_and_is_not_repeated() {
    let answers = |_, path: &str, _: &Value| match path {
        "new" => create_answer_without_message(),
        _ => Reply::Refuses(503, json!({})),
    };
    let delivered = deliver_with(CallRequest::Create(create(&NAMES)), answers).await;
    assert_eq!(delivered.operations(), ["new", "get"]);
    let fields = vec!["first_name".into(), "last_name".into()];
    assert_eq!(delivered.known(), [&Answer::CreateUnknown { fields }]);
    assert!(delivered.class().is_some());
}

#[tokio::test]
async fn a_create_without_an_answer_is_unknown() {
    let delivered = deliver_with(CallRequest::Create(create(&NAMES)), |_, _, _: &Value| Reply::Lost).await;
    assert!(matches!(delivered.known()[..], [Answer::CreateUnknown { .. }]));
    assert_eq!(delivered.class(), Some("no_answer"));
}

#[tokio::test]
async fn a_create_that_was_throttled_was_not_made() {
    let delivered =
        deliver_with(CallRequest::Create(create(&NAMES)), |_, _, _: &Value| Reply::Throttles(9)).await;
    assert_eq!(delivered.known(), [&Answer::NotCreated]);
    assert_eq!(delivered.class(), Some("throttled"));
}

/// The search finds addresses that contain this one, page by page: only an exact match counts.
#[tokio::test]
async fn the_holder_of_a_taken_address_is_found_by_the_exact_address_on_any_page() {
    let row = |code: &str, email: &str| json!({ "id": code, "email": email });
    let answers = move |_, path: &str, body: &Value| match (path, body["page"].as_str()) {
        ("new", _) => Reply::refusal(TAKEN),
        ("search", Some("1")) => Reply::Success(json!({ "total": 3, "results": [
            row("c1", "joann@x.test"), row("c2", "ann@x.test.example"),
        ] })),
        ("search", Some("2")) => Reply::Success(json!({ "total": 3, "results": [row("c3", "Ann@X.test")] })),
        ("get", _) => Reply::Success(shown(42, "Ann@X.test", "Anne", "PENDING")),
        other => panic!("nobody asks {other:?}"),
    };
    let delivered = deliver_with(CallRequest::Create(create(&NAMES)), answers).await;
    assert_eq!(delivered.operations(), ["new", "search", "search", "get"]);
    assert_eq!(delivered.requests[3].1, json!({ "affiliate_code": "c3" }));
    let found = Found {
        id: 42,
        code: Some("c3".to_owned()),
        status: Some(Status::Pending),
        shown: texts(&[("first_name", "Anne"), ("last_name", "Lee"), ("company", "")]),
    };
    assert_eq!(delivered.known(), [&Answer::NotCreated, &Answer::Found(found)]);
}

/// Refersion's search index may be out of date.
#[tokio::test]
async fn a_taken_address_without_a_found_affiliate_is_searched_for_again_later() {
    let answers = |_, path: &str, body: &Value| match (path, body["page"].as_str()) {
        ("new", _) => Reply::refusal(TAKEN),
        (_, Some("1")) => {
            Reply::Success(json!({ "total": 1, "results": [{ "id": "c1", "email": "joann@x.test" }] }))
        }
        _ => Reply::refusal("Could not find affiliates with this keyword."),
    };
    let delivered = deliver_with(CallRequest::Create(create(&NAMES)), answers).await;
    assert!(matches!(delivered.known()[..], [Answer::CreateUnknown { .. }]));
    assert_eq!(delivered.class(), Some("not_here"));
}

#[tokio::test]
async fn an_undocumented_message_gives_no_id() {
    for message in ["1 affiliate has been created.", "The affiliate 1 has been created."] {
        let answers = move |_, path: &str, _: &Value| match path {
            "new" => Reply::Success(json!({ "id": "abc", "link": "", "message": message })),
            _ => Reply::Success(shown(77, "ann@x.test", "Ann", "ACTIVE")),
        };
        let delivered = deliver_with(CallRequest::Create(create(&NAMES)), answers).await;
        assert_eq!(delivered.operations(), ["new", "get"]);
        assert_eq!(delivered.known(), [&created(77, &NAMES)]);
    }
}

#[tokio::test]
async fn an_id_that_another_affiliate_has_is_never_accepted() {
    let answers = |id: u8| {
        move |_, path: &str, _: &Value| match path {
            "new" => create_answer(),
            _ => Reply::Success(shown(id, "ann@x.test", "Ann", "ACTIVE")),
        }
    };
    let delivered = deliver_with_taken_ids(&[77], CallRequest::Create(create(&NAMES)), answers(78)).await;
    assert_eq!(delivered.operations(), ["new", "get"]);
    assert_eq!(delivered.known(), [&created(78, &NAMES)], "a lookup shows its own");
    let delivered = deliver_with_taken_ids(&[77], CallRequest::Create(create(&NAMES)), answers(77)).await;
    assert!(matches!(delivered.known()[..], [Answer::CreateUnknown { .. }]));
    assert_eq!(delivered.class(), Some("request"));
}

#[tokio::test]
async fn a_refused_field_that_is_named_is_left_out_by_the_next_create() {
    let fields = [NAMES[0], NAMES[1], ("country", "Narnia")];
    let answers = |_, _: &str, _: &Value| Reply::refusal("Narnia is not a allowed value for field country");
    let delivered = deliver_with(CallRequest::Create(create(&fields)), answers).await;
    assert_eq!(delivered.operations(), ["new"]);
    let [Answer::NotCreated, Answer::Refused { causes, .. }] = delivered.known()[..] else {
        panic!("refused")
    };
    assert_eq!(causes.keys().collect::<Vec<_>>(), ["country"]);
}

/// Edits then find the bad field: they can be repeated without creating an affiliate twice.
#[tokio::test]
async fn a_refusal_that_names_no_field_is_retried_with_the_required_fields() {
    let fields = [NAMES[0], NAMES[1], ("city", "Bern"), ("company", "far too long")];
    let answers = |_, _: &str, body: &Value| match body.get("company") {
        Some(_) => Reply::refusal("Value exceed the char limit"),
        None => create_answer(),
    };
    let delivered = deliver_with(CallRequest::Create(create(&fields)), answers).await;
    assert_eq!(delivered.operations(), ["new", "new"]);
    assert_eq!(delivered.requests[1].1.get("city"), None);
    assert_eq!(delivered.known(), [&created(77, &NAMES)], "only the fields that were sent count as sent");
}

#[tokio::test]
async fn only_the_first_attempt_sends_a_welcome_mail() {
    for first_try in [true, false] {
        let request = CallRequest::Create(Create { first_try, ..create(&NAMES) });
        let delivered = deliver_with(request, |_, _, _: &Value| create_answer()).await;
        assert_eq!(delivered.requests[0].1["send_welcome"] == json!("TRUE"), first_try);
    }
}
