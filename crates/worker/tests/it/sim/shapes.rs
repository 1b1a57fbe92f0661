//! Events as they really are: traits in other places and under other keys, repeated keys, identifiers that name no person,
//! invisible characters, values that cannot be used, numbers that no double holds.
//!
//! Each shape keeps the identifiers and the words of the event.

use serde_json::{Map, Value, json};

use super::dice::Dice;

/// Identifiers that name nobody.
const JUNK: [&str; 8] = [
    "undefined",
    "null",
    "[object Object]",
    "Guest",
    "(not set)",
    "00000000-0000-0000-0000-000000000000",
    "{{user.id}}",
    "shop-placeholder",
];

/// Numbers that no double holds.
const LARGE: [&str; 3] = ["123456789012345678901", "1e400", "-98765432109876543210"];

/// A userId that some sources send as a number, which no double holds.
pub(crate) const LARGE_ID: &str = "900719925474099312345";

/// Street, second line and postal code, as Stripe, WooCommerce, Shopify and Segment call them.
const LINES: [[&str; 3]; 4] = [
    ["line1", "line2", "postal_code"],
    ["address_1", "address_2", "postcode"],
    ["address1", "address2", "zip"],
    ["street", "street2", "postalCode"],
];

/// Draws an identifier that names no person. The last of the list is blocked by the settings of the simulation's accounts.
pub(crate) fn junk(dice: &Dice) -> Value {
    match dice.below(12) {
        0 => json!(false),
        1 => json!(0),
        2 => json!(-1),
        _ => json!(*dice.pick(&JUNK)),
    }
}

/// The identifier that is blocked by setting.
pub(crate) fn placeholder() -> String {
    JUNK[JUNK.len() - 1].to_owned()
}

/// Gives an identify odd shapes.
pub(crate) fn reshape(dice: &Dice, event: &mut Value) {
    identifiers(dice, event);
    message_id(dice, event);
    let Some(Value::Object(mut traits)) = event.get_mut("traits").map(Value::take) else { return };
    values(dice, &mut traits);
    keys(dice, &mut traits);
    address(dice, &mut traits);
    if dice.per_mille(60) {
        let first = *dice.pick(&["city", "email", "last_name", "plan"]);
        let (moved, kept): (Map<_, _>, Map<_, _>) =
            traits.into_iter().partition(|(key, _)| key.as_str() < first);
        in_context(event, Value::Object(moved));
        traits = kept;
    }
    if dice.per_mille(40) {
        let above =
            traits.keys().find(|key| ["first_name", "email", "company", "name"].contains(&key.as_str()));
        if let Some(key) = above.cloned() {
            event[&key] = traits.remove(&key).unwrap_or_default();
        }
    }
    let traits = Value::Object(traits);
    match dice.below(20) {
        0 => event["traits"] = json!(traits.to_string()),
        1 => event["traits"] = json!({ "traits": traits }),
        2 => event["properties"] = traits,
        // Some of them may be there already.
        3 | 4 if event["context"]["traits"].is_null() => {
            event["traits"] = if dice.below(2) == 0 { json!({}) } else { Value::Null };
            in_context(event, traits);
        }
        _ => event["traits"] = traits,
    }
}

fn in_context(event: &mut Value, traits: Value) {
    if event["context"].is_null() {
        event["context"] = json!({});
    }
    event["context"]["traits"] = traits;
}

/// Another spelling instead of the usual one or beside it, a number, or none.
fn message_id(dice: &Dice, event: &mut Value) {
    match dice.below(30) {
        0 => event["message_id"] = event["messageId"].take(),
        1 => event["message_id"] = json!(format!("other-{}", dice.below(3))),
        2 => event["messageId"] = Value::Null,
        3 => event["messageId"] = json!(dice.next()),
        _ => {}
    }
}

/// Writes the large userId as a number, as some sources do.
pub(crate) fn with_large_id(dice: &Dice, json: String) -> String {
    if dice.below(2) == 0 {
        return json;
    }
    json.replacen(&format!("\"userId\":\"{LARGE_ID}\""), &format!("\"userId\":{LARGE_ID}"), 1)
}

/// Writes one key of an identify's traits twice; the first one has no value.
pub(crate) fn with_key_twice(dice: &Dice, json: String) -> String {
    let key = *dice.pick(&["email", "plan", "company", "first_name"]);
    let value = *dice.pick(&["null", "\"\"", "[]"]);
    if !dice.per_mille(30) {
        return json;
    }
    json.replacen("\"traits\":{\"", &format!("\"traits\":{{\"{key}\":{value},\""), 1)
}

/// Writes a number that no double holds into the text of an identify, as a trait of its own or as `plan`.
pub(crate) fn with_large_number(dice: &Dice, json: String) -> String {
    if !dice.per_mille(30) {
        return json;
    }
    let name = if dice.below(2) == 0 { "plan" } else { "serial" };
    json.replacen("\"traits\":{\"", &format!("\"traits\":{{\"{name}\":{},\"", dice.pick(&LARGE)), 1)
}

