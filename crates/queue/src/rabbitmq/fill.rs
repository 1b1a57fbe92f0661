//! Estimates how full the lanes are: AMQP shows how many messages wait, but not how large they are. So each of them counts
//! with the mean size of the messages that this process has published or received.

use std::sync::atomic::{AtomicU64, Ordering};

use lapin::Connection;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use super::error::within;
use super::topology::{Source, Topology};
use super::{Options, RabbitError};
use crate::Lane;

/// The messages that this process has seen.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Sizes {
    pub(super) fn note(&self, bytes: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of a message; `None` before the first.
    fn mean(&self) -> Option<u64> {
        self.bytes.load(Ordering::Relaxed).checked_div(self.messages.load(Ordering::Relaxed))
    }

    /// Bytes that wait in the fuller lane, and their maximum; `None` while the size of no message is known.
    pub(super) fn fuller(&self, waiting: [u64; 2], limits: [u64; 2]) -> Option<(u64, u64)> {
        let mean = if waiting == [0, 0] { 0 } else { self.mean()? };
        let lanes = waiting.into_iter().zip(limits).map(|(messages, limit)| (messages * mean, limit));
        let share = |bytes: u64, of_other: u64| u128::from(bytes) * u128::from(of_other);
        lanes.max_by(|(bytes, limit), (others, others_limit)| {
            share(*bytes, *others_limit).cmp(&share(*others, *limit))
        })
    }
}

/// Messages that wait in each lane: live, then bulk.
pub(super) async fn waiting(
    connection: &Connection,
    topology: &Topology,
    options: &Options,
) -> Result<[u64; 2], RabbitError> {
    let limit = options.answer_time;
    let channel = within(limit, "opening a channel", connection.create_channel()).await?;
    let mut waiting = [0; 2];
    for queue in &topology.queues {
        let Source::Lane(lane) = queue.source else { continue };
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let looking = channel.queue_declare(queue.name.as_str().into(), passive, FieldTable::default());
        let found = within(limit, "counting messages", looking).await?;
        waiting[usize::from(lane == Lane::Bulk)] += u64::from(found.message_count());
    }
    within(limit, "closing a channel", channel.close(200, "counted".into())).await?;
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuller_lane_is_estimated_from_the_average_message_size() {
        let sizes = Sizes::default();
        assert_eq!(sizes.fuller([0, 0], [100, 100]), Some((0, 100)));
        assert_eq!(sizes.fuller([1, 0], [100, 100]), None, "the size of no message is known");
        [10, 30].into_iter().for_each(|bytes| sizes.note(bytes));
        assert_eq!(sizes.fuller([1, 3], [100, 100]), Some((60, 100)));
        assert_eq!(sizes.fuller([2, 3], [50, 100]), Some((40, 50)));
        let gibibyte = 1 << 30;
        assert_eq!(
            sizes.fuller([1, 0], [gibibyte, 4 * gibibyte]),
            Some((20, gibibyte)),
            "however little it is"
        );
    }
}
