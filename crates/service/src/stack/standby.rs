//! Roles whose ledger may be away still: the ingest endpoint answers 503, and health and metrics say why.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use worker::Meters;

use super::arrivals::Arrivals;
use super::heartbeat::Heartbeat;
use super::listeners::Listeners;
use super::needs::LedgerWatch;
use super::room::Room;
use super::{
    Roles, Running, Stack, api, endpoint, figures, files, needs, notifier, plans, reconciler, reporter,
};
use crate::config::Config;
use crate::engines::awaited::Awaited;
use crate::engines::{Engines, Opening};
use crate::failure::Failure;
use crate::health::{self, Health, Pulses};
use crate::metrics::Exporter;
use crate::supervise::Supervisor;

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

impl Standby {
    /// Finds the master key, opens the queue, and starts the ingest endpoint and the health server on their listeners.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the key or the queue cannot be used. Nothing runs then.
    pub fn start(
        config: &Config,
        roles: Roles,
        listeners: Listeners,
    ) -> BoxFuture<'_, Result<Self, Failure>> {
        // Boxed, as below, so that it is compiled in this crate and not in each crate that awaits it.
        Self::begin(config, roles, listeners).boxed()
    }

    async fn begin(config: &Config, roles: Roles, listeners: Listeners) -> Result<Self, Failure> {
        let opening = Opening::begin_role(config).await?;
        let (health_listener, ingest_listener, api_listener) = listeners.into_parts()?;
        let (stop, awaited, ledger) = (CancellationToken::new(), Awaited::default(), LedgerWatch::default());
        let pulses = Pulses::new(config.health.stale_after);
        needs::watch_queue(&opening.queue, roles, &pulses);
        needs::watch_ledger(&ledger, config, roles, &pulses);
        let heartbeat = Heartbeat::watched_by(&pulses, config);
        let (room, arrivals) = (Room::default(), Arrivals::default());
        arrivals.watched_by(&pulses, &opening.clock);
        let mut supervisor = Supervisor::new(pulses.clone(), stop.clone());
        let mut endpoint = None;
        if let Some((listener, address)) = ingest_listener {
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

    /// Waits for the ledger, however long that takes, and starts the parts that need it. `None` if `end` was cancelled
    /// meanwhile: then everything has ended in order.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the ledger cannot be used, and waiting does not help.
    pub fn complete(self, end: &CancellationToken) -> BoxFuture<'_, Result<Option<Stack>, Failure>> {
        self.finish(end).boxed()
    }

    async fn finish(mut self, end: &CancellationToken) -> Result<Option<Stack>, Failure> {
        let report = |why| self.ledger.away(why);
        let opened = tokio::select! {
            biased;
            opened = self.awaited.open(&self.opening, report) => Some(opened),
            () = end.cancelled() => None,
        };
        let started = match opened {
            Some(Ok(engines)) => self.start_the_rest(&engines).map(|()| Some(engines)),
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

    fn start_the_rest(&mut self, engines: &Engines) -> Result<(), Failure> {
        let running = &mut self.running;
        needs::keep_watching(&self.ledger, engines, running);
        self.room.keep_watching(&self.config, engines, running);
        // A process with the API alone neither publishes nor delivers events, so it has nothing to report.
        if let Some(report) = reporter::report(self.roles, engines) {
            self.arrivals.keep_watching(&self.config, report.id, engines, running);
            self.heartbeat.keep_beating(&self.config, report, engines, running);
        }
        files::watch(&self.config, &self.opening.queue, engines, running);
        notifier::start(&self.config, engines, running)?;
        match running.meters.clone() {
            Some(meters) => {
                plans::start(engines, running);
                reconciler::start(&self.config, &self.opening.queue, engines, meters, running)
            }
            None => Ok(()),
        }
    }
}
