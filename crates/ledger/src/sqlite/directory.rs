//! The directory of affiliates, and the walks that fill it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use identity::directory::{DirectoryEntries, Listing};
use jiff::Timestamp;
use sqlite::rusqlite::{Connection, OptionalExtension as _, params};

use super::SqliteLedger;
use super::accounts::removal;
use super::failure::Failure;
use super::leases;
use super::rows::all;
use super::words::{affiliate_id, limit, micros, time};
use crate::directory::{MAX_DRIFT, Stored, answers, is_new, state, status_word};
use crate::{
    Directory, DirectoryState, Drift, Fence, FinishedWalk, LedgerError, ListedAffiliate, Page, Walk,
    WalkRequest,
};

const COMPLETE_SINCE: &str = "SELECT complete_since FROM directories WHERE connection = ?1";

/// Uses the index of addresses: without this hint, SQLite scans the whole directory of the connection, because the rows are in the order of
/// codes.
const LOOK_UP: &str = "SELECT code, seen_at FROM directory INDEXED BY directory_address
    WHERE connection = ?1 AND address = ?2 ORDER BY seen_at DESC, code LIMIT 1";

const STATE: &str = "SELECT asked, walk, finished, complete_since FROM directories WHERE connection = ?1";

const ASK: &str = "INSERT INTO directories (connection, asked) VALUES (?1, ?2)
    ON CONFLICT (connection) DO UPDATE SET asked = excluded.asked";

const ASKED: &str = "SELECT asked FROM directories WHERE connection = ?1";

const SAVE: &str = "INSERT INTO directories (connection, walk) VALUES (?1, ?2)
    ON CONFLICT (connection) DO UPDATE SET walk = excluded.walk,
        asked = CASE WHEN ?3 THEN NULL ELSE asked END";

const PASS_OF: &str = "SELECT pass FROM directory WHERE connection = ?1 AND code = ?2";

const NOTE: &str = "INSERT INTO directory (connection, code, address, affiliate, status, seen_at, pass)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (connection, code) DO UPDATE SET
        address = COALESCE(excluded.address, address), affiliate = COALESCE(excluded.affiliate, affiliate),
        status = COALESCE(excluded.status, status), seen_at = MAX(excluded.seen_at, seen_at),
        pass = CASE WHEN excluded.pass > 0 THEN excluded.pass ELSE pass END";

const END: &str = "UPDATE directories SET walk = NULL, finished = ?2,
        complete_since = CASE WHEN ?3 THEN ?4 ELSE complete_since END
    WHERE connection = ?1";

/// The pass counts too: after a step back of the clock, an affiliate may have been seen before the walk began.
const DROP_UNSEEN: &str = "DELETE FROM directory WHERE connection = ?1 AND seen_at < ?2 AND pass < ?2";

const NO_DRIFT: &str = "DELETE FROM drift WHERE connection = ?1 AND code = ?2";

const DRIFT: &str = "INSERT INTO drift (connection, code, address, fields, found_at)
    SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM drift WHERE connection = ?1) < ?6";

const DROP_OLD_DRIFT: &str = "DELETE FROM drift WHERE connection = ?1 AND found_at < ?2";

const READ_DRIFT: &str =
    "SELECT code, address, fields, found_at FROM drift WHERE connection = ?1 ORDER BY code LIMIT ?2";

#[async_trait]
impl Directory for SqliteLedger {
    async fn look_up(
        &self,
        connection: ConnectionId,
        addresses: &[Digest],
    ) -> Result<DirectoryEntries, LedgerError> {
        let addresses = addresses.to_vec();
        self.read(move |database| look_up(database, connection, &addresses)).await
    }

    async fn directory(&self, connection: ConnectionId) -> Result<DirectoryState, LedgerError> {
        self.read(move |database| read_state(database, connection)).await
    }

    async fn request_walk(&self, connection: ConnectionId, request: WalkRequest) -> Result<(), LedgerError> {
        self.write(move |database| {
            removal::check(database, connection)?;
            database.prepare_cached(ASK)?.execute((connection, serde_json::to_string(&request)?))?;
            Ok(())
        })
        .await
    }

    async fn save_walk(
        &self,
        connection: ConnectionId,
        fence: Fence,
        walk: &Walk,
    ) -> Result<(), LedgerError> {
        let walk = walk.clone();
        self.write(move |database| {
            leases::check(database, connection, fence)?;
            removal::check(database, connection)?;
            save(database, connection, &walk)
        })
        .await
    }

    async fn note_page(
        &self,
        connection: ConnectionId,
        fence: Fence,
        page: &Page,
    ) -> Result<Walk, LedgerError> {
        let page = page.clone();
        self.write(move |database| {
            leases::check(database, connection, fence)?;
            removal::check(database, connection)?;
            note_page(database, connection, page)
        })
        .await
    }

    async fn end_walk(
        &self,
        connection: ConnectionId,
        fence: Fence,
        finished: &FinishedWalk,
    ) -> Result<(), LedgerError> {
        let finished = finished.clone();
        self.write(move |database| {
            leases::check(database, connection, fence)?;
            end(database, connection, &finished)
        })
        .await
    }

    async fn note_affiliates(
        &self,
        connection: ConnectionId,
        affiliates: &[ListedAffiliate],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let affiliates = affiliates.to_vec();
        self.write(move |database| {
            removal::check(database, connection)?;
            affiliates.iter().try_for_each(|affiliate| note(database, connection, affiliate, (now, 0)))
        })
        .await
    }

