//! Brings a database to the schema that this program knows.
//!
//! Migrations expand first and contract a version later, so that two versions of the program can use one database side
//! by side. Each says which schema a program must know at least in order to go on after it; an older program refuses.
//! One process migrates at a time; the others wait, and find nothing left to do.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection, raw_sql};
use tokio::time::Instant;

use super::failure::Failure;
use super::pool::within;
use super::{rows, sql};
use crate::LedgerError;

/// The longest that bringing a schema up to date takes, waiting for other processes included.
const DEADLINE: Duration = Duration::from_secs(120);

/// The oldest server that the schema is written for, as `server_version_num`.
pub(super) const OLDEST_SERVER: i32 = 140_000;

/// The advisory lock under which a database is migrated; a number of our own.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7203155811920)";

const SERVER: &str = "SELECT current_setting('server_version_num')::integer";

const THERE: &str = "SELECT to_regclass('schema_migrations') IS NOT NULL";

const CREATE: &str = "CREATE TABLE schema_migrations (
    version bigint PRIMARY KEY,
    name text NOT NULL,
    min_reader bigint NOT NULL
)";

const APPLIED: &str = "SELECT version, name, min_reader FROM schema_migrations ORDER BY version";

const NOTE: &str = "INSERT INTO schema_migrations (version, name, min_reader) VALUES ($1, $2, $3)";

/// One step of the schema. Its version is its place in the list, counted from 1, and never changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    /// The name of its file without the extension.
    pub(super) name: &'static str,
    /// Its statements.
    pub(super) sql: &'static str,
    /// The oldest schema version (what a program knows) that can use the database after this step.
    pub(super) min_reader: i64,
}

macro_rules! migration {
    ($name:literal, $min_reader:literal) => {
        Migration {
            name: $name,
            sql: include_str!(concat!("../../../../migrations/postgres/", $name, ".sql")),
            min_reader: $min_reader,
        }
    };
}

/// The schema, in steps. A step never changes once it was released.
pub(super) const MIGRATIONS: [Migration; 35] = [
    migration!("0001_create_connections", 1),
    migration!("0002_create_graphs", 1),
    migration!("0003_create_events", 1),
    migration!("0004_create_notes", 1),
    migration!("0005_create_stray_letters", 1),
    migration!("0006_create_removed_connections", 1),
    migration!("0007_pack_graphs", 7),
    migration!("0008_end_events_in_their_rows", 8),
    migration!("0009_forget_names_of_people", 8),
    migration!("0010_keep_no_message_ids", 8),
    migration!("0011_measure_dead_letters", 8),
    migration!("0012_create_sweeps", 8),
    migration!("0013_keep_what_refersion_says", 13),
    migration!("0014_count_repeats", 14),
    migration!("0015_create_processes", 8),
    migration!("0016_count_resumes", 8),
    migration!("0017_watch_arrivals", 8),
    migration!("0018_note_untaken_events", 8),
    migration!("0019_keep_replaced_write_keys", 8),
    migration!("0020_keep_shared_secrets", 8),
    migration!("0021_select_dead_letters", 8),
    migration!("0022_group_dead_letters", 8),
    migration!("0023_close_dead_letters", 23),
    migration!("0024_repair_dead_letters", 23),
    migration!("0025_create_operators", 23),
    migration!("0026_keep_directories", 23),
    migration!("0027_count_audiences", 23),
    migration!("0028_create_plans", 23),
    migration!("0029_count_refused_signatures", 23),
    migration!("0030_keep_segment_answers", 23),
    migration!("0031_count_repeated_calls", 23),
    migration!("0032_name_letters_of_interrupted_calls", 23),
    migration!("0033_find_plans_with_items_under_way", 23),
    migration!("0034_thin_weeks", 23),
    migration!("0035_remove_by_pages", 23),
];

type Applied = (i64, String, i64);

