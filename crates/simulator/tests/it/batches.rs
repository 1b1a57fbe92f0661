//! `/affiliate/edit` and `/affiliate/status_change`: batches, and what becomes of their items.

use serde_json::{Value, json};
use simulator::{Options, Status, Switches};

use crate::support::{Api, and, new, refused};

fn edit(items: &[Value]) -> Value {
    json!({ "affiliates": items })
}

fn done(changed: &[u64], not_changed: &[u64]) -> (u16, Value) {
    (200, json!({ "ids_changed": changed, "ids_not_changed": not_changed }))
}

#[test]
fn an_edit_changes_what_it_names_and_leaves_the_rest() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    let item =
        json!({ "id": id, "company": "C", "offer": 5, "custom_fields": [{"1234": "Hello"}, {"22222": "x"}] });
    assert_eq!(api.call("edit", &edit(&[item])), done(&[id], &[]));
    let ann = api.affiliate("ann@x.com");
    assert_eq!((ann.company.as_str(), ann.offer.as_str(), ann.first_name.as_str()), ("C", "5", "Ann"));
    assert_eq!(ann.custom_fields, [(1234, "Hello".into()), (22222, "x".into())].into());
    assert_eq!(api.effects().edited, 1);
}

#[test]
fn an_empty_text_clears() {
    let mut api = Api::new();
    assert_eq!(api.status("new", &and(and(new("ann@x.com"), "company", "C"), "country", "US")), 200);
    let id = api.affiliate("ann@x.com").id;
    api.call("edit", &edit(&[json!({ "id": id, "custom_fields": [{"1": "x"}] })]));
    let clear = json!({ "id": id, "company": "", "country": "", "custom_fields": [{"1": ""}] });
    assert_eq!(api.call("edit", &edit(&[clear])), done(&[id], &[]));
    let ann = api.affiliate("ann@x.com");
    assert_eq!((ann.company.as_str(), ann.country.as_str(), ann.custom_fields.len()), ("", "", 0));
}

#[test]
fn unknown_ids_and_taken_addresses_keep_only_their_item_out() {
    let mut api = Api::new();
    let (ann, bob) = (api.create("ann@x.com"), api.create("bob@x.com"));
    let items = [
        json!({ "id": 1, "company": "C" }),
        json!({ "id": ann, "company": "C" }),
        json!({ "id": bob, "company": "C", "email": "ANN@x.com" }),
    ];
    assert_eq!(api.call("edit", &edit(&items)), done(&[ann], &[1, bob]));
    assert_eq!(api.affiliate("bob@x.com").company, "", "an item is done whole or not at all");
}

#[test]
fn an_address_that_one_item_leaves_is_free_for_the_next() {
    let mut api = Api::new();
    let (ann, bob) = (api.create("ann@x.com"), api.create("bob@x.com"));
    let items = [json!({ "id": ann, "email": "new@x.com" }), json!({ "id": bob, "email": "ann@x.com" })];
    assert_eq!(api.call("edit", &edit(&items)), done(&[ann, bob], &[]));
    assert_eq!((api.affiliate("new@x.com").id, api.affiliate("ann@x.com").id), (ann, bob));
}

#[test]
fn an_affiliate_may_change_the_case_of_its_own_address() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    assert_eq!(api.call("edit", &edit(&[json!({ "id": id, "email": "Ann@X.com" })])), done(&[id], &[]));
    assert_eq!(api.affiliate("ann@x.com").email, "Ann@X.com");
}

#[test]
fn an_unknown_custom_field_keeps_its_item_out() {
    let mut api = Api::of(Options { custom_fields: [(7, "Plan".into())].into(), ..Options::default() });
    let id = api.create("ann@x.com");
    let with = |key: &str| edit(&[json!({ "id": id, "company": "C", "custom_fields": [{key: "v"}] })]);
    assert_eq!(api.call("edit", &with("8")), done(&[], &[id]));
    assert_eq!(api.call("edit", &with("plan")), done(&[], &[id]));
    assert_eq!(api.affiliate("ann@x.com").company, "");
    assert_eq!(api.call("edit", &with("7")), done(&[id], &[]));
    let (_, shown) = api.call("get", &json!({ "id": id }));
    assert_eq!(shown["custom_fields"], json!([{ "label": "Plan", "value": "v" }]));
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
fn an_edit_knows_no_status_password_welcome_or_merchant_id() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    for name in ["status", "password", "send_welcome", "unique_merchant_id", "affiliate_code"] {
        assert_eq!(api.status("edit", &edit(&[and(json!({ "id": id }), name, "x")])), 204, "{name}");
    }
}

#[test]
fn an_edit_wants_affiliates_with_ids() {
    for body in [json!({}), edit(&[]), json!({ "affiliates": 1 }), edit(&[json!({ "company": "C" })])] {
        assert_eq!(Api::new().status("edit", &body), 400, "{body}");
    }
    assert_eq!(
        Api::new().status("edit", &json!({ "id": "1", "company": "C" })),
        204,
        "the flat object of v1"
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
fn a_status_change_tells_known_from_unknown_ids() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    let body = json!({ "ids": [id, 1], "status": "DISABLED" });
    assert_eq!(api.call("status_change", &body), done(&[id], &[1]));
    assert_eq!(api.affiliate("ann@x.com").status, Status::Disabled);
    assert_eq!(api.call("status_change", &body), done(&[id], &[1]), "already there");
    assert_eq!((api.effects().status_changed, api.effects().status_changed_in_vain), (1, 1));
}

#[test]
fn by_switch_a_status_that_is_there_already_is_not_changed() {
    let mut api = Api::with(Switches { same_status_not_changed: true, ..Switches::default() });
    let id = api.create("ann@x.com");
    assert_eq!(api.call("status_change", &json!({ "ids": [id], "status": "ACTIVE" })), done(&[], &[id]));
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
fn waste_is_counted() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    let item = json!({ "id": id, "company": "C" });
    assert_eq!(api.call("edit", &edit(&[item.clone(), item])), done(&[id, id], &[]));
    let effects = api.effects();
    assert_eq!((effects.edited, effects.edited_in_vain, effects.repeated_in_one_batch), (1, 1, 1));
}
