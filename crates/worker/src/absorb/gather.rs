//! Reads from the ledger what is known about some events.

use std::collections::HashSet;

use connections::ConnectionId;
use identity::{Digest, DigestSet};
use ledger::{Gathered, GraphId, LedgerError};
use uuid::Uuid;

use super::addresses::unknown_addresses;
use super::read::Reading;
use crate::Worker;
use crate::locks::in_order;

/// Reads the graph of each event's strongest identifier, then the graphs of the other identifiers that none of these holds. If the
/// persons are known, there are hardly any. With `assume_new`, the events themselves are not looked up.
pub(super) async fn gather(
    worker: &Worker,
    connection: ConnectionId,
    readings: &[Reading],
    assume_new: bool,
) -> Result<Gathered, LedgerError> {
    let looked_up = readings.iter().filter(|_| !assume_new);
    let events: Vec<Uuid> = looked_up.map(|reading| reading.event).collect();
    let names: Vec<Vec<Digest>> = readings.iter().map(Reading::names_to_lock).collect();
    let strongest = in_order(names.iter().filter_map(|names| names.first().copied()));
    let mut gathered = worker.ledger.gather(connection, &strongest, &events).await?;
    let held: DigestSet =
        gathered.graphs.iter().flat_map(|read| read.graph.identifiers.keys()).copied().collect();
    let others = names.iter().flat_map(|names| names.iter().skip(1)).copied();
    let others =
        in_order(others.filter(|name| !held.contains(name) && strongest.binary_search(name).is_err()));
    // The graphs of a single event are read one by one, so that each fits.
    let at_once = if names.len() > 1 { others.len().max(1) } else { 1 };
    for others in others.chunks(at_once) {
        if gathered.partial {
            break;
        }
        let more = worker.ledger.gather(connection, others, &[]).await?;
        let known: HashSet<GraphId> = gathered.graphs.iter().map(|read| read.row.id).collect();
        gathered.graphs.extend(more.graphs.into_iter().filter(|read| !known.contains(&read.row.id)));
        gathered.partial |= more.partial;
    }
    let addresses = unknown_addresses(readings, &gathered);
    let needs_directory = !gathered.partial && !addresses.is_empty();
    if needs_directory && worker.has_directory(connection).await? {
        gathered.directory = worker.ledger.look_up(connection, &addresses).await?;
    }
    Ok(gathered)
}
