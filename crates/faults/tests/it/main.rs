//! The fault suite in its short form, and that it would notice what it is there to notice.

use tokio::sync::Mutex;

mod neighbours;
mod notices;
mod table;

/// Held by a suite while it runs: two at the same time would only slow each other down.
static MACHINE: Mutex<()> = Mutex::const_new(());
