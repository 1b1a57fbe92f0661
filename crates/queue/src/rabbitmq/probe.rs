//! Checks whether the user may do everything that the engine does, and leaves nothing behind.

use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;

use super::error::within;
use super::publisher::Publisher;
use super::topology::{Source, Topology};
use super::{Options, RabbitError};

/// Publishes to no queue, and consumes the poison queue for a moment. All queues are known to be declared.
pub(super) async fn check(
    publisher: &Publisher,
    topology: &Topology,
    options: &Options,
) -> Result<(), RabbitError> {
    publisher.try_publishing(options).await?;
    let poison = topology.queues.iter().filter(|queue| queue.source == Source::Poison);
    for queue in poison {
        may_consume(publisher, topology, &queue.name, options).await?;
    }
    Ok(())
}

async fn may_consume(
    publisher: &Publisher,
    topology: &Topology,
    queue: &str,
    options: &Options,
) -> Result<(), RabbitError> {
    let limit = options.answer_time;
    let opening = publisher.link.connection.create_channel();
    let channel = within(limit, "opening a channel", opening).await?;
    let qos = channel.basic_qos(1, BasicQosOptions::default());
    within(limit, "setting the prefetch", qos).await?;
    let (plain, nothing) = (BasicConsumeOptions::default(), FieldTable::default());
    let consuming = channel.basic_consume(queue.into(), "".into(), plain, nothing);
    topology.explained(within(limit, "trying to consume", consuming).await, queue)?;
    // Messages that were delivered go back with the channel.
    within(limit, "closing a channel", channel.close(200, "tried".into())).await
}
