//! The status of one connection.

use std::collections::BTreeMap;

use connections::Connection;
use jiff::Timestamp;
use ledger::Counts;
use serde::Serialize;

use super::left_out::LeftOut;
use super::notes::{self, Unmapped};
use super::shared::{self, Shared};
use service::capacity::{Reason, Refusals};
use service::engines::Engines;
use service::failure::Failure;
use service::operator::adoption::Adoption;
use service::operator::directory::{pause_hint, state_words, suspension_hint};
use service::operator::workers::Workers;

#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) paused_for: Option<&'static str>,
    pub(super) paused_because: Option<String>,
    /// Advice about the pause.
    #[serde(skip)]
    pub(super) pause_hint: Option<String>,
    /// Advice about each suspended field, by its id.
    #[serde(skip)]
    pub(super) suspension_hints: BTreeMap<u64, String>,
    /// Until when Refersion asks to wait; null if it does not.
    pub(super) asked_to_wait_until: Option<jiff::Timestamp>,
    /// Custom fields that are not sent because Refersion refuses them for everybody, by numeric id, and why.
    pub(super) suspended_fields: BTreeMap<u64, String>,
    /// Since when they are suspended, if that is known.
    pub(super) suspended_since: BTreeMap<u64, Timestamp>,
    /// The reason why new events of this connection are not accepted; null while they are.
    pub(super) refused_for: Option<&'static str>,
    #[serde(skip)]
    pub(super) refused_because: Option<&'static str>,
    pub(super) due: u64,
    /// The rate in use now, in calls a second; the learned one while no worker delivers.
    pub(super) rate: f64,
    /// The rate that the settings allow.
    pub(super) rate_ceiling: f64,
    pub(super) pending: u64,
    pub(super) dirty: u64,
    pub(super) waiting: u64,
    pub(super) held_back: u64,
    pub(super) not_cleared: BTreeMap<String, u64>,
    pub(super) dead_letters: u64,
    pub(super) dead_letters_by_class: BTreeMap<String, u64>,
    pub(super) unmapped_traits: Vec<Unmapped>,
    /// Events with more such traits than are counted by name: if there are any, the list is a sample.
    pub(super) unmapped_beyond: u64,
    #[serde(flatten)]
    pub(super) left_out: LeftOut,
    /// Identifiers that too many others are named with.
    pub(super) shared_identifiers: Vec<Shared>,
    /// The walk through Refersion's affiliates.
    pub(super) adoption: Option<Adoption>,
}

/// All connections, in the order of the list.
pub(super) async fn rows(
    engines: &Engines,
    connections: &[Connection],
    refusals: &Refusals,
    workers: &Workers,
) -> Result<Vec<Row>, Failure> {
    let (mut rows, rates) = (Vec::new(), workers.rates());
    for connection in connections {
        let counts = engines.ledger.counts(Some(connection.id), engines.now()).await?;
        let refused = refusals.connections.get(&connection.id).copied();
        let shared = shared::of(engines, connection.id, &counts).await?;
        let row = row(connection, counts, refused, rates.get(&connection.id).copied(), engines.now());
        let adoption = Some(Adoption::read(engines, connection, workers).await?);
        rows.push(Row { shared_identifiers: shared, adoption, ..row });
    }
    Ok(rows)
}

fn row(
    connection: &Connection,
    counts: Counts,
    refused: Option<Reason>,
    rate: Option<f64>,
    now: Timestamp,
) -> Row {
    let left_out = LeftOut::of(&counts);
    let suspended = connection.settings.suspended_fields.keys();
    let suspension_hints = suspended.map(|field| (*field, suspension_hint(connection, *field)));
    let (state, paused_for) = state_words(connection.state);
    let ceiling = connection.settings.rate_per_second;
    Row {
        name: connection.name.to_string(),
        state,
        paused_for,
        paused_because: connection.paused_because.clone(),
        pause_hint: pause_hint(connection),
        suspension_hints: suspension_hints.collect(),
        asked_to_wait_until: connection.asked_to_wait_until.filter(|until| *until > now),
        suspended_fields: connection.settings.suspended_fields.clone(),
        suspended_since: connection.settings.suspended_since.clone(),
        refused_for: refused.map(Reason::word),
        refused_because: refused.map(Reason::in_words),
        due: counts.due,
        rate: rate.or(connection.learned_rate).map_or(ceiling, |rate| rate.min(ceiling)),
        rate_ceiling: ceiling,
        pending: counts.pending,
        dirty: counts.dirty,
        waiting: counts.waiting,
        held_back: counts.held_back,
        not_cleared: counts.stuck,
        dead_letters: counts.dead_letters,
        unmapped_beyond: counts.unmapped_beyond,
        left_out,
        shared_identifiers: Vec::new(),
        adoption: None,
        dead_letters_by_class: counts.dead_letters_by_class,
        unmapped_traits: counts
            .unmapped
            .into_iter()
            .filter(|(name, _)| !notes::is_mapped(&connection.settings, name))
            .map(|(name, events)| Unmapped { name, events })
            .collect(),
    }
}
