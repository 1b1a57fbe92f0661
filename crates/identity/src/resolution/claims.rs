//! The rank of claims.

use crate::graph::Claim;
use crate::stamp::{Span, Stamp};
use crate::tombstones::Tombstones;

/// The rank of a claim; the highest one makes its address the user's present one. An ordinary statement, the newest first;
/// then Engage's, the earliest first; then the shape of the userId.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank<'g> {
    /// The userId has the shape of the address.
    Shape,
    /// Engage stated it first at this stamp.
    Engage(std::cmp::Reverse<&'g Stamp>),
    /// An ordinary identify stated it last at this stamp.
    Ordinary(&'g Stamp),
}

/// The classes of a claim that no tombstone covers.
pub(super) struct Uncovered<'g> {
    claim: &'g Claim,
    ordinary: Option<&'g Stamp>,
    engage: Option<&'g Stamp>,
    shape: Option<&'g Stamp>,
}

impl<'g> Uncovered<'g> {
    pub(super) fn of(claim: &'g Claim, tombstones: &Tombstones) -> Self {
        let last = |span: &'g Option<Span>| {
            let last = &span.as_ref()?.last;
            (!tombstones.covers_link(claim.user, claim.address, last.time)).then_some(last)
        };
        Self {
            claim,
            ordinary: last(&claim.ordinary),
            engage: last(&claim.engage),
            shape: last(&claim.shape),
        }
    }

    pub(super) fn newest(&self) -> Option<&'g Stamp> {
        [self.ordinary, self.engage, self.shape].into_iter().flatten().max()
    }

    pub(super) fn rank(&self, existed: bool) -> Option<Rank<'g>> {
        let ordinary = if existed { self.newest() } else { self.ordinary };
        if let Some(stamp) = ordinary {
            return Some(Rank::Ordinary(stamp));
        }
        if self.engage.is_some() {
            let first = &self.claim.engage.as_ref()?.first;
            return Some(Rank::Engage(std::cmp::Reverse(first)));
        }
        self.shape.map(|_| Rank::Shape)
    }
}
