//! Stamps: the order of two statements about one trait.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment in microseconds since 1970: the precision to which the ledger keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment(pub i64);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at.as_microsecond())
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        Timestamp::from_microsecond(moment.0).unwrap_or(Timestamp::MAX)
    }
}

/// When a statement was made, and by which message: (time, receipt by Segment, message key, revision), compared in this
/// order.
///
/// Many sources write whole seconds, so equal times are common. Then Segment's own clock says which of two statements
/// came later; an event without it counts as the earlier one. The message key is Segment's `messageId`, or a hash of the
/// event, so a repeat of a message is an exact tie. The revision is 0 and grows when an operator repairs the event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The statement's time.
    #[serde(rename = "t")]
    pub time: Moment,
    /// When Segment received the event, as the event says. Graphs of earlier versions do not have it.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Moment>,
    /// The message key. Shared: most stamps of a graph are the same few.
    #[serde(rename = "k")]
    pub key: Arc<str>,
    /// How often an operator has repaired the event.
    #[serde(rename = "r", default, skip_serializing_if = "is_zero")]
    pub revision: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to skip_serializing_if")]
fn is_zero(revision: &u32) -> bool {
    *revision == 0
}

/// The first and the last of many stamps; no others are needed for a result that does not depend on order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The smallest stamp.
    pub first: Stamp,
    /// The greatest stamp.
    pub last: Stamp,
}

impl Span {
    /// The span of one stamp.
    #[must_use]
    pub fn of(stamp: &Stamp) -> Self {
        Self { first: stamp.clone(), last: stamp.clone() }
    }

    /// Removes the message from stamps whose time is `covered` by a delete, because a message id may name a person. Covered
    /// statements of the same time then count equally.
    pub(crate) fn forget_messages(&mut self, covered: impl Fn(Moment) -> bool) {
        for stamp in [&mut self.first, &mut self.last] {
            if !stamp.key.is_empty() && covered(stamp.time) {
                (stamp.key, stamp.revision) = (Arc::from(""), 0);
            }
        }
    }

    /// Stretches the span so that it covers `other` too.
    pub fn cover(&mut self, other: &Self) {
        if other.first < self.first {
            self.first = other.first.clone();
        }
        if other.last > self.last {
            self.last = other.last.clone();
        }
    }
}
