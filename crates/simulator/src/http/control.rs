//! `/_simulator/...`: the interface that controls the simulator itself. It needs no key.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::connection::{Answer, Disconnect};
use super::{Shared, staff};
use crate::faults::Faults;
use crate::state::micros;

const UNKNOWN: &str = "there are POST /_simulator/faults, webhooks and staff, and GET /_simulator/state, calls, edits and clock";

pub(super) fn answer(
    method: &Method,
    action: &str,
    body: &[u8],
    simulator: &Shared,
) -> Result<Answer, Disconnect> {
    match (method.as_str(), action) {
        ("POST", "faults") => set_faults(body, simulator),
        ("POST", "webhooks") => staff::set_webhooks(body, simulator),
        ("POST", "staff") => staff::change(body, simulator),
        ("GET", "state") => {
            let state = simulator.with(|simulator, _| simulator.state());
            send(StatusCode::OK, &state)
        }
        ("GET", "calls") => {
            let calls = simulator.with(|simulator, _| simulator.calls());
            send(StatusCode::OK, &calls)
        }
        ("GET", "edits") => {
            let edits = simulator.with(|simulator, _| simulator.last_edits());
            send(StatusCode::OK, &edits)
        }
        ("GET", "clock") => {
            let now = simulator.with(|_, now| now);
            send(StatusCode::OK, &json!({ "micros": micros(now) }))
        }
        (_, "faults" | "webhooks" | "staff" | "state" | "calls" | "edits" | "clock") => send(
            StatusCode::METHOD_NOT_ALLOWED,
            &json!({ "error": "use POST for faults, webhooks and staff, GET for state, calls, edits and clock" }),
        ),
        _ => send(StatusCode::NOT_FOUND, &json!({ "error": UNKNOWN })),
    }
}

/// Sets the faults and answers with them in canonical form.
fn set_faults(body: &[u8], simulator: &Shared) -> Result<Answer, Disconnect> {
    let faults = match Faults::parse(&String::from_utf8_lossy(body)) {
        Ok(faults) => faults,
        Err(error) => return send(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    };
    let canonical = faults.to_string();
    simulator.with(|simulator, now| simulator.set_faults(now, faults));
    send(StatusCode::OK, &json!({ "faults": canonical }))
}

pub(super) fn send(status: StatusCode, body: &impl Serialize) -> Result<Answer, Disconnect> {
    let body = serde_json::to_vec(body).expect("state and counters have string keys and plain values");
    let response = Response::builder().status(status).header("content-type", "application/json");
    Ok(response.body(Full::new(Bytes::from(body)))?)
}
