//! The worker as a process runs it: absorb, and reconcile for every connection whose lease it can get.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connections::{Connection, ConnectionId};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use ledger::{Fence, Lease};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, debug_span, info, warn};
use uuid::Uuid;

use crate::gate::ConnectionGate;
use crate::reconcile::{Holder, ServeEnd};
use crate::rules::ConnectionCache;
use crate::{Worker, absorb, housekeeping};

/// Interval of looks at the list of connections.
const LOOK: Duration = Duration::from_secs(1);
/// Pause of a connection's reconcile after it failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs the whole worker until `stop`, and returns when no work is under way any more. Boxed, so that it is compiled in this crate and
/// not in each that awaits it.
pub fn run(worker: Worker, stop: CancellationToken) -> BoxFuture<'static, ()> {
    let running = async move {
        tokio::join!(
            absorb::run(&worker, &stop),
            reconcile_all(&worker, &stop),
            housekeeping::run(&worker, &stop),
        );
    };
    running.boxed()
}

/// Serves every connection whose lease it can get.
pub async fn reconcile_all(worker: &Worker, stop: &CancellationToken) {
    let mut cache = ConnectionCache::default();
    let mut served: BTreeMap<ConnectionId, (CancellationToken, Id)> = BTreeMap::new();
    let mut tasks: JoinSet<(ConnectionId, Option<Instant>)> = JoinSet::new();
    // A connection that is served again by this process still obeys an earlier `Retry-After`.
    let mut paused_until: BTreeMap<ConnectionId, Instant> = BTreeMap::new();
    while !stop.is_cancelled() {
        worker.beats.beat("reconcile", worker.now());
        match cache.refresh(worker).await {
            Ok(()) => {
                for connection in cache
                    .all()
                    .filter(|connection| !served.contains_key(&connection.id))
                    .cloned()
                    .collect::<Vec<_>>()
                {
                    let token = stop.child_token();
                    let (id, until) = (connection.id, paused_until.remove(&connection.id));
                    let span = debug_span!("connection", connection = %connection.name, connection_id = id);
                    let serving = serve_one(worker.clone(), connection, until, token.clone());
                    served.insert(id, (token, tasks.spawn(serving.instrument(span)).id()));
                }
                for (id, (token, _)) in served.iter().filter(|(id, _)| !cache.has(**id)) {
                    debug!(connection_id = id, "the connection was removed");
                    token.cancel();
                }
            }
            Err(cause) => warn!(error = %cause, "the connections cannot be read"),
        }
        tokio::select! {
            biased;
            Some(ended) = tasks.join_next() => {
                match ended {
                    Ok((id, until)) => {
                        served.remove(&id);
                        paused_until.extend(until.map(|until| (id, until)));
                    }
                    Err(panicked) => served.retain(|_, (_, task)| *task != panicked.id()),
                }
            }
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => {}
        }
    }
    while tasks.join_next().await.is_some() {}
    worker.beats.forget("reconcile");
}

/// Serves one connection: waits for its lease and keeps it until it is lost, or something fails. Returns until when
/// Refersion asked to wait.
async fn serve_one(
    worker: Worker,
    connection: Arc<Connection>,
    mut until: Option<Instant>,
    stop: CancellationToken,
) -> (ConnectionId, Option<Instant>) {
    let id = connection.id;
    // A new id each time: earlier calls are those of a predecessor, even if that was this process.
    let holder = worker.random_id();
    let beat = format!("reconcile {id}");
    while !stop.is_cancelled() {
        worker.beats.beat(&beat, worker.now());
        let now = worker.now();
        match worker.ledger.lease(id, holder, now, worker.limits.lease).await {
            Ok(Some(lease)) => {
                fault_point!("reconcile.leased");
                // The lease may have taken long, and its last holder may have learned a rate meanwhile.
                let connection = match worker.connections.by_id(id).await {
                    Ok(Some(connection)) => Arc::new(connection),
                    Ok(None) | Err(_) => connection,
                };
                let gate = Arc::new(gate_of(&worker, &connection));
                if let Some(until) = until {
                    gate.pause_until(until);
                }
                worker.meters.holds(id, true);
                worker.meters.rate(id, gate.with_pace(|pace, _| pace.rate()));
                hold(&worker, &connection, (holder, lease), &gate, &stop).await;
                worker.meters.holds(id, false);
                until = Some(gate.waits_until());
                break;
            }
            Ok(None) => wait(worker.limits.renew, &stop).await,
            Err(cause) => {
                warn!(connection = %connection.name, connection_id = id, error = %cause, "the lease cannot be acquired");
                wait(PAUSE, &stop).await;
            }
        }
    }
    worker.beats.forget(&beat);
    (id, until)
}

