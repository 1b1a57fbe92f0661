//! Writes the parts of a graph. Every struct is destructured by all its fields, so that a new field that the form does not
//! contain is a compile error.

use super::writer::Writer;
use super::{FORM, flags};
use crate::graph::{
    Affiliate, Blame, Claim, EventState, Graph, Identifier, Kind, Lane, RetryState, SentBy, Sighting, Status,
    TrackedEvent, TraitValue,
};
use crate::{Map, Text};

/// The bytes of a graph.
pub(super) fn graph(graph: &Graph) -> Vec<u8> {
    let Graph { identifiers, claims, sightings, affiliates, events, retries } = graph;
    let mut writer = Writer::new(identifiers.keys().copied().collect());
    writer.raw(&[FORM]);
    writer.many(identifiers, |writer, (digest, one)| {
        writer.raw(&digest.0);
        writer.identifier(one);
    });
    writer.many(claims, Writer::claim);
    writer.many(sightings, Writer::sighting);
    writer.many(affiliates, Writer::affiliate);
    writer.many(events, Writer::event);
    writer.many(retries, |writer, (digest, one)| {
        writer.digest(digest);
        writer.retry(one);
    });
    writer.done()
}

/// The flags of an identifier: its kind, and the optional fields that follow.
fn identifier_flags(kind: Kind, one: &Identifier) -> u64 {
    use flags::identifier::{
        APART, EXISTED, INHERITED, MAY_APPEAR, NAMED, REFUSED, REFUSED_AT, SEALED, SEARCHED_AT, SHARED,
        STATED_AT,
    };

    let kind = match kind {
        Kind::User => 0,
        Kind::Address => 1,
        Kind::Anonymous => 2,
    };
    kind | bit(one.named.is_some(), NAMED)
        | bit(one.sealed.is_some(), SEALED)
        | bit(one.stated_at.is_some(), STATED_AT)
        | bit(one.existed, EXISTED)
        | bit(one.searched_at.is_some(), SEARCHED_AT)
        | bit(one.may_appear_until.is_some(), MAY_APPEAR)
        | bit(one.refused.is_some(), REFUSED)
        | bit(one.shared.is_some(), SHARED)
        | bit(!one.apart.is_empty(), APART)
        | bit(one.inherited.is_some(), INHERITED)
        | bit(one.refused_at.is_some(), REFUSED_AT)
}

impl<'g> Writer<'g> {
    fn identifier(&mut self, one: &'g Identifier) {
        // Named one by one, so that no field is forgotten here.
        let Identifier {
            kind,
            named,
            sealed,
            stated_at,
            traits,
            existed: _,
            searched_at,
            may_appear_until,
            refused,
            refused_at,
            shared,
            apart,
            inherited,
        } = one;
        self.number(identifier_flags(*kind, one));
        let moments = [named, stated_at, searched_at, may_appear_until, inherited, refused_at];
        for moment in moments.into_iter().flatten() {
            self.moment(*moment);
        }
        if let Some(sealed) = sealed {
            self.text(sealed);
        }
        if let Some(refused) = refused {
            self.shared(Some(refused));
        }
        if let Some(others) = shared {
            self.number(u64::from(*others));
        }
        if !apart.is_empty() {
            // In full: they are not among the graph's identifiers, and the places of these are not all known when they are
            // read.
            self.many(apart, |writer, digest| writer.raw(&digest.0));
        }
        self.traits_by_key(traits);
    }

    fn traits_by_key(&mut self, traits: &'g Map<Text, TraitValue>) {
        self.many(traits, |writer, (key, value)| {
            writer.shared(Some(key));
            writer.trait_value(value);
        });
    }

    fn trait_value(&mut self, one: &'g TraitValue) {
        use flags::refusal::{BLAME, REFUSED};

        let TraitValue { value, stamp, refused, blame } = one;
        self.shared(value.as_deref());
        let flags = bit(refused.is_some(), REFUSED) | bit(blame.is_some(), BLAME);
        self.stamp(stamp, flags != 0);
        if flags == 0 {
            return;
        }
        self.number(flags);
        if let Some(refused) = refused {
            self.shared(Some(refused));
        }
        if let Some(Blame { event, at }) = blame {
            self.raw(event.as_bytes());
            self.moment(*at);
        }
    }

    fn claim(&mut self, one: &'g Claim) {
        use flags::claim::{BESIDE, ENGAGE, ORDINARY, SHAPE};

        let Claim { user, address, ordinary, engage, shape, beside } = one;
        self.number(
            bit(ordinary.is_some(), ORDINARY)
                | bit(engage.is_some(), ENGAGE)
                | bit(shape.is_some(), SHAPE)
                | bit(!beside.is_empty(), BESIDE),
        );
        self.digest(user);
        self.digest(address);
        for span in [ordinary, engage, shape].into_iter().flatten() {
            self.span(span);
        }
        if !beside.is_empty() {
            self.traits_by_key(beside);
        }
    }

