//! The network to the simulated Refersion: the delays of calls, and lost requests and answers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use refersion::{Answer, CALL_DEADLINE, Request, Transport, TransportError};
use serde_json::Value;
use simulator::{ApiRequest, Reply, Simulator};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::dice::Dice;
use super::process::{FreezePoint, Process, State};

/// A call that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: Duration,
    pub(crate) by: usize,
    pub(crate) public_key: String,
    pub(crate) path: &'static str,
    /// Of a create, the address; of a batch, the numeric ids as texts.
    pub(crate) about: Vec<String>,
    /// When it reached Refersion, if it did.
    pub(crate) arrived: Option<Duration>,
}

/// An answer that asked a process to wait.
#[derive(Clone, Debug)]
pub(crate) struct WaitRequest {
    pub(crate) by: usize,
    pub(crate) public_key: String,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

/// The state that all processes share.
pub(crate) struct Refersion {
    pub(crate) core: Mutex<Simulator>,
    pub(crate) began: Instant,
    pub(crate) sent: Mutex<Vec<Sent>>,
    pub(crate) wait_requests: Mutex<Vec<WaitRequest>>,
    /// Calls that find no connection, and calls that take long to arrive, in a thousand.
    pub(crate) network_faults: Mutex<(u64, u64)>,
}

impl Refersion {
    /// Notes that an operator has resumed the connections: earlier requests to wait no longer count.
    pub(crate) fn end_waits(&self) {
        let now = self.began.elapsed();
        let mut wait_requests = self.wait_requests.lock();
        wait_requests.iter_mut().for_each(|request| request.until = request.until.min(now));
    }
}

/// The network access of one process.
pub(crate) struct Network {
    pub(crate) process: Arc<Process>,
    pub(crate) dice: Dice,
    pub(crate) refersion: Arc<Refersion>,
}

/// The longest time on the way to Refersion, in milliseconds: below the deadline of a call, because a lease outlasts little
/// more.
const LONGEST_DELIVERY: u64 = 9_500;

impl Network {
    /// Notes a call that is sent, and returns its place.
    fn note(&self, request: &Request) -> usize {
        let sent = Sent {
            at: self.refersion.began.elapsed(),
            by: self.process.number,
            public_key: request.credentials.public_key.clone(),
            path: request.path,
            about: about(request),
            arrived: None,
        };
        let mut all = self.refersion.sent.lock();
        all.push(sent);
        all.len() - 1
    }

    /// The request travels by itself: its sender may be dead when it arrives.
    fn deliver(&self, request: Request, delay: Duration, index: usize) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        let refersion = Arc::clone(&self.refersion);
        tokio::spawn(async move {
            sleep(delay).await;
            let incoming = ApiRequest {
                path: request.path,
                public_key: &request.credentials.public_key,
                secret_key: request.credentials.secret_key().expose(),
                body: &request.body,
            };
            let now = refersion.began.elapsed();
            refersion.sent.lock()[index].arrived = Some(now);
            let reply = refersion.core.lock().handle(now, &incoming);
            match reply {
                Reply::Drop { after } => sleep(after).await,
                Reply::Answer { after, status, headers, body } => {
                    sleep(after).await;
                    let seconds = headers.iter().find(|(name, _)| name == "retry-after");
                    let retry_after =
                        seconds.and_then(|(_, text)| text.parse().ok()).map(Duration::from_secs);
                    drop(answer.send(Answer { status, retry_after, body }));
                }
            }
        });
        answered
    }

    fn note_wait_request(&self, public_key: String, answer: &Answer) {
        if let Some(wait) = answer.retry_after {
            let from = self.refersion.began.elapsed();
            let request = WaitRequest { by: self.process.number, public_key, from, until: from + wait };
            self.refersion.wait_requests.lock().push(request);
        }
    }
}

fn about(request: &Request) -> Vec<String> {
    let body: Value = serde_json::from_slice(&request.body).expect("a request is JSON");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let listed = |name: &str| body[name].as_array().into_iter().flatten().cloned().collect::<Vec<_>>();
    match request.path {
        "/v2/affiliate/new" => vec![text(&body["email"])],
        "/v2/affiliate/edit" => listed("affiliates").iter().map(|item| text(&item["id"])).collect(),
        "/v2/affiliate/status_change" => listed("ids").iter().map(text).collect(),
        _ => Vec::new(),
    }
}

#[async_trait]
impl Transport for Network {
    async fn post(&self, request: Request) -> Result<Answer, TransportError> {
        if self.process.state() != State::Alive {
            // A frozen process sends nothing. When it goes on, its connection is gone.
            self.process.wait_until_alive().await;
            return Err(TransportError::NotSent { detail: "the connection timed out".into() });
        }
        let index = self.note(&request);
        let (unreachable, long) = *self.refersion.network_faults.lock();
        if self.dice.per_mille(unreachable) {
            return Err(TransportError::NotSent { detail: "nobody answers".into() });
        }
        let delay =
            if self.dice.per_mille(long) { self.dice.millis(LONGEST_DELIVERY) } else { self.dice.millis(20) };
        let public_key = request.credentials.public_key.clone();
        let answered = self.deliver(request, delay, index);
        self.process.freeze_if_chosen(FreezePoint::DuringCall);
        let answer = timeout(CALL_DEADLINE, answered).await;
        self.process.wait_until_alive().await;
        match answer {
            Ok(Ok(answer)) => {
                self.note_wait_request(public_key, &answer);
                Ok(answer)
            }
            Ok(Err(_)) => Err(TransportError::NoAnswer { detail: "the connection was closed".into() }),
            Err(_) => Err(TransportError::NoAnswer { detail: "the time is up".into() }),
        }
    }
}
