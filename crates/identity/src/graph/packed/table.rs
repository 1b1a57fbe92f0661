//! Numbers for values that occur again while a graph is written. The standard maps hash too carefully for the few dozen
//! texts of a graph: they would take longer than all the rest.

/// Maximum number of steps of a search. Many equal hashes, by chance or by intent, then cost room (some values are written
/// twice) and never time.
const STEPS: usize = 16;

/// An odd number without a pattern, from the golden ratio: a product with it has a bit of each bit of the other factor.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The values that have been written, each with its place from 1.
pub(super) struct Table<T> {
    /// An open-addressed hash table of places; 0 is free. Its length is a power of two, at least twice the entries.
    slots: Vec<usize>,
    entries: Vec<(u64, T)>,
}

impl<T: Copy + PartialEq> Table<T> {
    /// A table that has room for `room` entries, a power of two, before it grows.
    pub(super) fn with_room(room: usize) -> Self {
        Self { slots: vec![0; room * 2], entries: Vec::with_capacity(room) }
    }

    /// The place of `one`, if it is in the table. If not, it gets the next place.
    pub(super) fn place(&mut self, hash: u64, one: T) -> Option<usize> {
        let mut free = None;
        for slot in walk(hash, self.slots.len()) {
            let place = self.slots[slot];
            if place == 0 {
                free = Some(slot);
                break;
            }
            let (known, entry) = self.entries[place - 1];
            if known == hash && entry == one {
                return Some(place);
            }
        }
        self.entries.push((hash, one));
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        } else if let Some(slot) = free {
            self.slots[slot] = self.entries.len();
        }
        None
    }

    /// Number of values that have a place.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn grow(&mut self) {
        let mut slots = vec![0; self.slots.len() * 4];
        for (at, (hash, _)) in self.entries.iter().enumerate() {
            if let Some(slot) = walk(*hash, slots.len()).find(|slot| slots[*slot] == 0) {
                slots[slot] = at + 1;
            }
        }
        self.slots = slots;
    }
}

/// The slots in which an entry may lie.
fn walk(hash: u64, slots: usize) -> impl Iterator<Item = usize> {
    (0..STEPS).map(move |step| (hash as usize).wrapping_add(step) & (slots - 1))
}

/// A hash that is good enough for a table that lives as long as one graph is written.
pub(super) fn hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = mix(0, bytes.len() as u64);
    if let Some(last) = bytes.last_chunk() {
        let (words, _) = bytes.as_chunks();
        for word in words {
            hash = mix(hash, u64::from_le_bytes(*word));
        }
        // The last word overlaps the one before it, which spares a loop over the bytes that are left.
        mix(hash, u64::from_le_bytes(*last))
    } else {
        bytes.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)))
    }
}

/// Mixes one more word into a hash. Both halves of the product count: the last letters of a text only reach the upper.
pub(super) fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash.rotate_left(23) ^ word) * u128::from(SPREAD);
    product as u64 ^ (product >> 64) as u64
}
