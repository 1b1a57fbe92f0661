//! The text fields of an affiliate that both `/affiliate/new` and `/affiliate/edit` accept.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text field of an affiliate.
///
/// Assumed: at most 255 characters. The API publishes the error `Value exceed the char limit`, but no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Required in a create, never empty.
    FirstName,
    /// Required in a create, never empty.
    LastName,
    /// Required in a create; unique in the account, ignoring case.
    Email,
    /// The PayPal address that receives commissions; a valid email address if present.
    PaypalEmail,
    /// `/affiliate/get` returns it as `company_name`.
    Company,
    /// First line of the street address.
    Address1,
    /// Second line of the street address.
    Address2,
    /// City.
    City,
    /// A code of two or three letters, see [`crate::state`].
    State,
    /// Postal code, as text.
    Zip,
    /// One of 90 alpha-2 codes, see [`crate::country`].
    Country,
    /// Telephone number, as text.
    Phone,
}

impl Field {
    /// Every field, in the order of the API's documentation.
    pub const ALL: [Self; 12] = [
        Self::FirstName,
        Self::LastName,
        Self::Email,
        Self::PaypalEmail,
        Self::Company,
        Self::Address1,
        Self::Address2,
        Self::City,
        Self::State,
        Self::Zip,
        Self::Country,
        Self::Phone,
    ];

    /// The name of the field in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Email => "email",
            Self::PaypalEmail => "paypal_email",
            Self::Company => "company",
            Self::Address1 => "address1",
            Self::Address2 => "address2",
            Self::City => "city",
            Self::State => "state",
            Self::Zip => "zip",
            Self::Country => "country",
            Self::Phone => "phone",
        }
    }

    /// The field with this name in requests; `None` for any other text.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn a_field_is_found_by_its_name_and_serialized_as_it() {
        for field in Field::ALL {
            assert_eq!(Field::from_name(field.name()), Some(field));
            assert_eq!(serde_json::to_value(field).unwrap(), field.name());
        }
        assert_eq!(Field::from_name("company_name"), None);
    }
}
