//! The valid values of each setting.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::{MAX_BLOCKED, MAX_CUSTOM_FIELDS, MAX_LATE_CREATES, MAX_TEXT_LENGTH, RATE_LIMITS, SettingsError};

pub(super) fn error(setting: &'static str, problem: impl Into<String>) -> SettingsError {
    SettingsError { setting, problem: problem.into() }
}

/// The message does not repeat the URL, since a mistaken one may hold a password.
pub(super) fn check_url(text: &str) -> Result<(), SettingsError> {
    let name = "refersion_url";
    let url = Url::parse(text)
        .map_err(|why| error(name, format!("is no URL ({why}): give one like https://api.refersion.com")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(error(name, "must begin with https:// (or http:// for a simulator) and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(error(name, "must not contain a user or password: the API key is entered separately"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(error(name, "must end before any ? or #"));
    }
    if text.ends_with('/') || url.path().ends_with("/v2") {
        return Err(error(name, "must be given without /v2 and without a slash at its end"));
    }
    Ok(())
}

pub(super) fn check_blocked(blocked: &BTreeSet<String>) -> Result<(), SettingsError> {
    if blocked.len() > MAX_BLOCKED {
        return Err(error(
            "blocked_identifiers",
            format!("may have at most {MAX_BLOCKED} entries: unblock some"),
        ));
    }
    blocked.iter().try_for_each(|text| check_text("blocked_identifiers", text))
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

pub(super) fn check_late_creates(seconds: u32) -> Result<(), SettingsError> {
    let problem = "is too long: at most a day, in seconds";
    if seconds > MAX_LATE_CREATES { Err(error("late_creates", problem)) } else { Ok(()) }
}

pub(super) fn check_rate(rate: f64) -> Result<(), SettingsError> {
    let (slowest, fastest) = RATE_LIMITS;
    // NaN is outside of every range.
    if (slowest..=fastest).contains(&rate) {
        return Ok(());
    }
    Err(error("rate_per_second", format!("is {rate}: give a number from {slowest} to {fastest}")))
}

/// The API takes the offer's numeric id as text. Source: Refersion REST v2, `/affiliate/new`.
pub(super) fn check_offer(offer: Option<&str>) -> Result<(), SettingsError> {
    match offer {
        Some(text) if text.is_empty() || text.len() > 20 || !text.bytes().all(|b| b.is_ascii_digit()) => {
            Err(error("offer", "is not an offer's number: give digits alone, as the dashboard shows them"))
        }
        _ => Ok(()),
    }
}

pub(super) fn check_custom_fields(fields: &BTreeMap<String, u64>) -> Result<(), SettingsError> {
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

pub(super) fn check_text(setting: &'static str, text: &str) -> Result<(), SettingsError> {
    let length = text.chars().count();
    if text.trim() != text || !(1..=MAX_TEXT_LENGTH).contains(&length) || text.chars().any(char::is_control) {
        let rule =
            format!("needs 1 to {MAX_TEXT_LENGTH} characters, without blanks around or line breaks inside");
        return Err(error(setting, rule));
    }
    Ok(())
}
