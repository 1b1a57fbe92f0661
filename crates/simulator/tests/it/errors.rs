//! Every kind of error, and the order of the checks.

use serde_json::{Value, json};
use simulator::{Options, Reply, Switches};

use crate::support::{Api, PUBLIC, SECRET, and, answer, new, refused};

const NEW: &str = "/v2/affiliate/new";

fn one_account() -> Api {
    Api::of(Options { accounts: vec![(PUBLIC.into(), SECRET.into())], ..Options::default() })
}

#[test]
fn wrong_unknown_and_missing_keys_get_the_same_401() {
    let mut api = one_account();
    for keys in [(PUBLIC, "sec_2"), ("pub_2", SECRET), ("", SECRET), (PUBLIC, ""), ("", "")] {
        let refusal = (401, json!({ "error": "Invalid API credentials (error 2)." }));
        assert_eq!(answer(api.send(NEW, keys, b"{}")), refusal, "{keys:?}");
    }
}

#[test]
fn without_configured_accounts_the_first_use_opens_one_and_fixes_its_secret() {
    let mut api = Api::new();
    let mut status = |keys| answer(api.send("/v2/affiliate/list", keys, b"{}")).0;
    assert_eq!(status(("pub_9", "sec_9")), 200);
    assert_eq!(status(("pub_9", "another")), 401);
    assert_eq!(status(("pub_9", "sec_9")), 200);
    assert_eq!(status(("pub 9", "sec_9")), 401, "not well formed");
}

#[test]
fn accounts_share_nothing() {
    let mut api = Api::new();
    api.create("ann@x.com");
    let body = new("ann@x.com").to_string();
    assert_eq!(answer(api.send(NEW, ("pub_2", "sec_2"), body.as_bytes())).0, 200);
    let accounts = api.simulator.state().accounts;
    assert_eq!(accounts.iter().map(|account| account.affiliates.len()).collect::<Vec<_>>(), [1, 1]);
    assert_ne!(accounts[0].affiliates[0].id, accounts[1].affiliates[0].id);
}

#[test]
fn an_empty_body_is_404() {
    let (status, body) = answer(Api::new().send(NEW, (PUBLIC, SECRET), b""));
    assert_eq!((status, body), (404, json!({ "error": "Bad request, no body" })));
}

#[test]
fn a_body_other_than_a_json_object_is_400() {
    for body in ["{", "[]", "1", "null", "nonsense", "\u{0}"] {
        assert_eq!(answer(Api::new().send(NEW, (PUBLIC, SECRET), body.as_bytes())).0, 400, "{body}");
    }
}

#[test]
fn an_unknown_field_is_a_204_without_a_body() {
    let mut api = Api::new();
    assert_eq!(api.call("new", &and(new("ann@x.com"), "custom_fields", json!([]))), (204, Value::Null));
    assert!(api.simulator.find_by_email(PUBLIC, "ann@x.com").is_none(), "the call was not carried out");
}

#[test]
fn by_switch_an_unknown_field_is_422() {
    let mut api = Api::with(Switches { unknown_field_is_422: true, ..Switches::default() });
    assert_eq!(api.call("new", &and(new("ann@x.com"), "plan", "pro")), refused(&["Invalid field plan"]));
}

#[test]
fn a_missing_field_is_400_and_named() {
    let mut api = Api::new();
    for name in ["first_name", "last_name", "email", "password", "status"] {
        let mut body = new("ann@x.com");
        body.as_object_mut().unwrap().remove(name);
        let answer = api.call("new", &body);
        assert_eq!(answer, (400, json!({ "error": format!("Missing required field {name}") })));
    }
}

#[test]
fn the_checks_have_a_fixed_order() {
    let mut api = one_account();
    let mut status = |secret: &str, body: &str| answer(api.send(NEW, (PUBLIC, secret), body.as_bytes())).0;
    assert_eq!(status("wrong", ""), 401);
    assert_eq!(status(SECRET, ""), 404);
    assert_eq!(status(SECRET, "{"), 400);
    assert_eq!(status(SECRET, r#"{"plan":1,"email":"none"}"#), 204, "unknown fields before missing ones");
    assert_eq!(status(SECRET, r#"{"email":"none"}"#), 400, "missing fields before values");
    assert_eq!(status(SECRET, &new("none").to_string()), 422);
}

#[test]
fn unknown_paths_are_the_gateways_403() {
    for path in ["/v2/affiliate/delete", "/v2/affiliate/new/", "/affiliate/new", "/v1/affiliate/new", "/", ""]
    {
        let (status, body) = answer(Api::new().send(path, (PUBLIC, SECRET), b"{}"));
        assert_eq!((status, body), (403, json!({ "message": "Forbidden" })), "{path}");
    }
}

#[test]
fn a_body_beyond_1_mib_is_the_gateways_413() {
    let mut api = Api::new();
    let body = vec![b' '; 1024 * 1024 + 1];
    assert_eq!(answer(api.send(NEW, (PUBLIC, SECRET), &body)).0, 413);
    assert_eq!(answer(api.send(NEW, (PUBLIC, SECRET), &body[1..])).0, 400);
}

#[test]
fn operations_that_a_destination_must_not_call_are_refused_and_counted() {
    let mut api = Api::new();
    let (status, body) = answer(api.send("/v2/offer/new_sku_commission", (PUBLIC, SECRET), b"{}"));
    assert_eq!(status, 422);
    assert!(body["errors"][0].as_str().unwrap().starts_with("Your account plan does not support"));
    assert_eq!(api.simulator.calls().count("offer/new_sku_commission", "422"), 1);
}

#[test]
fn calls_are_counted_by_operation_and_status() {
    let mut api = Api::new();
    api.create("ann@x.com");
    api.call("new", &new("ann@x.com"));
    api.faults("drop-after=100%");
    api.status("get", &json!({ "id": 1 }));
    let calls = api.simulator.calls();
    assert_eq!(calls.total, 3);
    assert_eq!(calls.count("affiliate/new", "200"), 1);
    assert_eq!(calls.count("affiliate/new", "422"), 1);
    assert_eq!(calls.count("affiliate/get", "dropped"), 1);
    assert_eq!(calls.of("affiliate/new"), 2);
    assert_eq!((calls.accounts[0].calls, calls.accounts[0].max_in_10s), (3, 3));
}

#[test]
fn any_bytes_get_an_answer() {
    proptest::proptest!(|(operation in "(new|get|edit|search|list|status_change)", body: Vec<u8>)| {
        let reply = Api::new().send(&format!("/v2/affiliate/{operation}"), (PUBLIC, SECRET), &body);
        let answered = matches!(reply, Reply::Answer { .. });
        proptest::prop_assert!(answered);
    });
}
