//! Notifications of operators: changes are noticed (`watch`), and notifications are signed (`sign`) and delivered (`deliver`).
//!
//! One process of the installation does this at a time. It holds a right in the ledger, writes notifications into an outbox
//! there together with the state that it has seen, and delivers from the outbox until a receiver says 2xx or a day has passed.
//! Bodies have names of connections, classes and counts, and nothing personal.

mod deliver;
mod look;
mod seen;
mod sign;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::NewNotification;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use deliver::Sender;
pub use sign::SigningKey;

use crate::config::Config;
use crate::engines::Engines;
use crate::failure::Failure;
use look::Look;
use seen::Seen;

/// How often the process looks for changes and for due deliveries.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long the right to watch and deliver lasts; longer than one delivery.
const HELD_FOR: SignedDuration = SignedDuration::from_secs(30);
/// Looks between two looks at the groups of dead letters, which cost more.
const GROUPS_EVERY: u64 = 12;
/// Looks between two sweeps of the outbox.
const SWEEP_EVERY: u64 = 720;
/// For how long notifications are kept, delivered or not.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Rows that one sweep drops.
const SWEPT_AT_ONCE: usize = 1_000;

/// Numbers from which on operators are notified.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Open dead letters of one group.
    pub dead_letters: u64,
    /// Events of one sync.
    pub sync_events: u64,
}

/// Watches, and delivers, while this process has the right to.
pub struct Notifier {
    engines: Engines,
    sender: Sender,
    thresholds: Thresholds,
    holder: Uuid,
}

impl Notifier {
    /// The notifier of this process; `None` if no URL is set.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the secret is missing or cannot be read, or TLS cannot be set up.
    pub fn of(config: &Config, engines: &Engines) -> Result<Option<Arc<Self>>, Failure> {
        let Some(sender) = Sender::of(&config.notifications)? else { return Ok(None) };
        let thresholds = Thresholds {
            dead_letters: config.notifications.dead_letters.into(),
            sync_events: config.notifications.sync_events.into(),
        };
        Ok(Some(Arc::new(Self { engines: engines.clone(), sender, thresholds, holder: engines.new_id() })))
    }

    /// Watches and delivers until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut looks = 0;
        while !stop.is_cancelled() {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                done = self.once(looks) => if let Err(failure) = done {
                    tracing::warn!(error = failure.message, "notifications could not be checked or sent");
                },
            }
            looks += 1;
            tokio::select! { biased; () = tokio::time::sleep(LOOK_EVERY) => {}, () = stop.cancelled() => {} }
        }
    }

    /// One look, and the deliveries that are due.
    async fn once(&self, looks: u64) -> Result<(), Failure> {
        let Some(seen) = self.hold().await? else { return Ok(()) };
        let mut seen = Seen::read(&seen);
        let look = Look::take(&self.engines, looks.is_multiple_of(GROUPS_EVERY)).await?;
        let before = seen.clone();
        let new = watch::notice(&mut seen, &look, &self.thresholds);
        if !new.is_empty() || seen != before {
            let text = seen.write();
            let port = &self.engines.notifications;
            if !port.add_notifications(self.holder, &new, &text, look.at).await? {
                return Ok(());
            }
        }
        self.deliver().await?;
        if looks.is_multiple_of(SWEEP_EVERY) {
            let old = look.at.checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN);
            self.engines.notifications.expire_notifications(old, SWEPT_AT_ONCE).await?;
        }
        Ok(())
    }

    /// Takes or renews the right. Returns the state that was seen so far; `None` while another process has the right.
    async fn hold(&self) -> Result<Option<String>, Failure> {
        let now = self.engines.now();
        let until = now.checked_add(HELD_FOR).unwrap_or(now);
        Ok(self.engines.notifications.hold_notifier(self.holder, now, until).await?)
    }

    async fn deliver(&self) -> Result<(), Failure> {
        let port = self.engines.notifications.as_ref();
        let mut is_first = true;
        for due in port.due_notifications(self.engines.now(), deliver::AT_ONCE).await? {
            // A receiver may be slow: the right must not run out while others wait for it.
            if !std::mem::take(&mut is_first) && self.hold().await?.is_none() {
                return Ok(());
            }
            let delivery = self.sender.deliver(&due, self.engines.now()).await;
            port.note_delivery(due.id, &delivery).await?;
        }
        Ok(())
    }
}

/// A notification about a connection, with the `data` of its type.
fn notification(
    kind: &str,
    fact: String,
    connection: Option<i64>,
    (at, data): (Timestamp, &Value),
) -> NewNotification {
    let body = json!({ "type": kind, "timestamp": at, "data": data });
    NewNotification { fact, connection, kind: kind.to_owned(), body: body.to_string() }
}
