//! The next step for each affiliate of a graph: the fewest calls that remove the difference.

mod step;

use std::collections::BTreeSet;

use crate::Text;
use crate::difference::{desired, difference};
use crate::digest::Digest;
use crate::directory::Listed;
use crate::eligibility::{Rules, TEXT_FIELDS, Traits};
use crate::erase::to_search_for;
use crate::graph::{Affiliate, Graph, Status};
use crate::resolution::{Person, Resolution};
use crate::stamp::Moment;
use crate::tombstones::Tombstones;

pub use step::{Act, Step, StepKind};

/// Everything that follows from a graph under a connection's rules, computed once.
pub struct Analysis<'g> {
    /// The graph.
    pub graph: &'g Graph,
    /// The rules.
    pub rules: &'g Rules,
    /// Its tombstones.
    pub tombstones: Tombstones,
    /// Its persons.
    pub resolution: Resolution<'g>,
    /// The next steps, at most one for each affiliate and each person.
    pub steps: Vec<Step>,
}

impl<'g> Analysis<'g> {
    /// Computes everything.
    #[must_use]
    pub fn of(graph: &'g Graph, rules: &'g Rules) -> Self {
        let tombstones = Tombstones::of(graph);
        let resolution = Resolution::of(graph, &tombstones, rules);
        let mut analysis = Self { graph, rules, tombstones, resolution, steps: Vec::new() };
        analysis.steps = analysis.plan();
        analysis
    }

    fn plan(&self) -> Vec<Step> {
        let affiliates = self.graph.affiliates.iter().filter_map(|affiliate| self.for_affiliate(affiliate));
        let mut steps: Vec<Step> = affiliates.collect();
        let alone = |person: &&Person<'_>| self.resolution.bound(self.graph, person).is_none();
        let alone: Vec<&Person<'_>> = self.resolution.persons.iter().filter(alone).collect();
        steps.extend(alone.iter().filter_map(|person| self.create(person)));
        let wanted = alone.iter().flat_map(|person| self.look_for(person, None));
        let searched_for = to_search_for(self.graph, &self.tombstones).into_iter().chain(self.may_appear());
        for address in wanted.chain(searched_for) {
            // One search is enough, a create would find out as well, and two calls about one address must not race.
            if !steps.iter().any(|known| known.anchor == address) {
                steps
                    .push(Step { anchor: address, act: Act::Search { uncertain_create: false, code: None } });
            }
        }
        steps
    }

    /// Addresses near a tombstone, but not under it, at which the affiliate of a create without an answer may still appear, and
    /// would have to be disabled.
    pub(crate) fn may_appear(&self) -> Vec<Digest> {
        if self.tombstones.is_empty() {
            return Vec::new();
        }
        let uncertain = self.graph.identifiers.iter().filter(|(digest, it)| {
            it.may_appear_later() && it.sealed.is_some() && self.tombstones.on(**digest).is_none()
        });
        let unknown = uncertain.map(|(digest, _)| *digest).filter(|address| {
            !self.graph.has_affiliate_at(*address)
                && must_be_disabled(self.graph, &self.resolution, &self.tombstones, *address)
        });
        unknown.collect()
    }

    fn for_affiliate(&self, affiliate: &Affiliate) -> Option<Step> {
        let anchor = affiliate.address;
        if affiliate.gone {
            return None;
        }
        let code = affiliate.code.as_deref().map(Text::from);
        let Some(id) = affiliate.id else {
            // An affiliate that is only listed is looked up when a call needs its numeric id.
            let is_needed = code.is_none() || self.for_id(affiliate, 0).is_some();
            let act = Act::Search { uncertain_create: code.is_none(), code };
            return is_needed.then_some(Step { anchor, act });
        };
        self.for_id(affiliate, id).map(|act| Step { anchor, act })
    }

    fn for_id(&self, affiliate: &Affiliate, id: u64) -> Option<Act> {
        let owner = self.resolution.person(affiliate.address);
        let owner = owner.filter(|person| self.resolution.bound(self.graph, person) == Some(affiliate));
        match owner {
            Some(person) if person.is_eligible => self.keep_current(affiliate, id, person),
            _ if self.tombstones.around(self.graph, affiliate.address).is_some() => {
                self.disable_or_scrub(affiliate, id)
            }
            Some(person) => self.keep_current(affiliate, id, person),
            None => None,
        }
    }

    /// Disables or scrubs an affiliate: no person that could be one belongs to it, and a tombstone is near it.
    fn disable_or_scrub(&self, affiliate: &Affiliate, id: u64) -> Option<Act> {
        if affiliate.status != Some(Status::Disabled) {
            return Some(Act::Status { affiliate: id, status: Status::Disabled });
        }
        let scrub = self.rules.scrub && affiliate.disabled_by_us && !affiliate.scrubbed;
        scrub.then(|| {
            let known = affiliate.delivered.keys().chain(affiliate.shown.keys()).cloned();
            // Most fields of an affiliate that existed before are never shown.
            let others = TEXT_FIELDS.into_iter().filter(|_| affiliate.found).map(Text::new_static);
            let fields: BTreeSet<Text> = known.chain(others).collect();
            Act::Scrub { affiliate: id, fields: fields.into_iter().collect() }
        })
    }

