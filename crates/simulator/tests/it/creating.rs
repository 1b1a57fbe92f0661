//! `/affiliate/new`: accepted and refused requests, and the answers.

use serde_json::json;
use simulator::{ExistingAffiliate, Reply, Status, Switches};

use crate::support::{Api, PUBLIC, SECRET, and, new, refused};

const TAKEN: &str = "The email you have entered is taken by another Affiliate.";

#[test]
fn every_field_is_stored_as_sent() {
    let mut api = Api::new();
    let body = json!({
        "first_name": "Ann", "last_name": "Example", "email": "Ann@X.com", "password": "Abcdef1!x",
        "status": "PENDING", "offer": "12", "company": "C", "address1": "A1", "address2": "A2", "city": "B",
        "zip": "01234", "state": "CA", "phone": "1", "paypal_email": "pay@x.com", "country": "US",
        "send_welcome": "TRUE", "conversion_trigger_coupon": "code", "unique_merchant_id": "97980cfea0067",
    });
    assert_eq!(api.call("new", &body).0, 200);
    let stored = serde_json::to_value(api.affiliate("ann@x.com")).unwrap();
    for (name, value) in body.as_object().unwrap() {
        if !["password", "send_welcome", "conversion_trigger_coupon"].contains(&name.as_str()) {
            assert_eq!(stored[name], *value, "{name}");
        }
    }
    assert_eq!(api.effects().welcome_mails, 1);
}

#[test]
fn the_answer_has_the_code_and_only_the_message_has_the_numeric_id() {
    let mut api = Api::new();
    let (status, body) = api.call("new", &new("ann@x.com"));
    let ann = api.affiliate("ann@x.com");
    assert_eq!(status, 200);
    assert_eq!(body["id"], ann.code);
    assert!(body["link"].as_str().unwrap().ends_with(&format!(".refersion.com/c/{}", ann.code)));
    assert_eq!(
        body["message"],
        format!("The affiliate {} has been created with the status of ACTIVE.", ann.id)
    );
}

#[test]
fn by_switch_there_is_no_message() {
    let mut api = Api::with(Switches { no_create_message: true, ..Switches::default() });
    assert!(api.call("new", &new("ann@x.com")).1.get("message").is_none());
}

#[test]
fn an_address_is_unique_in_an_account_ignoring_case() {
    let mut api = Api::new();
    api.create("ann@x.com");
    assert_eq!(api.call("new", &new("ANN@X.com")), refused(&[TAKEN]));
    assert_eq!(api.effects().creates_of_a_taken_address, 1);
}

#[test]
fn the_address_of_a_disabled_affiliate_stays_taken() {
    let mut api = Api::new();
    let existing = ExistingAffiliate { status: Status::Disabled, ..ExistingAffiliate::active("ann@x.com") };
    assert!(api.simulator.add_affiliate(PUBLIC, existing.clone()).is_some());
    assert!(api.simulator.add_affiliate(PUBLIC, existing).is_none());
    assert_eq!(api.call("new", &new("ann@x.com")), refused(&[TAKEN]));
}

#[test]
fn the_address_of_a_removed_affiliate_is_free() {
    let mut api = Api::new();
    let id = api.create("ann@x.com");
    assert!(api.simulator.remove(PUBLIC, id));
    assert!(!api.simulator.remove(PUBLIC, id));
    assert_eq!(api.call("get", &json!({ "id": id })), refused(&["Affiliate not found."]));
    assert_ne!(api.create("ann@x.com"), id);
}

#[test]
fn values_outside_the_closed_lists_are_refused_by_name() {
    let cases = [
        ("country", "CY"),
        ("country", "UK"),
        ("country", "us"),
        ("country", "USA"),
        ("status", "pending"),
        ("status", "DISABLED"),
        ("send_welcome", "true"),
        ("email", "ann"),
        ("paypal_email", "ann"),
        ("offer", "x"),
    ];
    for (field, value) in cases {
        let expected = format!("{value} is not a allowed value for field {field}");
        assert_eq!(Api::new().call("new", &and(new("ann@x.com"), field, value)), refused(&[&expected]));
    }
}

