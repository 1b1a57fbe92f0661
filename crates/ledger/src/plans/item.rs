//! The dead letters of plans.

use std::collections::BTreeSet;

use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use uuid::Uuid;

use super::ItemState;
use crate::{DeadLetterState, PlanId, State};

/// A dead letter that may be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub letter: i64,
    /// Its event.
    pub event: Uuid,
    /// Its connection.
    pub connection: ConnectionId,
    /// The identifier that the event is about; if there is none, the event's id.
    pub person: Digest,
    /// The key of its group; empty before it is classified.
    pub group: String,
    /// When it died.
    pub died_at: Timestamp,
    /// The unfinished plan that has reserved it.
    pub held_by: Option<PlanId>,
}

/// A dead letter to add to a plan, with the planned state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewItem {
    /// The dead letter; [`Candidate::held_by`] is looked up again when it is added.
    pub candidate: Candidate,
    /// Its state.
    pub state: ItemState,
    /// The reason; empty for none.
    pub reason: String,
    /// Planned calls in thousandths.
    pub weight: u32,
    /// When it is released, if that is now.
    pub released_at: Option<Timestamp>,
}

impl NewItem {
    /// An item that waits to be released, without calls of its own.
    #[must_use]
    pub fn planned(candidate: Candidate) -> Self {
        Self { candidate, state: ItemState::Planned, reason: String::new(), weight: 0, released_at: None }
    }

    /// An item whose event is about to be published.
    #[must_use]
    pub fn releasing(candidate: Candidate, now: Timestamp) -> Self {
        Self { state: ItemState::Releasing, released_at: Some(now), ..Self::planned(candidate) }
    }

    /// The change that turns an existing item into this one.
    #[must_use]
    pub fn into_change(self) -> ItemChange {
        ItemChange {
            person: Some(self.candidate.person),
            weight: Some(self.weight),
            ..ItemChange::to(self.candidate.letter, self.state, self.reason)
        }
    }
}

/// The result of [`PlanItems::mark_plan_items`](super::PlanItems::mark_plan_items).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// The marked dead letters, whose events the caller publishes next.
    pub letters: BTreeSet<i64>,
    /// The dead letters that were left out, and the plan that has reserved each.
    pub reserved: Vec<(i64, PlanId)>,
}

/// A filter for items of a plan.
#[derive(Clone, Debug, Default)]
pub struct ItemFilter {
    /// The plan.
    pub plan: PlanId,
    /// Only items of this connection; usable only with a state.
    pub connection: Option<ConnectionId>,
    /// Only items in this state; without it, all items in the order of dead letters.
    pub state: Option<ItemState>,
    /// Only items with this reason.
    pub reason: Option<String>,
    /// Only items of persons up to this one; usable only with a state.
    pub until: Option<Digest>,
    /// Only items after this one: with a state, in the order of connection, person and dead letter, else of dead letters alone.
    pub after: Option<(ConnectionId, Digest, i64)>,
    /// Maximum number of items.
    pub limit: usize,
}

/// A dead letter in a plan, with its current state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanItem {
    /// The dead letter.
    pub letter: i64,
    /// Its event.
    pub event: Uuid,
    /// Its connection.
    pub connection: ConnectionId,
    /// The person, by whom items are taken together.
    pub person: Digest,
    /// The key of its group when it was planned.
    pub group: String,
    /// Its state.
    pub state: ItemState,
    /// The reason as a fixed word; empty for none.
    pub reason: String,
    /// Planned calls in thousandths.
    pub weight: u32,
    /// When the dead letter died before it was released.
    pub died_at: Timestamp,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// When its event ended.
    pub ended_at: Option<Timestamp>,
    /// The current state of the dead letter; `None` if it has expired.
    pub now: Option<LetterNow>,
}

/// The current state of an item's dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterNow {
    /// Its state.
    pub state: DeadLetterState,
    /// When it last died.
    pub died_at: Timestamp,
    /// The key of its present group.
    pub group: String,
    /// The state of its event.
    pub event: State,
    /// When the event reached that state.
    pub ended_at: Option<Timestamp>,
}

/// A new state of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemChange {
    /// The dead letter.
    pub letter: i64,
    /// Its new state.
    pub state: ItemState,
    /// The reason; empty for none.
    pub reason: String,
    /// The person, by whom items are taken together; unchanged if `None`.
    pub person: Option<Digest>,
    /// Planned calls in thousandths; unchanged if `None`.
    pub weight: Option<u32>,
    /// When the dead letter died before it is released; unchanged if `None`.
    pub died_at: Option<Timestamp>,
    /// When it was released; unchanged if `None`.
    pub released_at: Option<Timestamp>,
    /// When its event ended; unchanged if `None`.
    pub ended_at: Option<Timestamp>,
}

impl ItemChange {
    /// A change of state and reason only.
    #[must_use]
    pub fn to(letter: i64, state: ItemState, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            letter,
            state,
            reason,
            person: None,
            weight: None,
            died_at: None,
            released_at: None,
            ended_at: None,
        }
    }
}

/// The dead letters of new items, without those that another plan has reserved.
pub(crate) fn free(items: &[NewItem], reserved: &[(i64, PlanId)]) -> Vec<i64> {
    let ids = items.iter().map(|item| item.candidate.letter);
    ids.filter(|id| !reserved.iter().any(|(letter, _)| letter == id)).collect()
}

/// The changes of items whose dead letters could not be marked, because they are neither open nor replaying any more.
pub(crate) fn ended(wanted: &[i64], marked: &BTreeSet<i64>) -> Vec<ItemChange> {
    let gone = wanted.iter().filter(|letter| !marked.contains(letter));
    gone.map(|letter| ItemChange::to(*letter, ItemState::LeftOut, "ended meanwhile")).collect()
}
