//! The suite that every engine of the queue must pass.
//!
//! An engine's test implements [`Rig`] and calls [`contract_suite!`](crate::contract_suite), which makes one test of
//! each promise.

pub mod conservation;
pub mod lanes;
pub mod promises;
pub mod turns;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Batch, Envelope, FORMAT, Item, Lane, Queue};

/// A queue under test, empty at first, and the means to disturb it.
#[async_trait]
pub trait Rig: Send + Sync {
    /// A handle as another process would have it, on the same queue each time.
    async fn open(&self) -> Arc<dyn Queue>;

    /// A handle on a queue of its own that holds about this many bytes.
    async fn open_limited(&self, max_bytes: u64) -> Arc<dyn Queue>;

    /// Ends a process without a notice, and returns when other takers can take what it held.
    async fn crash(&self, handle: Arc<dyn Queue>);

    /// How long a take of this engine waits until the test assumes that nothing comes: longer than any waiting message
    /// takes to arrive.
    fn empty_wait(&self) -> Duration {
        Duration::from_millis(200)
    }
}

/// How long a take waits for messages that must be there: far longer than any engine needs, so that a slow machine does not
/// fail.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The envelope of event `number`, always the same.
#[must_use]
pub fn envelope(number: u32, lane: Lane) -> Envelope {
    let payload = format!("{{ \"number\" : {number},\n\"trait\":\"é\\u00e9\" }}");
    Envelope {
        format: FORMAT,
        event_id: Uuid::from_u128(u128::from(number)),
        connection: i64::from(number % 3) + 1,
        lane,
        received_at: Timestamp::UNIX_EPOCH + Duration::from_micros(u64::from(number)),
        replay: number.is_multiple_of(5),
        revision: number % 7,
        public: false,
        payload: RawValue::from_string(payload).expect("the text above is JSON"),
    }
}

/// The envelopes of a range of numbers.
#[must_use]
pub fn envelopes(numbers: std::ops::Range<u32>, lane: Lane) -> Vec<Envelope> {
    numbers.map(|number| envelope(number, lane)).collect()
}

/// The numbers of the events in a batch, in its order.
#[must_use]
pub fn numbers(batch: &Batch) -> Vec<u32> {
    batch.items.iter().map(number).collect()
}

fn number(item: &Item) -> u32 {
    match item {
        Item::Readable(envelope) => {
            u32::try_from(envelope.event_id.as_u128()).expect("the suite numbers its events with u32")
        }
        Item::Unreadable { why, .. } => panic!("an envelope came back unreadable: {why}"),
    }
}

/// Takes and acknowledges until nothing is left, and counts how often each event came.
async fn drain(queue: &dyn Queue, empty_wait: Duration) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    loop {
        let batch = queue.take(100, empty_wait).await.expect("the engine takes");
        if batch.is_empty() {
            return counts;
        }
        for number in numbers(&batch) {
            *counts.entry(number).or_default() += 1;
        }
        queue.acknowledge(&batch).await.expect("the engine acknowledges what is held");
    }
}

/// Makes a test of each promise of the contract. The argument is an expression that gives a [`Rig`]; it may await.
#[macro_export]
macro_rules! contract_suite {
    ($rig:expr) => {
        $crate::contract_suite!(@tests $rig;
            promises::an_envelope_is_taken_as_it_was_published,
            promises::acknowledged_events_are_never_redelivered,
            promises::an_empty_queue_gives_an_empty_batch,
            promises::a_waiting_taker_gets_what_another_process_publishes,
            promises::events_of_a_crashed_taker_are_redelivered_and_marked,
            promises::released_events_are_redelivered_and_marked,
            promises::a_batch_is_answered_once,
            promises::depth_counts_events_until_they_are_acknowledged,
            promises::a_full_queue_refuses_events_until_it_has_room,
            promises::a_newer_format_is_left_in_the_queue,
            promises::an_envelope_beyond_the_limit_is_refused,
            promises::looking_at_a_queue_takes_no_events,
            lanes::live_events_are_taken_before_bulk_events,
            lanes::bulk_is_not_starved_by_live,
            lanes::a_large_backlog_is_taken_in_whole_messages,
            turns::no_connection_waits_for_the_backlog_of_another,
            turns::a_take_skips_connections_in_hand,
            turns::parts_of_a_batch_are_answered_independently,
            conservation::nothing_is_lost_among_many_publishers_and_takers,
            conservation::nothing_is_lost_in_any_history_of_crashes
        );
    };
    (@tests $rig:expr; $($module:ident :: $name:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let rig = $rig;
                $crate::contract::$module::$name(&rig).await;
            }
        )+
    };
}
