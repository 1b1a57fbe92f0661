//! What the end of a call changes in a graph.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::digest::Digest;
use crate::graph::{Affiliate, Graph, Identifier, Kept, Kind, Standing, Status, ToldBy, Trouble};
use crate::needs::Rules;
use crate::plan::Picture;
use crate::stamp::Moment;
use crate::who::merged;

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The affiliate was made.
    Created {
        /// Its numeric id.
        id: u64,
        /// Its code.
        code: String,
        /// Its status.
        status: Status,
        /// What the create told.
        told: BTreeMap<String, String>,
    },
    /// The create's answer never came: it may have been made.
    CreateUnknown {
        /// The fields that were sent.
        fields: Vec<String>,
    },
    /// A search found the affiliate at the anchor.
    Found(Found),
    /// A search found none.
    NotFound,
    /// Fields were told.
    Told {
        /// The numeric id.
        id: u64,
        /// The address that was told.
        email: Option<Digest>,
        /// The fields.
        fields: BTreeMap<String, String>,
    },
    /// The answer never came: the fields may have been told.
    TellUnknown {
        /// The numeric id.
        id: u64,
        /// An address was among them.
        email: bool,
        /// The fields.
        fields: Vec<String>,
    },
    /// Refersion takes everything but these values.
    Refused {
        /// The cause, by field (`email` for the address).
        causes: BTreeMap<String, Cause>,
        /// The address that was refused, where `email` is among the causes.
        email: Option<Digest>,
    },
    /// The status is this now.
    StatusIs {
        /// The numeric id.
        id: u64,
        /// The status.
        status: Status,
    },
    /// The answer never came: the status is not known.
    StatusUnknown {
        /// The numeric id.
        id: u64,
    },
    /// The fields of a deleted person's affiliate were overwritten.
    Scrubbed {
        /// The numeric id.
        id: u64,
    },
    /// Refersion does not know the affiliate any more.
    Gone {
        /// The numeric id.
        id: u64,
    },
}

/// An affiliate as Refersion shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The numeric id.
    pub id: u64,
    /// The code, where it was shown.
    pub code: Option<String>,
    /// The status.
    pub status: Status,
    /// The fields that were shown.
    pub shown: BTreeMap<String, String>,
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The failure's class.
    pub class: String,
    /// What Refersion said, less any value of a person.
    pub message: String,
    /// The status of the answer.
    pub http_status: Option<u16>,
}

/// An event that dies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The event.
    pub event: Uuid,
    /// How many outcomes it has had, this one included.
    pub number: u32,
    /// Why.
    pub cause: Cause,
    /// The refused field.
    pub field: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
}

/// Applies how a step about `anchor` ended. Returns the events that die of it.
pub fn apply(graph: &mut Graph, rules: &Rules, anchor: Digest, answer: &Answer, now: Moment) -> Vec<Death> {
    let trouble = graph.troubles.remove(&anchor);
    let tried = trouble.map_or(0, |trouble| trouble.attempts);
    match answer {
        Answer::Created { id, code, status, told } => {
            made(graph, anchor, (*id, code, *status), told);
            mark_told(graph, rules, anchor, told, true, ToldBy::Create);
        }
        Answer::CreateUnknown { fields } => create_unknown(graph, anchor, fields),
        Answer::Found(found) => found_at(graph, anchor, found, now),
        Answer::NotFound => not_found(graph, anchor, now),
        Answer::Told { id, email, fields } => {
            mark_told(graph, rules, anchor, fields, email.is_some(), ToldBy::Edit);
            told(graph, *id, *email, fields);
        }
        Answer::TellUnknown { id, email, fields } => tell_unknown(graph, *id, *email, fields),
        Answer::Refused { causes, email } => return refused(graph, rules, anchor, causes, *email, tried + 1),
        Answer::StatusIs { id, status } => status_is(graph, *id, *status),
        Answer::StatusUnknown { id } => with(graph, *id, forget_status),
        Answer::Scrubbed { id } => with(graph, *id, |affiliate| {
            affiliate.scrubbed = true;
            // The scrub gave it an address of nobody.
            affiliate.address_unknown = true;
            affiliate.told.values_mut().for_each(|told| *told = None);
        }),
        Answer::Gone { id } => return gone(graph, *id, anchor, rules, tried + 1),
    }
    Vec::new()
}

fn with(graph: &mut Graph, id: u64, change: impl FnOnce(&mut Affiliate)) {
    if let Some(affiliate) = graph.affiliates.iter_mut().find(|affiliate| affiliate.id == Some(id)) {
        change(affiliate);
    }
}

fn made(
    graph: &mut Graph,
    anchor: Digest,
    (id, code, status): (u64, &str, Status),
    told: &BTreeMap<String, String>,
) {
    graph.affiliates.retain(|affiliate| !(affiliate.id.is_none() && affiliate.address == anchor));
    graph.affiliates.push(Affiliate {
        id: Some(id),
        code: Some(code.to_owned()),
        status: Some(status),
        told: told.iter().map(|(field, text)| (field.clone(), Some(text.clone()))).collect(),
        ..blank(anchor)
    });
}

