//! An affiliate and its fields.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The four statuses of an affiliate. Source: Refersion REST v2, `/affiliate/get`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// May log in and earn commissions.
    Active,
    /// Waits for the merchant's approval; can be set by a create only.
    Pending,
    /// Rejected by the merchant.
    Denied,
    /// No login and no new commissions. The history stays, and the address stays taken.
    Disabled,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Pending => "PENDING",
            Self::Denied => "DENIED",
            Self::Disabled => "DISABLED",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Active, Self::Pending, Self::Denied, Self::Disabled]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// The text fields that both `new` and `edit` accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    FirstName,
    LastName,
    Email,
    PaypalEmail,
    Company,
    Address1,
    Address2,
    City,
    State,
    Zip,
    Country,
    Phone,
}

impl Field {
    pub(crate) const ALL: [Self; 12] = [
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

    /// The name in requests.
    pub(crate) fn name(self) -> &'static str {
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

    /// The inverse of `name`. A match, because it is called for every field of every item of a batch.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "first_name" => Self::FirstName,
            "last_name" => Self::LastName,
            "email" => Self::Email,
            "paypal_email" => Self::PaypalEmail,
            "company" => Self::Company,
            "address1" => Self::Address1,
            "address2" => Self::Address2,
            "city" => Self::City,
            "state" => Self::State,
            "zip" => Self::Zip,
            "country" => Self::Country,
            "phone" => Self::Phone,
            _ => return None,
        })
    }
}

/// The text fields of one affiliate; an empty text is a field without value. Boxed to save memory in large accounts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts([Box<str>; Field::ALL.len()]);

impl Texts {
    pub(crate) fn get(&self, field: Field) -> &str {
        &self.0[field as usize]
    }

    /// Sets a field. Returns whether its value changed.
    pub(crate) fn set(&mut self, field: Field, value: &str) -> bool {
        let changed = self.get(field) != value;
        if changed {
            self.0[field as usize] = value.into();
        }
        changed
    }
}

/// One affiliate as it is stored in an account.
#[derive(Debug, Clone)]
pub(crate) struct Affiliate {
    pub(crate) id: u64,
    pub(crate) code: Box<str>,
    pub(crate) status: Status,
    pub(crate) offer: u64,
    pub(crate) texts: Texts,
    pub(crate) unique_merchant_id: Box<str>,
    pub(crate) custom_fields: BTreeMap<u64, Box<str>>,
    /// Since when a search finds it.
    pub(crate) searchable_at: Duration,
    /// When an edit last changed it, on the simulator's clock.
    pub(crate) edited_at: Option<Duration>,
}

impl Affiliate {
    /// Sets a custom field; an empty value clears it. Returns whether its value changed.
    pub(crate) fn set_custom_field(&mut self, id: u64, value: &str) -> bool {
        let before = self.custom_fields.get(&id).map_or("", |value| value);
        if before == value {
            return false;
        }
        if value.is_empty() {
            self.custom_fields.remove(&id);
        } else {
            self.custom_fields.insert(id, value.into());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn a_field_is_found_by_its_name() {
        for field in Field::ALL {
            assert_eq!(Field::named(field.name()), Some(field));
        }
        assert_eq!(Field::named("status"), None);
    }
}
