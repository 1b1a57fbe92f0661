//! Reconcile: tell Refersion the difference, for one connection, under its lease.

mod batcher;
mod calls;
mod fast_path;
mod ids;
mod notes;
mod pause;
mod probe;
mod rate;
mod record;
mod settings;
mod suspend;
mod suspicion;
mod take;
mod wait;

use std::sync::Arc;
use std::time::Duration;

use connections::{Connection, Epoch, State};
use identity::plan::StepKind;
use jiff::Timestamp;
use ledger::{Fence, GraphId, LedgerError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::Worker;
use crate::deliver::{Api, Call, CallOutcome, Learned, deliver};
use crate::gate::ConnectionGate;
use crate::handoff::{Handoff, HandoffQueue};
use crate::rules::Known;
use calls::InFlight;
use fast_path::FastPathOutcome;
use ids::Ids;
use record::Recorder;
use suspicion::Suspicion;
use wait::still_asked;

/// Calls are written down this much ahead of the moment in which they may start.
const AHEAD: Duration = Duration::from_millis(100);
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
    /// What calls have taught about the account since the lease began.
    pub(crate) learned: Arc<Learned>,
    /// The numeric ids that affiliates have.
    pub(crate) ids: Arc<Ids>,
    /// Probes without success since the connection was paused.
    pub(crate) probes: u32,
    /// The kind of step whose calls led to the pause, if that is known.
    pub(crate) suspect: Option<StepKind>,
    /// When the worker last ended a pause.
    pub(crate) resumed_at: Option<Timestamp>,
    /// Until when Refersion asked to wait, as it is noted in the ledger.
    pub(crate) asked_to_wait_until: Option<Timestamp>,
    /// When suspended custom fields are probed next, and how often they were in vain.
    pub(crate) field_probes: (u32, Option<Timestamp>),
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
            learned: Arc::default(),
            ids: Arc::new(Ids::new(&worker.ledger, connection.id)),
            probes: 0,
            suspect: None,
            resumed_at: None,
            asked_to_wait_until: still_asked(connection, worker.now()),
            field_probes: (0, None),
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
                self.probe_suspended(&mut known).await?;
            }
            let happened = self.wait(&mut under_way, &mut handoff_queue, started, stop).await?;
            match self.end(happened.ended).await {
                Ok(()) => {}
                Err(cause) if is_fenced(&cause) => return Ok(Left::Lost),
                Err(cause) => return Err(cause),
            }
            for handoff in happened.handoffs {
                self.take_handoff(handoff, capacity, &mut under_way).await;
            }
            self.note_wait(&mut known).await;
            self.remember_rate_now_and_then().await;
            if let Some(verdict) = self.verdict() {
                self.obey(verdict, &mut known).await?;
            }
        }
    }

    fn beat(&self) {
        self.worker.beats.beat(&format!("reconcile {}", self.connection.id), self.worker.now());
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
        Recorder { worker, connection, fence: self.fence, is_lenient: false }
    }
}

fn is_fenced(cause: &anyhow::Error) -> bool {
    matches!(cause.downcast_ref::<LedgerError>(), Some(LedgerError::Fenced))
}
