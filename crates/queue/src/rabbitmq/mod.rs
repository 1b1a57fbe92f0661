//! The engine on RabbitMQ: quorum queues, confirmed publishing, and connections that are replaced if in doubt.
//!
//! Publishing and consuming have a connection each, so that a broker which blocks publishers does not block answers; a
//! supervisor keeps each of them. Consumers start with the first take. A message that is given back stays with this
//! process, because the broker would count it as lost; it goes back to the broker when the process ends or takes no more.
//!
//! Messages carry many envelopes, and AMQP counts messages only: see [`RabbitQueue`] on `depth`.

mod amqp_connection;
mod census;
mod consumer;
mod declare;
mod delivered;
mod deliveries;
mod delivery_buffer;
mod error;
mod fill;
mod foreign;
mod health;
mod management;
mod message;
mod nodes;
mod numbering;
mod options;
mod outlet;
mod port;
mod probe;
mod publisher;
mod publisher_link;
mod pump;
mod pump_reports;
mod receive;
mod rescue;
mod round_robin;
mod supervisor;
mod topology;
mod values;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;
use tokio::task::JoinSet;

pub use error::RabbitError;
pub use health::Health;
pub use management::{LossyPolicy, lossy_policies, virtual_host};
pub use message::TYPE;
pub use options::{LANE_QUEUES, Options};
pub use topology::DELIVERY_LIMIT;

use self::consumer::{ConsumerLink, Consumers};
use self::delivery_buffer::DeliveryBuffer;
use self::fill::Sizes;
use self::message::Outgoing;
use self::nodes::Nodes;
use self::numbering::Numbering;
use self::publisher::Publisher;
use self::publisher_link::PublisherLink;
use self::rescue::Rescue;
use self::supervisor::{State, Supervised as _, states, supervise, up};
use self::topology::Topology;
use crate::{Clock, Lane, pack};

/// A queue on RabbitMQ. Dropping it ends its connections; other processes get the messages that it held.
///
/// `depth` counts a message that waits at the broker as one event, though it may contain up to 256; for messages that
/// processes hold, it knows the events, because it asks the processes. So it is a lower bound, and 0 only if there is no
/// event. Poison counts as bulk. `oldest` is the oldest event that a process holds: those that wait behind it are younger.
/// `stored_bytes` is an estimate. `look` shows nothing: messages at a broker cannot be read without taking them.
pub struct RabbitQueue {
    options: Arc<Options>,
    topology: Arc<Topology>,
    numbering: Numbering,
    buffer: Arc<DeliveryBuffer>,
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
    /// exchange and the queues. If no node answers, it returns a queue that is unavailable until one does.
    ///
    /// # Errors
    /// If it cannot work until somebody changes the configuration or the broker; see [`RabbitError::needs_an_operator`].
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

    /// Connects, declares, checks the permissions of the user, and disconnects: checks whether everything would work now.
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
        let (publisher, consumers) = (states(&clock), states(&clock));
        let sizes = Arc::new(Sizes::default());
        let buffer = Arc::new(DeliveryBuffer::with(&sizes));
        let rescue = Rescue {
            publisher: publisher.clone(),
            topology: Arc::clone(&topology),
            options: Arc::clone(&options),
        };
        let consumer_link = ConsumerLink {
            nodes,
            topology: Arc::clone(&topology),
            options: Arc::clone(&options),
            buffer: Arc::clone(&buffer),
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
            // Only until the supervisor has published the state of the link that is up already.
            drop(up(&publisher, options.answer_time).await);
        }
        let next_key = AtomicUsize::default();
        Self {
            options,
            topology,
            numbering,
            buffer,
            publisher,
            consumers,
            keys,
            next_key,
            clock,
            sizes,
            _supervisors: supervisors,
        }
    }

    /// Does not wait: the caller of `publish` waits for an answer, and tries again.
    fn publisher_now(&self) -> Result<Arc<Publisher>, RabbitError> {
        let state = self.publisher.borrow();
        state.link.clone().ok_or_else(|| state.why.clone())
    }

    /// Chooses a queue of the message's lane: they take turns.
    fn address(&self, message: pack::Message) -> Outgoing {
        let keys = &self.keys[usize::from(message.lane == Lane::Bulk)];
        let turn = self.next_key.fetch_add(1, Ordering::Relaxed);
        let key = keys[turn % keys.len()].clone();
        self.sizes.note(message.body.len());
        let numbers = self.numbering.give(&key, message.events);
        message::outgoing(message, key, numbers, u64::try_from((self.clock)().as_second()).ok())
    }
}
