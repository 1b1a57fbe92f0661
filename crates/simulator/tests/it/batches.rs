//! `/affiliate/edit` and `/affiliate/status_change`: batches and the results of their items.

use serde_json::{Value, json};
use simulator::{Options, Status, Switches};

use crate::support::{Api, and, new, refused};

fn edit(items: &[Value]) -> Value {
    json!({ "affiliates": items })
}

fn result(changed: &[u64], not_changed: &[u64]) -> (u16, Value) {
    (200, json!({ "ids_changed": changed, "ids_not_changed": not_changed }))
}

#[test]
fn an_edit_changes_its_fields_and_no_others() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    let item =
        json!({ "id": id, "company": "C", "offer": 5, "custom_fields": [{"1234": "Hello"}, {"22222": "x"}] });
    assert_eq!(api.call("edit", &edit(&[item])), result(&[id], &[]));
    let ann = api.affiliate("ann@x.com");
    assert_eq!((ann.company.as_str(), ann.offer.as_str(), ann.first_name.as_str()), ("C", "5", "Ann"));
    assert_eq!(ann.custom_fields, [(1234, "Hello".into()), (22222, "x".into())].into());
    assert_eq!(api.effects().edited, 1);
}

#[test]
fn an_empty_text_clears() {
    let mut api = Api::new();
    assert_eq!(api.status("new", &and(and(new("ann@x.com"), "company", "C"), "city", "Bern")), 200);
    let id = api.affiliate("ann@x.com").id;
    api.call("edit", &edit(&[json!({ "id": id, "custom_fields": [{"1": "x"}] })]));
    let clear = json!({ "id": id, "company": "", "city": "", "custom_fields": [{"1": ""}] });
    assert_eq!(api.call("edit", &edit(&[clear])), result(&[id], &[]));
    let ann = api.affiliate("ann@x.com");
    assert_eq!((ann.company.as_str(), ann.city.as_str(), ann.custom_fields.len()), ("", "", 0));
}

#[test]
fn an_empty_country_or_paypal_address_is_refused_unless_a_switch_lets_it_clear() {
    let lenient = Switches { empty_values_clear: true, ..Switches::default() };
    for (field, value) in [("country", "US"), ("paypal_email", "pay@x.com")] {
        let refusal = refused(&[&format!(" is not a allowed value for field {field}")]);
        for (switches, expected) in [(Switches::default(), None), (lenient.clone(), Some(""))] {
            let mut api = Api::with(switches);
            assert_eq!(api.status("new", &and(new("ann@x.com"), field, value)), 200);
            let id = api.affiliate("ann@x.com").id;
            let answer = api.call("edit", &edit(&[and(json!({ "id": id }), field, "")]));
            let kept = serde_json::to_value(api.affiliate("ann@x.com")).unwrap()[field].clone();
            match expected {
                None => assert_eq!((answer, kept), (refusal.clone(), json!(value))),
                Some(cleared) => assert_eq!((answer, kept), (result(&[id], &[]), json!(cleared))),
            }
        }
        assert_eq!(Api::new().call("new", &and(new("ann@x.com"), field, "")), refusal);
    }
}

#[test]
fn by_switch_the_id_zero_is_422() {
    let calls = [
        ("get", json!({ "id": 0 })),
        ("edit", edit(&[json!({ "id": 0, "company": "C" })])),
        ("status_change", json!({ "ids": [0], "status": "ACTIVE" })),
    ];
    let mut strict = Api::with(Switches { zero_id_is_422: true, ..Switches::default() });
    for (operation, body) in &calls {
        let (status, answer) = strict.call(operation, body);
        let text = answer["errors"][0].as_str().unwrap();
        assert!(status == 422 && text.starts_with("0 is not a allowed value for field id"), "{text}");
    }
    let mut api = Api::new();
    assert_eq!(api.call(calls[0].0, &calls[0].1), refused(&["Affiliate not found."]));
    assert_eq!(api.call(calls[1].0, &calls[1].1), result(&[], &[0]));
    assert_eq!(api.call(calls[2].0, &calls[2].1), result(&[], &[0]));
}

