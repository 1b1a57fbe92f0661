//! Applies the effects of calls to affiliates.

use super::{Cause, Found};
use crate::digest::Digest;
use crate::eligibility::TEXT_FIELDS;
use crate::graph::{Affiliate, Graph, Identifier, Kind, Status};
use crate::plan::{Act, Step};
use crate::stamp::Moment;
use crate::{Map, Text};

/// Notes that a step is about to be sent. Until a create has an answer, its affiliate may exist: a delete that arrives meanwhile
/// waits for it. Its payee is the person that the create is for, even if the address belongs to another person when the answer comes.
pub fn sent(graph: &mut Graph, step: &Step) {
    if let Act::Create { fields, user } = &step.act {
        mark_create(graph, step.anchor, &fields.keys().cloned().collect::<Vec<_>>());
        let mine = |affiliate: &&mut Affiliate| affiliate.id.is_none() && affiliate.address == step.anchor;
        let made = graph.affiliates.iter_mut().filter(mine);
        made.for_each(|affiliate| affiliate.payee = Some(user.unwrap_or(step.anchor)));
    }
}

fn with(graph: &mut Graph, id: u64, change: impl FnOnce(&mut Affiliate)) {
    if let Some(affiliate) = graph.affiliates.iter_mut().find(|affiliate| affiliate.id == Some(id)) {
        change(affiliate);
    }
}

fn known(fields: &Map<Text, Text>) -> impl Iterator<Item = (Text, Option<Text>)> + '_ {
    fields.iter().map(|(field, text)| (field.clone(), Some(text.clone())))
}

fn unknown(fields: &[Text]) -> impl Iterator<Item = (Text, Option<Text>)> + '_ {
    fields.iter().map(|field| (field.clone(), None))
}

pub(super) fn created(
    graph: &mut Graph,
    anchor: Digest,
    (id, code, status): (u64, &str, Status),
    fields: &Map<Text, Text>,
) {
    let payee = take_uncertain(graph, anchor).and_then(|uncertain| uncertain.payee);
    if let Some(address) = graph.identifiers.get_mut(&anchor) {
        address.may_appear_until = None;
    }
    graph.affiliates.retain(|affiliate| affiliate.id != Some(id));
    graph.affiliates.push(Affiliate {
        id: Some(id),
        code: Some(code.to_owned()),
        status: Some(status),
        delivered: known(fields).collect(),
        payee,
        ..Affiliate::at(anchor)
    });
}

/// Notes a create without an answer: it may have been carried out, or may still be.
pub(super) fn create_unknown(graph: &mut Graph, anchor: Digest, fields: &[Text], until: Moment) {
    mark_create(graph, anchor, fields);
    if let Some(address) = graph.identifiers.get_mut(&anchor) {
        address.may_appear_until = address.may_appear_until.max(Some(until));
    }
}

fn mark_create(graph: &mut Graph, anchor: Digest, fields: &[Text]) {
    let known = graph.affiliates.iter().any(|affiliate| affiliate.address == anchor && !affiliate.gone);
    if !known {
        graph.affiliates.push(Affiliate { delivered: unknown(fields).collect(), ..Affiliate::at(anchor) });
    }
}

pub(super) fn not_created(graph: &mut Graph, anchor: Digest) {
    take_uncertain(graph, anchor);
}

pub(super) fn take_uncertain(graph: &mut Graph, anchor: Digest) -> Option<Affiliate> {
    let uncertain = |affiliate: &Affiliate| affiliate.id.is_none() && affiliate.address == anchor;
    graph.affiliates.iter().position(uncertain).map(|index| graph.affiliates.remove(index))
}

