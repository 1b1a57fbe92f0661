//! New affiliates: created by `/affiliate/new`, or added before the first call.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::{Account, Config};
use crate::affiliate::{Affiliate, Field, Status, Texts};
use crate::answer::Answer;
use crate::call::New;
use crate::webhooks::Topic;

/// An affiliate that exists before the first call.
#[derive(Debug, Clone)]
pub struct ExistingAffiliate {
    /// Email address, not validated. Refused if another affiliate has it.
    pub email: String,
    /// Any text.
    pub first_name: String,
    /// Any text.
    pub last_name: String,
    /// Any of the four statuses.
    pub status: Status,
    /// Value by numeric custom field id.
    pub custom_fields: BTreeMap<u64, String>,
}

impl ExistingAffiliate {
    /// An active affiliate with this address and a common name.
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

    /// The affiliate with this number, from 1: `affiliate1@example.org`, with a first name of a short list and the last name
    /// `Example1`. Of ten, the ninth is pending and the tenth disabled; the others are active.
    #[must_use]
    pub fn numbered(number: u32) -> Self {
        let first_name = FIRST_NAMES[number as usize % FIRST_NAMES.len()];
        let status = match number % 10 {
            9 => Status::Pending,
            0 => Status::Disabled,
            _ => Status::Active,
        };
        Self {
            first_name: first_name.to_owned(),
            last_name: format!("Example{number}"),
            status,
            ..Self::active(&format!("affiliate{number}@example.org"))
        }
    }
}

/// The first names of numbered affiliates.
const FIRST_NAMES: [&str; 8] = ["Hugo", "Ann", "Ben", "Cara", "Dave", "Eve", "Finn", "Gwen"];

/// The two identifiers of an affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffiliateIds {
    /// The numeric id.
    pub id: u64,
    /// The affiliate code.
    pub code: String,
}

/// The offer of accounts without configured offers.
const DEFAULT_OFFER: u64 = 1;

impl Account {
    /// `/affiliate/new`. The error for a taken address names neither id, nor code, nor status.
    pub(super) fn create(&mut self, new: New, config: &Config, now: Duration) -> Answer {
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
        let status = new.status;
        let ids = self.add(new, config, now + config.switches.search_lags);
        self.note(Topic::New, ids.id);
        created(&ids, status, config)
    }

    /// Adds an affiliate without a call. `None` if another affiliate has the address.
    pub(crate) fn add_existing(
        &mut self,
        existing: ExistingAffiliate,
        config: &Config,
    ) -> Option<AffiliateIds> {
        if self.find_by_email(&existing.email).is_some() {
            return None;
        }
        let mut texts = Texts::default();
        texts.set(Field::Email, &existing.email);
        texts.set(Field::FirstName, &existing.first_name);
        texts.set(Field::LastName, &existing.last_name);
        let new = New {
            texts,
            status: existing.status,
            offer: None,
            send_welcome: false,
            coupon: None,
            unique_merchant_id: "".into(),
        };
        let ids = self.add(new, config, Duration::ZERO);
        if let Some(affiliate) = self.affiliates.get_mut(&ids.id) {
            for (id, value) in existing.custom_fields {
                affiliate.set_custom_field(id, &value);
            }
        }
        self.note(Topic::New, ids.id);
        Some(ids)
    }

    fn add(&mut self, new: New, config: &Config, searchable_at: Duration) -> AffiliateIds {
        let id = self.ids.next_id();
        let code = self.ids.next_code(|code| self.codes.contains_key(code));
        let offer = new.offer.or_else(|| config.switches.offers.first().copied()).unwrap_or(DEFAULT_OFFER);
        let ids = AffiliateIds { id, code: code.to_string() };
        self.insert(Affiliate {
            id,
            code,
            status: new.status,
            offer,
            texts: new.texts,
            unique_merchant_id: new.unique_merchant_id,
            custom_fields: BTreeMap::new(),
            searchable_at,
            edited_at: None,
        });
        ids
    }
}

/// The answer to a create. Its `id` is the code; the numeric id is only in the text of `message`.
fn created(ids: &AffiliateIds, status: Status, config: &Config) -> Answer {
    let AffiliateIds { id, code } = ids;
    let mut body = json!({ "id": code, "link": link(code) });
    if config.switches.create_message_counts {
        body["message"] = "1 affiliate has been created.".into();
    } else if !config.switches.no_create_message {
        body["message"] =
            format!("The affiliate {id} has been created with the status of {}.", status.name()).into();
    }
    Answer::ok(&body)
}

pub(super) fn link(code: &str) -> String {
    format!("https://simulated.refersion.com/c/{code}")
}
