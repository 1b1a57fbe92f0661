//! A graph as the ledger keeps it: every event unpacks one and packs it again, so the form is small and fast to read.
//!
//! # Form 2
//!
//! Byte 0 is the number of the form. The rest are the fields of the structs of [`graph`](super), in the order of
//! `write.rs`, made of these parts:
//!
//! - A *number* has seven bits a byte, the lowest first; the top bit says that more bytes follow.
//! - *Many* values are their number, then each of them. Maps and sets are written in order.
//! - *Flags* are a number whose bits `flags.rs` names: the booleans, the small enums, and which options follow.
//! - A *moment* is its difference to the moment written before it, as a zigzag number: most are the same few.
//! - A *digest* of one of the graph's identifiers is the place of that identifier, from 1; any other is 0, then its 16
//!   bytes.
//! - A *shared text* is 0 for none. A new one is an odd number, its length times two and one, and then its bytes. A known
//!   one is an even number, two times its place (from 1) among the new ones of at most `SHARED_AT_MOST` bytes.
//! - A *stamp* is a number: its place (from 1) among the stamps written before, or 0, and then its moment, its revision,
//!   the moment when Segment received the event, and its key follow. Below the place is one bit: for a trait, whether flags
//!   of its refusal follow. Below the revision is one bit: whether the moment of the receipt follows.
//!
//! The flags say which of these parts are there. An affiliate's payee (a digest), the moment since which its payout field
//! is held back, and the fields that cannot be emptied (many shared texts) follow its code. The moment until which an
//! affiliate may appear at an address follows that of the last search; those of an inherited tombstone and of the last
//! refusal come next. The number of others that an identifier linked, and the identifiers that it is kept apart from (many
//! of 16 bytes), follow the reason why it is refused. The traits that a user stated beside an address follow the spans of
//! the claim. The unusable values of an event, and the key whose value made it dead (shared texts), follow its keys. The
//! event that is blamed for a refusal (16 bytes and a moment) follows the refusal. Graphs of earlier programs have none of
//! these flags.
//!
//! Texts that occur once (sealed names, codes, message keys) are their length and their bytes.
//!
//! Ledgers of earlier programs hold form 1, or JSON. In form 1, stamps have neither the moment of the receipt nor its bit,
//! and refused traits have the text of the refusal without flags. JSON begins with `{`, which therefore never becomes the
//! number of a form.

mod flags;
mod read;
mod reader;
mod table;
#[cfg(test)]
mod tests;
mod write;
mod writer;

use super::Graph;

/// The form that this program writes.
const FORM: u8 = 2;
/// The form of earlier programs: its stamps do not contain when Segment received the event.
const FORM_1: u8 = 1;

/// The longest text that is written once and then referred to. The limit bounds what a damaged graph can make its
/// reader allocate: no byte can stand for more than this.
const SHARED_AT_MOST: usize = 128;

/// Bytes that are no graph, or one of a newer form.
#[derive(Debug, thiserror::Error)]
#[error("a graph cannot be read: {0}")]
pub struct Damaged(pub &'static str);

/// Packs a graph.
#[must_use]
pub fn pack(graph: &Graph) -> Vec<u8> {
    write::graph(graph)
}

/// Unpacks a graph.
///
/// # Errors
/// [`Damaged`].
pub fn unpack(bytes: &[u8]) -> Result<Graph, Damaged> {
    let mut graph = match bytes.split_first() {
        None => Err(Damaged("it is empty")),
        Some((form @ &(FORM | FORM_1), rest)) => read::graph(*form, rest),
        Some((b'{', _)) => serde_json::from_slice(bytes).map_err(|_| Damaged("its JSON cannot be read")),
        Some(_) => Err(Damaged("a newer program wrote it; upgrade this one")),
    }?;
    graph.sort();
    Ok(graph)
}
