//! The queue between the ingest endpoint and the worker: holds accepted events until they are absorbed.
//!
//! The port is [`Queue`]: [`Publish`], [`Consume`] and [`Observe`]. It promises that a published event is handed out until
//! it is acknowledged, and that connections take turns. It promises nothing else about order: folding gives the same
//! profiles in whatever order, and however often, envelopes come. Engines: [`sqlite::SqliteQueue`], embedded, and
//! [`rabbitmq::RabbitQueue`]; both pass the suite in `contract` (feature `contract`).
//!
//! The queue knows envelopes, but not the content of their events, and neither the ledger nor HTTP.

mod batch;
#[cfg(feature = "contract")]
pub mod contract;
pub mod envelope;
pub mod error;
pub mod group;
pub mod pack;
pub mod port;
mod published;
pub mod rabbitmq;
pub mod sqlite;

use std::sync::Arc;

pub use batch::Batch;
pub use envelope::{Envelope, FORMAT, Lane};
pub use error::{PublishError, QueueError};
pub use group::{GroupCommit, GroupCounts, GroupLimits};
pub use port::{Consume, Depth, Item, Look, Observe, Publish, Queue, TAKE_BYTES};
pub use published::Published;

/// The time of day, passed in by the creator of an engine.
pub type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;
