//! The numeric ids of a connection's affiliates, as far as the ledger knows them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use connections::ConnectionId;
use ledger::{Ledger, LedgerError};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tracing::warn;

use crate::deliver::KnownIds;

/// Number of ids that are kept in memory until the ledger has them: far more than calls are under way at once.
const RECENT: usize = 4_096;

/// Wait between two queries while the ledger is unavailable.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Ids of one connection. Those that were accepted a moment ago may not be recorded yet.
pub(crate) struct Ids {
    ledger: Arc<dyn Ledger>,
    connection: ConnectionId,
    recent: Mutex<VecDeque<(u64, String)>>,
    /// Ids that wait for the next lookup.
    asked: Mutex<Vec<Asked>>,
    looking: tokio::sync::Mutex<()>,
    gave_up: AtomicBool,
}

/// An id, and the channel on which its code is awaited.
struct Asked {
    id: u64,
    code: oneshot::Sender<Option<String>>,
}

/// The lookup failed.
struct Unknown;

impl Ids {
    pub(super) fn new(ledger: &Arc<dyn Ledger>, connection: ConnectionId) -> Self {
        Self {
            ledger: Arc::clone(ledger),
            connection,
            recent: Mutex::default(),
            asked: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            gave_up: AtomicBool::default(),
        }
    }

    /// Makes answers stop waiting for the ledger.
    pub(super) fn give_up(&self) {
        self.gave_up.store(true, Ordering::Relaxed);
    }

    /// The code that the ledger has for an id. Ids that are requested during a lookup wait, and are looked up together, because
    /// many creates end at the same time.
    async fn known_code(&self, id: u64) -> Result<Option<String>, Unknown> {
        let (code, mut answer) = oneshot::channel();
        self.asked.lock().push(Asked { id, code });
        let _looking = self.looking.lock().await;
        if let Ok(code) = answer.try_recv() {
            return Ok(code);
        }
        let asked = std::mem::take(&mut *self.asked.lock());
        let ids: Vec<u64> = asked.iter().map(|asked| asked.id).collect();
        let codes = self.known_codes(&ids).await.map_err(|_| Unknown)?;
        for Asked { id, code } in asked {
            // A task that has ended needs no code.
            drop(code.send(codes.get(&id).cloned()));
        }
        answer.try_recv().map_err(|_| Unknown)
    }

    /// Waits while the ledger is unavailable: without it the answer of a create would be lost.
    async fn known_codes(&self, ids: &[u64]) -> Result<BTreeMap<u64, String>, LedgerError> {
        loop {
            match self.ledger.affiliate_codes(self.connection, ids).await {
                Err(LedgerError::Unavailable(_)) if !self.gave_up.load(Ordering::Relaxed) => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                found => return found,
            }
        }
    }

    /// Whether no other code has claimed the id recently; if none has, it is claimed for this one.
    fn is_first(&self, id: u64, code: &str) -> bool {
        let mut recent = self.recent.lock();
        if let Some((_, first)) = recent.iter().find(|(known, _)| *known == id) {
            return first == code;
        }
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back((id, code.to_owned()));
        true
    }
}

#[async_trait]
impl KnownIds for Ids {
    async fn takes(&self, id: u64, code: &str) -> bool {
        match self.known_code(id).await {
            Ok(Some(known)) if known != code => {
                warn!(
                    connection_id = self.connection,
                    affiliate_id = id,
                    "refersion gave an id that another affiliate has"
                );
                false
            }
            Ok(_) => self.is_first(id, code),
            // Without the ledger it is unknown: a search will find the id.
            Err(Unknown) => false,
        }
    }
}