/// Notes that a search found an affiliate: one that a create of ours made, one that is known under another address, or one that
/// existed before.
pub(super) fn found_at(graph: &mut Graph, anchor: Digest, found: &Found, now: Moment) {
    let ours = take_uncertain(graph, anchor);
    let index = graph.affiliates.iter().position(|affiliate| affiliate.id == Some(found.id));
    let address = graph.identifiers.entry(anchor).or_insert_with(|| Identifier::new(Kind::Address));
    address.searched_at = Some(now);
    let late = address.may_appear_until.take().map(|_| appeared_late(anchor));
    if let Some(index) = index {
        let affiliate = &mut graph.affiliates[index];
        affiliate.address = anchor;
        affiliate.address_unknown = false;
        affiliate.gone = false;
        affiliate.status = found.status;
        affiliate.code = affiliate.code.take().or_else(|| found.code.clone());
        return;
    }
    let ours = ours.or(late);
    // An affiliate that the directory lists existed before as well.
    address.existed |= ours.as_ref().is_none_or(|ours| ours.found);
    let mut affiliate = ours.unwrap_or_else(|| Affiliate { found: true, ..Affiliate::at(anchor) });
    affiliate.id = Some(found.id);
    affiliate.code.clone_from(&found.code);
    affiliate.status = found.status;
    let fields = if affiliate.found { &mut affiliate.shown } else { &mut affiliate.delivered };
    fields.extend(known(&found.shown));
    graph.affiliates.push(affiliate);
}

/// An affiliate that a create without an answer made after an earlier search had found nobody. The texts of the create are
/// forgotten by then, so each of them may be one that nobody states any more.
fn appeared_late(anchor: Digest) -> Affiliate {
    let sent = TEXT_FIELDS.into_iter().map(|field| (Text::new_static(field), None));
    Affiliate { delivered: sent.collect(), ..Affiliate::at(anchor) }
}

pub(super) fn edited(graph: &mut Graph, id: u64, email: Option<Digest>, fields: &Map<Text, Text>) {
    with(graph, id, |affiliate| {
        if let Some(address) = email {
            affiliate.address = address;
            affiliate.address_unknown = false;
        }
        set_sent(affiliate, known(fields));
    });
}

pub(super) fn edit_unknown(graph: &mut Graph, id: u64, email: bool, fields: &[Text]) {
    with(graph, id, |affiliate| {
        affiliate.address_unknown |= email;
        set_sent(affiliate, unknown(fields));
    });
}

fn set_sent(affiliate: &mut Affiliate, fields: impl Iterator<Item = (Text, Option<Text>)>) {
    for (field, text) in fields {
        affiliate.shown.remove(&field);
        affiliate.delivered.insert(field, text);
        affiliate.scrubbed = false;
    }
}

pub(super) fn status_is(graph: &mut Graph, id: u64, status: Status) {
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

/// Notes a status change without an answer. Our status changes only disable, or undo that, so it may be disabled by us.
pub(super) fn status_unknown(graph: &mut Graph, id: u64) {
    with(graph, id, |affiliate| {
        forget_status(affiliate);
        affiliate.disabled_by_us = true;
    });
}

/// Forgets the status, because a status change was sent: whatever its end, an ACTIVE affiliate was active before a delete.
fn forget_status(affiliate: &mut Affiliate) {
    affiliate.was_active |= affiliate.status == Some(Status::Active);
    affiliate.status = None;
}

/// Notes a scrub: the overwritten fields contain nothing of the person; the values of the others are unknown.
pub(super) fn scrubbed(graph: &mut Graph, id: u64, fields: &Map<Text, Text>, kept: &Map<Text, Cause>) {
    with(graph, id, |affiliate| {
        affiliate.scrubbed = true;
        // The scrub gave it an address that belongs to nobody.
        affiliate.address_unknown |= !kept.contains_key("email");
        affiliate.shown.clear();
        affiliate.delivered.iter_mut().for_each(|(_, delivered)| *delivered = None);
        affiliate.delivered.extend(known(fields));
        let not_overwritten = kept.keys().filter(|field| *field != "email");
        affiliate.delivered.extend(not_overwritten.map(|field| (field.clone(), None)));
    });
}

/// Leaves a field that nobody states as it is, because it could not be emptied or overwritten.
pub(super) fn leave_alone(affiliate: &mut Affiliate, field: &str) {
    affiliate.delivered.remove(field);
    affiliate.shown.remove(field);
}
