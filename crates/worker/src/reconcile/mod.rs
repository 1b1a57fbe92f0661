//! Reconcile: sends Refersion the difference, for one connection, under its lease.

mod answers;
mod batcher;
mod calls;
mod counting;
mod directory;
mod directory_answers;
mod fast_path;
mod happened;
mod ids;
mod interrupted;
mod notes;
mod passes;
mod pause;
mod probe;
mod rate;
mod record;
mod recording;
mod settings;
mod suspend;
mod suspicion;
mod take;
mod verify;
mod wait;

use std::sync::Arc;
use std::time::Duration;

use connections::{Connection, State};
use identity::plan::StepKind;
use jiff::Timestamp;
use ledger::{Fence, LedgerError};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Worker;
use crate::deliver::{Api, Learned, deliver};
use crate::gate::ConnectionGate;
use crate::handoff::HandoffQueue;
use crate::rules::ConnectionCache;
use answers::{Delivered, Unrecorded, is_fenced, may_pass};
use calls::InFlight;
use counting::CountingWalk;
use directory::{Listed, Walker};
use fast_path::HandoffOutcome;
use ids::Ids;
use recording::Recording;
use suspicion::Suspicion;
use wait::still_asked;

/// How early a call is recorded: at most this long before the pace allows it to start.
const RECORD_AHEAD: Duration = Duration::from_millis(100);
/// Maximum number of answers that are recorded in one transaction.
const RECORD_AT_MOST: usize = 256;

/// The lease holder of one connection.
pub struct Holder {
    pub(crate) worker: Worker,
    pub(crate) connection: Arc<Connection>,
    pub(crate) fence: Fence,
    pub(crate) gate: Arc<ConnectionGate>,
    pub(crate) in_flight: InFlight,
    pub(crate) unrecorded: Unrecorded,
    /// The ledger may hold open calls that this holder does not know of; the next holder settles them.
    pub(crate) has_lost_count: bool,
    pub(crate) suspicion: Suspicion,
    /// When the holder last looked for due work and found none.
    pub(crate) found_nothing_at: Option<Instant>,
    /// Facts about the account that calls have revealed since the lease began.
    pub(crate) learned: Arc<Learned>,
    /// The numeric ids of affiliates.
    pub(crate) ids: Arc<Ids>,
    /// Probes without success since the connection was paused.
    pub(crate) probes: u32,
    /// The kind of step whose calls led to the pause, if that is known.
    pub(crate) suspect: Option<StepKind>,
    /// When the worker last ended a pause.
    pub(crate) resumed_at: Option<Timestamp>,
    /// Until when Refersion asked to wait, as recorded in the ledger.
    pub(crate) asked_to_wait_until: Option<Timestamp>,
    /// Number of probes of suspended custom fields without success, and when the next one is due.
    pub(crate) field_probes: (u32, Option<Timestamp>),
    pub(crate) calls_made: u64,
    /// When the learned rate was last recorded.
    pub(crate) rate_remembered_at: Option<Timestamp>,
    /// The settings version that a walk is to apply, and when this holder first saw that.
    pub(crate) walk_since: Option<(i64, Timestamp)>,
    /// The settings version that is known to be applied to all persons.
    walked: Option<i64>,
    /// The walk through the affiliates that Refersion lists.
    pub(crate) walker: Walker,
    counting: CountingWalk,
}

/// A task that ended.
enum Ended {
    /// A call.
    Call(Delivered),
    /// The recording of answers.
    Recording(Recording),
    /// A handoff of absorb.
    Handoff(HandoffOutcome),
    /// A page of Refersion's list.
    Listed(Listed),
}

/// State of one [`Holder::serve`], kept from round to round.
#[derive(Default)]
struct ServeState {
    cache: ConnectionCache,
    under_way: JoinSet<Ended>,
    /// While it exists, absorb may offer folded batches.
    handoffs: Option<HandoffQueue>,
}

/// Why serving a connection ended.
#[derive(Debug)]
pub enum ServeEnd {
    /// The process is stopping.
    Stopped,
    /// The lease is lost, or the connection was removed: nothing may be recorded any more.
    Lost,
}

