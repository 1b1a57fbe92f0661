//! The simulator over HTTP/1.1: real latency, and connections that really close.

mod connection;
mod control;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::options::Switches;
use crate::simulator::Simulator;

/// Connections served at the same time; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 4_096;
/// After a failed accept (out of file descriptors, say), how long to wait before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A simulator and its clock, which begins to run when this is made. Clones are the same one.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    simulator: Mutex<Simulator>,
    /// Read without the lock: requests are parsed outside of it.
    switches: Switches,
    start: Instant,
}

impl Shared {
    /// Starts the clock.
    #[must_use]
    pub fn new(simulator: Simulator) -> Self {
        let switches = simulator.switches().clone();
        Self(Arc::new(Inner { simulator: Mutex::new(simulator), switches, start: Instant::now() }))
    }

    /// Looks at the simulator or changes it, at the time that its clock shows. Requests wait meanwhile.
    pub fn with<R>(&self, act: impl FnOnce(&mut Simulator, Duration) -> R) -> R {
        let mut simulator = self.lock();
        // Read under the lock, so that time never runs backwards from one request to the next.
        let now = self.0.start.elapsed();
        act(&mut simulator, now)
    }

    fn lock(&self) -> MutexGuard<'_, Simulator> {
        // After a panic the state is as good as the fault that caused it; it stays there to be looked at.
        self.0.simulator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until `shutdown` is done, then cuts all connections and returns.
pub async fn serve(listener: TcpListener, simulator: Shared, shutdown: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let accept = async {
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let simulator = simulator.clone();
                    connections.spawn(async move {
                        connection::serve(stream, simulator).await;
                        drop(place);
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
        () = shutdown => {}
    }
    connections.shutdown().await;
}
