//! The signs of life of the process's loops. The process is ready while every loop is alive and fresh.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use tokio::time::Instant;

/// The signs of life that are expected of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It calls [`Pulse::beat`] at least every `health.stale_after`.
    Beats,
    /// It is healthy while it runs, such as a server that only waits for clients.
    WhileRunning,
}

/// The loops of this process and their signs of life. A clone shares them.
#[derive(Clone)]
pub struct Pulses {
    stale_after: Duration,
    shared: Arc<Mutex<Shared>>,
}

/// Returns the loops that keep their own signs of life: the name of each, and how long it has been silent.
pub type Silences = Box<dyn Fn() -> Vec<(String, Duration)> + Send>;

/// Returns the problem of something that the process needs; `None` while there is none.
pub type Condition = Box<dyn Fn() -> Option<String> + Send>;

#[derive(Default)]
struct Shared {
    ending: bool,
    loops: BTreeMap<String, Loop>,
    watched: Vec<Silences>,
    needed: Vec<(&'static str, Condition)>,
}

#[derive(Debug)]
struct Loop {
    freshness: Freshness,
    phase: Phase,
    starts: u64,
}

#[derive(Debug)]
enum Phase {
    Starting,
    Alive { at: Instant },
    Down { why: &'static str },
}

/// Why the process is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The name of the loop or of the condition, or `process`.
    pub name: String,
    /// The problem, without secrets and personal data.
    pub why: String,
}

/// The state of one loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopState {
    /// Its name.
    pub name: String,
    /// It is alive and fresh.
    pub up: bool,
    /// How often it was started again.
    pub restarts: u64,
}

impl Pulses {
    /// No loops yet. A loop of [`Freshness::Beats`] is stale after a silence longer than `stale_after`.
    #[must_use]
    pub fn new(stale_after: Duration) -> Self {
        Self { stale_after, shared: Arc::default() }
    }

    /// Adds a loop. The process is not ready until it has shown its first sign of life.
    #[must_use]
    pub fn register(&self, name: &str, freshness: Freshness) -> Pulse {
        let new = Loop { freshness, phase: Phase::Starting, starts: 0 };
        self.lock().loops.insert(name.to_owned(), new);
        Pulse { name: name.to_owned(), pulses: self.clone() }
    }

    /// Also expects [`Freshness::Beats`] of the loops that `silences` returns. It is called at every look, and must not block.
    /// A loop that it no longer returns has ended on purpose.
    pub fn watch(&self, silences: Silences) {
        self.lock().watched.push(silences);
    }

    /// The process is ready only while this condition reports nothing. It is asked at every look, and must not block.
    pub fn need(&self, name: &'static str, condition: Condition) {
        self.lock().needed.push((name, condition));
    }

    /// From now on the process is not ready, because it ends.
    pub fn end(&self) {
        self.lock().ending = true;
    }

    /// Why the process is not ready; empty if it is.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let (ending, looks) = self.look();
        let process = |why: &str| Trouble { name: "process".to_owned(), why: why.to_owned() };
        let ending = ending.then(|| process("shutting down"));
        let empty = looks.is_empty().then(|| process("starting"));
        let loops = looks.into_iter().filter_map(|it| it.trouble.map(|why| Trouble { name: it.name, why }));
        ending.into_iter().chain(empty).chain(loops).collect()
    }

    /// The state of each loop.
    #[must_use]
    pub fn states(&self) -> Vec<LoopState> {
        let state = |it: Look| LoopState { name: it.name, up: it.trouble.is_none(), restarts: it.restarts };
        self.look().1.into_iter().map(state).collect()
    }

    /// Whether the process ends, and every loop with its problem.
    fn look(&self) -> (bool, Vec<Look>) {
        let shared = self.lock();
        let own = shared.loops.iter().map(|(name, it)| Look {
            name: name.clone(),
            trouble: it.trouble(self.stale_after),
            restarts: it.starts.saturating_sub(1),
        });
        let watched = shared.watched.iter().flat_map(|silences| silences()).map(|(name, silence)| Look {
            name,
            trouble: stale(silence, self.stale_after),
            restarts: 0,
        });
        let needed = shared.needed.iter().map(|(name, condition)| Look {
            name: (*name).to_owned(),
            trouble: condition(),
            restarts: 0,
        });
        (shared.ending, own.chain(watched).chain(needed).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock()
    }
}

