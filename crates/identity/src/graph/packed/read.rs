//! Reads the parts of a graph, in the order in which [`write`](mod@super::write) wrote them: the fields of a struct are read
//! in the order in which they stand here.

use uuid::Uuid;

use super::flags;
use super::reader::{NO_FLAGS, Read, Reader, TOO_LARGE};
use crate::graph::{
    Affiliate, Blame, Claim, EventState, Graph, Identifier, Kind, Lane, RetryState, SentBy, Sighting, Status,
    TrackedEvent, TraitValue,
};
use crate::{Digest, Map, Text};

/// The fewest bytes that one of many can have. They bound what a count can make the reader allocate.
mod fewest {
    pub(super) const IDENTIFIER: usize = 18;
    pub(super) const TRAIT: usize = 3;
    pub(super) const CLAIM: usize = 3;
    pub(super) const SIGHTING: usize = 4;
    pub(super) const AFFILIATE: usize = 4;
    pub(super) const FIELD: usize = 2;
    pub(super) const EVENT: usize = 21;
    pub(super) const TEXT: usize = 1;
    pub(super) const DIGEST: usize = 16;
    pub(super) const RETRY: usize = 6;
}

/// The graph that the bytes after the form's number hold.
pub(super) fn graph(form: u8, bytes: &[u8]) -> Read<Graph> {
    let mut reader = Reader::new(form, bytes);
    let identifiers =
        reader.many(fewest::IDENTIFIER, |reader| Ok((reader.own_digest()?, reader.identifier()?)))?;
    let graph = Graph {
        identifiers: in_order(identifiers),
        claims: reader.many(fewest::CLAIM, Reader::claim)?,
        sightings: reader.many(fewest::SIGHTING, Reader::sighting)?,
        affiliates: reader.many(fewest::AFFILIATE, Reader::affiliate)?,
        events: reader.many(fewest::EVENT, Reader::event)?,
        retries: in_order(reader.many(fewest::RETRY, |reader| Ok((reader.digest()?, reader.retry()?)))?),
    };
    reader.done()?;
    Ok(graph)
}

