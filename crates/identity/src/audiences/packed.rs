//! A graph's contribution to counts in few bytes, because a ledger may have millions of graphs.

use super::{Counted, FIGURES, MemberCounts};

/// Stored counts that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the counts of a graph cannot be read")]
pub struct Unreadable;

/// Marks that every figure that is there is 1, so that none follow.
const ALL_ONE: u8 = 1 << 7;

/// A graph's contribution as the ledger keeps it: for each audience the difference of its number to the one before, a byte
/// that says which figures are not 0, and these figures, unless all are 1. Numbers have seven bits a byte, the lowest
/// first.
#[must_use]
pub fn pack(counted: &Counted) -> Vec<u8> {
    let (mut bytes, mut before) = (Vec::new(), 0);
    for (audience, counts) in counted.iter() {
        let figures = counts.figures();
        write(&mut bytes, audience - before);
        before = audience;
        let there = (0..FIGURES).fold(0, |bits, nth| bits | u8::from(figures[nth] > 0) << nth);
        let all_one = figures.iter().all(|figure| *figure <= 1);
        bytes.push(there | if all_one { ALL_ONE } else { 0 });
        if !all_one {
            figures.iter().filter(|figure| **figure > 0).for_each(|it| write(&mut bytes, u64::from(*it)));
        }
    }
    bytes
}

/// Reads what [`pack`] wrote.
///
/// # Errors
/// [`Unreadable`].
pub fn unpack(mut bytes: &[u8]) -> Result<Counted, Unreadable> {
    let (mut counted, mut before) = (Counted::default(), None::<u64>);
    while !bytes.is_empty() {
        let audience = before.unwrap_or(0).checked_add(read(&mut bytes)?).ok_or(Unreadable)?;
        // Each audience is there once.
        if before.replace(audience) == Some(audience) {
            return Err(Unreadable);
        }
        let (there, rest) = bytes.split_first().ok_or(Unreadable)?;
        bytes = rest;
        let mut figures = [0; FIGURES];
        for (_, figure) in figures.iter_mut().enumerate().filter(|(nth, _)| there & 1 << nth != 0) {
            *figure = match there & ALL_ONE {
                0 => u32::try_from(read(&mut bytes)?).map_err(|_| Unreadable)?,
                _ => 1,
            };
        }
        counted.add(audience, &MemberCounts::of(figures));
    }
    Ok(counted)
}

fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 1 << 7 {
        bytes.push((number & 0x7F) as u8 | 1 << 7);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read(bytes: &mut &[u8]) -> Result<u64, Unreadable> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Unreadable)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 1 << 7 == 0 {
            return Ok(number);
        }
    }
    Err(Unreadable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn packed_counts_are_unpacked_unchanged(
            all in prop::collection::btree_map(any::<u64>(), prop::array::uniform7(prop_oneof![0_u32..3, any::<u32>()]), 0..5)
        ) {
            let mut counted = Counted::default();
            all.iter().for_each(|(audience, figures)| counted.add(*audience, &MemberCounts::of(*figures)));
            prop_assert_eq!(unpack(&pack(&counted)).ok(), Some(counted));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(counted) = unpack(&bytes) {
                prop_assert!(pack(&counted).len() <= bytes.len());
            }
        }
    }

    #[test]
    fn a_repeated_audience_is_refused() {
        assert!(unpack(&[0, 133, 0, 131]).is_err());
    }

    #[test]
    fn the_counts_of_one_member_take_two_bytes() {
        let mut counted = Counted::default();
        counted.add(
            7,
            &MemberCounts { members: 1, affiliates: 1, held: 1, delivered: 1, ..MemberCounts::default() },
        );
        assert_eq!(pack(&counted).len(), 2);
    }
}
