//! Registers API keys that no connection has, where `ingest.registration` is open: pasting the key into Segment is the whole
//! setup then.

use async_trait::async_trait;
use connections::{
    ApiKey, Conflict, Connection, ConnectionId, ConnectionName, NewConnection, Settings, StoreError,
};
use ingest::{KeysUnavailable, Registrar, Registration};
use ledger::{Audit, Changes};
use refersion::{Failure, SetupError};
use tokio::sync::Mutex;

use super::public_halves::log_wrong_secret;
use crate::config::{AdoptNew, Config, Proxy};
use crate::engines::Engines;
use crate::engines::awaited::Awaited;
use crate::operator::adoption;
use crate::operator::new_key;
use crate::operator::verification::Verifier;

/// Names that are tried for one connection before the last resort, its digest.
const NAMES: u32 = 20;

/// Characters of a public key in the name of its connection.
const NAME_CHARACTERS: usize = 8;

/// Verifies keys with Refersion, and keeps the right ones.
pub(super) struct RefersionRegistrar {
    awaited: Awaited,
    verifier: Verifier,
    proxy: Proxy,
    /// The address that new connections deliver to.
    refersion_url: String,
    /// The affiliates of new connections are walked through at once.
    adopts: bool,
    /// Keys of this process are stored one after the other, so that two secrets of one account make one connection.
    storing: Mutex<()>,
}

