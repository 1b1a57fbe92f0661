//! Calls to the core with the keys of one account.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{AffiliateState, ApiRequest, Effects, Faults, Options, Reply, Simulator, Switches};

pub(crate) const PUBLIC: &str = "pub_1";
pub(crate) const SECRET: &str = "sec_1";

/// The core and the current time of a test.
pub(crate) struct Api {
    pub(crate) simulator: Simulator,
    pub(crate) now: Duration,
}

impl Api {
    pub(crate) fn new() -> Self {
        Self::with(Switches::default())
    }

    pub(crate) fn with(switches: Switches) -> Self {
        Self::of(Options { seed: 1, switches, ..Options::default() })
    }

    pub(crate) fn of(options: Options) -> Self {
        Self { simulator: Simulator::new(options), now: Duration::ZERO }
    }

    pub(crate) fn with_faults(spec: &str) -> Self {
        let mut api = Self::new();
        api.faults(spec);
        api
    }

    pub(crate) fn faults(&mut self, spec: &str) {
        self.simulator.set_faults(self.now, Faults::parse(spec).unwrap());
    }

    pub(crate) fn send(&mut self, path: &str, keys: (&str, &str), body: &[u8]) -> Reply {
        self.simulator.handle(self.now, &ApiRequest { path, public_key: keys.0, secret_key: keys.1, body })
    }

    /// Status and body: `Null` if it is empty, a string if it is not JSON.
    pub(crate) fn call(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        answer(self.send(
            &format!("/v2/affiliate/{operation}"),
            (PUBLIC, SECRET),
            body.to_string().as_bytes(),
        ))
    }

    /// The status; 0 if the connection was dropped.
    pub(crate) fn status(&mut self, operation: &str, body: &Value) -> u16 {
        match self.send(&format!("/v2/affiliate/{operation}"), (PUBLIC, SECRET), body.to_string().as_bytes())
        {
            Reply::Answer { status, .. } => status,
            Reply::Drop { .. } => 0,
        }
    }

    /// Creates an affiliate and returns its numeric id.
    pub(crate) fn create(&mut self, email: &str) -> u64 {
        assert_eq!(self.call("new", &new(email)).0, 200);
        self.affiliate(email).id
    }

    pub(crate) fn affiliate(&self, email: &str) -> AffiliateState {
        self.simulator.find_by_email(PUBLIC, email).unwrap()
    }

    pub(crate) fn effects(&self) -> Effects {
        self.simulator.calls().accounts[0].effects
    }
}

/// A valid body of `new`.
pub(crate) fn new(email: &str) -> Value {
    json!({ "first_name": "Ann", "last_name": "Example", "email": email, "password": "Abcdef1!x", "status": "ACTIVE" })
}

/// The body with one field set.
pub(crate) fn and(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

pub(crate) fn answer(reply: Reply) -> (u16, Value) {
    let Reply::Answer { status, body, .. } = reply else { panic!("dropped") };
    let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
    (
        status,
        if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or_else(|_| text()) },
    )
}

pub(crate) fn refused(texts: &[&str]) -> (u16, Value) {
    (422, json!({ "errors": texts }))
}