#[test]
fn text_fields_accept_strings_only() {
    for (field, value) in
        [("zip", json!(1234)), ("send_welcome", json!(true)), ("offer", json!(1)), ("city", json!(null))]
    {
        let expected = format!("{value} is not a allowed value for field {field}");
        assert_eq!(Api::new().call("new", &and(new("ann@x.com"), field, value)), refused(&[&expected]));
    }
}

#[test]
fn a_text_has_255_characters_at_most() {
    let mut api = Api::new();
    assert_eq!(api.status("new", &and(new("a@x.com"), "company", "ü".repeat(255))), 200);
    let too_long = api.call("new", &and(new("b@x.com"), "company", "ü".repeat(256)));
    assert_eq!(too_long, refused(&["Value exceed the char limit"]));
}

#[test]
fn one_answer_lists_all_errors() {
    let body = and(and(new("ann@x.com"), "first_name", " "), "password", "Abcde1!x");
    let expected = [
        "The First Name field is required.",
        "The password should be at least 9 characters long. Current password length is 8 characters",
    ];
    assert_eq!(Api::new().call("new", &body), refused(&expected));
}

#[test]
fn a_coupon_can_be_used_once() {
    let mut api = Api::new();
    let with_coupon = |email| and(new(email), "conversion_trigger_coupon", "code100");
    assert_eq!(api.status("new", &with_coupon("a@x.com")), 200);
    let taken = "Conversion trigger already exists for same or another affiliate.";
    assert_eq!(api.call("new", &with_coupon("b@x.com")), refused(&[taken]));
    assert_eq!(api.call("new", &with_coupon("a@x.com")), refused(&[TAKEN, taken]));
}

#[test]
fn a_merchant_id_may_have_hyphens_unless_a_switch_says_otherwise() {
    let body = and(new("ann@x.com"), "unique_merchant_id", "a-1");
    assert_eq!(Api::new().status("new", &body), 200);
    let mut strict = Api::with(Switches { alphanumeric_merchant_id: true, ..Switches::default() });
    assert_eq!(strict.status("new", &body), 422);
}

#[test]
fn by_switch_a_state_has_two_or_three_letters() {
    let body = and(new("ann@x.com"), "state", "Bavaria");
    assert_eq!(Api::new().status("new", &body), 200);
    assert_eq!(Api::with(Switches { short_states: true, ..Switches::default() }).status("new", &body), 422);
}

#[test]
fn an_offer_that_does_not_exist_is_refused() {
    let mut api = Api::with(Switches { offers: [7, 8].into(), ..Switches::default() });
    assert_eq!(api.status("new", &and(new("a@x.com"), "offer", "9")), 422);
    assert_eq!(api.status("new", &and(new("a@x.com"), "offer", "8")), 200);
    api.create("b@x.com");
    assert_eq!(
        (api.affiliate("a@x.com").offer.as_str(), api.affiliate("b@x.com").offer.as_str()),
        ("8", "7")
    );
}

#[test]
fn a_message_may_count_instead_of_naming_the_id() {
    let mut api = Api::with(Switches { create_message_counts: true, ..Switches::default() });
    let (_, body) = api.call("new", &new("ann@x.com"));
    assert_eq!(body["message"], "1 affiliate has been created.");
}

#[test]
fn a_late_create_is_carried_out_after_its_connection_was_closed() {
    let mut api = Api::with_faults("late=100%:12s");
    assert_eq!(api.status("new", &new("ann@x.com")), 0);
    assert!(api.simulator.find_by_email(PUBLIC, "ann@x.com").is_none());
    api.now += std::time::Duration::from_secs(12);
    api.simulator.advance(api.now);
    assert!(api.simulator.find_by_email(PUBLIC, "ann@x.com").is_some());
}

#[test]
fn json_may_begin_with_a_byte_order_mark() {
    let mut api = Api::with(Switches { byte_order_mark: true, ..Switches::default() });
    let body = new("ann@x.com").to_string();
    let reply = api.send("/v2/affiliate/new", (PUBLIC, SECRET), body.as_bytes());
    let Reply::Answer { body, .. } = reply else { panic!("dropped") };
    assert!(body.starts_with(b"\xef\xbb\xbf{"));
}
