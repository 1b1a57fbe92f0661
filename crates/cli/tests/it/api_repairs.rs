//! Repairs, audiences and walks over the HTTP API.

use serde_json::{Value, json};

use crate::api_client::Api;

fn replace(path: &str, value: &str) -> Value {
    json!([{ "op": "replace", "path": path, "value": value }])
}

/// Repairs the dead letter so that it dies again, and asks for walks: each act once.
pub(crate) fn repairs_and_walks(api: &Api, token: &str) {
    let post = |path: &str, body: Value| api.ok(token, "POST", path, &body);
    for (act, body) in [("adopt", json!({ "reason": "a test" })), ("verify", json!({ "max_calls": 10 }))] {
        let asked = post(&format!("/connections/shop/{act}"), body);
        let state = asked["state"].as_str().unwrap();
        assert!(["asked", "walking", "complete", "partial"].contains(&state), "{act}: {asked}");
    }
    assert_eq!(api.ok(token, "GET", "/connections/shop/verification", &Value::Null)["connection"], "shop");
    let city = replace("/traits/address/city", "Oslo");
    let path = format!("/dead-letters/{}/revisions", api.letter);
    assert_eq!(post(&path, json!({ "patch": city, "revision": 0 }))["revision"], 1);
    let all = json!({ "selector": "class:refused", "patch": replace("/traits/name", "Ann Smyth") });
    assert_eq!(post("/dead-letters/patch/preview", all.clone())["results"], json!({ "changed": 1 }));
    assert_eq!(post("/dead-letters/patch", all)["done"], 1);
}

#[test]
fn editing_a_dead_letter_requires_its_newest_revision() {
    let api = Api::new();
    let [viewer, operator] =
        ["viewer", "operator"].map(|role| api.operator(&format!("the-{role}"), role, &[]));
    let path = format!("/dead-letters/{}/revisions", api.letter);
    let edit = |patch: Value, revision: u32| {
        let body = json!({ "patch": patch, "revision": revision, "reason": "a typing error" });
        api.ask(&operator, "POST", &path, &body)
    };
    let (status, edited) = edit(replace("/traits/address/city", "Oslo"), 0);
    assert_eq!((status, &edited["revision"]), (201, &json!(1)), "{edited}");
    let (status, late) = edit(replace("/traits/address/city", "Bergen"), 0);
    assert_eq!((status, &late["code"]), (409, &json!("conflict")), "{late}");
    assert!(late["detail"].as_str().unwrap().contains("the-operator"), "it says who was first: {late}");
    let (status, early) = edit(replace("/traits/address/city", "Bergen"), 7);
    assert_eq!((status, &early["code"]), (409, &json!("conflict")), "{early}");
    for (patch, code) in [
        (replace("/userId", "bob"), "locked"),
        (replace("/traits/address/city", "Oslo"), "unchanged"),
        (replace("/traits/nothing", "x"), "invalid"),
        (json!([{ "op": "replace" }]), "patch"),
        (json!("no patch"), "patch"),
    ] {
        let (status, refused) = edit(patch, 1);
        assert_eq!((status, refused["code"].as_str()), (422, Some(code)), "{refused}");
    }
    let shown = api.ok(&operator, "GET", &path, &Value::Null);
    let revision = &shown["revisions"][0];
    assert_eq!((&shown["count"], &revision["by"]), (&json!(1), &json!("the-operator")), "{shown}");
    let change = json!({ "path": "/traits/address/city", "before": "Rome", "after": "Oslo" });
    assert_eq!((&revision["changes"], &revision["reason"]), (&json!([change]), &json!("a typing error")));
    let masked = api.ok(&viewer, "GET", &path, &Value::Null);
    assert_eq!(masked["revisions"][0]["changes"][0]["after"], "…");
    assert!(!["Oslo", "Rome"].iter().any(|it| masked.to_string().contains(it)), "{masked}");
    let audit = api.world.json(&["audit", "list", "actor:the-operator", "result:done"]).to_string();
    for action in ["dead_letters_repaired", "payload_revealed"] {
        assert!(audit.contains(action), "{action} in {audit}");
    }
}

