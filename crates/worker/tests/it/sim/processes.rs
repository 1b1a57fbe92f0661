//! The worker processes: started, killed, frozen, and started again.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::harness::Harness;
use super::ledger_port::LedgerPort;
use super::life::{Life, State};
use super::network::Network;
use super::queue_port::QueuePort;
use super::store_port::StorePort;

/// The longest time until a dead worker is started again, in milliseconds.
const RESTARTED_WITHIN: u64 = 20_000;
/// The longest time that a worker stands still, in milliseconds: longer than its lease.
const FROZEN_FOR: u64 = 40_000;

/// The shortest time that a worker stands still that has stumbled, in milliseconds: by then another one has its lease.
const STUMBLED_FOR: u64 = 20_000;

/// One place for a worker, with the process that is in it.
struct Place {
    life: Arc<Life>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    next: Option<Instant>,
}

/// All worker processes.
pub(crate) struct Processes {
    dice: Dice,
    places: Vec<Place>,
    started: usize,
}

impl Processes {
    pub(crate) fn start(harness: &Harness, dice: Dice, workers: u64) -> Self {
        let mut processes = Self { dice, places: Vec::new(), started: 0 };
        for _ in 0..workers {
            let place = processes.begin(harness);
            processes.places.push(place);
        }
        processes
    }

    fn begin(&mut self, harness: &Harness) -> Place {
        self.started += 1;
        let life = Life::new(self.started, self.dice.split(), Arc::clone(&harness.storm));
        let worker = worker::Worker {
            queue: Arc::new(QueuePort {
                life: Arc::clone(&life),
                inner: harness.queue.clone(),
                bell: Arc::clone(&harness.bell),
            }),
            ledger: Arc::new(LedgerPort {
                life: Arc::clone(&life),
                inner: harness.ledger.clone(),
                plant: harness.plant,
                watch: harness.watch.clone(),
                before_recording: None,
                unheard: Arc::default(),
            }),
            connections: Arc::new(StorePort { life: Arc::clone(&life), inner: harness.ledger.clone() }),
            transport: Arc::new(Network {
                life: Arc::clone(&life),
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
        Place { life, stop, task, next: None }
    }

    /// Disturbs one of them: kills, stops or freezes it.
    pub(crate) fn disturb(&mut self) {
        let now = Instant::now();
        let index = usize::try_from(self.dice.below(self.places.len() as u64)).expect("a processes is small");
        let (restart, thaw) = (self.dice.millis(RESTARTED_WITHIN), self.dice.millis(FROZEN_FOR));
        let place = &mut self.places[index];
        match self.dice.below(5) {
            0 => place.life.become_(State::Dead),
            1 => {
                place.stop.cancel();
                place.next.get_or_insert(now + restart);
            }
            _ if place.life.state() == State::Alive && !place.stop.is_cancelled() => {
                place.life.become_(State::Frozen);
                place.next = Some(now + thaw);
            }
            _ => {}
        }
    }

    /// Whether one of them is frozen.
    pub(crate) fn any_is_frozen(&self) -> bool {
        self.places.iter().any(|place| place.life.state() == State::Frozen)
    }

    /// Does what is due: resumes frozen workers, starts dead or stopped ones.
    pub(crate) fn supervise(&mut self, harness: &Harness) {
        let now = Instant::now();
        for index in 0..self.places.len() {
            let restart = self.dice.millis(RESTARTED_WITHIN);
            let place = &mut self.places[index];
            let due = place.next.is_some_and(|next| next <= now);
            match place.life.state() {
                State::Frozen if place.next.is_none() => {
                    let more = self.dice.millis(FROZEN_FOR - STUMBLED_FOR);
                    place.next = Some(now + Duration::from_millis(STUMBLED_FOR) + more);
                }
                State::Frozen if due => {
                    place.life.become_(State::Alive);
                    place.next = place.stop.is_cancelled().then(|| now + restart);
                }
                State::Dead if place.next.is_none() => {
                    place.task.abort();
                    place.next = Some(now + restart);
                }
                State::Dead if due => self.places[index] = self.begin(harness),
                State::Alive if due => {
                    // It was asked to stop, and did, or is killed for not doing so.
                    place.life.become_(State::Dead);
                    place.task.abort();
                    self.places[index] = self.begin(harness);
                }
                _ => {}
            }
        }
    }

    /// Ends freezes and restarts soon.
    pub(crate) fn end_faults(&mut self) {
        let soon = Instant::now() + Duration::from_secs(1);
        for place in &mut self.places {
            place.next = place.next.map(|next| next.min(soon));
        }
    }

    pub(crate) fn end(self) {
        for place in self.places {
            place.life.become_(State::Dead);
            place.task.abort();
        }
    }
}