fn gate_of(worker: &Worker, connection: &Connection) -> ConnectionGate {
    let limits = &worker.limits;
    let ceiling = connection.settings.rate_per_second;
    let gate = ConnectionGate::new(ceiling, connection.learned_rate, limits);
    // Every holder of the connection obeys `Retry-After`, but not for longer than the limit, whatever the clocks say.
    if let Some(until) = connection.asked_to_wait_until {
        let wait = Duration::try_from(until.duration_since(worker.now())).unwrap_or_default();
        gate.pause_until(Instant::now() + wait.min(limits.retry.max_retry_after));
    }
    gate
}

async fn wait(time: Duration, stop: &CancellationToken) {
    tokio::select! { biased; () = tokio::time::sleep(time) => {}, () = stop.cancelled() => {} }
}

/// Serves a connection under a lease, and renews the lease meanwhile.
async fn hold(
    worker: &Worker,
    connection: &Arc<Connection>,
    (holder, lease): (Uuid, Lease),
    gate: &Arc<ConnectionGate>,
    stop: &CancellationToken,
) {
    let id = connection.id;
    info!(connection = %connection.name, connection_id = id, token = lease.token, "serving the connection");
    gate.set_lease(Some(left(lease, worker.now())));
    let mut serving = Holder::new(worker, connection, Fence { token: lease.token }, gate);
    tokio::select! {
        biased;
        () = keep_lease(worker, id, holder, lease.token, gate) => {
            warn!(connection = %connection.name, connection_id = id, "the lease is lost: another worker serves the connection now");
            return;
        }
        end = serving.serve(stop) => match end {
            Ok(ServeEnd::Stopped) => {}
            Ok(ServeEnd::Lost) => return,
            Err(cause) => {
                warn!(connection = %connection.name, connection_id = id, error = %format!("{cause:#}"), "reconcile starts again");
                if serving.has_calls_under_way() {
                    // They may still take effect: nobody serves the connection until the lease has outlasted them.
                    return;
                }
                wait(PAUSE, stop).await;
            }
        }
    }
    if let Err(cause) = worker.ledger.give_back(id, holder).await {
        debug!(connection = %connection.name, connection_id = id, error = %cause, "the lease ends by itself");
    }
}

fn left(lease: Lease, now: Timestamp) -> Duration {
    Duration::try_from(lease.expires_at.duration_since(now)).unwrap_or_default()
}

/// Renews the lease until it is lost. If it cannot be renewed, the gate closes by itself.
async fn keep_lease(worker: &Worker, id: ConnectionId, holder: Uuid, token: i64, gate: &ConnectionGate) {
    loop {
        tokio::time::sleep(worker.limits.renew).await;
        let now = worker.now();
        match worker.ledger.lease(id, holder, now, worker.limits.lease).await {
            Ok(Some(lease)) if lease.token == token => {
                // Reads the clock again, because the answer may have taken long.
                gate.set_lease(Some(left(lease, worker.now())));
                worker.meters.rate(id, gate.with_pace(|pace, _| pace.rate()));
            }
            Ok(_) => {
                gate.set_lease(None);
                return;
            }
            Err(cause) => debug!(connection_id = id, error = %cause, "the lease could not be renewed"),
        }
    }
}
