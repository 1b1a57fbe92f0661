//! The promises of the first start, and of a start with the wrong key.

use tempfile::TempDir;

use super::*;
use crate::config::{self, LedgerUrl, QueueUrl, Secret};
use crate::failure::Failure;

fn config_in(folder: &TempDir) -> Config {
    let place = |name: &str| folder.path().join("data").join(name);
    let mut config = config::load(None, []).unwrap().config;
    config.queue.url = QueueUrl::Sqlite(place("queue.db"));
    config.ledger.url = LedgerUrl::Sqlite(place("ledger.db"));
    config
}

async fn refusal(config: &Config) -> Failure {
    match Engines::open(config).await {
        Ok(_) => panic!("it opens"),
        Err(error) => error.into(),
    }
}

#[tokio::test]
async fn the_first_start_creates_an_installation_and_the_next_one_finds_it() {
    let folder = TempDir::new().unwrap();
    let config = config_in(&folder);
    let first = Engines::open(&config).await.unwrap();
    let second = Engines::open(&config).await.unwrap();
    assert_eq!(first.vault.check_value(), second.vault.check_value());
    #[cfg(unix)]
    for (name, mode) in [("data", 0o700), ("data/master.key", 0o600), ("data/ledger.db", 0o600)] {
        let found = std::fs::metadata(folder.path().join(name)).unwrap().permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&found) & 0o777, mode, "{name}");
    }
}

#[tokio::test]
async fn a_ledger_with_a_lost_key_gets_no_new_key() {
    let folder = TempDir::new().unwrap();
    let config = config_in(&folder);
    drop(Engines::open(&config).await.unwrap());
    std::fs::remove_file(config.key_file().unwrap()).unwrap();
    let failure = refusal(&config).await;
    assert_eq!((failure.exit as u8, failure.code), (2, "master_key"));
    assert!(failure.hint.contains("backup"), "{}", failure.hint);
    assert!(!config.key_file().unwrap().exists());
}

#[tokio::test]
async fn a_file_that_is_missing_beside_others_is_created_only_on_request() {
    for (lost, other) in [("ledger.db", "queue.db"), ("queue.db", "ledger.db")] {
        let folder = TempDir::new().unwrap();
        let config = config_in(&folder);
        drop(Engines::open(&config).await.unwrap());
        let lost = folder.path().join("data").join(lost);
        std::fs::remove_file(&lost).unwrap();
        let failure = refusal(&config).await;
        assert_eq!((failure.exit as u8, failure.code), (1, "missing_file"));
        assert!(failure.message.contains(lost.to_str().unwrap()), "{}", failure.message);
        assert!(failure.message.contains(other) && failure.hint.contains("--create-missing"), "{failure:?}");
        assert!(!lost.exists());
        Engines::open_or_create(&config).await.unwrap();
        assert!(lost.exists());
        Engines::open(&config).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_created_before_the_first_start_is_no_installation() {
    let folder = TempDir::new().unwrap();
    let config = config_in(&folder);
    let path = config.key_file().unwrap();
    master_key::make_folder(&path).unwrap();
    connections::MasterKey::create_file(&path, &OsRandomness).unwrap();
    assert_eq!(files::trouble(&config), None);
    Engines::open(&config).await.unwrap();
}

#[tokio::test]
async fn a_process_with_another_key_refuses_to_start() {
    let folder = TempDir::new().unwrap();
    let mut config = config_in(&folder);
    drop(Engines::open(&config).await.unwrap());
    config.secrets.key = Some(Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
    let failure = refusal(&config).await;
    assert_eq!(failure.code, "master_key");
    assert!(failure.message.contains("not the one"), "{}", failure.message);
    config.secrets.key = Some(Secret::new("short"));
    assert!(!refusal(&config).await.message.contains("short"));
}

#[tokio::test]
async fn a_ledger_on_postgres_creates_no_key() {
    let folder = TempDir::new().unwrap();
    let mut config = config_in(&folder);
    config.ledger.url = LedgerUrl::Postgres(Secret::new("postgres://nobody@127.0.0.1:1/nothing"));
    let failure = refusal(&config).await;
    assert_eq!((failure.exit as u8, failure.code), (2, "master_key"));
    assert!(failure.hint.contains("secrets create"), "{}", failure.hint);
    config.secrets.key_file = Some(folder.path().join("my.key"));
    let failure = refusal(&config).await;
    assert!(failure.message.contains("my.key") && failure.hint.contains("secrets create"), "{failure:?}");
    assert!(!folder.path().join("my.key").exists());
}
