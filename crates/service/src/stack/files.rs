//! Watches the database files of the process for damage, and repairs the queue's.

use std::path::PathBuf;
use std::time::Duration;

use queue::sqlite::SqliteQueue;
use sqlite::{Database, Soundness};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Running;
use crate::config::Config;
use crate::engines::{Engines, QueueEngine};
use crate::failure::with_causes;
use crate::health::Freshness;

/// How often it is asked whether the queue has to be repaired.
const LOOK: Duration = Duration::from_secs(1);
/// A look through a file takes this long at most.
const CHECK_WITHIN: Duration = Duration::from_secs(600);
/// After a look it rests for this many times as long, so that looking takes at most a hundredth of the time.
const REST_FACTOR: u32 = 100;

/// Starts the loops over the files that there are.
pub(super) fn watch(config: &Config, queue: &QueueEngine, engines: &Engines, running: &mut Running) {
    let queue = queue.file().cloned();
    let files: Vec<Database> =
        queue.iter().map(SqliteQueue::database).chain(&engines.ledger_file).cloned().collect();
    if let Some(queue) = queue {
        let stop = running.stop.clone();
        running.supervisor.start("queue repair", Freshness::WhileRunning, move |_| {
            let (queue, stop) = (queue.clone(), stop.clone());
            async move {
                mend_when_damaged(&queue, &stop).await;
                Ok(())
            }
        });
    }
    if !files.is_empty() {
        let (stop, every) = (running.stop.clone(), config.sqlite.check_every);
        running.supervisor.start("file check", Freshness::WhileRunning, move |_| {
            let (files, stop) = (files.clone(), stop.clone());
            async move {
                check_again_and_again(&files, every, &stop).await;
                Ok(())
            }
        });
    }
}

async fn mend_when_damaged(queue: &SqliteQueue, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        if queue.database().damage().is_some() {
            match queue.repair().await {
                Ok(rescues) => tracing::info!(rescues = rescues.len(), "the queue can be used again"),
                Err(error) => tracing::error!(
                    error = with_causes(&error),
                    "the damaged queue cannot be repaired yet; it needs free space as large as the file"
                ),
            }
        }
        pause(LOOK, stop).await;
    }
}

async fn check_again_and_again(files: &[Database], every: Duration, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let began = Instant::now();
        for file in files {
            check(file, stop).await;
        }
        pause(every.max(began.elapsed() * REST_FACTOR), stop).await;
    }
}

async fn check(file: &Database, stop: &CancellationToken) {
    let Some(path) = file.path().filter(|_| file.damage().is_none()) else { return };
    let looked = tokio::select! {
        looked = look_through(path.clone(), CHECK_WITHIN) => looked,
        () = stop.cancelled() => return,
    };
    match looked {
        Ok(Soundness::Damaged(why)) => file.note_damage(why),
        Ok(Soundness::Sound | Soundness::Unfinished) => {}
        Err(error) => {
            let (file, cause) = (path.display(), with_causes(&error));
            tracing::warn!(%file, error = cause, "a file could not be checked for damage");
        }
    }
}

/// Checks a file for damage, on a thread that serves nothing else. Ends early if the caller no longer waits.
pub async fn look_through(path: PathBuf, within: Duration) -> Result<Soundness, sqlite::Error> {
    let (watched, is_left) = std::sync::mpsc::channel();
    let looking = tokio::task::spawn_blocking(move || sqlite::check_until(&path, within, is_left));
    let looked = looking.await;
    drop(watched);
    looked.unwrap_or(Err(sqlite::Error::NoThread))
}

async fn pause(time: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stop.cancelled() => {}
    }
}
