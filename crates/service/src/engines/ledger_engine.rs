//! The ledger by its URL: a SQLite file, or a Postgres database.

use std::sync::Arc;

use connections::{ConnectionStore, ReplacedKeys, SharedSecretStore, WriteKeys};
use ledger::postgres::{Options, PostgresLedger};
use ledger::sqlite::SqliteLedger;
use ledger::{
    Arrivals, DeadLetters, Engine, Ledger, Monitoring, Notifications, OperatorPorts, Plans, Repairs,
    SegmentAnswers, Storage,
};
use sqlite::Database;

use super::EngineError;
use crate::config::{self, LedgerUrl};

/// An open ledger by its ports.
pub(super) struct LedgerEngine {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) segment_answers: Arc<dyn SegmentAnswers>,
    pub(super) monitoring: Arc<dyn Monitoring>,
    pub(super) arrivals: Arc<dyn Arrivals>,
    pub(super) dead_letters: Arc<dyn DeadLetters>,
    pub(super) plans: Arc<dyn Plans>,
    pub(super) repairs: Arc<dyn Repairs>,
    pub(super) operators: Arc<dyn OperatorPorts>,
    pub(super) notifications: Arc<dyn Notifications>,
    pub(super) connections: Arc<dyn ConnectionStore>,
    pub(super) write_keys: Arc<dyn WriteKeys>,
    pub(super) shared_secrets: Arc<dyn SharedSecretStore>,
    pub(super) replaced_keys: Arc<dyn ReplacedKeys>,
    /// The file; `None` on a server.
    pub(super) file: Option<Database>,
}

/// Checks the ledger's file for damage, and opens the ledger. A damaged file is left as it is.
pub(super) async fn open_sound(url: &LedgerUrl) -> Result<LedgerEngine, EngineError> {
    if let LedgerUrl::Sqlite(path) = url {
        let checked = path.clone();
        let looked = tokio::task::spawn_blocking(move || sqlite::damage_at_start(&checked)).await;
        let failed = |source| EngineError::Ledger { path: path.clone(), source };
        if let Some(why) = looked.unwrap_or(Err(sqlite::Error::NoThread)).map_err(failed)? {
            return Err(failed(sqlite::Error::Damaged { path: path.clone(), why }));
        }
    }
    open(url).await
}

/// Opens the ledger, which brings its schema up to date.
pub(super) async fn open(url: &LedgerUrl) -> Result<LedgerEngine, EngineError> {
    match url {
        LedgerUrl::Sqlite(path) => {
            let opened = SqliteLedger::open(path).await;
            let opened = opened.map_err(|source| EngineError::Ledger { path: path.clone(), source })?;
            let file = Some(opened.database().clone());
            Ok(ports(opened, file))
        }
        LedgerUrl::Postgres(url) => {
            let opened = PostgresLedger::connect(url.reveal(), Options::default()).await;
            Ok(ports(opened.map_err(EngineError::Database)?, None))
        }
    }
}

/// Makes sure that the ledger has a schema. An empty file or database is not a ledger, and a command that only reads creates
/// nothing in it. A server that does not answer is left to the caller, which opens the ledger next.
pub async fn must_be_begun(url: &LedgerUrl) -> Result<(), EngineError> {
    let place = match url {
        LedgerUrl::Sqlite(path) => {
            let failed = |source| EngineError::Ledger { path: path.clone(), source };
            if sqlite::has_schema(path).map_err(failed)? {
                return Ok(());
            }
            format!("in {}, which is empty", super::files::whole(path).display())
        }
        LedgerUrl::Postgres(url) => {
            let clock = crate::clock::system();
            match PostgresLedger::inspect(url.reveal(), clock.as_ref()).await {
                Ok(found) if found.schema == 0 && found.refused.is_none() => {
                    format!("in {}, which is an empty database", config::mask(url.reveal()))
                }
                _ => return Ok(()),
            }
        }
    };
    Err(EngineError::NoInstallation { what: "ledger", place })
}

fn ports(engine: impl Engine + 'static, file: Option<Database>) -> LedgerEngine {
    let engine = Arc::new(engine);
    LedgerEngine {
        ledger: engine.clone(),
        storage: engine.clone(),
        segment_answers: engine.clone(),
        monitoring: engine.clone(),
        arrivals: engine.clone(),
        dead_letters: engine.clone(),
        plans: engine.clone(),
        repairs: engine.clone(),
        operators: engine.clone(),
        notifications: engine.clone(),
        connections: engine.clone(),
        write_keys: engine.clone(),
        shared_secrets: engine.clone(),
        replaced_keys: engine,
        file,
    }
}
