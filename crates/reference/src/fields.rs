//! Converts the traits of a person to fields of an affiliate, and decides whether they suffice for one.

use std::collections::BTreeMap;

use crate::Settings;
use crate::json::fold_key;
use crate::traits::Traits;

/// The standard fields of an affiliate except its email, under the API's names.
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
    PAYOUT,
];

/// The payout field.
pub(crate) const PAYOUT: &str = "paypal_email";

/// Fields that the API does not empty: a country is a code of a closed list, the payout field a valid address.
pub(crate) const NEVER_EMPTY: [&str; 2] = ["country", PAYOUT];

/// Each of these fields makes an address usable; a second line alone does not.
const ADDRESS_FIELDS: [&str; 5] = ["address1", "city", "state", "zip", "country"];

/// Whether the traits have everything that a new affiliate needs, except the email.
pub(crate) fn can_be_an_affiliate(traits: &Traits, settings: &Settings) -> bool {
    let fields = standard_fields(traits, settings);
    let has = |field: &str| fields.get(field).is_some_and(|value| !value.is_empty());
    let has_address = !settings.require_address || ADDRESS_FIELDS.into_iter().any(has);
    has("first_name") && has("last_name") && has_address
}

/// The stated standard fields; a cleared field is empty.
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
        && is_deliverable(value)
    {
        fields.insert(PAYOUT.into(), value.clone());
    }
    fields
}

/// Whether a text may be a mail address: two parts around the only `@`, no blank or list separator, and a domain whose labels
/// are not empty.
pub(crate) fn is_deliverable(text: &str) -> bool {
    let parts: Vec<&str> = text.split('@').collect();
    let [local, domain] = parts[..] else { return false };
    let labels: Vec<&str> = domain.split('.').collect();
    let has_bad_letter = text.chars().any(|c| c.is_whitespace() || c.is_control() || "(),;<>".contains(c));
    !local.is_empty()
        && labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty())
        && text.len() <= 254
        && !has_bad_letter
}

/// The stated custom fields by id.
pub(crate) fn custom_fields(traits: &Traits, settings: &Settings) -> BTreeMap<u64, String> {
    let mapped = settings.custom_fields.iter();
    let stated =
        mapped.filter_map(|(name, id)| Some((*id, traits.get(&format!("trait:{}", fold_key(name)))?)));
    stated.map(|(id, value)| (id, value.clone().unwrap_or_default())).collect()
}
