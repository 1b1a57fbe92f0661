//! The life of one worker process, and the faults that can happen at each of its steps outside of itself.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::dice::Dice;

/// The state of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Alive,
    /// It is frozen, and does not notice.
    Frozen,
    Dead,
}

/// A step at which a process can be frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FreezePoint {
    /// Just before it records results under its lease.
    BeforeRecording,
    /// With a call under way.
    DuringCall,
}

/// Faults of the engines, the same for all processes.
#[derive(Default)]
pub(crate) struct EngineFaults {
    /// The number of faults of each kind in a thousand operations; 0: none.
    pub(crate) unavailable: u64,
    pub(crate) slow: u64,
    pub(crate) crash: u64,
    /// Until when nothing can be read or written.
    pub(crate) outage_until: Option<Instant>,
    /// The first process that reaches this step is frozen.
    pub(crate) freeze_at: Option<FreezePoint>,
    /// The longest delay of a recording of absorb, in milliseconds.
    pub(crate) max_absorb_delay: u64,
    /// Operations of all processes so far.
    pub(crate) operations: u64,
}

/// One process.
pub(crate) struct Process {
    pub(crate) number: usize,
    state: Mutex<State>,
    /// Wakes in the order of waiting; a watch channel wakes in a random one, and no seed would replay.
    changed: Notify,
    dice: Dice,
    engine_faults: Arc<Mutex<EngineFaults>>,
}

enum OperationFault {
    None,
    FailBefore,
    FailAfter,
    SlowBefore(Duration),
    SlowAfter(Duration),
    CrashBefore,
    CrashAfter,
}

/// Maximum number of operations: a worker that needs more does not sleep while it waits, and the simulation ends it.
pub(crate) const MAX_OPERATIONS: u64 = 60_000;
/// The longest that an operation usually takes, in milliseconds.
const USUAL_DELAY: u64 = 40;
/// The longest that an operation of an engine takes, in milliseconds.
const LONGEST_DELAY: u64 = 6_000;

impl Process {
    pub(crate) fn new(number: usize, dice: Dice, engine_faults: Arc<Mutex<EngineFaults>>) -> Arc<Self> {
        Arc::new(Self {
            number,
            state: Mutex::new(State::Alive),
            changed: Notify::new(),
            dice,
            engine_faults,
        })
    }

    pub(crate) fn state(&self) -> State {
        *self.state.lock()
    }

    pub(crate) fn set_state(&self, next: State) {
        let mut state = self.state.lock();
        if *state != State::Dead {
            *state = next;
            self.changed.notify_waiters();
        }
    }

    /// Reaches a step, and freezes if it is the chosen one.
    pub(crate) fn freeze_if_chosen(&self, step: FreezePoint) {
        let mut faults = self.engine_faults.lock();
        if faults.freeze_at == Some(step) && self.state() == State::Alive {
            faults.freeze_at = None;
            self.set_state(State::Frozen);
        }
    }

    /// Waits as long as absorb lags.
    pub(crate) async fn delay_absorb(&self) {
        let most = self.engine_faults.lock().max_absorb_delay;
        if most > 0 {
            sleep(self.dice.millis(most)).await;
        }
    }

    /// Returns when the process is alive; never, if it is dead.
    pub(crate) async fn wait_until_alive(&self) {
        loop {
            let changed = self.changed.notified();
            if self.state() == State::Alive {
                return;
            }
            changed.await;
        }
    }

    /// Runs one operation of an engine, with faults before and after it.
    pub(crate) async fn run<T, E>(
        &self,
        effect: impl Future<Output = Result<T, E>>,
        unavailable: impl FnOnce() -> E,
    ) -> Result<T, E> {
        self.wait_until_alive().await;
        let ended = match self.next_fault() {
            OperationFault::None => {
                // Most operations are quick; the others leave time for other things to happen in between.
                if self.dice.per_mille(250) {
                    sleep(Duration::from_millis(1) + self.dice.millis(USUAL_DELAY)).await;
                    self.wait_until_alive().await;
                }
                effect.await
            }
            OperationFault::FailBefore => Err(unavailable()),
            OperationFault::FailAfter => {
                drop(effect.await);
                Err(unavailable())
            }
            OperationFault::SlowBefore(time) => {
                sleep(time).await;
                self.wait_until_alive().await;
                effect.await
            }
            OperationFault::SlowAfter(time) => {
                let ended = effect.await;
                sleep(time).await;
                ended
            }
            OperationFault::CrashBefore => self.die().await,
            OperationFault::CrashAfter => {
                drop(effect.await);
                self.die().await
            }
        };
        self.wait_until_alive().await;
        ended
    }

    async fn die<T>(&self) -> T {
        self.set_state(State::Dead);
        std::future::pending().await
    }

    fn next_fault(&self) -> OperationFault {
        let mut faults = self.engine_faults.lock();
        faults.operations += 1;
        if faults.operations > MAX_OPERATIONS {
            return OperationFault::CrashBefore;
        }
        if faults.outage_until.is_some_and(|until| Instant::now() < until) {
            return OperationFault::FailBefore;
        }
        let roll = self.dice.below(1000);
        let (first, half) = (self.dice.below(2) == 0, self.dice.millis(LONGEST_DELAY));
        match roll {
            roll if roll < faults.unavailable && first => OperationFault::FailBefore,
            roll if roll < faults.unavailable => OperationFault::FailAfter,
            roll if roll < faults.unavailable + faults.slow && first => OperationFault::SlowBefore(half),
            roll if roll < faults.unavailable + faults.slow => OperationFault::SlowAfter(half),
            roll if roll < faults.unavailable + faults.slow + faults.crash && first => {
                OperationFault::CrashBefore
            }
            roll if roll < faults.unavailable + faults.slow + faults.crash => OperationFault::CrashAfter,
            _ => OperationFault::None,
        }
    }
}
