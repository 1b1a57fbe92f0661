//! The identifiers that former versions of repaired events name: their graphs must no longer keep those versions.

use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use ledger::{LedgerError, OrphanedDeadLetter};

use super::read::{Content, Reading};
use crate::Worker;
use crate::locks::in_order;
use crate::rules::ConnectionCache;
use crate::translate::{Action, Translator};

/// Looks up the former versions of events that an operator has repaired; hardly any event has one.
pub(super) async fn look_up(
    worker: &Worker,
    cache: &ConnectionCache,
    readings: &mut [Reading],
) -> Result<(), LedgerError> {
    for reading in readings.iter_mut().filter(|reading| reading.replay && reading.revision > 0) {
        let payloads = worker.ledger.payloads(reading.event).await?;
        let named =
            payloads.iter().flat_map(|it| names(worker, cache, reading.connection, it, reading.received_at));
        reading.former = in_order(named);
    }
    Ok(())
}

/// The identifiers that a version names; none if it was never folded.
fn names(
    worker: &Worker,
    cache: &ConnectionCache,
    connection: ConnectionId,
    payload: &str,
    received_at: Timestamp,
) -> Vec<Digest> {
    let options = cache.read_options(connection);
    let Ok(event) = segment::read_with(payload.as_bytes(), received_at, &options) else { return Vec::new() };
    let translator = Translator { vault: &worker.vault, connection };
    match translator.translate(uuid::Uuid::nil(), 0, identity::graph::Lane::Live, &event) {
        Action::Identify(statement) => statement.digests(),
        Action::Delete(_) | Action::Skip(_) => Vec::new(),
    }
}

impl Reading {
    /// The identifiers whose graphs it may change, the strongest that it names first.
    pub(super) fn names_to_lock(&self) -> Vec<Digest> {
        let mut names = self.names();
        names.extend(&self.former);
        names
    }

    /// Lets a delete find the dead letter if only a former version names the deleted person.
    pub(super) fn under_former_names(&self) -> Option<OrphanedDeadLetter> {
        let names = self.names();
        let former = self.former.iter().copied().filter(|name| !names.contains(name));
        let named: Vec<Digest> = former.collect();
        let is_any = !named.is_empty();
        is_any.then_some(OrphanedDeadLetter { event: self.event, named, stated_at: self.stated_at })
    }

    /// The stamp of an identify that repairs a former version.
    pub(super) fn repairs(&self) -> Option<&identity::stamp::Stamp> {
        match &self.content {
            Content::Action(Action::Identify(statement)) if self.revision > 0 => Some(&statement.stamp),
            _ => None,
        }
    }
}
