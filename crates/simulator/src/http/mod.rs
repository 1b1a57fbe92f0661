//! The simulator over HTTP/1.1, with real latency and dropped connections.

mod connection;
mod control;
mod gzip;
mod staff;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::options::Switches;
use crate::simulator::Simulator;

/// Maximum number of connections at the same time; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 4_096;
/// Wait after a failed accept, for example when file descriptors are exhausted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A simulator that connections share, and its clock, which starts at creation. Clones share both.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    simulator: Mutex<Simulator>,
    /// A copy that is read without the lock, because requests are parsed outside of it.
    switches: Switches,
    start: Instant,
    /// Wakes the sender of webhooks.
    changed: Arc<Notify>,
}

impl Shared {
    /// Starts the clock.
    #[must_use]
    pub fn new(simulator: Simulator) -> Self {
        let switches = simulator.switches().clone();
        Self(Arc::new(Inner {
            simulator: Mutex::new(simulator),
            switches,
            start: Instant::now(),
            changed: Arc::default(),
        }))
    }

    /// Runs `act` with the simulator and the current time of its clock. Requests wait until it returns.
    pub fn with<R>(&self, act: impl FnOnce(&mut Simulator, Duration) -> R) -> R {
        let mut simulator = self.lock();
        // Read under the lock, so that time never goes backwards from one request to the next.
        let now = self.0.start.elapsed();
        let done = act(&mut simulator, now);
        if simulator.outbox.is_in_use() {
            self.0.changed.notify_one();
        }
        done
    }

    /// The same without waking the sender of webhooks.
    fn look<R>(&self, act: impl FnOnce(&mut Simulator, Duration) -> R) -> R {
        act(&mut self.lock(), self.0.start.elapsed())
    }

    /// A time of the simulator's clock.
    fn instant(&self, at: Duration) -> Instant {
        self.0.start + at
    }

    fn lock(&self) -> MutexGuard<'_, Simulator> {
        self.0.simulator.lock()
    }
}

/// Serves until `shutdown` completes, then closes all connections and returns.
pub async fn serve(listener: TcpListener, simulator: Shared, shutdown: impl Future<Output = ()>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let webhooks = webhooks::deliver(simulator.clone(), Arc::clone(&simulator.0.changed));
    let accept = async {
        loop {
            let Ok(permit) = permits.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let simulator = simulator.clone();
                    connections.spawn(async move {
                        connection::serve(stream, simulator).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "simulator: cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    };
    tokio::select! {
        () = accept => {}
        () = webhooks => {}
        () = shutdown => {}
    }
    connections.shutdown().await;
}
