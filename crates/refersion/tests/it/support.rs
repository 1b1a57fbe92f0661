//! A transport that answers by script and a gate that keeps a diary.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use refersion::{
    AffiliateId, Answer, Client, Closed, Credentials, Edit, Field, Gate, InitialStatus, NewAffiliate,
    Request, Transport, TransportError, Verdict,
};
use serde_json::Value;

/// What the next call gets.
pub(crate) type Reply = Result<Answer, TransportError>;

/// An answer with this status and body.
pub(crate) fn answer(status: u16, body: &str) -> Reply {
    Ok(Answer { status, retry_after: None, body: body.into() })
}

/// A connection that was lost after the call went out.
pub(crate) fn lost() -> Reply {
    Err(TransportError::NoAnswer { detail: "connection reset".into() })
}

/// The pair of ports, and the client between them.
pub(crate) struct Stage {
    replies: Mutex<VecDeque<Reply>>,
    calls: Mutex<Vec<(&'static str, Value)>>,
    verdicts: Mutex<Vec<Verdict>>,
    admissions_left: Mutex<usize>,
}

impl Stage {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Arc::new(Self {
            replies: Mutex::new(replies.into_iter().collect()),
            calls: Mutex::default(),
            verdicts: Mutex::default(),
            admissions_left: Mutex::new(usize::MAX),
        })
    }

    pub(crate) fn client(self: &Arc<Self>) -> Client {
        Client::new(self.clone(), "http://refersion.test/", Credentials::new("pub_1", "sec_1"), self.clone())
    }

    /// The gate shuts after this many admissions.
    pub(crate) fn shut_after(&self, admissions: usize) {
        *self.admissions_left.lock().expect("no test panics while it holds the lock") = admissions;
    }

    /// Path and body of each call so far.
    pub(crate) fn calls(&self) -> Vec<(&'static str, Value)> {
        self.calls.lock().expect("no test panics while it holds the lock").clone()
    }

    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        self.verdicts.lock().expect("no test panics while it holds the lock").clone()
    }
}

#[async_trait]
impl Transport for Stage {
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
impl Gate for Stage {
    async fn admit(&self) -> Result<(), Closed> {
        let mut left = self.admissions_left.lock().expect("no test panics while it holds the lock");
        *left = left.checked_sub(1).ok_or(Closed)?;
        Ok(())
    }

    fn report(&self, verdict: Verdict, _latency: Duration) {
        self.verdicts.lock().expect("no test panics while it holds the lock").push(verdict);
    }
}

/// A complete new affiliate.
pub(crate) fn ann() -> NewAffiliate {
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
pub(crate) fn moved(id: u64) -> Edit {
    Edit {
        id: AffiliateId(id),
        fields: [(Field::City, "Bern".to_owned())].into(),
        custom_fields: BTreeMap::new(),
    }
}