#[test]
fn a_patch_is_previewed_applied_and_planned_and_its_values_are_delivered() {
    let api = Api::new();
    let operator = api.operator("the-operator", "operator", &[]);
    let path = format!("/dead-letters/{}/revisions", api.letter);
    let count = || api.ok(&operator, "GET", &path, &Value::Null)["count"].clone();
    let body = json!({ "selector": "field:email", "patch": replace("/traits/address/city", "Oslo") });
    let preview = || {
        let (path, key) = ("/dead-letters/patch/preview", "idempotency-key: one\r\n");
        api.ask_with(&operator, "POST", path, &body, key)
    };
    let (status, shown) = preview();
    assert_eq!((status, &shown["results"]), (200, &json!({ "changed": 1 })), "{shown}");
    assert_eq!((&shown["count"], &shown["selector"]), (&json!(1), &json!("field:email state:open")));
    assert_eq!(shown["samples"][0]["changes"][0]["after"], "Oslo", "{shown}");
    assert_eq!(preview(), (200, shown), "it is tried again, and not kept");
    assert_eq!(count(), 0, "nothing is stored");
    assert_eq!(api.world.files_with(&["Oslo"]), Vec::<String>::new());

    let patched = api.ok(&operator, "POST", "/dead-letters/patch", &body);
    assert_eq!(
        (&patched["done"], &patched["not_done"], count()),
        (&json!(1), &json!(0), json!(1)),
        "{patched}"
    );
    let again = api.ok(&operator, "POST", "/dead-letters/patch", &body);
    assert_eq!((&again["done"], &again["reasons"]), (&json!(0), &json!({ "unchanged": 1 })), "{again}");
    assert_eq!(again["left"], json!([{ "id": api.letter, "reason": "unchanged" }]));

    let wrong = json!({ "selector": "field:email", "patch": replace("/traits/nothing", "x") });
    let plan = api.ok(&operator, "POST", "/plans", &wrong);
    let left_out = json!([{ "state": "left_out", "reason": "still invalid", "count": 1 }]);
    assert_eq!((&plan["items"], &plan["patched"]["changed"]), (&left_out, &json!(0)), "{plan}");
    api.ok(&operator, "POST", &format!("/plans/{}/cancel", plan["id"]), &json!({}));
    let right = json!({ "selector": "field:email", "patch": replace("/traits/email", "ann@y.org") });
    let make = || api.ask_with(&operator, "POST", "/plans", &right, "idempotency-key: two\r\n");
    let (status, plan) = make();
    let patched = json!({ "changed": 1, "unchanged": 0 });
    assert_eq!((status, &plan["patched"]), (201, &patched), "{plan}");
    assert_eq!(plan["samples"][0]["changes"][0]["after"], "ann@y.org", "{plan}");
    let (status, again) = make();
    assert_eq!(
        (status, &again["id"], &again["samples"]),
        (201, &plan["id"], &json!([])),
        "personal data is not kept"
    );
    api.ok(&operator, "POST", &format!("/plans/{}/run", plan["id"]), &json!({}));
    api.world.until("the affiliate to be there", || {
        let all = api.world.affiliates();
        all.iter().any(|it| it["email"] == "ann@y.org" && it.to_string().contains("Oslo")).then_some(())
    });
}

#[test]
fn audiences_and_walks_are_shown() {
    let api = Api::new();
    let viewer = api.operator("the-viewer", "viewer", &[]);
    let get = |path: &str| api.ok(&viewer, "GET", path, &Value::Null);
    let list = get("/audiences?connection=shop");
    assert_eq!((&list["count"], &list["audiences"][0]["audience"]), (&json!(1), &json!("vip")), "{list}");
    let one = get("/audiences/vip");
    assert_eq!((&one["connection"], &one["members"]), (&json!("shop"), &json!(1)), "{one}");
    let (status, none) = api.ask(&viewer, "GET", "/audiences/none", &Value::Null);
    assert_eq!((status, &none["code"]), (404, &json!("no_such_audience")));
    let (status, other) = api.ask(&viewer, "GET", "/audiences/vip?connection=other", &Value::Null);
    assert_eq!((status, &other["code"]), (404, &json!("no_such_audience")));
    assert!(get("/connections/shop/adoption")["state"].is_string());
    let verification = get("/connections/shop/verification");
    assert_eq!((&verification["compared"], &verification["count"]), (&Value::Null, &json!(0)));
}
