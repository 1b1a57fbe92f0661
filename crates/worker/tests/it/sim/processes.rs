//! The worker processes: started, killed, frozen, and started again.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::harness::Harness;
use super::ledger_port::LedgerPort;
use super::network::Network;
use super::process::{Process, State};
use super::queue_port::QueuePort;
use super::store_port::StorePort;

/// The longest time until a dead worker is started again, in milliseconds.
const RESTARTED_WITHIN: u64 = 20_000;
/// The longest time for which a worker is frozen, in milliseconds: longer than its lease.
const FROZEN_FOR: u64 = 40_000;

/// The shortest time for which a worker is frozen at a chosen step, in milliseconds: by then another one has its lease.
const FROZEN_AT_LEAST: u64 = 20_000;

/// One place for a worker, with the process that is in it.
struct WorkerSlot {
    process: Arc<Process>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    next: Option<Instant>,
}

/// All worker processes.
pub(crate) struct Processes {
    dice: Dice,
    slots: Vec<WorkerSlot>,
    started: usize,
}

impl Processes {
    pub(crate) fn start(harness: &Harness, dice: Dice, workers: u64) -> Self {
        let mut processes = Self { dice, slots: Vec::new(), started: 0 };
        for _ in 0..workers {
            let slot = processes.begin(harness);
            processes.slots.push(slot);
        }
        processes
    }

    fn begin(&mut self, harness: &Harness) -> WorkerSlot {
        self.started += 1;
        let process = Process::new(self.started, self.dice.split(), Arc::clone(&harness.engine_faults));
        let worker = worker::Worker {
            queue: Arc::new(QueuePort {
                process: Arc::clone(&process),
                inner: harness.queue.clone(),
                published: Arc::clone(&harness.published),
            }),
            ledger: Arc::new(LedgerPort {
                process: Arc::clone(&process),
                inner: harness.ledger.clone(),
                planted_bug: harness.planted_bug,
                watch: harness.watch.clone(),
                before_recording: None,
                reported_as_failed: Arc::default(),
            }),
            connections: Arc::new(StorePort { process: Arc::clone(&process), inner: harness.ledger.clone() }),
            transport: Arc::new(Network {
                process: Arc::clone(&process),
                dice: self.dice.split(),
                refersion: Arc::clone(&harness.refersion),
            }),
            vault: harness.vault.clone(),
            clock: Arc::clone(&harness.clock),
            randomness: Arc::new(self.dice.split()),
            limits: harness.limits.clone(),
            meters: Arc::default(),
            beats: Arc::default(),
            handoffs: Arc::default(),
            locks: Arc::default(),
            audiences: Arc::default(),
            directories: Arc::default(),
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker::serve::run(worker, stop.clone()));
        WorkerSlot { process, stop, task, next: None }
    }

    /// Disturbs one of them: kills, stops or freezes it.
    pub(crate) fn disturb(&mut self) {
        let now = Instant::now();
        let index = usize::try_from(self.dice.below(self.slots.len() as u64)).expect("a processes is small");
        let (restart, thaw) = (self.dice.millis(RESTARTED_WITHIN), self.dice.millis(FROZEN_FOR));
        let slot = &mut self.slots[index];
        match self.dice.below(5) {
            0 => slot.process.set_state(State::Dead),
            1 => {
                slot.stop.cancel();
                slot.next.get_or_insert(now + restart);
            }
            _ if slot.process.state() == State::Alive && !slot.stop.is_cancelled() => {
                slot.process.set_state(State::Frozen);
                slot.next = Some(now + thaw);
            }
            _ => {}
        }
    }

    /// Whether one of them is frozen.
    pub(crate) fn any_is_frozen(&self) -> bool {
        self.slots.iter().any(|slot| slot.process.state() == State::Frozen)
    }

    /// Does all due work: resumes frozen workers, starts dead or stopped ones.
    pub(crate) fn supervise(&mut self, harness: &Harness) {
        let now = Instant::now();
        for index in 0..self.slots.len() {
            let restart = self.dice.millis(RESTARTED_WITHIN);
            let slot = &mut self.slots[index];
            let due = slot.next.is_some_and(|next| next <= now);
            match slot.process.state() {
                State::Frozen if slot.next.is_none() => {
                    let more = self.dice.millis(FROZEN_FOR - FROZEN_AT_LEAST);
                    slot.next = Some(now + Duration::from_millis(FROZEN_AT_LEAST) + more);
                }
                State::Frozen if due => {
                    slot.process.set_state(State::Alive);
                    slot.next = slot.stop.is_cancelled().then(|| now + restart);
                }
                State::Dead if slot.next.is_none() => {
                    slot.task.abort();
                    slot.next = Some(now + restart);
                }
                State::Dead if due => self.slots[index] = self.begin(harness),
                State::Alive if due => {
                    // It was asked to stop, and has stopped, or is killed because it has not.
                    slot.process.set_state(State::Dead);
                    slot.task.abort();
                    self.slots[index] = self.begin(harness);
                }
                _ => {}
            }
        }
    }

    /// Ends freezes and restarts soon.
    pub(crate) fn end_faults(&mut self) {
        let soon = Instant::now() + Duration::from_secs(1);
        for slot in &mut self.slots {
            slot.next = slot.next.map(|next| next.min(soon));
        }
    }

    pub(crate) fn end(self) {
        for slot in self.slots {
            slot.process.set_state(State::Dead);
            slot.task.abort();
        }
    }
}
