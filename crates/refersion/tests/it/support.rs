//! A fake API: a transport with scripted answers and a gate that records the reports.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use refersion::{
    AffiliateId, Answer, Client, Closed, Credentials, Edit, Field, Gate, InitialStatus, NewAffiliate,
    Request, Signal, Transport, TransportError,
};
use serde_json::Value;

/// The result of one call.
pub(crate) type Reply = Result<Answer, TransportError>;

/// An answer with this status and body.
pub(crate) fn answer(status: u16, body: &str) -> Reply {
    Ok(Answer { status, retry_after: None, body: body.into() })
}

/// A connection that was lost after the call was sent.
pub(crate) fn lost() -> Reply {
    Err(TransportError::NoAnswer { detail: "connection reset".into() })
}

/// Both ports of the client.
pub(crate) struct FakeApi {
    replies: Mutex<VecDeque<Reply>>,
    calls: Mutex<Vec<(&'static str, Value)>>,
    signals: Mutex<Vec<Signal>>,
    admissions_left: Mutex<usize>,
}

impl FakeApi {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Arc::new(Self {
            replies: Mutex::new(replies.into_iter().collect()),
            calls: Mutex::default(),
            signals: Mutex::default(),
            admissions_left: Mutex::new(usize::MAX),
        })
    }

    pub(crate) fn client(self: &Arc<Self>) -> Client {
        Client::new(self.clone(), "http://refersion.test/", Credentials::new("pub_1", "sec_1"), self.clone())
    }

    /// Closes the gate after this many admissions.
    pub(crate) fn close_after(&self, admissions: usize) {
        *self.admissions_left.lock().expect("no test panics while it holds the lock") = admissions;
    }

    /// Path and body of each call so far.
    pub(crate) fn calls(&self) -> Vec<(&'static str, Value)> {
        self.calls.lock().expect("no test panics while it holds the lock").clone()
    }

    pub(crate) fn signals(&self) -> Vec<Signal> {
        self.signals.lock().expect("no test panics while it holds the lock").clone()
    }
}

#[async_trait]
impl Transport for FakeApi {
    async fn post(&self, request: Request) -> Reply {
        assert_eq!(request.base_url, "http://refersion.test");
        self.calls
            .lock()
            .expect("no test panics while it holds the lock")
            .push((request.path, serde_json::from_slice(&request.body).expect("the client sends json")));
        let reply = self.replies.lock().expect("no test panics while it holds the lock").pop_front();
        match reply {
            Some(reply) => reply,
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Gate for FakeApi {
    async fn admit(&self) -> Result<(), Closed> {
        let mut left = self.admissions_left.lock().expect("no test panics while it holds the lock");
        *left = left.checked_sub(1).ok_or(Closed)?;
        Ok(())
    }

    fn report(&self, signal: Signal, _latency: Duration) {
        self.signals.lock().expect("no test panics while it holds the lock").push(signal);
    }
}

/// A complete new affiliate.
pub(crate) fn new_affiliate() -> NewAffiliate {
    let fields = [(Field::FirstName, "Ann"), (Field::LastName, "Lee"), (Field::Email, "ann@x.com")];
    NewAffiliate {
        fields: fields.map(|(field, value)| (field, value.to_owned())).into(),
        status: InitialStatus::Pending,
        offer: Some(1234),
        send_welcome: false,
        unique_merchant_id: Some("97980cfea0067".into()),
    }
}

/// An edit of the city of this affiliate.
pub(crate) fn city_edit(id: u64) -> Edit {
    Edit {
        id: AffiliateId(id),
        fields: [(Field::City, "Bern".to_owned())].into(),
        custom_fields: BTreeMap::new(),
    }
}