    fn keep_current(&self, affiliate: &Affiliate, id: u64, person: &Person<'_>) -> Option<Act> {
        let fields = difference(&desired(person, self.rules), affiliate, self.rules);
        let moved = affiliate.address != person.address || affiliate.address_unknown;
        let refused = self.graph.identifiers.get(&person.address).is_some_and(|it| it.refused.is_some());
        let email = (moved && !refused).then_some(person.address);
        if email.is_some() || !fields.is_empty() {
            return Some(Act::Edit { affiliate: id, email, fields });
        }
        let revive = affiliate.disabled_by_us && affiliate.was_active && self.rules.active;
        (revive && person.is_eligible && affiliate.status != Some(Status::Active))
            .then_some(Act::Status { affiliate: id, status: Status::Active })
    }

    fn create(&self, person: &Person<'_>) -> Option<Step> {
        if !person.is_eligible || !self.blockers(person).is_empty() {
            return None;
        }
        let fields = desired(person, self.rules).fields.into_iter();
        let fields = fields.filter(|(field, text)| !field.starts_with("custom:") && !text.is_empty());
        let fields = fields.map(|(field, text)| (Text::from(field), Text::from(text)));
        let user = (person.root != person.address).then_some(person.root);
        Some(Step { anchor: person.address, act: Act::Create { user, fields: fields.collect() } })
    }

    /// The reasons why a person that has everything that a create requires is not created.
    #[must_use]
    pub fn blockers(&self, person: &Person<'_>) -> Vec<String> {
        let mut blockers = Vec::new();
        let address = self.graph.identifiers.get(&person.address);
        if let Some(cause) = address.and_then(|address| address.refused.as_ref()) {
            blockers.push(format!("refersion refuses the email: {cause}"));
        }
        for field in self.rules.lacking(&person.traits, true) {
            blockers.push(refusal_of(&person.traits, field));
        }
        blockers
    }

    /// The addresses to search for a person that lacks something that a create requires, or that has a refused value: they
    /// may have an older affiliate. Searched once, if there is anything to send; again if one has appeared since (`appeared`).
    pub(crate) fn look_for(&self, person: &Person<'_>, appeared: Option<&Listed>) -> Vec<Digest> {
        let can_be_made = person.is_eligible && self.blockers(person).is_empty();
        if can_be_made || !self.worth_sending(person) {
            return Vec::new();
        }
        let claimed = self.graph.claims.iter().filter(|claim| claim.user == person.root);
        let uncovered = claimed.filter(|claim| {
            let last = claim.last().map(|stamp| stamp.time);
            last.is_some_and(|time| !self.tombstones.covers_link(claim.user, claim.address, time))
        });
        let mut addresses: Vec<Digest> = uncovered.map(|claim| claim.address).collect();
        addresses.push(person.address);
        addresses.sort_unstable();
        addresses.dedup();
        let is_open = |searched_at: Option<Moment>, address: Digest| match searched_at {
            None => true,
            Some(at) => appeared.is_some_and(|listed| listed.get(&address).is_some_and(|it| it.seen_at > at)),
        };
        let unknown = addresses.into_iter().filter(|address| {
            let identifier = self.graph.identifiers.get(address);
            !self.graph.has_affiliate_at(*address)
                && identifier.is_some_and(|it| it.sealed.is_some() && is_open(it.searched_at, *address))
        });
        unknown.collect()
    }

    fn worth_sending(&self, person: &Person<'_>) -> bool {
        let stated =
            self.graph.claims.iter().any(|claim| claim.user == person.root && claim.ordinary.is_some());
        let has_mapped = person.traits.keys().any(|key| self.rules.is_mapped(key));
        let alone = person.root == person.address;
        stated || has_mapped || (alone && self.stated_by_an_ordinary_event(person))
    }

    fn stated_by_an_ordinary_event(&self, person: &Person<'_>) -> bool {
        self.graph.events.iter().any(|kept| kept.identifier == person.address && kept.states("email"))
    }
}

/// Whether an affiliate that appears at an address has to be disabled.
pub(crate) fn must_be_disabled(
    graph: &Graph,
    resolution: &Resolution<'_>,
    tombstones: &Tombstones,
    address: Digest,
) -> bool {
    let is_wanted =
        resolution.person(address).is_some_and(|person| person.address == address && person.is_eligible);
    !is_wanted && tombstones.around(graph, address).is_some()
}

fn refusal_of(traits: &Traits<'_>, field: &str) -> String {
    let cause = traits.get(field).and_then(|stated| stated.refused.as_deref());
    cause.map_or_else(
        || format!("refersion refused the {field}"),
        |cause| format!("refersion refused the {field}: {cause}"),
    )
}
