//! Identifiers of a connection that too many others are named with, so that they count for nobody.

use connections::ConnectionId;
use identity::Digest;
use ledger::Counts;
use serde::Serialize;
use worker::translate;

use service::engines::Engines;
use service::failure::Failure;
use service::output::{Output, cut, spare, whole};

/// A shared identifier. The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
pub(super) struct Shared {
    /// Its place in an event: `userId`, `email` or `anonymousId`.
    place: String,
    /// The identifier; null if a delete erased it.
    identifier: Option<String>,
    digest: String,
    /// How many others it linked when it stopped linking.
    linked: Option<u32>,
    /// Events that have named it since.
    events: u64,
}

/// The shared identifiers that the ledger counted, with their names.
pub(super) async fn of(
    engines: &Engines,
    connection: ConnectionId,
    counts: &Counts,
) -> Result<Vec<Shared>, Failure> {
    let mut all = Vec::new();
    for (name, events) in &counts.shared_identifiers {
        let (place, digest) = name.split_once(' ').unwrap_or((name, ""));
        let mut shared = Shared {
            place: place.to_owned(),
            identifier: None,
            digest: digest.to_owned(),
            linked: None,
            events: *events,
        };
        if let Ok(digest) = digest.parse::<Digest>() {
            let graphs = engines.ledger.gather(connection, &[digest], &[]).await?.graphs;
            let kept = graphs.iter().find_map(|read| read.graph.identifiers.get(&digest));
            let sealed = kept.and_then(|kept| kept.sealed.as_deref());
            shared.identifier = sealed.and_then(|sealed| translate::open(&engines.vault, digest, sealed));
            shared.linked = kept.and_then(|kept| kept.shared);
        }
        all.push(shared);
    }
    Ok(all)
}

/// Shows them, for the connection of this name.
pub(super) fn show(all: &[Shared], connection: &str, output: &mut Output) -> Result<(), Failure> {
    if all.is_empty() {
        return Ok(());
    }
    output.line(&format!(
        "\n{connection}: these identifiers are used for too many people, so they count for nobody: correct the source"
    ))?;
    let row = |it: &Shared| {
        let name = it.identifier.clone().unwrap_or_else(|| it.digest.clone());
        let linked = it.linked.map_or_else(String::new, |linked| linked.to_string());
        vec![it.place.clone(), name, linked, it.events.to_string()]
    };
    let head = [whole("PLACE"), cut("IDENTIFIER"), spare("LINKED"), whole("EVENTS SINCE")];
    output.table(&head, &all.iter().map(row).collect::<Vec<_>>())
}