impl Holder {
    /// A lease holder, before its first call.
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
            unrecorded: Unrecorded::default(),
            has_lost_count: false,
            suspicion: Suspicion::default(),
            found_nothing_at: None,
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
            walker: Walker::default(),
            counting: CountingWalk::default(),
        }
    }

    /// Serves the connection until `stop`, or until the lease is lost. During a temporary failure of the ledger the holder
    /// keeps the lease, the calls that are under way and their answers.
    ///
    /// # Errors
    ///
    /// If the ledger or the connections cannot be read or written; the next holder begins with the calls left open.
    pub async fn serve(&mut self, stop: &CancellationToken) -> Result<ServeEnd, anyhow::Error> {
        self.settle_open_calls().await?;
        let (mut rounds, mut failures) = (ServeState::default(), 0);
        loop {
            let cause = match self.round(&mut rounds, stop).await {
                Ok(Some(left)) => return Ok(left),
                Ok(None) => {
                    failures = 0;
                    continue;
                }
                Err(cause) if is_fenced(&cause) => return Ok(ServeEnd::Lost),
                Err(cause) => cause,
            };
            // While the ledger is unavailable, the holder takes no handoffs: absorb records its batches itself.
            rounds.handoffs = None;
            if self.has_lost_count || !may_pass(&cause) || self.is_over(stop) {
                self.save_answers(&mut rounds.under_way, stop).await;
                return Err(cause);
            }
            self.pause_after(&cause, failures).await;
            failures += 1;
        }
    }

    /// Starts due work and records ended calls, once. Returns why serving ends, if it does.
    async fn round(
        &mut self,
        rounds: &mut ServeState,
        stop: &CancellationToken,
    ) -> anyhow::Result<Option<ServeEnd>> {
        let ServeState { cache, under_way, handoffs } = rounds;
        self.beat();
        if self.in_flight.being_recorded == 0 {
            // Records answers whose recording failed in an earlier round.
            self.record().await?;
        }
        cache.refresh(&self.worker).await?;
        let Some(connection) = cache.get(self.connection.id) else { return Ok(Some(ServeEnd::Lost)) };
        self.adopt(connection);
        let paused = matches!(self.connection.state, State::Paused(_));
        if stop.is_cancelled() && under_way.is_empty() {
            self.remember_rate().await;
            return Ok(Some(ServeEnd::Stopped));
        }
        if paused && under_way.is_empty() {
            // While paused, the holder takes no handoffs. Absorb records its batches itself, also those that still wait in the
            // handoff queue.
            *handoffs = None;
            self.while_paused(cache, stop).await?;
            return Ok(None);
        }
        let handoffs = handoffs.get_or_insert_with(|| self.worker.handoffs.register(self.connection.id));
        let may_start = !paused && !stop.is_cancelled();
        let looks = may_start && self.looks_again();
        let (started, capacity) = match looks {
            true => self.start_calls(under_way).await?,
            false => (0, if may_start { self.room() } else { 0 }),
        };
        handoffs.set_capacity(capacity);
        if looks && started == 0 {
            self.work_while_idle(cache, under_way, capacity > 0).await?;
        }
        let happened = self.wait(under_way, handoffs, started, stop).await?;
        self.end(happened.ended).await?;
        self.begin_recording(under_way);
        for handoff in happened.handoffs {
            self.take_handoff(handoff, capacity, under_way).await?;
        }
        self.note_wait(cache).await;
        self.remember_rate_now_and_then().await;
        if let Some(reaction) = self.reaction() {
            self.react(reaction, cache).await?;
        }
        Ok(None)
    }

    /// Work that has to wait while calls are due. A call for it may be started only if there `is_room`: without room, no due work was
    /// looked for.
    async fn work_while_idle(
        &mut self,
        cache: &mut ConnectionCache,
        under_way: &mut JoinSet<Ended>,
        is_room: bool,
    ) -> anyhow::Result<()> {
        self.apply_settings().await?;
        self.count_audiences().await?;
        self.probe_suspended(cache).await?;
        self.walk_on(under_way, is_room).await
    }

    fn beat(&self) {
        self.worker.beats.beat(&format!("reconcile {}", self.connection.id), self.worker.now());
    }

    /// Takes due work, plans calls, records them and sends them. Returns the number of calls that were started, and the number
    /// of further calls for which there was room when nothing else was due.
    async fn start_calls(&mut self, under_way: &mut JoinSet<Ended>) -> Result<(usize, usize), LedgerError> {
        let room = self.room();
        if room == 0 {
            return Ok((0, 0));
        }
        let planned = self.take(room).await?;
        let started = planned.len();
        if started == 0 {
            self.found_nothing_at = Some(Instant::now());
            return Ok((0, room));
        }
        fault_point!("reconcile.planned");
        let api = Arc::new(self.api().await?);
        let epoch = self.connection.epoch();
        for (call, graphs) in self.write_down(planned).await? {
            let api: Arc<Api> = Arc::clone(&api);
            under_way.spawn(async move {
                let outcomes = fault_point_within!("reconcile.sent", deliver(&api, &call)).await;
                fault_point!("reconcile.answered");
                Ended::Call(Delivered { call, graphs, outcomes, epoch, is_probe: false })
            });
        }
        Ok((started, room - started))
    }

    /// Whether there are calls, sent or about to be sent, whose answers are not recorded.
    #[must_use]
    pub fn has_calls_under_way(&self) -> bool {
        self.in_flight.calls > 0
    }
}
