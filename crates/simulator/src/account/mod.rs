//! One merchant's account: its affiliates and their indexes.
//!
//! Every lookup of a call uses an index, so that an account of a million affiliates answers as fast as one of ten.

mod batch;
mod create;
mod emails;
mod ids;
mod lookup;
mod partial;
mod staff;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

pub use create::{AffiliateIds, ExistingAffiliate};
pub use staff::StaffChange;

use crate::affiliate::{Affiliate, Field};
use crate::answer::Answer;
use crate::call::Call;
use crate::calls::Effects;
use crate::options::Switches;
use crate::random::RandomSource;
use crate::state::{AccountState, AffiliateState, LastEdit};
use crate::webhooks::{Topic, body};
use emails::EmailIndex;
use ids::{ById, Ids};
use partial::PartialFailures;

/// Configuration that all accounts of a simulator share.
pub(crate) struct Config {
    pub(crate) switches: Switches,
    pub(crate) custom_fields: BTreeMap<u64, String>,
}

impl Config {
    fn has_custom_field(&self, id: u64) -> bool {
        self.custom_fields.is_empty() || self.custom_fields.contains_key(&id)
    }

    fn label(&self, id: u64) -> String {
        self.custom_fields.get(&id).cloned().unwrap_or_else(|| format!("Field {id}"))
    }
}

/// One account. No two of its affiliates have the same address.
pub(crate) struct Account {
    pub(crate) public_key: String,
    /// Numeric ids in the order of creation, ascending.
    order: Vec<u64>,
    affiliates: ById<Affiliate>,
    codes: HashMap<Box<str>, u64>,
    emails: EmailIndex,
    coupons: HashSet<String>,
    ids: Ids,
    partial_failures: PartialFailures,
    pub(crate) effects: Effects,
    /// Changes of affiliates since the last look, for webhooks; `None` without webhooks.
    changes: Option<Vec<(Topic, u64)>>,
}

impl Account {
    pub(crate) fn new(public_key: &str, seed: u64) -> Self {
        Self {
            public_key: public_key.to_owned(),
            order: Vec::new(),
            affiliates: ById::default(),
            codes: HashMap::new(),
            emails: EmailIndex::default(),
            coupons: HashSet::new(),
            ids: Ids::new(RandomSource::for_name(seed, public_key)),
            partial_failures: PartialFailures::default(),
            effects: Effects::default(),
            changes: None,
        }
    }

    /// From now on, changes are kept for webhooks.
    pub(crate) fn announce(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// Notes a change of an affiliate.
    fn note(&mut self, topic: Topic, id: u64) {
        if let Some(changes) = &mut self.changes {
            changes.push((topic, id));
        }
    }

    /// The bodies of webhooks about changes since the last look. Removed affiliates are left out: there is no topic for them.
    pub(crate) fn take_changes(&mut self, config: &Config) -> Vec<(Topic, Vec<u8>)> {
        let Some(changes) = self.changes.as_mut().filter(|changes| !changes.is_empty()) else {
            return Vec::new();
        };
        let changes = std::mem::take(changes);
        let events = changes.into_iter().filter_map(|(topic, id)| Some((topic, self.affiliates.get(&id)?)));
        let text = |affiliate| body(affiliate, &config.custom_fields).to_string().into_bytes();
        events.map(|(topic, affiliate)| (topic, text(affiliate))).collect()
    }

    /// Carries a call out. With `partial`, some valid items of a batch are reported as not changed.
    pub(crate) fn perform(
        &mut self,
        call: Call,
        (config, now): (&Config, Duration),
        partial: Option<&mut RandomSource>,
    ) -> Answer {
        match call {
            Call::New(new) => self.create(*new, config, now),
            Call::Get(by) => self.get(&by, config),
            Call::Edit(edits) => self.edit(edits, (config, now), partial),
            Call::Search(search) => self.search(&search, config, now),
            Call::List(list) => self.list(&list, config),
            Call::StatusChange(change) => self.change_status(&change, config, partial),
        }
    }

    pub(crate) fn find_by_email(&self, email: &str) -> Option<&Affiliate> {
        self.affiliates.get(&self.emails.owner(email)?)
    }

    fn find_by_code(&self, code: &str) -> Option<&Affiliate> {
        self.affiliates.get(self.codes.get(code)?)
    }

    /// Adds an affiliate to all indexes. The caller has checked that its address is free.
    fn insert(&mut self, affiliate: Affiliate) {
        self.order.push(affiliate.id);
        self.codes.insert(affiliate.code.clone(), affiliate.id);
        self.emails.insert(affiliate.texts.get(Field::Email), affiliate.id);
        self.affiliates.insert(affiliate.id, affiliate);
    }

    /// Removes an affiliate with its id, code and address, as when affiliates delete their own account. Returns whether it
    /// existed.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let Some(affiliate) = self.affiliates.remove(&id) else { return false };
        self.order.retain(|other| *other != id);
        self.codes.remove(&affiliate.code);
        self.emails.remove(affiliate.texts.get(Field::Email));
        true
    }

    /// All affiliates in the order of creation.
    fn iter(&self) -> impl DoubleEndedIterator<Item = &Affiliate> {
        self.order.iter().filter_map(|id| self.affiliates.get(id))
    }

    pub(crate) fn state(&self) -> AccountState {
        AccountState {
            public_key: self.public_key.clone(),
            affiliates: self.iter().map(AffiliateState::of).collect(),
        }
    }

    /// The last edit of each affiliate that was ever changed by one.
    pub(crate) fn last_edits(&self) -> impl Iterator<Item = LastEdit> {
        self.iter().filter_map(LastEdit::of)
    }
}
