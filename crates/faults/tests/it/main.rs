//! The fault suite in its short form, and tests that it finds the breaches that it looks for.

use tokio::sync::Mutex;

mod neighbours;
mod notices;
mod table;

/// Held by a suite while it runs: two at the same time would only slow each other down.
static MACHINE: Mutex<()> = Mutex::const_new(());
