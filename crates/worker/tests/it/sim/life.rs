//! The life of one worker process, and what can happen to it at each step that it takes outside of itself.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::dice::Dice;

/// How a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Alive,
    /// It stands still, and does not know.
    Frozen,
    Dead,
}

/// A step at which a process can be made to stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stumble {
    /// Just before it records what it did under its lease.
    BeforeRecording,
    /// With a call under way.
    WithACallUnderWay,
}

/// What the engines do to all processes alike.
#[derive(Default)]
pub(crate) struct Storm {
    /// How often each mishap happens, in a thousand operations. 0: the weather is fine.
    pub(crate) unavailable: u64,
    pub(crate) slow: u64,
    pub(crate) crash: u64,
    /// Until when nothing can be read or written.
    pub(crate) outage_until: Option<Instant>,
    /// The first process that comes by this stands still.
    pub(crate) stumble: Option<Stumble>,
    /// What absorb records takes at most so long, in milliseconds.
    pub(crate) absorb_lags: u64,
    /// Operations of all processes so far.
    pub(crate) operations: u64,
}

/// One process.
pub(crate) struct Life {
    pub(crate) number: usize,
    state: Mutex<State>,
    /// Wakes in the order of waiting; a watch channel wakes in a random one, and no seed would replay.
    changed: Notify,
    dice: Dice,
    storm: Arc<Mutex<Storm>>,
}

enum Mishap {
    None,
    FailBefore,
    FailAfter,
    SlowBefore(Duration),
    SlowAfter(Duration),
    CrashBefore,
    CrashAfter,
}

/// More operations than this are a worker that does not sleep while it waits: the simulation ends it.
pub(crate) const MAX_OPERATIONS: u64 = 60_000;
/// The longest that an operation usually takes, in milliseconds.
const USUAL: u64 = 40;
/// The longest that an operation of an engine takes, in milliseconds.
const SLOWEST: u64 = 6_000;

impl Life {
    pub(crate) fn new(number: usize, dice: Dice, storm: Arc<Mutex<Storm>>) -> Arc<Self> {
        Arc::new(Self { number, state: Mutex::new(State::Alive), changed: Notify::new(), dice, storm })
    }

    pub(crate) fn state(&self) -> State {
        *self.state.lock()
    }

    pub(crate) fn become_(&self, next: State) {
        let mut state = self.state.lock();
        if *state != State::Dead {
            *state = next;
            self.changed.notify_waiters();
        }
    }

    /// Comes by a step, and stands still if that is the one.
    pub(crate) fn come_by(&self, step: Stumble) {
        let mut storm = self.storm.lock();
        if storm.stumble == Some(step) && self.state() == State::Alive {
            storm.stumble = None;
            self.become_(State::Frozen);
        }
    }

    /// Waits as long as absorb lags.
    pub(crate) async fn lag(&self) {
        let most = self.storm.lock().absorb_lags;
        if most > 0 {
            sleep(self.dice.millis(most)).await;
        }
    }

    /// Goes on when the process is alive; never, if it is dead.
    pub(crate) async fn pass(&self) {
        loop {
            let changed = self.changed.notified();
            if self.state() == State::Alive {
                return;
            }
            changed.await;
        }
    }

    /// One operation of an engine, with whatever happens before and after it.
    pub(crate) async fn take<T, E>(
        &self,
        effect: impl Future<Output = Result<T, E>>,
        unavailable: impl FnOnce() -> E,
    ) -> Result<T, E> {
        self.pass().await;
        let ended = match self.mishap() {
            Mishap::None => {
                // Most operations are quick; the others let anything happen in between.
                if self.dice.per_mille(250) {
                    sleep(Duration::from_millis(1) + self.dice.millis(USUAL)).await;
                    self.pass().await;
                }
                effect.await
            }
            Mishap::FailBefore => Err(unavailable()),
            Mishap::FailAfter => {
                drop(effect.await);
                Err(unavailable())
            }
            Mishap::SlowBefore(time) => {
                sleep(time).await;
                self.pass().await;
                effect.await
            }
            Mishap::SlowAfter(time) => {
                let ended = effect.await;
                sleep(time).await;
                ended
            }
            Mishap::CrashBefore => self.die().await,
            Mishap::CrashAfter => {
                drop(effect.await);
                self.die().await
            }
        };
        self.pass().await;
        ended
    }

    async fn die<T>(&self) -> T {
        self.become_(State::Dead);
        std::future::pending().await
    }

    fn mishap(&self) -> Mishap {
        let mut storm = self.storm.lock();
        storm.operations += 1;
        if storm.operations > MAX_OPERATIONS {
            return Mishap::CrashBefore;
        }
        if storm.outage_until.is_some_and(|until| Instant::now() < until) {
            return Mishap::FailBefore;
        }
        let fall = self.dice.below(1000);
        let (first, half) = (self.dice.below(2) == 0, self.dice.millis(SLOWEST));
        match fall {
            fall if fall < storm.unavailable && first => Mishap::FailBefore,
            fall if fall < storm.unavailable => Mishap::FailAfter,
            fall if fall < storm.unavailable + storm.slow && first => Mishap::SlowBefore(half),
            fall if fall < storm.unavailable + storm.slow => Mishap::SlowAfter(half),
            fall if fall < storm.unavailable + storm.slow + storm.crash && first => Mishap::CrashBefore,
            fall if fall < storm.unavailable + storm.slow + storm.crash => Mishap::CrashAfter,
            _ => Mishap::None,
        }
    }
}
