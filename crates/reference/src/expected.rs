//! The answer of the model: one affiliate for each person that can be one, and addresses that must not stay active.

use std::collections::{BTreeMap, BTreeSet};

use crate::broad::has_broad_tombstone;
use crate::event::Identifier;
use crate::fold::{Profiles, merged};
use crate::history::History;
use crate::tombstones::Tombstones;
use crate::wanted::{PAYOUT, STANDARD_FIELDS, custom_fields, standard_fields};
use crate::who::{People, Person};
use crate::{Payee, Settings, World};

/// What Refersion should hold for one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// By address, in lower case.
    pub affiliates: BTreeMap<String, ExpectedAffiliate>,
    /// Addresses whose affiliate must be DISABLED, if there is one: somebody near them asked to be forgotten, and no
    /// affiliate is expected there. One that is left over is no exception.
    pub forbidden: BTreeSet<String>,
    /// Of the forbidden: those on which no tombstone lies itself. What was there before us and has not been found is
    /// nobody's business there.
    pub not_looked_for: BTreeSet<String>,
    /// Of these: where the affiliate belongs to a person that can be one, that person's address. If Refersion refuses
    /// it, the affiliate stays.
    pub moves: BTreeMap<String, String>,
    /// Persons that cannot be an affiliate yet, and identifiers that belong to no person: those with something said.
    pub persons_waiting: usize,
    /// Whether affiliates of this connection are created ACTIVE; PENDING otherwise.
    pub new_status_active: bool,
    /// Identify events that say that they are not for us.
    pub skipped: usize,
    /// Events that the door should have refused. Where events were accepted, anything but 0 is a fault of a reader.
    pub unreadable: usize,
}

/// What one affiliate should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedAffiliate {
    /// By the API's field name. Every one of [`STANDARD_FIELDS`], with an empty text where nothing is stated; of one
    /// that only may exist, the stated ones alone.
    pub fields: BTreeMap<String, String>,
    /// By custom field id: the stated ones.
    pub custom_fields: BTreeMap<u64, String>,
    /// Those of `fields` that were stated, be it as cleared.
    pub stated: BTreeSet<String>,
    /// How sure it is that the affiliate is there, and in which status.
    pub standing: Standing,
}

/// How an affiliate came to be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It must be there.
    Created,
    /// It was there before us, and its person could not be one by itself: what is stated must hold, if it is there.
    MayExist,
    /// It must be there, although somebody behind its address asked to be forgotten: all was said anew.
    Reborn,
}

/// Everything that was worked out on the way.
pub(crate) struct Told<'a> {
    pub(crate) history: &'a History,
    pub(crate) tombstones: &'a Tombstones,
    pub(crate) profiles: &'a Profiles,
    pub(crate) settings: &'a Settings,
    pub(crate) world: &'a World,
}

impl Told<'_> {
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
            if let Some(standing) = self.standing(person) {
                expected.affiliates.insert(person.address.clone(), self.affiliate(person, standing));
            }
        }
        let free = |address: &&String| !expected.affiliates.contains_key(*address) && self.lies_on(address);
        for address in self.history.addresses().into_iter().filter(free).collect::<Vec<_>>() {
            self.forbid(address, people.owner(address, &persons), &mut expected);
        }
        expected
    }

    /// An affiliate is carried along to its owner's new address only where no tombstone lies on the old one itself.
    fn forbid(&self, address: &str, owner: Option<&Person>, expected: &mut Expected) {
        expected.forbidden.insert(address.to_owned());
        if self.tombstones.on_address(address).is_some() {
            return;
        }
        if !self.world.existed.contains(address) {
            expected.not_looked_for.insert(address.to_owned());
        }
        if let Some(owner) = owner.filter(|owner| owner.can_be_one) {
            expected.moves.insert(address.to_owned(), owner.address.clone());
        }
    }

    fn standing(&self, person: &Person) -> Option<Standing> {
        match (person.can_be_one, self.lies_on(&person.address)) {
            (true, false) => Some(Standing::Created),
            (true, true) => Some(Standing::Reborn),
            (false, false) => self.world.existed.contains(&person.address).then_some(Standing::MayExist),
            (false, true) => None,
        }
    }

    fn affiliate(&self, person: &Person, standing: Standing) -> ExpectedAffiliate {
        let mut fields = standard_fields(&person.traits, self.settings);
        fields.remove(PAYOUT);
        fields.extend(self.payout(person).map(|text| (PAYOUT.to_owned(), text)));
        let stated = fields.keys().cloned().collect();
        if standing != Standing::MayExist {
            for field in STANDARD_FIELDS {
                fields.entry(field.to_owned()).or_default();
            }
        }
        let custom_fields = custom_fields(&person.traits, self.settings);
        ExpectedAffiliate { fields, custom_fields, stated, standing }
    }

    /// The payout field follows the payee's own profile, whoever holds the address.
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
            waiting += usize::from(!person.can_be_one && !person.traits.is_empty());
        }
        waiting + alone.len()
    }

    fn lies_on(&self, address: &str) -> bool {
        has_broad_tombstone(address, self.history, self.tombstones)
    }
}