impl Reader<'_> {
    fn identifier(&mut self) -> Read<Identifier> {
        use flags::identifier::{
            ALL, APART, EXISTED, INHERITED, KIND, MAY_APPEAR, NAMED, REFUSED, REFUSED_AT, SEALED,
            SEARCHED_AT, SHARED, STATED_AT,
        };

        let flags = self.flags(ALL)?;
        Ok(Identifier {
            kind: match flags & KIND {
                0 => Kind::User,
                1 => Kind::Address,
                2 => Kind::Anonymous,
                _ => return Err(NO_FLAGS),
            },
            named: self.when(flags & NAMED, Self::moment)?,
            stated_at: self.when(flags & STATED_AT, Self::moment)?,
            searched_at: self.when(flags & SEARCHED_AT, Self::moment)?,
            may_appear_until: self.when(flags & MAY_APPEAR, Self::moment)?,
            inherited: self.when(flags & INHERITED, Self::moment)?,
            refused_at: self.when(flags & REFUSED_AT, Self::moment)?,
            existed: flags & EXISTED != 0,
            sealed: self.when(flags & SEALED, Self::text)?.map(str::to_owned),
            refused: self.when(flags & REFUSED, Self::shared)?.map(str::to_owned),
            shared: self.when(flags & SHARED, Self::small_number)?,
            apart: self.when(flags & APART, Self::digests)?.unwrap_or_default(),
            traits: self.traits_by_key()?,
        })
    }

    fn digests(&mut self) -> Read<Vec<Digest>> {
        self.many(fewest::DIGEST, |reader| Ok(Digest(reader.array()?)))
    }

    fn traits_by_key(&mut self) -> Read<Map<Text, TraitValue>> {
        Ok(in_order(self.many(fewest::TRAIT, Self::trait_value)?))
    }

    fn trait_value(&mut self) -> Read<(Text, TraitValue)> {
        use flags::refusal::{ALL, BLAME, REFUSED};

        let key = self.shared()?.into();
        let value = self.shared_or_none()?.map(Text::from);
        let (stamp, mark) = self.marked_stamp()?;
        let flags = match mark {
            0 => 0,
            _ if self.is_of_form_1() => REFUSED,
            _ => self.flags(ALL)?,
        };
        let refused = self.when(flags & REFUSED, Self::shared)?.map(str::to_owned);
        let blame = self.when(flags & BLAME, Self::blame)?;
        Ok((key, TraitValue { value, stamp, refused, blame }))
    }

    fn blame(&mut self) -> Read<Blame> {
        Ok(Blame { event: Uuid::from_bytes(self.array()?), at: self.moment()? })
    }

    fn claim(&mut self) -> Read<Claim> {
        use flags::claim::{ALL, BESIDE, ENGAGE, ORDINARY, SHAPE};

        let flags = self.flags(ALL)?;
        Ok(Claim {
            user: self.digest()?,
            address: self.digest()?,
            ordinary: self.when(flags & ORDINARY, Self::span)?,
            engage: self.when(flags & ENGAGE, Self::span)?,
            shape: self.when(flags & SHAPE, Self::span)?,
            beside: self.when(flags & BESIDE, Self::traits_by_key)?.unwrap_or_default(),
        })
    }

    fn sighting(&mut self) -> Read<Sighting> {
        Ok(Sighting { anonymous: self.digest()?, with: self.digest()?, span: self.span()? })
    }

    fn affiliate(&mut self) -> Read<Affiliate> {
        use flags::affiliate::{
            ADDRESS_UNKNOWN, ALL, CODE, DISABLED_BY_US, FOUND, GONE, HELD_SINCE, ID, PAYEE, SCRUBBED, STATUS,
            STUCK, WAS_ACTIVE,
        };

        let flags = self.flags(ALL)?;
        Ok(Affiliate {
            address: self.digest()?,
            id: self.when(flags & ID, Self::number)?,
            code: self.when(flags & CODE, Self::text)?.map(str::to_owned),
            payee: self.when(flags & PAYEE, Self::digest)?,
            held_since: self.when(flags & HELD_SINCE, Self::moment)?,
            stuck: self.when(flags & STUCK, Self::texts)?.unwrap_or_default(),
            address_unknown: flags & ADDRESS_UNKNOWN != 0,
            status: match flags & STATUS {
                0 => None,
                1 => Some(Status::Active),
                2 => Some(Status::Pending),
                3 => Some(Status::Denied),
                4 => Some(Status::Disabled),
                _ => return Err(NO_FLAGS),
            },
            disabled_by_us: flags & DISABLED_BY_US != 0,
            was_active: flags & WAS_ACTIVE != 0,
            found: flags & FOUND != 0,
            delivered: self.fields()?,
            shown: self.fields()?,
            scrubbed: flags & SCRUBBED != 0,
            gone: flags & GONE != 0,
        })
    }

    fn fields(&mut self) -> Read<Map<Text, Option<Text>>> {
        let field =
            |reader: &mut Self| Ok((reader.shared()?.into(), reader.shared_or_none()?.map(Text::from)));
        Ok(in_order(self.many(fewest::FIELD, field)?))
    }

    fn texts(&mut self) -> Read<Vec<Text>> {
        self.many(fewest::TEXT, |reader| Ok(reader.shared()?.into()))
    }

    fn event(&mut self) -> Read<TrackedEvent> {
        use flags::event::{
            ADDRESS, ALL, BULK, DELETE, REFUSED_KEY, SENT_BY, SENT_BY_CREATE, SENT_BY_EDIT, STATE, UNMATCHED,
            UNUSABLE,
        };

        let flags = self.flags(ALL)?;
        Ok(TrackedEvent {
            event: Uuid::from_bytes(self.array()?),
            state: match flags & STATE {
                0 => EventState::Pending,
                1 => EventState::Remembered,
                2 => EventState::Dead,
                _ => return Err(NO_FLAGS),
            },
            outcomes: self.small_number()?,
            delete: flags & DELETE != 0,
            identifier: self.digest()?,
            address: self.when(flags & ADDRESS, Self::digest)?,
            stamp: self.stamp()?,
            keys: self.texts()?,
            unusable: self.when(flags & UNUSABLE, Self::shared)?.map(Text::from),
            refused_key: self.when(flags & REFUSED_KEY, Self::shared)?.map(Text::from),
            unmatched: flags & UNMATCHED != 0,
            lane: if flags & BULK == 0 { Lane::Live } else { Lane::Bulk },
            sent_by: match flags & SENT_BY {
                0 => None,
                SENT_BY_EDIT => Some(SentBy::Edit),
                SENT_BY_CREATE => Some(SentBy::Create),
                _ => return Err(NO_FLAGS),
            },
        })
    }

    fn retry(&mut self) -> Read<RetryState> {
        let head = self.number()?;
        Ok(RetryState {
            attempts: u32::try_from(head >> 1).map_err(|_| TOO_LARGE)?,
            since: self.moment()?,
            due_at: self.moment()?,
            class: self.shared()?.to_owned(),
            message: self.shared()?.to_owned(),
            given_up: head & 1 != 0,
        })
    }
}

/// Entries were written in order, so nothing has to be moved, unless the bytes are damaged.
fn in_order<K: Ord, V>(entries: Vec<(K, V)>) -> Map<K, V> {
    if entries.is_sorted_by(|one, other| one.0 < other.0) {
        Map::from_sorted_store_unchecked(entries)
    } else {
        entries.into_iter().collect()
    }
}
