//! B, the honest connection: one identify every 50 to 100 ms, each with a value of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::arrivals::{Accepted, value};
use super::system::B;
use crate::dice::Dice;
use crate::messages::Message;
use crate::segment_side::{Client, Endpoints, Log, lock};

/// Persons of B. Each gets a new value every second and a half.
pub const PERSONS: usize = 20;
/// HTTP connections of B.
const CONNECTIONS: usize = 8;
/// Messages that one HTTP connection carries: B has to get in again and again.
const MESSAGES_EACH: usize = 5;
/// Messages on their way to an HTTP connection.
const WAITING: usize = 32;
/// The time between two messages, in milliseconds: at most 20 a second, half of B's ceiling.
const BETWEEN: (u64, u64) = (50, 100);
/// How often a wait looks again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// B's messages flow until [`Honest::finish`].
pub struct Honest {
    flow: Arc<Flow>,
    tasks: JoinSet<()>,
}

/// The messages that B has sent.
#[derive(Default)]
pub struct Sent {
    /// Messages and answers.
    pub log: Log,
    /// Every event that got a 202.
    pub accepted: Vec<Accepted>,
}

#[derive(Default)]
struct Flow {
    stopped: AtomicBool,
    paused: AtomicBool,
    under_way: AtomicU64,
    next: AtomicU64,
    log: Arc<Mutex<Log>>,
    accepted: Mutex<Vec<Accepted>>,
}

/// A message on its way to an HTTP connection.
struct Outgoing {
    message: Message,
    person: usize,
    number: u64,
    made_at: Instant,
}

impl Honest {
    /// Starts to send.
    #[must_use]
    pub fn start(endpoints: &Endpoints, dice: &Dice) -> Self {
        let flow = Arc::new(Flow::default());
        let (send, receive) = mpsc::channel::<Outgoing>(WAITING);
        let receive = Arc::new(tokio::sync::Mutex::new(receive));
        let mut tasks = JoinSet::new();
        for number in 0..CONNECTIONS {
            let client = Client::new(endpoints, dice.named(&format!("honest {number}")), &flow.log);
            tasks.spawn(deliver(Arc::clone(&flow), client, Arc::clone(&receive)));
        }
        tasks.spawn(generate(Arc::clone(&flow), dice.named("honest"), send));
        Self { flow, tasks }
    }

    /// The number of the next message.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.flow.next.load(Ordering::Relaxed)
    }

    /// How many events got a 202.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.flow.accepted().len()
    }

    /// How many answers asked B to come again.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        lock(&self.flow.log).rejected
    }

    /// How many tries got no answer.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        lock(&self.flow.log).unanswered
    }

    /// Sends nothing new until [`Honest::resume`], and waits until every message that is under way was accepted.
    ///
    /// # Errors
    ///
    /// If that takes longer than `at_most`.
    pub async fn pause(&self, at_most: Duration) -> anyhow::Result<()> {
        self.flow.paused.store(true, Ordering::Relaxed);
        let all = async {
            while self.flow.under_way.load(Ordering::Relaxed) > 0 {
                sleep(POLL_INTERVAL).await;
            }
        };
        anyhow::ensure!(
            timeout(at_most, all).await.is_ok(),
            "B's messages were not accepted within {at_most:?}"
        );
        Ok(())
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.flow.paused.store(false, Ordering::Relaxed);
    }

    /// Sends nothing new, and waits until every message was accepted, at most `at_most`. Returns the sent messages, and the
    /// number of those that were not accepted.
    pub async fn finish(mut self, at_most: Duration) -> (Sent, u64) {
        self.flow.stopped.store(true, Ordering::Relaxed);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(at_most, all).await.is_err() {
            self.tasks.shutdown().await;
        }
        let log = std::mem::take(&mut *lock(&self.flow.log));
        let accepted = std::mem::take(&mut *self.flow.accepted());
        (Sent { log, accepted }, self.flow.under_way.load(Ordering::Relaxed))
    }
}

impl Flow {
    fn accepted(&self) -> MutexGuard<'_, Vec<Accepted>> {
        self.accepted.lock()
    }
}

async fn generate(flow: Arc<Flow>, mut dice: Dice, send: mpsc::Sender<Outgoing>) {
    while !flow.stopped.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(dice.between(BETWEEN.0, BETWEEN.1))).await;
        if flow.paused.load(Ordering::Relaxed) {
            continue;
        }
        let number = flow.next.fetch_add(1, Ordering::Relaxed);
        let person = usize::try_from(number).map_or(0, |number| number % PERSONS);
        let message = identify(person, number);
        lock(&flow.log).messages.insert(message.id.clone(), message.clone());
        flow.under_way.fetch_add(1, Ordering::Relaxed);
        let outgoing = Outgoing { message, person, number, made_at: Instant::now() };
        if send.send(outgoing).await.is_err() {
            return;
        }
    }
}

async fn deliver(
    flow: Arc<Flow>,
    mut client: Client,
    receive: Arc<tokio::sync::Mutex<mpsc::Receiver<Outgoing>>>,
) {
    for count in 1.. {
        let next = receive.lock().await.recv().await;
        let Some(Outgoing { message, person, number, made_at }) = next else { return };
        if client.deliver(&message).await.is_some() {
            let at = Instant::now();
            flow.accepted().push(Accepted { person, number, at, waited: at - made_at });
        }
        flow.under_way.fetch_sub(1, Ordering::Relaxed);
        if count % MESSAGES_EACH == 0 {
            client.close();
        }
    }
}

fn identify(person: usize, number: u64) -> Message {
    let id = format!("b-{number}");
    let json = json!({
        "type": "identify",
        "messageId": id,
        "timestamp": Timestamp::now().to_string(),
        "userId": format!("b-user-{person}"),
        "traits": {
            "email": format!("b{person}@honest.test"),
            "name": format!("Bea Wu{person}"),
            "company": value(person, number),
        },
    });
    Message { account: B, id, json: json.to_string() }
}
