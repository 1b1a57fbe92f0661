//! A graph as the ledger keeps it: every event unpacks one and packs it again, so the form is small and fast to read.
//!
//! # Form 2
//!
//! Byte 0 is the number of the form. The rest is what the structs of [`graph`](super) hold, in the order of
//! `write.rs`, made of these:
//!
//! - A *number* has seven bits a byte, the lowest first; the top bit says that more follow.
//! - *Many* are their number, then each of them. Maps and sets are written in order.
//! - *Flags* are a number whose bits `flags.rs` names: the booleans, the small enums, and which options follow.
//! - A *moment* is its difference to the moment written before it, as a zigzag number: most are the same few.
//! - A *digest* of one of the graph's identifiers is that one's place, from 1; another is 0, then its 16 bytes.
//! - A *shared text* is 0 for none; an odd number, its length times two and one, before the bytes of one that is new; an
//!   even number, two times its place (from 1) among the new ones of at most `SHARED_AT_MOST` bytes.
//! - A *stamp* is a number: its place (from 1) among the stamps written before, or 0, and then its moment, its revision,
//!   the moment when Segment received the event, and its key follow. Below the place is one bit: for a trait, whether flags
//!   of its refusal follow. Below the revision is one bit: whether the moment of the receipt follows.
//!
//! Where flags say so, an affiliate's payee (a digest), the moment since which its payout field is held back, and the
//! fields that cannot be emptied (many shared texts) follow its code; the moment until which an affiliate may appear at
//! an address follows that of the last search, and after it those of an inherited tombstone and of the last refusal; how many
//! others an identifier linked (a number), and which it is kept apart from (many of 16 bytes), follow why it is refused; the traits that a user
//! stated beside an address follow the spans of the claim; what of an event cannot be used, and the key whose value made it dead (shared texts)
//! follow what it states; the event that is blamed for a refusal (16 bytes and a moment) follows the refusal. Graphs of
//! earlier programs have none of these flags.
//!
//! Texts that occur once (sealed names, codes, message keys) are their length and their bytes.
//!
//! Ledgers of earlier programs hold form 1, whose stamps have neither that moment nor that bit, and whose refused
//! traits have the text of the refusal and no flags, and JSON before it. JSON begins with `{`, which therefore never
//! becomes the number of a form.

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
        Some((b'{', _)) => serde_json::from_slice(bytes).map_err(|_| Damaged("it is not what was packed")),
        Some(_) => Err(Damaged("a newer program wrote it; upgrade this one")),
    }?;
    graph.sort();
    Ok(graph)
}
