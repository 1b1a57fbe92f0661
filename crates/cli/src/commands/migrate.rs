//! `migrate`: brings the schemas of queue and ledger up to date, which every start does as well.

use super::Context;
use crate::failure::{Exit, Failure};

/// What the help shows.
pub const EXAMPLES: &str = "\
Examples:
  refersion-destination migrate
  refersion-destination migrate --config production.toml
  refersion-destination migrate --json

A start does the same; this is for those who want it done before. It is safe beside running processes. A file that a
newer version has written, and that this one must not use, is refused.";

/// Opens both engines, which brings them up to date.
///
/// # Errors
///
/// [`Failure`] if one does not open.
pub async fn run(context: &mut Context) -> Result<Exit, Failure> {
    drop(context.engines().await?);
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "queue": "current", "ledger": "current" }))?;
    } else {
        context.output.line("the schemas of queue and ledger are current")?;
    }
    Ok(Exit::Done)
}
