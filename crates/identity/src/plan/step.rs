//! One step: a call that an affiliate, or an address without one, needs next.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::graph::Status;
use crate::{Map, Text};

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

impl StepKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Status, Self::Search, Self::Create, Self::Edit];
}

/// One step that one affiliate, or an address without one, needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The address that it is about; what failed is remembered by it.
    pub anchor: Digest,
    /// What to do.
    pub act: Act,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Make an affiliate at the anchor.
    Create {
        /// The user whose id becomes `unique_merchant_id`.
        user: Option<Digest>,
        /// The fields that a create can take, by name; empty ones left out.
        fields: Map<Text, Text>,
    },
    /// Tell fields of an affiliate.
    Edit {
        /// Its numeric id.
        affiliate: u64,
        /// The address to tell, if that differs as well.
        email: Option<Digest>,
        /// The fields that differ.
        fields: Map<Text, Text>,
    },
    /// Overwrite what a deleted person's affiliate holds.
    Scrub {
        /// Its numeric id.
        affiliate: u64,
        /// The fields to overwrite.
        fields: Vec<Text>,
    },
    /// Set a status.
    Status {
        /// The numeric id.
        affiliate: u64,
        /// The wanted status.
        status: Status,
    },
    /// Ask Refersion whether there is an affiliate at the anchor.
    Search {
        /// A create without an answer may have made it.
        uncertain_create: bool,
        /// The code that the directory has for the anchor: it is looked up first.
        code: Option<Text>,
    },
}

impl Step {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self.act {
            Act::Create { .. } => StepKind::Create,
            Act::Edit { .. } | Act::Scrub { .. } => StepKind::Edit,
            Act::Status { .. } => StepKind::Status,
            Act::Search { .. } => StepKind::Search,
        }
    }

    /// Whether a pending delete waits for it.
    #[must_use]
    pub fn serves_a_delete(&self) -> bool {
        match self.act {
            Act::Scrub { .. } | Act::Search { .. } => true,
            Act::Status { status, .. } => status == Status::Disabled,
            Act::Create { .. } | Act::Edit { .. } => false,
        }
    }
}