    fn sighting(&mut self, one: &'g Sighting) {
        let Sighting { anonymous, with, span } = one;
        self.digest(anonymous);
        self.digest(with);
        self.span(span);
    }

    fn affiliate(&mut self, one: &'g Affiliate) {
        use flags::affiliate::{
            ADDRESS_UNKNOWN, CODE, DISABLED_BY_US, FOUND, GONE, HELD_SINCE, ID, PAYEE, SCRUBBED, STUCK,
            WAS_ACTIVE,
        };

        let Affiliate {
            id,
            code,
            address,
            address_unknown,
            status,
            disabled_by_us,
            was_active,
            found,
            delivered,
            shown,
            scrubbed,
            gone,
            payee,
            held_since,
            stuck,
        } = one;
        self.number(
            status_bits(*status)
                | bit(id.is_some(), ID)
                | bit(code.is_some(), CODE)
                | bit(*address_unknown, ADDRESS_UNKNOWN)
                | bit(*disabled_by_us, DISABLED_BY_US)
                | bit(*was_active, WAS_ACTIVE)
                | bit(*found, FOUND)
                | bit(*scrubbed, SCRUBBED)
                | bit(*gone, GONE)
                | bit(payee.is_some(), PAYEE)
                | bit(held_since.is_some(), HELD_SINCE)
                | bit(!stuck.is_empty(), STUCK),
        );
        self.digest(address);
        id.iter().for_each(|id| self.number(*id));
        code.iter().for_each(|code| self.text(code));
        payee.iter().for_each(|payee| self.digest(payee));
        held_since.iter().for_each(|since| self.moment(*since));
        if !stuck.is_empty() {
            self.many(stuck, |writer, field| writer.shared(Some(field)));
        }
        self.fields(delivered);
        self.fields(shown);
    }

    fn fields(&mut self, fields: &'g Map<Text, Option<Text>>) {
        self.many(fields, |writer, (field, value)| {
            writer.shared(Some(field));
            writer.shared(value.as_deref());
        });
    }

    fn event(&mut self, one: &'g TrackedEvent) {
        use flags::event::{
            ADDRESS, BULK, DELETE, REFUSED_KEY, SENT_BY_CREATE, SENT_BY_EDIT, UNMATCHED, UNUSABLE,
        };

        let TrackedEvent {
            event,
            state,
            outcomes,
            delete,
            identifier,
            address,
            keys,
            stamp,
            lane,
            sent_by,
            unusable,
            refused_key,
            unmatched,
        } = one;
        let sent_by = match sent_by {
            None => 0,
            Some(SentBy::Edit) => SENT_BY_EDIT,
            Some(SentBy::Create) => SENT_BY_CREATE,
        };
        self.number(
            state_bits(state)
                | sent_by
                | bit(*lane == Lane::Bulk, BULK)
                | bit(*delete, DELETE)
                | bit(address.is_some(), ADDRESS)
                | bit(unusable.is_some(), UNUSABLE)
                | bit(refused_key.is_some(), REFUSED_KEY)
                | bit(*unmatched, UNMATCHED),
        );
        self.raw(event.as_bytes());
        self.number(u64::from(*outcomes));
        self.digest(identifier);
        if let Some(address) = address {
            self.digest(address);
        }
        self.stamp(stamp, false);
        self.many(keys, |writer, key| writer.shared(Some(key)));
        for text in [unusable, refused_key].into_iter().flatten() {
            self.shared(Some(text));
        }
    }

    fn retry(&mut self, one: &'g RetryState) {
        let RetryState { attempts, since, due_at, class, message, given_up } = one;
        self.number(u64::from(*attempts) << 1 | u64::from(*given_up));
        self.moment(*since);
        self.moment(*due_at);
        self.shared(Some(class));
        self.shared(Some(message));
    }
}

fn status_bits(status: Option<Status>) -> u64 {
    match status {
        None => 0,
        Some(Status::Active) => 1,
        Some(Status::Pending) => 2,
        Some(Status::Denied) => 3,
        Some(Status::Disabled) => 4,
    }
}

fn state_bits(state: &EventState) -> u64 {
    match state {
        EventState::Pending => 0,
        EventState::Remembered => 1,
        EventState::Dead => 2,
    }
}

fn bit(on: bool, bit: u64) -> u64 {
    if on { bit } else { 0 }
}
