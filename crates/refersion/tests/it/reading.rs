//! Get, search and key check: calls that change nothing.

use refersion::{Affiliate, AffiliateCode, AffiliateId, Class, Field, LookupBy, Status};
use serde_json::{Value, json};

use crate::support::{FakeApi, Reply, answer, city_edit, lost, new_affiliate};

const NO_HIT: &str = r#"{"errors":["Could not find affiliates with this keyword."]}"#;

fn affiliate_answer() -> Reply {
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

/// A page of a search with these codes and addresses.
fn page(total: u64, results: &[(&str, &str)]) -> Reply {
    let results: Vec<Value> = results
        .iter()
        .map(|(code, email)| json!({ "id": code, "email": email, "status": "ACTIVE" }))
        .collect();
    answer(200, &json!({ "total": total, "results": results }).to_string())
}

#[tokio::test]
async fn get_returns_an_affiliate_or_none() {
    let api = FakeApi::new([affiliate_answer(), answer(422, r#"{"errors":["Affiliate not found."]}"#)]);
    let affiliate = api.client().get(LookupBy::Id(AffiliateId(37_569_297))).await.unwrap().unwrap();
    let expected = Affiliate {
        id: AffiliateId(37_569_297),
        code: Some(AffiliateCode("g23fz".into())),
        status: Some(Status::Denied),
        first_name: "Ann".into(),
        last_name: "Lee".into(),
        company: "Lee Ltd".into(),
        email: "Ann@x.com".into(),
        custom_fields: vec![("Plan".into(), "gold".into()), ("Logins".into(), "3".into())],
    };
    assert_eq!(affiliate, expected);
    assert!(api.client().get(LookupBy::Code(AffiliateCode("6905".into()))).await.unwrap().is_none());
    let bodies: Vec<Value> = api.calls().into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [json!({ "id": 37_569_297 }), json!({ "affiliate_code": "6905" })]);
}

/// One affiliate in a state that is not documented is no sign that the API is unwell: that would delay all others.
#[tokio::test]
async fn an_affiliate_with_an_unknown_status_is_read() {
    for status in [json!(null), json!(""), json!("ARCHIVED"), json!(7)] {
        let body = json!({ "id": 42, "email": "ann@x.com", "status": status }).to_string();
        let api = FakeApi::new([answer(200, &body)]);
        let affiliate = api.client().get(LookupBy::Id(AffiliateId(42))).await.unwrap().unwrap();
        assert_eq!((affiliate.id, affiliate.status), (AffiliateId(42), None), "{status}");
    }
}

#[tokio::test]
async fn a_failed_search_does_not_count_as_not_found() {
    for reply in [lost(), answer(502, "<html>"), answer(200, "<html>"), answer(200, "{}")] {
        let api = FakeApi::new([reply]);
        let failure = api.client().find_by_email("ann@x.com").await.unwrap_err();
        assert_eq!(failure.class, Class::Unavailable);
    }
}

#[tokio::test]
async fn only_the_exact_address_is_found_on_any_page() {
    let first = page(3, &[("6905", "joann@x.com"), ("a1b2", "ann@x.com.au")]);
    let api = FakeApi::new([first, page(3, &[("g23fz", " ANN@x.com")]), affiliate_answer()]);
    let found = api.client().find_by_email(" ann@X.com ").await.unwrap().unwrap();
    assert_eq!(found.code, Some(AffiliateCode("g23fz".into())));
    assert_eq!(found.id, AffiliateId(37_569_297));
    let expected = [
        ("/v2/affiliate/search", json!({ "keyword": "ann@X.com", "page": "1" })),
        ("/v2/affiliate/search", json!({ "keyword": "ann@X.com", "page": "2" })),
        ("/v2/affiliate/get", json!({ "affiliate_code": "g23fz" })),
    ];
    assert_eq!(api.calls(), expected);
}

#[tokio::test]
async fn every_form_of_an_empty_answer_means_not_found() {
    for reply in [answer(422, NO_HIT), page(0, &[]), answer(200, r#"{"total":"0"}"#)] {
        let api = FakeApi::new([reply]);
        assert!(api.client().find_by_email("ann@x.com").await.unwrap().is_none());
        assert_eq!(api.calls().len(), 1);
    }
}

/// The total may count all affiliates or the rows of the page, and a page after the last one may be the last one again.
#[tokio::test]
async fn pages_are_read_until_one_has_no_new_rows() {
    let others = || page(1, &[("6905", "joann@x.com")]);
    for last in [answer(422, NO_HIT), page(0, &[]), others()] {
        let api = FakeApi::new([others(), last]);
        assert_eq!(api.client().find_holder("ann@x.com").await.unwrap_err().class, Class::NotFound);
        assert_eq!(api.calls().len(), 2);
    }
    let api = FakeApi::new([others(), page(1, &[("g23fz", "ann@x.com")]), affiliate_answer()]);
    assert!(api.client().find_by_email("ann@x.com").await.unwrap().is_some());
}

#[tokio::test]
async fn an_affiliate_that_is_found_and_then_missing_is_searched_for_again_later() {
    let api = FakeApi::new([
        page(1, &[("g23fz", "ann@x.com")]),
        answer(422, r#"{"errors":["Affiliate not found."]}"#),
    ]);
    assert_eq!(api.client().find_by_email("ann@x.com").await.unwrap_err().class, Class::Unavailable);
}

#[tokio::test]
async fn a_pass_that_missed_a_moving_row_is_repeated() {
    let first = || page(2, &[("6905", "joann@x.com")]);
    let second = page(2, &[("g23fz", "ann@x.com")]);
    let api = FakeApi::new([first(), answer(422, NO_HIT), first(), second, affiliate_answer()]);
    assert!(api.client().find_by_email("ann@x.com").await.unwrap().is_some());

    let api = FakeApi::new([first(), answer(422, NO_HIT), first(), page(2, &[])]);
    assert!(
        api.client().find_by_email("ann@x.com").await.unwrap().is_none(),
        "the search ends after the second pass"
    );
}

#[tokio::test]
async fn an_endless_search_is_abandoned() {
    let replies = (0..1_000).map(|n| page(u64::MAX, &[(&format!("c{n}"), "joann@x.com")]));
    let api = FakeApi::new(replies);
    let failure = api.client().find_by_email("ann@x.com").await.unwrap_err();
    assert_eq!(failure.class, Class::Refused { field: Some(Field::Email) });
    assert_eq!(api.calls().len(), 100);
}

/// A gateway in front of the API may refuse a body because of its content, while the keys are accepted.
#[tokio::test]
async fn a_403_while_the_keys_are_accepted_concerns_the_request() {
    let forbidden = r#"{"message":"Forbidden"}"#;
    let list = r#"{"total":0,"results":[]}"#;
    let (accepted, empty) = (answer(200, list), answer(422, r#"{"errors":["No affiliates."]}"#));
    for probe in [accepted, empty] {
        let api = FakeApi::new([answer(403, forbidden), probe]);
        let failure = api.client().create(&new_affiliate()).await.unwrap_err();
        assert_eq!((failure.class, failure.http_status), (Class::Request, Some(403)));
        assert_eq!(failure.message, "Forbidden");
        let paths: Vec<_> = api.calls().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["/v2/affiliate/new", "/v2/affiliate/list"]);
        assert_eq!(api.signals().len(), 2, "each call passes the gate");
    }
    let api = FakeApi::new([answer(403, forbidden), answer(200, list)]);
    let failure = api.client().edit(&[city_edit(1), city_edit(2)]).await.unwrap_err();
    assert_eq!(failure.class, Class::TooMany, "the batch can be split");
}

#[tokio::test]
async fn any_other_403_concerns_the_keys() {
    let forbidden = || answer(403, r#"{"message":"Forbidden"}"#);
    for probe in [forbidden(), answer(401, ""), answer(503, ""), lost()] {
        let api = FakeApi::new([forbidden(), probe]);
        assert_eq!(api.client().create(&new_affiliate()).await.unwrap_err().class, Class::Credentials);
        assert_eq!(api.calls().len(), 2);
    }
    let api = FakeApi::new([answer(401, "")]);
    assert_eq!(api.client().create(&new_affiliate()).await.unwrap_err().class, Class::Credentials);
    assert_eq!(api.calls().len(), 1, "a 401 needs no second call");
}

#[tokio::test]
async fn a_key_check_distinguishes_bad_keys_from_other_failures() {
    let api = FakeApi::new([
        page(1, &[("6905", "joann@x.com")]),
        answer(422, NO_HIT),
        answer(401, r#"{"error":"Invalid API credentials (error 2)."}"#),
        answer(503, ""),
    ]);
    let client = api.client();
    client.check().await.unwrap();
    client.check().await.unwrap();
    assert_eq!(client.check().await.unwrap_err().class, Class::Credentials);
    assert_eq!(client.check().await.unwrap_err().class, Class::Unavailable);
    assert_eq!(api.calls()[0], ("/v2/affiliate/list", json!({ "limit": "1", "page": "1" })));
}
