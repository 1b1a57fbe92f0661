//! The directory of affiliates, and the walks that fill it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use async_trait::async_trait;
use connections::ConnectionId;
use identity::Digest;
use identity::directory::{DirectoryEntries, Listing};
use jiff::Timestamp;
use sqlx::PgConnection;

use super::accounts::removal;
use super::failure::Failure;
use super::pool::within;
use super::port::on;
use super::text::text;
use super::{PostgresLedger, leases, rows, sql};
use crate::directory::{MAX_DRIFT, Stored, answers, is_new, state, status_word};
use crate::words::{digest, limit, micros, time};
use crate::{
    Directory, DirectoryState, Drift, Fence, FinishedWalk, LedgerError, ListedAffiliate, Page, Walk,
    WalkRequest,
};

const COMPLETE_SINCE: &str = "SELECT complete_since FROM directories WHERE connection = $1";

const LOOK_UP: &str = "SELECT wanted.address, found.code, found.seen_at FROM UNNEST($2::bytea[]) AS wanted (address)
    CROSS JOIN LATERAL (SELECT code, seen_at FROM directory
        WHERE connection = $1 AND directory.address = wanted.address ORDER BY seen_at DESC, code LIMIT 1) AS found";

const STATE: &str = "SELECT asked, walk, finished, complete_since FROM directories WHERE connection = $1";

const ASK: &str = "INSERT INTO directories (connection, asked) VALUES ($1, $2)
    ON CONFLICT (connection) DO UPDATE SET asked = excluded.asked";

const ASKED: &str = "SELECT asked FROM directories WHERE connection = $1 FOR UPDATE";

const SAVE: &str = "INSERT INTO directories AS kept (connection, walk) VALUES ($1, $2)
    ON CONFLICT (connection) DO UPDATE SET walk = excluded.walk,
        asked = CASE WHEN $3 THEN NULL ELSE kept.asked END";

const PASSES: &str =
    "SELECT found.code, found.pass FROM UNNEST($2::text[]) AS asked (code) CROSS JOIN LATERAL
    (SELECT code, pass FROM directory WHERE connection = $1 AND code = asked.code OFFSET 0) AS found";

const NOTE: &str =
    "INSERT INTO directory AS kept (connection, code, address, affiliate, status, seen_at, pass)
    SELECT $1, code, address, affiliate, status, $6, $7
    FROM UNNEST($2::text[], $3::bytea[], $4::bigint[], $5::text[]) AS new (code, address, affiliate, status)
    ORDER BY code
    ON CONFLICT (connection, code) DO UPDATE SET
        address = COALESCE(excluded.address, kept.address),
        affiliate = COALESCE(excluded.affiliate, kept.affiliate),
        status = COALESCE(excluded.status, kept.status),
        seen_at = GREATEST(excluded.seen_at, kept.seen_at),
        pass = CASE WHEN excluded.pass > 0 THEN excluded.pass ELSE kept.pass END";

const END: &str = "UPDATE directories SET walk = NULL, finished = $2,
        complete_since = CASE WHEN $3 THEN $4 ELSE complete_since END
    WHERE connection = $1";

/// The pass counts too: after a step back of the clock, an affiliate may have been seen before the walk began.
const DROP_UNSEEN: &str = "DELETE FROM directory WHERE connection = $1 AND seen_at < $2 AND pass < $2";

/// Deletes the drift of some codes.
const NO_DRIFT: &str = "DELETE FROM drift WHERE connection = $1 AND code = ANY($2)";

const DRIFT: &str = "INSERT INTO drift (connection, code, address, fields, found_at)
    SELECT $1, code, address, fields, found_at
    FROM UNNEST($2::text[], $3::bytea[], $4::text[], $5::bigint[]) AS new (code, address, fields, found_at)
    ON CONFLICT (connection, code) DO UPDATE SET
        address = excluded.address, fields = excluded.fields, found_at = excluded.found_at";

const DRIFT_COUNT: &str = "SELECT count(*) FROM drift WHERE connection = $1";

const DROP_OLD_DRIFT: &str = "DELETE FROM drift WHERE connection = $1 AND found_at < $2";

const READ_DRIFT: &str = "SELECT code, address, fields, found_at FROM drift WHERE connection = $1 ORDER BY code COLLATE \"C\" LIMIT $2";

#[async_trait]
impl Directory for PostgresLedger {
    async fn look_up(
        &self,
        connection: ConnectionId,
        addresses: &[Digest],
    ) -> Result<DirectoryEntries, LedgerError> {
        Ok(on!(self.read(), |db| look_up(db, connection, addresses))?)
    }