/// An affiliate of which nothing is known but the address.
fn blank(address: Digest) -> Affiliate {
    Affiliate {
        id: None,
        code: None,
        address,
        address_unknown: false,
        status: None,
        disabled_by_us: false,
        was_active: false,
        found: false,
        told: BTreeMap::new(),
        erased_for: None,
        scrubbed: false,
        gone: false,
    }
}

fn create_unknown(graph: &mut Graph, anchor: Digest, fields: &[String]) {
    let known = graph.affiliates.iter().any(|affiliate| affiliate.address == anchor);
    if !known {
        let told = fields.iter().map(|field| (field.clone(), None)).collect();
        graph.affiliates.push(Affiliate { told, ..blank(anchor) });
    }
}

/// A search found an affiliate: the one that a create of ours made, one that we know under another address, or one that
/// was there before us.
fn found_at(graph: &mut Graph, anchor: Digest, found: &Found, now: Moment) {
    let ours = take_uncertain(graph, anchor);
    let known = graph.affiliates.iter().position(|affiliate| affiliate.id == Some(found.id));
    let address = graph.identifiers.entry(anchor).or_insert_with(|| Identifier::new(Kind::Address));
    address.searched_at = Some(now);
    if let Some(index) = known {
        let affiliate = &mut graph.affiliates[index];
        affiliate.address = anchor;
        affiliate.address_unknown = false;
        affiliate.status = Some(found.status);
        affiliate.code = affiliate.code.take().or_else(|| found.code.clone());
        return;
    }
    address.existed = ours.is_none();
    let mut affiliate = ours.unwrap_or_else(|| Affiliate { found: true, ..blank(anchor) });
    affiliate.id = Some(found.id);
    affiliate.code.clone_from(&found.code);
    affiliate.status = Some(found.status);
    affiliate.told.extend(found.shown.iter().map(|(field, text)| (field.clone(), Some(text.clone()))));
    graph.affiliates.push(affiliate);
}

fn take_uncertain(graph: &mut Graph, anchor: Digest) -> Option<Affiliate> {
    let uncertain = |affiliate: &Affiliate| affiliate.id.is_none() && affiliate.address == anchor;
    graph.affiliates.iter().position(uncertain).map(|index| graph.affiliates.remove(index))
}

fn not_found(graph: &mut Graph, anchor: Digest, now: Moment) {
    take_uncertain(graph, anchor);
    if let Some(address) = graph.identifiers.get_mut(&anchor) {
        address.searched_at = Some(now);
    }
}

fn told(graph: &mut Graph, id: u64, email: Option<Digest>, fields: &BTreeMap<String, String>) {
    with(graph, id, |affiliate| {
        if let Some(address) = email {
            affiliate.address = address;
            affiliate.address_unknown = false;
        }
        affiliate.told.extend(fields.iter().map(|(field, text)| (field.clone(), Some(text.clone()))));
    });
}

fn tell_unknown(graph: &mut Graph, id: u64, email: bool, fields: &[String]) {
    with(graph, id, |affiliate| {
        affiliate.address_unknown |= email;
        affiliate.told.extend(fields.iter().map(|field| (field.clone(), None)));
    });
}

fn status_is(graph: &mut Graph, id: u64, status: Status) {
    with(graph, id, |affiliate| {
        if status == Status::Disabled {
            forget_status(affiliate);
            affiliate.disabled_by_us = true;
        } else {
            affiliate.disabled_by_us = false;
            affiliate.was_active = false;
        }
        affiliate.status = Some(status);
    });
}

/// A status call of ours went out: whatever its end, an ACTIVE affiliate was active before a delete.
fn forget_status(affiliate: &mut Affiliate) {
    affiliate.was_active |= affiliate.status == Some(Status::Active);
    affiliate.status = None;
}

/// The events of which a call told a surviving trait.
fn mark_told(
    graph: &mut Graph,
    rules: &Rules,
    anchor: Digest,
    fields: &BTreeMap<String, String>,
    email: bool,
    by: ToldBy,
) {
    let picture = Picture::of(graph, rules);
    let Some(person) = picture.who.person(anchor) else { return };
    let traits = merged(graph, &person.profiles);
    let told = |key: &str, kept: &Kept| {
        if key == "email" {
            return email && kept.address == Some(person.address);
        }
        let winner = traits.get(key).is_some_and(|said| said.stamp == kept.stamp);
        winner && rules.field_of(key).is_some_and(|field| fields.contains_key(&field))
    };
    let mine = |kept: &Kept| !kept.delete && person.profiles.contains(&kept.identifier);
    let marked: Vec<Uuid> = graph
        .events
        .iter()
        .filter(|kept| mine(kept) && kept.says.iter().any(|key| told(key, kept)))
        .map(|kept| kept.event)
        .collect();
    for kept in &mut graph.events {
        if marked.contains(&kept.event) {
            kept.told_by = kept.told_by.max(Some(by));
        }
    }
}

