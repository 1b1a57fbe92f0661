//! The audiences of connections that are counted: found in events, stored in the ledger, cached for all tasks of a process.

use std::collections::BTreeMap;
use std::sync::Arc;

use connections::ConnectionId;
use identity::Text;
use identity::audiences::Watched;
use identity::eligibility::CUSTOM;
use jiff::{SignedDuration, Timestamp};
use ledger::audiences::MAX_AUDIENCES;
use ledger::unmapped::is_like_an_id;
use ledger::{Audience, Ledger, LedgerError, NamedAudience};
use parking_lot::{Mutex, MutexGuard};

use crate::Worker;

/// Audiences that are read at once.
const AT_ONCE: usize = 1_000;
/// How long the cached audiences are used before they are read again.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(1);
/// Minimum time between two updates of a known audience from events: two spaces may have audiences of the same name.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// The audiences that one process knows.
#[derive(Debug, Default)]
pub struct KnownAudiences(Mutex<Cached>);

#[derive(Debug, Default)]
struct Cached {
    read_at: Option<Timestamp>,
    /// The greatest number that was read.
    newest: u64,
    connections: BTreeMap<ConnectionId, OfConnection>,
}

#[derive(Debug, Default)]
struct OfConnection {
    watched: Watched,
    newest: u64,
    named: BTreeMap<String, NamedAudience>,
    /// When an audience was last updated from events.
    renewed_at: Option<Timestamp>,
    /// Whether it is recorded that there are more audiences than are kept.
    is_beyond: bool,
}

impl KnownAudiences {
    /// The audiences of a connection that are counted.
    #[must_use]
    pub fn of(&self, connection: ConnectionId) -> Watched {
        let known = self.cached();
        known.connections.get(&connection).map(|it| Arc::clone(&it.watched)).unwrap_or_default()
    }

    /// The number of the newest audience of a connection; 0 while there is none.
    pub(crate) fn newest(&self, connection: ConnectionId) -> u64 {
        self.cached().connections.get(&connection).map_or(0, |it| it.newest)
    }

    fn cached(&self) -> MutexGuard<'_, Cached> {
        self.0.lock()
    }

    /// Reads the audiences that are new, also those from other processes, if the cached ones are too old.
    pub(crate) async fn refresh(&self, worker: &Worker) -> Result<(), LedgerError> {
        let now = worker.now();
        let is_fresh = |read: Timestamp| now >= read && now.duration_since(read) < FRESH_FOR;
        if self.cached().read_at.is_some_and(is_fresh) {
            return Ok(());
        }
        self.read(worker).await
    }

    /// Reads them, even if they are fresh.
    pub(crate) async fn read(&self, worker: &Worker) -> Result<(), LedgerError> {
        let now = worker.now();
        loop {
            let after = self.cached().newest;
            let read = worker.ledger.audiences_after(after, AT_ONCE).await?;
            let is_last = read.len() < AT_ONCE;
            self.cached().add(read);
            if is_last {
                self.cached().read_at = Some(now);
                return Ok(());
            }
        }
    }

    /// Records the audiences of events, before these events are folded.
    pub(crate) async fn record_new(
        &self,
        worker: &Worker,
        connection: ConnectionId,
        named: impl Iterator<Item = &NamedAudience>,
    ) -> Result<(), LedgerError> {
        let new = self.cached().connections.entry(connection).or_default().new_among(named, worker.now());
        if new.is_empty() {
            return Ok(());
        }
        worker.ledger.record_audiences(connection, &new, worker.now()).await?;
        self.read(worker).await?;
        self.cached().connections.entry(connection).or_default().note_recorded(new, worker.now());
        Ok(())
    }
}

/// The audiences of a connection that are counted, as the ledger has them now: for processes without workers.
pub(crate) async fn watched(ledger: &dyn Ledger, connection: ConnectionId) -> Result<Watched, LedgerError> {
    let counts = ledger.audience_counts(Some(connection)).await?;
    Ok(Arc::new(counts.iter().map(|it| (trait_of(&it.audience.named), it.audience.id)).collect()))
}

/// The key of the trait that an audience is stated in.
fn trait_of(audience: &NamedAudience) -> Text {
    Text::from_iter([CUSTOM, audience.key.as_str()])
}

impl Cached {
    fn add(&mut self, read: Vec<Audience>) {
        let mut by_connection: BTreeMap<ConnectionId, Vec<Audience>> = BTreeMap::new();
        for audience in read {
            self.newest = self.newest.max(audience.id);
            by_connection.entry(audience.connection).or_default().push(audience);
        }
        for (connection, audiences) in by_connection {
            let of = self.connections.entry(connection).or_default();
            let mut watched = (*of.watched).clone();
            for Audience { id, named, .. } in audiences {
                watched.insert(trait_of(&named), id);
                of.newest = of.newest.max(id);
                of.named.insert(named.key.clone(), named);
            }
            of.watched = Arc::new(watched);
        }
    }
}

impl OfConnection {
    /// Audiences that are unknown, and those for which events have new information.
    fn new_among<'n>(
        &self,
        named: impl Iterator<Item = &'n NamedAudience>,
        now: Timestamp,
    ) -> Vec<NamedAudience> {
        let is_early = self.renewed_at.is_some_and(|at| now >= at && now.duration_since(at) < RENEWED_AFTER);
        let is_full = self.is_beyond && self.named.len() >= MAX_AUDIENCES;
        let mut new: BTreeMap<&str, &NamedAudience> = BTreeMap::new();
        for it in named {
            let is_new = match self.named.get(&it.key) {
                None => !is_full,
                Some(known) => !is_early && has_new_information(it, known),
            };
            if is_new && (new.len() <= MAX_AUDIENCES || new.contains_key(it.key.as_str())) {
                let best = new.entry(&it.key).or_insert(it);
                *best = if best.class.is_none() { it } else { best };
            }
        }
        new.into_values().cloned().collect()
    }

    fn note_recorded(&mut self, recorded: Vec<NamedAudience>, now: Timestamp) {
        self.is_beyond |= recorded.iter().any(|it| !self.named.contains_key(&it.key));
        for it in recorded {
            if let Some(known) = self.named.get_mut(&it.key)
                && has_new_information(&it, known)
            {
                (known.class, known.space, known.segment_id) = (it.class, it.space, it.segment_id);
                self.renewed_at = Some(now);
            }
        }
    }
}

/// Whether an event has new information about an audience.
fn has_new_information(named: &NamedAudience, known: &NamedAudience) -> bool {
    let differs = |new: &Option<String>, known: &Option<String>| new.is_some() && new != known;
    differs(&named.class, &known.class)
        || differs(&named.space, &known.space)
        || differs(&named.segment_id, &known.segment_id)
}

/// The audience of an event, if it may be kept. A flag that Engage did not send may have the name of a person.
pub(crate) fn named(audience: &segment::Audience) -> Option<NamedAudience> {
    let segment::Audience { key, name, class, space, id } = audience;
    let is_unusable = key.is_empty() || [key, name].iter().any(|text| text.chars().any(char::is_control));
    if is_unusable || (class.is_none() && is_like_an_id(name)) {
        return None;
    }
    Some(NamedAudience {
        key: key.clone(),
        name: name.clone(),
        class: class.clone(),
        space: space.clone(),
        segment_id: id.clone(),
    })
}
