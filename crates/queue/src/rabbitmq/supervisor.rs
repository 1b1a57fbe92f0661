//! Keeps one connection with its channels and consumers: after any failure, all of them are dropped and opened again.
//!
//! lapin's own recovery stays off. It restores connections, but a channel that the broker closed stays closed, and a
//! consumer that the broker cancelled just ends. Opening everything again has one state instead of many.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::RabbitError;
use crate::Clock;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// A link that lasted this long was healthy: the next failure begins with the first wait again.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// How often a link is checked although nothing was heard: whether it is up, is still needed, or holds messages for too
/// long.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The state of a link.
pub(super) struct State<T> {
    /// The link, while it is up.
    pub(super) link: Option<Arc<T>>,
    /// Why it is not up, if it is not.
    pub(super) why: RabbitError,
    /// Since when.
    pub(super) since: Timestamp,
    /// Whether it was closed because nothing needs it.
    pub(super) idle: bool,
}

/// A supervised link: how to open it, and how to notice that it has failed.
pub(super) trait Supervised: Send + Sync + 'static {
    type Link: Send + Sync + 'static;

    /// Returns when the link is needed.
    fn wanted(&self) -> impl Future<Output = ()> + Send;
    /// Opens the link, with its channels and consumers. Every await in it has a deadline.
    fn open(&self) -> impl Future<Output = Result<Self::Link, RabbitError>> + Send;
    /// Returns when the link has failed, with the cause, or with `None` when nothing needs it any more.
    fn watch(&self, link: &Self::Link) -> impl Future<Output = Option<RabbitError>> + Send;
    /// Ends the link and forgets everything that depends on it.
    fn end(&self, link: &Self::Link) -> impl Future<Output = ()> + Send;
    /// Its name in the log.
    fn name(&self) -> &'static str;
}

pub(super) fn states<T>(clock: &Clock) -> watch::Sender<State<T>> {
    watch::Sender::new(State { link: None, why: RabbitError::NotConnected, since: clock(), idle: true })
}

/// Runs for ever; `first` is the result of the first attempt, if there was one.
pub(super) async fn supervise<L: Supervised>(
    supervised: Arc<L>,
    first: Option<Result<L::Link, RabbitError>>,
    states: watch::Sender<State<L::Link>>,
    clock: Clock,
) {
    let mut opened = first;
    let mut wait = FIRST_WAIT;
    loop {
        let attempt = match opened.take() {
            Some(attempt) => attempt,
            None => {
                supervised.wanted().await;
                states.send_modify(|state| state.idle = false);
                supervised.open().await
            }
        };
        let why = match attempt {
            Ok(link) => {
                let began = Instant::now();
                let why = watch_link(&*supervised, link, &states, &clock).await;
                if began.elapsed() >= WELL_AFTER {
                    wait = FIRST_WAIT;
                }
                why
            }
            Err(error) => Some(error),
        };
        let Some(why) = why else { continue };
        report(supervised.name(), &why);
        states.send_modify(|state| state.why = why);
        sleep(jittered(wait)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Publishes the link as the current state until it fails.
async fn watch_link<L: Supervised>(
    supervised: &L,
    link: L::Link,
    states: &watch::Sender<State<L::Link>>,
    clock: &Clock,
) -> Option<RabbitError> {
    let link = Arc::new(link);
    let shown = Some(Arc::clone(&link));
    states.send_replace(State { link: shown, why: RabbitError::NotConnected, since: clock(), idle: false });
    tracing::info!(link = supervised.name(), "the link to the broker is up");
    let why = supervised.watch(&link).await;
    let shown = why.clone().unwrap_or(RabbitError::NotConnected);
    states.send_replace(State { link: None, why: shown, since: clock(), idle: why.is_none() });
    supervised.end(&link).await;
    why
}

fn report(link: &'static str, why: &RabbitError) {
    let cause = std::error::Error::source(why).map(tracing::field::display);
    if why.needs_an_operator() {
        tracing::error!(link, error = %why, source = cause, "the queue cannot be used as it is configured");
    } else {
        tracing::warn!(link, error = %why, source = cause, "the connection to the broker failed and is opened again");
    }
}

/// A random part of the wait, at least half, so that processes which failed together do not come back together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(0.5..=1.0))
}

/// Waits until the link is up.
pub(super) async fn up<T>(states: &watch::Sender<State<T>>, limit: Duration) -> Result<Arc<T>, RabbitError> {
    let mut seen = states.subscribe();
    let up = seen.wait_for(|state| state.link.is_some());
    match timeout(limit, up).await {
        Ok(Ok(state)) => state.link.clone().ok_or(RabbitError::NotConnected),
        Ok(Err(_)) => Err(RabbitError::Closed),
        Err(_) => Err(states.borrow().why.clone()),
    }
}

/// An alarm that is raised once, with the first cause.
#[derive(Default)]
pub(super) struct Alarm {
    cause: Mutex<Option<RabbitError>>,
    notify: Notify,
}

impl Alarm {
    pub(super) fn raise(&self, cause: RabbitError) {
        self.cause.lock().get_or_insert(cause);
        self.notify.notify_one();
    }

    /// Waits until it is raised. For one listener.
    pub(super) async fn raised(&self) -> RabbitError {
        loop {
            if let Some(cause) = self.cause.lock().clone() {
                return cause;
            }
            self.notify.notified().await;
        }
    }
}