    async fn drift(&self, connection: ConnectionId, most: usize) -> Result<Vec<Drift>, LedgerError> {
        self.read(move |database| drift(database, connection, most)).await
    }
}

fn look_up(
    database: &Connection,
    connection: ConnectionId,
    addresses: &[Digest],
) -> Result<DirectoryEntries, Failure> {
    let complete_since: Option<Option<i64>> =
        database.prepare_cached(COMPLETE_SINCE)?.query_row([connection], |row| row.get(0)).optional()?;
    let complete_since = complete_since.flatten().map(time).transpose()?.map(Into::into);
    let mut known = DirectoryEntries {
        complete_since,
        looked_up: addresses.iter().copied().collect(),
        ..DirectoryEntries::default()
    };
    let mut look_up = database.prepare_cached(LOOK_UP)?;
    for address in addresses {
        let found = look_up
            .query_row((connection, &address.0), |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
        if let Some((code, seen_at)) = found.optional()? {
            known.listed.insert(*address, Listing { code: code.into(), seen_at: time(seen_at)?.into() });
        }
    }
    Ok(known)
}

fn read_state(database: &Connection, connection: ConnectionId) -> Result<DirectoryState, Failure> {
    let stored: Option<Stored> = database
        .prepare_cached(STATE)?
        .query_row([connection], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    state(stored)
}

fn save(database: &Connection, connection: ConnectionId, walk: &Walk) -> Result<(), Failure> {
    let asked: Option<Option<String>> =
        database.prepare_cached(ASKED)?.query_row([connection], |row| row.get(0)).optional()?;
    let is_answered = answers(walk, asked.flatten())?;
    database.prepare_cached(SAVE)?.execute((connection, serde_json::to_string(walk)?, is_answered))?;
    Ok(())
}

fn note_page(database: &Connection, connection: ConnectionId, page: Page) -> Result<Walk, Failure> {
    let Page { mut walk, asked_at, affiliates, drift } = page;
    let (started, pass) = (micros(walk.started_at), micros(walk.pass_started_at));
    let mut codes = BTreeSet::new();
    for affiliate in &affiliates {
        if !codes.insert(&affiliate.code) {
            continue;
        }
        let before: Option<i64> = database
            .prepare_cached(PASS_OF)?
            .query_row((connection, &affiliate.code), |row| row.get(0))
            .optional()?;
        let (is_seen, is_fresh) = is_new(before, started, pass);
        walk.seen += u64::from(is_seen);
        walk.fresh += u64::from(is_fresh);
        note(database, connection, affiliate, (asked_at, pass))?;
    }
    for found in &drift {
        walk.drifted += u64::from(!found.fields.is_empty());
        note_drift(database, connection, found)?;
    }
    save(database, connection, &walk)?;
    Ok(walk)
}

/// Replaces the stored drift of an affiliate; without a field that differs, none is left.
pub(super) fn note_drift(
    database: &Connection,
    connection: ConnectionId,
    drift: &Drift,
) -> Result<(), Failure> {
    database.prepare_cached(NO_DRIFT)?.execute((connection, &drift.code))?;
    if drift.fields.is_empty() {
        return Ok(());
    }
    let address = drift.address.as_ref().map(|address| &address.0[..]);
    let fields = serde_json::to_string(&drift.fields)?;
    let values = params![connection, drift.code, address, fields, micros(drift.found_at), limit(MAX_DRIFT)];
    database.prepare_cached(DRIFT)?.execute(values)?;
    Ok(())
}

/// Stores an affiliate with the time at which it was seen, and the beginning of the pass; 0 if there is no pass.
fn note(
    database: &Connection,
    connection: ConnectionId,
    affiliate: &ListedAffiliate,
    (seen_at, pass): (Timestamp, i64),
) -> Result<(), Failure> {
    let address = affiliate.address.as_ref().map(|address| &address.0[..]);
    let (id, status) = (affiliate_id(affiliate.id)?, affiliate.status.map(status_word));
    let values = params![connection, affiliate.code, address, id, status, micros(seen_at), pass];
    database.prepare_cached(NOTE)?.execute(values)?;
    Ok(())
}

fn end(database: &Connection, connection: ConnectionId, finished: &FinishedWalk) -> Result<(), Failure> {
    let since = micros(finished.walk.started_at);
    let ended = serde_json::to_string(finished)?;
    database.prepare_cached(END)?.execute((connection, ended, finished.complete, since))?;
    if finished.complete {
        database.prepare_cached(DROP_UNSEEN)?.execute((connection, since))?;
    }
    if finished.complete && finished.walk.request.verify {
        database.prepare_cached(DROP_OLD_DRIFT)?.execute((connection, since))?;
    }
    Ok(())
}

fn drift(database: &Connection, connection: ConnectionId, most: usize) -> Result<Vec<Drift>, Failure> {
    all(database, READ_DRIFT, (connection, limit(most)), |row| {
        let address: Option<[u8; 16]> = row.get(1)?;
        Ok(Drift {
            code: row.get(0)?,
            address: address.map(Digest),
            fields: serde_json::from_str(&row.get::<_, String>(2)?)?,
            found_at: time(row.get(3)?)?,
        })
    })
}
