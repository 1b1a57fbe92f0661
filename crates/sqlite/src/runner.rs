//! Runs work: on the thread that owns the connection, or at once in the caller.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::Error;

/// The number of pieces of work that may wait for the thread; further callers wait.
const WAITING_WORK: usize = 64;

/// The connection, unless it is closed.
pub(crate) type Slot = Option<Connection>;

type Work = Box<dyn FnOnce(&mut Slot) + Send>;

/// The two ways of running work. Both make the same promises.
#[derive(Debug)]
pub(crate) enum Runner {
    Thread(mpsc::Sender<Work>),
    Inline(Mutex<Slot>),
}

impl Runner {
    pub(crate) fn threaded(connection: Connection) -> Result<Self, Error> {
        let mut slot = Some(connection);
        let (sender, mut receiver) = mpsc::channel::<Work>(WAITING_WORK);
        thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || {
                while let Some(work) = receiver.blocking_recv() {
                    work(&mut slot);
                }
            })
            .map_err(|cause| {
                tracing::error!(error = %cause, "the thread of the database cannot be started");
                Error::NoThread
            })?;
        Ok(Self::Thread(sender))
    }

    pub(crate) fn inline(connection: Connection) -> Self {
        Self::Inline(Mutex::new(Some(connection)))
    }

    pub(crate) async fn run<R, E>(
        &self,
        work: impl FnOnce(&mut Slot) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let ended = match self {
            Self::Thread(sender) => {
                let (answer, answered) = oneshot::channel();
                let work: Work = Box::new(move |slot| {
                    // If the caller is gone, only the answer is lost: the work is done.
                    drop(answer.send(perform(slot, work)));
                });
                sender.send(work).await.map_err(|_| Error::NoThread)?;
                answered.await.map_err(|_| Error::NoThread)?
            }
            Self::Inline(connection) => {
                // A panic inside the work is caught before it can leave the connection in an inconsistent state.
                let mut slot = connection.lock();
                perform(&mut slot, work)
            }
        };
        ended.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Does the work, and rolls back a transaction that the work left open.
fn perform<R, E>(
    slot: &mut Slot,
    work: impl FnOnce(&mut Slot) -> Result<R, E>,
) -> thread::Result<Result<R, E>> {
    let ended = catch_unwind(AssertUnwindSafe(|| work(slot)));
    if let Some(connection) = slot
        && !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "an open transaction could not be rolled back");
    }
    ended
}
