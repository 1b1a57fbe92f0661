//! The difference between two versions of an event, for people.

use repair::Change;

use service::failure::Failure;
use service::output::{Output, cut, whole};

/// Changes that are shown of one event; `--json` has all.
const SHOWN: usize = 50;

/// Shows the differences.
pub(in super::super) fn show(changes: &[Change], output: &mut Output) -> Result<(), Failure> {
    let value = |json: &Option<Box<serde_json::value::RawValue>>| {
        json.as_ref().map_or_else(|| "(none)".to_owned(), |json| json.get().to_owned())
    };
    let row = |change: &Change| vec![change.path.clone(), value(&change.before), value(&change.after)];
    let rows: Vec<Vec<String>> = changes.iter().take(SHOWN).map(row).collect();
    output.table(&[whole("PATH"), cut("BEFORE"), cut("AFTER")], &rows)?;
    match changes.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => output.line(&format!("and {more} others; --json has all")),
    }
}
