//! The next step for each affiliate of a graph.

use serde::{Deserialize, Serialize};

/// What kind of call a graph needs next: what the ledger sorts due graphs by, so that batches can be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// `status_change`, in batches of 50.
    Status,
    /// `search`, one by one.
    Search,
    /// `new`, one by one.
    Create,
    /// `edit`, in batches of 50.
    Edit,
}
