//! A request to the simulated API and the reply: how it is read and carried out.

use std::time::Duration;

use crate::account::Config;
use crate::accounts::Tenant;
use crate::answer::Answer;
use crate::call::{Call, MAX_BODY};
use crate::faults::AfterEffect;
use crate::operation::Operation;
use crate::options::Switches;
use crate::random::RandomSource;

/// A `POST` request. There is no `Debug`, because it contains an API secret.
#[derive(Clone, Copy)]
pub struct ApiRequest<'a> {
    /// The path of the request line, for example `/v2/affiliate/new`.
    pub path: &'a str,
    /// The header `Refersion-Public-Key`; empty if it is missing.
    pub public_key: &'a str,
    /// The header `Refersion-Secret-Key`; empty if it is missing.
    pub secret_key: &'a str,
    /// The body, at most 1 MiB; a longer one is answered with 413.
    pub body: &'a [u8],
}

/// The reply to a request. The effect of the request, if any, has taken place on its arrival, however late the reply
/// is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An HTTP answer.
    Answer {
        /// Latency.
        after: Duration,
        /// The HTTP status.
        status: u16,
        /// Names, in lower case, and values.
        headers: Vec<(String, String)>,
        /// Empty with 204.
        body: Vec<u8>,
    },
    /// The connection closes without an answer, whether or not the call was carried out.
    Drop {
        /// Latency.
        after: Duration,
    },
}

/// A request after all checks that need no account. The error is the answer to an invalid one.
pub(crate) struct ParsedRequest {
    pub(crate) operation: Operation,
    pub(crate) call: Result<Call, Answer>,
}

impl ParsedRequest {
    pub(crate) fn of(request: &ApiRequest<'_>, switches: &Switches) -> Self {
        let operation = Operation::at(request.path);
        let call = match gateway_refusal(operation, request) {
            Some(refusal) => Err(refusal),
            None => Call::read(operation, request.body, switches),
        };
        Self { operation, call }
    }
}

pub(super) fn gateway_refusal(operation: Operation, request: &ApiRequest<'_>) -> Option<Answer> {
    if request.body.len() > MAX_BODY {
        return Some(Answer::gateway(413, "Request Too Long"));
    }
    (operation == Operation::Unknown).then(|| Answer::gateway(403, "Forbidden"))
}

/// The answer to unknown, wrong and missing keys. Source: Refersion REST v2, 401 of every operation.
pub(super) fn bad_credentials() -> Answer {
    Answer::error(401, "Invalid API credentials (error 2).")
}

pub(super) fn perform(
    tenant: &mut Tenant,
    call: Result<Call, Answer>,
    at: (&Config, Duration),
    mut partial: Option<RandomSource>,
) -> Answer {
    match call {
        Ok(call) => tenant.account.perform(call, at, partial.as_mut()),
        Err(refusal) => refusal,
    }
}

pub(super) fn apply_after_effect(answer: Answer, effect: Option<AfterEffect>) -> Option<Answer> {
    match effect {
        None => Some(answer),
        Some(AfterEffect::Drop) => None,
        Some(AfterEffect::Answer(other)) => Some(other),
        Some(AfterEffect::Corrupt(mut random)) => Some(corrupted(answer, random.below(3))),
    }
}

/// A success with an unusable body.
fn corrupted(answer: Answer, how: u64) -> Answer {
    match how {
        0 => Answer { status: 200, body: answer.body[..answer.body.len() / 2].to_vec(), ..answer },
        1 => Answer { status: 200, body: Vec::new(), ..answer },
        _ => Answer::page(200, "We will be back soon"),
    }
}
