//! Audiences: their members, their delivery, and Segment's figures.

mod figures;
mod row;

use connections::Connection;
use ledger::AudienceCounts;
use ledger::directory::MAX_DRIFT;

use figures::drift_fields;
pub use figures::rate_of;
pub use row::{AtSegment, LastVerify, List, Rejected, Row};

use super::Directory;
use super::workers::Workers;
use crate::config::{Config, Segment};
use crate::engines::Engines;
use crate::failure::Failure;
use crate::segment_api::{Asked, SegmentApi};

/// The audiences of the connections of a directory.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be read.
pub async fn list(engines: &Engines, config: &Config, directory: &Directory) -> Result<List, Failure> {
    let rates = Workers::read(engines, config).await?.rates();
    let mut list = List::default();
    for connection in directory.all() {
        let counts = engines.ledger.audience_counts(Some(connection.id)).await?;
        let counting = engines.ledger.counting(connection.id).await?;
        let rate = rate_of(connection, rates.get(&connection.id).copied());
        list.add(connection, counting, counts, rate);
    }
    Ok(list)
}

/// One audience with the causes of rejections and, if `asks_segment` is set and there is a token, with Segment's figures.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be read.
pub async fn one(
    engines: &Engines,
    config: &Config,
    (connection, counts): (&Connection, AudienceCounts),
    asks_segment: bool,
) -> Result<Row, Failure> {
    let rates = Workers::read(engines, config).await?.rates();
    let counting = engines.ledger.counting(connection.id).await?;
    let rejections = engines.ledger.rejections(connection.id).await?;
    let name = counts.audience.named.name.clone();
    let rate = rate_of(connection, rates.get(&connection.id).copied());
    let ids = counts.audience.named.space.clone().zip(counts.audience.named.segment_id.clone());
    let fields = drift_fields(connection, &counts.audience.named.key);
    let mut row = Row::of(connection, counting, counts, rate);
    if let Some((space, id)) = ids.filter(|_| asks_segment)
        && let Some(asked) = believed(engines, &config.segment, &space, &id).await
    {
        row.believe(asked);
    }
    let last = engines.ledger.directory(connection.id).await?.finished.and_then(|finished| finished.verified);
    row.verify(&fields, last, &engines.ledger.drift(connection.id, MAX_DRIFT).await?);
    row.reject(rejections.into_iter().filter(|it| it.name == name));
    Ok(row)
}

/// Segment's figures; `None` without a token.
async fn believed(engines: &Engines, settings: &Segment, space: &str, id: &str) -> Option<Asked> {
    match SegmentApi::of(settings) {
        Ok(api) => Some(api?.audience_of(engines, space, id).await),
        Err(error) => Some(Asked { believed: Err(error), at: engines.now() }),
    }
}

/// The audience of this name, in whatever spelling, among the connections of a directory.
///
/// # Errors
///
/// [`Failure`] with the code `no_such_audience`, or `ambiguous_audience` if several connections have one of this name.
pub async fn find(
    engines: &Engines,
    directory: &Directory,
    name: &str,
) -> Result<(Connection, AudienceCounts), Failure> {
    let key = segment::fold_key(name);
    let mut found = Vec::new();
    for connection in directory.all() {
        let counts = engines.ledger.audience_counts(Some(connection.id)).await?;
        found.extend(
            counts.into_iter().find(|it| it.audience.named.key == key).map(|it| (connection.clone(), it)),
        );
    }
    if found.len() > 1 {
        let names: Vec<String> = found.iter().map(|(connection, _)| connection.name.to_string()).collect();
        let message = format!("several connections have such an audience: {}", names.join(", "));
        return Err(Failure::refused("ambiguous_audience", message, "name one with --connection"));
    }
    found.pop().ok_or_else(|| {
        let message = format!("no event of an audience `{name}` has arrived");
        Failure::refused("no_such_audience", message, "`audiences list` shows the known audiences")
    })
}