/// Applies the migrations that the database does not have yet, in one transaction.
///
/// # Errors
/// [`LedgerError::Unavailable`] when the server cannot be reached; [`LedgerError::Broken`] when a newer program changed
/// the database beyond what this one understands, when its history is another one, or when a step fails.
pub(super) async fn migrate(options: &PgConnectOptions, migrations: &[Migration]) -> Result<(), LedgerError> {
    let work = async {
        let mut connection = options.connect().await?;
        // Dropped with an error, the connection is closed, and the server rolls back.
        sql("BEGIN").execute(&mut connection).await?;
        steps(&mut connection, migrations).await?;
        sql("COMMIT").execute(&mut connection).await?;
        Ok(())
    };
    Ok(within(Instant::now() + DEADLINE, work).await?)
}

async fn steps(db: &mut PgConnection, migrations: &[Migration]) -> Result<(), Failure> {
    let (server,): (i32,) = rows(SERVER).fetch_one(&mut *db).await?;
    if server < OLDEST_SERVER {
        let major = server / 10_000;
        return Err(Failure::Broken(format!("the server is Postgres {major}: use 14 or newer")));
    }
    sql(LOCK).execute(&mut *db).await?;
    let (there,): (bool,) = rows(THERE).fetch_one(&mut *db).await?;
    if !there {
        sql(CREATE).execute(&mut *db).await?;
    }
    let applied: Vec<Applied> = rows(APPLIED).fetch_all(&mut *db).await?;
    check_history(&applied, migrations)?;
    for (version, migration) in (1i64..).zip(migrations).skip(applied.len()) {
        raw_sql(migration.sql).execute(&mut *db).await?;
        let note = sql(NOTE).bind(version).bind(migration.name).bind(migration.min_reader);
        note.execute(&mut *db).await?;
        tracing::info!(migration = migration.name, "applied a migration");
    }
    Ok(())
}

/// How many steps are applied in a database that has any, and why this program must not use it, if it must not.
pub(super) async fn look(db: &mut PgConnection) -> Result<(i64, Option<String>), Failure> {
    let applied: Vec<Applied> = rows(APPLIED).fetch_all(&mut *db).await?;
    let refused = match check_history(&applied, &MIGRATIONS) {
        Ok(()) => None,
        Err(Failure::Broken(why)) => Some(why),
        Err(other) => return Err(other),
    };
    Ok((applied.last().map_or(0, |(version, ..)| *version), refused))
}

/// The number of the newest of these steps.
pub(super) fn known(migrations: &[Migration]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

fn check_history(applied: &[Applied], migrations: &[Migration]) -> Result<(), Failure> {
    for ((version, found, _), expected) in applied.iter().zip(migrations) {
        if found != expected.name {
            let expected = expected.name;
            return Err(Failure::Broken(format!(
                "migration {version} of the database is {found:?} and not {expected:?}; is it the right one?"
            )));
        }
    }
    let known = known(migrations);
    match applied.last() {
        Some((found, ..)) if applied.iter().any(|(_, _, min_reader)| *min_reader > known) => {
            Err(Failure::Broken(format!(
                "the database is at schema {found}, this program knows {known}; install a newer version of it"
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(steps: &[(&str, i64)]) -> Vec<Applied> {
        (1i64..).zip(steps).map(|(version, (name, oldest))| (version, (*name).to_owned(), *oldest)).collect()
    }

    #[test]
    fn only_an_outdated_program_refuses_a_newer_schema() {
        let ours: Vec<_> = MIGRATIONS.iter().map(|step| (step.name, 1)).collect();
        assert!(check_history(&database(&ours), &MIGRATIONS).is_ok());
        let expanded = [ours.clone(), vec![("0099_new_column", known(&MIGRATIONS))]].concat();
        assert!(check_history(&database(&expanded), &MIGRATIONS).is_ok(), "it may go on beside a newer one");
        let contracted = [ours, vec![("0099_drop_column", known(&MIGRATIONS) + 1)]].concat();
        let refused = check_history(&database(&contracted), &MIGRATIONS);
        assert!(matches!(refused, Err(Failure::Broken(why)) if why.contains("install a newer version")));
    }

    #[test]
    fn another_programs_database_is_refused() {
        let refused = check_history(&database(&[("0001_users", 1)]), &MIGRATIONS);
        assert!(matches!(refused, Err(Failure::Broken(why)) if why.contains("is it the right one?")));
    }
}
