//! Confirms are attributed correctly if several callers publish at once.

use std::sync::Arc;

use queue::contract::envelope;
use queue::rabbitmq::{Options, RabbitQueue};
use queue::{Envelope, Lane, Publish as _, PublishError};
use serde_json::value::RawValue;

use crate::brokers::{connect, options, shared, until};

/// Large messages that are published beside as many small ones as there is time for.
const MESSAGES: u32 = 300;

/// An event that takes lapin longer to cut into frames than a small one.
fn large(number: u32) -> Envelope {
    let payload =
        RawValue::from_string(format!("\"{}\"", "x".repeat(200_000))).expect("a quoted text is JSON");
    Envelope { payload, ..envelope(number, Lane::Bulk) }
}

async fn full_of_bulk() -> Arc<RabbitQueue> {
    let queue = connect(&shared().await, &Options { max_bytes: 1_000_000, ..options() }).await;
    until("bulk is full", async || matches!(queue.publish(&[large(0)]).await, Err(PublishError::Full))).await;
    Arc::new(queue)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_lane_confirms_nothing_and_does_not_affect_the_other() {
    let queue = full_of_bulk().await;
    let bulk = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move {
            for number in 0..MESSAGES {
                let refused = queue.publish(&[large(number)]).await;
                assert!(matches!(refused, Err(PublishError::Full)), "it is in no queue: {refused:?}");
            }
        }
    });
    let mut number = 0;
    while !bulk.is_finished() {
        number += 1;
        queue.publish(&[envelope(number, Lane::Live)]).await.expect("the live lane has room");
    }
    bulk.await.unwrap();
}
