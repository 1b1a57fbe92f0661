//! The roles in one process, from their start to their end: what `serve`, `ingest` and `worker` run, and the demo too.
//!
//! A process starts in two steps, because its ledger may be away: [`Standby`] is the ingest endpoint, which answers 503
//! meanwhile, with health and metrics, which say why; [`Stack`] is everything.

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
mod room;
#[cfg(test)]
mod tests;
mod webhook_secrets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ingest::Endpoint;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::Meters;

use self::arrivals::Arrivals;
pub use self::closed::until_complete;
use self::heartbeat::Heartbeat;
pub use self::listeners::Listeners;
use self::needs::LedgerWatch;
use self::room::Room;
use crate::config::Config;
use crate::engines::awaited::Awaited;
use crate::engines::{Engines, Opening};
use crate::failure::Failure;
use crate::health::{self, Health, Pulses};
use crate::metrics::Exporter;
use crate::supervise::Supervisor;

/// Which roles a process has.
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

/// Roles whose ledger may be away still.
pub struct Standby {
    config: Config,
    opening: Opening,
    awaited: Awaited,
    ledger: LedgerWatch,
    room: Room,
    heartbeat: Heartbeat,
    arrivals: Arrivals,
    roles: Roles,
    running: Running,
}

/// Running roles. They go on until [`Stack::stop`].
pub struct Stack {
    engines: Engines,
    running: Running,
}

/// What runs in both.
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
    /// Where what was published at last is to be reported.
    arrivals: Option<(Arrivals, Engines)>,
    deadline: Duration,
}

impl Standby {
    /// Finds the master key, opens the queue, and starts the ingest endpoint and the health server on their listeners.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the key or the queue cannot be used. Nothing runs then.
    pub async fn start(config: &Config, roles: Roles, listeners: Listeners) -> Result<Self, Failure> {
        let opening = Opening::begin_role(config).await?;
        let (health_listener, door_listener, api_listener) = listeners.into_parts()?;
        let (stop, awaited, ledger) = (CancellationToken::new(), Awaited::default(), LedgerWatch::default());
        let pulses = Pulses::new(config.health.stale_after);
        needs::watch_queue(&opening.queue, roles, &pulses);
        needs::watch_ledger(&ledger, config, roles, &pulses);
        let heartbeat = Heartbeat::watched_by(&pulses, config);
        let (room, arrivals) = (Room::default(), Arrivals::default());
        arrivals.watched_by(&pulses, &opening.clock);
        let mut supervisor = Supervisor::new(pulses.clone(), stop.clone());
        let mut endpoint = None;
        if let Some((listener, address)) = door_listener {
            room.watched_by(&pulses);
            let started = endpoint::endpoint(config, &opening, &awaited, room.clone())?;
            endpoint::start(&started, &mut supervisor, listener, address, &stop);
            endpoint = Some((address, started));
        }
        let api = api_listener.map(|listener| api::start(listener, config, &awaited, &mut supervisor, &stop));
        let meters: Option<Arc<Meters>> = roles.worker.then(Arc::default);
        let mut sources = figures::sources(
            &opening.queue.port(),
            &opening.clock,
            (&awaited, config),
            endpoint.as_ref().map(|(_, endpoint)| endpoint),
            meters.as_ref(),
        );
        sources.push(Box::new(room.clone()));
        sources.push(Box::new(arrivals.clone()));
        let health = Health { pulses: pulses.clone(), exporter: Arc::new(Exporter::new(sources)) };
        let health_stop = CancellationToken::new();
        let (listener, address) = health_listener;
        let health_server = tokio::spawn(health::serve(listener, health, health_stop.clone()));
        let running = Running {
            endpoint,
            meters,
            health: address,
            api,
            supervisor,
            pulses,
            stop,
            health_stop,
            health_server,
            arrivals: None,
            deadline: config.shutdown.deadline,
        };
        let config = config.clone();
        Ok(Self { config, opening, awaited, ledger, room, heartbeat, arrivals, roles, running })
    }

