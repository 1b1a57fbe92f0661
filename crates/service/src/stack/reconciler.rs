//! Starts the worker: absorb and reconcile, with the limits of the configuration.

use std::sync::Arc;
use std::time::Duration;

use refersion::HttpTransport;
use worker::{Limits, Meters, RetryPolicy, Worker};

use super::Running;
use crate::config::Config;
use crate::engines::{Engines, QueueEngine};
use crate::failure::Failure;
use crate::health::{Freshness, Pulses};

/// Starts the worker.
///
/// # Errors
///
/// [`Failure`] if the system's certificates cannot be used.
pub(super) fn start(
    config: &Config,
    queue: &QueueEngine,
    engines: &Engines,
    meters: Arc<Meters>,
    running: &mut Running,
) -> Result<(), Failure> {
    let transport = HttpTransport::new(config.refersion.proxy.proxies())
        .map_err(|error| Failure::failed("tls", &error, "install the system's certificates"))?;
    let worker = Worker {
        queue: Arc::clone(&engines.queue),
        ledger: Arc::clone(&engines.ledger),
        connections: Arc::clone(&engines.connections),
        transport: Arc::new(transport),
        vault: engines.vault.clone(),
        clock: Arc::clone(&engines.clock),
        randomness: Arc::clone(&engines.randomness),
        limits: limits(config),
        meters,
        beats: Arc::default(),
        handoffs: Arc::default(),
        locks: Arc::default(),
        audiences: Arc::default(),
        directories: Arc::default(),
    };
    watch(&worker, &running.pulses);
    let (queue, stop) = (queue.clone(), running.stop.clone());
    running.supervisor.start("worker", Freshness::WhileRunning, move |_| {
        let (worker, queue, stop) = (worker.clone(), queue.clone(), stop.clone());
        async move {
            take_back(&queue).await?;
            worker::serve::run(worker, stop).await;
            Ok(())
        }
    });
    Ok(())
}

/// Returns the messages to the queue that a killed worker of this machine held. While the queue cannot be written, this fails, and the loop is
/// started again later.
async fn take_back(queue: &QueueEngine) -> anyhow::Result<()> {
    let held = queue.take_back().await?;
    if held > 0 {
        tracing::info!(messages = held, "returned the messages of an ended worker to the queue");
    }
    Ok(())
}

/// Lets readiness see the worker's own signs of life.
fn watch(worker: &Worker, pulses: &Pulses) {
    let (beats, clock) = (Arc::clone(&worker.beats), Arc::clone(&worker.clock));
    pulses.watch(Box::new(move || {
        let now = clock();
        let silence = |at| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        beats.all().into_iter().map(|(name, at)| (name, silence(at))).collect()
    }));
}

fn limits(config: &Config) -> Limits {
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    Limits {
        absorb_batch: number(config.worker.absorb_batch),
        concurrency: number(config.worker.max_concurrency),
        fast_path_from: number(config.worker.carry_from),
        blocked_identifiers: config.identifiers.blocked_list(),
        breaker_after: config.breaker.failures,
        retry: RetryPolicy {
            max_attempts: config.retry.max_attempts,
            max_elapsed: config.retry.max_elapsed,
            initial: config.retry.initial,
            max_interval: config.retry.max_interval,
            max_retry_after: config.retry.max_retry_after,
        },
        walk_every: Some(config.adopt.every),
        keep_outcomes: config.retention.outcomes,
        keep_dead_letters: config.retention.dead_letters,
        keep_dead_letters_by_class: config.retention.dead_letters_by_class.0.clone(),
        ..Limits::default()
    }
}
