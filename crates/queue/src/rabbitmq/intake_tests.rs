//! The rules of the intake, without a broker.

use lapin::message::Delivery;

use super::super::delivered::{ALONE_AFTER, Contents};
use super::*;
use crate::Lane;

const HELD: Duration = Duration::from_secs(60);

fn message(source: Source, events: usize, lost: i64) -> Delivered {
    let acker = Delivery::mock(1, "".into(), "".into(), false, Vec::new()).acker;
    let body = format!("[{}]", vec!["0"; events].join(","));
    Delivered {
        acker,
        source,
        connection: 1,
        contents: Contents::Envelopes(body.into_bytes()),
        events,
        numbers: None,
        accepted_at: None,
        lost,
        redelivered: lost > 0,
    }
}

fn live(events: usize) -> Delivered {
    message(Source::Lane(Lane::Live), events, 0)
}

#[test]
fn what_a_dead_link_delivers_late_is_not_taken_in() {
    let intake = Intake::default();
    let old = intake.generation();
    intake.arrive(old, live(1));
    let held = intake.take(1, &[], HELD).unwrap();
    intake.forget();
    intake.arrive(old, live(1));
    assert!(intake.take(1, &[], HELD).is_none());
    assert!(intake.settle(&held.messages).is_empty());
    assert_eq!((intake.held().live, intake.held().bulk), (0, 0));
}

#[test]
fn a_ticket_is_never_given_twice() {
    let intake = Intake::default();
    intake.arrive(intake.generation(), live(1));
    let first = intake.take(1, &[], HELD).unwrap().messages[0].ticket;
    intake.forget();
    intake.arrive(intake.generation(), live(1));
    assert_ne!(intake.take(1, &[], HELD).unwrap().messages[0].ticket, first);
}

#[test]
fn suspects_go_alone_and_others_together() {
    let intake = Intake::default();
    let suspect = || message(Source::Lane(Lane::Live), 3, ALONE_AFTER);
    for one in [live(1), live(1), suspect(), live(1), suspect()] {
        intake.arrive(intake.generation(), one);
    }
    let sizes: Vec<_> =
        std::iter::from_fn(|| intake.take(100, &[], HELD)).map(|batch| batch.items.len()).collect();
    assert_eq!(sizes, [2, 3, 1, 3]);
}

#[test]
fn what_is_put_back_keeps_its_place_and_is_marked() {
    let intake = Intake::default();
    for events in [1, 2, 4] {
        intake.arrive(intake.generation(), live(events));
    }
    let batch = intake.take(3, &[], HELD).unwrap();
    assert_eq!((batch.items.len(), batch.redelivered), (3, false));
    assert_eq!(intake.put_back(&batch.messages), 2);
    assert_eq!(intake.put_back(&batch.messages), 0);
    let again = intake.take(1, &[], HELD).unwrap();
    assert_eq!((again.items.len(), again.redelivered), (1, true));
    assert_eq!(intake.held().live, 7);
}

#[test]
fn poison_comes_within_ten_takes_however_much_is_live() {
    let intake = Intake::default();
    intake.arrive(intake.generation(), message(Source::Poison, 1, 0));
    for _ in 0..20 {
        intake.arrive(intake.generation(), live(1));
    }
    let poisonous =
        |batch: &Batch| intake.lock().held[&batch.messages[0].ticket].messages[&0].source == Source::Poison;
    assert_eq!((0..10).filter(|_| poisonous(&intake.take(1, &[], HELD).unwrap())).count(), 1);
    assert_eq!((intake.held().live, intake.held().bulk), (20, 1), "held or waiting alike");
}

#[tokio::test(start_paused = true)]
async fn batches_held_too_long_are_taken_away() {
    let intake = Intake::default();
    intake.arrive(intake.generation(), live(1));
    let batch = intake.take(1, &[], HELD).unwrap();
    assert!(intake.expire(Instant::now()).is_empty());
    tokio::time::advance(HELD).await;
    assert_eq!(intake.expire(Instant::now()).len(), 1);
    assert!(intake.settle(&batch.messages).is_empty());
}

#[test]
fn nobody_is_idle_while_somebody_takes_or_holds() {
    let intake = Intake::default();
    assert!(intake.idle_for(Duration::ZERO));
    let taker = intake.taker();
    assert!(!intake.idle_for(Duration::ZERO));
    drop(taker);
    intake.arrive(intake.generation(), live(1));
    let batch = intake.take(1, &[], HELD).unwrap();
    assert!(!intake.idle_for(Duration::ZERO));
    assert_eq!(intake.settle(&batch.messages).len(), 1);
    assert!(intake.idle_for(Duration::ZERO));
    assert!(!intake.idle_for(HELD), "the last take was just now");
}

#[test]
fn the_oldest_message_that_is_held_is_known_until_it_is_answered() {
    let intake = Intake::default();
    let of = |second| Delivered { accepted_at: Some(second), ..live(1) };
    [70, 50, 60].into_iter().for_each(|second| intake.arrive(intake.generation(), of(second)));
    intake.arrive(intake.generation(), live(1));
    let batch = intake.take(2, &[], HELD).unwrap();
    assert_eq!(intake.held().oldest, Some(50), "in hand");
    intake.settle(&batch.messages);
    assert_eq!(intake.held().oldest, Some(60), "one of an earlier version does not say");
}

#[test]
fn connections_take_turns_and_those_in_hand_are_passed_over() {
    let intake = Intake::default();
    let of = |connection| Delivered { connection, ..live(2) };
    for connection in [1, 1, 1, 2, 3] {
        intake.arrive(intake.generation(), of(connection));
    }
    let take = |except: &[i64]| {
        let batch = intake.take(1, except, HELD)?;
        Some(batch.messages[0].connection)
    };
    assert_eq!([take(&[]), take(&[]), take(&[]), take(&[])], [1, 2, 3, 1].map(Some));
    assert_eq!((take(&[1]), take(&[])), (None, Some(1)));
}
