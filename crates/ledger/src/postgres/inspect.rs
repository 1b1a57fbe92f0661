//! Looks at a database without changing anything: whether this program could work with it.

use jiff::{SignedDuration, Timestamp};
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::time::{Duration, Instant};

use super::failure::Failure;
use super::pool::within;
use super::{PostgresLedger, migrate, plain, pooler, rows};
use crate::LedgerError;
use crate::words::time;

/// The longest that a look takes.
const DEADLINE: Duration = Duration::from_secs(8);

const SERVER: &str =
    "SELECT current_setting('server_version'), current_setting('server_version_num')::integer,
    pg_is_in_recovery(), current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'";

const RIGHTS: &str = "SELECT coalesce(has_schema_privilege(current_user, current_schema(), 'CREATE'), false),
    coalesce((SELECT bool_and(pg_has_role(current_user, relowner, 'USAGE')) FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace), true),
    to_regclass('schema_migrations') IS NOT NULL";

const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// What was found in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The server's version, in its own words.
    pub server: String,
    /// Whether that is one that the schema is written for.
    pub server_is_new_enough: bool,
    /// Whether it is a standby, which takes no writes.
    pub is_standby: bool,
    /// Whether what it confirms survives a power cut.
    pub is_durable: bool,
    /// How far our clock is ahead of the server's, give or take half the time that a question takes; negative: behind it.
    pub clock_ahead: SignedDuration,
    /// Whether our role may make tables.
    pub may_create: bool,
    /// Whether our role owns the tables that are there; the weekly partitions need it.
    pub owns_tables: bool,
    /// The steps of the schema that are applied; 0 in an empty database.
    pub schema: i64,
    /// Those that this program knows.
    pub known_schema: i64,
    /// Why this program must not use the schema that is there, if it must not.
    pub refused: Option<String>,
}

impl PostgresLedger {
    /// Looks at the database of this URL (see [`PostgresLedger::connect`]), and changes nothing. `clock` is the one that
    /// leases would be judged by.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the server cannot be reached or does not let us in; [`LedgerError::Broken`] when
    /// the URL makes no sense, or a pooler is in between that gives each transaction another session.
    pub async fn inspect(
        url: &str,
        clock: &(dyn Fn() -> Timestamp + Sync),
    ) -> Result<Inspection, LedgerError> {
        let options = plain(url, "refersion-destination check")?;
        let looking = async {
            if pooler::divides_sessions(&options).await? {
                return Err(Failure::Broken(pooler::WHY.to_owned()));
            }
            let mut connection = options.connect().await?;
            look(&mut connection, clock).await
        };
        Ok(within(Instant::now() + DEADLINE, looking).await?)
    }
}

async fn look(db: &mut PgConnection, clock: &(dyn Fn() -> Timestamp + Sync)) -> Result<Inspection, Failure> {
    let (server, number, is_standby, is_durable): (String, i32, bool, bool) =
        rows(SERVER).fetch_one(&mut *db).await?;
    let (may_create, owns_tables, is_there): (bool, bool, bool) = rows(RIGHTS).fetch_one(&mut *db).await?;
    let (schema, refused) = if is_there { migrate::look(db).await? } else { (0, None) };
    let clock_ahead = clock_ahead(db, clock).await?;
    Ok(Inspection {
        server,
        server_is_new_enough: number >= migrate::OLDEST_SERVER,
        is_standby,
        is_durable,
        clock_ahead,
        may_create,
        owns_tables,
        schema,
        known_schema: migrate::known(&migrate::MIGRATIONS),
        refused,
    })
}

/// The answer was given somewhere between question and answer.
async fn clock_ahead(
    db: &mut PgConnection,
    clock: &(dyn Fn() -> Timestamp + Sync),
) -> Result<SignedDuration, Failure> {
    let asked = clock();
    let (theirs,): (i64,) = rows(CLOCK).fetch_one(db).await?;
    let ours = asked + clock().duration_since(asked) / 2;
    Ok(ours.duration_since(time(theirs)?))
}
