//! The engine on RabbitMQ: quorum queues, confirmed publishing, and connections that are replaced whenever in doubt.
//!
//! Publishing and consuming have a connection each, so that a broker which blocks publishers does not block answers; a
//! supervisor keeps each. Consumers start with the first take. A message that is given back stays with this process,
//! for the broker would count it as lost; it goes back to the broker when the process ends or takes no more.
//!
//! Messages carry many envelopes, and AMQP counts messages only: see [`RabbitQueue`] on `depth`.

mod amqp_connection;
mod census;
mod consumer;
mod delivered;
mod error;
mod fill;
mod foreign;
mod health;
mod intake;
mod management;
mod message;
mod nodes;
mod numbering;
mod options;
mod outlet;
mod probe;
mod publisher;
mod pump;
mod rescue;
mod roll_call;
mod supervisor;
mod topology;
mod turns;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::Timestamp;
use lapin::options::BasicAckOptions;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

pub use error::RabbitError;
pub use health::Health;
pub use management::{LossyPolicy, lossy_policies, virtual_host};
pub use message::TYPE;
pub use options::{LANE_QUEUES, Options};
pub use topology::DELIVERY_LIMIT;

use self::consumer::{ConsumerLink, Consumers};
use self::fill::Sizes;
use self::intake::Intake;
use self::message::Outgoing;
use self::nodes::Nodes;
use self::numbering::Numbering;
use self::publisher::{Publisher, PublisherLink, Whose};
use self::rescue::Rescue;
use self::supervisor::{Linked as _, State, board, supervise, up};
use self::topology::Topology;
use crate::published::Numbers;
use crate::{
    Batch, Clock, Consume, Depth, Envelope, Lane, Look, Observe, Publish, PublishError, Published,
    QueueError, pack,
};

/// A queue on RabbitMQ. Dropping it ends its connections; what it held comes back to others.
///
/// `depth` counts messages that wait at the broker as one event each, though they may carry up to 256; of what processes
/// hold it knows the events, because it asks them. So it is a lower bound, and 0 only where there is none. Poison counts
/// as bulk. `oldest` is the oldest that a process holds: those that wait behind are younger. `stored_bytes` is an estimate.
/// `look` shows nothing: a broker cannot be read without taking.
pub struct RabbitQueue {
    options: Arc<Options>,
    topology: Arc<Topology>,
    numbering: Numbering,
    intake: Arc<Intake>,
    publisher: watch::Sender<State<Publisher>>,
    consumers: watch::Sender<State<Consumers>>,
    keys: [Vec<String>; 2],
    next_key: AtomicUsize,
    clock: Clock,
    sizes: Arc<Sizes>,
    /// Aborted when the handle is dropped.
    _supervisors: JoinSet<()>,
}

impl std::fmt::Debug for RabbitQueue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RabbitQueue").field("options", &self.options).finish_non_exhaustive()
    }
}

impl RabbitQueue {
    /// Connects to the first of `urls` that answers (`amqp://` or `amqps://`, the nodes of one cluster) and declares the
    /// exchange and the queues. If no node answers, the queue is there all the same, unavailable until one does.
    ///
    /// # Errors
    /// When it cannot work without somebody changing the configuration or the broker; see
    /// [`RabbitError::needs_an_operator`].
    pub async fn connect(urls: &[String], options: Options, clock: Clock) -> Result<Self, RabbitError> {
        let nodes = Arc::new(Nodes::new(urls)?);
        let topology = Arc::new(Topology::new(&options)?);
        let options = Arc::new(options);
        let link = PublisherLink {
            nodes: Arc::clone(&nodes),
            topology: Arc::clone(&topology),
            options: Arc::clone(&options),
            clock: Arc::clone(&clock),
        };
        let first = link.open().await;
        if let Err(error) = &first
            && error.needs_an_operator()
        {
            return Err(error.clone());
        }
        Ok(Self::start(link, first, nodes, clock).await)
    }

