//! The contents of the accounts, as `/_simulator/state` returns them, for tests that compare them with the expected
//! values.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::affiliate::{Affiliate, Field, Status};

/// The contents of all accounts. Contains the personal data that was sent, never a secret key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// In the order in which the accounts were opened.
    pub accounts: Vec<AccountState>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// The public half of its key pair.
    pub public_key: String,
    /// In the order of creation, which is the order of the numeric ids.
    pub affiliates: Vec<AffiliateState>,
}

/// One affiliate, with the field names of requests. A field without a value is an empty text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are the API's own, described in Refersion REST v2, /affiliate/edit"
)]
pub struct AffiliateState {
    /// The numeric id, which `edit` and `status_change` take.
    pub id: u64,
    /// The affiliate code, which `new`, `list` and `search` call `id`.
    pub code: String,
    pub status: Status,
    /// The numeric id of the offer, as text.
    pub offer: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub paypal_email: String,
    pub company: String,
    pub address1: String,
    pub address2: String,
    pub city: String,
    pub state: String,
    pub zip: String,
    pub country: String,
    pub phone: String,
    pub unique_merchant_id: String,
    /// Values of custom fields by numeric id; only those that are not empty.
    pub custom_fields: BTreeMap<u64, String>,
}

/// When a call last changed an affiliate, as `/_simulator/edits` returns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEdit {
    /// The affiliate's address.
    pub email: String,
    /// When the call arrived, in microseconds since the simulator started.
    pub at_micros: u64,
}

impl LastEdit {
    pub(crate) fn of(affiliate: &Affiliate) -> Option<Self> {
        let email = affiliate.texts.get(Field::Email).to_owned();
        affiliate.edited_at.map(|at| Self { email, at_micros: micros(at) })
    }
}

/// A time on the simulator's clock as its pages show it.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl AffiliateState {
    pub(crate) fn of(affiliate: &Affiliate) -> Self {
        let text = |field| affiliate.texts.get(field).to_owned();
        Self {
            id: affiliate.id,
            code: affiliate.code.to_string(),
            status: affiliate.status,
            offer: affiliate.offer.to_string(),
            email: text(Field::Email),
            first_name: text(Field::FirstName),
            last_name: text(Field::LastName),
            paypal_email: text(Field::PaypalEmail),
            company: text(Field::Company),
            address1: text(Field::Address1),
            address2: text(Field::Address2),
            city: text(Field::City),
            state: text(Field::State),
            zip: text(Field::Zip),
            country: text(Field::Country),
            phone: text(Field::Phone),
            unique_merchant_id: affiliate.unique_merchant_id.to_string(),
            custom_fields: affiliate
                .custom_fields
                .iter()
                .map(|(id, value)| (*id, value.to_string()))
                .collect(),
        }
    }
}
