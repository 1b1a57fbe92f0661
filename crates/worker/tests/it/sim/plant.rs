//! Mistakes that are planted, to see whether the simulation finds them.

/// A mistake that a worker could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// None.
    Nothing,
    /// Of two statements about a trait the first stays.
    FirstWriterWins,
    /// What a predecessor had sent is not settled.
    OpenCallsForgotten,
    /// Results are recorded without a look at the lease.
    NoFence,
    /// Bulk goes before live.
    BulkFirst,
    /// Bulk waits as long as anything live is due.
    BulkStarves,
    /// While a connection is paused, the others wait with it.
    AllWaitForOne,
    /// Batches are not filled.
    OneByOne,
    /// What was told is told again whenever something is said.
    ToldAgain,
    /// The payout field follows the holder of the address.
    PayoutFollowsHolder,
}
