//! `/affiliate/get`, `/affiliate/search` and `/affiliate/list`.

use serde_json::{Value, json};
use simulator::{ExistingAffiliate, Status, Switches};

use crate::support::{Api, PUBLIC, refused};

const NO_HIT: &str = "Could not find affiliates with this keyword.";

fn found(api: &mut Api, body: &Value) -> Vec<String> {
    let (status, body) = api.call("search", body);
    assert_eq!(status, 200);
    let emails =
        body["results"].as_array().unwrap().iter().map(|row| row["email"].as_str().unwrap().to_owned());
    emails.collect()
}

#[test]
fn get_finds_by_numeric_id_or_code_and_returns_the_documented_fields() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    let code = api.affiliate("ann@x.com").code;
    let (status, by_id) = api.call("get", &json!({ "id": id }));
    assert_eq!(status, 200);
    assert_eq!(api.call("get", &json!({ "affiliate_code": code })).1, by_id);
    assert_eq!(by_id["id"], id);
    let mut names: Vec<&String> = by_id.as_object().unwrap().keys().collect();
    names.sort();
    let documented = [
        "company_name",
        "custom_fields",
        "email",
        "first_name",
        "id",
        "last_name",
        "link",
        "offer_id",
        "status",
    ];
    assert_eq!(names, documented);
    assert!(by_id["offer_id"].is_string());
}

#[test]
fn by_switch_get_returns_the_id_as_text() {
    let mut api = Api::with(Switches { get_id_as_text: true, ..Switches::default() });
    let id = api.create("ann@x.com");
    assert_eq!(api.call("get", &json!({ "id": id })).1["id"], id.to_string());
}

#[test]
fn get_distinguishes_not_found_from_a_missing_filter() {
    let mut api = Api::new();
    api.create("ann@x.com");
    let code = api.affiliate("ann@x.com").code;
    let signed = json!({ "id": format!("+{}", api.affiliate("ann@x.com").id) });
    for body in [json!({ "id": 1 }), json!({ "affiliate_code": "zzzzzz9" }), json!({ "id": code }), signed] {
        assert_eq!(api.call("get", &body), refused(&["Affiliate not found."]));
    }
    assert_eq!(api.call("get", &json!({})), refused(&["Request filter not provided."]));
}

#[test]
fn search_finds_parts_of_addresses_and_whole_ids_and_codes() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    api.create("joann@x.com");
    api.create("bob@y.com");
    let code = api.affiliate("ann@x.com").code;
    assert_eq!(found(&mut api, &json!({ "keyword": "ANN@x.com" })), ["ann@x.com", "joann@x.com"]);
    assert_eq!(found(&mut api, &json!({ "keyword": id.to_string() })), ["ann@x.com"]);
    assert!(found(&mut api, &json!({ "keyword": code })).contains(&"ann@x.com".to_owned()));
    assert_eq!(api.call("search", &json!({ "keyword": "carol" })), refused(&[NO_HIT]));
    let part_of_an_id = &id.to_string()[..7];
    assert_eq!(api.call("search", &json!({ "keyword": part_of_an_id })), refused(&[NO_HIT]));
}

#[test]
fn a_row_of_a_search_has_the_code_as_its_id() {
    let mut api = Api::new();
    api.create("ann@x.com");
    let (_, body) = api.call("search", &json!({ "keyword": "ann@x.com" }));
    assert_eq!(body["total"], 1);
    assert_eq!(body["results"][0]["id"], api.affiliate("ann@x.com").code);
}

#[test]
fn search_finds_denied_and_disabled_affiliates() {
    let mut api = Api::new();
    for (email, status) in [("a@x.com", Status::Denied), ("b@x.com", Status::Disabled)] {
        let existing = ExistingAffiliate { status, ..ExistingAffiliate::active(email) };
        api.simulator.add_affiliate(PUBLIC, existing).unwrap();
    }
    assert_eq!(found(&mut api, &json!({ "keyword": "@x.com" })), ["a@x.com", "b@x.com"]);
}

#[test]
fn search_filters_by_name() {
    let mut api = Api::new();
    let existing = ExistingAffiliate { first_name: "Zoe".into(), ..ExistingAffiliate::active("zoe@x.com") };
    api.simulator.add_affiliate(PUBLIC, existing).unwrap();
    api.create("ann@x.com");
    assert_eq!(found(&mut api, &json!({ "keyword": "x.com", "first_name": "zoe" })), ["zoe@x.com"]);
    assert_eq!(api.status("search", &json!({ "keyword": "x.com", "last_name": "Nobody" })), 422);
}

