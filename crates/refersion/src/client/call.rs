//! One HTTP call: admission by the gate, the request, and the answer as a value or a classified failure.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tracing::{Instrument as _, debug_span};

use super::Client;
use crate::classify::{self, Problem};
use crate::{Answer, Class, Failure, Gate, Operation, Request, Secret, Signal, TransportError, answer};

/// Maximum length of a failure's message. A gateway's page may have thousands of bytes.
const MAX_MESSAGE_BYTES: usize = 500;

/// A call that is ready to be sent.
pub(super) struct Call<'a> {
    operation: Operation,
    /// Number of affiliates that it concerns: a call for several can be split.
    items: usize,
    body: Vec<u8>,
    /// A password in the body, which must not appear in a message.
    password: Option<&'a Secret>,
}

impl<'a> Call<'a> {
    pub(super) fn new(operation: Operation, items: usize, body: &impl Serialize) -> Self {
        let body =
            serde_json::to_vec(body).expect("requests have text keys only, and memory takes every byte");
        Self { operation, items, body, password: None }
    }

    pub(super) fn with_password(mut self, password: &'a Secret) -> Self {
        self.password = Some(password);
        self
    }
}

impl Client {
    /// Makes one call. `read` converts the JSON object of a success; `None` means that it is not an answer to this
    /// operation.
    ///
    /// After a 403 a second call checks the keys: a gateway refuses some bodies because of their content, and one
    /// such body must not pause the whole account.
    pub(super) async fn call<T>(
        &self,
        call: Call<'_>,
        read: impl FnOnce(&Map<String, Value>) -> Option<T> + Send,
    ) -> Result<T, Problem> {
        let items = call.items;
        let span = debug_span!("call", operation = call.operation.name(), items);
        let mut outcome = self.send(call, read).instrument(span).await;
        if let Err(problem) = &mut outcome
            && problem.failure.http_status == Some(403)
            && self.check_keys().await.is_ok()
        {
            problem.attribute_to_request(items);
        }
        outcome
    }

    /// Checks the keys by listing one affiliate: the API has no operation for it.
    pub(super) async fn check_keys(&self) -> Result<(), Problem> {
        // Both are strings in the API's definition; numbers are answered with 422.
        let call = Call::new(Operation::List, 1, &json!({ "limit": "1", "page": "1" }));
        match self.send(call, |_| Some(())).await {
            // Refersion checks the keys before the values: a 422 (an account without affiliates) means that it
            // accepts them.
            Err(problem) if problem.failure.http_status == Some(422) => Ok(()),
            other => other,
        }
    }

    async fn send<T>(
        &self,
        call: Call<'_>,
        read: impl FnOnce(&Map<String, Value>) -> Option<T> + Send,
    ) -> Result<T, Problem> {
        let Call { operation, items, body, password } = call;
        if !self.credentials.can_be_sent() {
            let message =
                "the keys are empty or have characters that an HTTP header cannot hold; enter them again";
            return Err(Problem::unanswered(operation, Class::Credentials, message));
        }
        if self.gate.admit().await.is_err() {
            return Err(Problem::unanswered(
                operation,
                Class::Closed,
                "the gate is closed; nothing was sent",
            ));
        }
        let in_flight = InFlight::begin(self.gate.as_ref());
        let request = Request {
            base_url: self.base_url.clone(),
            path: operation.path(),
            credentials: self.credentials.clone(),
            body,
        };
        let answer = self.transport.post(request).await;
        let outcome = interpret(operation, items, answer, read).map_err(|mut problem| {
            let message = self.with_proxy(&problem.failure);
            problem.failure.message = self.redacted(&message, password);
            problem
        });
        let signal = signal(outcome.as_ref().err().map(|problem| &problem.failure));
        in_flight.end(operation, signal);
        outcome
    }

    /// The message of a failure. It names the proxy where that may be the cause.
    fn with_proxy(&self, failure: &Failure) -> String {
        let may_be_the_cause = matches!(failure.class, Class::Unavailable | Class::NoAnswer);
        match self.transport.proxy_of(&self.base_url).filter(|_| may_be_the_cause) {
            Some(proxy) => format!("through the proxy {proxy}: {}", failure.message),
            None => failure.message.clone(),
        }
    }

    /// A message that is safe for operators: short, on one line, and without the secrets of this call, which an
    /// answer may repeat.
    fn redacted(&self, message: &str, password: Option<&Secret>) -> String {
        let mut message = message.replace(self.credentials.secret_key().expose(), "[hidden]");
        if let Some(password) = password {
            message = message.replace(password.expose(), "[hidden]");
        }
        answer::excerpt(&message, MAX_MESSAGE_BYTES)
    }
}

fn interpret<T>(
    operation: Operation,
    items: usize,
    answer: Result<Answer, TransportError>,
    read: impl FnOnce(&Map<String, Value>) -> Option<T>,
) -> Result<T, Problem> {
    let answer = answer.map_err(|error| classify::unanswered(operation, &error))?;
    // A 204 has no body, and this API uses it for a failure.
    if !(200..=299).contains(&answer.status) || answer.status == 204 {
        return Err(classify::refusal(operation, items, &answer));
    }
    answer::object(&answer.body)
        .and_then(|object| read(&object))
        .ok_or_else(|| classify::unreadable(operation, &answer))
}

fn signal(failure: Option<&Failure>) -> Signal {
    let Some(failure) = failure else { return Signal::Success };
    match failure.class {
        Class::Throttled => Signal::Throttled { retry_after: failure.retry_after },
        // A 503 may ask to wait as well.
        Class::Unavailable | Class::NoAnswer if failure.retry_after.is_some() => {
            Signal::Throttled { retry_after: failure.retry_after }
        }
        Class::Unavailable | Class::NoAnswer => Signal::Failure,
        _ => Signal::Rejected,
    }
}

/// An admitted call that is not reported yet. Dropping it reports a failure; otherwise the gate would count a
/// cancelled call as in flight for ever.
struct InFlight<'a> {
    gate: &'a dyn Gate,
    started: Instant,
    reported: bool,
}

impl<'a> InFlight<'a> {
    fn begin(gate: &'a dyn Gate) -> Self {
        Self { gate, started: Instant::now(), reported: false }
    }

    fn end(mut self, operation: Operation, signal: Signal) {
        self.reported = true;
        let latency = self.started.elapsed();
        tracing::debug!(
            operation = operation.name(),
            ?signal,
            latency_ms = latency.as_millis(),
            "refersion call finished"
        );
        self.gate.report(signal, latency);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.reported {
            self.gate.report(Signal::Failure, self.started.elapsed());
        }
    }
}