    /// Waits for the ledger, however long that takes, and starts what needs it. `None` if `end` was cancelled
    /// meanwhile: then everything has ended in good order.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the ledger cannot be used, and waiting does not mend it.
    pub async fn complete(mut self, end: &CancellationToken) -> Result<Option<Stack>, Failure> {
        let tell = |why| self.ledger.away(why);
        let opened = tokio::select! {
            biased;
            opened = self.awaited.open(&self.opening, tell) => Some(opened),
            () = end.cancelled() => None,
        };
        let started = match opened {
            Some(Ok(engines)) => self.start_the_rest(&engines).await.map(|()| Some(engines)),
            Some(Err(error)) => Err(error.into()),
            None => Ok(None),
        };
        match started {
            Ok(Some(engines)) => Ok(Some(Stack { engines, running: self.running })),
            Ok(None) | Err(_) => {
                self.running.end().await;
                started.map(|_| None)
            }
        }
    }

    async fn start_the_rest(&mut self, engines: &Engines) -> Result<(), Failure> {
        let running = &mut self.running;
        needs::keep_watching(&self.ledger, engines, running);
        self.room.keep_watching(&self.config, engines, running);
        // A process with the API alone neither publishes what it would have to count, nor is anybody's to wait for.
        if let Some(report) = heartbeat::report(self.roles, engines) {
            self.arrivals.keep_watching(&self.config, report.id, engines, running);
            self.heartbeat.keep_beating(&self.config, report, engines, running);
        }
        files::watch(&self.config, &self.opening.queue, engines, running);
        notifier::start(&self.config, engines, running)?;
        match running.meters.clone() {
            Some(meters) => {
                plans::start(engines, running);
                reconciler::start(&self.config, &self.opening.queue, engines, meters, running).await
            }
            None => Ok(()),
        }
    }
}

impl Stack {
    /// Starts the roles, and returns when all of them run: after [`Standby::start`] and [`Standby::complete`].
    ///
    /// # Errors
    ///
    /// [`Failure`] if an engine does not open, or an address cannot be listened on. Nothing runs then.
    pub async fn start(config: &Config, roles: Roles) -> Result<Self, Failure> {
        let standby = Standby::start(config, roles, Listeners::bind(config, roles)?).await?;
        let complete = standby.complete(&CancellationToken::new()).await?;
        complete
            .ok_or_else(|| Failure::refused("ended", "it was told to end while it started", "start it again"))
    }

    /// Where the ingest endpoint listens, if this process has one.
    #[must_use]
    pub fn door_address(&self) -> Option<SocketAddr> {
        self.running.door_address()
    }

    /// Where health and metrics are served.
    #[must_use]
    pub fn health_address(&self) -> SocketAddr {
        self.running.health
    }

    /// Where the HTTP API listens, if this process has one.
    #[must_use]
    pub fn api_address(&self) -> Option<SocketAddr> {
        self.running.api
    }

    /// The engines that the roles work with.
    #[must_use]
    pub fn engines(&self) -> &Engines {
        &self.engines
    }

    /// What the ingest endpoint has counted, if this process has one.
    #[must_use]
    pub fn door_figures(&self) -> Option<ingest::Figures> {
        self.running.endpoint.as_ref().map(|(_, endpoint)| endpoint.figures())
    }

    /// What the worker counts, if this process has one.
    #[must_use]
    pub fn worker_meters(&self) -> Option<&Meters> {
        self.running.meters.as_deref()
    }

    /// How the loops are.
    #[must_use]
    pub fn pulses(&self) -> &Pulses {
        &self.running.pulses
    }

    /// Ends in good order: the ingest endpoint takes nothing new and answers what it has taken, calls under way are
    /// recorded, and the health server goes last. Returns the loops that did not end within `shutdown.deadline` and
    /// were cut off.
    pub async fn stop(self) -> Vec<String> {
        self.running.end().await
    }
}

impl Running {
    fn door_address(&self) -> Option<SocketAddr> {
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
