//! Sends the events of A as fast as the endpoint takes them.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::dice::Dice;
use crate::messages::Message;
use crate::segment_side::{Client, Endpoints, Log, lock};

/// HTTP connections of A.
const CONNECTIONS: usize = 8;

/// A's events flow until all were sent, or until [`Flood::stop`].
pub(super) struct Flood {
    log: Arc<Mutex<Log>>,
    tasks: JoinSet<()>,
}

impl Flood {
    pub(super) fn start(
        endpoints: &Endpoints,
        messages: impl Iterator<Item = Message> + Send + 'static,
        dice: &Dice,
    ) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let messages = Arc::new(Mutex::new(messages));
        let mut tasks = JoinSet::new();
        for number in 0..CONNECTIONS {
            let mut client = Client::new(endpoints, dice.named(&format!("flood {number}")), &log);
            let messages = Arc::clone(&messages);
            tasks.spawn(async move {
                loop {
                    let next = messages.lock().next();
                    let Some(message) = next else { return };
                    client.deliver(&message).await;
                }
            });
        }
        Self { log, tasks }
    }

    /// Whether every event was sent.
    pub(super) fn is_done(&mut self) -> bool {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.is_empty()
    }

    /// How often the endpoint asked A to come again.
    pub(super) fn rejected(&self) -> u64 {
        lock(&self.log).rejected
    }

    /// Stops, and returns the answers to the events that were sent.
    pub(super) async fn stop(mut self) -> Log {
        self.tasks.shutdown().await;
        std::mem::take(&mut *lock(&self.log))
    }
}
