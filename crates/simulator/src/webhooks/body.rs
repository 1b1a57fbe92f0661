//! The body of a webhook. Its names differ from those of the REST API.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::affiliate::{Affiliate, Field};

/// An affiliate as webhooks show it: the only place with id, code and the ids of custom fields. Source: "Webhooks for merchants".
/// `fields` are the custom fields of the account by id; if there are none, those with a value are shown.
pub(crate) fn body(affiliate: &Affiliate, fields: &BTreeMap<u64, String>) -> Value {
    let text = |field| affiliate.texts.get(field);
    json!({
        "id": affiliate.id,
        "code": affiliate.code,
        "status": affiliate.status,
        "last_login": null,
        "last_conversion": null,
        "first_name": text(Field::FirstName),
        "last_name": text(Field::LastName),
        "email": text(Field::Email),
        "paypal_email": text(Field::PaypalEmail),
        "company": text(Field::Company),
        "address_1": text(Field::Address1),
        "address_2": text(Field::Address2),
        "city": text(Field::City),
        "state": text(Field::State),
        "zip": text(Field::Zip),
        "country": text(Field::Country),
        "phone_number": text(Field::Phone),
        "source": "API",
        "custom_fields": custom_fields(affiliate, fields),
        "offer": { "id": affiliate.offer, "name": format!("Offer {}", affiliate.offer) },
        "is_marketplace_user": false,
    })
}

fn custom_fields(affiliate: &Affiliate, fields: &BTreeMap<u64, String>) -> Value {
    let shown = |id: u64, name: String| {
        let value = affiliate.custom_fields.get(&id).map_or("", |value| value);
        json!({ "id": id, "name": name, "value": value })
    };
    if fields.is_empty() {
        return affiliate.custom_fields.keys().map(|id| shown(*id, format!("Field {id}"))).collect();
    }
    fields.iter().map(|(id, name)| shown(*id, name.clone())).collect()
}
