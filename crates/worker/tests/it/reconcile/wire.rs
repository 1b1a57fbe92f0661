//! The transport from a shop to its Refersion.

use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use refersion::{Answer, Request, Transport, TransportError};
use serde_json::Value;
use simulator::{ApiRequest, Reply, Simulator};
use tokio::time::{Instant, sleep};

/// A call that went out.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Time since the beginning.
    pub(crate) at: Duration,
    /// The last part of the path.
    pub(crate) operation: &'static str,
    pub(crate) body: Value,
}

impl Call {
    /// The address of a create.
    pub(crate) fn email(&self) -> &str {
        self.body["email"].as_str().unwrap_or_default()
    }
}

/// A transport to a Refersion that answers after 50 ms, unless it was slowed down.
pub(crate) struct Wire {
    pub(crate) began: Instant,
    pub(crate) answers_after: Mutex<Duration>,
    pub(crate) core: Mutex<Simulator>,
    pub(crate) calls: Mutex<Vec<Call>>,
    /// The operation whose calls Refersion refuses.
    pub(crate) refused: Mutex<Option<&'static str>>,
}

impl Wire {
    pub(crate) fn new(began: Instant, core: Simulator) -> Self {
        let (answers_after, core) = (Mutex::new(Duration::from_millis(50)), Mutex::new(core));
        Self { began, answers_after, core, calls: Mutex::default(), refused: Mutex::default() }
    }
}

#[async_trait]
impl Transport for Wire {
    async fn post(&self, request: Request) -> Result<Answer, TransportError> {
        let body = serde_json::from_slice(&request.body).expect("a request is JSON");
        let operation = request.path.trim_start_matches("/v2/affiliate/");
        let at = self.began.elapsed();
        self.calls.lock().push(Call { at, operation, body });
        let incoming = ApiRequest {
            path: request.path,
            public_key: &request.credentials.public_key,
            secret_key: request.credentials.secret_key().expose(),
            body: &request.body,
        };
        if *self.refused.lock() == Some(operation) {
            let body = br#"{"error":"Missing required field limit"}"#.to_vec();
            return Ok(Answer { status: 400, retry_after: None, body });
        }
        let reply = self.core.lock().handle(at, &incoming);
        let wait = *self.answers_after.lock();
        sleep(wait).await;
        match reply {
            Reply::Drop { .. } => Err(TransportError::NoAnswer { detail: "the line was cut".to_owned() }),
            Reply::Answer { status, headers, body, .. } => {
                let seconds = headers.iter().find(|(name, _)| name == "retry-after");
                let retry_after = seconds.and_then(|(_, text)| text.parse().ok()).map(Duration::from_secs);
                Ok(Answer { status, retry_after, body })
            }
        }
    }
}
