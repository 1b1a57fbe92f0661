//! Checks that commands make before they use the files of queue and ledger.

use std::path::PathBuf;
use std::time::Duration;

use sqlite::Soundness;

use service::config::Config;
use service::engines::files::{ledger_file, queue_file};
use service::failure::Failure;

/// Time limit for the check of `status`; `check` and the running service check a large file completely.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// The remedy for a damaged queue.
pub(super) const MEND_QUEUE: &str =
    "a running or starting service sets the file aside and rescues the readable events; see docs/sqlite.md";
/// The remedy for a damaged ledger.
pub(super) const MEND_LEDGER: &str =
    "stop every process, then restore a backup or repair the file: see docs/sqlite.md";

/// Names a damaged file, and the remedy.
///
/// # Errors
///
/// [`Failure`] with the code `queue_damaged` or `ledger_damaged`.
pub(super) async fn refuse_if_damaged(config: &Config) -> Result<(), Failure> {
    if let Some(path) = queue_file(config)
        && let Some(why) = damage(path.to_owned(), LOOK_WITHIN).await
    {
        let message = format!("the queue {} is damaged: {why}", path.display());
        return Err(Failure::refused("queue_damaged", message, MEND_QUEUE));
    }
    if let Some(path) = ledger_file(config)
        && let Some(why) = damage(path.to_owned(), LOOK_WITHIN).await
    {
        let message = format!("the ledger {} is damaged: {why}", path.display());
        return Err(Failure::refused("ledger_damaged", message, MEND_LEDGER));
    }
    Ok(())
}

/// The damage of a file, as far as a check of this length shows it. A file that cannot be read at all is not damaged: opening
/// it shows the reason.
pub(super) async fn damage(path: PathBuf, within: Duration) -> Option<String> {
    match service::stack::files::look_through(path, within).await {
        Ok(Soundness::Damaged(why)) => Some(why),
        Ok(Soundness::Sound | Soundness::Unfinished) | Err(_) => None,
    }
}
