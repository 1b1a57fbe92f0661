//! One step: a call that an affiliate, or an address without one, needs next.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::graph::Status;
use crate::{Map, Text};

/// The kind of call that a graph needs next. The ledger sorts due graphs by it, so that batches can be filled.
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
    /// The address that it is about; failures are kept under it.
    pub anchor: Digest,
    /// The call to make.
    pub act: Act,
}

/// The action of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Create an affiliate at the anchor.
    Create {
        /// The user whose id becomes `unique_merchant_id`.
        user: Option<Digest>,
        /// The fields that a create can set, by name, without empty ones.
        fields: Map<Text, Text>,
    },
    /// Change fields of an affiliate.
    Edit {
        /// Its numeric id.
        affiliate: u64,
        /// The address to send, if that differs as well.
        email: Option<Digest>,
        /// The fields that differ.
        fields: Map<Text, Text>,
    },
    /// Overwrite the fields of a deleted person's affiliate.
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
        /// Whether a create without an answer may have created it.
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
