//! Derives the kind of an error from its English text. The API has no error codes, so only the text distinguishes a taken
//! address from a refused country.
//!
//! Source of the samples: Refersion REST v2, answers of `/affiliate/new` and `/affiliate/edit`; REST v1 for "required".

use crate::Field;

/// The kind of an error, as its text describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// `The email you have entered is taken by another Affiliate.`
    EmailTaken,
    /// `Affiliate not found.`, or a search without a hit.
    NotFound,
    /// `Max number of elements on attribute (50) reached.`
    TooMany,
    /// The request or the settings are wrong, not a person's data: offer, plan, password.
    Settings,
    /// The merchant's identifier is refused.
    MerchantId,
    /// A value is refused; with the field if the text names exactly one.
    InvalidValue(Option<Field>),
}

/// Request fields that hold no personal data.
const REQUEST_FIELDS: [&str; 9] = [
    "offer",
    "status",
    "password",
    "send_welcome",
    "conversion_trigger_coupon",
    "keyword",
    "page",
    "limit",
    "affiliates",
];

/// The names of fields in error texts, as whole words.
const FIELD_NAMES: [(&str, Field); 20] = [
    ("first name", Field::FirstName),
    ("firstname", Field::FirstName),
    ("last name", Field::LastName),
    ("lastname", Field::LastName),
    ("paypal", Field::PaypalEmail),
    ("email", Field::Email),
    ("e mail", Field::Email),
    ("company", Field::Company),
    ("address1", Field::Address1),
    ("address 1", Field::Address1),
    ("address2", Field::Address2),
    ("address 2", Field::Address2),
    ("city", Field::City),
    ("state", Field::State),
    ("zip", Field::Zip),
    ("zipcode", Field::Zip),
    ("postal code", Field::Zip),
    ("country", Field::Country),
    ("phone", Field::Phone),
    ("telephone", Field::Phone),
];

/// The kind of an answer with these texts. A taken address has precedence, because the caller handles it separately;
/// then a value whose field is named; then errors of the request or the settings.
pub(crate) fn read(texts: &[String]) -> Option<ErrorKind> {
    texts.iter().map(|text| read_one(text)).min_by_key(|kind| match kind {
        ErrorKind::EmailTaken => 0,
        ErrorKind::InvalidValue(Some(_)) => 1,
        ErrorKind::TooMany => 2,
        ErrorKind::Settings => 3,
        ErrorKind::MerchantId => 4,
        ErrorKind::NotFound => 5,
        ErrorKind::InvalidValue(None) => 6,
    })
}

fn read_one(text: &str) -> ErrorKind {
    let words = words(text);
    // This text quotes the value, which may contain any of the phrases below, so it is checked first. The field
    // follows the last "for field".
    if let Some((_, name)) = words.rsplit_once(" allowed value for field ") {
        return named(name.trim());
    }
    let has = |phrase: &str| words.contains(&format!(" {phrase} "));
    // Before the taken address: the merchant's identifier is unique and may be taken as well.
    if has("merchant id") {
        return ErrorKind::MerchantId;
    }
    if has("taken by another") {
        return ErrorKind::EmailTaken;
    }
    if has("max number of elements") {
        return ErrorKind::TooMany;
    }
    let custom_field = has("custom field") || has("custom fields");
    let custom_field_unknown = custom_field && (has("exist") || has("exists") || has("not found"));
    if ["password", "offer", "account plan"].iter().any(|word| has(word)) || custom_field_unknown {
        return ErrorKind::Settings;
    }
    if has("affiliate not found") || has("could not find affiliates") {
        return ErrorKind::NotFound;
    }
    ErrorKind::InvalidValue(only_field(&words))
}

/// The kind of an error about the field with this request name, given as words.
fn named(name: &str) -> ErrorKind {
    let name = name.replace(' ', "_");
    match Field::from_name(&name) {
        Some(field) => ErrorKind::InvalidValue(Some(field)),
        None if name == "unique_merchant_id" => ErrorKind::MerchantId,
        None if REQUEST_FIELDS.contains(&name.as_str()) => ErrorKind::Settings,
        None => ErrorKind::InvalidValue(None),
    }
}

