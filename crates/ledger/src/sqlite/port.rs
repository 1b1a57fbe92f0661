//! The ledger's port. Each method is one snapshot or one transaction, and uses the neighbouring modules.
//!
//! Graphs are packed and unpacked here, outside of the database's one thread.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use numbers::Ranges;
use sqlite::rusqlite::Connection;
use uuid::Uuid;

use super::failure::Failure;
use super::graphs::Stored;
use super::record::Prepared;
use super::{SqliteLedger, arrivals, claims, codes, due, events, graphs, leases, record};
use crate::{
    CallId, Calls, Changes, Claim, DueGraph, Engine, Fence, Gathered, GraphId, GraphRow, Graphs, Lease,
    LedgerError, OpenCall, Row, Schedule, Want,
};

impl Engine for SqliteLedger {}

#[async_trait]
impl Graphs for SqliteLedger {
    async fn gather(
        &self,
        connection: ConnectionId,
        digests: &[Digest],
        events: &[Uuid],
    ) -> Result<Gathered, LedgerError> {
        let (digests, events) = (digests.to_vec(), events.to_vec());
        let ((graphs, partial), known) = self
            .read::<_, LedgerError>(move |database| {
                let graphs = graphs::holding(database, connection, &digests)?;
                let mut known = BTreeMap::new();
                for event in events {
                    let found = events::known(database, connection, event)?;
                    known.extend(found.map(|found| (event, found.into_known_event())));
                }
                Ok((graphs, known))
            })
            .await?;
        Ok(Gathered { graphs: parsed(graphs)?, known, partial, ..Gathered::default() })
    }

    async fn graphs(&self, ids: &[GraphId]) -> Result<Vec<GraphRow>, LedgerError> {
        let ids = ids.to_vec();
        parsed(self.read::<_, LedgerError>(move |database| graphs::by_ids(database, ids)).await?)
    }

    async fn record(&self, changes: Changes) -> Result<(), LedgerError> {
        let prepared = Prepared::of(changes);
        let forgets = prepared.forgets();
        self.write::<_, LedgerError>(move |database| record::record(database, &prepared)).await?;
        if forgets {
            self.forgot().await;
        }
        Ok(())
    }

    async fn note_arrivals(&self, numbers: &BTreeMap<Uuid, Ranges>) -> Result<(), LedgerError> {
        let numbers = numbers.clone();
        self.write(move |database| arrivals::note(database, &numbers)).await
    }

    async fn claim(
        &self,
        connection: ConnectionId,
        claim: Claim,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.write(move |database| claims::take(database, connection, claim, now)).await
    }

    async fn end_claim(&self, connection: ConnectionId, claim: Claim) -> Result<(), LedgerError> {
        self.write(move |database| claims::end(database, connection, claim)).await
    }
}

#[async_trait]
impl Calls for SqliteLedger {
    async fn lease(
        &self,
        connection: ConnectionId,
        holder: Uuid,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Option<Lease>, LedgerError> {
        self.write(move |database| leases::take(database, connection, holder, now, lasts)).await
    }

    async fn give_back(&self, connection: ConnectionId, holder: Uuid) -> Result<(), LedgerError> {
        self.write(move |database| leases::give_back(database, connection, holder)).await
    }

    async fn open_calls(
        &self,
        connection: ConnectionId,
        fence: Fence,
        calls: &[OpenCall],
    ) -> Result<Vec<CallId>, LedgerError> {
        let with_items = |call: &OpenCall| Ok((call.clone(), serde_json::to_string(&call.items)?));
        let calls = calls.iter().map(with_items).collect::<Result<Vec<_>, Failure>>()?;
        self.write(move |database| leases::open_calls(database, connection, fence, &calls)).await
    }

    async fn calls_left_open(
        &self,
        connection: ConnectionId,
        fence: Fence,
    ) -> Result<Vec<OpenCall>, LedgerError> {
        self.read(move |database| leases::left_open(database, connection, fence)).await
    }

    async fn affiliate_codes(
        &self,
        connection: ConnectionId,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, String>, LedgerError> {
        let ids = ids.to_vec();
        self.read(move |database| codes::read(database, connection, &ids)).await
    }
}

#[async_trait]
impl Schedule for SqliteLedger {
    async fn due(
        &self,
        connection: ConnectionId,
        now: Timestamp,
        want: &Want,
    ) -> Result<Vec<DueGraph>, LedgerError> {
        let want = want.clone();
        let due = self
            .read::<_, LedgerError>(move |database| due::graphs(database, connection, now, &want))
            .await?;
        due.into_iter()
            .map(|due| {
                Ok(DueGraph { graph: parse(due.graph)?, lane: due.lane, step: due.step, due_at: due.due_at })
            })
            .collect()
    }

    async fn next_due(&self, connection: ConnectionId) -> Result<Option<Timestamp>, LedgerError> {
        self.read(move |database| due::next(database, connection)).await
    }

    async fn walk(
        &self,
        connection: ConnectionId,
        after: GraphId,
        limit: usize,
    ) -> Result<Vec<GraphRow>, LedgerError> {
        let rows = move |database: &Connection| graphs::walk(database, connection, after, limit);
        parsed(self.read::<_, LedgerError>(rows).await?)
    }

    async fn walk_position(&self, connection: ConnectionId) -> Result<Option<(i64, GraphId)>, LedgerError> {
        self.read(move |database| due::walk_position(database, connection)).await
    }

    async fn set_walk_position(
        &self,
        connection: ConnectionId,
        version: i64,
        position: Option<GraphId>,
    ) -> Result<(), LedgerError> {
        self.write(move |database| due::set_walk_position(database, connection, version, position)).await
    }
}

fn parse(stored: Stored) -> Result<GraphRow, LedgerError> {
    let Stored { id, version, body, dirty, waiting } = stored;
    body.read(Row { id, version, dirty, waiting })
}

fn parsed(stored: Vec<Stored>) -> Result<Vec<GraphRow>, LedgerError> {
    stored.into_iter().map(parse).collect()
}
