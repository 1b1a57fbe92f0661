//! Parts of a connection's events that do not count: identifiers that name nobody, values that cannot be used, deletes that
//! match nobody.

use ledger::Counts;
use serde::Serialize;

use service::failure::Failure;
use service::output::Output;

/// The parts that were left out, with numbers of events. The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Default, Serialize)]
pub(super) struct LeftOut {
    /// Identifiers that name nobody.
    blocked_identifiers: Vec<Blocked>,
    /// Values that cannot be used.
    unusable_values: Vec<Unusable>,
    /// Deletes of persons without stored data: their identifiers may not be those of the identifies.
    unmatched_deletes: u64,
}

#[derive(Debug, Serialize)]
struct Blocked {
    place: String,
    identifier: String,
    events: u64,
}

#[derive(Debug, Serialize)]
struct Unusable {
    #[serde(rename = "trait")]
    name: String,
    reason: String,
    events: u64,
}

impl LeftOut {
    /// The parts that the ledger counted.
    pub(super) fn of(counts: &Counts) -> Self {
        let blocked = counts.blocked_identifiers.iter().map(|(name, events)| {
            let (place, identifier) = name.split_once(' ').unwrap_or((name, ""));
            Blocked { place: place.to_owned(), identifier: identifier.to_owned(), events: *events }
        });
        let unusable = counts.unusable_values.iter().map(|(name, events)| {
            let (name, reason) = name.rsplit_once(' ').unwrap_or((name, ""));
            Unusable { name: name.to_owned(), reason: reason.to_owned(), events: *events }
        });
        Self {
            blocked_identifiers: blocked.collect(),
            unusable_values: unusable.collect(),
            unmatched_deletes: counts.unmatched_deletes,
        }
    }

    /// Shows them, for the connection of this name.
    pub(super) fn show(&self, connection: &str, output: &mut Output) -> Result<(), Failure> {
        if !self.blocked_identifiers.is_empty() {
            output.line(&format!("\n{connection}: these identifiers name nobody and do not count"))?;
            let row = |it: &Blocked| vec![it.place.clone(), it.identifier.clone(), it.events.to_string()];
            let rows: Vec<_> = self.blocked_identifiers.iter().map(row).collect();
            output.table(&["PLACE", "IDENTIFIER", "EVENTS"], &rows)?;
        }
        if !self.unusable_values.is_empty() {
            output.line(&format!("\n{connection}: these values cannot be used"))?;
            let row = |it: &Unusable| vec![it.name.clone(), it.reason.clone(), it.events.to_string()];
            let rows: Vec<_> = self.unusable_values.iter().map(row).collect();
            output.table(&["TRAIT", "REASON", "EVENTS"], &rows)?;
        }
        if self.unmatched_deletes > 0 {
            let deletes = self.unmatched_deletes;
            output.line(&format!(
                "\n{connection}: {deletes} deletes named no known person; do they use the same identifiers as your identifies?"
            ))?;
        }
        Ok(())
    }
}
