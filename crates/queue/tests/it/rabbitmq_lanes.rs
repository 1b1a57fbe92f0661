//! The lanes of the RabbitMQ engine: which events are in which lane, and lanes with several queues.

use std::collections::BTreeSet;

use queue::contract::{envelope, numbers};
use queue::rabbitmq::Options;
use queue::{Consume as _, Envelope, Lane, Observe as _, Publish as _};

use crate::brokers::{Observer, TIMEOUT, connect, options, shared, until};

/// The number of messages of a queue that a process holds is bounded: they must not all be of one connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_a_backlog_does_not_delay_others() {
    let (url, options) = (shared().await, Options { prefetch: 4, ..options() });
    let queue = connect(&url, &options).await;
    let of = |connection, number| Envelope { connection, ..envelope(number, Lane::Live) };
    for number in 0..40 {
        queue.publish(&[of(1, number)]).await.unwrap();
    }
    queue.publish(&[of(2, 1000)]).await.unwrap();
    let first = queue.take(1, TIMEOUT).await.unwrap();
    queue.acknowledge(&first).await.unwrap();
    // Messages in the bulk lane may be handed out as well, so nothing is counted before all have been moved.
    let observer = Observer::at(&url).await;
    let live = format!("{}.live", options.prefix);
    let settled = async || {
        let depth = queue.depth().await.unwrap();
        observer.waiting(&live).await == 0 && depth.bulk >= 30 && depth.live + depth.bulk == 40
    };
    until("the backlog is in the bulk lane", settled).await;
    let mut seen = BTreeSet::from_iter(numbers(&first));
    while !seen.contains(&1000) {
        let batch = queue.take(1, TIMEOUT).await.unwrap();
        seen.extend(numbers(&batch));
        queue.acknowledge(&batch).await.unwrap();
    }
    assert!(seen.len() <= 10, "{} events came before it, or with it", seen.len());
    while seen.len() < 41 {
        let batch = queue.take(100, TIMEOUT).await.unwrap();
        seen.extend(numbers(&batch));
        queue.acknowledge(&batch).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_queues_of_a_lane_act_as_one() {
    let queue = connect(&shared().await, &Options { live_queues: 3, bulk_queues: 2, ..options() }).await;
    for number in 0..12 {
        let lane = if number % 2 == 0 { Lane::Live } else { Lane::Bulk };
        queue.publish(&[envelope(number, lane)]).await.unwrap();
    }
    let mut found = Vec::new();
    while found.len() < 12 {
        let batch = queue.take(100, TIMEOUT).await.unwrap();
        found.extend(numbers(&batch));
        queue.acknowledge(&batch).await.unwrap();
    }
    found.sort_unstable();
    assert_eq!(found, (0..12).collect::<Vec<_>>());
}
