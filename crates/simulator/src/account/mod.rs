//! One merchant's account: its affiliates, and the ways to find them.
//!
//! Every lookup that a call needs goes through an index, so that an account of a million answers as fast as one of ten.

mod change;
mod create;
mod emails;
mod ids;
mod look;
mod withhold;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use create::{Before, Placed};

use crate::affiliate::{Affiliate, Field};
use crate::answer::Answer;
use crate::call::Call;
use crate::calls::Effects;
use crate::dice::Dice;
use crate::options::Switches;
use crate::state::{AccountState, AffiliateState};
use emails::Emails;
use ids::{ById, Ids};
use withhold::Withheld;

/// What every account of a simulator has in common.
pub(crate) struct World {
    pub(crate) switches: Switches,
    pub(crate) custom_fields: BTreeMap<u64, String>,
}

impl World {
    fn has_custom_field(&self, id: u64) -> bool {
        self.custom_fields.is_empty() || self.custom_fields.contains_key(&id)
    }

    fn label(&self, id: u64) -> String {
        self.custom_fields.get(&id).cloned().unwrap_or_else(|| format!("Field {id}"))
    }
}

/// One account. Affiliates are never in it under one address twice.
pub(crate) struct Account {
    pub(crate) public_key: String,
    /// Numeric ids in the order of creation, which is ascending.
    order: Vec<u64>,
    affiliates: ById<Affiliate>,
    codes: HashMap<Box<str>, u64>,
    emails: Emails,
    coupons: HashSet<String>,
    ids: Ids,
    withheld: Withheld,
    pub(crate) effects: Effects,
}

impl Account {
    pub(crate) fn new(public_key: &str, seed: u64) -> Self {
        Self {
            public_key: public_key.to_owned(),
            order: Vec::new(),
            affiliates: ById::default(),
            codes: HashMap::new(),
            emails: Emails::default(),
            coupons: HashSet::new(),
            ids: Ids::new(Dice::named(seed, public_key)),
            withheld: Withheld::default(),
            effects: Effects::default(),
        }
    }

    /// Carries the call out. With `partial`, some items of a batch are not done although nothing is wrong with them.
    pub(crate) fn perform(&mut self, call: Call, world: &World, partial: Option<&mut Dice>) -> Answer {
        match call {
            Call::New(new) => self.create(*new, world),
            Call::Get(which) => self.get(&which, world),
            Call::Edit(edits) => self.edit(edits, world, partial),
            Call::Search(search) => self.search(&search, world),
            Call::List(list) => self.list(&list, world),
            Call::StatusChange(change) => self.change_status(&change, world, partial),
        }
    }

    pub(crate) fn find_by_email(&self, email: &str) -> Option<&Affiliate> {
        self.affiliates.get(&self.emails.holder(email)?)
    }

    fn find_by_code(&self, code: &str) -> Option<&Affiliate> {
        self.affiliates.get(self.codes.get(code)?)
    }

    /// Keeps the affiliate under all its names. The caller has seen to it that nobody holds its address.
    fn insert(&mut self, affiliate: Affiliate) {
        self.order.push(affiliate.id);
        self.codes.insert(affiliate.code.clone(), affiliate.id);
        self.emails.hold(affiliate.texts.get(Field::Email), affiliate.id);
        self.affiliates.insert(affiliate.id, affiliate);
    }

    /// As when affiliates delete their own account: id, code and address are gone. True if there was one.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let Some(affiliate) = self.affiliates.remove(&id) else { return false };
        self.order.retain(|other| *other != id);
        self.codes.remove(&affiliate.code);
        self.emails.release(affiliate.texts.get(Field::Email));
        true
    }

    /// In the order of creation.
    fn iter(&self) -> impl DoubleEndedIterator<Item = &Affiliate> {
        self.order.iter().filter_map(|id| self.affiliates.get(id))
    }

    pub(crate) fn state(&self) -> AccountState {
        AccountState {
            public_key: self.public_key.clone(),
            affiliates: self.iter().map(AffiliateState::of).collect(),
        }
    }
}