    /// Connects, declares, tries what the user may do, and leaves again: tells whether all would work at once.
    ///
    /// # Errors
    /// See [`RabbitError`].
    pub async fn probe(urls: &[String], options: Options, clock: Clock) -> Result<(), RabbitError> {
        let topology = Arc::new(Topology::new(&options)?);
        let (nodes, options) = (Arc::new(Nodes::new(urls)?), Arc::new(options));
        let link = PublisherLink { nodes, topology, options, clock };
        let publisher = link.open().await?;
        let checked = probe::check(&publisher, &link.topology, &link.options).await;
        link.end(&publisher).await;
        checked
    }

    async fn start(
        link: PublisherLink,
        first: Result<Publisher, RabbitError>,
        nodes: Arc<Nodes>,
        clock: Clock,
    ) -> Self {
        let (options, topology) = (Arc::clone(&link.options), Arc::clone(&link.topology));
        let (publisher, consumers) = (board(&clock), board(&clock));
        let sizes = Arc::new(Sizes::default());
        let intake = Arc::new(Intake::with(&sizes));
        let rescue = Rescue {
            publisher: publisher.clone(),
            topology: Arc::clone(&topology),
            options: Arc::clone(&options),
        };
        let consumer_link = ConsumerLink {
            nodes,
            topology: Arc::clone(&topology),
            options: Arc::clone(&options),
            intake: Arc::clone(&intake),
            rescue: Arc::new(rescue),
            clock: Arc::clone(&clock),
        };
        let is_up = first.is_ok();
        let mut supervisors = JoinSet::new();
        let numbering = Numbering::new(&topology, &clock);
        supervisors.spawn(supervise(Arc::new(link), Some(first), publisher.clone(), Arc::clone(&clock)));
        supervisors.spawn(supervise(Arc::new(consumer_link), None, consumers.clone(), Arc::clone(&clock)));
        let keys = [topology.keys(Lane::Live), topology.keys(Lane::Bulk)];
        if is_up {
            // Only until the supervisor has shown the link that we have already.
            drop(up(&publisher, options.answer_time).await);
        }
        let next_key = AtomicUsize::default();
        Self {
            options,
            topology,
            numbering,
            intake,
            publisher,
            consumers,
            keys,
            next_key,
            clock,
            sizes,
            _supervisors: supervisors,
        }
    }

    /// Without waiting: who publishes has somebody waiting, and tries again.
    fn publisher_now(&self) -> Result<Arc<Publisher>, RabbitError> {
        let state = self.publisher.borrow();
        state.link.clone().ok_or_else(|| state.why.clone())
    }

    /// The queues of a lane take turns.
    fn address(&self, message: pack::Message) -> Outgoing {
        let keys = &self.keys[usize::from(message.lane == Lane::Bulk)];
        let turn = self.next_key.fetch_add(1, Ordering::Relaxed);
        let key = keys[turn % keys.len()].clone();
        self.sizes.note(message.body.len());
        let numbers = self.numbering.give(&key, message.events);
        message::outgoing(message, key, numbers, u64::try_from((self.clock)().as_second()).ok())
    }

    /// Waits for what arrives; a link that fails meanwhile ends the wait.
    async fn take_when_up(&self, max: usize, wait: Duration, except: &[i64]) -> Result<Batch, QueueError> {
        let deadline = Instant::now() + wait;
        let mut state = self.consumers.subscribe();
        loop {
            if let Some(batch) = self.intake.take(max, except, self.options.held_at_most) {
                return Ok(batch);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Batch::empty());
            }
            tokio::select! {
                // Whether it arrived or the time is over is seen above.
                _ = timeout(left, self.intake.arrived.notified()) => {}
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
                self.publisher_now()?.publish(Whose::Lane(lane), messages, &self.options).await?;
                self.numbering.confirm(&numbers);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Consume for RabbitQueue {
    async fn take_except(&self, max: usize, wait: Duration, except: &[i64]) -> Result<Batch, QueueError> {
        let _taker = self.intake.taker();
        let patience = wait.max(self.options.connect_time);
        up(&self.consumers, patience).await?;
        self.take_when_up(max, wait, except).await
    }

    async fn acknowledge(&self, batch: &Batch) -> Result<(), QueueError> {
        let messages = self.intake.settle(&batch.messages);
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
        batch.check(self.intake.put_back(&batch.messages))
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
