//! The result of a released item, as far as its dead letter and event show it.

use ledger::plans::{ItemChange, ItemState, LetterNow, PlanItem};
use ledger::{DeadLetterState, State};

/// The result of a released item; `None` while it is awaited.
pub(super) fn result(item: &PlanItem) -> Option<ItemChange> {
    let Some(now) = &item.now else {
        return Some(ItemChange::to(item.letter, ItemState::Skipped, "expired"));
    };
    let (state, reason) = match now.state {
        DeadLetterState::Open if now.died_at != item.died_at => died_again(item, now),
        // An operator opened it again, or it could not be published.
        DeadLetterState::Open => (ItemState::Planned, ""),
        DeadLetterState::Resolved => (ItemState::Delivered, now.event.word()),
        DeadLetterState::Replaying => match now.event {
            State::Remembered => (ItemState::Waits, now.event.word()),
            _ => return None,
        },
        DeadLetterState::Discarded => match now.event {
            State::Dead => (ItemState::Skipped, "discarded"),
            State::Superseded | State::Skipped | State::Pending => (ItemState::Skipped, now.event.word()),
            State::Remembered => (ItemState::Waits, now.event.word()),
            _ => (ItemState::Delivered, now.event.word()),
        },
    };
    let died_at = (now.state == DeadLetterState::Open).then_some(now.died_at);
    let ended_at = died_at.or(now.ended_at).filter(|_| state != ItemState::Planned);
    Some(ItemChange { ended_at, ..ItemChange::to(item.letter, state, reason) })
}

fn died_again<'n>(item: &PlanItem, now: &'n LetterNow) -> (ItemState, &'n str) {
    match now.group == item.group {
        true => (ItemState::SameCause, ""),
        false => (ItemState::NewCause, &now.group),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn item(state: DeadLetterState, event: State, (died_at, group): (i64, &str)) -> PlanItem {
        let at = |second| Timestamp::from_second(second).unwrap();
        PlanItem {
            letter: 7,
            event: Uuid::from_u128(7),
            connection: 1,
            person: identity::Digest([7; 16]),
            group: "g1".to_owned(),
            state: ItemState::Released,
            reason: String::new(),
            weight: 0,
            died_at: at(10),
            released_at: Some(at(20)),
            ended_at: None,
            now: Some(LetterNow {
                state,
                died_at: at(died_at),
                group: group.to_owned(),
                event,
                ended_at: Some(at(30)),
            }),
        }
    }

    #[test]
    fn a_result_follows_from_the_dead_letter_and_its_event() {
        use DeadLetterState::{Discarded, Open, Replaying, Resolved};
        let of = |state, event, died| {
            let change = result(&item(state, event, died));
            change.map(|change| (change.state, change.reason))
        };
        let is = |state, reason: &str| Some((state, reason.to_owned()));
        assert_eq!(of(Replaying, State::Dead, (10, "g1")), None, "it is in the queue");
        assert_eq!(of(Replaying, State::Pending, (10, "g1")), None, "its call is awaited");
        assert_eq!(of(Resolved, State::Updated, (10, "g1")), is(ItemState::Delivered, "updated"));
        assert_eq!(of(Open, State::Dead, (25, "g1")), is(ItemState::SameCause, ""));
        assert_eq!(of(Open, State::Dead, (25, "g2")), is(ItemState::NewCause, "g2"));
        assert_eq!(of(Open, State::Dead, (10, "g1")), is(ItemState::Planned, ""), "it was never published");
        assert_eq!(of(Replaying, State::Remembered, (10, "g1")), is(ItemState::Waits, "remembered"));
        assert_eq!(of(Discarded, State::Superseded, (10, "g1")), is(ItemState::Skipped, "superseded"));
        assert_eq!(of(Discarded, State::Deleted, (10, "g1")), is(ItemState::Delivered, "deleted"));
        let gone = PlanItem { now: None, ..item(Open, State::Dead, (10, "g1")) };
        assert_eq!(result(&gone).unwrap().state, ItemState::Skipped);
    }
}
