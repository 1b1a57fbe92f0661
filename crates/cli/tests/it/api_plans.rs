//! Plans over the HTTP API.

use serde_json::{Value, json};

use crate::api_client::Api;

/// While the connection is paused there is no result, so that the plan does not end by itself.
pub(crate) fn plans_are_steered(api: &Api, token: &str) {
    let post = |path: &str, body: Value| api.ok(token, "POST", path, &body);
    post("/connections/shop/pause", json!({}));
    let plan = post("/plans", json!({ "selector": "class:refused", "rate": 0.25, "reason": "a plan" }));
    let estimate = &plan["estimate"];
    assert_eq!((&plan["state"], &estimate["events"]), (&json!("ready"), &json!(1)), "{plan}");
    assert_eq!((&estimate["calls"], &estimate["seconds_at_rate"]), (&json!(1), &json!(4.0)), "{plan}");
    let (status, refused) =
        api.ask(token, "POST", "/plans", &json!({ "selector": "class:refused", "rate": 0 }));
    assert_eq!((status, &refused["code"]), (422, &json!("plan_options")), "{refused}");
    let path = format!("/plans/{}", plan["id"]);
    for (act, body, state) in [
        ("run", json!({ "rate": 5 }), "running"),
        ("pause", json!({}), "paused"),
        ("resume", json!({}), "running"),
        ("cancel", json!({}), "cancelled"),
    ] {
        assert_eq!(post(&format!("{path}/{act}"), body)["state"], state, "{act}");
    }
    let (status, twice) = api.ask(token, "POST", &format!("{path}/run"), &json!({}));
    assert_eq!((status, &twice["code"]), (409, &json!("plan_state")), "{twice}");
    assert_eq!(api.ok(token, "GET", &format!("{path}/items"), &Value::Null)["count"], 1);
    let report = api.ok(token, "GET", &format!("{path}/report"), &Value::Null);
    assert_eq!(
        (&report["plan"]["state"], &report["calls_planned"]),
        (&json!("cancelled"), &json!(1)),
        "{report}"
    );
    let results = report["results"].as_object().unwrap();
    assert_eq!(results.values().filter_map(Value::as_u64).sum::<u64>(), 1, "each dead letter once: {report}");
    let (status, none) = api.ask(token, "POST", "/plans", &json!({ "selector": "class:gone" }));
    assert_eq!((status, &none["code"]), (422, &json!("nothing_selected")), "{none}");
    let failed = api.ok(token, "GET", "/audit?selector=action:plan_made%20result:failed", &Value::Null);
    assert_eq!(failed["lines"][0]["result"], "failed", "{failed}");
}
