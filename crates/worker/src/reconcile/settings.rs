//! Applies changed settings: they also concern persons without new events, so a walk through all graphs settles them again.

use std::sync::Arc;
use std::time::Duration;

use connections::{Connection, State};
use jiff::Timestamp;
use ledger::{GraphId, LedgerError};
use tracing::info;

use super::Holder;
use super::suspicion::Suspicion;
use crate::locks::in_order;
use crate::notices::record;
use crate::off_thread::off_thread;
use crate::rules::WALKS_BEGIN_AFTER;

/// Graphs settled in one step of the walk.
const STEP: usize = 200;

impl Holder {
    /// Takes over the current state and settings of the connection.
    pub(super) fn adopt(&mut self, connection: Arc<Connection>) {
        if self.connection.state != State::Active && connection.state == State::Active {
            // A resumed connection starts without earlier failures, so that calls go out.
            self.forget_failures();
            self.suspect = None;
        }
        if connection.settings_version != self.connection.settings_version {
            info!(connection = %connection.name, connection_id = connection.id, "the settings have changed");
            self.probes = 0;
        }
        if connection.epoch() != self.connection.epoch() {
            self.suspicion = Suspicion::default();
        }
        self.apply_wait(&connection);
        let ceiling = connection.settings.rate_per_second;
        self.gate.with_pace(|pace, now| pace.set_ceiling(ceiling, now));
        self.connection = connection;
    }

    /// One step of the walk, if one is under way.
    pub(super) async fn apply_settings(&mut self) -> Result<(), LedgerError> {
        let (connection, current) = (self.connection.id, self.connection.settings_version);
        if self.walked == Some(current) {
            return Ok(());
        }
        let Some((version, after)) = self.worker.ledger.walk_position(connection).await? else {
            self.walked = Some(current);
            return Ok(());
        };
        let now = self.worker.now();
        let since = self.walk_since.get_or_insert((version, now));
        if since.0 != version {
            *since = (version, now);
        }
        if now.duration_since(since.1) < WALKS_BEGIN_AFTER || version != current {
            return Ok(());
        }
        self.step(version, after, now).await
    }

    async fn step(&mut self, version: i64, after: i64, now: Timestamp) -> Result<(), LedgerError> {
        let connection = self.connection.id;
        let rows = self.worker.ledger.walk(connection, after, STEP).await?;
        let Some(last) = rows.last().map(|read| read.row.id) else {
            info!(connection = %self.connection.name, connection_id = connection, version, "the settings are applied to all persons");
            self.walk_since = None;
            return self.worker.ledger.set_walk_position(connection, version, None).await;
        };
        let recorder = self.recorder();
        let ids: Vec<GraphId> = rows.iter().map(|read| read.row.id).collect();
        let names = in_order(rows.iter().flat_map(|read| read.graph.identifiers.keys().copied()));
        let (rows, _held) = recorder.read_by_id(&ids, names).await?;
        let (rules, mut changes) = (recorder.rules(), recorder.changes());
        off_thread(|| {
            rows.into_iter().for_each(|row| recorder.retry_refused(&mut changes, row, &rules, now))
        });
        match record(&self.worker, changes).await {
            Ok(()) => self.worker.ledger.set_walk_position(connection, version, Some(last)).await,
            // Another process changed one of them: the step is repeated.
            Err(LedgerError::Conflict | LedgerError::Claimed) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok(())
            }
            Err(other) => Err(other),
        }
    }
}