#[test]
fn only_digits_name_an_offer_or_a_custom_field() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    let with_sign = edit(&[json!({ "id": id, "custom_fields": [{"+7": "v"}] })]);
    assert_eq!(api.call("edit", &with_sign), result(&[], &[id]));
    assert_eq!(api.status("new", &and(new("bob@x.com"), "offer", "+1")), 422);
}

#[test]
fn unknown_ids_and_taken_addresses_concern_only_their_item() {
    let mut api = Api::new();
    let (ann, bob) = (api.create("ann@x.com"), api.create("bob@x.com"));
    let items = [
        json!({ "id": 1, "company": "C" }),
        json!({ "id": ann, "company": "C" }),
        json!({ "id": bob, "company": "C", "email": "ANN@x.com" }),
    ];
    assert_eq!(api.call("edit", &edit(&items)), result(&[ann], &[1, bob]));
    assert_eq!(api.affiliate("bob@x.com").company, "", "an item is applied as a whole or not at all");
}

#[test]
fn an_address_that_one_item_gives_up_is_free_for_the_next() {
    let mut api = Api::new();
    let (ann, bob) = (api.create("ann@x.com"), api.create("bob@x.com"));
    let items = [json!({ "id": ann, "email": "new@x.com" }), json!({ "id": bob, "email": "ann@x.com" })];
    assert_eq!(api.call("edit", &edit(&items)), result(&[ann, bob], &[]));
    assert_eq!((api.affiliate("new@x.com").id, api.affiliate("ann@x.com").id), (ann, bob));
}

#[test]
fn an_affiliate_may_change_the_case_of_its_own_address() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    assert_eq!(api.call("edit", &edit(&[json!({ "id": id, "email": "Ann@X.com" })])), result(&[id], &[]));
    assert_eq!(api.affiliate("ann@x.com").email, "Ann@X.com");
}

#[test]
fn an_item_with_an_unknown_custom_field_is_not_changed() {
    let mut api = Api::of(Options { custom_fields: [(7, "Plan".into())].into(), ..Options::default() });
    let id = api.create("ann@x.com");
    let with = |key: &str| edit(&[json!({ "id": id, "company": "C", "custom_fields": [{key: "v"}] })]);
    assert_eq!(api.call("edit", &with("8")), result(&[], &[id]));
    assert_eq!(api.call("edit", &with("plan")), result(&[], &[id]));
    assert_eq!(api.affiliate("ann@x.com").company, "");
    assert_eq!(api.call("edit", &with("7")), result(&[id], &[]));
    let (_, affiliate) = api.call("get", &json!({ "id": id }));
    assert_eq!(affiliate["custom_fields"], json!([{ "label": "Plan", "value": "v" }]));
}

#[test]
fn one_malformed_item_refuses_the_whole_request() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    let good = json!({ "id": id, "company": "C" });
    let bad = [
        json!({ "id": id, "country": "CY" }),
        json!({ "id": id, "first_name": "" }),
        json!({ "id": id, "email": "" }),
        json!({ "id": id, "zip": 1 }),
        json!({ "id": id, "offer": "1" }),
        json!({ "id": id.to_string(), "zip": "1" }),
        json!({ "id": id, "custom_fields": {"1": "x"} }),
        json!({ "id": id, "custom_fields": [{"1": "x", "2": "y"}] }),
        json!({ "id": id, "custom_fields": [{"1": true}] }),
        json!({ "id": id }),
        json!("nothing"),
    ];
    for bad in bad {
        assert_eq!(api.status("edit", &edit(&[good.clone(), bad.clone()])), 422, "{bad}");
    }
    assert_eq!(api.affiliate("ann@x.com").company, "");
}

#[test]
fn an_edit_has_no_status_password_welcome_or_merchant_id() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    for name in ["status", "password", "send_welcome", "unique_merchant_id", "affiliate_code"] {
        assert_eq!(api.status("edit", &edit(&[and(json!({ "id": id }), name, "x")])), 204, "{name}");
    }
}

