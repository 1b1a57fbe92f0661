//! `/affiliate/new`: one affiliate at a time, and no custom fields.

use super::body;
use super::complaints::Complaints;
use super::json::{Json, Object};
use super::password;
use crate::affiliate::{Field, Status, Texts};
use crate::answer::Answer;
use crate::options::Switches;

/// A well-formed create. The password was checked and is not kept.
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
    let mut complaints = Complaints::default();
    let new = New {
        texts: texts(&object, switches, &mut complaints),
        status: status(&object, &mut complaints),
        offer: offer(&object, switches, &mut complaints),
        send_welcome: send_welcome(&object, &mut complaints),
        coupon: complaints.text(&object, "conversion_trigger_coupon").map(str::to_uppercase),
        unique_merchant_id: merchant_id(&object, switches, &mut complaints),
    };
    check_password(&object, &new, &mut complaints);
    complaints.into_result().map(|()| new)
}

fn texts(object: &Object<'_>, switches: &Switches, complaints: &mut Complaints) -> Texts {
    let mut texts = Texts::default();
    for field in Field::ALL {
        if let Some(text) = complaints.text(object, field.name()) {
            complaints.check(field, text, switches);
            texts.set(field, text);
        }
    }
    texts
}

/// Upper case alone, and the two statuses alone that an affiliate can begin with.
fn status(object: &Object<'_>, complaints: &mut Complaints) -> Status {
    match complaints.text(object, "status") {
        Some("ACTIVE") => Status::Active,
        Some("PENDING") | None => Status::Pending,
        Some(other) => {
            complaints.not_allowed(other, "status");
            Status::Pending
        }
    }
}

/// A numeric id as text here, while `edit` wants a number.
fn offer(object: &Object<'_>, switches: &Switches, complaints: &mut Complaints) -> Option<u64> {
    let text = complaints.text(object, "offer")?;
    let offer = text.parse().ok().filter(|offer| switches.offer_exists(*offer));
    if offer.is_none() {
        complaints.not_allowed(text, "offer");
    }
    offer
}

/// The texts `"TRUE"` and `"FALSE"`, not booleans.
fn send_welcome(object: &Object<'_>, complaints: &mut Complaints) -> bool {
    match complaints.text(object, "send_welcome") {
        Some("TRUE") => true,
        Some("FALSE") | None => false,
        Some(other) => {
            complaints.not_allowed(other, "send_welcome");
            false
        }
    }
}

fn merchant_id(object: &Object<'_>, switches: &Switches, complaints: &mut Complaints) -> Box<str> {
    let id = complaints.text(object, "unique_merchant_id").unwrap_or_default();
    if switches.alphanumeric_merchant_id && !id.chars().all(char::is_alphanumeric) {
        complaints.not_allowed(id, "unique_merchant_id");
    }
    id.into()
}

fn check_password(object: &Object<'_>, new: &New, complaints: &mut Complaints) {
    // Its length has a rule and a text of its own, so the character limit of other texts does not apply.
    match object.get("password") {
        Some(Json::Text(text)) => {
            for complaint in password::complaints(text, new.texts.get(Field::Email)) {
                complaints.say(complaint);
            }
        }
        // The value is left out: whatever it is, it was meant to be a secret.
        _ => complaints.not_allowed("", "password"),
    }
}
