//! One HTTP call: through the gate, out, and back as a value or a classified failure.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Client;
use crate::classify::{self, Problem};
use crate::{Answer, Class, Failure, Gate, Operation, Request, Secret, TransportError, Verdict, answer};

/// What an operator needs of a long answer; a gateway's page may have thousands of bytes.
const MAX_MESSAGE_BYTES: usize = 500;

/// A call before it goes out.
pub(super) struct Call<'a> {
    operation: Operation,
    /// How many affiliates it concerns: whether it can be split.
    items: usize,
    body: Vec<u8>,
    /// A password in the body, which no message may repeat.
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
    /// Makes one call. `read` turns the object of a success into a value, or says that it is not the answer.
    ///
    /// A 403 asks whether the keys work, in a second call: a gateway refuses some bodies for what they say, and such
    /// a body is not worth a pause of the whole account, over and over.
    pub(super) async fn call<T>(
        &self,
        call: Call<'_>,
        read: impl FnOnce(&Map<String, Value>) -> Option<T> + Send,
    ) -> Result<T, Problem> {
        let items = call.items;
        let mut outcome = self.send(call, read).await;
        if let Err(problem) = &mut outcome
            && problem.failure.http_status == Some(403)
            && self.ask_whether_keys_work().await.is_ok()
        {
            problem.blame_the_request(items);
        }
        outcome
    }

    /// The API has no operation for that, so this lists one affiliate.
    pub(super) async fn ask_whether_keys_work(&self) -> Result<(), Problem> {
        // Both are texts in the API's definition; numbers are answered with 422.
        let call = Call::new(Operation::List, 1, &json!({ "limit": "1", "page": "1" }));
        match self.send(call, |_| Some(())).await {
            // Values are looked at after the keys, so a 422 (an account without affiliates) means that the keys work.
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
            let message = "the keys are empty or have characters that no header takes; enter them again";
            return Err(Problem::unanswered(operation, Class::Credentials, message));
        }
        if self.gate.admit().await.is_err() {
            return Err(Problem::unanswered(operation, Class::Closed, "the gate is shut; nothing was sent"));
        }
        let visit = Visit::begin(self.gate.as_ref());
        let request = Request {
            base_url: self.base_url.clone(),
            path: operation.path(),
            credentials: self.credentials.clone(),
            body,
        };
        let outcome =
            judge(operation, items, self.transport.post(request).await, read).map_err(|mut problem| {
                problem.failure.message = self.presentable(&problem.failure.message, password);
                problem
            });
        let verdict = verdict(outcome.as_ref().err().map(|problem| &problem.failure));
        visit.end(operation, verdict);
        outcome
    }

    /// A message as an operator may see it: short, without line breaks, and without the secrets of this call, should
    /// anything on the way repeat them.
    fn presentable(&self, message: &str, password: Option<&Secret>) -> String {
        let mut message = message.replace(self.credentials.secret_key().expose(), "[hidden]");
        if let Some(password) = password {
            message = message.replace(password.expose(), "[hidden]");
        }
        answer::excerpt(&message, MAX_MESSAGE_BYTES)
    }
}

fn judge<T>(
    operation: Operation,
    items: usize,
    outcome: Result<Answer, TransportError>,
    read: impl FnOnce(&Map<String, Value>) -> Option<T>,
) -> Result<T, Problem> {
    let answer = outcome.map_err(|error| classify::unanswered(operation, &error))?;
    // HTTP forbids a body with 204, and this API means a failure by it.
    if !(200..=299).contains(&answer.status) || answer.status == 204 {
        return Err(classify::refusal(operation, items, &answer));
    }
    answer::object(&answer.body)
        .and_then(|object| read(&object))
        .ok_or_else(|| classify::unreadable(operation, &answer))
}

fn verdict(failure: Option<&Failure>) -> Verdict {
    let Some(failure) = failure else { return Verdict::Fine };
    match failure.class {
        Class::Throttled => Verdict::Throttled { retry_after: failure.retry_after },
        Class::Unavailable | Class::NoAnswer => Verdict::Unwell,
        _ => Verdict::OtherwiseAnswered,
    }
}

/// The time between admission and report. Whoever drops the call half-way still reports, or the gate would count it as
/// under way for ever.
struct Visit<'a> {
    gate: &'a dyn Gate,
    began: Instant,
    reported: bool,
}

impl<'a> Visit<'a> {
    fn begin(gate: &'a dyn Gate) -> Self {
        Self { gate, began: Instant::now(), reported: false }
    }

    fn end(mut self, operation: Operation, verdict: Verdict) {
        self.reported = true;
        let latency = self.began.elapsed();
        tracing::debug!(
            operation = operation.name(),
            ?verdict,
            latency_ms = latency.as_millis(),
            "refersion answered"
        );
        self.gate.report(verdict, latency);
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if !self.reported {
            self.gate.report(Verdict::Unwell, self.began.elapsed());
        }
    }
}
