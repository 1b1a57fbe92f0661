//! Reconcile: tell Refersion the difference, for one connection, under its lease.

mod batcher;
mod calls;
mod fast_path;
mod pause;
mod rate;
mod record;
mod settings;
mod suspicion;
mod take;

use std::sync::Arc;
use std::time::Duration;

use connections::{Connection, Epoch, State};
use jiff::Timestamp;
use ledger::{Fence, GraphId, LedgerError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::Worker;
use crate::deliver::{Api, Call, CallOutcome, deliver};
use crate::gate::ConnectionGate;
use crate::handoff::{Handoff, HandoffQueue};
use crate::rules::Known;
use calls::InFlight;
use fast_path::FastPathOutcome;
use record::Recorder;
use suspicion::Suspicion;

/// Calls are written down this much ahead of the moment in which they may start.
const AHEAD: Duration = Duration::from_millis(100);
/// How long reconcile sleeps at most when nothing is due.
const IDLE: Duration = Duration::from_millis(500);
/// How many answers are recorded in one transaction at most.
const RECORD_AT_MOST: usize = 256;

/// One connection, served under its lease.
pub struct Holder {
    pub(crate) worker: Worker,
    pub(crate) connection: Arc<Connection>,
    pub(crate) fence: Fence,
    pub(crate) gate: Arc<ConnectionGate>,
    pub(crate) in_flight: InFlight,
    pub(crate) suspicion: Suspicion,
    /// Probes in vain since the connection was paused.
    pub(crate) probes: u32,
    pub(crate) calls_made: u64,
    /// When the learned rate was last written down.
    pub(crate) rate_remembered_at: Option<Timestamp>,
    /// Since when the walk for a settings version has been asked for.
    pub(crate) walk_since: Option<(i64, Timestamp)>,
    /// The settings version that is known to be applied to everybody.
    walked: Option<i64>,
}

/// What came to its end.
enum Ended {
    /// A call.
    Call(Delivered),
    /// What absorb offered.
    Handoff(FastPathOutcome),
}

/// What happened while there was nothing to start.
#[derive(Default)]
struct Happened {
    ended: Vec<Ended>,
    handoffs: Vec<Handoff>,
}

/// A call that ended.
struct Delivered {
    job: Call,
    graphs: Vec<GraphId>,
    endings: Vec<CallOutcome>,
    /// What was in force when it was planned.
    epoch: Epoch,
}

/// Why serving a connection ended.
#[derive(Debug)]
pub enum Left {
    /// The process is stopping.
    Stopped,
    /// The lease is lost, or the connection gone: nothing in hand may be recorded.
    Lost,
}

impl Holder {
    /// The holder of a lease, before its first call.
    #[must_use]
    pub fn new(
        worker: &Worker,
        connection: &Arc<Connection>,
        fence: Fence,
        gate: &Arc<ConnectionGate>,
    ) -> Self {
        Self {
            worker: worker.clone(),
            connection: Arc::clone(connection),
            fence,
            gate: Arc::clone(gate),
            in_flight: InFlight::default(),
            suspicion: Suspicion::default(),
            probes: 0,
            calls_made: 0,
            rate_remembered_at: None,
            walk_since: None,
            walked: None,
        }
    }

    /// Serves the connection until `stop`, or until the lease is lost.
    ///
    /// # Errors
    ///
    /// If the ledger or the connections cannot be read or written; whoever takes over begins with the calls left open.
    pub async fn serve(&mut self, stop: &CancellationToken) -> Result<Left, anyhow::Error> {
        self.settle_open_calls().await?;
        let mut known = Known::default();
        let mut under_way: JoinSet<Ended> = JoinSet::new();
        let mut handoff_queue = self.worker.handoffs.register(self.connection.id);
        loop {
            self.beat();
            known.refresh(&self.worker).await?;
            let Some(connection) = known.get(self.connection.id) else { return Ok(Left::Lost) };
            self.adopt(connection);
            let paused = matches!(self.connection.state, State::Paused(_));
            let (started, capacity) = match stop.is_cancelled() || paused {
                true => (0, 0),
                false => self.start_calls(&mut under_way).await?,
            };
            handoff_queue.set_capacity(capacity);
            if stop.is_cancelled() && under_way.is_empty() {
                self.remember_rate().await;
                return Ok(Left::Stopped);
            }
            if paused && under_way.is_empty() {
                // While paused, the holder takes no handoffs; absorb records its batches itself, also one it offered a
                // moment ago.
                drop(handoff_queue);
                self.while_paused(&mut known, stop).await?;
                handoff_queue = self.worker.handoffs.register(self.connection.id);
                continue;
            }
            if started == 0 && !paused && !stop.is_cancelled() {
                self.apply_settings().await?;
            }
            let happened = self.wait(&mut under_way, &mut handoff_queue, started, stop).await?;
            match self.end(happened.ended).await {
                Ok(()) => {}
                Err(cause) if is_fenced(&cause) => return Ok(Left::Lost),
                Err(cause) => return Err(cause),
            }
            for handoff in happened.handoffs {
                self.carry(handoff, capacity, &mut under_way).await;
            }
            self.remember_rate_now_and_then().await;
            if let Some(verdict) = self.worker_should_pause() {
                self.pause(verdict, &mut known).await?;
            }
        }
    }

    fn beat(&self) {
        self.worker.beats.beat(&format!("reconcile {}", self.connection.id), self.worker.now());
    }

    fn adopt(&mut self, connection: Arc<Connection>) {
        if self.connection.state != State::Active && connection.state == State::Active {
            // Whoever resumes it wants to see calls.
            self.forget_failures();
        }
        if connection.settings_version != self.connection.settings_version {
            info!(connection = %connection.name, id = connection.id, "the settings have changed");
        }
        if connection.epoch() != self.connection.epoch() {
            self.suspicion = Suspicion::default();
        }
        let ceiling = connection.settings.rate_per_second;
        self.gate.with_pace(|pace, now| pace.set_ceiling(ceiling, now));
        self.connection = connection;
    }

    /// Takes what is due, plans it, writes it down and sends it. Returns how many calls were started, and for how many
    /// more there was room when nothing else was due.
    async fn start_calls(&mut self, under_way: &mut JoinSet<Ended>) -> Result<(usize, usize), LedgerError> {
        let room = self.room();
        if room == 0 {
            return Ok((0, 0));
        }
        let planned = self.take(room).await?;
        let started = planned.len();
        if started == 0 {
            return Ok((0, room));
        }
        fault_point!("reconcile.planned");
        let api = Arc::new(self.api().await?);
        let epoch = self.connection.epoch();
        for (job, graphs) in self.write_down(planned).await? {
            let api: Arc<Api> = Arc::clone(&api);
            under_way.spawn(async move {
                let endings = fault_point_within!("reconcile.sent", deliver(&api, &job)).await;
                fault_point!("reconcile.answered");
                Ended::Call(Delivered { job, graphs, endings, epoch })
            });
        }
        Ok((started, room - started))
    }

    /// Whether calls were sent, or are about to be, whose answers are not recorded.
    #[must_use]
    pub fn has_calls_under_way(&self) -> bool {
        self.in_flight.calls > 0
    }

    /// How many calls can be written down now. Under a lease that ends too soon it is none: each would come back unsent
    /// at once, over and over.
    fn room(&self) -> usize {
        if !self.gate.lease_outlasts_a_call() {
            return 0;
        }
        self.gate.with_pace(|pace, now| pace.room(now, AHEAD, self.in_flight.calls))
    }

    /// Waits until calls have ended, absorb offers something, or there may be something to start.
    async fn wait(
        &self,
        under_way: &mut JoinSet<Ended>,
        handoff_queue: &mut HandoffQueue,
        started: usize,
        stop: &CancellationToken,
    ) -> Result<Happened, anyhow::Error> {
        let mut happened = Happened::default();
        let patience = self.patience(started).await?;
        let woken = Arc::clone(&handoff_queue.woken);
        tokio::select! {
            biased;
            Some(first) = under_way.join_next() => happened.ended.push(first?),
            Some(handoff) = handoff_queue.handoffs.recv() => happened.handoffs.push(handoff),
            () = woken.notified() => {}
            () = stop.cancelled(), if under_way.is_empty() => {}
            () = tokio::time::sleep(patience) => {}
        }
        while happened.ended.len() < RECORD_AT_MOST {
            match under_way.try_join_next() {
                Some(next) => happened.ended.push(next?),
                None => break,
            }
        }
        while let Ok(handoff) = handoff_queue.handoffs.try_recv() {
            happened.handoffs.push(handoff);
        }
        Ok(happened)
    }

    /// Records what ended.
    async fn end(&mut self, ended: Vec<Ended>) -> anyhow::Result<()> {
        let mut calls = Vec::new();
        for one in ended {
            match one {
                Ended::Call(delivered) => calls.push(delivered),
                Ended::Handoff(outcome) => self.finish_handoff(outcome)?,
            }
        }
        self.record(calls).await
    }

    fn recorder(&self) -> Recorder {
        let (worker, connection) = (self.worker.clone(), Arc::clone(&self.connection));
        Recorder { worker, connection, fence: self.fence }
    }

    /// How long nothing can be started, as far as is known.
    async fn patience(&self, started: usize) -> Result<Duration, LedgerError> {
        if started > 0 {
            return Ok(AHEAD.min(Duration::from_millis(10)));
        }
        if self.room() == 0 {
            return Ok(Duration::from_millis(20));
        }
        let now = self.worker.now();
        let due = self.worker.ledger.next_due(self.connection.id).await?;
        let wait = due.map_or(IDLE, |due| Duration::try_from(due.duration_since(now)).unwrap_or_default());
        // What is due already and was not taken has a call under way, whose end wakes us, or cannot be told.
        Ok(wait.clamp(AHEAD, IDLE))
    }
}

fn is_fenced(cause: &anyhow::Error) -> bool {
    matches!(cause.downcast_ref::<LedgerError>(), Some(LedgerError::Fenced))
}
