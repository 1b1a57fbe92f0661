//! A Refersion with answers from a test, which records its requests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use identity::Digest;
use identity::answer::Answer as Known;
use identity::graph::Status;
use parking_lot::Mutex;
use refersion::{
    Answer, Client, Closed, Credentials, Gate, InitialStatus, Request, Signal, Transport, TransportError,
};
use serde_json::{Value, json};
use worker::deliver::{
    Api, Call, CallOutcome, CallRequest, Create, Edit, KnownIds, StatusChange, Texts, deliver,
};

/// The answer to one call.
pub(crate) enum Reply {
    /// 200 with this body.
    Success(Value),
    /// Another status, with this body.
    Refuses(u16, Value),
    /// 429 with `Retry-After` in seconds.
    Throttles(u64),
    /// No answer: the call may have taken effect.
    Lost,
}

impl Reply {
    /// A batch of which these ids were changed, and those were not.
    pub(crate) fn batch(changed: &[u64], not_changed: &[u64]) -> Self {
        Self::Success(json!({ "ids_changed": changed, "ids_not_changed": not_changed }))
    }

    /// 422 with this text of Refersion.
    pub(crate) fn refusal(words: &str) -> Self {
        Self::Refuses(422, json!({ "errors": [words] }))
    }
}

type Answers = dyn FnMut(usize, &'static str, &Value) -> Reply + Send;

/// Answers by the number of the call (from 0), the last part of its path, and its body.
struct Scripted {
    requests: Mutex<Vec<(&'static str, Value)>>,
    answers: Mutex<Box<Answers>>,
}

#[async_trait]
impl Transport for Scripted {
    async fn post(&self, request: Request) -> Result<Answer, TransportError> {
        let body: Value = serde_json::from_slice(&request.body).expect("a request is JSON");
        let path = request.path.trim_start_matches("/v2/affiliate/");
        let mut requests = self.requests.lock();
        let reply = (self.answers.lock())(requests.len(), path, &body);
        requests.push((path, body));
        let (status, retry_after, body) = match reply {
            Reply::Success(body) => (200, None, body),
            Reply::Refuses(status, body) => (status, None, body),
            Reply::Throttles(seconds) => (429, Some(Duration::from_secs(seconds)), json!({})),
            Reply::Lost => return Err(TransportError::NoAnswer { detail: "the line was cut".to_owned() }),
        };
        Ok(Answer { status, retry_after, body: body.to_string().into_bytes() })
    }
}

struct Open;

#[async_trait]
impl Gate for Open {
    async fn admit(&self) -> Result<(), Closed> {
        Ok(())
    }

    fn report(&self, _: Signal, _: Duration) {}
}

/// The outcomes of a call, and the requests that Refersion received.
pub(crate) struct Delivered {
    pub(crate) outcomes: Vec<CallOutcome>,
    pub(crate) requests: Vec<(&'static str, Value)>,
}

impl Delivered {
    /// The operations, in order.
    pub(crate) fn operations(&self) -> Vec<&'static str> {
        self.requests.iter().map(|(path, _)| *path).collect()
    }

    /// The answers that are known for the only item.
    pub(crate) fn known(&self) -> Vec<&Known> {
        assert_eq!(self.outcomes.len(), 1);
        self.outcomes[0].answers.iter().map(|(_, answer)| answer).collect()
    }

    /// The class of the only item's failure.
    pub(crate) fn class(&self) -> Option<&str> {
        self.outcomes[0].failed.as_ref().map(|failed| failed.cause.class.as_str())
    }
}

/// Numeric ids that other affiliates have.
struct TakenIds(Vec<u64>);

#[async_trait]
impl KnownIds for TakenIds {
    async fn takes(&self, id: u64, _: &str) -> bool {
        !self.0.contains(&id)
    }
}

/// Delivers a call to a Refersion with these answers.
pub(crate) async fn deliver_with(
    request: CallRequest,
    answers: impl FnMut(usize, &'static str, &Value) -> Reply + Send + 'static,
) -> Delivered {
    deliver_with_taken_ids(&[], request, answers).await
}

/// The same, if other affiliates have the numeric ids `taken`.
pub(crate) async fn deliver_with_taken_ids(
    taken: &[u64],
    request: CallRequest,
    answers: impl FnMut(usize, &'static str, &Value) -> Reply + Send + 'static,
) -> Delivered {
    let scripted = Arc::new(Scripted { requests: Mutex::default(), answers: Mutex::new(Box::new(answers)) });
    let transport: Arc<dyn Transport> = Arc::<Scripted>::clone(&scripted);
    let api = Api {
        client: Client::new(
            transport,
            "https://refersion.test",
            Credentials::new("pub", "sec"),
            Arc::new(Open),
        ),
        new_status: InitialStatus::Active,
        offer: None,
        send_welcome: true,
        scrub_domain: Some("gone.test".to_owned()),
        ids: Arc::new(TakenIds(taken.to_vec())),
        learned: Arc::default(),
    };
    let outcomes = deliver(&api, &Call { id: 1, request }).await;
    let requests = scripted.requests.lock().clone();
    Delivered { outcomes, requests }
}

/// The address of the `n`th affiliate.
pub(crate) fn anchor(n: u8) -> Digest {
    Digest([n; 16])
}

/// An edit of the affiliate with the numeric id `n`.
pub(crate) fn edit(n: u8, fields: &[(&str, &str)]) -> Edit {
    Edit { anchor: anchor(n), id: n.into(), email: None, fields: texts(fields), scrub: false }
}

/// A create of an affiliate at `ann@x.test`.
pub(crate) fn create(fields: &[(&str, &str)]) -> Create {
    let (anchor, email) = (anchor(1), "ann@x.test".to_owned());
    Create { anchor, email, merchant_id: None, fields: texts(fields), first_try: true }
}

/// A call that disables the affiliates with these numeric ids.
pub(crate) fn disable(numbers: &[u8]) -> CallRequest {
    let change = |n: &u8| StatusChange { anchor: anchor(*n), id: (*n).into() };
    CallRequest::Status(Status::Disabled, numbers.iter().map(change).collect())
}

/// Fields with their texts.
pub(crate) fn texts(fields: &[(&str, &str)]) -> Texts {
    fields.iter().map(|(field, text)| ((*field).into(), (*text).into())).collect()
}

/// An affiliate as `get` shows it.
pub(crate) fn shown(id: u8, email: &str, first_name: &str, status: &str) -> Value {
    json!({
        "id": id, "offer_id": "1", "status": status, "first_name": first_name, "last_name": "Lee",
        "company_name": "", "email": email, "link": "https://x.test/c/abc", "custom_fields": [],
    })
}