impl Loop {
    fn trouble(&self, stale_after: Duration) -> Option<String> {
        match self.phase {
            Phase::Starting => Some("starting".to_owned()),
            Phase::Down { why } => Some(why.to_owned()),
            Phase::Alive { at } if self.freshness == Freshness::Beats => stale(at.elapsed(), stale_after),
            Phase::Alive { .. } => None,
        }
    }
}

struct Look {
    name: String,
    trouble: Option<String>,
    restarts: u64,
}

fn stale(silence: Duration, stale_after: Duration) -> Option<String> {
    (silence > stale_after).then(|| format!("no sign of life for {} s", silence.as_secs()))
}

/// Shows that one loop is alive. A clone belongs to the same loop.
#[derive(Clone)]
pub struct Pulse {
    name: String,
    pulses: Pulses,
}

impl Pulse {
    /// A sign of life: the loop has completed a round.
    pub fn beat(&self) {
        self.change(|it| it.phase = Phase::Alive { at: Instant::now() });
    }

    /// A run of the loop begins. A loop of [`Freshness::WhileRunning`] is alive from now on.
    pub fn starting(&self) {
        self.change(|it| {
            it.starts += 1;
            it.phase = match it.freshness {
                Freshness::Beats => Phase::Starting,
                Freshness::WhileRunning => Phase::Alive { at: Instant::now() },
            };
        });
    }

    /// The loop does not run.
    pub fn down(&self, why: &'static str) {
        self.change(|it| it.phase = Phase::Down { why });
    }

    fn change(&self, change: impl FnOnce(&mut Loop)) {
        if let Some(it) = self.pulses.lock().loops.get_mut(&self.name) {
            change(it);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE_AFTER: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn a_loop_is_ready_from_its_first_heartbeat_until_it_is_stale() {
        let pulses = Pulses::new(STALE_AFTER);
        assert_eq!(pulses.troubles()[0].why, "starting", "nothing runs yet");
        let pulse = pulses.register("absorb", Freshness::Beats);
        assert_eq!(pulses.troubles()[0], Trouble { name: "absorb".to_owned(), why: "starting".to_owned() });
        pulse.beat();
        tokio::time::advance(STALE_AFTER).await;
        assert!(pulses.troubles().is_empty());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(pulses.troubles()[0].why, "no sign of life for 17 s");
        pulse.beat();
        assert!(pulses.troubles().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_server_is_healthy_without_requests() {
        let pulses = Pulses::new(STALE_AFTER);
        let pulse = pulses.register("door", Freshness::WhileRunning);
        pulse.starting();
        tokio::time::advance(STALE_AFTER * 100).await;
        assert!(pulses.troubles().is_empty());
        pulse.down("failed");
        assert_eq!(pulses.troubles()[0].why, "failed");
    }

    #[tokio::test]
    async fn loops_with_their_own_heartbeats_are_watched_as_well() {
        let pulses = Pulses::new(STALE_AFTER);
        pulses.watch(Box::new(|| {
            vec![("absorb".to_owned(), STALE_AFTER), ("lease".to_owned(), STALE_AFTER * 2)]
        }));
        assert_eq!(
            pulses.troubles(),
            [Trouble { name: "lease".to_owned(), why: "no sign of life for 30 s".to_owned() }]
        );
    }

    #[tokio::test]
    async fn requirements_of_the_process_are_checked_every_time() {
        let pulses = Pulses::new(STALE_AFTER);
        let away = Arc::new(Mutex::new(Some("away".to_owned())));
        let asked = Arc::clone(&away);
        pulses.need("ledger", Box::new(move || asked.lock().clone()));
        assert_eq!(pulses.troubles(), [Trouble { name: "ledger".to_owned(), why: "away".to_owned() }]);
        *away.lock() = None;
        assert_eq!(pulses.troubles(), []);
    }
}
