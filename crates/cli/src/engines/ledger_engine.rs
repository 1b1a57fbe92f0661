//! The ledger by its URL: a SQLite file, or a Postgres database.

use std::sync::Arc;

use connections::ConnectionStore;
use ledger::postgres::{Options, PostgresLedger};
use ledger::sqlite::SqliteLedger;
use ledger::{Ledger, Storage};

use super::EngineError;
use crate::config::LedgerUrl;

/// An open ledger by its ports.
pub(super) struct LedgerEngine {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) connections: Arc<dyn ConnectionStore>,
}

/// Opens the ledger, which brings its schema up to date.
pub(super) async fn open(url: &LedgerUrl) -> Result<LedgerEngine, EngineError> {
    match url {
        LedgerUrl::Sqlite(path) => {
            let opened = SqliteLedger::open(path).await;
            Ok(ports(opened.map_err(|source| EngineError::Ledger { path: path.clone(), source })?))
        }
        LedgerUrl::Postgres(url) => {
            let opened = PostgresLedger::connect(url.reveal(), Options::default()).await;
            Ok(ports(opened.map_err(EngineError::Database)?))
        }
    }
}

fn ports<Engine: Ledger + Storage + ConnectionStore + Clone + 'static>(engine: Engine) -> LedgerEngine {
    LedgerEngine {
        ledger: Arc::new(engine.clone()),
        storage: Arc::new(engine.clone()),
        connections: Arc::new(engine),
    }
}
