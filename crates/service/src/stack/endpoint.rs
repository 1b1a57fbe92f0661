//! Starts the ingest endpoint: the connections say whose a key is, and events go into the queue.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use connections::{ApiKey, SharedSecret};
use ingest::{Endpoint, Keys, KeysUnavailable, Limits, RegistrationLimits, SharedSecrets};
use parking_lot::Mutex;
use queue::{Envelope, GroupCommit, GroupLimits, Publish, PublishError, Queue};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::affiliate_hooks::StoreHooks;
use super::public_halves::PublicHalves;
use super::registrar::RefersionRegistrar;
use super::room::Room;
use crate::config::{self, ByteSize, Config, Registration};
use crate::engines::awaited::Awaited;
use crate::engines::{Engines, Opening};
use crate::failure::Failure;
use crate::health::Freshness;
use crate::supervise::Supervisor;

/// Serves the ingest endpoint on a listener that is bound already; after a failure it binds `address` again.
pub(super) fn start(
    endpoint: &Arc<Endpoint>,
    supervisor: &mut Supervisor,
    listener: TcpListener,
    address: SocketAddr,
    stop: &CancellationToken,
) {
    let (bound, stop, serving) = (Mutex::new(Some(listener)), stop.clone(), Arc::clone(endpoint));
    supervisor.start("door", Freshness::WhileRunning, move |_| {
        let first = bound.lock().take();
        let (stop, endpoint) = (stop.clone(), Arc::clone(&serving));
        async move {
            let listener = match first {
                Some(listener) => listener,
                None => TcpListener::bind(address).await?,
            };
            Ok(ingest::serve(listener, endpoint, stop).await?)
        }
    });
}

/// The ingest endpoint, which takes new events while there is room.
///
/// # Errors
///
/// [`Failure`] if unknown keys are to be verified, and TLS cannot be set up for it.
pub(super) fn endpoint(
    config: &Config,
    opening: &Opening,
    awaited: &Awaited,
    room: Room,
) -> Result<Arc<Endpoint>, Failure> {
    let is_open = config.ingest.registration == Registration::Open;
    // The line about a known public half says that the key was refused. A key that is verified next may be right: the
    // registrar logs it when Refersion has refused it.
    let halves = (!is_open).then(PublicHalves::default);
    let keys = Arc::new(StoreKeys { awaited: awaited.clone(), halves });
    let limits = limits(&config.ingest);
    let group = GroupLimits { commit_time: limits.deadline, ..GroupLimits::default() };
    let queue = Guarded { queue: opening.queue.port(), awaited: awaited.clone() };
    let group = GroupCommit::new(Arc::new(queue), group);
    let endpoint =
        Endpoint::new(keys, group, Arc::clone(&opening.clock), Arc::clone(&opening.randomness), limits);
    let endpoint =
        endpoint.with_admission(Arc::new(room)).with_shared_secrets(Arc::new(StoreSecrets(awaited.clone())));
    let endpoint = endpoint.with_affiliate_hooks(Arc::new(StoreHooks::new(awaited)));
    if !is_open {
        return Ok(Arc::new(endpoint));
    }
    let registrar = RefersionRegistrar::new(config, awaited)
        .map_err(|error| Failure::failed("tls", &error, "install the system's certificates"))?;
    Ok(Arc::new(endpoint.with_registrar(Arc::new(registrar))))
}

pub(super) fn limits(settings: &config::Ingest) -> Limits {
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let bytes = |size: ByteSize| usize::try_from(size.0).unwrap_or(usize::MAX);
    Limits {
        max_connections: number(settings.max_connections),
        max_connections_per_address: number(settings.max_connections_per_address),
        trusted_proxies: settings.trusted_proxies.clone(),
        max_body_bytes: bytes(settings.max_body),
        max_array_bytes: bytes(settings.max_array),
        body_memory_bytes: bytes(settings.body_memory),
        header_timeout: settings.header_timeout,
        body_timeout: settings.body_timeout,
        deadline: settings.deadline,
        failed_keys_per_minute: number(settings.failed_keys_per_minute),
        registration: RegistrationLimits {
            by_client: number(settings.verifications_per_client),
            altogether: number(settings.verifications_per_minute),
        },
    }
}

/// The key store as the endpoint asks it. It opens no seal: a key is found by its digest.
struct StoreKeys {
    awaited: Awaited,
    /// `None` if unknown keys are verified.
    halves: Option<PublicHalves>,
}

/// The engines once the first attempt to open the ledger has ended.
pub(super) async fn engines(awaited: &Awaited) -> Result<&Engines, KeysUnavailable> {
    awaited.get_when_tried().await.ok_or_else(|| KeysUnavailable::new(NotOpenYet))
}

/// The ledger has been away since the process started.
#[derive(Debug, thiserror::Error)]
#[error("the ledger is not open yet")]
struct NotOpenYet;

#[async_trait]
impl Keys for StoreKeys {
    async fn connection_for(&self, api_key: &str) -> Result<Option<i64>, KeysUnavailable> {
        // A text that cannot be a key belongs to no connection.
        let Ok(key) = ApiKey::parse(api_key) else { return Ok(None) };
        let engines = engines(&self.awaited).await?;
        let digest = engines.vault.digest_of_key(&key);
        let found = engines.connections.by_key_digest(&digest, engines.now()).await;
        let found = found.map_err(KeysUnavailable::new)?;
        if let (None, Some(halves)) = (found, &self.halves) {
            halves.log_if_known(engines, &key).await;
        }
        Ok(found)
    }

    async fn connection_for_write_key(&self, write_key: &str) -> Result<Option<i64>, KeysUnavailable> {
        let engines = engines(&self.awaited).await?;
        engines.write_keys.by_write_key(write_key, engines.now()).await.map_err(KeysUnavailable::new)
    }

    async fn any(&self) -> Result<bool, KeysUnavailable> {
        let is_empty = engines(&self.awaited).await?.connections.is_empty().await;
        is_empty.map(|is_empty| !is_empty).map_err(KeysUnavailable::new)
    }
}

/// The shared secrets as the endpoint asks for them.
struct StoreSecrets(Awaited);

#[async_trait]
impl SharedSecrets for StoreSecrets {
    async fn of(&self, connection: i64) -> Result<Vec<SharedSecret>, KeysUnavailable> {
        let engines = engines(&self.0).await?;
        let sealed = engines.shared_secrets.shared_secrets(connection, engines.now()).await;
        let sealed = sealed.map_err(KeysUnavailable::new)?;
        let opened = sealed.iter().map(|secret| engines.vault.open_secret(secret));
        opened.collect::<Result<_, _>>().map_err(KeysUnavailable::new)
    }
}

/// The queue as the ingest endpoint publishes into it: nothing is accepted while the ledger is damaged, or not at its
/// path.
struct Guarded {
    queue: Arc<dyn Queue>,
    awaited: Awaited,
}

#[async_trait]
impl Publish for Guarded {
    async fn publish(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        let Some(ledger) = self.awaited.get().and_then(|engines| engines.ledger_file.as_ref()) else {
            return self.queue.publish(envelopes).await;
        };
        if ledger.damage().is_some() {
            return Err(PublishError::unavailable(LedgerDamaged));
        }
        if let Some(path) = ledger.moved() {
            return Err(PublishError::unavailable(sqlite::Error::Moved { path }));
        }
        self.queue.publish(envelopes).await
    }
}

/// Accepted events could not be delivered.
#[derive(Debug, thiserror::Error)]
#[error("the ledger's file is damaged; docs/sqlite.md describes how to repair it")]
struct LedgerDamaged;