fn identifiers(dice: &Dice, event: &mut Value) {
    for (key, other) in [("userId", "user_id"), ("anonymousId", "anonymous_id")] {
        if event[key].is_null() {
            if dice.per_mille(60) {
                event[key] = junk(dice);
            }
            continue;
        }
        if dice.per_mille(60) {
            event[key] = json!(with_invisible(dice, event[key].as_str().unwrap_or_default()));
        }
        if dice.per_mille(60) {
            event[other] = event[key].take();
            event[key] = if dice.below(2) == 0 { Value::Null } else { junk(dice) };
        }
    }
}

fn with_invisible(dice: &Dice, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let place = usize::try_from(dice.below(chars.len() as u64 + 1)).expect("small");
    chars.insert(place, *dice.pick(&['\u{200b}', '\u{feff}', '\u{2060}', '\u{ad}', '\u{7}']));
    chars.into_iter().collect()
}

fn values(dice: &Dice, traits: &mut Map<String, Value>) {
    if let Some(email) = traits.get("email").and_then(Value::as_str).map(str::to_owned) {
        let odd = match dice.below(30) {
            0 => with_invisible(dice, &email),
            1 => format!("<{email}>"),
            2 => format!("mailto:{email}"),
            3 => format!("Ann <{email}>"),
            4 => format!(" \"{email}\"\u{a0}"),
            _ => email,
        };
        traits.insert("email".into(), json!(odd));
    }
    for key in ["company", "phone", "plan"] {
        // Other words stay whole, because checks search the stored data for them.
        if let Some(text) =
            traits.get(key).and_then(Value::as_str).filter(|text| ["gold", "0123"].contains(text))
        {
            let odd = with_invisible(dice, text);
            if dice.per_mille(60) {
                traits.insert(key.into(), json!(odd));
            }
        }
    }
    if dice.per_mille(20) {
        traits.insert("company".into(), json!(["Acme"]));
    }
    if dice.per_mille(50) {
        traits.insert("tags".into(), json!(["gold", "vip"]));
    }
    if dice.per_mille(30) && !traits.contains_key("phone") {
        traits.insert("phone".into(), json!({ "home": "1" }));
    }
    if dice.per_mille(40) {
        let state = *dice.pick(&["trialing", "California", "CA", "past_due", "Bayern"]);
        traits.insert("state".into(), json!(state));
    }
    if traits.contains_key("first_name") && dice.per_mille(60) {
        traits.insert("last_name".into(), json!(*dice.pick(&["", " "])));
    }
    if dice.per_mille(40) {
        traits.insert("org".into(), json!({ "title": dice.pick(&["Acme", "Initech"]) }));
    }
}

/// One trait under two keys, of which one has no value.
fn keys(dice: &Dice, traits: &mut Map<String, Value>) {
    for (key, other) in
        [("email", "Email"), ("first_name", "firstName"), ("plan", "Plan"), ("company", "Company")]
    {
        if dice.per_mille(50) && traits.contains_key(key) && !traits.contains_key(other) {
            traits.insert(other.into(), if dice.below(2) == 0 { json!("") } else { Value::Null });
        }
    }
}

/// The address under another name, in another shape.
fn address(dice: &Dice, traits: &mut Map<String, Value>) {
    let Some(Value::Object(address)) = traits.get("address").cloned() else { return };
    let address = with_lines(dice, address);
    let shape = dice.below(16);
    if shape < 8 {
        traits.remove("address");
    }
    match shape {
        0 => drop(traits.insert("default_address".into(), Value::Object(address))),
        1 => drop(traits.insert("billing".into(), Value::Object(address))),
        2 => drop(traits.insert("addresses".into(), json!([{ "city": "Nowhere" }, with_default(address)]))),
        3 => drop(traits.insert("address".into(), json!([address]))),
        4 => drop(traits.insert("address".into(), json!(Value::Object(address).to_string()))),
        5 | 6 => {
            let between = if shape == 5 { "." } else { "_" };
            traits.extend(address.into_iter().map(|(key, value)| (format!("address{between}{key}"), value)));
        }
        7 => traits.extend(address),
        _ => drop(traits.insert("address".into(), Value::Object(address))),
    }
}

/// Street and postal code beside the city, under the keys of one of the programs that send addresses.
fn with_lines(dice: &Dice, mut address: Map<String, Value>) -> Map<String, Value> {
    if dice.below(2) == 0 {
        return address;
    }
    let [street, second, code] = *dice.pick(&LINES);
    address.insert(street.into(), json!(*dice.pick(&["1 High St", "Rua 1", ""])));
    address.insert(second.into(), dice.pick(&[json!("Apt 2"), json!(""), Value::Null]).clone());
    address.insert(code.into(), dice.pick(&[json!("K1A 0B1"), json!(53111), Value::Null]).clone());
    if dice.per_mille(300) {
        address.insert("province".into(), json!(*dice.pick(&["Ontario", "California"])));
        address.insert("province_code".into(), json!("ON"));
        address.insert("country_code".into(), json!(*dice.pick(&["CA", "US", "none"])));
    }
    if dice.per_mille(200) {
        address.insert("zip".into(), Value::Null);
    }
    address
}

fn with_default(mut address: Map<String, Value>) -> Value {
    address.insert("default".into(), json!(true));
    Value::Object(address)
}
