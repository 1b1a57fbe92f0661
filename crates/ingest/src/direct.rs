//! Segment's direct destination, `POST /segment`: one event in each request.
//!
//! <https://segment.com/docs/partners/direct-destination/>

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::publisher::Incoming;
use crate::refused::Refused;

/// The path that Segment posts to.
pub(crate) const PATH: &str = "/segment";

/// The event of a body, unchanged, but without the key that came with it.
pub(crate) fn event(json: &[u8], api_key: &str, received_at: Timestamp) -> Result<Incoming, Refused> {
    let event = segment::check(json, received_at).map_err(|refusal| match refusal {
        segment::Refusal::NotAnObject => Refused::NotAnObject,
        other => Refused::Event(other),
    })?;
    Ok(Incoming::of(event, payload(json, api_key)?))
}

fn payload(json: &[u8], api_key: &str) -> Result<Box<RawValue>, Refused> {
    let clean = segment::without_key(json, api_key)?;
    let text = String::from_utf8(clean.into_owned()).map_err(|_| Refused::BodyBroken)?;
    RawValue::from_string(text).map_err(|_| Refused::BodyBroken)
}
