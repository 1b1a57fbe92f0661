//! The port that decides whether there is room for new events.

/// Decides whether new events are accepted. It is asked for every event, so it must answer from memory.
pub trait Admission: Send + Sync {
    /// Why new events of this connection are not accepted now; `None` if they are.
    fn refusal(&self, connection: i64) -> Option<NoRoom>;

    /// Notes that events of this size were accepted, which take up room.
    fn accepted(&self, bytes: usize);
}

/// Why there is no room for a new event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// No event is accepted: a disk or the ledger is nearly full.
    #[error(
        "the storage of the destination is full: the event is accepted after its operator has freed space"
    )]
    ForAll,
    /// No event of this connection is accepted, because it has used up its own room. Deletes are, because they make room.
    #[error(
        "too much is stored for this API key: the event is accepted after the operator has settled its dead letters"
    )]
    ForConnection,
}

impl NoRoom {
    /// Whether a delete has to wait as well.
    pub(crate) fn stops_deletes(self) -> bool {
        self == Self::ForAll
    }
}

/// Room for everything.
pub(crate) struct Unlimited;

impl Admission for Unlimited {
    fn refusal(&self, _: i64) -> Option<NoRoom> {
        None
    }

    fn accepted(&self, _: usize) {}
}
