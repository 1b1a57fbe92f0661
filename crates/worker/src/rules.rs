//! Converts a connection's settings to the rules of identity resolution and eligibility.

use std::collections::BTreeMap;
use std::sync::Arc;

use connections::{Connection, ConnectionId, NewAffiliateStatus, OneWordName, Settings, StoreError};
use identity::audiences::Watched;
use identity::eligibility::{CUSTOM, Rules};
use jiff::{SignedDuration, Timestamp};
use segment::{Blocked, Mapping, ReadOptions};

use crate::Worker;

/// The rules of a connection's settings, without audiences.
#[must_use]
pub fn rules(settings: &Settings) -> Rules {
    let key = |name: &str| format!("{CUSTOM}{}", segment::fold_key(name));
    Rules {
        require_address: settings.require_address,
        one_word_last_name: match &settings.one_word_name {
            OneWordName::Placeholder(text) => Some(text.clone()),
            OneWordName::Wait => None,
        },
        custom_fields: settings
            .custom_fields
            .iter()
            .map(|(name, id)| (key(name), format!("custom:{id}").into()))
            .collect(),
        paypal_trait: settings.paypal_trait.as_deref().map(key),
        active: settings.new_affiliate_status == NewAffiliateStatus::Active,
        scrub: settings.scrub_on_delete.is_some(),
        suspended: settings.suspended_fields.keys().map(|id| format!("custom:{id}").into()).collect(),
        late_creates: i64::from(settings.late_creates) * 1_000_000,
        audiences: Watched::default(),
    }
}

/// The read options for the events of a connection: `blocked` are the identifiers that the configuration adds to the
/// default list.
#[must_use]
pub fn read_options(blocked: &[String], settings: &Settings) -> ReadOptions {
    let more = blocked.iter().chain(&settings.blocked_identifiers).map(String::as_str);
    let map = settings.trait_map.iter().map(|(field, path)| (field.as_str(), path.as_str()));
    ReadOptions { blocked: Blocked::standard().and(more), mapping: Mapping::of(map) }
}

/// The connections, cached for a moment.
#[derive(Clone, Default)]
pub struct ConnectionCache {
    /// Shared, because every batch under way keeps the connections that it was read with.
    connections: Arc<BTreeMap<ConnectionId, Arc<Connection>>>,
    /// The read options of each connection.
    options: Arc<BTreeMap<ConnectionId, Arc<ReadOptions>>>,
    read_at: Option<Timestamp>,
}

/// How long the lease holder has known changed settings before the walk that applies them begins.
pub const WALKS_BEGIN_AFTER: SignedDuration = SignedDuration::from_secs(3);
/// How long the cached connections are used before they are read again.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(1);

impl ConnectionCache {
    /// Reads the connections again, if the cached ones are too old.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn refresh(&mut self, worker: &Worker) -> Result<(), StoreError> {
        let now = worker.now();
        if self.read_at.is_some_and(|read| now.duration_since(read) < FRESH_FOR && now >= read) {
            return Ok(());
        }
        let all = worker.connections.list().await?;
        let blocked = &worker.limits.blocked_identifiers;
        let options = all.iter().map(|it| (it.id, self.options_of(it, blocked)));
        self.options = Arc::new(options.collect());
        let all = all.into_iter().map(|connection| (connection.id, Arc::new(connection)));
        self.connections = Arc::new(all.collect());
        self.read_at = Some(now);
        Ok(())
    }

    /// The read options of a connection: computed once for each version of its settings.
    fn options_of(&self, connection: &Connection, blocked: &[String]) -> Arc<ReadOptions> {
        let before = self.connections.get(&connection.id).map(|before| before.settings_version);
        match self.options.get(&connection.id) {
            Some(options) if before == Some(connection.settings_version) => Arc::clone(options),
            _ => Arc::new(read_options(blocked, &connection.settings)),
        }
    }

    /// Reads the connections again, even if they are fresh, if one of `ids` is not among them: it may be new, and its events must
    /// not be taken for those of a removed connection.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn ensure(
        &mut self,
        worker: &Worker,
        mut ids: impl Iterator<Item = ConnectionId>,
    ) -> Result<(), StoreError> {
        if ids.all(|id| self.has(id)) {
            return Ok(());
        }
        self.forget();
        self.refresh(worker).await
    }

    /// Whether work that was done with these settings at `now` comes before the walk for any newer settings.
    #[must_use]
    pub fn is_fresh_enough_for_a_walk(&self, now: Timestamp) -> bool {
        self.read_at.is_some_and(|read| now.duration_since(read) < WALKS_BEGIN_AFTER && now >= read)
    }

    /// Makes the next refresh read the connections again.
    pub fn forget(&mut self) {
        self.read_at = None;
    }

    /// Whether there is such a connection.
    #[must_use]
    pub fn has(&self, id: ConnectionId) -> bool {
        self.connections.contains_key(&id)
    }

    /// A connection.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.connections.get(&id).cloned()
    }

    /// The read options of a connection; if it does not exist, those of the ingest endpoint.
    #[must_use]
    pub fn read_options(&self, id: ConnectionId) -> Arc<ReadOptions> {
        self.options.get(&id).cloned().unwrap_or_default()
    }

    /// Every connection.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.connections.values()
    }

    /// The rules of a connection; if it does not exist, those of the default settings.
    #[must_use]
    pub fn rules(&self, worker: &Worker, id: ConnectionId) -> Rules {
        match self.connections.get(&id) {
            Some(connection) => worker.rules_of(id, &connection.settings),
            None => worker.rules_of(id, &Settings::default()),
        }
    }
}

impl Worker {
    /// The rules of a connection's settings, including its audiences.
    #[must_use]
    pub fn rules_of(&self, id: ConnectionId, settings: &Settings) -> Rules {
        Rules { audiences: self.audiences.of(id), ..rules(settings) }
    }
}
