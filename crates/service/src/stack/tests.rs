//! The promises of starting and stopping, in one process.

use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;
use crate::config::{self, LedgerUrl, QueueUrl};

fn config_in(folder: &TempDir) -> Config {
    let mut config = config::load(None, []).unwrap().config;
    config.queue.url = QueueUrl::Sqlite(folder.path().join("queue.db"));
    config.ledger.url = LedgerUrl::Sqlite(folder.path().join("ledger.db"));
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    (config.ingest.listen, config.health.listen, config.api.listen) = (free, free, free);
    config
}

#[tokio::test]
async fn every_role_starts_its_parts_and_stops() {
    let folder = TempDir::new().unwrap();
    let config = config_in(&folder);
    let ingest = Stack::start(&config, Roles { ingest: true, ..Roles::NONE }).await.unwrap();
    let worker = Stack::start(&config, Roles { worker: true, ..Roles::NONE }).await.unwrap();
    assert!(ingest.ingest_address().is_some() && ingest.worker_meters().is_none());
    assert!(worker.ingest_address().is_none() && worker.worker_meters().is_some());
    assert_ne!(ingest.health_address(), worker.health_address());
    assert_eq!(ingest.stop().await, [""; 0]);
    assert_eq!(worker.stop().await, [""; 0]);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let folder = TempDir::new().unwrap();
    let mut config = config_in(&folder);
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    config.ingest.listen = taken.local_addr().unwrap();
    let failure = Stack::start(&config, Roles::ALL).await.err().unwrap();
    assert_eq!(failure.code, "listen");
    assert!(failure.message.contains(&config.ingest.listen.to_string()), "{}", failure.message);
    assert!(failure.hint.contains("ingest.listen"), "{}", failure.hint);
}
