//! The expected state: one affiliate for each person that can be one, and addresses that must not have an active
//! affiliate.

use std::collections::{BTreeMap, BTreeSet};

use crate::broad::has_broad_tombstone;
use crate::event::Identifier;
use crate::fields::{PAYOUT, STANDARD_FIELDS, custom_fields, standard_fields};
use crate::fold::{Profiles, merged};
use crate::history::History;
use crate::resolution::{People, Person};
use crate::tombstones::Tombstones;
use crate::{Payee, Settings, World};

/// The state that Refersion should have for one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// By address, in lower case.
    pub affiliates: BTreeMap<String, ExpectedAffiliate>,
    /// Addresses whose affiliate, if there is one, must be DISABLED, even one that is left over: a person near them
    /// was deleted, and no affiliate is expected there.
    pub forbidden: BTreeSet<String>,
    /// Forbidden addresses without a tombstone on the address itself. An affiliate that existed there before and was
    /// not found may stay.
    pub not_searched: BTreeSet<String>,
    /// Forbidden addresses whose affiliate moves to the address of a person that can be one. If Refersion refuses
    /// that address, the affiliate stays.
    pub moves: BTreeMap<String, String>,
    /// Number of persons that cannot be an affiliate yet and of identifiers that belong to no person, if they have
    /// traits.
    pub persons_waiting: usize,
    /// Whether affiliates of this connection are created ACTIVE; otherwise PENDING.
    pub new_status_active: bool,
    /// Number of identifies that disable this destination.
    pub skipped: usize,
    /// Number of events that the ingest endpoint should have refused. If the events were accepted, any value but 0 is
    /// an error of a reader.
    pub unreadable: usize,
}

/// The expected values of one affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedAffiliate {
    /// By the API's field name: all [`STANDARD_FIELDS`], empty if not stated. Of an optional affiliate, only the
    /// stated ones.
    pub fields: BTreeMap<String, String>,
    /// Stated custom fields by id.
    pub custom_fields: BTreeMap<u64, String>,
    /// The names of those `fields` that were stated, including cleared ones.
    pub stated: BTreeSet<String>,
    /// Whether the affiliate has to exist.
    pub presence: Presence,
}

/// Whether and why an affiliate has to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has to exist.
    Created,
    /// It existed before, and its person could not be an affiliate otherwise. If it exists, the stated values have to
    /// match.
    Optional,
    /// It has to exist although a person behind its address was deleted: everything that a create needs was stated
    /// again.
    Recreated,
}

/// The intermediate results of the model.
pub(crate) struct Model<'a> {
    pub(crate) history: &'a History,
    pub(crate) tombstones: &'a Tombstones,
    pub(crate) profiles: &'a Profiles,
    pub(crate) settings: &'a Settings,
    pub(crate) world: &'a World,
}

impl Model<'_> {
    pub(crate) fn expected(&self, people: &People<'_>) -> Expected {
        let persons = people.persons();
        let mut expected = Expected {
            persons_waiting: self.waiting(persons.values()),
            new_status_active: self.settings.new_status_active,
            skipped: self.history.skipped,
            unreadable: self.history.unreadable,
            ..Expected::default()
        };
        for person in persons.values() {
            if let Some(presence) = self.presence(person) {
                expected.affiliates.insert(person.address.clone(), self.affiliate(person, presence));
            }
        }
        let free =
            |address: &&String| !expected.affiliates.contains_key(*address) && self.has_tombstone(address);
        for address in self.history.addresses().into_iter().filter(free).collect::<Vec<_>>() {
            self.forbid(address, people.owner(address, &persons), &mut expected);
        }
        expected
    }

    /// Forbids an address. Its affiliate moves to its owner's new address only without a tombstone on the old address
    /// itself.
    fn forbid(&self, address: &str, owner: Option<&Person>, expected: &mut Expected) {
        expected.forbidden.insert(address.to_owned());
        if self.tombstones.on_address(address).is_some() {
            return;
        }
        if !self.world.existed.contains(address) {
            expected.not_searched.insert(address.to_owned());
        }
        if let Some(owner) = owner.filter(|owner| owner.is_eligible) {
            expected.moves.insert(address.to_owned(), owner.address.clone());
        }
    }

    fn presence(&self, person: &Person) -> Option<Presence> {
        match (person.is_eligible, self.has_tombstone(&person.address)) {
            (true, false) => Some(Presence::Created),
            (true, true) => Some(Presence::Recreated),
            (false, false) => self.world.existed.contains(&person.address).then_some(Presence::Optional),
            (false, true) => None,
        }
    }

    fn affiliate(&self, person: &Person, presence: Presence) -> ExpectedAffiliate {
        let mut fields = standard_fields(&person.traits, self.settings);
        fields.remove(PAYOUT);
        fields.extend(self.payout(person).map(|text| (PAYOUT.to_owned(), text)));
        let stated = fields.keys().cloned().collect();
        if presence != Presence::Optional {
            for field in STANDARD_FIELDS {
                fields.entry(field.to_owned()).or_default();
            }
        }
        let custom_fields = custom_fields(&person.traits, self.settings);
        ExpectedAffiliate { fields, custom_fields, stated, presence }
    }

    /// The payout field follows the payee's own profile, even if another person holds the address.
    fn payout(&self, person: &Person) -> Option<String> {
        let own =
            person.user.clone().map_or_else(|| Identifier::Address(person.address.clone()), Identifier::User);
        let payee = self.world.payees.get(&person.address).map_or(own, |payee| match payee {
            Payee::User(user) => Identifier::User(user.clone()),
            Payee::Address(address) => Identifier::Address(address.clone()),
            Payee::Anonymous(anonymous) => Identifier::Anonymous(anonymous.clone()),
        });
        let traits = merged(&BTreeSet::from([payee]), self.profiles);
        standard_fields(&traits, self.settings).remove(PAYOUT)
    }

    fn waiting<'p>(&self, persons: impl Iterator<Item = &'p Person>) -> usize {
        let mut alone: BTreeSet<&Identifier> = self.profiles.keys().collect();
        let mut waiting = 0;
        for person in persons {
            for profile in &person.profiles {
                alone.remove(profile);
            }
            waiting += usize::from(!person.is_eligible && !person.traits.is_empty());
        }
        waiting + alone.len()
    }

    fn has_tombstone(&self, address: &str) -> bool {
        has_broad_tombstone(address, self.history, self.tombstones)
    }
}
