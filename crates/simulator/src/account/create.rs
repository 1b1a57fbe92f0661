//! How affiliates come into an account: by `/affiliate/new`, or because they were there before.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Account, World};
use crate::affiliate::{Affiliate, Field, Status, Texts};
use crate::answer::Answer;
use crate::call::New;

/// An affiliate that was there before anybody called.
#[derive(Debug, Clone)]
pub struct Before {
    /// Taken as it is; an address that is held already is refused.
    pub email: String,
    /// Any text.
    pub first_name: String,
    /// Any text.
    pub last_name: String,
    /// Any of the four.
    pub status: Status,
    /// Value by numeric custom field id.
    pub custom_fields: BTreeMap<u64, String>,
}

impl Before {
    /// An active affiliate with that address and a common name.
    #[must_use]
    pub fn active(email: &str) -> Self {
        Self {
            email: email.to_owned(),
            first_name: "Ann".to_owned(),
            last_name: "Before".to_owned(),
            status: Status::Active,
            custom_fields: BTreeMap::new(),
        }
    }
}

/// The two identifiers of an affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The numeric id.
    pub id: u64,
    /// The affiliate code.
    pub code: String,
}

/// The offer of accounts whose offers nobody named.
const DEFAULT_OFFER: u64 = 1;

impl Account {
    /// `/affiliate/new`. A held address gives the text alone: no id, no code, no status.
    pub(super) fn create(&mut self, new: New, world: &World) -> Answer {
        let mut errors = Vec::new();
        if self.find_by_email(new.texts.get(Field::Email)).is_some() {
            errors.push("The email you have entered is taken by another Affiliate.");
            self.effects.creates_of_a_taken_address += 1;
        }
        if new.coupon.as_ref().is_some_and(|coupon| self.coupons.contains(coupon)) {
            errors.push("Conversion trigger already exists for same or another affiliate.");
        }
        if !errors.is_empty() {
            return Answer::refused(&errors);
        }
        self.effects.created += 1;
        self.effects.welcome_mails += u64::from(new.send_welcome);
        self.coupons.extend(new.coupon.clone());
        let placed = self.add(new.texts, new.status, new.offer, new.unique_merchant_id, world);
        created(&placed, new.status, world)
    }

    /// `None` if somebody holds the address.
    pub(crate) fn place(&mut self, before: Before, world: &World) -> Option<Placed> {
        if self.find_by_email(&before.email).is_some() {
            return None;
        }
        let mut texts = Texts::default();
        texts.set(Field::Email, &before.email);
        texts.set(Field::FirstName, &before.first_name);
        texts.set(Field::LastName, &before.last_name);
        let placed = self.add(texts, before.status, None, "".into(), world);
        if let Some(affiliate) = self.affiliates.get_mut(&placed.id) {
            for (id, value) in before.custom_fields {
                affiliate.set_custom_field(id, &value);
            }
        }
        Some(placed)
    }

    fn add(
        &mut self,
        texts: Texts,
        status: Status,
        offer: Option<u64>,
        merchant_id: Box<str>,
        world: &World,
    ) -> Placed {
        let id = self.ids.next_id();
        let code = self.ids.next_code(|code| self.codes.contains_key(code));
        let offer = offer.or_else(|| world.switches.offers.first().copied()).unwrap_or(DEFAULT_OFFER);
        let placed = Placed { id, code: code.to_string() };
        let custom_fields = BTreeMap::new();
        self.insert(Affiliate {
            id,
            code,
            status,
            offer,
            texts,
            unique_merchant_id: merchant_id,
            custom_fields,
        });
        placed
    }
}

/// `id` is the code; the numeric id is in the text of `message` alone.
fn created(placed: &Placed, status: Status, world: &World) -> Answer {
    let Placed { id, code } = placed;
    let mut body = json!({ "id": code, "link": link(code) });
    if !world.switches.no_create_message {
        body["message"] =
            format!("The affiliate {id} has been created with the status of {}.", status.name()).into();
    }
    Answer::ok(&body)
}

pub(super) fn link(code: &str) -> String {
    format!("https://simulated.refersion.com/c/{code}")
}