/// Why a key could not be registered now.
#[derive(Debug, thiserror::Error)]
enum NotNow {
    #[error("the ledger is not open yet")]
    NotOpenYet,
    #[error("Refersion did not say whether the key is valid: {0}")]
    Refersion(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RefersionRegistrar {
    /// A registrar that waits for the ledger as `awaited` does.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if the system's certificates cannot be used.
    pub(super) fn new(config: &Config, awaited: &Awaited) -> Result<Self, SetupError> {
        let (proxy, refersion_url) = (config.refersion.proxy.clone(), config.refersion.url.0.clone());
        let verifier = Verifier::new(&proxy)?;
        let adopts = config.adopt.new_connections == AdoptNew::Walk;
        Ok(Self {
            awaited: awaited.clone(),
            verifier,
            proxy,
            refersion_url,
            adopts,
            storing: Mutex::default(),
        })
    }

    async fn verify_and_store(&self, key: &ApiKey) -> Result<Registration, NotNow> {
        let engines = self.awaited.get().ok_or(NotNow::NotOpenYet)?;
        let known = with_public_half(engines, key).await?;
        let url = known.as_ref().map_or(&self.refersion_url, |known| &known.settings.refersion_url);
        if let Err(failure) = self.verifier.check(url, key).await {
            // A 403 comes from a gateway on the way, and says nothing about the key: Segment would throw the event away.
            return match failure.http_status {
                Some(401) => {
                    known.inspect(|known| log_wrong_secret(known.name.as_str(), known.id));
                    Ok(Registration::Refused)
                }
                _ => Err(NotNow::Refersion(in_words(&failure, url, &self.proxy))),
            };
        }
        let _turn = self.storing.lock().await;
        self.store(engines, key).await.map(Registration::Connection)
    }

    /// Gives a valid key to its connection. Another request or process may have done so meanwhile.
    async fn store(&self, engines: &Engines, key: &ApiKey) -> Result<ConnectionId, NotNow> {
        if let Some(owner) = owner(engines, key).await? {
            return Ok(owner);
        }
        let stored = match with_public_half(engines, key).await? {
            Some(connection) => replace_key(engines, &connection, key).await,
            None => self.add(engines, key).await,
        };
        match stored {
            Err(StoreError::Conflict(Conflict::KeyTaken)) => {
                owner(engines, key).await?.ok_or_else(|| StoreError::from(Conflict::KeyTaken).into())
            }
            stored => Ok(stored?),
        }
    }

    async fn add(&self, engines: &Engines, key: &ApiKey) -> Result<ConnectionId, StoreError> {
        let settings = Settings { refersion_url: self.refersion_url.clone(), ..Settings::default() };
        let mut taken = Conflict::NameTaken.into();
        for name in names(key, engines.vault.digest_of_key(key)) {
            let new = NewConnection {
                name,
                settings: settings.clone(),
                key: engines.vault.seal_key(key),
                write_key: engines.vault.new_write_key(),
                created_at: engines.now(),
            };
            match engines.connections.add(new).await {
                Err(error @ StoreError::Conflict(Conflict::NameTaken)) => taken = error,
                added => {
                    let connection = added?;
                    let (id, name) = (connection.id, connection.name.as_str());
                    tracing::warn!(
                        connection = name,
                        connection_id = id,
                        "a new API key was verified: its connection was added"
                    );
                    note(engines, id, "connection_registered").await;
                    if self.adopts
                        && let Err(cause) = adoption::request_walk(engines, id).await
                    {
                        tracing::warn!(
                            connection_id = id,
                            error = %cause,
                            "the walk through its affiliates was not requested: run `connections adopt`"
                        );
                    }
                    return Ok(id);
                }
            }
        }
        Err(taken)
    }
}

#[async_trait]
impl Registrar for RefersionRegistrar {
    async fn register(&self, api_key: &str) -> Result<Registration, KeysUnavailable> {
        let Ok(key) = ApiKey::parse(api_key) else { return Ok(Registration::Refused) };
        self.verify_and_store(&key).await.map_err(KeysUnavailable::new)
    }
}

/// The address of Refersion that was asked, and the problem. The text of an answer is left out: this is logged.
fn in_words(failure: &Failure, url: &str, proxy: &Proxy) -> String {
    let way = proxy.in_words(url);
    match failure.http_status {
        Some(status) => format!("{url} answered {status}, reached {way}"),
        None => format!("{url} does not answer, reached {way}: {}", failure.message),
    }
}

async fn owner(engines: &Engines, key: &ApiKey) -> Result<Option<ConnectionId>, StoreError> {
    engines.connections.by_key_digest(&engines.vault.digest_of_key(key), engines.now()).await
}

/// The connection that has, or had a moment ago, a key with the same public half.
async fn with_public_half(engines: &Engines, key: &ApiKey) -> Result<Option<Connection>, NotNow> {
    for sealed in engines.connections.sealed_keys().await? {
        let is_same = engines.vault.open_key(&sealed).is_ok_and(|known| known.public() == key.public());
        if is_same && let Some(id) = engines.connections.by_key_digest(&sealed.digest, engines.now()).await? {
            return Ok(engines.connections.by_id(id).await?);
        }
    }
    Ok(None)
}

/// Gives a connection the new key that a request brought.
async fn replace_key(
    engines: &Engines,
    connection: &Connection,
    key: &ApiKey,
) -> Result<ConnectionId, StoreError> {
    let id = connection.id;
    new_key::replace_key(engines, id, key).await?;
    let name = connection.name.as_str();
    tracing::warn!(
        connection = name,
        connection_id = id,
        "a request brought another secret key for the public key of this connection: it was verified and is in use; the \
         old one stays valid for 7 days"
    );
    note(engines, id, "key_replaced").await;
    Ok(id)
}

/// Records an act for `audit`. The act stands even if this fails.
async fn note(engines: &Engines, connection: ConnectionId, action: &str) {
    let line = Audit {
        at: engines.now(),
        actor: "ingest".to_owned(),
        action: action.to_owned(),
        subject: format!("connection {connection}"),
    };
    let changes = Changes { connection, audit: vec![line], ..Changes::default() };
    if let Err(error) = engines.ledger.record(changes).await {
        tracing::warn!(%error, connection_id = connection, action, "the audit does not have this");
    }
}

/// Names for the connection of a key, the best one first: `segment-8f1c2e` for `pub_8f1c2e.…`. The public half is no secret.
fn names(key: &ApiKey, digest: connections::Digest) -> impl Iterator<Item = ConnectionName> {
    let public = key.public().strip_prefix("pub_").unwrap_or(key.public());
    let shown: String = public
        .chars()
        .take(NAME_CHARACTERS)
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
        .collect();
    let last = u64::from_be_bytes(std::array::from_fn(|place| digest[place]));
    let numbered = (1..=NAMES).map(move |number| match number {
        1 => format!("segment-{shown}"),
        _ => format!("segment-{shown}-{number}"),
    });
    numbered.chain([format!("segment-{last:016x}")]).filter_map(|name| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(key: &str, count: usize) -> Vec<String> {
        let key = ApiKey::parse(key).unwrap();
        names(&key, [0xAB; 16]).take(count).map(|name| name.to_string()).collect()
    }

    #[test]
    fn a_connection_is_named_by_the_first_characters_of_its_public_key() {
        assert_eq!(some("pub_8f1c2e7a99.sec_1", 2), ["segment-8f1c2e7a", "segment-8f1c2e7a-2"]);
        assert_eq!(some("%/x.sec_1", 1), ["segment---x"]);
        let all = some("pub_8f1c2e7a99.sec_1", usize::MAX);
        assert_eq!((all.len(), all.last().unwrap().as_str()), (21, "segment-abababababababab"));
        assert!(all.iter().all(|name| !name.contains("sec_")));
    }
}
