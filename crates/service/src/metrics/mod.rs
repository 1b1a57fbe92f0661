//! The process's figures for Prometheus.
//!
//! Other crates count in their own plain types. A [`Source`] copies such figures into a [`Snapshot`] when Prometheus asks;
//! the module `families` gives them their names. Labels come from small closed sets; a connection is named by its id, and of
//! audiences only the largest have one.

mod audiences;
mod exporter;
mod families;
mod family;
mod snapshot;
mod worker_families;

pub use exporter::{Exporter, Source};
pub use snapshot::{
    AudienceFigures, ConnectionFigures, Histogram, IngestFigures, LedgerFigures, LogFigures, QueueFigures,
    RoomFigures, Settling, Snapshot, WorkerFigures,
};
