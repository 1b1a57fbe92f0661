//! The contract, over SQLite.

use ledger::sqlite::SqliteLedger;

mod in_memory {
    //! The engine as the deterministic simulation uses it.

    async fn fresh() -> (super::SqliteLedger, ()) {
        (super::SqliteLedger::inline().await.expect("memory"), ())
    }

    ledger::contract_tests!(super::fresh);
}

mod in_a_file {
    //! The engine as all others use it.

    async fn fresh() -> (super::SqliteLedger, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ledger = super::SqliteLedger::open(&folder.path().join("ledger.db")).await.expect("a new file");
        (ledger, folder)
    }

    ledger::contract_tests!(super::fresh);
}
