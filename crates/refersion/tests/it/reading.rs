//! Showing, finding and checking: calls that change nothing.

use refersion::{Affiliate, AffiliateCode, AffiliateId, Class, Field, Status, Which};
use serde_json::{Value, json};

use crate::support::{Reply, Stage, ann, answer, lost, moved};

const NO_HIT: &str = r#"{"errors":["Could not find affiliates with this keyword."]}"#;

fn shown() -> Reply {
    answer(
        200,
        &json!({
            "id": 37_569_297, "offer_id": "1", "status": "DENIED", "first_name": "Ann", "last_name": "Lee",
            "company_name": "Lee Ltd", "email": "Ann@x.com", "link": "https://s.refersion.com/c/g23fz",
            "custom_fields": [{ "label": "Plan", "value": "gold" }, { "label": "Logins", "value": 3 }],
        })
        .to_string(),
    )
}

/// A page of a search, with these codes and addresses.
fn page(total: u64, results: &[(&str, &str)]) -> Reply {
    let results: Vec<Value> = results
        .iter()
        .map(|(code, email)| json!({ "id": code, "email": email, "status": "ACTIVE" }))
        .collect();
    answer(200, &json!({ "total": total, "results": results }).to_string())
}

#[tokio::test]
async fn get_shows_an_affiliate_or_none() {
    let stage = Stage::new([shown(), answer(422, r#"{"errors":["Affiliate not found."]}"#)]);
    let affiliate = stage.client().get(Which::Id(AffiliateId(37_569_297))).await.unwrap().unwrap();
    let expected = Affiliate {
        id: AffiliateId(37_569_297),
        code: Some(AffiliateCode("g23fz".into())),
        status: Status::Denied,
        first_name: "Ann".into(),
        last_name: "Lee".into(),
        company: "Lee Ltd".into(),
        email: "Ann@x.com".into(),
        custom_fields: vec![("Plan".into(), "gold".into()), ("Logins".into(), "3".into())],
    };
    assert_eq!(affiliate, expected);
    assert!(stage.client().get(Which::Code(AffiliateCode("6905".into()))).await.unwrap().is_none());
    let bodies: Vec<Value> = stage.calls().into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [json!({ "id": 37_569_297 }), json!({ "affiliate_code": "6905" })]);
}

#[tokio::test]
async fn a_failed_read_is_no_proof_that_nobody_is_there() {
    for reply in [lost(), answer(502, "<html>"), answer(200, "<html>"), answer(200, "{}")] {
        let stage = Stage::new([reply]);
        let failure = stage.client().find_by_email("ann@x.com").await.unwrap_err();
        assert_eq!(failure.class, Class::Unavailable);
    }
}

#[tokio::test]
async fn only_the_exact_address_is_found_on_whatever_page_it_is() {
    let first = page(3, &[("6905", "joann@x.com"), ("a1b2", "ann@x.com.au")]);
    let stage = Stage::new([first, page(3, &[("g23fz", " ANN@x.com")]), shown()]);
    let found = stage.client().find_by_email(" ann@X.com ").await.unwrap().unwrap();
    assert_eq!(found.code, Some(AffiliateCode("g23fz".into())));
    assert_eq!(found.id, AffiliateId(37_569_297));
    let expected = [
        ("/v2/affiliate/search", json!({ "keyword": "ann@X.com", "page": "1" })),
        ("/v2/affiliate/search", json!({ "keyword": "ann@X.com", "page": "2" })),
        ("/v2/affiliate/get", json!({ "affiliate_code": "g23fz" })),
    ];
    assert_eq!(stage.calls(), expected);
}

#[tokio::test]
async fn nobody_is_found_in_every_form_of_an_empty_answer() {
    let only_others = || page(1, &[("6905", "joann@x.com")]);
    for reply in [answer(422, NO_HIT), page(0, &[]), answer(200, r#"{"total":"0"}"#), only_others()] {
        let stage = Stage::new([reply]);
        assert!(stage.client().find_by_email("ann@x.com").await.unwrap().is_none());
        assert_eq!(stage.calls().len(), 1);
    }
    let stage = Stage::new([only_others()]);
    assert_eq!(stage.client().find_holder("ann@x.com").await.unwrap_err().class, Class::NotHere);
}

#[tokio::test]
async fn a_walk_that_missed_a_moving_row_is_done_again() {
    let first = || page(2, &[("6905", "joann@x.com")]);
    let second = page(2, &[("g23fz", "ann@x.com")]);
    let stage = Stage::new([first(), answer(422, NO_HIT), first(), second, shown()]);
    assert!(stage.client().find_by_email("ann@x.com").await.unwrap().is_some());

    let stage = Stage::new([first(), answer(422, NO_HIT), first(), page(2, &[])]);
    assert!(
        stage.client().find_by_email("ann@x.com").await.unwrap().is_none(),
        "it ends after the second walk"
    );
}

#[tokio::test]
async fn a_search_without_an_end_is_given_up() {
    let replies = (0..1_000).map(|n| page(u64::MAX, &[(&format!("c{n}"), "joann@x.com")]));
    let stage = Stage::new(replies);
    let failure = stage.client().find_by_email("ann@x.com").await.unwrap_err();
    assert_eq!(failure.class, Class::Refused { field: Some(Field::Email) });
    assert_eq!(stage.calls().len(), 100);
}

/// A gateway before the API may refuse a body for what is in it, while the account is well.
#[tokio::test]
async fn a_403_while_the_keys_work_is_about_the_request_alone() {
    let forbidden = r#"{"message":"Forbidden"}"#;
    let list = r#"{"total":0,"results":[]}"#;
    let (well, empty) = (answer(200, list), answer(422, r#"{"errors":["No affiliates."]}"#));
    for probe in [well, empty] {
        let stage = Stage::new([answer(403, forbidden), probe]);
        let failure = stage.client().create(&ann()).await.unwrap_err();
        assert_eq!((failure.class, failure.http_status), (Class::Request, Some(403)));
        assert_eq!(failure.message, "Forbidden");
        let paths: Vec<_> = stage.calls().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["/v2/affiliate/new", "/v2/affiliate/list"]);
        assert_eq!(stage.verdicts().len(), 2, "each call passes the gate");
    }
    let stage = Stage::new([answer(403, forbidden), answer(200, list)]);
    let failure = stage.client().edit(&[moved(1), moved(2)]).await.unwrap_err();
    assert_eq!(failure.class, Class::TooMany, "the halves of the batch tell whose request it is");
}

#[tokio::test]
async fn a_403_while_the_keys_do_not_work_or_nobody_can_say_is_about_the_keys() {
    let forbidden = || answer(403, r#"{"message":"Forbidden"}"#);
    for probe in [forbidden(), answer(401, ""), answer(503, ""), lost()] {
        let stage = Stage::new([forbidden(), probe]);
        assert_eq!(stage.client().create(&ann()).await.unwrap_err().class, Class::Credentials);
        assert_eq!(stage.calls().len(), 2);
    }
    let stage = Stage::new([answer(401, "")]);
    assert_eq!(stage.client().create(&ann()).await.unwrap_err().class, Class::Credentials);
    assert_eq!(stage.calls().len(), 1, "a 401 leaves no doubt");
}

#[tokio::test]
async fn a_check_tells_bad_keys_from_everything_else() {
    let stage = Stage::new([
        page(1, &[("6905", "joann@x.com")]),
        answer(422, NO_HIT),
        answer(401, r#"{"error":"Invalid API credentials (error 2)."}"#),
        answer(503, ""),
    ]);
    let client = stage.client();
    client.check().await.unwrap();
    client.check().await.unwrap();
    assert_eq!(client.check().await.unwrap_err().class, Class::Credentials);
    assert_eq!(client.check().await.unwrap_err().class, Class::Unavailable);
    assert_eq!(stage.calls()[0], ("/v2/affiliate/list", json!({ "limit": "1", "page": "1" })));
}
