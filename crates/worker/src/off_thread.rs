//! Work that takes longer than a task may keep its thread.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does work while other threads take over this one's tasks. Where there is one thread, in tests, it is simply done.
pub(crate) fn off_thread<R>(work: impl FnOnce() -> R) -> R {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
