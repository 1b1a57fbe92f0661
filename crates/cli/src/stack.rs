//! The roles in one process, from their start to their end: what `serve`, `ingest` and `worker` run, and the demo too.

mod door;
mod figures;
mod reconciler;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ingest::Door;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::Worker;

use crate::config::Config;
use crate::engines::Engines;
use crate::failure::Failure;
use crate::health::{self, Health, Pulses};
use crate::metrics::Exporter;
use crate::supervise::Supervisor;

/// Which roles a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// The door.
    pub ingest: bool,
    /// Absorb and reconcile.
    pub worker: bool,
}

impl Roles {
    /// Every role.
    pub const ALL: Self = Self { ingest: true, worker: true };
}

/// Running roles. They go on until [`Stack::stop`].
pub struct Stack {
    engines: Engines,
    door: Option<(SocketAddr, Arc<Door>)>,
    worker: Option<Worker>,
    health: SocketAddr,
    supervisor: Supervisor,
    pulses: Pulses,
    stop: CancellationToken,
    health_stop: CancellationToken,
    health_server: JoinHandle<()>,
    deadline: Duration,
}

impl Stack {
    /// Opens the engines, binds the addresses of `config` (port 0 takes a free one) and starts the roles.
    ///
    /// # Errors
    ///
    /// [`Failure`] if an engine does not open, or an address cannot be listened on. Nothing runs then.
    pub async fn start(config: &Config, roles: Roles) -> Result<Self, Failure> {
        let engines = Engines::open(config).await?;
        let health_listener = listen(config.health.listen, "health.listen").await?;
        let door_listener = match roles.ingest {
            true => Some(listen(config.ingest.listen, "ingest.listen").await?),
            false => None,
        };
        let stop = CancellationToken::new();
        let pulses = Pulses::new(config.health.stale_after);
        let mut supervisor = Supervisor::new(pulses.clone(), stop.clone());
        let worker = match roles.worker {
            true => Some(reconciler::start(config, &engines, &mut supervisor, &pulses, &stop).await?),
            false => None,
        };
        let door = door_listener.map(|(listener, address)| {
            (address, door::start(config, &engines, &mut supervisor, listener, address, &stop))
        });
        let sources = figures::sources(&engines, door.as_ref().map(|(_, door)| door), worker.as_ref());
        let health = Health { pulses: pulses.clone(), exporter: Arc::new(Exporter::new(sources)) };
        let health_stop = CancellationToken::new();
        let (listener, address) = health_listener;
        let health_server = tokio::spawn(health::serve(listener, health, health_stop.clone()));
        Ok(Self {
            engines,
            door,
            worker,
            health: address,
            supervisor,
            pulses,
            stop,
            health_stop,
            health_server,
            deadline: config.shutdown.deadline,
        })
    }

    /// Where the door listens, if this process has one.
    #[must_use]
    pub fn door_address(&self) -> Option<SocketAddr> {
        self.door.as_ref().map(|(address, _)| *address)
    }

    /// Where health and metrics are served.
    #[must_use]
    pub fn health_address(&self) -> SocketAddr {
        self.health
    }

    /// The engines that the roles work with.
    #[must_use]
    pub fn engines(&self) -> &Engines {
        &self.engines
    }

    /// What the door has counted, if this process has one.
    #[must_use]
    pub fn door_figures(&self) -> Option<ingest::Figures> {
        self.door.as_ref().map(|(_, door)| door.figures())
    }

    /// What the worker counts, if this process has one.
    #[must_use]
    pub fn worker_meters(&self) -> Option<&worker::Meters> {
        self.worker.as_ref().map(|worker| worker.meters.as_ref())
    }

    /// How the loops are.
    #[must_use]
    pub fn pulses(&self) -> &Pulses {
        &self.pulses
    }

    /// Ends in good order: the door takes nothing new and answers what it has taken, calls under way are recorded, and the
    /// health server goes last. Returns the loops that did not end within `shutdown.deadline` and were cut off.
    pub async fn stop(self) -> Vec<String> {
        self.stop.cancel();
        let late = self.supervisor.drain(self.deadline).await;
        self.health_stop.cancel();
        if self.health_server.await.is_err() {
            tracing::error!("the health server panicked, which is a bug");
        }
        late
    }
}

/// Listens on `address`, and says which address that is: with port 0 the system chooses.
async fn listen(address: SocketAddr, key: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    bound.await.map_err(|error| {
        let hint = format!("choose another {key}, or end what listens there");
        let failure = Failure::failed("listen", &error, hint);
        Failure { message: format!("cannot listen on {address}: {}", failure.message), ..failure }
    })
}
