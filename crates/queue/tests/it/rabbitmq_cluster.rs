//! A cluster of three nodes that loses one.

use std::sync::Arc;
use std::time::Duration;

use queue::rabbitmq::{Options, RabbitQueue};
use testbed::rabbitmq::Cluster;

use crate::brokers::{Observer, Publishers, clock, options, take_all, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_loses_a_node_loses_no_event() {
    let mut cluster = tokio::task::spawn_blocking(|| Cluster::start(3)).await.unwrap().unwrap();
    let options = Options { settle_time: Options::default().settle_time, ..options() };
    let queue = Arc::new(RabbitQueue::connect(&cluster.urls(), options.clone(), clock()).await.unwrap());
    let live = format!("{}.live", options.prefix);
    let publishers = Publishers::start(&queue, 2);
    let observer = Observer::at(&cluster.nodes[2].url()).await;
    until("some are published", async || observer.waiting(&live).await > 50).await;
    // The queue's leader is the node where it was declared: that node, to which we are connected, is killed.
    tokio::task::block_in_place(|| cluster.nodes[0].kill().unwrap());
    let killed_with = observer.waiting(&live).await;
    until("more are published", async || observer.waiting(&live).await > killed_with + 50).await;
    until("it is well again", async || queue.health().publishing).await;
    let published = publishers.stop().await;
    assert!(published.slowest < options.publish_time + Duration::from_secs(1), "{:?}", published.slowest);
    take_all(&queue, &published.confirmed).await;
}
