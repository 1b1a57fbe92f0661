//! The audience that an identify is about.

use segment::Audience;
use serde_json::{Value, json};

use crate::identify;

fn audience(traits: &Value, context: &Value) -> Option<Audience> {
    identify(&json!({"type": "identify", "userId": "u", "traits": traits, "context": context}))
        .audience
        .map(|audience| *audience)
}

#[test]
fn the_audience_is_what_engage_names() {
    let personas = json!({"personas": {"computation_class": "audience", "computation_id": "aud_1",
        "computation_key": "First Time_shopper", "namespace": "spa_1", "space_id": "spa_1"}});
    let found = audience(&json!({"first_time_shopper": true, "email": "a@b.example"}), &personas).unwrap();
    assert_eq!((found.key.as_str(), found.name.as_str()), ("firsttimeshopper", "First Time_shopper"));
    let ids = [&found.class, &found.space, &found.id].map(Option::as_deref);
    assert_eq!(ids, [Some("audience"), Some("spa_1"), Some("aud_1")]);
}

#[test]
fn an_audience_without_a_key_is_the_only_trait() {
    let found = audience(&json!({"vip": true}), &json!({"personas": {"namespace": "spa_1"}})).unwrap();
    assert_eq!((found.name.as_str(), found.space.as_deref()), ("vip", Some("spa_1")));
    assert_eq!(audience(&json!({"vip": true, "other": 1}), &json!({"personas": {}})), None);
}

#[test]
fn a_lone_boolean_is_an_audience_and_nothing_else_is() {
    let flag = audience(&json!({"vip": false, "email": "a@b.example"}), &json!({})).unwrap();
    assert_eq!((flag.key.as_str(), flag.class), ("vip", None));
    for traits in [
        json!({"vip": "true"}),
        json!({"vip": null}),
        json!({"vip": true, "name": "Ann"}),
        json!({"vip": true, "tags": ["a"]}),
        json!({"vip": true, "plan": "pro"}),
        json!({}),
    ] {
        assert_eq!(audience(&traits, &json!({})), None, "{traits}");
    }
}

#[test]
fn a_long_key_is_not_kept() {
    let long = "x".repeat(129);
    assert_eq!(audience(&json!({long.clone(): true}), &json!({"personas": {"computation_key": long}})), None);
}
