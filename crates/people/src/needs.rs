//! The settings of a connection that decide who can be an affiliate and what is told of it.

use std::collections::BTreeMap;

use crate::graph::Said;

/// The merged traits of a person, by key.
pub type Traits<'g> = BTreeMap<&'g str, &'g Said>;

/// What a connection's settings say about persons. Trait keys are those of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A usable part of an address is needed to create.
    pub require_address: bool,
    /// What stands for the last name of someone whose name is one word; `None`: such a person waits.
    pub one_word_last_name: Option<String>,
    /// Refersion's custom field id by trait key (`trait:plan`).
    pub custom_fields: BTreeMap<String, u64>,
    /// The trait key that holds the PayPal address, if any.
    pub paypal_trait: Option<String>,
    /// New affiliates are made ACTIVE (else PENDING).
    pub active: bool,
    /// After a delete, the affiliate's fields are overwritten as well.
    pub scrub: bool,
}

/// The prefix of a custom trait's key.
pub const CUSTOM: &str = "trait:";

/// The address parts of which one must be usable where an address is needed. `address2` alone tells nobody where to send.
const ADDRESS_PARTS: [&str; 5] = ["address1", "city", "state", "zip", "country"];

impl Rules {
    /// The Refersion field that a trait key is told in: its own name, or `custom:ID`. `None` if nothing maps it.
    #[must_use]
    pub fn field_of(&self, key: &str) -> Option<String> {
        if self.paypal_trait.as_deref() == Some(key) {
            return Some("paypal_email".to_owned());
        }
        if !key.starts_with(CUSTOM) {
            return Some(key.to_owned());
        }
        self.custom_fields.get(key).map(|id| format!("custom:{id}"))
    }

    /// The text that is told for a trait, or `None` where there is nothing to tell (a one-word name without a rule).
    #[must_use]
    pub fn text_of(&self, key: &str, said: &Said) -> Option<String> {
        let text = said.value.clone().unwrap_or_default();
        match key {
            "last_name" if text.is_empty() => self.one_word_last_name.clone(),
            "first_name" if text.is_empty() => None,
            _ => Some(text),
        }
    }

    /// What a create needs and these traits lack, in Refersion's field names; `address` for any part of one.
    /// With `refusals`, a value that Refersion refused counts as lacking.
    #[must_use]
    pub fn lacking(&self, traits: &Traits<'_>, refusals: bool) -> Vec<&'static str> {
        let usable = |key: &str| {
            let said = traits.get(key)?;
            if refusals && said.refused.is_some() {
                return None;
            }
            self.text_of(key, said).filter(|text| !text.is_empty())
        };
        let mut lacking: Vec<&'static str> =
            ["first_name", "last_name"].into_iter().filter(|name| usable(name).is_none()).collect();
        if self.require_address && ADDRESS_PARTS.iter().all(|part| usable(part).is_none()) {
            lacking.push("address");
        }
        lacking
    }
}
