//! Reads the words of a 422. The API gives no machine codes, so its English is all that tells a taken address from
//! a refused country.
//!
//! Source of the samples: Refersion REST v2, answers of `/affiliate/new` and `/affiliate/edit`; REST v1 for "required".

use crate::Field;

/// What one text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// `The email you have entered is taken by another Affiliate.`
    EmailTaken,
    /// `Affiliate not found.`, or a search without a hit.
    NotFound,
    /// `Max number of elements on attribute (50) reached.`
    TooMany,
    /// Something that our request or the settings decide, not the person: offer, plan, password.
    Settings,
    /// The free merchant's identifier is refused.
    MerchantId,
    /// A value is refused; the field, if just one is named.
    Value(Option<Field>),
}

/// Request fields that no person's data go into.
const OURS: [&str; 9] = [
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

/// How the texts name the fields, as whole words.
const NAMES: [(&str, Field); 20] = [
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

/// What the texts of one answer say together. A taken address comes first, because it opens a path of its own; then
/// a value whose field is known; then what is ours to mend.
pub(crate) fn read(texts: &[String]) -> Option<Says> {
    texts.iter().map(|text| read_one(text)).min_by_key(|says| match says {
        Says::EmailTaken => 0,
        Says::Value(Some(_)) => 1,
        Says::TooMany => 2,
        Says::Settings => 3,
        Says::MerchantId => 4,
        Says::NotFound => 5,
        Says::Value(None) => 6,
    })
}

fn read_one(text: &str) -> Says {
    let words = words(text);
    // This sample quotes the value, which may say anything ("taken by another …"), so it is looked for first, and the
    // field is what follows the last "for field".
    if let Some((_, name)) = words.rsplit_once(" allowed value for field ") {
        return named(name.trim());
    }
    let has = |phrase: &str| words.contains(&format!(" {phrase} "));
    // Before the taken address: the identifier is called unique, and may be taken as well.
    if has("merchant id") {
        return Says::MerchantId;
    }
    if has("taken by another") {
        return Says::EmailTaken;
    }
    if has("max number of elements") {
        return Says::TooMany;
    }
    let custom_field = has("custom field") || has("custom fields");
    let custom_field_unknown = custom_field && (has("exist") || has("exists") || has("not found"));
    if ["password", "offer", "account plan"].iter().any(|word| has(word)) || custom_field_unknown {
        return Says::Settings;
    }
    if has("affiliate not found") || has("could not find affiliates") {
        return Says::NotFound;
    }
    Says::Value(only_field(&words))
}

/// The meaning of a field's request name, as words.
fn named(name: &str) -> Says {
    let name = name.replace(' ', "_");
    match Field::from_name(&name) {
        Some(field) => Says::Value(Some(field)),
        None if name == "unique_merchant_id" => Says::MerchantId,
        None if OURS.contains(&name.as_str()) => Says::Settings,
        None => Says::Value(None),
    }
}

/// The field that a text names, if it names just one: a value that is quoted in it may look like another's name, and
/// a wrong guess would mark the wrong value.
fn only_field(words: &str) -> Option<Field> {
    let mut fields: Vec<Field> = NAMES
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

/// The words of a text in lower case, each between single spaces: the samples carry stray quotes and backslashes.
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
    use super::{Says, read};
    use crate::Field;

    fn says(texts: &[&str]) -> Says {
        read(&texts.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_published_samples_are_understood() {
        for (text, meaning) in [
            ("The email you have entered is taken by another Affiliate.", Says::EmailTaken),
            (r#"\"The email you have entered is TAKEN by another Affiliate.\""#, Says::EmailTaken),
            ("The First Name field is required.", Says::Value(Some(Field::FirstName))),
            ("The Last Name field is required.", Says::Value(Some(Field::LastName))),
            ("UK is not a allowed value for field country", Says::Value(Some(Field::Country))),
            (r#"\"UK\" is not a allowed value for field \"country\"."#, Says::Value(Some(Field::Country))),
            ("active is not a allowed value for field status", Says::Settings),
            ("x-1 is not a allowed value for field unique_merchant_id", Says::MerchantId),
            ("The unique_merchant_id is taken by another Affiliate.", Says::MerchantId),
            ("x is not a allowed value for field 1234", Says::Value(None)),
            ("The password can't be the same as the e-mail", Says::Settings),
            ("The email must be a valid email address.", Says::Value(Some(Field::Email))),
            (
                "The paypal_email field must contain a valid email address.",
                Says::Value(Some(Field::PaypalEmail)),
            ),
            ("Value exceed the char limit", Says::Value(None)),
            ("Affiliate not found.", Says::NotFound),
            ("Could not find affiliates with this keyword.", Says::NotFound),
            ("Max number of elements on attribute (50) reached.", Says::TooMany),
            ("Your account plan does not support this feature (error 1).", Says::Settings),
            ("Offer does not exists on the database.", Says::Settings),
        ] {
            assert_eq!(says(&[text]), meaning, "{text}");
        }
    }

    #[test]
    fn a_taken_address_wins_over_everything_said_beside_it() {
        let texts = [
            "The First Name field is required.",
            "The email you have entered is taken by another Affiliate.",
        ];
        assert_eq!(says(&texts), Says::EmailTaken);
    }

    #[test]
    fn a_known_field_wins_over_an_unknown_one() {
        assert_eq!(
            says(&["Value exceed the char limit", "The Phone is wrong"]),
            Says::Value(Some(Field::Phone))
        );
    }

    #[test]
    fn a_quoted_value_is_not_mistaken_for_the_meaning() {
        let text = "taken by another for field email is not a allowed value for field state";
        assert_eq!(says(&[text]), Says::Value(Some(Field::State)));
        assert_eq!(says(&["Salt Lake City is too long for the phone"]), Says::Value(None));
        assert_eq!(says(&["Estate Ltd: this company is not known"]), Says::Value(Some(Field::Company)));
    }
}
