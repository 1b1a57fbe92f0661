//! Implements the port: publishing, consuming, and observing the queue.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::Timestamp;
use lapin::options::BasicAckOptions;
use tokio::time::{Instant, timeout};

use super::error::RabbitError;
use super::message::Outgoing;
use super::publisher::Origin;
use super::supervisor::up;
use super::{RabbitQueue, census, fill};
use crate::published::Numbers;
use crate::{
    Batch, Consume, Depth, Envelope, Lane, Look, Observe, Publish, PublishError, Published, QueueError, pack,
};

impl RabbitQueue {
    /// Waits for messages; if the link fails meanwhile, the wait ends.
    async fn take_when_up(&self, max: usize, wait: Duration, except: &[i64]) -> Result<Batch, QueueError> {
        let deadline = Instant::now() + wait;
        let mut state = self.consumers.subscribe();
        loop {
            if let Some(batch) = self.buffer.take(max, except, self.options.held_at_most) {
                return Ok(batch);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Batch::empty());
            }
            tokio::select! {
                // The next round of the loop finds out whether something arrived or the time is over.
                _ = timeout(left, self.buffer.arrived.notified()) => {}
                down = state.wait_for(|state| state.link.is_none()) => {
                    let why = down.map_or(RabbitError::Closed, |state| state.why.clone());
                    return Err(why.into());
                }
            }
        }
    }
}

#[async_trait]
impl Publish for RabbitQueue {
    async fn publish(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        let (live, bulk): (Vec<_>, Vec<_>) =
            pack::pack(envelopes)?.into_iter().partition(|message| message.lane == Lane::Live);
        for (lane, messages) in [(Lane::Live, live), (Lane::Bulk, bulk)] {
            let messages: Vec<Outgoing> = messages.into_iter().map(|message| self.address(message)).collect();
            if !messages.is_empty() {
                let numbers: Vec<Numbers> = messages.iter().filter_map(|message| message.numbers).collect();
                self.publisher_now()?.publish(Origin::Lane(lane), messages, &self.options).await?;
                self.numbering.confirm(&numbers);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Consume for RabbitQueue {
    async fn take_except(&self, max: usize, wait: Duration, except: &[i64]) -> Result<Batch, QueueError> {
        let _taker = self.buffer.taker();
        let patience = wait.max(self.options.connect_time);
        up(&self.consumers, patience).await?;
        self.take_when_up(max, wait, except).await
    }

    async fn acknowledge(&self, batch: &Batch) -> Result<(), QueueError> {
        let messages = self.buffer.settle(&batch.messages);
        let acks = messages.iter().map(|message| message.acker.ack(BasicAckOptions::default()));
        let limit = self.options.answer_time;
        let Ok(answers) = timeout(limit, join_all(acks)).await else {
            let slow = RabbitError::TooSlow { doing: "acknowledging", limit };
            if let Some(link) = &self.consumers.borrow().link {
                link.fail(slow.clone());
            }
            return Err(slow.into());
        };
        // `Ok(false)` means that nothing was sent: the channel is gone, and the message with it.
        let answered = answers.iter().filter(|answer| matches!(answer, Ok(true))).count();
        batch.check(answered)
    }

    async fn release(&self, batch: &Batch) -> Result<(), QueueError> {
        batch.check(self.buffer.put_back(&batch.messages))
    }
}

#[async_trait]
impl Observe for RabbitQueue {
    async fn depth(&self) -> Result<Depth, QueueError> {
        let publisher = up(&self.publisher, self.options.answer_time).await?;
        Ok(census::count(&publisher.link.connection, &self.topology, &self.options).await?.depth)
    }

    async fn oldest(&self) -> Result<Option<Timestamp>, QueueError> {
        let publisher = up(&self.publisher, self.options.answer_time).await?;
        let counted = census::count(&publisher.link.connection, &self.topology, &self.options).await?;
        Ok(counted.oldest.and_then(|second| Timestamp::from_second(i64::try_from(second).ok()?).ok()))
    }

    async fn stored_bytes(&self) -> Result<Option<(u64, u64)>, QueueError> {
        let publisher = up(&self.publisher, self.options.answer_time).await?;
        let waiting = fill::waiting(&publisher.link.connection, &self.topology, &self.options).await?;
        Ok(self.sizes.fuller(waiting, self.topology.lane_limits()))
    }

    fn published(&self) -> Option<Vec<Published>> {
        Some(self.numbering.published())
    }

    async fn look(&self, _limit: usize) -> Result<Look, QueueError> {
        Ok(Look { envelopes: Vec::new(), complete: false })
    }
}
