//! Segment's side: posts messages over keep-alive connections, and retries until the ingest endpoint accepts them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::dice::Dice;
use crate::messages::{Message, Messages};

/// Connections to the ingest endpoints, each with one message at a time.
const CONNECTIONS: usize = 12;
/// Messages between the generators and a connection.
const WAITING: usize = 32;
/// Segment gives up on a request after 5 s. Source: <https://segment.com/docs/connections/destinations/>.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The messages and their answers.
#[derive(Default)]
pub struct Log {
    /// Every message that was sent, by its id.
    pub messages: BTreeMap<String, Message>,
    /// Messages with a 2xx: the event's id and the message's.
    pub accepted: BTreeMap<Uuid, String>,
    /// Messages with an attempt that had no answer, or a 5xx: they may be durable.
    pub uncertain: BTreeSet<String>,
    /// Unexpected answers of the ingest endpoint, with their number.
    pub unexpected: BTreeMap<String, usize>,
    /// Number of answers that asked to retry: 429 and 5xx.
    pub rejected: u64,
    /// Attempts that Segment gave up on: no answer in time, or a connection that closed without one.
    pub unanswered: u64,
}

/// Messages flow until [`Sender::finish`].
pub struct Sender {
    stop: Arc<AtomicBool>,
    in_progress: Arc<AtomicU64>,
    log: Arc<Mutex<Log>>,
    tasks: JoinSet<()>,
}

/// The addresses to send to, and the credentials.
#[derive(Clone)]
pub struct Endpoints {
    /// Addresses of the ingest endpoints.
    pub endpoints: Vec<std::net::SocketAddr>,
    /// The value of `Authorization` by connection.
    pub credentials: Vec<String>,
}

impl Sender {
    /// Sends the messages in turn, at `per_second` messages in all.
    #[must_use]
    pub fn start(endpoints: &Endpoints, mut generators: Vec<Messages>, per_second: u32, dice: &Dice) -> Self {
        let (stop, in_progress) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let log = Arc::new(Mutex::new(Log::default()));
        let (send, receive) = mpsc::channel::<Message>(WAITING);
        let receive = Arc::new(tokio::sync::Mutex::new(receive));
        let mut tasks = JoinSet::new();
        for number in 0..CONNECTIONS {
            let mut client = Client::new(endpoints, dice.named(&format!("client {number}")), &log);
            let (receive, in_progress) = (Arc::clone(&receive), Arc::clone(&in_progress));
            tasks.spawn(async move {
                loop {
                    let next = receive.lock().await.recv().await;
                    let Some(message) = next else { return };
                    client.deliver(&message).await;
                    in_progress.fetch_sub(1, Ordering::Relaxed);
                }
            });
        }
        let (stopped, counted, sent) = (Arc::clone(&stop), Arc::clone(&in_progress), Arc::clone(&log));
        tasks.spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_secs(1) / per_second);
            beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            for turn in (0..generators.len()).cycle() {
                beat.tick().await;
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let message = generators[turn].next(Timestamp::now());
                lock(&sent).messages.insert(message.id.clone(), message.clone());
                counted.fetch_add(1, Ordering::Relaxed);
                if send.send(message).await.is_err() {
                    return;
                }
            }
        });
        Self { stop, in_progress, log, tasks }
    }

    /// How often an ingest endpoint has asked to retry.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        lock(&self.log).rejected
    }

    /// Number of messages that the ingest endpoints have accepted.
    #[must_use]
    pub fn accepted(&self) -> usize {
        lock(&self.log).accepted.len()
    }

    /// Sends no new messages, and waits until the ingest endpoints have accepted those in progress. Gives up after `at_most`.
    /// Returns the log and the number of messages that no ingest endpoint accepted.
    pub async fn finish(mut self, at_most: Duration) -> (Log, u64) {
        self.stop.store(true, Ordering::Relaxed);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(at_most, all).await.is_err() {
            self.tasks.shutdown().await;
        }
        let log = std::mem::take(&mut *lock(&self.log));
        (log, self.in_progress.load(Ordering::Relaxed))
    }
}