    async fn directory(&self, connection: ConnectionId) -> Result<DirectoryState, LedgerError> {
        let ask = rows::<Stored>(STATE).bind(connection);
        Ok(on!(self.read(), |db| async { state(ask.fetch_optional(db).await?) })?)
    }

    async fn request_walk(&self, connection: ConnectionId, request: WalkRequest) -> Result<(), LedgerError> {
        on!(self.begin(), |db| async {
            removal::check(&mut *db, connection).await?;
            sql(ASK).bind(connection).bind(serde_json::to_string(&request)?).execute(db).await?;
            Ok(())
        })?;
        Ok(())
    }

    async fn save_walk(
        &self,
        connection: ConnectionId,
        fence: Fence,
        walk: &Walk,
    ) -> Result<(), LedgerError> {
        on!(self.begin(), |db| async {
            leases::check(&mut *db, connection, fence).await?;
            removal::check(&mut *db, connection).await?;
            save(db, connection, walk).await
        })?;
        Ok(())
    }

    async fn note_page(
        &self,
        connection: ConnectionId,
        fence: Fence,
        page: &Page,
    ) -> Result<Walk, LedgerError> {
        Ok(on!(self.begin(), |db| async {
            leases::check(&mut *db, connection, fence).await?;
            removal::check(&mut *db, connection).await?;
            note_page(db, connection, page).await
        })?)
    }

    async fn end_walk(
        &self,
        connection: ConnectionId,
        fence: Fence,
        finished: &FinishedWalk,
    ) -> Result<(), LedgerError> {
        on!(self.begin(), |db| async {
            leases::check(&mut *db, connection, fence).await?;
            end(db, connection, finished).await
        })?;
        Ok(())
    }

    async fn note_affiliates(
        &self,
        connection: ConnectionId,
        affiliates: &[ListedAffiliate],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let affiliates = by_code(affiliates);
        on!(self.begin(), |db| async {
            removal::check(&mut *db, connection).await?;
            note(db, connection, &affiliates, (now, 0)).await
        })?;
        Ok(())
    }

    async fn drift(&self, connection: ConnectionId, most: usize) -> Result<Vec<Drift>, LedgerError> {
        type Row = (String, Option<Vec<u8>>, String, i64);
        let ask = rows::<Row>(READ_DRIFT).bind(connection).bind(limit(most));
        let found = on!(self.read(), |db| async { Ok(ask.fetch_all(db).await?) })?;
        let drift = |(code, address, fields, found_at): Row| {
            let address = address.map(|address| digest(&address)).transpose()?;
            let fields = serde_json::from_str(&fields)?;
            Ok(Drift { code, address, fields, found_at: time(found_at)? })
        };
        Ok(found.into_iter().map(drift).collect::<Result<_, Failure>>()?)
    }
}

async fn look_up(
    db: &mut PgConnection,
    connection: ConnectionId,
    addresses: &[Digest],
) -> Result<DirectoryEntries, Failure> {
    let complete_since: Option<(Option<i64>,)> =
        rows(COMPLETE_SINCE).bind(connection).fetch_optional(&mut *db).await?;
    let complete_since = complete_since.and_then(|(since,)| since).map(time).transpose()?.map(Into::into);
    let mut known = DirectoryEntries {
        complete_since,
        looked_up: addresses.iter().copied().collect(),
        ..DirectoryEntries::default()
    };
    let wanted: Vec<&[u8]> = addresses.iter().map(|address| &address.0[..]).collect();
    let found: Vec<(Vec<u8>, String, i64)> =
        rows(LOOK_UP).bind(connection).bind(wanted).fetch_all(db).await?;
    for (address, code, seen_at) in found {
        known.listed.insert(digest(&address)?, Listing { code: code.into(), seen_at: time(seen_at)?.into() });
    }
    Ok(known)
}

/// Affiliates by code in the stored form: one statement cannot write a row twice. The first row of a code counts.
fn by_code(affiliates: &[ListedAffiliate]) -> BTreeMap<Cow<'_, str>, &ListedAffiliate> {
    affiliates.iter().rev().map(|affiliate| (text(&affiliate.code), affiliate)).collect()
}

async fn save(db: &mut PgConnection, connection: ConnectionId, walk: &Walk) -> Result<(), Failure> {
    let asked: Option<(Option<String>,)> = rows(ASKED).bind(connection).fetch_optional(&mut *db).await?;
    let is_answered = answers(walk, asked.and_then(|(asked,)| asked))?;
    sql(SAVE).bind(connection).bind(serde_json::to_string(walk)?).bind(is_answered).execute(db).await?;
    Ok(())
}

