//! What commands look at before they use the files of queue and ledger.

use std::path::PathBuf;
use std::time::Duration;

use sqlite::Soundness;

use service::config::Config;
use service::engines::files::{ledger_file, queue_file};
use service::failure::Failure;

/// How long `status` looks for damage; a large file is looked through by `check`, and by the running service.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// What to do about a damaged queue.
pub(super) const MEND_QUEUE: &str =
    "a running or starting service sets it aside and rescues what can be read; docs/sqlite.md tells more";
/// What to do about a damaged ledger.
pub(super) const MEND_LEDGER: &str =
    "stop every process, then restore a backup or repair the file: docs/sqlite.md tells how";

/// Says which file is damaged, and what to do.
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

/// What is wrong with a file, as far as a look of this length shows. One that cannot be read at all is not damaged: whoever
/// opens it says why.
pub(super) async fn damage(path: PathBuf, within: Duration) -> Option<String> {
    match service::stack::files::look_through(path, within).await {
        Ok(Soundness::Damaged(why)) => Some(why),
        Ok(Soundness::Sound | Soundness::Unfinished) | Err(_) => None,
    }
}
