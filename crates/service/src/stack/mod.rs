//! The roles in one process, from their start to their end. `serve`, `ingest`, `worker` and the demo run them.
//!
//! A process starts in two steps, because its ledger may be away. [`Standby`] is the ingest endpoint, which answers 503 until
//! then, with health and metrics, which report the reason; [`Stack`] is everything.

mod affiliate_hooks;
mod api;
mod arrivals;
mod closed;
mod endpoint;
mod figures;
pub mod files;
mod growth;
mod heartbeat;
mod listeners;
mod needs;
mod notifier;
mod plans;
mod public_halves;
mod reconciler;
mod registrar;
mod reporter;
mod room;
mod standby;
#[cfg(test)]
mod tests;
mod webhook_secrets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use ingest::Endpoint;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::Meters;

use self::arrivals::Arrivals;
pub use self::closed::until_complete;
pub use self::listeners::Listeners;
pub use self::standby::Standby;
use crate::config::Config;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::health::Pulses;
use crate::supervise::Supervisor;

/// The roles of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// The ingest endpoint.
    pub ingest: bool,
    /// Absorb and reconcile.
    pub worker: bool,
    /// The HTTP API for operators.
    pub api: bool,
}

impl Roles {
    /// Every role.
    pub const ALL: Self = Self { ingest: true, worker: true, api: true };

    /// No role.
    pub const NONE: Self = Self { ingest: false, worker: false, api: false };
}

/// Running roles. They go on until [`Stack::stop`].
pub struct Stack {
    engines: Engines,
    running: Running,
}

/// The parts that run in `Standby` and in `Stack`.
struct Running {
    endpoint: Option<(SocketAddr, Arc<Endpoint>)>,
    meters: Option<Arc<Meters>>,
    health: SocketAddr,
    api: Option<SocketAddr>,
    supervisor: Supervisor,
    pulses: Pulses,
    stop: CancellationToken,
    health_stop: CancellationToken,
    health_server: JoinHandle<()>,
    /// Reports the last published events when everything else has ended.
    arrivals: Option<(Arrivals, Engines)>,
    deadline: Duration,
}

impl Stack {
    /// Starts the roles, and returns when all of them run: after [`Standby::start`] and [`Standby::complete`].
    ///
    /// # Errors
    ///
    /// [`Failure`] if an engine does not open, or an address cannot be listened on. Nothing runs then.
    pub fn start(config: &Config, roles: Roles) -> BoxFuture<'_, Result<Self, Failure>> {
        let started = async move {
            let standby = Standby::start(config, roles, Listeners::bind(config, roles)?).await?;
            let complete = standby.complete(&CancellationToken::new()).await?;
            complete.ok_or_else(|| {
                Failure::refused("ended", "it received a signal to end while it started", "start it again")
            })
        };
        started.boxed()
    }

    /// The address of the ingest endpoint, if this process has one.
    #[must_use]
    pub fn ingest_address(&self) -> Option<SocketAddr> {
        self.running.ingest_address()
    }

    /// The address of health and metrics.
    #[must_use]
    pub fn health_address(&self) -> SocketAddr {
        self.running.health
    }

    /// The address of the HTTP API, if this process has one.
    #[must_use]
    pub fn api_address(&self) -> Option<SocketAddr> {
        self.running.api
    }

    /// The engines that the roles work with.
    #[must_use]
    pub fn engines(&self) -> &Engines {
        &self.engines
    }

    /// The counts of the worker, if this process has one.
    #[must_use]
    pub fn worker_meters(&self) -> Option<&Meters> {
        self.running.meters.as_deref()
    }

    /// The state of the loops.
    #[must_use]
    pub fn pulses(&self) -> &Pulses {
        &self.running.pulses
    }

    /// Stops in order: the ingest endpoint accepts nothing new and answers the requests under way, calls under way are
    /// recorded, and the health server stops last. Returns the loops that did not end within `shutdown.deadline` and were
    /// aborted.
    pub async fn stop(self) -> Vec<String> {
        self.running.end().await
    }
}

impl Running {
    fn ingest_address(&self) -> Option<SocketAddr> {
        self.endpoint.as_ref().map(|(address, _)| *address)
    }

    async fn end(self) -> Vec<String> {
        self.stop.cancel();
        let late = self.supervisor.drain(self.deadline).await;
        if let Some((arrivals, engines)) = &self.arrivals {
            arrivals.end(engines).await;
        }
        self.health_stop.cancel();
        if self.health_server.await.is_err() {
            tracing::error!("the health server panicked, which is a bug");
        }
        late
    }
}
