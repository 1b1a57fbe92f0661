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
    /// The identifier that the event speaks to; without one, its event's id.
    pub person: Digest,
    /// The key of its group; empty before it is classified.
    pub group: String,
    /// When it died.
    pub died_at: Timestamp,
    /// The unfinished plan that has reserved it.
    pub held_by: Option<PlanId>,
}

/// A dead letter that goes into a plan, with what was seen of it.
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
    /// One that waits to be released, without calls of its own.
    #[must_use]
    pub fn planned(candidate: Candidate) -> Self {
        Self { candidate, state: ItemState::Planned, reason: String::new(), weight: 0, released_at: None }
    }

    /// One whose event is about to be published.
    #[must_use]
    pub fn releasing(candidate: Candidate, now: Timestamp) -> Self {
        Self { state: ItemState::Releasing, released_at: Some(now), ..Self::planned(candidate) }
    }

    /// The change that makes this of an item that is there already.
    #[must_use]
    pub fn into_change(self) -> ItemChange {
        ItemChange {
            person: Some(self.candidate.person),
            weight: Some(self.weight),
            ..ItemChange::to(self.candidate.letter, self.state, self.reason)
        }
    }
}

/// What was marked by [`PlanItems::mark_plan_items`](super::PlanItems::mark_plan_items).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// Dead letters whose events are to be published.
    pub letters: BTreeSet<i64>,
    /// Those that were left out, and the plan that has reserved each.
    pub reserved: Vec<(i64, PlanId)>,
}

/// Which items of a plan.
#[derive(Clone, Debug, Default)]
pub struct ItemFilter {
    /// The plan.
    pub plan: PlanId,
    /// Only of this connection; with a state alone.
    pub connection: Option<ConnectionId>,
    /// Only in this state; without it, all of them in the order of dead letters.
    pub state: Option<ItemState>,
    /// Only with this reason.
    pub reason: Option<String>,
    /// Only those of persons up to this one; with a state alone.
    pub until: Option<Digest>,
    /// Only those after this one: with a state by connection, person and dead letter, else by dead letter alone.
    pub after: Option<(ConnectionId, Digest, i64)>,
    /// Upper limit of items.
    pub limit: usize,
}

/// A dead letter in a plan, with how things stand with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanItem {
    /// The dead letter.
    pub letter: i64,
    /// Its event.
    pub event: Uuid,
    /// Its connection.
    pub connection: ConnectionId,
    /// By whom items are taken together.
    pub person: Digest,
    /// The key of its group when it was planned.
    pub group: String,
    /// What became of it.
    pub state: ItemState,
    /// A fixed word; empty where there is none.
    pub reason: String,
    /// Planned calls in thousandths.
    pub weight: u32,
    /// When the dead letter died before it was released.
    pub died_at: Timestamp,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// When its event came to its end.
    pub ended_at: Option<Timestamp>,
    /// How the dead letter stands now; `None` when it has expired.
    pub now: Option<LetterNow>,
}

/// How the dead letter of an item stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterNow {
    /// Its state.
    pub state: DeadLetterState,
    /// When it died, the last time.
    pub died_at: Timestamp,
    /// The key of its present group.
    pub group: String,
    /// The state of its event.
    pub event: State,
    /// When the event came to that state.
    pub ended_at: Option<Timestamp>,
}

/// A new state of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemChange {
    /// The dead letter.
    pub letter: i64,
    /// Its state from now on.
    pub state: ItemState,
    /// The reason; empty for none.
    pub reason: String,
    /// By whom it is taken together with others; as before without it.
    pub person: Option<Digest>,
    /// Planned calls in thousandths; as before without it.
    pub weight: Option<u32>,
    /// When the dead letter died before it is released; as before without it.
    pub died_at: Option<Timestamp>,
    /// When it was released; as before without it.
    pub released_at: Option<Timestamp>,
    /// When its event came to its end; as before without it.
    pub ended_at: Option<Timestamp>,
}

impl ItemChange {
    /// Another state.
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

/// The dead letters of new items that no other plan has reserved.
pub(crate) fn free(items: &[NewItem], reserved: &[(i64, PlanId)]) -> Vec<i64> {
    let ids = items.iter().map(|item| item.candidate.letter);
    ids.filter(|id| !reserved.iter().any(|(letter, _)| letter == id)).collect()
}

/// What becomes of the items of dead letters that were to be marked and are not: they are neither open nor replaying any more.
pub(crate) fn ended(wanted: &[i64], marked: &BTreeSet<i64>) -> Vec<ItemChange> {
    let gone = wanted.iter().filter(|letter| !marked.contains(letter));
    gone.map(|letter| ItemChange::to(*letter, ItemState::LeftOut, "ended meanwhile")).collect()
}
