//! The bodies of identifies and deletes, in the spellings and shapes that Segment's customers use.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use super::people::{Person, pick};
use super::words::PLANS;

/// How traits are spelled in one source: each row names first name, last name, phone and the parts of an address.
const SPELLINGS: [[&str; 8]; 4] = [
    ["firstName", "lastName", "phone", "address", "street", "city", "state", "postalCode"],
    ["first_name", "last_name", "phone", "Address", "Street", "City", "State", "postal_code"],
    ["FIRSTNAME", "LASTNAME", "PHONE", "ADDRESS", "STREET", "CITY", "STATE", "ZIP"],
    ["First Name", "Last Name", "Phone", "address", "street", "city", "state", "zipCode"],
];

/// An identify with all traits of a sign-up.
pub(super) fn sign_up(person: &Person, at: Option<Timestamp>, rng: &mut StdRng) -> Value {
    let spelling = SPELLINGS[rng.random_range(0..SPELLINGS.len())];
    let mut traits = Map::new();
    name(person, &spelling, &mut traits, rng);
    if !person.without_address {
        place(person, &spelling, &mut traits, rng);
    }
    if let Some(phone) = &person.phone {
        traits.insert(spelling[2].to_owned(), json!(phone));
    }
    if let Some(company) = &person.company {
        let shaped = if rng.random_bool(0.5) { json!(company) } else { json!({ "name": company }) };
        traits.insert("company".to_owned(), shaped);
    }
    traits.insert("plan".to_owned(), json!(person.plan));
    if rng.random_bool(0.3) {
        traits.insert("favoriteColor".to_owned(), json!(pick(&["green", "red", "blue"], rng)));
    }
    let mut event = identify(Some(&person.user), person.anonymous.as_deref(), at, rng);
    email(person, &mut event, &mut traits, rng);
    event.insert("traits".to_owned(), Value::Object(traits));
    if person.not_for_us {
        event.insert("integrations".to_owned(), json!({ "All": true, "Refersion": false }));
    }
    Value::Object(event)
}

fn name(person: &Person, spelling: &[&str; 8], traits: &mut Map<String, Value>, rng: &mut StdRng) {
    let Some(last_name) = person.last_name else {
        traits.insert("name".to_owned(), json!(person.first_name));
        return;
    };
    if rng.random_bool(0.25) {
        traits.insert("name".to_owned(), json!(format!("{} {last_name}", person.first_name)));
    } else {
        traits.insert(spelling[0].to_owned(), json!(person.first_name));
        traits.insert(spelling[1].to_owned(), json!(last_name));
    }
}

/// The postal address: an object mostly, the traits themselves at times, and once in a while all of it as one text.
fn place(person: &Person, spelling: &[&str; 8], traits: &mut Map<String, Value>, rng: &mut StdRng) {
    if rng.random_bool(0.02) {
        traits.insert(spelling[3].to_owned(), json!(format!("{}, {}", person.street, person.city.name)));
        return;
    }
    let mut parts = Map::new();
    parts.insert(spelling[4].to_owned(), json!(person.street));
    parts.insert(spelling[5].to_owned(), json!(person.city.name));
    if let Some(state) = person.city.state {
        parts.insert(spelling[6].to_owned(), json!(state));
    }
    parts.insert(spelling[7].to_owned(), json!(person.city.postal_code));
    parts.insert("country".to_owned(), json!(pick(person.city.countries, rng)));
    if rng.random_bool(0.1) {
        traits.extend(parts);
    } else {
        traits.insert(spelling[3].to_owned(), Value::Object(parts));
    }
}

/// The email, in one of the places where Segment's customers put it, and not always in lower case.
fn email(person: &Person, event: &mut Map<String, Value>, traits: &mut Map<String, Value>, rng: &mut StdRng) {
    let written = match rng.random_range(0..20) {
        0 => person.email.to_uppercase(),
        1 => format!(" {} ", person.email),
        _ => person.email.clone(),
    };
    match rng.random_range(0..20) {
        0 => event.insert("context".to_owned(), json!({ "traits": { "email": written } })),
        1 => event.insert("properties".to_owned(), json!({ "email": written })),
        2 => event.insert("email".to_owned(), json!(written)),
        3 => traits.insert("Email".to_owned(), json!(written)),
        _ => traits.insert("email".to_owned(), json!(written)),
    };
}

/// An anonymous identify from a browser, before the sign-up.
pub(super) fn visit(anonymous: &str, at: Timestamp, rng: &mut StdRng) -> Value {
    let mut event = identify(None, Some(anonymous), Some(at), rng);
    event.insert("traits".to_owned(), json!({ "plan": "trial", "referrer": "newsletter" }));
    Value::Object(event)
}

/// A few traits of a known user, and nothing else.
pub(super) fn later(user: &str, traits: Value, at: Timestamp, rng: &mut StdRng) -> Value {
    let mut event = identify(Some(user), None, Some(at), rng);
    event.insert("traits".to_owned(), traits);
    Value::Object(event)
}

/// A change of plan without an email address.
pub(super) fn change_of_plan(person: &Person, at: Timestamp, rng: &mut StdRng) -> Value {
    let plan = *pick(&PLANS, rng);
    later(&person.user, json!({ "plan": plan, "city": "Elsewhere", "company": null }), at, rng)
}

/// A request to forget a person, as Segment's privacy portal sends it.
pub(super) fn delete(user: &str, email: Option<&str>, at: Timestamp, rng: &mut StdRng) -> Value {
    let mut event = json!({
        "type": "delete",
        "channel": "server",
        "messageId": format!("delete-{}", id(rng)),
        "userId": user,
        "context": [],
        "integrations": [],
        "receivedAt": at.to_string(),
        "timestamp": at.to_string(),
    });
    if let Some(email) = email {
        event["email"] = json!(email);
    }
    event
}

fn identify(
    user: Option<&str>,
    anonymous: Option<&str>,
    at: Option<Timestamp>,
    rng: &mut StdRng,
) -> Map<String, Value> {
    let mut event = Map::new();
    event.insert("type".to_owned(), json!("identify"));
    event.insert("messageId".to_owned(), json!(format!("demo-{}", id(rng))));
    event.insert("userId".to_owned(), json!(user));
    event.insert("anonymousId".to_owned(), json!(anonymous));
    if let Some(at) = at {
        let received = at + SignedDuration::from_millis(rng.random_range(20..2_000));
        event.insert("timestamp".to_owned(), json!(at.to_string()));
        event.insert("receivedAt".to_owned(), json!(received.to_string()));
    }
    event
}

/// Something that no other message has.
pub(super) fn id(rng: &mut StdRng) -> String {
    format!("{:032x}", rng.random::<u128>())
}
