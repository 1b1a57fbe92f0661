//! The search index of events: sorted entries, one block for each transaction that recorded events (one for each week,
//! if the events belong to several, so that a block is dropped with its week).
//!
//! Recording appends to one table, regardless of the number of events and digests. Searching scans all blocks, newest
//! first: this is slower, but only operators do it. The server scans; only blocks with a match are transferred.

use std::collections::{BTreeMap, BTreeSet};

use identity::Digest;
use sqlx::PgConnection;
use uuid::Uuid;

use super::failure::Failure;
use super::{rows, sql, weeks};

/// The number of blocks that are scanned in one piece of work, which has a deadline.
const BLOCKS_AT_ONCE: i64 = 5_000;

/// The first bytes of a digest, and the place of the event in the block.
const ENTRY_BYTES: usize = PREFIX_BYTES + 4;
const PREFIX_BYTES: usize = 8;

const INSERT: &str = "INSERT INTO findable (last_event, events, entries) VALUES ($1, $2, $3)";

/// Returns a row for each block, so that the next piece knows where to continue, but the block itself only if it may match.
const READ: &str =
    "SELECT b.last_event, hit, CASE WHEN hit THEN b.events END, CASE WHEN hit THEN b.entries END
    FROM (SELECT * FROM findable WHERE last_event < $2 ORDER BY last_event DESC LIMIT $3) b
    CROSS JOIN LATERAL (
        SELECT bool_or(position(prefix IN b.entries) > 0) AS hit FROM UNNEST($1::bytea[]) AS prefix
    ) look
    ORDER BY b.last_event DESC";

/// Reads which of these events still exist, with their digests, to compare whole digests.
const FOUND_BY: &str = "SELECT event_id, found_by FROM events
    WHERE event_id = ANY($1) AND event_id BETWEEN $2 AND $3";

/// Makes events searchable.
pub(super) async fn write<'e>(
    db: &mut PgConnection,
    events: impl Iterator<Item = (Uuid, &'e [Digest])>,
) -> Result<(), Failure> {
    let mut blocks: BTreeMap<i64, Vec<(Uuid, &[Digest])>> = BTreeMap::new();
    for (event, digests) in events {
        blocks.entry(weeks::week_of(event)).or_default().push((event, digests));
    }
    for block in blocks.values_mut() {
        block.sort_unstable_by_key(|(event, _)| *event);
        let events: Vec<Uuid> = block.iter().map(|(event, _)| *event).collect();
        let insert = sql(INSERT).bind(events.last()).bind(&events).bind(entries(block)?);
        insert.execute(&mut *db).await?;
    }
    Ok(())
}

fn entries(block: &[(Uuid, &[Digest])]) -> Result<Vec<u8>, Failure> {
    let mut found = Vec::new();
    for (place, (_, digests)) in block.iter().enumerate() {
        let place = u32::try_from(place)
            .map_err(|_| Failure::Broken("more than 4,294,967,295 events in one transaction".to_owned()))?;
        found.extend(digests.iter().map(|digest| (prefix(digest), place.to_be_bytes())));
    }
    found.sort_unstable();
    let mut entries = Vec::with_capacity(found.len() * ENTRY_BYTES);
    for (prefix, place) in found {
        entries.extend(prefix);
        entries.extend(place);
    }
    Ok(entries)
}

/// The result of one piece of a search.
pub(super) struct Piece {
    /// Events, newest first.
    pub(super) events: Vec<Uuid>,
    /// The place where the next piece continues; `None` at the end.
    pub(super) below: Option<Uuid>,
}

type Block = (Uuid, Option<bool>, Option<Vec<Uuid>>, Option<Vec<u8>>);

/// Searches for events with any of the digests, in blocks older than `below`.
pub(super) async fn piece(db: &mut PgConnection, digests: &[Digest], below: Uuid) -> Result<Piece, Failure> {
    let prefixes: Vec<&[u8]> = digests.iter().map(|digest| &digest.0[..PREFIX_BYTES]).collect();
    let read = rows(READ).bind(prefixes).bind(below).bind(BLOCKS_AT_ONCE);
    let blocks: Vec<Block> = read.fetch_all(&mut *db).await?;
    let full = i64::try_from(blocks.len()).is_ok_and(|blocks| blocks == BLOCKS_AT_ONCE);
    let next = blocks.last().map(|block| block.0).filter(|_| full);
    let mut candidates = Vec::new();
    for (_, _, events, entries) in blocks {
        if let (Some(events), Some(entries)) = (events, entries) {
            let places = in_block(&entries, digests);
            candidates.extend(places.into_iter().filter_map(|place| events.get(place).copied()));
        }
    }
    candidates.sort_unstable_by(|a, b| b.cmp(a));
    candidates.dedup();
    let found = found_by(db, &candidates, digests).await?;
    candidates.retain(|event| found.contains(event));
    Ok(Piece { events: candidates, below: next })
}

fn in_block(entries: &[u8], digests: &[Digest]) -> Vec<usize> {
    let entries = entries.as_chunks::<ENTRY_BYTES>().0;
    let mut places = Vec::new();
    for digest in digests {
        let prefix = prefix(digest);
        let begin = entries.partition_point(|entry| entry[..PREFIX_BYTES] < prefix[..]);
        let same = entries[begin..].iter().take_while(|entry| entry[..PREFIX_BYTES] == prefix);
        places.extend(
            same.filter_map(|&[.., a, b, c, d]| usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()),
        );
    }
    places
}

async fn found_by(
    db: &mut PgConnection,
    events: &[Uuid],
    digests: &[Digest],
) -> Result<BTreeSet<Uuid>, Failure> {
    let Some((first, last)) = super::events::range(events) else { return Ok(BTreeSet::new()) };
    let query = rows(FOUND_BY).bind(events).bind(first).bind(last);
    let there: Vec<(Uuid, Vec<u8>)> = query.fetch_all(db).await?;
    let whole = |known: &[u8]| {
        crate::words::digests(known).iter().any(|known| digests.iter().any(|digest| digest == known))
    };
    Ok(there.into_iter().filter(|(_, known)| whole(known)).map(|(event, _)| event).collect())
}

fn prefix(digest: &Digest) -> [u8; PREFIX_BYTES] {
    let mut prefix = [0; PREFIX_BYTES];
    prefix.copy_from_slice(&digest.0[..PREFIX_BYTES]);
    prefix
}
