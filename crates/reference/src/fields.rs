//! What a person's traits become as fields of an affiliate, and whether they are enough for one.

use std::collections::BTreeMap;

use crate::Settings;
use crate::event::address_of;
use crate::json::fold_key;
use crate::traits::Traits;

/// The standard fields of an affiliate beside its email, as the API names them.
pub const STANDARD_FIELDS: [&str; 11] = [
    "first_name",
    "last_name",
    "company",
    "address1",
    "address2",
    "city",
    "state",
    "zip",
    "country",
    "phone",
    "paypal_email",
];

/// Any one of these makes an address usable; a second line alone does not.
const MAKES_AN_ADDRESS: [&str; 5] = ["address1", "city", "state", "zip", "country"];

/// Whether everything has been said that Refersion needs for a new affiliate, beside the email.
pub(crate) fn can_be_an_affiliate(traits: &Traits, settings: &Settings) -> bool {
    let fields = standard_fields(traits, settings);
    let has = |field: &str| fields.get(field).is_some_and(|value| !value.is_empty());
    let has_address = !settings.require_address || MAKES_AN_ADDRESS.into_iter().any(has);
    has("first_name") && has("last_name") && has_address
}

/// The standard fields that are stated; an empty text where something was cleared.
pub(crate) fn standard_fields(traits: &Traits, settings: &Settings) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for field in STANDARD_FIELDS {
        if let Some(value) = traits.get(field) {
            fields.insert(field.to_owned(), value.clone().unwrap_or_default());
        }
    }
    if fields.get("last_name").is_some_and(String::is_empty) {
        match &settings.one_word_last_name {
            Some(placeholder) => fields.insert("last_name".into(), placeholder.clone()),
            None => fields.remove("last_name"),
        };
    }
    if let Some(name) = &settings.paypal_trait
        && let Some(Some(value)) = traits.get(&format!("trait:{}", fold_key(name)))
        && address_of(value).is_some()
    {
        fields.insert("paypal_email".into(), value.clone());
    }
    fields
}

/// The custom fields that are stated, by id.
pub(crate) fn custom_fields(traits: &Traits, settings: &Settings) -> BTreeMap<u64, String> {
    let mapped = settings.custom_fields.iter();
    let stated =
        mapped.filter_map(|(name, id)| Some((*id, traits.get(&format!("trait:{}", fold_key(name)))?)));
    stated.map(|(id, value)| (id, value.clone().unwrap_or_default())).collect()
}
