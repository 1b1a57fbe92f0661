//! Runs work that takes longer than a task may block its thread.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs `work` while other threads take over this one's tasks. With a single thread, as in tests, it simply runs it.
pub(crate) fn off_thread<R>(work: impl FnOnce() -> R) -> R {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