async fn note_page(db: &mut PgConnection, connection: ConnectionId, page: &Page) -> Result<Walk, Failure> {
    let mut walk = page.walk.clone();
    let (started, pass) = (micros(walk.started_at), micros(walk.pass_started_at));
    let affiliates = by_code(&page.affiliates);
    let codes: Vec<&str> = affiliates.keys().map(AsRef::as_ref).collect();
    let before: Vec<(String, i64)> = rows(PASSES).bind(connection).bind(&codes).fetch_all(&mut *db).await?;
    let before: BTreeMap<String, i64> = before.into_iter().collect();
    for code in &codes {
        let (is_seen, is_fresh) = is_new(before.get(*code).copied(), started, pass);
        walk.seen += u64::from(is_seen);
        walk.fresh += u64::from(is_fresh);
    }
    note(&mut *db, connection, &affiliates, (page.asked_at, pass)).await?;
    walk.drifted += page.drift.iter().filter(|drift| !drift.fields.is_empty()).count() as u64;
    note_drift(&mut *db, connection, &page.drift).await?;
    save(db, connection, &walk).await?;
    Ok(walk)
}

/// Replaces the stored drift of affiliates; without a field that differs, none is left. Drift beyond the limit is not stored.
pub(super) async fn note_drift(
    db: &mut PgConnection,
    connection: ConnectionId,
    drift: &[Drift],
) -> Result<(), Failure> {
    if drift.is_empty() {
        return Ok(());
    }
    let drift: BTreeMap<Cow<'_, str>, &Drift> =
        drift.iter().map(|drift| (text(&drift.code), drift)).collect();
    let codes: Vec<&str> = drift.keys().map(AsRef::as_ref).collect();
    sql(NO_DRIFT).bind(connection).bind(codes).execute(&mut *db).await?;
    let differs = drift.into_iter().filter(|(_, drift)| !drift.fields.is_empty()).collect::<Vec<_>>();
    if differs.is_empty() {
        return Ok(());
    }
    let (kept,): (i64,) = rows(DRIFT_COUNT).bind(connection).fetch_one(&mut *db).await?;
    let room = MAX_DRIFT.saturating_sub(usize::try_from(kept).unwrap_or(usize::MAX));
    write_drift(db, connection, &differs[..differs.len().min(room)]).await
}

async fn write_drift(
    db: &mut PgConnection,
    connection: ConnectionId,
    drift: &[(Cow<'_, str>, &Drift)],
) -> Result<(), Failure> {
    let codes: Vec<&str> = drift.iter().map(|(code, _)| code.as_ref()).collect();
    let all = || drift.iter().map(|(_, drift)| drift);
    let addresses: Vec<Option<&[u8]>> =
        all().map(|drift| drift.address.as_ref().map(|address| &address.0[..])).collect();
    let fields = all().map(|drift| serde_json::to_string(&drift.fields));
    let fields: Vec<String> = fields.collect::<Result<_, _>>()?;
    let found: Vec<i64> = all().map(|drift| micros(drift.found_at)).collect();
    let write = sql(DRIFT).bind(connection).bind(codes).bind(addresses).bind(fields).bind(found);
    write.execute(db).await?;
    Ok(())
}

/// Stores affiliates with the time at which they were seen, and the beginning of the pass; 0 if there is no pass.
async fn note(
    db: &mut PgConnection,
    connection: ConnectionId,
    affiliates: &BTreeMap<Cow<'_, str>, &ListedAffiliate>,
    (seen_at, pass): (Timestamp, i64),
) -> Result<(), Failure> {
    let codes: Vec<&str> = affiliates.keys().map(AsRef::as_ref).collect();
    let all = || affiliates.values();
    let addresses: Vec<Option<&[u8]>> =
        all().map(|affiliate| affiliate.address.as_ref().map(|address| &address.0[..])).collect();
    let ids: Vec<Option<i64>> = all().map(|affiliate| affiliate.id.map(u64::cast_signed)).collect();
    let statuses: Vec<Option<&str>> = all().map(|affiliate| affiliate.status.map(status_word)).collect();
    let write = sql(NOTE).bind(connection).bind(codes).bind(addresses).bind(ids).bind(statuses);
    write.bind(micros(seen_at)).bind(pass).execute(db).await?;
    Ok(())
}

async fn end(
    db: &mut PgConnection,
    connection: ConnectionId,
    finished: &FinishedWalk,
) -> Result<(), Failure> {
    let since = micros(finished.walk.started_at);
    let end =
        sql(END).bind(connection).bind(serde_json::to_string(finished)?).bind(finished.complete).bind(since);
    end.execute(&mut *db).await?;
    if finished.complete {
        sql(DROP_UNSEEN).bind(connection).bind(since).execute(&mut *db).await?;
    }
    if finished.complete && finished.walk.request.verify {
        sql(DROP_OLD_DRIFT).bind(connection).bind(since).execute(db).await?;
    }
    Ok(())
}
