//! Inspects a database without changing anything: can this program work with it?

use jiff::{SignedDuration, Timestamp};
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::time::{Duration, Instant};

use super::failure::Failure;
use super::pool::within;
use super::{PostgresLedger, migrate, plain, pooler, rows};
use crate::LedgerError;
use crate::words::time;

/// The time limit of an inspection.
const DEADLINE: Duration = Duration::from_secs(8);

const SERVER: &str =
    "SELECT current_setting('server_version'), current_setting('server_version_num')::integer,
    pg_is_in_recovery(), current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'";

const RIGHTS: &str = "SELECT coalesce(has_schema_privilege(current_user, current_schema(), 'CREATE'), false),
    coalesce((SELECT bool_and(pg_has_role(current_user, relowner, 'USAGE')) FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace), true),
    to_regclass('schema_migrations') IS NOT NULL";

const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// The result of inspecting a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The server's version, as it reports it.
    pub server: String,
    /// Whether the schema supports this version.
    pub server_is_new_enough: bool,
    /// Whether it is a standby, which accepts no writes.
    pub is_standby: bool,
    /// Whether commits survive a power cut.
    pub is_durable: bool,
    /// How far our clock is ahead of the server's, with an error of up to half a round trip; negative if it is behind.
    pub clock_ahead: SignedDuration,
    /// Whether our role may create tables.
    pub may_create: bool,
    /// Whether our role owns the existing tables; the weekly partitions need this.
    pub owns_tables: bool,
    /// The number of applied steps of the schema; 0 in an empty database.
    pub schema: i64,
    /// The number of steps that this program knows.
    pub known_schema: i64,
    /// The reason that this program must not use the existing schema, if there is one.
    pub refused: Option<String>,
}

impl PostgresLedger {
    /// Inspects the database of this URL (see [`PostgresLedger::connect`]), and changes nothing. `clock` is the clock that leases would
    /// use.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the server cannot be reached or refuses the connection; [`LedgerError::Broken`] when the URL is
    /// invalid, or a pooler in between gives each transaction another session.
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

/// The server read its clock at some time between request and answer.
async fn clock_ahead(
    db: &mut PgConnection,
    clock: &(dyn Fn() -> Timestamp + Sync),
) -> Result<SignedDuration, Failure> {
    let asked = clock();
    let (theirs,): (i64,) = rows(CLOCK).fetch_one(db).await?;
    let ours = asked + clock().duration_since(asked) / 2;
    Ok(ours.duration_since(time(theirs)?))
}