/// The field that a text names, if it names exactly one. A quoted value may look like the name of a field, and a
/// wrong guess would suppress the wrong value.
fn only_field(words: &str) -> Option<Field> {
    let mut fields: Vec<Field> = FIELD_NAMES
        .iter()
        .filter(|(name, _)| words.contains(&format!(" {name} ")))
        .map(|(_, field)| *field)
        .collect();
    fields.dedup();
    match fields[..] {
        [field] | [field @ Field::PaypalEmail, Field::Email] => Some(field),
        _ => None,
    }
}

/// The words of a text in lower case, each between single spaces. The published samples contain stray quotes and
/// backslashes.
fn words(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    let mut spaced = String::from(" ");
    for word in plain.split_whitespace() {
        spaced.push_str(word);
        spaced.push(' ');
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::{ErrorKind, read};
    use crate::Field;

    fn kind(texts: &[&str]) -> ErrorKind {
        read(&texts.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_published_samples_are_understood() {
        for (text, expected) in [
            ("The email you have entered is taken by another Affiliate.", ErrorKind::EmailTaken),
            (r#"\"The email you have entered is TAKEN by another Affiliate.\""#, ErrorKind::EmailTaken),
            ("The First Name field is required.", ErrorKind::InvalidValue(Some(Field::FirstName))),
            ("The Last Name field is required.", ErrorKind::InvalidValue(Some(Field::LastName))),
            ("UK is not a allowed value for field country", ErrorKind::InvalidValue(Some(Field::Country))),
            (
                r#"\"UK\" is not a allowed value for field \"country\"."#,
                ErrorKind::InvalidValue(Some(Field::Country)),
            ),
            ("active is not a allowed value for field status", ErrorKind::Settings),
            ("x-1 is not a allowed value for field unique_merchant_id", ErrorKind::MerchantId),
            ("The unique_merchant_id is taken by another Affiliate.", ErrorKind::MerchantId),
            ("x is not a allowed value for field 1234", ErrorKind::InvalidValue(None)),
            ("The password can't be the same as the e-mail", ErrorKind::Settings),
            ("The email must be a valid email address.", ErrorKind::InvalidValue(Some(Field::Email))),
            (
                "The paypal_email field must contain a valid email address.",
                ErrorKind::InvalidValue(Some(Field::PaypalEmail)),
            ),
            ("Value exceed the char limit", ErrorKind::InvalidValue(None)),
            ("Affiliate not found.", ErrorKind::NotFound),
            ("Could not find affiliates with this keyword.", ErrorKind::NotFound),
            ("Max number of elements on attribute (50) reached.", ErrorKind::TooMany),
            ("Your account plan does not support this feature (error 1).", ErrorKind::Settings),
            ("Offer does not exists on the database.", ErrorKind::Settings),
        ] {
            assert_eq!(kind(&[text]), expected, "{text}");
        }
    }

    #[test]
    fn a_taken_address_has_precedence_over_any_other_text() {
        let texts = [
            "The First Name field is required.",
            "The email you have entered is taken by another Affiliate.",
        ];
        assert_eq!(kind(&texts), ErrorKind::EmailTaken);
    }

    #[test]
    fn a_named_field_has_precedence_over_an_unnamed_one() {
        assert_eq!(
            kind(&["Value exceed the char limit", "The Phone is wrong"]),
            ErrorKind::InvalidValue(Some(Field::Phone))
        );
    }

    #[test]
    fn a_quoted_value_is_not_mistaken_for_the_meaning() {
        let text = "taken by another for field email is not a allowed value for field state";
        assert_eq!(kind(&[text]), ErrorKind::InvalidValue(Some(Field::State)));
        assert_eq!(kind(&["Salt Lake City is too long for the phone"]), ErrorKind::InvalidValue(None));
        assert_eq!(
            kind(&["Estate Ltd: this company is not known"]),
            ErrorKind::InvalidValue(Some(Field::Company))
        );
    }
}
