//! Facts about an account that calls have revealed, and that Refersion's documentation does not state.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::not_changed::Meaning;

/// Kept while one worker serves a connection; the next one learns again.
#[derive(Debug, Default)]
pub struct Learned {
    not_changed: OnceLock<Meaning>,
    plain_merchant_ids: AtomicBool,
}

impl Learned {
    /// The meaning of `ids_not_changed`, once it is known.
    pub(super) fn meaning_of_not_changed(&self) -> Option<Meaning> {
        self.not_changed.get().copied()
    }

    /// Learns the meaning of `ids_not_changed`, unless another call was faster; returns the valid meaning.
    pub(super) fn learn_meaning_of_not_changed(&self, meaning: Meaning) -> Meaning {
        *self.not_changed.get_or_init(|| meaning)
    }

    /// Whether a `unique_merchant_id` of other characters than letters and digits was refused.
    pub(super) fn takes_plain_merchant_ids_only(&self) -> bool {
        self.plain_merchant_ids.load(Ordering::Relaxed)
    }

    /// Learns that the account takes letters and digits only.
    pub(super) fn learn_that_merchant_ids_are_plain(&self) {
        self.plain_merchant_ids.store(true, Ordering::Relaxed);
    }
}
