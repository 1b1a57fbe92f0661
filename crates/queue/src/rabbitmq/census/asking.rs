//! The counting side of the census: asks every process how many events it holds, until all have answered and nothing moves.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection};
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::super::delivered::Held;
use super::super::error::within;
use super::super::topology::{Source, Topology};
use super::super::{Options, RabbitError};
use super::{Answer, Answers, Place, QUESTION};
use crate::{Depth, Lane};

/// How often a lane that seems empty is looked at again while something moves in it.
const LOOKS: usize = 5;

/// Wait between two looks, so that messages on their way from the broker to a process arrive and are counted.
const PAUSE: Duration = Duration::from_millis(30);

/// How long answers are awaited before all processes are asked again.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Time in milliseconds after which the broker drops a question that nobody has taken.
const QUESTION_LASTS: &str = "5000";

/// The result of a count.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Counted {
    /// The events of each lane.
    pub(in super::super) depth: Depth,
    /// The second in which the oldest event that any process holds was accepted. Events that wait behind it at the broker
    /// are younger.
    pub(in super::super) oldest: Option<u64>,
}

/// Counts the events of each lane.
pub(in super::super) async fn count(
    connection: &Connection,
    topology: &Topology,
    options: &Options,
) -> Result<Counted, RabbitError> {
    let name = format!("{}.census.{}", topology.exchange, Uuid::from_u128(rand::random()));
    let mut asking = Asking {
        place: Place::named(connection, topology, options, name.clone(), &name).await?,
        topology,
        limit: options.answer_time,
        rounds: 0,
    };
    let counted = asking.count().await;
    let closing = asking.place.channel.close(200, "counted".into());
    let closed = within(options.answer_time, "closing a channel", closing).await;
    counted.and_then(|counted| closed.map(|()| counted))
}

/// One count.
struct Asking<'a> {
    place: Place,
    topology: &'a Topology,
    limit: Duration,
    rounds: u32,
}

impl Asking<'_> {
    async fn count(&mut self) -> Result<Counted, RabbitError> {
        let mut before = self.round().await?;
        let mut depth = Depth::default();
        for _ in 0..LOOKS {
            depth = sum(self.waiting().await?, &before);
            let oldest = oldest(&before);
            if depth.live > 0 && depth.bulk > 0 {
                return Ok(Counted { depth, oldest });
            }
            sleep(PAUSE).await;
            let after = self.round().await?;
            let is_known = [
                depth.live > 0 || is_quiet(&before, &after, |held| (held.live, held.live_came)),
                depth.bulk > 0 || is_quiet(&before, &after, |held| (held.bulk, held.bulk_came)),
            ];
            if is_known == [true, true] {
                return Ok(Counted { depth, oldest });
            }
            before = after;
        }
        // Events went through a lane that looked empty all the time: at least one was there.
        let depth = Depth { live: depth.live.max(1), bulk: depth.bulk.max(1) };
        Ok(Counted { depth, oldest: oldest(&before) })
    }

    /// Asks all processes until all answer: a process may end, or another begin, after the consumers were counted.
    async fn round(&mut self) -> Result<Answers, RabbitError> {
        let end = Instant::now() + self.limit;
        while Instant::now() < end {
            let expected = self.processes().await?;
            let answers = self.ask(expected, end.min(Instant::now() + ANSWER_TIME)).await?;
            if answers.len() >= expected {
                return Ok(answers);
            }
        }
        Err(RabbitError::TooSlow {
            doing: "asking all processes for the events that they hold",
            limit: self.limit,
        })
    }

    /// Asks all processes once and waits for `expected` answers, at most until `end`.
    async fn ask(&mut self, expected: usize, end: Instant) -> Result<Answers, RabbitError> {
        self.rounds += 1;
        let round = self.rounds.to_string();
        let properties = BasicProperties::default()
            .with_reply_to(self.place.name.as_str().into())
            .with_correlation_id(round.as_str().into())
            .with_expiration(QUESTION_LASTS.into());
        let (exchange, plain) = (self.place.exchange.as_str(), BasicPublishOptions::default());
        let asking =
            self.place.channel.basic_publish(exchange.into(), QUESTION.into(), plain, &[], properties);
        within(self.limit, "asking for the held events", async { asking.await.map(drop) }).await?;
        let mut answers = Answers::new();
        while answers.len() < expected {
            let Ok(next) = timeout_at(end, self.place.consumer.next()).await else { break };
            let next = next.ok_or_else(|| RabbitError::Cancelled { queue: self.place.name.clone() })?;
            let next = next.map_err(RabbitError::broker("asking for the held events"))?;
            let is_of_this_round =
                next.properties.correlation_id().as_ref().is_some_and(|id| id.as_str() == round);
            if let (true, Ok(answer)) = (is_of_this_round, serde_json::from_slice::<Answer>(&next.data)) {
                answers.insert(answer.link, answer.held);
            }
        }
        Ok(answers)
    }

    /// Number of processes that consume: each consumes the poison queue once, as long as it consumes at all.
    async fn processes(&self) -> Result<usize, RabbitError> {
        let poison = self.topology.queues.iter().find(|queue| queue.source == Source::Poison);
        let Some(poison) = poison else { return Ok(0) };
        let found = self.look(&poison.name).await?;
        Ok(usize::try_from(found.consumer_count()).unwrap_or(usize::MAX))
    }

    /// Waiting messages, counted as one event each, because their number of events is not known.
    async fn waiting(&self) -> Result<Depth, RabbitError> {
        let mut depth = Depth::default();
        for queue in &self.topology.queues {
            let waiting = u64::from(self.look(&queue.name).await?.message_count());
            match queue.source {
                Source::Lane(Lane::Live) => depth.live += waiting,
                Source::Lane(Lane::Bulk) | Source::Poison => depth.bulk += waiting,
            }
        }
        Ok(depth)
    }

    async fn look(&self, queue: &str) -> Result<lapin::Queue, RabbitError> {
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let looking = self.place.channel.queue_declare(queue.into(), passive, FieldTable::default());
        within(self.limit, "counting messages", looking).await
    }
}

fn sum(waiting: Depth, answers: &Answers) -> Depth {
    let held = |of: fn(&Held) -> u64| answers.values().map(of).sum::<u64>();
    Depth { live: waiting.live + held(|held| held.live), bulk: waiting.bulk + held(|held| held.bulk) }
}

fn oldest(answers: &Answers) -> Option<u64> {
    answers.values().filter_map(|held| held.oldest).min()
}

/// Whether the same processes hold nothing of a lane, and nothing of it has come to any of them in between.
fn is_quiet(before: &Answers, after: &Answers, lane: fn(&Held) -> (u64, u64)) -> bool {
    let quiet = |(link, held): (&Uuid, &Held)| {
        lane(held).0 == 0 && after.get(link).is_some_and(|later| lane(later) == lane(held))
    };
    before.len() == after.len() && before.iter().all(quiet)
}

#[cfg(test)]
#[path = "asking_tests.rs"]
mod tests;
