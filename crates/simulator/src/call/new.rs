//! `/affiliate/new`: one affiliate, without custom fields.

use super::json::{Json, Object};
use super::validation::ValidationErrors;
use super::{body, digits, password};
use crate::affiliate::{Field, Status, Texts};
use crate::answer::Answer;
use crate::options::Switches;

/// A valid create. The password was checked and is not kept.
#[derive(Debug)]
pub(crate) struct New {
    pub(crate) texts: Texts,
    pub(crate) status: Status,
    pub(crate) offer: Option<u64>,
    pub(crate) send_welcome: bool,
    pub(crate) coupon: Option<String>,
    pub(crate) unique_merchant_id: Box<str>,
}

const REQUIRED: [&str; 5] = ["first_name", "last_name", "email", "password", "status"];
const OTHERS: [&str; 6] =
    ["password", "status", "offer", "send_welcome", "conversion_trigger_coupon", "unique_merchant_id"];

pub(super) fn read(bytes: &[u8], switches: &Switches) -> Result<New, Answer> {
    let object = body::object(bytes)?;
    body::known(&object, |name| Field::named(name).is_some() || OTHERS.contains(&name), switches)?;
    body::required(&object, &REQUIRED)?;
    let mut errors = ValidationErrors::default();
    let new = New {
        texts: texts(&object, switches, &mut errors),
        status: status(&object, &mut errors),
        offer: offer(&object, switches, &mut errors),
        send_welcome: send_welcome(&object, &mut errors),
        coupon: errors.text(&object, "conversion_trigger_coupon").map(str::to_uppercase),
        unique_merchant_id: merchant_id(&object, switches, &mut errors),
    };
    check_password(&object, &new, &mut errors);
    errors.into_result().map(|()| new)
}

fn texts(object: &Object<'_>, switches: &Switches, errors: &mut ValidationErrors) -> Texts {
    let mut texts = Texts::default();
    for field in Field::ALL {
        if let Some(text) = errors.text(object, field.name()) {
            errors.check(field, text, switches);
            texts.set(field, text);
        }
    }
    texts
}

/// Reads the status: `ACTIVE` or `PENDING`, in upper case.
fn status(object: &Object<'_>, errors: &mut ValidationErrors) -> Status {
    match errors.text(object, "status") {
        Some("ACTIVE") => Status::Active,
        Some("PENDING") | None => Status::Pending,
        Some(other) => {
            errors.not_allowed(other, "status");
            Status::Pending
        }
    }
}

/// Reads the numeric id of the offer, which is a string here and a number in `edit`.
fn offer(object: &Object<'_>, switches: &Switches, errors: &mut ValidationErrors) -> Option<u64> {
    let text = errors.text(object, "offer")?;
    let offer = digits(text).filter(|offer| switches.offer_exists(*offer));
    if offer.is_none() {
        errors.not_allowed(text, "offer");
    }
    offer
}

/// Reads the strings `"TRUE"` and `"FALSE"`, not booleans.
fn send_welcome(object: &Object<'_>, errors: &mut ValidationErrors) -> bool {
    match errors.text(object, "send_welcome") {
        Some("TRUE") => true,
        Some("FALSE") | None => false,
        Some(other) => {
            errors.not_allowed(other, "send_welcome");
            false
        }
    }
}

fn merchant_id(object: &Object<'_>, switches: &Switches, errors: &mut ValidationErrors) -> Box<str> {
    let id = errors.text(object, "unique_merchant_id").unwrap_or_default();
    if switches.alphanumeric_merchant_id && !id.chars().all(char::is_alphanumeric) {
        errors.not_allowed(id, "unique_merchant_id");
    }
    id.into()
}

fn check_password(object: &Object<'_>, new: &New, errors: &mut ValidationErrors) {
    // The length of a password has its own rule and error, so the limit of other texts does not apply.
    match object.get("password") {
        Some(Json::Text(text)) => {
            for error in password::errors(text, new.texts.get(Field::Email)) {
                errors.add(error);
            }
        }
        // The value is left out of the error, because it is meant to be a secret.
        _ => errors.not_allowed("", "password"),
    }
}
