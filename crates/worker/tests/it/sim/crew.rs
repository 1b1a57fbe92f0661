//! The worker processes: started, killed, frozen, and started again.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::ledger_port::LedgerPort;
use super::life::{Life, State};
use super::network::Network;
use super::queue_port::QueuePort;
use super::stage::Stage;
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
pub(crate) struct Crew {
    dice: Dice,
    places: Vec<Place>,
    started: usize,
}

impl Crew {
    pub(crate) fn start(stage: &Stage, dice: Dice, workers: u64) -> Self {
        let mut crew = Self { dice, places: Vec::new(), started: 0 };
        for _ in 0..workers {
            let place = crew.begin(stage);
            crew.places.push(place);
        }
        crew
    }

    fn begin(&mut self, stage: &Stage) -> Place {
        self.started += 1;
        let life = Life::new(self.started, self.dice.split(), Arc::clone(&stage.storm));
        let worker = worker::Worker {
            queue: Arc::new(QueuePort {
                life: Arc::clone(&life),
                inner: stage.queue.clone(),
                bell: Arc::clone(&stage.bell),
            }),
            ledger: Arc::new(LedgerPort {
                life: Arc::clone(&life),
                inner: stage.ledger.clone(),
                plant: stage.plant,
                watch: stage.watch.clone(),
                before_recording: None,
                unheard: Arc::default(),
            }),
            connections: Arc::new(StorePort { life: Arc::clone(&life), inner: stage.ledger.clone() }),
            transport: Arc::new(Network {
                life: Arc::clone(&life),
                dice: self.dice.split(),
                refersion: Arc::clone(&stage.refersion),
            }),
            vault: stage.vault.clone(),
            clock: Arc::clone(&stage.clock),
            randomness: Arc::new(self.dice.split()),
            limits: stage.limits.clone(),
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

    /// Something happens to one of them.
    pub(crate) fn trouble(&mut self) {
        let now = Instant::now();
        let index = usize::try_from(self.dice.below(self.places.len() as u64)).expect("a crew is small");
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

    /// Whether one of them stands still.
    pub(crate) fn somebody_stands_still(&self) -> bool {
        self.places.iter().any(|place| place.life.state() == State::Frozen)
    }

    /// Does what is due: thaws who stood still, starts who is dead or was stopped.
    pub(crate) fn tend(&mut self, stage: &Stage) {
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
                State::Dead if due => self.places[index] = self.begin(stage),
                State::Alive if due => {
                    // It was asked to stop, and did, or is killed for not doing so.
                    place.life.become_(State::Dead);
                    place.task.abort();
                    self.places[index] = self.begin(stage);
                }
                _ => {}
            }
        }
    }

    /// Whatever holds them up ends soon.
    pub(crate) fn calm(&mut self) {
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
