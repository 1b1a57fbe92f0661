//! The settings of one connection, which an operator chooses.

mod check;
mod scrub_domain;
mod suspended;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use self::check::{
    check_blocked, check_custom_fields, check_late_creates, check_offer, check_rate, check_text, check_url,
    error, is_loopback,
};

/// The slowest and the fastest ceiling, in calls a second.
pub const RATE_LIMITS: (f64, f64) = (0.01, 10_000.0);

/// Maximum number of traits that are mapped to custom fields.
pub const MAX_CUSTOM_FIELDS: usize = 500;

/// Maximum number of identifiers that one connection blocks.
pub const MAX_BLOCKED: usize = 1_000;

/// The longest trait name, placeholder or offer, in characters.
pub const MAX_TEXT_LENGTH: usize = 255;

/// The settings of a connection, kept as JSON. Absent settings have their defaults. An older program ignores settings
/// that it does not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The base URL of Refersion's API, without `/v2`.
    pub refersion_url: String,
    /// The ceiling: the maximum number of calls a second, for all workers together. Default 5.
    pub rate_per_second: f64,
    /// The status with which affiliates are created. Default `PENDING`, the API's own.
    pub new_affiliate_status: NewAffiliateStatus,
    /// The numeric id of the offer for new affiliates; if absent, the account's default offer.
    pub offer: Option<String>,
    /// Whether Refersion sends its welcome mail to new affiliates. Default no.
    pub send_welcome: bool,
    /// Whether a person without a usable address part waits. Default yes, because Segment's page about Refersion requires an address.
    pub require_address: bool,
    /// The custom field (its numeric id) for each mapped trait (its name as folded by the caller).
    pub custom_fields: BTreeMap<String, u64>,
    /// The treatment of a name of one word, which has no last name. Default: `-` as last name.
    pub one_word_name: OneWordName,
    /// If set, a delete also overwrites the affiliate's fields, and gives it an address in this domain. Default none.
    pub scrub_on_delete: Option<ScrubDomain>,
    /// The trait that holds the PayPal address. Default none: it directs payments, so it is never guessed.
    pub paypal_trait: Option<String>,
    /// The time in seconds for which the affiliate of a create without an answer may still appear: a delete of that
    /// person searches for it until then. At most [`MAX_LATE_CREATES`]. Default 120.
    pub late_creates: u32,
    /// Custom fields that Refersion refused for several persons in a row, by numeric id, and why (no personal data). They
    /// are not sent until a probe of the worker is accepted, or an operator changes a setting or resumes the connection.
    pub suspended_fields: BTreeMap<u64, String>,
    /// The time of the suspension of each field. It is unknown for fields that an earlier version suspended.
    pub suspended_since: BTreeMap<u64, Timestamp>,
    /// Identifiers that name nobody, in addition to the default list. The comparison ignores case.
    pub blocked_identifiers: BTreeSet<String>,
    /// The path of the trait that is read as a standard field (Refersion's name of it, `name` or `email`), as the caller
    /// reads paths.
    pub trait_map: BTreeMap<String, String>,
}

/// The status with which affiliates are created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum NewAffiliateStatus {
    /// The merchant approves each one.
    #[default]
    Pending,
    /// Approved at once.
    Active,
}

impl NewAffiliateStatus {
    /// The word for it in Refersion's API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
        }
    }
}

/// The treatment of a person whose name is one word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OneWordName {
    /// The last name is this text.
    Placeholder(String),
    /// The person waits for a last name.
    Wait,
}

/// A domain that the operator owns, for the addresses of scrubbed affiliates: lower case, like `deleted.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScrubDomain(String);

/// An invalid setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}` {problem}")]
pub struct SettingsError {
    /// The setting's name.
    pub setting: &'static str,
    /// The problem, and what to do about it.
    pub problem: String,
}

/// The longest time for which a delete waits for a create without an answer, in seconds: a day.
pub const MAX_LATE_CREATES: u32 = 24 * 60 * 60;

impl Default for Settings {
    fn default() -> Self {
        Self {
            refersion_url: "https://api.refersion.com".to_owned(),
            rate_per_second: 5.0,
            new_affiliate_status: NewAffiliateStatus::Pending,
            offer: None,
            send_welcome: false,
            require_address: true,
            custom_fields: BTreeMap::new(),
            one_word_name: OneWordName::Placeholder("-".to_owned()),
            scrub_on_delete: None,
            paypal_trait: None,
            late_creates: 120,
            suspended_fields: BTreeMap::new(),
            suspended_since: BTreeMap::new(),
            blocked_identifiers: BTreeSet::new(),
            trait_map: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Checks every setting. A store accepts checked settings only.
    ///
    /// # Errors
    /// The first invalid setting, and what to do about it.
    pub fn validate(&self) -> Result<(), SettingsError> {
        check_url(&self.refersion_url)?;
        check_rate(self.rate_per_second)?;
        check_late_creates(self.late_creates)?;
        check_offer(self.offer.as_deref())?;
        check_custom_fields(&self.custom_fields)?;
        check_blocked(&self.blocked_identifiers)?;
        self.trait_map.values().try_for_each(|path| check_text("trait_map", path))?;
        if let OneWordName::Placeholder(text) = &self.one_word_name {
            check_text("one_word_name", text)?;
        }
        self.paypal_trait.as_deref().map_or(Ok(()), |name| check_text("paypal_trait", name))
    }

    /// Warnings for the operator about settings that work but are probably not intended.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        if self.is_insecure() {
            vec!["`refersion_url` begins with http://: the API keys are sent in clear text"]
        } else {
            Vec::new()
        }
    }

    /// Whether API keys would be sent to another machine without encryption.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        is_insecure(&self.refersion_url)
    }
}

/// Whether API keys would be sent to this address of Refersion over a network and without encryption.
#[must_use]
pub fn is_insecure(refersion_url: &str) -> bool {
    Url::parse(refersion_url).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
}

#[cfg(test)]
mod tests;