#[test]
fn a_page_of_a_search_has_50_rows() {
    let mut api = Api::new();
    for number in 0..120 {
        api.create(&format!("{number}ann@x.com"));
    }
    let page = |page: &str| json!({ "keyword": "ann@x.com", "page": page });
    let sizes = ["1", "2", "3", "4"].map(|number| found(&mut api, &page(number)).len());
    assert_eq!(sizes, [50, 50, 20, 0]);
    assert_eq!(api.call("search", &page("3")).1["total"], 120);
}

#[test]
fn by_switch_a_search_without_a_hit_is_200() {
    let mut api = Api::with(Switches { empty_search_is_200: true, ..Switches::default() });
    assert_eq!(api.call("search", &json!({ "keyword": "ann" })), (200, json!({ "total": 0, "results": [] })));
}

#[test]
fn list_pages_by_strings_newest_first() {
    let mut api = Api::new();
    for number in 0..5 {
        api.create(&format!("{number}@x.com"));
    }
    let (_, body) = api.call("list", &json!({ "limit": "2", "page": "2" }));
    assert_eq!((&body["total"], body["results"].as_array().unwrap().len()), (&json!(5), 2));
    assert_eq!(body["results"][0]["email"], "2@x.com");
    assert_eq!(api.call("list", &json!({ "limit": "2", "page": "9" })).1["results"], json!([]));
}

#[test]
fn a_page_of_a_list_has_at_most_100_rows() {
    let page = |limit: &str| json!({ "limit": limit, "page": "1" });
    let refusal = refused(&["101 is not a allowed value for field limit"]);
    assert_eq!(Api::new().call("list", &page("101")), refusal);
    assert_eq!(Api::new().status("list", &page("99999999999999999999")), 422);

    let mut api = Api::with(Switches { list_limit_is_capped: true, ..Switches::default() });
    for number in 0..101 {
        api.create(&format!("{number}@x.com"));
    }
    for limit in ["100", "101"] {
        assert_eq!(api.call("list", &page(limit)).1["results"].as_array().unwrap().len(), 100, "{limit}");
    }
}

#[test]
fn page_and_limit_are_strings_of_digits_unless_a_switch_accepts_integers() {
    let body = json!({ "limit": 1, "page": 1 });
    assert_eq!(Api::new().status("list", &body), 422);
    assert_eq!(Api::with(Switches { integer_pages: true, ..Switches::default() }).status("list", &body), 200);
    for bad in ["0", "-1", "+1", " 1", "1.0", "x", ""] {
        assert_eq!(Api::new().status("list", &json!({ "limit": "1", "page": bad })), 422, "{bad}");
        assert_eq!(Api::new().status("list", &json!({ "limit": bad, "page": "1" })), 422, "{bad}");
        assert_eq!(Api::new().status("search", &json!({ "keyword": "ann", "page": bad })), 422, "{bad}");
    }
}

#[test]
fn the_state_has_every_field() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    api.call("edit", &json!({ "affiliates": [{ "id": id, "custom_fields": [{"12": "v"}] }] }));
    let state = serde_json::to_value(api.simulator.state()).unwrap();
    assert_eq!(state["accounts"][0]["public_key"], PUBLIC);
    let ann = &state["accounts"][0]["affiliates"][0];
    assert_eq!(
        (&ann["id"], &ann["status"], &ann["custom_fields"]),
        (&json!(id), &json!("ACTIVE"), &json!({ "12": "v" }))
    );
    assert_eq!(ann.as_object().unwrap().len(), 18);
    let back: simulator::State = serde_json::from_value(state).unwrap();
    assert_eq!(back, api.simulator.state());
}

#[test]
fn a_page_may_be_short_and_count_only_itself() {
    let mut api =
        Api::with(Switches { short_pages: true, total_is_of_the_page: true, ..Switches::default() });
    for number in 0..5 {
        api.create(&format!("{number}ann@x.com"));
    }
    let mut rows = |page: &str| {
        let (_, body) = api.call("search", &json!({ "keyword": "ann@x.com", "page": page }));
        (body["total"].as_u64(), body["results"].as_array().map(Vec::len))
    };
    assert_eq!((rows("1"), rows("2")), ((Some(3), Some(3)), (Some(2), Some(2))));
}

#[test]
fn a_search_may_find_a_new_affiliate_only_later() {
    let lag = std::time::Duration::from_secs(3);
    let mut api = Api::with(Switches { search_lags: lag, ..Switches::default() });
    api.create("ann@x.com");
    let body = json!({ "keyword": "ann@x.com" });
    assert_eq!(api.status("search", &body), 422);
    api.now += lag;
    assert_eq!(api.status("search", &body), 200);
}
