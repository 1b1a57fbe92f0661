//! The data that packing keeps, and the limits of messages.

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn envelope(number: u128, lane: Lane, payload_bytes: usize) -> Envelope {
    let payload = format!("\"{}\"", "x".repeat(payload_bytes));
    Envelope {
        format: FORMAT,
        event_id: Uuid::from_u128(number),
        connection: 1,
        lane,
        received_at: Timestamp::UNIX_EPOCH,
        replay: false,
        revision: 0,
        public: false,
        payload: RawValue::from_string(payload).unwrap(),
    }
}

fn ids(items: &[Item]) -> Vec<Uuid> {
    items
        .iter()
        .map(|item| match item {
            Item::Readable(envelope) => envelope.event_id,
            Item::Unreadable { why, .. } => panic!("unreadable: {why}"),
        })
        .collect()
}

#[test]
fn a_large_envelope_gets_its_own_message_and_a_huge_one_is_refused() {
    let envelopes =
        [envelope(1, Lane::Live, 10), envelope(2, Lane::Live, MESSAGE_BYTES), envelope(3, Lane::Live, 10)];
    let events: Vec<_> = pack(&envelopes).unwrap().iter().map(|message| message.events).collect();
    assert_eq!(events, [1, 1, 1]);
    let huge = [envelope(1, Lane::Live, ENVELOPE_BYTES)];
    assert!(matches!(pack(&huge), Err(PublishError::TooLarge { .. })));
}

#[test]
fn a_bad_envelope_does_not_affect_others() {
    let mut message = pack(&[envelope(1, Lane::Live, 3)]).unwrap().remove(0);
    message.body.pop();
    message.body.extend_from_slice(br#",{"secret":"ann@example.org"}]"#);
    let items = unpack(&message.body);
    assert!(matches!(&items[0], Item::Readable(_)));
    assert!(matches!(&items[1], Item::Unreadable { why, .. } if !why.contains("ann")));
    assert!(!format!("{items:?}").contains("ann"));
}

#[test]
fn damaged_bytes_lose_only_the_envelopes_that_contain_them() {
    for begin in (0..900).step_by(7) {
        let envelopes: Vec<_> = (0..10).map(|number| envelope(number, Lane::Live, 40)).collect();
        let mut body = pack(&envelopes).unwrap().remove(0).body;
        let length = body.len() / envelopes.len();
        body[begin..begin + 20].fill(0xAA);
        let items = unpack(&body);
        let whole = items.iter().filter(|item| matches!(item, Item::Readable(_))).count();
        assert!(
            whole >= envelopes.len() - 1 - 20_usize.div_ceil(length),
            "damaged at {begin}: {whole} are whole"
        );
        assert!(items.iter().any(|item| matches!(item, Item::Unreadable { .. })), "damaged at {begin}");
        assert_eq!(describe(body).events, items.len());
    }
}

#[test]
fn a_message_carries_the_newest_format_in_it() {
    let mut newer = envelope(2, Lane::Live, 3);
    newer.format = FORMAT + 1;
    assert_eq!(pack(&[envelope(1, Lane::Live, 3), newer]).unwrap()[0].format, FORMAT + 1);
}

proptest! {
    #[test]
    fn packing_keeps_every_envelope_in_its_lane_within_the_limits(
        sizes in prop::collection::vec((any::<bool>(), 0_usize..4000), 0..700),
    ) {
        let envelopes: Vec<_> = (0..).zip(&sizes)
            .map(|(number, (live, size))| envelope(number, if *live { Lane::Live } else { Lane::Bulk }, *size))
            .collect();
        let messages = pack(&envelopes).unwrap();
        for lane in [Lane::Live, Lane::Bulk] {
            let sent: Vec<_> = envelopes.iter().filter(|it| it.lane == lane).map(|it| it.event_id).collect();
            let found: Vec<_> = messages.iter().filter(|message| message.lane == lane)
                .flat_map(|message| ids(&unpack(&message.body))).collect();
            prop_assert_eq!(found, sent);
        }
        for message in &messages {
            prop_assert!(message.events <= MESSAGE_ENVELOPES && message.body.len() <= MESSAGE_BYTES);
            prop_assert_eq!(unpack(&message.body).len(), message.events);
        }
    }

    #[test]
    fn any_bytes_unpack_to_something(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let items = unpack(&body);
        prop_assert!(body.starts_with(b"[") || !items.is_empty());
    }
}
