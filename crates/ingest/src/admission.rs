//! The port to whoever knows how much room there is for new events.

/// Decides whether new events are taken in. It is asked for every event, so it must answer from memory.
pub trait Admission: Send + Sync {
    /// Why no new event of this connection is taken in now; `None` while it is.
    fn refusal(&self, connection: i64) -> Option<NoRoom>;
}

/// Why there is no room for a new event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// For nobody: disk or ledger are about to be full.
    #[error("the storage of the destination is full: the event is taken once its operator has made room")]
    ForAll,
    /// For this connection, which has used up what is its own. Deletes are taken all the same: they make room.
    #[error(
        "too much is stored for this API key: the event is taken once the operator has settled its dead letters"
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
}
