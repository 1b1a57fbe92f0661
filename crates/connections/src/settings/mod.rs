//! What an operator may choose for one connection.

mod scrub_domain;
mod suspended;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

/// The slowest and the fastest ceiling, in calls a second.
pub const RATE_LIMITS: (f64, f64) = (0.01, 10_000.0);

/// The most traits that custom fields may take.
pub const MAX_CUSTOM_FIELDS: usize = 500;

/// The most identifiers that one connection may block.
pub const MAX_BLOCKED: usize = 1_000;

/// The longest trait name, placeholder or offer, in characters.
pub const MAX_TEXT_LENGTH: usize = 255;

/// The settings of a connection, kept as JSON. What is absent there has its default; what an older program does not
/// know is passed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where its Refersion answers, without `/v2`.
    pub refersion_url: String,
    /// The ceiling: never more than this many calls a second, whatever number of workers. Default 5.
    pub rate_per_second: f64,
    /// The status with which affiliates are created. Default `PENDING`, the API's own.
    pub new_affiliate_status: NewAffiliateStatus,
    /// The numeric id of the offer for new affiliates; the account's default offer where absent.
    pub offer: Option<String>,
    /// Whether Refersion sends its welcome mail to new affiliates. Default no.
    pub send_welcome: bool,
    /// Whether a person without a usable address part waits. Default yes, as Segment's Refersion page asks for it.
    pub require_address: bool,
    /// Which custom field (by its numeric id) takes which trait (its name as folded by the caller).
    pub custom_fields: BTreeMap<String, u64>,
    /// What becomes of a name of one word, which has no last name. Default: `-` as last name.
    pub one_word_name: OneWordName,
    /// Whether a delete also empties the affiliate, which gets an address in this domain. Default no.
    pub scrub_on_delete: Option<ScrubDomain>,
    /// The trait that holds the PayPal address. Default none: it directs payments, so it is never guessed.
    pub paypal_trait: Option<String>,
    /// How long after a create without an answer its affiliate may still appear, in seconds: a delete of that person
    /// searches for it until then. At most [`MAX_LATE_CREATES`]. Default 120.
    pub late_creates: u32,
    /// Custom fields that Refersion refused for several persons in a row, by numeric id, and why (no personal data). They
    /// are not sent until a probe of the worker is accepted, or an operator changes a setting or resumes the connection.
    pub suspended_fields: BTreeMap<u64, String>,
    /// Since when; of a field that an earlier program suspended it is not known.
    pub suspended_since: BTreeMap<u64, Timestamp>,
    /// Identifiers that name nobody, beside those of the default list; compared without case.
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

/// What becomes of a person whose name is one word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OneWordName {
    /// This text is the last name.
    Placeholder(String),
    /// The person waits for a last name.
    Wait,
}

/// A domain that the operator owns, for the addresses of scrubbed affiliates: lower case, like `deleted.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScrubDomain(String);

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}` {problem}")]
pub struct SettingsError {
    /// The setting's name.
    pub setting: &'static str,
    /// What is wrong with it and what to do.
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
    /// Checks every setting. A store takes checked settings only.
    ///
    /// # Errors
    /// The first setting that cannot be, and what to do about it.
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

    /// Words to the operator about settings that work but are seldom meant.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        if self.is_insecure() {
            vec!["`refersion_url` begins with http://: the API keys travel in the clear"]
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

fn error(setting: &'static str, problem: impl Into<String>) -> SettingsError {
    SettingsError { setting, problem: problem.into() }
}

/// The message does not repeat the URL, since a mistaken one may hold a password.
fn check_url(text: &str) -> Result<(), SettingsError> {
    let name = "refersion_url";
    let url = Url::parse(text)
        .map_err(|why| error(name, format!("is no URL ({why}): give one like https://api.refersion.com")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(error(name, "must begin with https:// (or http:// for a simulator) and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(error(name, "must not hold a user or password: the API key is given apart"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(error(name, "must end before any ? or #"));
    }
    if text.ends_with('/') || url.path().ends_with("/v2") {
        return Err(error(name, "must be given without /v2 and without a slash at its end"));
    }
    Ok(())
}

fn check_blocked(blocked: &BTreeSet<String>) -> Result<(), SettingsError> {
    if blocked.len() > MAX_BLOCKED {
        return Err(error(
            "blocked_identifiers",
            format!("may have at most {MAX_BLOCKED} entries: unblock some"),
        ));
    }
    blocked.iter().try_for_each(|text| check_text("blocked_identifiers", text))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

fn check_late_creates(seconds: u32) -> Result<(), SettingsError> {
    let problem = "is too long: at most a day, in seconds";
    if seconds > MAX_LATE_CREATES { Err(error("late_creates", problem)) } else { Ok(()) }
}

fn check_rate(rate: f64) -> Result<(), SettingsError> {
    let (slowest, fastest) = RATE_LIMITS;
    // A NaN is in no range.
    if (slowest..=fastest).contains(&rate) {
        return Ok(());
    }
    Err(error("rate_per_second", format!("is {rate}: give a number from {slowest} to {fastest}")))
}

/// The API takes the offer's numeric id as text. Source: Refersion REST v2, `/affiliate/new`.
fn check_offer(offer: Option<&str>) -> Result<(), SettingsError> {
    match offer {
        Some(text) if text.is_empty() || text.len() > 20 || !text.bytes().all(|b| b.is_ascii_digit()) => {
            Err(error("offer", "is not an offer's number: give digits alone, as the dashboard shows them"))
        }
        _ => Ok(()),
    }
}

fn check_custom_fields(fields: &BTreeMap<String, u64>) -> Result<(), SettingsError> {
    let name = "custom_fields";
    if fields.len() > MAX_CUSTOM_FIELDS {
        return Err(error(name, format!("has more than {MAX_CUSTOM_FIELDS} traits: remove some")));
    }
    let mut taken: BTreeMap<u64, &str> = BTreeMap::new();
    for (trait_name, id) in fields {
        check_text(name, trait_name)?;
        if *id == 0 {
            return Err(error(
                name,
                format!("gives `{trait_name}` the id 0: give the field's own, as its webhooks show it"),
            ));
        }
        if let Some(other) = taken.insert(*id, trait_name) {
            let both = format!("gives field {id} both `{other}` and `{trait_name}`: keep one of them");
            return Err(error(name, both));
        }
    }
    Ok(())
}

fn check_text(setting: &'static str, text: &str) -> Result<(), SettingsError> {
    let length = text.chars().count();
    if text.trim() != text || !(1..=MAX_TEXT_LENGTH).contains(&length) || text.chars().any(char::is_control) {
        let rule =
            format!("needs 1 to {MAX_TEXT_LENGTH} characters, without blanks around or line breaks inside");
        return Err(error(setting, rule));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
