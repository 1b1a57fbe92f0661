//! The settings of the engine, and the limits that keep it bounded.

use std::fmt;
use std::time::Duration;

/// Maximum number of queues for one lane.
pub const LANE_QUEUES: u16 = 16;

/// How the engine uses its brokers.
#[derive(Clone)]
pub struct Options {
    /// The prefix of the names of the exchange and the queues.
    pub prefix: String,
    /// Queues of the live lane, 1 to [`LANE_QUEUES`]. More of them spread the work over the cores and nodes of a broker.
    pub live_queues: u16,
    /// Queues of the bulk lane, 1 to [`LANE_QUEUES`].
    pub bulk_queues: u16,
    /// Bytes of messages that one lane holds, shared among its queues. Beyond them publishing returns
    /// [`PublishError::Full`](crate::PublishError::Full). It is an argument of the queues: to change it later, the queues
    /// have to be emptied and deleted first.
    pub max_bytes: u64,
    /// Maximum number of messages of one queue that a process holds unacknowledged. A message is 256 KiB at most unless a
    /// single event is larger, so this bounds bytes as well.
    pub prefetch: u16,
    /// Whether missing exchanges and queues are created. A caller that only checks requires them to exist.
    pub declares: bool,
    /// How long one publish may take before its events count as not published.
    pub publish_time: Duration,
    /// How long connecting to one node, with all declarations, may take.
    pub connect_time: Duration,
    /// Time for which new queues are left alone before anything can be published to them. RabbitMQ writes the name of a new
    /// quorum queue to its disk about a second after it was declared. If it is killed before that, it forgets the queue
    /// with all messages that it had confirmed.
    pub settle_time: Duration,
    /// How long any other answer of the broker may take.
    pub answer_time: Duration,
    /// How long a taker may hold a batch before its messages go back to the broker, counted as lost.
    pub held_at_most: Duration,
    /// A process that has not taken for this long stops consuming, so that others get its messages.
    pub idle_after: Duration,
    /// How long a broker may block publishing before the connection is replaced.
    pub blocked_at_most: Duration,
    /// Certificates (PEM) to trust in addition to those of the system, for `amqps://`.
    pub ca_pem: Option<String>,
    /// The name of the connections in the broker's own tools.
    pub connection_name: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: "segment".to_owned(),
            live_queues: 1,
            bulk_queues: 1,
            max_bytes: 4 * 1024 * 1024 * 1024,
            prefetch: 300,
            declares: true,
            publish_time: Duration::from_secs(3),
            connect_time: Duration::from_secs(5),
            settle_time: Duration::from_secs(3),
            answer_time: Duration::from_secs(5),
            held_at_most: Duration::from_secs(60),
            idle_after: Duration::from_secs(30),
            blocked_at_most: Duration::from_secs(30),
            ca_pem: None,
            connection_name: "refersion-destination".to_owned(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("prefix", &self.prefix)
            .field("live_queues", &self.live_queues)
            .field("bulk_queues", &self.bulk_queues)
            .field("max_bytes", &self.max_bytes)
            .field("prefetch", &self.prefetch)
            .finish_non_exhaustive()
    }
}