/// One connection to an ingest endpoint at a time.
pub(crate) struct Client {
    endpoints: Endpoints,
    dice: Dice,
    log: Arc<Mutex<Log>>,
    open: Option<SendRequest<Full<Bytes>>>,
}

/// The result of one attempt.
enum Attempt {
    Accepted(Uuid),
    Retry,
    NotSent,
    Unanswered,
    Unexpected(String),
}

impl Client {
    pub(crate) fn new(endpoints: &Endpoints, dice: Dice, log: &Arc<Mutex<Log>>) -> Self {
        Self { endpoints: endpoints.clone(), dice, log: Arc::clone(log), open: None }
    }

    /// The next message goes over a connection of its own.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }

    /// Retries until the ingest endpoint accepts the message, or refuses it finally. Returns the event's id if it was
    /// accepted.
    pub(crate) async fn deliver(&mut self, message: &Message) -> Option<Uuid> {
        loop {
            match self.once(message).await {
                Attempt::Accepted(event) => {
                    lock(&self.log).accepted.insert(event, message.id.clone());
                    return Some(event);
                }
                Attempt::Unexpected(answer) => {
                    *lock(&self.log).unexpected.entry(answer).or_default() += 1;
                    return None;
                }
                Attempt::Retry => {
                    let mut log = lock(&self.log);
                    log.rejected += 1;
                    log.uncertain.insert(message.id.clone());
                }
                Attempt::NotSent => self.open = None,
                Attempt::Unanswered => {
                    self.open = None;
                    let mut log = lock(&self.log);
                    log.unanswered += 1;
                    log.uncertain.insert(message.id.clone());
                }
            }
            // Segment waits longer. Here it matters only that it retries.
            sleep(Duration::from_millis(self.dice.between(50, 400))).await;
        }
    }

    async fn once(&mut self, message: &Message) -> Attempt {
        match self.post(message).await {
            Ok((status, body)) => classify(status, &body),
            Err(failed) => failed,
        }
    }

    /// The status of one attempt, if there is an answer.
    pub(crate) async fn status(&mut self, message: &Message) -> Option<StatusCode> {
        Some(self.post(message).await.ok()?.0)
    }

    async fn post(&mut self, message: &Message) -> Result<(StatusCode, Bytes), Attempt> {
        let Some(mut open) = self.connection().await else { return Err(Attempt::NotSent) };
        let request = Request::post("/segment")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("authorization", &self.endpoints.credentials[message.account])
            .body(Full::new(Bytes::from(message.json.clone())))
            .expect("every part of the request is plain");
        let answer = timeout(REQUEST_TIMEOUT, async {
            let answer = open.send_request(request).await?;
            let status = answer.status();
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        });
        match answer.await {
            Ok(Ok((status, body))) => {
                self.open = Some(open);
                Ok((status, body))
            }
            Ok(Err(_)) | Err(_) => Err(Attempt::Unanswered),
        }
    }

    async fn connection(&mut self) -> Option<SendRequest<Full<Bytes>>> {
        if let Some(mut open) = self.open.take()
            && open.ready().await.is_ok()
        {
            return Some(open);
        }
        let endpoint = *self.dice.pick(&self.endpoints.endpoints);
        let stream = timeout(REQUEST_TIMEOUT, TcpStream::connect(endpoint)).await.ok()?.ok()?;
        let (open, connection) = handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        Some(open)
    }
}

fn classify(status: StatusCode, body: &[u8]) -> Attempt {
    let text = String::from_utf8_lossy(body);
    if status.is_success() {
        let event = serde_json::from_slice::<serde_json::Value>(body).ok();
        let event = event.and_then(|answer| answer["event_id"].as_str()?.parse().ok());
        return event.map_or_else(|| Attempt::Unexpected(format!("{status} {text}")), Attempt::Accepted);
    }
    match status {
        StatusCode::TOO_MANY_REQUESTS => Attempt::Retry,
        status if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => Attempt::Retry,
        status => Attempt::Unexpected(format!("{status} {text}")),
    }
}

pub(crate) fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock()
}
