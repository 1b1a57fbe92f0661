//! The rules of the delivery buffer, without a broker.

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
fn late_deliveries_of_a_dead_link_are_ignored() {
    let buffer = DeliveryBuffer::default();
    let old = buffer.generation();
    buffer.arrive(old, live(1));
    let held = buffer.take(1, &[], HELD).unwrap();
    buffer.forget();
    buffer.arrive(old, live(1));
    assert!(buffer.take(1, &[], HELD).is_none());
    assert!(buffer.settle(&held.messages).is_empty());
    assert_eq!((buffer.held().live, buffer.held().bulk), (0, 0));
}

#[test]
fn a_ticket_is_never_given_twice() {
    let buffer = DeliveryBuffer::default();
    buffer.arrive(buffer.generation(), live(1));
    let first = buffer.take(1, &[], HELD).unwrap().messages[0].ticket;
    buffer.forget();
    buffer.arrive(buffer.generation(), live(1));
    assert_ne!(buffer.take(1, &[], HELD).unwrap().messages[0].ticket, first);
}

#[test]
fn suspected_messages_are_taken_alone_and_others_together() {
    let buffer = DeliveryBuffer::default();
    let suspect = || message(Source::Lane(Lane::Live), 3, ALONE_AFTER);
    for one in [live(1), live(1), suspect(), live(1), suspect()] {
        buffer.arrive(buffer.generation(), one);
    }
    let sizes: Vec<_> =
        std::iter::from_fn(|| buffer.take(100, &[], HELD)).map(|batch| batch.items.len()).collect();
    assert_eq!(sizes, [2, 3, 1, 3]);
}

#[test]
fn messages_put_back_keep_their_place_and_are_marked() {
    let buffer = DeliveryBuffer::default();
    for events in [1, 2, 4] {
        buffer.arrive(buffer.generation(), live(events));
    }
    let batch = buffer.take(3, &[], HELD).unwrap();
    assert_eq!((batch.items.len(), batch.redelivered), (3, false));
    assert_eq!(buffer.put_back(&batch.messages), 2);
    assert_eq!(buffer.put_back(&batch.messages), 0);
    let again = buffer.take(1, &[], HELD).unwrap();
    assert_eq!((again.items.len(), again.redelivered), (1, true));
    assert_eq!(buffer.held().live, 7);
}

#[test]
fn poison_messages_are_taken_within_ten_takes() {
    let buffer = DeliveryBuffer::default();
    buffer.arrive(buffer.generation(), message(Source::Poison, 1, 0));
    for _ in 0..20 {
        buffer.arrive(buffer.generation(), live(1));
    }
    let poisonous =
        |batch: &Batch| buffer.lock().held[&batch.messages[0].ticket].messages[&0].source == Source::Poison;
    assert_eq!((0..10).filter(|_| poisonous(&buffer.take(1, &[], HELD).unwrap())).count(), 1);
    assert_eq!((buffer.held().live, buffer.held().bulk), (20, 1), "held or waiting alike");
}

#[tokio::test(start_paused = true)]
async fn batches_held_too_long_are_taken_away() {
    let buffer = DeliveryBuffer::default();
    buffer.arrive(buffer.generation(), live(1));
    let batch = buffer.take(1, &[], HELD).unwrap();
    assert!(buffer.expire(Instant::now()).is_empty());
    tokio::time::advance(HELD).await;
    assert_eq!(buffer.expire(Instant::now()).len(), 1);
    assert!(buffer.settle(&batch.messages).is_empty());
}

#[test]
fn the_buffer_is_not_idle_during_a_take_or_while_a_batch_is_held() {
    let buffer = DeliveryBuffer::default();
    assert!(buffer.idle_for(Duration::ZERO));
    let taker = buffer.taker();
    assert!(!buffer.idle_for(Duration::ZERO));
    drop(taker);
    buffer.arrive(buffer.generation(), live(1));
    let batch = buffer.take(1, &[], HELD).unwrap();
    assert!(!buffer.idle_for(Duration::ZERO));
    assert_eq!(buffer.settle(&batch.messages).len(), 1);
    assert!(buffer.idle_for(Duration::ZERO));
    assert!(!buffer.idle_for(HELD), "the last take was just now");
}

#[test]
fn the_oldest_held_message_is_known_until_it_is_answered() {
    let buffer = DeliveryBuffer::default();
    let of = |second| Delivered { accepted_at: Some(second), ..live(1) };
    [70, 50, 60].into_iter().for_each(|second| buffer.arrive(buffer.generation(), of(second)));
    buffer.arrive(buffer.generation(), live(1));
    let batch = buffer.take(2, &[], HELD).unwrap();
    assert_eq!(buffer.held().oldest, Some(50), "in hand");
    buffer.settle(&batch.messages);
    assert_eq!(buffer.held().oldest, Some(60), "one of an earlier version does not say");
}

#[test]
fn connections_take_turns_and_those_in_hand_are_skipped() {
    let buffer = DeliveryBuffer::default();
    let of = |connection| Delivered { connection, ..live(2) };
    for connection in [1, 1, 1, 2, 3] {
        buffer.arrive(buffer.generation(), of(connection));
    }
    let take = |except: &[i64]| {
        let batch = buffer.take(1, except, HELD)?;
        Some(batch.messages[0].connection)
    };
    assert_eq!([take(&[]), take(&[]), take(&[]), take(&[])], [1, 2, 3, 1].map(Some));
    assert_eq!((take(&[1]), take(&[])), (None, Some(1)));
}