fn refused(
    graph: &mut Graph,
    rules: &Rules,
    anchor: Digest,
    causes: &BTreeMap<String, Cause>,
    email: Option<Digest>,
    attempts: u32,
) -> Vec<Death> {
    let mut deaths = Vec::new();
    if let (Some(cause), Some(address)) = (causes.get("email"), email) {
        if let Some(address) = graph.identifiers.get_mut(&address) {
            address.refused = Some(cause.message.clone());
        }
        let states = |kept: &Kept| kept.address == Some(address) && kept.says.contains("email");
        deaths.extend(die(graph, states, cause, Some("email"), attempts));
    }
    for (profile, key, field) in winners(graph, rules, anchor) {
        let Some(cause) = causes.get(&field) else { continue };
        let said = graph.identifiers.get_mut(&profile).and_then(|it| it.traits.get_mut(&key));
        let Some(said) = said else { continue };
        said.refused = Some(cause.message.clone());
        let stamp = said.stamp.clone();
        let set_it = |kept: &Kept| kept.stamp == stamp && kept.identifier == profile;
        deaths.extend(die(graph, set_it, cause, Some(&field), attempts));
    }
    deaths
}

/// The winning traits of the anchor's person: profile, trait key, field.
fn winners(graph: &Graph, rules: &Rules, anchor: Digest) -> Vec<(Digest, String, String)> {
    let picture = Picture::of(graph, rules);
    let Some(person) = picture.who.person(anchor) else { return Vec::new() };
    let traits = merged(graph, &person.profiles);
    let owner = |key: &str, stamp: &crate::stamp::Stamp| {
        let holds = |digest: &&Digest| {
            graph
                .identifiers
                .get(*digest)
                .and_then(|it| it.traits.get(key))
                .is_some_and(|said| said.stamp == *stamp)
        };
        person.profiles.iter().find(holds).copied()
    };
    let rows = traits.iter().filter_map(|(key, said)| {
        let field = rules.field_of(key)?;
        Some((owner(key, &said.stamp)?, (*key).to_owned(), field))
    });
    rows.collect()
}

/// Ends the pending events that `which` picks as dead.
fn die(
    graph: &mut Graph,
    which: impl Fn(&Kept) -> bool,
    cause: &Cause,
    field: Option<&str>,
    attempts: u32,
) -> Vec<Death> {
    let mut deaths = Vec::new();
    let pending = graph.events.iter_mut().filter(|kept| kept.standing == Standing::Pending && which(kept));
    for kept in pending {
        kept.standing = Standing::Dead;
        kept.outcomes += 1;
        deaths.push(Death {
            event: kept.event,
            number: kept.outcomes,
            cause: cause.clone(),
            field: field.map(ToOwned::to_owned),
            attempts,
        });
    }
    deaths
}

fn gone(graph: &mut Graph, id: u64, anchor: Digest, rules: &Rules, attempts: u32) -> Vec<Death> {
    with(graph, id, |affiliate| affiliate.gone = true);
    let cause = Cause {
        class: "gone".to_owned(),
        message: "Refersion does not know the affiliate any more".to_owned(),
        http_status: None,
    };
    let concerned = concerned_by(graph, rules, anchor);
    die(graph, |kept| !kept.delete && concerned.contains(&kept.event), &cause, None, attempts)
}

/// The pending events that a step about `anchor` serves: those of its person, and deletes.
#[must_use]
pub fn concerned_by(graph: &Graph, rules: &Rules, anchor: Digest) -> Vec<Uuid> {
    let picture = Picture::of(graph, rules);
    let profiles = picture.who.person(anchor).map(|person| person.profiles.clone()).unwrap_or_default();
    let concerned =
        |kept: &&Kept| kept.delete || kept.identifier == anchor || profiles.contains(&kept.identifier);
    let pending = graph.events.iter().filter(|kept| kept.standing == Standing::Pending);
    pending.filter(concerned).map(|kept| kept.event).collect()
}

/// When to try again, and whether at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Not before this.
    pub due_at: Moment,
    /// Attempts and time are both used up.
    pub give_up: bool,
}

/// Notes that a step about `anchor` failed. `verdict` decides from the number of attempts and the time of the first.
pub fn fail(
    graph: &mut Graph,
    rules: &Rules,
    anchor: Digest,
    cause: &Cause,
    now: Moment,
    verdict: impl FnOnce(u32, Moment) -> Verdict,
) -> Vec<Death> {
    let (tried, since) =
        graph.troubles.get(&anchor).map_or((0, now), |trouble| (trouble.attempts, trouble.since));
    let attempts = tried + 1;
    let verdict = verdict(attempts, since);
    let concerned = concerned_by(graph, rules, anchor);
    graph.troubles.insert(
        anchor,
        Trouble {
            attempts,
            since,
            due_at: verdict.due_at,
            class: cause.class.clone(),
            message: cause.message.clone(),
            given_up: verdict.give_up,
        },
    );
    if !verdict.give_up {
        return Vec::new();
    }
    die(graph, |kept| concerned.contains(&kept.event), cause, None, attempts)
}