#[test]
fn an_edit_requires_affiliates_with_ids() {
    for body in [json!({}), edit(&[]), json!({ "affiliates": 1 }), edit(&[json!({ "company": "C" })])] {
        assert_eq!(Api::new().status("edit", &body), 400, "{body}");
    }
    assert_eq!(
        Api::new().status("edit", &json!({ "id": "1", "company": "C" })),
        204,
        "the flat object of version 1"
    );
}

#[test]
fn an_unknown_offer_is_a_404_with_a_list() {
    let mut api = Api::with(Switches { offers: [1].into(), ..Switches::default() });
    let id = api.create("ann@x.com");
    let (status, body) = api.call("edit", &edit(&[json!({ "id": id, "offer": 2 })]));
    assert_eq!(status, 404);
    assert_eq!(body, json!({ "error": ["Bad request, no body", "Offer does not exists on the database."] }));
}

#[test]
fn more_than_50_elements_are_429() {
    let mut api = Api::new();
    let refusal = (429, json!({ "error": "Max number of elements on attribute (50) reached." }));
    let items: Vec<Value> = (0..51).map(|id| json!({ "id": id, "company": "C" })).collect();
    assert_eq!(api.call("edit", &edit(&items)), refusal);
    assert_eq!(api.status("edit", &edit(&items[1..])), 200);
    let ids: Vec<u64> = (0..51).collect();
    assert_eq!(api.call("status_change", &json!({ "ids": ids, "status": "ACTIVE" })), refusal);
    assert_eq!(api.status("status_change", &json!({ "ids": ids[1..], "status": "ACTIVE" })), 200);
}

#[test]
fn a_status_change_distinguishes_known_from_unknown_ids() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    let body = json!({ "ids": [id, 1], "status": "DISABLED" });
    assert_eq!(api.call("status_change", &body), result(&[id], &[1]));
    assert_eq!(api.affiliate("ann@x.com").status, Status::Disabled);
    assert_eq!(api.call("status_change", &body), result(&[id], &[1]), "the present status");
    assert_eq!((api.effects().status_changed, api.effects().status_changed_in_vain), (1, 1));
}

#[test]
fn by_switch_the_present_status_is_not_changed() {
    let mut api = Api::with(Switches { same_status_not_changed: true, ..Switches::default() });
    let id = api.create("ann@x.com");
    assert_eq!(api.call("status_change", &json!({ "ids": [id], "status": "ACTIVE" })), result(&[], &[id]));
}

#[test]
fn pending_cannot_be_set() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    let answer = api.call("status_change", &json!({ "ids": [id], "status": "PENDING" }));
    assert_eq!(answer, refused(&["PENDING is not a allowed value for field status"]));
    assert_eq!(api.status("status_change", &json!({ "ids": [id.to_string()], "status": "ACTIVE" })), 422);
    assert_eq!(api.status("status_change", &json!({ "ids": [], "status": "ACTIVE" })), 400);
    assert_eq!(api.status("status_change", &json!({ "ids": [id] })), 400);
}

#[test]
fn items_without_effect_are_counted() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    let item = json!({ "id": id, "company": "C" });
    assert_eq!(api.call("edit", &edit(&[item.clone(), item])), result(&[id, id], &[]));
    let effects = api.effects();
    assert_eq!((effects.edited, effects.edited_in_vain, effects.repeated_in_one_batch), (1, 1, 1));
}

#[test]
fn an_edit_that_changes_nothing_is_not_changed_if_a_switch_says_so() {
    let counts = Switches { same_values_not_changed: true, ..Switches::default() };
    for (switches, is_changed) in [(Switches::default(), true), (counts, false)] {
        let mut api = Api::with(switches);
        let id = api.create("ann@x.com");
        let edits = edit(&[json!({ "id": id, "city": "Bern" })]);
        assert_eq!(api.call("edit", &edits), result(&[id], &[]));
        let again = if is_changed { result(&[id], &[]) } else { result(&[], &[id]) };
        assert_eq!(api.call("edit", &edits), again);
    }
}
